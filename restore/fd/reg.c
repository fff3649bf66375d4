// SPDX-License-Identifier: MIT
/*
 * Files with a path: regular ones, directories, devices.
 *
 * Names are those that the processes saw from their root, or from --root DIR.
 * Facts: CRIU criu/files-reg.c, v4.2; man 2 openat2.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "images/regfile.pb-c.h"
#include "lib/base/cleanup.h"
#include "restore/fd/kind.h"

static const RegFileEntry *entry(const struct cr_ofile *file)
{
	return (const RegFileEntry *)file->opened.msg;
}

struct cr_error *cr_reg_plan(struct cr_rplan *plan, struct cr_ofile *file)
{
	const RegFileEntry *e = entry(file);
	if (e->has_ext && e->ext)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "%s: a plugin has to open it", e->name);
	return NULL;
}

static int open_in(struct cr_restore *run, const char *name, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT,
	};
	if (!run->options->root)
		return open(name, flags | O_CLOEXEC);
	cr_auto_close int root =
		open(run->options->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -1;
	return (int)syscall(SYS_openat2, root, name, &how, sizeof(how));
}

// A file that has changed is not the one the process knew.
static struct cr_error *check(struct cr_restore *run, const RegFileEntry *e,
			      int fd)
{
	struct stat st;
	if (run->options->no_verify_files || !e->has_size)
		return NULL;
	if (fstat(fd, &st))
		return cr_error_sys("%s", e->name);
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size != e->size)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "%s has %llu bytes and had %llu (see "
				    "--no-verify-files)",
				    e->name, (unsigned long long)st.st_size,
				    (unsigned long long)e->size);
	return NULL;
}

struct cr_error *cr_reg_again(struct cr_restore *run, struct cr_ofile *file,
			      int flags, int *fd_ret)
{
	const RegFileEntry *e = entry(file);
	int fd = open_in(run, e->name, flags | O_NOCTTY);
	if (fd < 0)
		return cr_error_sys("%s", e->name);
	struct cr_error *err = check(run, e, fd);
	if (err)
		close(fd);
	else
		*fd_ret = fd;
	return err;
}

struct cr_error *cr_reg_open(struct cr_restore *run, struct cr_ofile *file)
{
	const RegFileEntry *e = entry(file);
	int fd;
	struct cr_error *err =
		cr_reg_again(run, file, cr_fd_flags(e->flags), &fd);
	if (err)
		return err;
	if (e->pos && lseek(fd, (off_t)e->pos, SEEK_SET) < 0 &&
	    errno != ESPIPE)
		err = cr_error_sys("%s: go to byte %llu", e->name,
				   (unsigned long long)e->pos);
	if (!err)
		err = cr_fd_owner(fd, e->fown);
	if (err)
		close(fd);
	return err ?: cr_ofile_has(run, file, fd);
}
