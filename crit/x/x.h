// SPDX-License-Identifier: MIT
/*
 * What the views of `crit x` share: the checkpoint, the wanted processes, and
 * writing text and JSON.
 *
 * A view is one function that goes through the images once and says what it
 * finds both as text and as JSON; calls for the form that is not wanted do
 * nothing. Writing fails for good: the first error is kept, what follows does
 * nothing, and the verb returns it.
 *
 * Something wrong in the images that does not keep the view from going on is a
 * finding: the first one becomes the error the command ends with, after
 * everything has been printed. What only keeps a verdict from being given is
 * untold: if nothing else is wrong, the command ends with that, and status 3.
 *
 * Names from images are printed so that they cannot drive a terminal: control
 * characters and bytes that are not UTF-8 become \xNN.
 */
#ifndef CR_CRIT_X_X_H
#define CR_CRIT_X_X_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "crit/term.h"
#include "crit/verb.h"
#include "images/core.pb-c.h"
#include "lib/base/error.h"
#include "lib/base/out.h"
#include "lib/codec/writer.h"
#include "lib/image/files.h"
#include "lib/image/process.h"
#include "lib/image/pstree.h"
#include "lib/image/set.h"
#include "lib/pages/memory.h"

struct cr_x {
	struct cr_set set;
	struct cr_pstree tree;
	struct cr_files files; /* see cr_x_files() */
	bool has_files;
	bool json;
	bool secrets;	/* show key material */
	const struct cr_term *term; /* NULL: as if to a file */
	uint32_t *pids; /* wanted; none: all */
	size_t nr_pids;

	struct cr_out out;
	struct cr_writer w;
	struct cr_error *err;	  /* the first that stops */
	struct cr_error *finding; /* the first that does not */
	size_t nr_findings;
	struct cr_error *untold; /* the first of what a verdict lacks */
	size_t nr_untold;

	struct cr_table *table; /* see table.h */
	struct cr_rows *rows;	/* see rows.h; else NULL */
};

/* ---- beginning and end ---- */

/** What x writes goes to this stream, which the frame asks how it went. */
struct cr_error *cr_x_begin(struct cr_x *x, FILE *out) CR_MUST_CHECK;

/** Writes what is left, a newline after JSON; returns what the verb ends with:
 * the error, or else the finding and how many there were. */
struct cr_error *cr_x_end(struct cr_x *x) CR_MUST_CHECK;

/** Frees what x holds and closes the checkpoint. Accepts a zeroed x. */
void cr_x_deinit(struct cr_x *x);

/* ---- processes ---- */

/** Wants those of a list (see cr_opts_pids()), once the tree is loaded; NULL: all.
 * NOT_FOUND: the tree has not all of them. */
struct cr_error *cr_x_choose_pids(struct cr_x *x, const char *pids)
	CR_MUST_CHECK;

/**
 * Opens the checkpoint at dir with its tree, chooses processes as above, and
 * begins: what verbs about threads and their memory start with. The memory is to
 * be freed after an error, too; sysroot may be NULL.
 */
struct cr_error *cr_x_open_memory(struct cr_x *x,
				  const struct cr_verb_call *call,
				  const char *dir, const char *pids,
				  const char *sysroot, struct cr_memory *memory)
	CR_MUST_CHECK;

/** The wanted process after `task`, in the order of pstree.img; the first for
 * NULL, NULL after the last. */
const struct cr_task *cr_x_next(struct cr_x *x, const struct cr_task *task);

#define cr_x_for_each(task, x)                                      \
	for (const struct cr_task *task = cr_x_next((x), NULL);     \
	     task && !(x)->err; task = cr_x_next((x), task))

/** True if the process is wanted. */
bool cr_x_wants(const struct cr_x *x, uint32_t pid);

/** What a list needs of a process; a finding if its core image is missing or
 * broken. Writes the keys comm and state. The caller frees it. */
void cr_x_brief(struct cr_x *x, uint32_t pid, struct cr_brief *ret);

/** core-TID.img. NULL, and a finding, if it is missing or broken. The caller
 * frees it. */
CoreEntry *cr_x_core(struct cr_x *x, uint32_t tid);

/** The name of a task or, where an image has it, of its thread. */
const char *cr_x_comm(const CoreEntry *core);

/**
 * Calls fn for each thread of each wanted process; the leader is the first, and
 * all there is of a zombie. Threads without a core image are findings.
 */
typedef void cr_x_thread_fn(struct cr_x *x, void *arg,
			    const struct cr_task *task, uint32_t tid,
			    const CoreEntry *core);
void cr_x_each_thread(struct cr_x *x, cr_x_thread_fn *fn, void *arg);

/** Calls show once for each namespace that wanted processes are in, by ascending
 * number; of() says which it is, 0 for none. */
void cr_x_each_ns(struct cr_x *x,
		  uint32_t (*of)(const TaskKobjIdsEntry *ids),
		  void (*show)(struct cr_x *x, uint32_t ns));

/** A value's name in a table of lib/codec/present.h ("gen", "task_state"), or
 * NULL. */
const char *cr_x_dict(const char *arg, const char *field, uint64_t value);

/**
 * Begins a process of a view that shows one after the other: a line with the pid
 * and, if it was a zombie, one that says so; in JSON an object that is left open
 * with the keys pid, comm and state. True if it was a zombie: it has no more.
 */
bool cr_x_open_process(struct cr_x *x, const struct cr_task *task);

/** The open files, loaded once. */
const struct cr_files *cr_x_files(struct cr_x *x);

/** Keeps a finding or drops a later one; NULL is none. Takes ownership. */
void cr_x_find(struct cr_x *x, struct cr_error *err);

/** Keeps what a verdict lacks or drops a later one, as cr_x_find() does. */
void cr_x_untold(struct cr_x *x, struct cr_error *err);

/** Keeps an error that ends the view; NULL is none. Takes ownership. */
void cr_x_fail(struct cr_x *x, struct cr_error *err);

/* ---- files ---- */

/* Who refers to a file: "fdinfo-2.img: entry 3". */
struct cr_x_from {
	const char *image; /* "fdinfo" */
	uint32_t number;   /* in the image's name */
	const char *what;  /* "entry" */
	size_t i;
};

/**
 * A file as text: its path, pipe[ID], unix[...] or KIND.ID. In JSON an object
 * under the key: type, id, and what the kind has (name; pipe_id; ino, peer);
 * missing: true if the checkpoint has no such file, which is a finding as well.
 */
void cr_x_file(struct cr_x *x, const char *key, uint32_t type, uint32_t id,
	       struct cr_x_from from);

/** Calls fn for each descriptor of a process. */
typedef void cr_x_fd_fn(struct cr_x *x, void *arg, uint32_t pid,
			const FdinfoEntry *fd, struct cr_x_from from);
void cr_x_each_fd(struct cr_x *x, uint32_t pid, cr_x_fd_fn *fn, void *arg);

/** The finding that a file is missing. */
struct cr_error *cr_x_no_file(uint32_t type, uint32_t id,
			      struct cr_x_from from) CR_MUST_CHECK;

/** The members of that object alone. */
void cr_x_file_members(struct cr_x *x, uint32_t type, uint32_t id,
		       struct cr_x_from from);

/* ---- text ---- */

/** As printf(3), for text that is ours. */
void cr_x_text(struct cr_x *x, const char *fmt, ...) CR_PRINTF(2, 3);

/** A line of ours that is a heading; ends the line. */
void cr_x_heading(struct cr_x *x, const char *fmt, ...) CR_PRINTF(2, 3);

/** A name from an image. */
void cr_x_safe(struct cr_x *x, const void *name, size_t size);

/** The same into out, which has room for 4 * size. Returns the place after. */
char *cr_x_put_safe(char *o, const void *name, size_t size);

/* ---- JSON; key NULL: an item of a list ---- */

void cr_x_open(struct cr_x *x, const char *key, char bracket);
void cr_x_close(struct cr_x *x, char bracket);
void cr_x_u64(struct cr_x *x, const char *key, uint64_t value);
void cr_x_i64(struct cr_x *x, const char *key, int64_t value);
void cr_x_hex(struct cr_x *x, const char *key, uint64_t value);
void cr_x_bool(struct cr_x *x, const char *key, bool value);
void cr_x_null(struct cr_x *x, const char *key);

/** JSON as it is. */
void cr_x_raw(struct cr_x *x, const char *key, const char *json);

/** A name from an image: a string, or {"@qp": ...} if it is not UTF-8. */
void cr_x_bytes(struct cr_x *x, const char *key, const void *name, size_t size);

/** The same up to a NUL; NULL is null. */
void cr_x_string(struct cr_x *x, const char *key, const char *name);

#endif
