// SPDX-License-Identifier: MIT
/*
 * Pipes. All ends of one are opened with the first of them. An end keeps a flag
 * of how it came to be: pipe(2) does not set O_LARGEFILE, opening it through
 * /proc does.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "images/pipe.pb-c.h"
#include "lib/base/cleanup.h"
#include "restore/fd/pipes.h"

static const PipeEntry *entry(const struct cr_ofile *file)
{
	return (const PipeEntry *)file->opened.msg;
}

void cr_pipe_key(const struct cr_ofile *file, char *buf, size_t size)
{
	snprintf(buf, size, "pipe:[%u]", (unsigned)entry(file)->pipe_id);
}

struct cr_error *cr_pipe_plan(struct cr_rplan *plan, struct cr_ofile *file)
{
	return cr_pipes_load(plan, CR_PIPES_PIPE);
}

static struct cr_error *own(const PipeEntry *e, int fd)
{
	bool other = (e->has_uid && e->uid != geteuid()) ||
		     (e->has_gid && e->gid != getegid());
	if (other && fchown(fd, e->has_uid ? e->uid : (uid_t)-1,
			    e->has_gid ? e->gid : (gid_t)-1))
		return cr_error_sys("give the pipe away");
	return NULL;
}

static bool wanted(const struct cr_ofile *file)
{
	return (file->is_fd || file->opening) && file->fd < 0 &&
	       file->inherited < 0;
}

// O_LARGEFILE as this kernel has it; libc says 0. open(2) always sets it.
static unsigned large_file(const struct cr_restore *run)
{
	return (unsigned)fcntl(run->proc_fd, F_GETFL) &
	       ~(unsigned)(O_ACCMODE | O_DIRECTORY | O_CLOEXEC);
}

// An end of the new pipe itself: the first that may be one, for each direction.
static struct cr_error *take(struct cr_restore *run, struct cr_ofile *file,
			     int ends[2], bool *ret)
{
	int way = (file->flags & O_ACCMODE) == O_WRONLY;
	*ret = false;
	if (file->flags & large_file(run) || ends[way] < 0 ||
	    (file->flags & O_ACCMODE) == O_RDWR)
		return NULL;
	*ret = true;
	struct cr_error *err = cr_fd_set_flags(ends[way], file->flags);
	return err ?: cr_ofile_has(run, file, cr_take_fd(&ends[way]));
}

static struct cr_error *open_ends(struct cr_restore *run, uint32_t pipe_id,
				  const int made[2])
{
	size_t nr;
	const struct cr_pipe_end *end =
		cr_pipes_ends(run->plan, CR_PIPES_PIPE, pipe_id, &nr);
	struct cr_error *err = NULL;
	// Copies: `made` is what the others are opened through.
	int ends[] = { fcntl(made[0], F_DUPFD_CLOEXEC, 0),
		       fcntl(made[1], F_DUPFD_CLOEXEC, 0) };
	if (ends[0] < 0 || ends[1] < 0)
		err = cr_error_sys("open a pipe");
	for (size_t i = 0; !err && i < nr; i++) {
		bool taken;
		struct cr_ofile *file = end[i].file;
		if (!wanted(file))
			continue;
		err = take(run, file, ends, &taken);
		if (!err && !taken)
			err = cr_pipes_reopen(run, file, made[0]);
	}
	cr_cleanup_close(&ends[0]);
	cr_cleanup_close(&ends[1]);
	return err;
}

struct cr_error *cr_pipe_open(struct cr_restore *run, struct cr_ofile *file)
{
	const PipeEntry *e = entry(file);
	int made[2];
	if (file->inherited >= 0)
		return cr_pipes_reopen(run, file, file->inherited);
	if (pipe2(made, O_CLOEXEC | O_NONBLOCK))
		return cr_error_sys("make a pipe");
	struct cr_error *err = own(e, made[0]);
	if (!err)
		err = cr_pipes_fill(run, CR_PIPES_PIPE, e->pipe_id, made[1]);
	if (!err)
		err = open_ends(run, e->pipe_id, made);
	close(made[0]);
	close(made[1]);
	return err;
}
