// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include "crit/mem/mem.h"
#include "crit/kept.h"
#include "crit/verb.h"

static const struct {
	const char *args;
	size_t min, max; /* arguments */
	void (*run)(struct cr_mem *m);
} views[] = {
#define VIEW(name, args, min, max) { args, min, max, cr_mem_##name },
#include "crit/mem/views.def"
#undef VIEW
};

static const char *const names[] = {
#define VIEW(name, ...) #name,
#include "crit/mem/views.def"
#undef VIEW
	NULL,
};

// clang-format off
static const struct cr_opt opts[] = {
	{ 'p', "pid", NULL, CR_LIST(struct cr_mem_opts, pids, CR_TAKES_PID), "PID[,PID...]", "these processes only" },
	{ 0, "sysroot", NULL, CR_STRING(struct cr_mem_opts, sysroot, CR_TAKES_DIR), "DIR", "where the files are that were mapped: the root file system of then" },
	{ 0, "json", NULL, CR_FLAG(struct cr_mem_opts, json), NULL, "write JSON" },
	{ 0, "hex", NULL, CR_STRING(struct cr_mem_opts, hex, CR_TAKES_ANYTHING), "BYTES", "search: these bytes, as hexadecimal digits", .of = "search" },
	{ 0, "regex", NULL, CR_STRING(struct cr_mem_opts, regex, CR_TAKES_ANYTHING), "RE", "search: what a POSIX extended regular expression matches", .of = "search" },
	{ 0, "context", NULL, CR_NUMBER(struct cr_mem_opts, context), "N", "search: show N bytes before and after a match as well", .of = "search" },
	{ 'n', "min", NULL, CR_COUNT(struct cr_mem_opts, min), "N", "strings: of at least N characters (default: 4)", .of = "strings" },
	{ 0, "raw", NULL, CR_FLAG(struct cr_mem_opts, raw), NULL, "read: the bytes as they are", .of = "read" },
	{ 'o', "out", "output", CR_STRING(struct cr_mem_opts, out, CR_TAKES_FILE), "FILE", "dump: where to; write: a new checkpoint, leaving this one as it is", .of = "dump write" },
	{ 0, "text", NULL, CR_STRING(struct cr_mem_opts, text, CR_TAKES_ANYTHING), "TEXT", "write: this text, without a NUL", .of = "write" },
	{ 0, "file", NULL, CR_STRING(struct cr_mem_opts, file, CR_TAKES_FILE), "FILE", "write: what a file holds", .of = "write" },
	{ 0, "dry-run", NULL, CR_FLAG(struct cr_mem_opts, dry_run), NULL, "write: change nothing, list what would be", .of = "write" },
	{ 0, "force", NULL, CR_FLAG(struct cr_mem_opts, force), NULL, "write: change it although 'crit check' finds errors in what would come of it", .of = "write" },
	{ CR_ARG, CR_STRING(struct cr_mem_opts, dir, CR_TAKES_CHECKPOINT), "DIR", "the checkpoint" },
	{ CR_ARG, CR_CHOICE(struct cr_mem_opts, what, names), "WHAT", "the view" },
	{ CR_ARG, CR_WORDS(struct cr_mem_opts, args, CR_TAKES_ADDRESS), "ARG", "what the view takes", CR_ANY },
	{ 0 },
};
// clang-format on

/* That all of them, both lists ascending, are there. */
static struct cr_error *check_pids(const struct cr_memory_ids *wanted,
				   const struct cr_memory_ids *there)
{
	for (size_t i = 0, k = 0; i < wanted->nr; i++) {
		while (k < there->nr && there->id[k] < wanted->id[i])
			k++;
		if (k == there->nr || there->id[k] != wanted->id[i])
			return cr_error_new(CR_ERR_NOT_FOUND,
					    "no process %u with memory",
					    (unsigned)wanted->id[i]);
	}
	return NULL;
}

/* "12,34", or all. */
static struct cr_error *choose_pids(struct cr_mem *m, const char *text)
{
	struct cr_memory_ids there;
	if (!text)
		return cr_memory_pids(&m->memory, &m->pids);
	struct cr_error *err = cr_opts_pids(text, &m->pids.id, &m->pids.nr);
	if (err)
		return err;
	err = cr_memory_pids(&m->memory, &there);
	if (err)
		return err;
	err = check_pids(&m->pids, &there);
	free(there.id);
	return err;
}

static struct cr_error *check_args(const struct cr_mem_opts *o)
{
	size_t nr = o->args.nr;
	if (nr < views[o->what - 1].min || nr > views[o->what - 1].max)
		return cr_error_new(CR_ERR_USAGE, "%s takes %s", names[o->what - 1],
				    *views[o->what - 1].args ?
					    views[o->what - 1].args :
					    "no arguments");
	if (o->raw && o->json)
		return cr_error_new(CR_ERR_USAGE, "--raw and --json are two "
						  "forms of the same");
	return NULL;
}

struct cr_error *cr_mem_start(struct cr_mem *m,
			      const struct cr_verb_call *call)
{
	const struct cr_mem_opts *o = m->o;
	struct cr_error *err = cr_kept_set(call, o->dir, &m->x.set);
	if (!err)
		err = cr_memory_init(&m->memory, &m->x.set, o->sysroot);
	if (!err)
		err = choose_pids(m, o->pids);
	return err ? err : cr_x_begin(&m->x, m->out);
}

void cr_mem_stop(struct cr_mem *m)
{
	cr_pages_close(&m->pages);
	cr_memory_deinit(&m->memory);
	cr_x_deinit(&m->x);
	free(m->pids.id);
	free(m->part);
	free(m->name);
}

static struct cr_error *show(struct cr_mem *m)
{
	struct cr_x *x = &m->x;
	views[m->o->what - 1].run(m);
	return cr_x_end(x);
}

static struct cr_error *run(const struct cr_verb_call *call)
{
	const struct cr_mem_opts *o = call->values;
	struct cr_mem m = { .x = { .json = o->json, .term = call->term },
			    .o = o,
			    .call = call, .out = call->out };
	struct cr_error *err = check_args(o);
	if (!err)
		err = cr_mem_start(&m, call);
	if (!err)
		err = show(&m);
	cr_mem_stop(&m);
	return err;
}

const struct cr_verb cr_verb_mem = {
	.name = "mem",
	.summary = "read, search, write out and change the memory of processes",
	.text = "Shows what was in the memory of a checkpoint's processes: "
		"pages of this checkpoint and of its parents, shared memory, "
		"memfds, compressed pages, what deleted files held that are "
		"mapped and, with --sysroot, other mapped files. "
		"Memory that was never touched reads as zeros. All processes "
		"are looked at unless -p chooses; then also what is in shared "
		"memory that none of them maps. Addresses are decimal, or hex "
		"behind 0x.\n"
		"\n"
		"map: the mappings, and how many pages of each were saved "
		"here, are in a parent, or were left to be sent later; behind "
		"the name of a deleted file or a segment, the image that "
		"holds its content. JSON: [{pid or shmid, page_size, maps: "
		"[{start, end, perms, name, offset, pages, saved, parent, "
		"lazy, content}]}].\n"
		"\n"
		"read ADDR LEN: a hexdump, or with --raw the bytes. LEN may "
		"end in K, M, G or T. A row \"*\" stands for rows whose bytes "
		"are all those of the row above it. JSON: {pid, address, data "
		"in base64}.\n"
		"\n"
		"dump ADDR [LEN]: writes a range, or the mapping that ADDR is "
		"in, to the file that -o names. Zeros become holes, and so "
		"does what is not there; that is then said, and the exit "
		"status is 1. JSON: {pid, address, size}.\n"
		"\n"
		"strings: printable ASCII of at least -n characters, with the "
		"process and the address; one of more than 16384 characters "
		"is cut into several. JSON: [{pid or shmid, address, text}].\n"
		"\n"
		"search PATTERN: every place where the text stands, or what "
		"--hex or --regex say in its stead, with the process, the "
		"address, the mapping, the file or area with the offset in "
		"it, and the image with the offset in that. Matches "
		"across any borders are found, and those that overlap; one "
		"that lies wholly in memory never touched is not. For --regex "
		"a NUL ends a line as a newline does, bytes are characters, "
		"matches do not overlap, and one of more than 4096 bytes may "
		"be cut. JSON: [{pid or shmid, address, vma: {start, end, "
		"perms, name, offset}, image, parents, image_offset, size, "
		"match, context: {address, data}}].\n"
		"\n"
		"write ADDR BYTES: changes bytes (hexadecimal digits, or --text, "
		"or --file) in the memory of one process (-p). Pages that are "
		"only in a parent or were never saved become pages of this "
		"checkpoint; shared memory is changed for all who map it. A page "
		"of a mapped file that was not saved needs --sysroot, unless "
		"all of it is written. Bytes of a file that is mapped shared "
		"are in no pages and cannot be changed.\n"
		"\n"
		"What is wrong in one process does not keep the others from "
		"being looked at; it is said at the end, and the exit status "
		"is 1.",
	.opts = opts,
	.values_size = sizeof(struct cr_mem_opts),
	.run = run,
};
