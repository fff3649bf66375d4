// SPDX-License-Identifier: MIT
/*
 * A change to a checkpoint: collected, read back as if it were done, and then
 * done whole or not at all.
 *
 *	struct cr_change_opts opts = { .out = out, .dry_run = dry_run };
 *	err = cr_change_open(path, &opts, &change);
 *	if (!err)
 *		err = work(cr_change_set(change), ...);	// reads what will be,
 *							// and calls cr_change_put()
 *	if (!err)
 *		err = cr_change_commit(change);
 *	cr_change_close(change);
 *
 * The checkpoint is a directory or an archive; to who makes the change they are
 * alike. cr_change_set() is the checkpoint as it will be: every reader of lib
 * works on it and sees what is pending. A file that is open keeps the bytes it
 * had when it was opened, so that an image can be read while its successor is
 * written under the same name.
 *
 * Names are those of files in the images' directory, without slash. "/NAME" is a
 * file of the top (config.dump, spec.dump); see lib/store/store.h. What is
 * pending and small is held in memory; larger files are written to a private
 * directory beside the checkpoint, so that in the end they are only renamed.
 *
 * How it is done, and what a crash leaves. New bytes are written and synced
 * before anything is switched, and switching is one rename(2):
 *
 *	one file of a directory		`.crit-tmp` in it, renamed over the file
 *	several files of a directory	a second directory, in which what does not
 *					differ is a hard link, so that no data is
 *					copied; then both change places
 *	an archive			a second archive, renamed over the first
 *	-o OUT				a second directory or archive; what does not
 *					differ is a reflink, else a hard link, else
 *					a copy
 *
 * The second directory or archive is made in `.NAME.crit-tmp` beside NAME, where
 * the old one goes as well until it has been deleted. A crash leaves the old
 * checkpoint or the new one, and perhaps these temporary names, which the next
 * change removes. Mode, owner, extended attributes (SELinux labels, ACLs) are
 * carried over. Who stood in a directory that has changed places still stands in
 * the old one, which is gone: `cd .` leads to the new one.
 *
 * A directory that is a mount point, or is on a file system that cannot let two
 * directories change places, can be changed in one file only; all else is
 * refused, and so are OCI image layouts (UNSUPPORTED).
 *
 * A new checkpoint gets symbolic links as they are: a relative `parent` leads from
 * where it stands.
 *
 * Two changes of one checkpoint at a time: the second one is refused when it is
 * opened. A checkpoint that others changed meanwhile (a file that was read is no
 * longer what it was, a name has come or gone) is refused at the commit.
 *
 * Sources: man 2 rename (RENAME_EXCHANGE, Linux 3.15), flock, syncfs, link,
 * ioctl_ficlone; xattr(7).
 */
#ifndef CR_LIB_OPS_CHANGE_H
#define CR_LIB_OPS_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/out.h"
#include "lib/image/set.h"
#include "lib/store/store.h"

struct cr_change;

struct cr_change_opts {
	const char *out;   /* write a new checkpoint there, which must not exist
			    * or be an empty directory; the old one stays as it
			    * is. NULL: change it in place */
	bool dry_run;	   /* commit does nothing; nothing is locked, and
			    * nothing written but temporary files elsewhere */
	bool count_only;   /* notes are counted, not kept */
	const struct cr_store_limits *limits; /* NULL: the defaults */
};

/**
 * Opens a checkpoint to change it; see cr_store_open() for what path may be.
 * opts is not needed afterwards, but opts->out is. UNSUPPORTED: an OCI image
 * layout. SYSTEM: not there, no permission, or locked by another change (errno
 * EWOULDBLOCK). USAGE: opts->out exists, or would be in the checkpoint. Messages
 * begin with the path.
 */
struct cr_error *cr_change_open(const char *path,
				const struct cr_change_opts *opts,
				struct cr_change **ret) CR_MUST_CHECK;

/** Gives up what has not been committed and removes its temporary files.
 * Accepts NULL. */
void cr_change_close(struct cr_change *change);

/** The checkpoint as it will be; belongs to the change. Its files are closed
 * before the change is. */
struct cr_set *cr_change_set(struct cr_change *change);

/** The path it was opened with. */
const char *cr_change_path(const struct cr_change *change);

/* ---- changing ----
 *
 * All of these act on the checkpoint as it will be, one after the other. USAGE:
 * a name that is none (empty, with a slash, ".", ".."). NOT_FOUND: no such file.
 * SYSTEM: no space for what is pending. Messages begin with the name. After an
 * error nothing has been changed by that call.
 */

/** A new file, or a file's new bytes; they are copied. */
struct cr_error *cr_change_put(struct cr_change *change, const char *name,
			       const void *data, size_t size) CR_MUST_CHECK;

/**
 * The same, streamed: what is written to *ret becomes the file at
 * cr_change_finish(), until then the old one stands there. Each writer ends by
 * finish, which frees it whether it fails or not, or by abandon (accepts NULL).
 * Several may be open.
 */
struct cr_error *cr_change_create(struct cr_change *change, const char *name,
				  struct cr_out **ret) CR_MUST_CHECK;
struct cr_error *cr_change_finish(struct cr_change *change, struct cr_out *out)
	CR_MUST_CHECK;
void cr_change_abandon(struct cr_change *change, struct cr_out *out);

/**
 * A file that is mostly another one's bytes, such as a pages image of which a
 * few pages change: `name` (which may be `from` itself) gets the bytes of `from`,
 * as a reflink if the file system can. *fd_ret is open for reading and writing;
 * the caller writes at the offsets that differ, cuts off or appends, and closes
 * it before the commit.
 */
struct cr_error *cr_change_clone(struct cr_change *change, const char *name,
				 const char *from, int *fd_ret) CR_MUST_CHECK;

struct cr_error *cr_change_remove(struct cr_change *change, const char *name)
	CR_MUST_CHECK;

/** A symbolic link (`parent`), new or instead of what has that name. */
struct cr_error *cr_change_symlink(struct cr_change *change, const char *name,
				   const char *text) CR_MUST_CHECK;

struct cr_change_rename {
	const char *from, *to;
};

/**
 * Renames files, all at once: first every `from` is taken away, then put where
 * its `to` says. So two may change places, and chains need no order. No bytes
 * are read. NOT_FOUND: a `from` is not there; USAGE: a `to` is there and is not
 * renamed itself, or a name is in two rows.
 */
struct cr_error *cr_change_rename_all(struct cr_change *change,
				      const struct cr_change_rename *renames,
				      size_t nr) CR_MUST_CHECK;

/** One of them. */
struct cr_error *cr_change_rename(struct cr_change *change, const char *from,
				  const char *to) CR_MUST_CHECK;

/* ---- what is different ---- */

#define CR_CHANGE_NO_ENTRY UINT64_MAX

/*
 * One difference within a file, as the list for users has it. Values are JSON
 * texts (`"top"`, `12`, `{"pid": 1}`), NULL for what is not there: old NULL is an
 * addition, new_ NULL a removal.
 */
struct cr_change_note {
	const char *image;  /* name of the file, the new one if it is renamed */
	uint64_t entry;	    /* or CR_CHANGE_NO_ENTRY: about the file itself */
	const char *field;  /* "thread_core.comm"; NULL: the whole entry */
	const char *old, *new_;
	bool secret;	    /* values are shown to who asks for secrets only */
};

/** Adds a line to the list; texts are copied. Normally called by lib/ops/tree.h,
 * not by hand. */
struct cr_error *cr_change_note(struct cr_change *change,
				const struct cr_change_note *note)
	CR_MUST_CHECK;

uint64_t cr_change_nr_notes(const struct cr_change *change);

/** The notes in the order in which they came. What fn returns ends it. */
struct cr_error *
cr_change_each_note(const struct cr_change *change,
		    struct cr_error *(*fn)(void *arg,
					   const struct cr_change_note *note),
		    void *arg) CR_MUST_CHECK;

/* What becomes of a file. */
enum cr_change_kind {
	CR_CHANGE_CREATED,
	CR_CHANGE_REPLACED, /* other bytes */
	CR_CHANGE_RENAMED,  /* the bytes of another file */
	CR_CHANGE_LINKED,   /* is a symbolic link now */
	CR_CHANGE_REMOVED,
};

struct cr_change_file {
	const char *name;
	enum cr_change_kind kind;
	const char *was;   /* RENAMED: its old name; LINKED: the text */
	uint64_t old_size; /* 0 if it was not there, or was no file */
	uint64_t size;	   /* 0 if it is not there, or is no file */
	bool noted;	   /* notes say what is different in it */
};

/** Every file that is different, in the order of strcmp. A file that was renamed
 * is its new name; its old name appears if another file has taken it. */
struct cr_error *
cr_change_each_file(struct cr_change *change,
		    struct cr_error *(*fn)(void *arg,
					   const struct cr_change_file *file),
		    void *arg) CR_MUST_CHECK;

/** True if no file is different: a commit in place would do nothing. */
bool cr_change_is_empty(struct cr_change *change);

/* ---- doing it ---- */

/**
 * Does it: all or nothing. Nothing different and no `out`: nothing is touched.
 * With dry_run nothing is done. Afterwards notes and files may still be asked
 * for, but nothing be changed or read through the set.
 *
 * SYSTEM: no space, no permission, a file was changed meanwhile (errno EBUSY);
 * the checkpoint is as it was. UNSUPPORTED: cannot be changed in place, `out` is
 * needed. Messages begin with the path.
 */
struct cr_error *cr_change_commit(struct cr_change *change) CR_MUST_CHECK;

/**
 * Commits several, each of them all or nothing, and syncs for all of them
 * together: for thousands of small checkpoints that is what takes the time. Each
 * that is open holds some five file descriptors, so 100 at a time are plenty. Up
 * to the first error; *nr_done_ret of them are done then.
 */
struct cr_error *cr_change_commit_all(struct cr_change **changes, size_t nr,
				      size_t *nr_done_ret) CR_MUST_CHECK;

#endif
