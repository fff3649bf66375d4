// SPDX-License-Identifier: MIT
/*
 * FIFOs: pipes with a name, which is that of another open file of the images.
 * Opened for reading and writing first, which never waits for the other end.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/fifo.pb-c.h"
#include "images/regfile.pb-c.h"
#include "lib/base/cleanup.h"
#include "restore/fd/inherit.h"
#include "restore/fd/pipes.h"

static const FifoEntry *entry(const struct cr_ofile *file)
{
	return (const FifoEntry *)file->opened.msg;
}

static struct cr_ofile *reg_of(struct cr_rplan *plan,
			       const struct cr_ofile *file)
{
	const FifoEntry *e = entry(file);
	return cr_rplan_find(plan, FD_TYPES__REG,
			     e->has_regf_id ? e->regf_id : e->id);
}

static const char *name_of(const struct cr_ofile *reg)
{
	return ((const RegFileEntry *)reg->opened.msg)->name;
}

struct cr_error *cr_fifo_plan(struct cr_rplan *plan, struct cr_ofile *file)
{
	struct cr_ofile *reg = reg_of(plan, file);
	if (!reg || !reg->opened.msg)
		return cr_error_new(CR_ERR_FORMAT, "no file REG %u, its path",
				    (unsigned)entry(file)->regf_id);
	file->fown = reg->fown;
	file->flags = reg->flags;
	file->has_flags = reg->has_flags;
	struct cr_error *err = cr_inherit_plan(plan, reg);
	file->inherited = reg->inherited;
	if (!err)
		err = cr_reg_plan(plan, reg);
	return err ?: cr_pipes_load(plan, CR_PIPES_FIFO);
}

struct cr_error *cr_fifo_check(struct cr_rplan *plan, struct cr_ofile *file)
{
	return cr_reg_check(plan, reg_of(plan, file));
}

// For reading and writing.
static struct cr_error *open_it(struct cr_restore *run, struct cr_ofile *file,
				int *fd_ret)
{
	struct stat st;
	const char *name = name_of(reg_of(run->plan, file));
	cr_auto_close int path =
		cr_reg_open_in(run->options, name, O_PATH | O_NOFOLLOW);
	if (path < 0 || fstat(path, &st))
		return cr_error_sys("%s", name);
	if (!S_ISFIFO(st.st_mode))
		return cr_error_new(CR_ERR_UNSUPPORTED, "%s is not a FIFO",
				    name);
	return cr_fd_reopen(path, O_RDWR | O_NONBLOCK, fd_ret);
}

static struct cr_error *open_end(struct cr_restore *run, struct cr_ofile *end)
{
	int fd;
	struct cr_error *err = open_it(run, end, &fd);
	if (err)
		return err;
	err = cr_pipes_reopen(run, end, fd);
	close(fd);
	return err;
}

// All ends of it, so that it is filled once.
struct cr_error *cr_fifo_open(struct cr_restore *run, struct cr_ofile *file)
{
	size_t nr;
	int fd;
	uint32_t pipe_id = entry(file)->pipe_id;
	const struct cr_pipe_end *end =
		cr_pipes_ends(run->plan, CR_PIPES_FIFO, pipe_id, &nr);
	if (file->inherited >= 0)
		return cr_inherit_open(run, file);
	struct cr_error *err = open_it(run, file, &fd);
	if (err)
		return err;
	err = cr_pipes_fill(run, CR_PIPES_FIFO, pipe_id, fd);
	for (size_t i = 0; !err && i < nr; i++) {
		if (end[i].file->is_fd && end[i].file->fd < 0)
			err = open_end(run, end[i].file);
	}
	close(fd);
	return err;
}
