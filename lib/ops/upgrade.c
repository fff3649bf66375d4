// SPDX-License-Identifier: MIT
#include "lib/ops/upgrade.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ops/upgrade/step.h"

#define V CR_CRIU

// To add a change of the format:
//
// 1. Its functions in upgrade/TOPIC.c, declared in upgrade/step.h. They first
//    ask quickly whether there is anything to do: most checkpoints are new.
// 2. Its row below, by version. One that an older row's result needs stands
//    behind that.
// 3. tests/golden/upgrade/NAME, with the old form built byte by byte.
//
// A field that only came later and that older versions pass over is a row of
// upgrade/later.c instead.
//
// clang-format off
const struct cr_upgrade_row cr_upgrade_rows[] = {
	{ V(1, 2),  "vmas",           "VMAs are in mm",                                           cr_step_vmas_up },
	{ V(1, 3),  "timers",         "timers are in core",                                       cr_step_timers_up },
	{ V(1, 3),  "rlimits",        "resource limits are in core",                              cr_step_rlimits_up },
	{ V(1, 3),  "signals",        "pending signals are in core",                              cr_step_signals_up },
	{ V(1, 3),  "tmpfs-names",    "contents of a tmpfs are named by device",                  cr_step_tmpfs_up },
	{ V(1, 4),  "epoll-targets",  "what an epoll instance watches is in its entry",           cr_step_epoll_up },
	{ V(1, 4),  "inotify-watches", "what an inotify instance watches is in its entry",        cr_step_inotify_up },
	{ V(1, 4),  "fanotify-marks", "what a fanotify group watches is in its entry",            cr_step_fanotify_up },
	{ V(1, 4),  "remap-types",    "how a deleted file is kept has a type",                    cr_step_remaps_up },
	{ V(1, 6),  "headers",        "images begin with a common magic",                         cr_step_headers_up },
	{ V(1, 8),  "mount-flags",    "flags of a mount and of its file system are apart",        cr_step_mount_flags_up },
	{ V(2, 0),  "creds",          "credentials are in each thread's core",                    cr_step_creds_up },
	{ V(2, 3),  "net-conf",       "settings of network devices have types",                   cr_step_conf_up },
	{ V(2, 7),  "binfmt-misc",    "binary formats are in one image",                          cr_step_binfmt_up },
	/* FIFOs since 3.6; before "files", where shared ids get lost. */
	{ V(2, 7),  "special-paths",  "terminals and FIFOs name the file with their path",        cr_step_paths_up },
	{ V(3, 0),  "mount-keys",     "external mounts have a key",                               cr_step_mount_keys_up },
	{ V(3, 0),  "shm-contents",   "SysV shared memory is in pages images",                    cr_step_shm_up },
	{ V(3, 1),  "sigactions",     "signal actions are in core",                               cr_step_sigactions_up },
	{ V(3, 3),  "ghost-chunks",   "contents of deleted files are in chunks",                  cr_step_ghosts_up },
	{ V(3, 4),  "files",          "open files of every kind are in one image",                cr_step_files_up },
	{ V(3, 5),  "page-flags",     "pagemap entries have flags",                               cr_step_page_flags_up },
	{ V(3, 10), "seccomp",        "seccomp modes belong to threads",                          cr_step_seccomp_up },
	{ V(3, 14), "ghost-symlinks", "deleted symbolic links have a target",                     cr_step_symlinks_up },
	{ V(3, 18), "cgroup-sets",    "cgroup sets belong to threads",                            cr_step_cgroups_up,     cr_step_cgroups_down },
	{ V(4, 0),  "tcp-options",    "options of TCP sockets are in one place",                  cr_step_tcp_up,         cr_step_tcp_down },
	/* Measured: 3.17 refuses longer ones, 4.1 takes them. */
	{ V(4, 1),  "auxv",           "auxiliary vectors of AArch64 may be longer",               NULL,                   cr_step_auxv_down },
	{ V(4, 1),  "pidfds",         "pidfds",                                                   NULL,                   cr_step_pidfds_down },
	{ V(4, 2),  "page-counts",    "counts of pages have 64 bits",                             cr_step_page_counts_up, cr_step_page_counts_down },
	{ V(4, 3),  "page-blocks",    "memory may be compressed",                                 NULL,                   cr_step_blocks_down },
	{ V(4, 3),  "later-fields",   "fields that versions before theirs pass over",             NULL,                   cr_step_later_down },
};
// clang-format on

const size_t cr_nr_upgrade_rows =
	sizeof(cr_upgrade_rows) / sizeof(cr_upgrade_rows[0]);

/* ---- versions ---- */

/* A number of up to three digits; NULL: none. */
static const char *number(const char *p, uint32_t *ret)
{
	uint32_t v = 0;
	const char *start = p;
	for (; isdigit((unsigned char)*p) && p - start < 3; p++)
		v = 10 * v + (uint32_t)(*p - '0');
	*ret = v;
	return p > start ? p : NULL;
}

struct cr_error *cr_upgrade_version(const char *text, uint32_t *ret)
{
	uint32_t major, minor, sub;
	const char *p = number(text, &major);
	p = p && *p == '.' ? number(p + 1, &minor) : NULL;
	if (p && *p == '.')
		p = number(p + 1, &sub);
	if (!p || *p)
		return cr_error_new(CR_ERR_USAGE,
				    "'%s' is no version of CRIU such as 4.1",
				    text);
	if (CR_CRIU(major, minor) > CR_UPGRADE_NEWEST)
		return cr_error_new(CR_ERR_USAGE,
				    "version %s is not known; the newest is "
				    "%u.%u",
				    text, CR_UPGRADE_NEWEST / 1000,
				    CR_UPGRADE_NEWEST % 1000);
	*ret = CR_CRIU(major, minor);
	return NULL;
}

/* ---- names ---- */

static struct cr_error *read_names(struct cr_step *s)
{
	if (!s->stale)
		return NULL;
	cr_store_names_free(&s->names);
	s->stale = false;
	return cr_store_list(s->set->store, &s->names);
}

/* ---- running rows ---- */

static struct cr_error *add_done(struct cr_step *s, bool down, uint64_t nr)
{
	struct cr_upgrade *u = s->report;
	void *more = reallocarray(u->done, u->nr_done + 1, sizeof(u->done[0]));
	if (!more)
		return cr_enomem;
	u->done = more;
	u->done[u->nr_done++] = (struct cr_upgrade_done){ s->row, down, nr };
	return NULL;
}

static struct cr_error *run_row(struct cr_step *s,
				const struct cr_upgrade_row *row, bool down)
{
	struct cr_error *(*fn)(struct cr_step *) = down ? row->down : row->up;
	if (!fn)
		return NULL;
	s->row = row;
	s->nr = 0;
	uint64_t before = cr_change_nr_notes(s->change);
	struct cr_error *err = read_names(s);
	if (!err)
		err = fn(s);
	uint64_t nr = s->nr + cr_change_nr_notes(s->change) - before;
	return err || !nr ? err : add_done(s, down, nr);
}

static struct cr_error *run_rows(struct cr_step *s)
{
	struct cr_error *err = NULL;
	uint32_t to = s->opts->to;
	for (size_t i = 0; i < cr_nr_upgrade_rows && !err; i++)
		if (cr_upgrade_rows[i].since <= to)
			err = run_row(s, &cr_upgrade_rows[i], false);
	for (size_t i = cr_nr_upgrade_rows; i-- > 0 && !err;)
		if (cr_upgrade_rows[i].since > to && to >= CR_UPGRADE_OLDEST)
			err = run_row(s, &cr_upgrade_rows[i], true);
	return err;
}

static struct cr_error *lost(const struct cr_upgrade *u, uint32_t to)
{
	const char *first = NULL;
	for (size_t i = 0; i < u->nr_said && !first; i++)
		if (u->said[i].what == CR_UPGRADE_LOST)
			first = u->said[i].text;
	if (u->nr_lost == 1)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "CRIU %u.%u has no place for it: %s",
				    to / 1000, to % 1000, first);
	return cr_error_new(CR_ERR_UNSUPPORTED,
			    "CRIU %u.%u has no place for it: %s, and %zu more",
			    to / 1000, to % 1000, first, u->nr_lost - 1);
}

struct cr_error *cr_upgrade(struct cr_change *change,
			    const struct cr_upgrade_opts *opts,
			    struct cr_upgrade *ret)
{
	struct cr_step s = {
		.change = change,
		.set = cr_change_set(change),
		.stale = true,
		.opts = opts,
		.report = ret,
	};
	*ret = (struct cr_upgrade){ 0 };
	struct cr_error *err = cr_tree_init(&s.tree);
	if (!err)
		err = run_rows(&s);
	if (!err && ret->nr_lost && !opts->drop)
		err = lost(ret, opts->to);
	cr_tree_deinit(&s.tree);
	cr_store_names_free(&s.names);
	if (s.has_pstree)
		cr_pstree_free(&s.pstree);
	return err;
}

void cr_upgrade_free(struct cr_upgrade *upgrade)
{
	for (size_t i = 0; i < upgrade->nr_said; i++)
		free(upgrade->said[i].text);
	free(upgrade->said);
	free(upgrade->done);
	*upgrade = (struct cr_upgrade){ 0 };
}
