// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <jansson.h>

#include "crit/change.h"
#include "crit/mem/mem.h"
#include "crit/verb.h"
#include "crit/x/x.h"
#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/ops/redact.h"

struct redact {
	struct cr_crit_change change;
	const char *target, *only, *keep, *memory, *pattern, *hex, *map;
};

// clang-format off
static const struct cr_opt opts[] = {
	{ 'o', "out", "output", CR_STRING(struct redact, change.out, CR_TAKES_FILE), "OUT", "write a new checkpoint there and leave the old one as it is" },
	{ 'n', "dry-run", NULL, CR_FLAG(struct redact, change.dry_run), NULL, "change nothing, report what would be" },
	{ 0, "json", NULL, CR_FLAG(struct redact, change.json), NULL, "write the report as JSON" },
	{ 0, "force", NULL, CR_FLAG(struct redact, change.force), NULL, "do it although 'crit check' finds errors in the checkpoint" },
	{ 0, "only", NULL, CR_STRING(struct redact, only, CR_TAKES_ANYTHING), "KIND[,KIND...]", "these kinds and no others" },
	{ 0, "keep", NULL, CR_STRING(struct redact, keep, CR_TAKES_ANYTHING), "WORD[,WORD...]", "not these kinds, nor the names of paths below /PREFIX" },
	{ 0, "memory", NULL, CR_STRING(struct redact, memory, CR_TAKES_ANYTHING), "WHICH[,WHICH...]", "pages of these mappings as well: all, or anon, heap, stack, shared, file, other" },
	{ 0, "pattern", NULL, CR_STRING(struct redact, pattern, CR_TAKES_ANYTHING), "RE", "what a POSIX extended regular expression finds in memory as well" },
	{ 0, "hex", NULL, CR_STRING(struct redact, hex, CR_TAKES_ANYTHING), "BYTES", "the same for bytes, as hexadecimal digits" },
	{ 0, "map", NULL, CR_STRING(struct redact, map, CR_TAKES_FILE), "FILE", "write down there what names and addresses have become, for the owner alone" },
	{ CR_ARG, CR_STRING(struct redact, target, CR_TAKES_CHECKPOINT), "TARGET", "the checkpoint: a directory or an archive" },
	{ 0 },
};
// clang-format on

/* ---- the report ---- */

static void put_row(struct cr_x *x, const char *name, const char *what,
		    const struct cr_redact_row *row)
{
	cr_x_open(x, NULL, '{');
	cr_x_string(x, "kind", name);
	cr_x_string(x, "what", what);
	cr_x_u64(x, "items", row->nr);
	cr_x_u64(x, "bytes", row->size);
	cr_x_close(x, '}');
	cr_x_text(x, "  %-10s %8llu", name, (unsigned long long)row->nr);
	if (row->size)
		cr_x_text(x, " %13llu bytes", (unsigned long long)row->size);
	else
		cr_x_text(x, " %19s", "");
	cr_x_text(x, "  %s\n", what);
}

static void put_report(struct cr_x *x, const struct redact *o,
		       const struct cr_redact_result *result)
{
	const char *name, *what;
	cr_x_open(x, NULL, '{');
	cr_x_bool(x, "dry_run", o->change.dry_run);
	cr_x_open(x, "covered", '[');
	cr_x_text(x, o->change.dry_run ? "would be replaced:\n" :
					 "replaced:\n");
	for (unsigned i = 0; (name = cr_redact_kind(i, &what)); i++)
		if (result->row[i].done)
			put_row(x, name, what, &result->row[i]);
	cr_x_close(x, ']');
	cr_x_open(x, "not_covered", '[');
	cr_x_text(x, "not covered:\n");
	for (size_t i = 0; i < json_array_size(result->gaps); i++) {
		const char *gap =
			json_string_value(json_array_get(result->gaps, i));
		cr_x_string(x, NULL, gap);
		cr_x_text(x, "  %s\n", gap);
	}
	cr_x_close(x, ']');
	cr_x_string(x, "caveat", cr_redact_caveat);
	cr_x_text(x, "%s\n", cr_redact_caveat);
	cr_x_close(x, '}');
}

static struct cr_error *report(const struct redact *o,
			       const struct cr_redact_result *result, FILE *out)
{
	struct cr_x x = { .json = o->change.json };
	struct cr_error *err = cr_x_begin(&x, out);
	if (err)
		return err;
	put_report(&x, o, result);
	err = cr_x_end(&x);
	cr_out_deinit(&x.out);
	return err;
}

/* ---- the map ---- */

static struct cr_error *write_map(const char *path, const json_t *map)
{
	struct cr_replace rep = { .fd = -1 };
	cr_auto_free char *text = json_dumps(map, JSON_INDENT(2));
	if (!text)
		return cr_enomem;
	struct cr_error *err = cr_replace_open(&rep, AT_FDCWD, path, 0600);
	/* Whatever mode the file had that stood there. */
	if (!err && !rep.direct && fchmod(rep.fd, 0600))
		err = cr_error_sys("%s", path);
	if (!err)
		err = cr_io_write(rep.fd, text, strlen(text));
	if (!err)
		err = cr_io_write(rep.fd, "\n", 1);
	if (!err)
		err = cr_replace_commit(&rep, true);
	cr_replace_close(&rep);
	return err;
}

/* ---- */

static struct cr_error *choose_pattern(const struct redact *o, uint8_t *bytes,
				       struct cr_search *search)
{
	size_t size;
	if (o->pattern && o->hex)
		return cr_error_new(CR_ERR_USAGE,
				    "give one of --pattern and --hex");
	if (o->pattern)
		return cr_search_init_regex(search, o->pattern);
	struct cr_error *err = cr_mem_parse_hex(o->hex, bytes, &size);
	return err ? err : cr_search_init(search, bytes, size);
}

static struct cr_error *redact(const struct cr_verb_call *call,
			       const struct cr_redact_opts *how)
{
	const struct redact *o = call->values;
	struct cr_change *change = NULL;
	struct cr_redact_result result = { 0 };
	struct cr_crit_change how_opened = o->change;
	/* Notes have the old values, which are nobody's business. */
	how_opened.count_only = true;
	struct cr_error *err =
		cr_crit_change_open(call, o->target, &how_opened, &change);
	if (err)
		return err;
	err = cr_redact(change, how, &result);
	if (!err && o->map && !o->change.dry_run)
		err = write_map(o->map, result.map);
	if (!err)
		err = cr_change_commit(change);
	if (!err)
		err = report(o, &result, call->out);
	cr_redact_result_deinit(&result);
	cr_change_close(change);
	return err;
}

static struct cr_error *run(const struct cr_verb_call *call)
{
	const struct redact *o = call->values;
	struct cr_search search = { 0 };
	struct cr_redact_opts how = { .only = o->only,
				      .keep = o->keep,
				      .memory = o->memory };
	cr_auto_free uint8_t *bytes = calloc(strlen(o->hex ?: "") / 2 + 1, 1);
	struct cr_error *err = bytes ? NULL : cr_enomem;
	if (!err && (o->pattern || o->hex)) {
		err = choose_pattern(o, bytes, &search);
		how.pattern = &search;
	}
	if (!err)
		err = redact(call, &how);
	cr_search_deinit(&search);
	return err;
}

const struct cr_verb cr_verb_redact = {
	.name = "redact",
	.summary = "remove secrets, contents, names and addresses",
	.text = "Makes a checkpoint that can be given away to look into. "
		"Contents become zeros or x of the same length; names and "
		"addresses others, one-to-one, so that what belonged together "
		"still does. All images still decode; do not restore it.\n"
		"\n"
		"Kinds, all but memory and pattern unless --only or --keep "
		"choose: env, cmd (values of the environment, command lines), "
		"keys (pointer authentication), registers (floating point and "
		"vector), queues (sockets), pipes, tty, ipc (SysV and BPF maps), "
		"ghosts (deleted files), tmpfs, netdumps (raw dumps of network "
		"settings, which are removed), logs (removed), metadata "
		"(config.dump and spec.dump of container engines), hosts, "
		"addresses, names (paths, control groups, sockets), comm "
		"(names of threads), labels.\n"
		"\n"
		"Paths below /usr, /lib, /lib32, /lib64, /bin, /sbin, /proc, "
		"/sys and /dev stay, and what --keep adds. IPv4 addresses "
		"become those of 10.0.0.0/8, IPv6 ones those of 2001:db8::/32; "
		"one network stays one. The same checkpoint always gives the "
		"same result.\n"
		"\n"
		"The report ends with what was not covered. It cannot be proven "
		"that no secret is left: programs keep copies wherever they "
		"like. 'crit scan secrets' looks for some.",
	.opts = opts,
	.values_size = sizeof(struct redact),
	.run = run,
};
