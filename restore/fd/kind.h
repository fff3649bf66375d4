// SPDX-License-Identifier: MIT
/*
 * Kinds of open files: a row for each in kinds.c.
 *
 * Every open file of the checkpoint is opened once, in the controller, before
 * there are processes; a fork shares it, and each process puts it where its
 * descriptors are (fds.h). So two processes, or two numbers, have one file
 * description, as they had before.
 *
 * To add a kind: fd/KIND.c with its functions, declared at the end of this
 * header, and a row in kinds.c. Any function may be NULL.
 */
#ifndef CR_RESTORE_FD_KIND_H
#define CR_RESTORE_FD_KIND_H

#include "images/fown.pb-c.h"
#include "restore/restore.h"

struct cr_fd_kind {
	uint32_t type;	  /* FD_TYPES__* */
	const char *name; /* "pipe" */

	/* Refuses what cannot be restored; file->opened.msg is the message. */
	struct cr_error *(*plan)(struct cr_rplan *plan, struct cr_ofile *file);

	/* Makes what `again` opens; in the controller, for each file that is a
	 * descriptor or mapped. */
	struct cr_error *(*make)(struct cr_restore *run, struct cr_ofile *file);

	/* Opens the file: cr_ofile_has(). It may open others on its way, with
	 * cr_ofile_open(): the other end of a pipe. */
	struct cr_error *(*open)(struct cr_restore *run, struct cr_ofile *file);

	/* Opens the same file anew, for a mapping, a working directory or
	 * /proc/PID/exe; in the process. The caller closes *fd_ret. */
	struct cr_error *(*again)(struct cr_restore *run,
				  struct cr_ofile *file, int flags,
				  int *fd_ret);

	/* In each process that has the file, when all of its descriptors are
	 * in place: fd is one of its numbers. Called for each number. */
	struct cr_error *(*post)(struct cr_restore *run, struct cr_proc *proc,
				 struct cr_ofile *file, int fd);
};

/** The row of a type, or NULL. */
const struct cr_fd_kind *cr_fd_kind(uint32_t type);

/** What messages call the file: "files.img: REG 4". Returns buf. */
const char *cr_ofile_name(const struct cr_ofile *file, char *buf, size_t size);

/** Opens a file if it is not open, or is being opened. */
struct cr_error *cr_ofile_open(struct cr_restore *run, struct cr_ofile *file)
	CR_MUST_CHECK;

/** Says that a file is open: takes fd, which goes to the stash. */
struct cr_error *cr_ofile_has(struct cr_restore *run, struct cr_ofile *file,
			      int fd) CR_MUST_CHECK;

/** Moves a descriptor above those of all processes; takes *fd. */
struct cr_error *cr_fds_stash(struct cr_restore *run, int *fd) CR_MUST_CHECK;

/** Sets who gets SIGIO for a file. */
struct cr_error *cr_fd_owner(int fd, const FownEntry *fown) CR_MUST_CHECK;

/** Flags of an image as open(2) takes them here: the images have those of x86 on
 * every processor. */
int cr_fd_flags(uint32_t flags);

/* ---- the functions of the rows ---- */

#define CR_KIND_PLAN(name)				    \
	struct cr_error *name(struct cr_rplan *plan,	    \
			      struct cr_ofile *file) CR_MUST_CHECK
#define CR_KIND_OPEN(name)				    \
	struct cr_error *name(struct cr_restore *run,	    \
			      struct cr_ofile *file) CR_MUST_CHECK
#define CR_KIND_AGAIN(name)				    \
	struct cr_error *name(struct cr_restore *run,	    \
			      struct cr_ofile *file, int flags, \
			      int *fd_ret) CR_MUST_CHECK
#define CR_KIND_POST(name)				    \
	struct cr_error *name(struct cr_restore *run,	    \
			      struct cr_proc *proc,	    \
			      struct cr_ofile *file, int fd) CR_MUST_CHECK

/* reg.c */
CR_KIND_PLAN(cr_reg_plan);
CR_KIND_OPEN(cr_reg_open);
CR_KIND_AGAIN(cr_reg_again);

/* memfd.c */
CR_KIND_PLAN(cr_memfd_plan);
CR_KIND_OPEN(cr_memfd_make);
CR_KIND_OPEN(cr_memfd_open);
CR_KIND_AGAIN(cr_memfd_again);
void cr_memfds_free(struct cr_memfds *memfds);

#endif
