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

	/* Where the message has these; 0: it has none. The owner and O_ASYNC
	 * are set for every kind when the processes are there. */
	size_t fown, flags;

	/* What --inherit-fd calls the file, e.g. "pipe:[123]". */
	void (*key)(const struct cr_ofile *file, char *buf, size_t size);
	bool inherits; /* `open` takes file->inherited itself */

	/* Refuses what cannot be restored; file->opened.msg is the message. */
	struct cr_error *(*plan)(struct cr_rplan *plan, struct cr_ofile *file);

	/* Looks whether this machine has the file, when everything that is
	 * wrong with the images has been found. */
	struct cr_error *(*check)(struct cr_rplan *plan, struct cr_ofile *file);

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

	/* In the first process that has the file, when all of its descriptors
	 * are in place: fd is its number there. */
	struct cr_error *(*post)(struct cr_restore *run, struct cr_proc *proc,
				 struct cr_ofile *file, int fd);
};

/** The row of a type, or NULL. */
const struct cr_fd_kind *cr_fd_kind(uint32_t type);

/** Opens a file if it is not open, or is being opened. */
struct cr_error *cr_ofile_open(struct cr_restore *run, struct cr_ofile *file)
	CR_MUST_CHECK;

/** Says that a file is open: takes fd, which goes to the stash. */
struct cr_error *cr_ofile_has(struct cr_restore *run, struct cr_ofile *file,
			      int fd) CR_MUST_CHECK;

/** Moves a descriptor above those of all processes; takes *fd. */
struct cr_error *cr_fds_stash(struct cr_restore *run, int *fd) CR_MUST_CHECK;

/** The numbers of a process's descriptors, ascending, to be freed; and whether
 * one is among them. */
struct cr_error *cr_fds_numbers(const struct cr_proc *proc, uint32_t **ret)
	CR_MUST_CHECK;
bool cr_fds_has(const uint32_t *numbers, size_t nr, uint32_t fd);

/** Fills in what the kind's row says of its messages. */
void cr_ofile_describe(struct cr_ofile *file);

/** The file a descriptor is, as another open file of its own. */
struct cr_error *cr_fd_reopen(int fd, int flags, int *fd_ret) CR_MUST_CHECK;

/** Gives a new file the status flags that fcntl(2) can set, but O_ASYNC. */
struct cr_error *cr_fd_set_flags(int fd, uint32_t flags) CR_MUST_CHECK;

/** Flags of an image as open(2) takes them: they are those of the processor that
 * wrote it, which is ours. */
int cr_fd_flags(uint32_t flags);

/* ---- the functions of the rows ---- */

#define CR_KIND_KEY(name) \
	void name(const struct cr_ofile *file, char *buf, size_t size)
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
CR_KIND_KEY(cr_reg_key);
CR_KIND_PLAN(cr_reg_plan);
CR_KIND_PLAN(cr_reg_check);
CR_KIND_OPEN(cr_reg_open);
CR_KIND_AGAIN(cr_reg_again);

/* open(2) of a name in the images; close-on-exec. */
int cr_reg_open_in(const struct cr_options *options, const char *name,
		   int flags);

/* pipe.c, fifo.c */
CR_KIND_KEY(cr_pipe_key);
CR_KIND_PLAN(cr_pipe_plan);
CR_KIND_OPEN(cr_pipe_open);
CR_KIND_PLAN(cr_fifo_plan);
CR_KIND_PLAN(cr_fifo_check);
CR_KIND_OPEN(cr_fifo_open);

/* eventfd.c, signalfd.c, timerfd.c, epoll.c */
CR_KIND_PLAN(cr_eventfd_plan);
CR_KIND_OPEN(cr_eventfd_open);
CR_KIND_OPEN(cr_signalfd_open);
CR_KIND_PLAN(cr_timerfd_plan);
CR_KIND_OPEN(cr_timerfd_open);
CR_KIND_POST(cr_timerfd_post);
CR_KIND_PLAN(cr_epoll_plan);
CR_KIND_OPEN(cr_epoll_open);
CR_KIND_POST(cr_epoll_post);

/* tty.c; the foreground is taken back from a group that has ended or stopped, and
 * given to one that goes on, if it is ours. */
CR_KIND_PLAN(cr_tty_plan);
CR_KIND_PLAN(cr_tty_check);
CR_KIND_OPEN(cr_tty_open);
CR_KIND_POST(cr_tty_post);
void cr_ttys_undo(struct cr_restore *run);
void cr_ttys_take(const struct cr_rplan *plan);
void cr_ttys_give(const struct cr_rplan *plan, pid_t pgrp);
void cr_ttys_free(struct cr_ttys *ttys);

/* memfd.c */
CR_KIND_PLAN(cr_memfd_plan);
CR_KIND_OPEN(cr_memfd_make);
CR_KIND_OPEN(cr_memfd_open);
CR_KIND_AGAIN(cr_memfd_again);
void cr_memfds_free(struct cr_memfds *memfds);

/* Memory file i of the plan; false: there are no more. */
bool cr_memfd_object(const struct cr_rplan *plan, size_t i, uint32_t *shmid_ret,
		     uint64_t *size_ret);

#endif
