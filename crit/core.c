// SPDX-License-Identifier: MIT
#include "lib/ops/core.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crit/limits.h"
#include "crit/verb.h"
#include "lib/base/cleanup.h"
#include "lib/base/io.h"

struct core_opts {
	const char *dir, *pids, *out, *sysroot;
	bool secrets;
};

// clang-format off
static const struct cr_opt opts[] = {
	{ 'p', "pid", NULL, CR_LIST(struct core_opts, pids, CR_TAKES_PID), "PID[,PID...]", "these processes only" },
	{ 'o', "out", "output", CR_STRING(struct core_opts, out, CR_TAKES_FILE), "FILE", "where to; a directory gets core.PID, - is standard output (default: core.PID)" },
	{ 0, "sysroot", NULL, CR_STRING(struct core_opts, sysroot, CR_TAKES_DIR), "DIR", "where the files are that were mapped: include what was mapped of them" },
	{ 0, "show-secrets", NULL, CR_FLAG(struct core_opts, secrets), NULL, "include key material, which is left out otherwise" },
	{ CR_ARG, CR_STRING(struct core_opts, dir, CR_TAKES_CHECKPOINT), "DIR", "the checkpoint" },
	{ 0 },
};
// clang-format on

struct run {
	const struct core_opts *o;
	struct cr_set set;
	struct cr_memory memory;
	struct cr_pstree tree;
	struct cr_core core;
	struct cr_memory_ids pids;
	uint32_t pid; /* the one at hand */

	struct cr_error *finding; /* the first */
	size_t nr_findings;
};

static void found(void *arg, struct cr_error *err)
{
	struct run *r = arg;
	r->nr_findings++;
	if (r->finding)
		cr_error_free(err);
	else if (r->pids.nr > 1)
		r->finding = cr_error_at(err, "process %u", r->pid);
	else
		r->finding = err;
}

static struct cr_error *start(struct run *r, const struct cr_verb_call *call)
{
	const struct core_opts *o = r->o;
	struct cr_error *err = cr_limits_open(call, o->dir, &r->set);
	if (err)
		return err;
	err = cr_pstree_load(&r->set, &r->tree);
	if (err)
		return cr_error_at(err, "%s", o->dir);
	err = cr_memory_init(&r->memory, &r->set, o->sysroot);
	if (err)
		return err;
	if (o->pids)
		err = cr_opts_pids(o->pids, &r->pids.id, &r->pids.nr);
	else
		err = cr_memory_pids(&r->memory, &r->pids);
	r->core = (struct cr_core){ .memory = &r->memory,
				    .tree = &r->tree,
				    .secrets = o->secrets,
				    .found = found,
				    .arg = r };
	return err;
}

static bool is_dir(const char *path)
{
	struct stat st;
	return path[strlen(path) - 1] == '/' ||
	       (!stat(path, &st) && S_ISDIR(st.st_mode));
}

/* The file for a process. */
static struct cr_error *name_for(const char *out, uint32_t pid, char **ret)
{
	int n;
	if (!out || !*out)
		n = asprintf(ret, "core.%u", pid);
	else if (is_dir(out))
		n = asprintf(ret, "%s%score.%u", out,
			     out[strlen(out) - 1] == '/' ? "" : "/", pid);
	else
		n = asprintf(ret, "%s", out);
	return n < 0 ? cr_enomem : NULL;
}

static struct cr_error *write_file(struct run *r, uint32_t pid)
{
	struct cr_replace rep;
	char *name;
	struct cr_error *err = name_for(r->o->out, pid, &name);
	if (err)
		return err;
	cr_auto_free char *path = name;
	err = cr_replace_open(&rep, AT_FDCWD, path, 0600);
	if (err)
		return cr_error_at(err, "%s", path);
	err = cr_core_write(&r->core, pid, rep.fd, !rep.direct);
	bool is_input = err && cr_error_code(err) != CR_ERR_SYSTEM;
	if (!err)
		err = cr_replace_commit(&rep, false);
	cr_replace_close(&rep);
	return err && !is_input ? cr_error_at(err, "%s", path) : err;
}

/* What fails for one of several processes is a finding. */
static struct cr_error *write_each(struct run *r)
{
	const char *out = r->o->out;
	bool to_stdout = out && !strcmp(out, "-");
	if (!r->pids.nr)
		return cr_error_new(CR_ERR_NOT_FOUND,
				    "%s: no process with memory", r->o->dir);
	if (r->pids.nr > 1 && out && (to_stdout || !is_dir(out)))
		return cr_error_new(CR_ERR_USAGE,
				    "there are %zu processes: -p PID says "
				    "which, or -o a directory",
				    r->pids.nr);
	for (size_t i = 0; i < r->pids.nr; i++) {
		uint32_t pid = r->pid = r->pids.id[i];
		struct cr_error *err =
			to_stdout ? cr_core_write(&r->core, pid, STDOUT_FILENO,
						  false)
				  : write_file(r, pid);
		if (err && r->pids.nr == 1)
			return err;
		if (err)
			found(r, err);
	}
	return NULL;
}

static struct cr_error *result(struct run *r)
{
	return cr_error_more(cr_take_ptr(r->finding), r->nr_findings - 1);
}

static struct cr_error *run(const struct cr_verb_call *call)
{
	struct run r = { .o = call->values };
	struct cr_error *err = start(&r, call);
	if (!err)
		err = write_each(&r);
	if (!err)
		err = result(&r);
	cr_error_free(r.finding);
	cr_memory_deinit(&r.memory);
	cr_pstree_free(&r.tree);
	cr_set_close(&r.set);
	free(r.pids.id);
	return err;
}

const struct cr_verb cr_verb_core = {
	.name = "core",
	.summary = "write processes as ELF core files for a debugger",
	.text = "Writes each process to core.PID, a core file of the "
		"process's own processor, which need not be this machine's: "
		"gdb (gdb-multiarch for another processor) and other readers "
		"of core files open it. It has all threads with their "
		"registers, memory through parents and shared memory, and the "
		"list of mapped files.\n"
		"\n"
		"Give the debugger the program as well: 'gdb PROGRAM core.1'. "
		"Where it looks for mapped libraries is its own setting, 'set "
		"sysroot DIR'. With --sysroot here, what was mapped of files "
		"is in the core.\n"
		"\n"
		"Memory never touched, and zeros, take no space in a file: "
		"they are holes. Pages that should be in the checkpoint and "
		"are not are left out; that is then said, and the exit status "
		"is 1.\n"
		"\n"
		"Register sets are those of the kernel. Of AArch64, the keys "
		"of pointer authentication are included only with "
		"--show-secrets; the mask, which debuggers need, always. "
		"Memory holds secrets of its own: only the owner may read a "
		"new file.",
	.opts = opts,
	.values_size = sizeof(struct core_opts),
	.run = run,
};
