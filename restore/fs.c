// SPDX-License-Identifier: MIT
/*
 * Root and working directory, and the mask of new files. Done by the process.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/regfile.pb-c.h"
#include "lib/base/cleanup.h"
#include "restore/fd/kind.h"
#include "restore/steps.h"

static const char *name_of(const struct cr_ofile *file)
{
	return ((const RegFileEntry *)file->opened.msg)->name;
}

static struct cr_error *open_dir(struct cr_restore *run, struct cr_ofile *file,
				 int *fd_ret)
{
	return file->kind->again(run, file, O_RDONLY | O_DIRECTORY, fd_ret);
}

static struct cr_error *set_root(struct cr_restore *run, struct cr_ofile *file)
{
	cr_auto_close int fd = -1;
	if (!run->options->root && !strcmp(name_of(file), "/"))
		return NULL;
	struct cr_error *err = open_dir(run, file, &fd);
	if (err)
		return err;
	if (fchdir(fd) || chroot("."))
		return cr_error_sys("%s: make it the root", name_of(file));
	return NULL;
}

struct cr_error *cr_fs_enter(struct cr_restore *run, struct cr_proc *proc)
{
	cr_auto_close int cwd = -1;
	if (!proc->fs)
		return NULL;
	struct cr_error *err = open_dir(run, proc->cwd, &cwd);
	if (!err)
		err = set_root(run, proc->root);
	if (err)
		return err;
	if (fchdir(cwd))
		return cr_error_sys("%s: make it the working directory",
				    name_of(proc->cwd));
	if (proc->fs->has_umask)
		umask(proc->fs->umask);
	return NULL;
}
