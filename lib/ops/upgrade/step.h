// SPDX-License-Identifier: MIT
/*
 * What the rows of the upgrade table are written with: the files of the
 * checkpoint by name, entries as trees, and the report.
 *
 * The checkpoint is seen as the rows before have left it; the list of names is
 * that of the beginning of the row.
 */
#ifndef CR_LIB_OPS_UPGRADE_STEP_H
#define CR_LIB_OPS_UPGRADE_STEP_H

#include <jansson.h>

#include "lib/image/pstree.h"
#include "lib/ops/tree.h"
#include "lib/ops/upgrade.h"

struct cr_step {
	struct cr_change *change;
	struct cr_set *set;
	struct cr_tree tree;
	struct cr_store_names names; /* in the order of strcmp */
	bool stale; /* names have come or gone */
	bool has_pstree;
	struct cr_pstree pstree;
	const struct cr_upgrade_opts *opts;
	const struct cr_upgrade_row *row;
	struct cr_upgrade *report;
	uint64_t nr; /* what the row has done beside what is noted */
};

/** Whether a file was there when the row began. */
bool cr_step_has(const struct cr_step *s, const char *name);

/** A file that a row looks at: NAME is PREFIX NUMBER SUFFIX. */
typedef struct cr_error *cr_step_fn(struct cr_step *s, const char *name,
				    uint32_t number, void *arg);

/** Calls fn for every file that is called so, the number being decimal. */
struct cr_error *cr_step_each(struct cr_step *s, const char *prefix,
			      const char *suffix, cr_step_fn *fn, void *arg)
	CR_MUST_CHECK;

/** cr_rewrite() with a tree of ours; an image that is not there is passed over. */
struct cr_error *cr_step_rewrite(struct cr_step *s, const char *image,
				 cr_rewrite_want_fn *want, cr_rewrite_fn *fn,
				 void *arg) CR_MUST_CHECK;

/** The same to look only. */
struct cr_error *cr_step_look(struct cr_step *s, const char *image,
			      cr_rewrite_want_fn *want, cr_rewrite_fn *fn,
			      void *arg) CR_MUST_CHECK;

/** All of an image's entries, without payloads, as a list. */
struct cr_error *cr_step_list(struct cr_step *s, const char *image,
			      json_t **ret) CR_MUST_CHECK;

struct cr_error *cr_step_remove(struct cr_step *s, const char *image)
	CR_MUST_CHECK;
struct cr_error *cr_step_rename(struct cr_step *s, const char *image,
				const char *to) CR_MUST_CHECK;

/** A line of the report. */
struct cr_error *cr_step_say(struct cr_step *s, enum cr_upgrade_remark what,
			     const char *fmt, ...)
	CR_PRINTF(3, 4) CR_MUST_CHECK;

/** The thread ids of a process, its own among them; NULL: none is known. Valid
 * until the step ends. */
struct cr_error *cr_step_task(struct cr_step *s, uint32_t pid,
			      const PstreeEntry **ret) CR_MUST_CHECK;

/** Calls fn for the core image of every thread of a process. */
struct cr_error *cr_step_threads(struct cr_step *s, uint32_t pid,
				 cr_rewrite_fn *fn, void *arg) CR_MUST_CHECK;

/** The size of pages, as a process was told; 4096 if none says so. */
struct cr_error *cr_step_page_size(struct cr_step *s, uint64_t *ret)
	CR_MUST_CHECK;

/* ---- a quick look at messages ---- */

/* A field within messages: numbers from the outside in, 0 at the end. */
struct cr_step_path {
	uint8_t number[5];
};

/**
 * Whether a message has the field. *value_ret, which may be NULL, is the last
 * number found that is not 0, or for what is no number its length; it is not set
 * if there is no field. What cannot be read says yes, for the reading in earnest
 * to say what is wrong.
 */
bool cr_step_peek(const void *msg, size_t size, struct cr_step_path path,
		  uint64_t *value_ret);

/* ---- trees ---- */

/** Moves a member to another object, unless that has it. */
struct cr_error *cr_step_move(json_t *from, const char *key, json_t *to,
			      const char *to_key) CR_MUST_CHECK;

/** An integer of 0 to UINT32_MAX (or 64 bits); false: not there, or none. */
bool cr_step_u32(const json_t *tree, const char *key, uint32_t *ret);
bool cr_step_u64(const json_t *tree, const char *key, uint64_t *ret);

struct cr_error *cr_step_set_int(json_t *tree, const char *key, uint64_t value)
	CR_MUST_CHECK;
struct cr_error *cr_step_set_text(json_t *tree, const char *key,
				  const char *text) CR_MUST_CHECK;

/** Puts a value into an object; takes it, NULL being no memory. */
struct cr_error *cr_step_set(json_t *tree, const char *key, json_t *value)
	CR_MUST_CHECK;

/** The object in an object, made if it is not there. NULL: no memory. */
json_t *cr_step_sub(json_t *tree, const char *key);

/* ---- the rows' functions, a file a topic ---- */

#define CR_STEP(name) struct cr_error *cr_step_##name(struct cr_step *s) CR_MUST_CHECK

// clang-format off
CR_STEP(headers_up);
CR_STEP(vmas_up);	CR_STEP(timers_up);	CR_STEP(rlimits_up);
CR_STEP(signals_up);	CR_STEP(creds_up);	CR_STEP(sigactions_up);
CR_STEP(seccomp_up);
CR_STEP(cgroups_up);	CR_STEP(cgroups_down);
CR_STEP(epoll_up);	CR_STEP(inotify_up);	CR_STEP(fanotify_up);
CR_STEP(paths_up);	CR_STEP(remaps_up);	CR_STEP(files_up);
CR_STEP(mount_flags_up); CR_STEP(mount_keys_up);
CR_STEP(tmpfs_up);	CR_STEP(binfmt_up);
CR_STEP(conf_up);
CR_STEP(tcp_up);	CR_STEP(tcp_down);
CR_STEP(shm_up);
CR_STEP(ghosts_up);	CR_STEP(symlinks_up);
CR_STEP(page_flags_up);
CR_STEP(page_counts_up); CR_STEP(page_counts_down);
CR_STEP(blocks_down);
CR_STEP(later_down);
CR_STEP(pidfds_down);	CR_STEP(auxv_down);
// clang-format on

#endif
