// SPDX-License-Identifier: MIT
/*
 * Files with a path: regular ones, directories, devices.
 *
 * Names are those that the processes saw from their root, or from --root DIR.
 * A file must be the one that it was: of the same size, mode and, if it is an ELF
 * file, build-id. That is looked at when planning, and its size and mode again
 * when it is opened.
 *
 * Facts: CRIU criu/files-reg.c, v4.2; man 2 openat2.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "images/regfile.pb-c.h"
#include "lib/base/cleanup.h"
#include "restore/fd/build-id.h"
#include "restore/fd/kind.h"

typedef unsigned long long ull;

static const RegFileEntry *entry(const struct cr_ofile *file)
{
	return (const RegFileEntry *)file->opened.msg;
}

void cr_reg_key(const struct cr_ofile *file, char *buf, size_t size)
{
	snprintf(buf, size, "%s", entry(file)->name);
}

int cr_reg_open_in(const struct cr_options *options, const char *name, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT,
	};
	if (!options->root)
		return open(name, flags | O_CLOEXEC);
	cr_auto_close int root =
		open(options->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -1;
	return (int)syscall(SYS_openat2, root, name, &how, sizeof(how));
}

/* ---- whether it is what it was ---- */

#define NO_VERIFY "(see --no-verify-files)"

static struct cr_error *check(const struct cr_options *options,
			      const RegFileEntry *e, int fd)
{
	struct stat st;
	if (fstat(fd, &st))
		return cr_error_sys("%s", e->name);
	// Another type is another thing, whatever the user says.
	if (e->has_mode && e->mode & S_IFMT &&
	    (e->mode & S_IFMT) != (st.st_mode & S_IFMT))
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "%s has type 0%o and had 0%o", e->name,
				    st.st_mode & S_IFMT,
				    (unsigned)e->mode & S_IFMT);
	if (options->no_verify_files)
		return NULL;
	if (e->has_mode && e->mode != st.st_mode)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "%s has mode 0%o and had 0%o " NO_VERIFY,
				    e->name, st.st_mode, (unsigned)e->mode);
	if (e->has_size && S_ISREG(st.st_mode) &&
	    (uint64_t)st.st_size != e->size)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "%s has %llu bytes and had %llu " NO_VERIFY,
				    e->name, (ull)st.st_size, (ull)e->size);
	return NULL;
}

// Words of an ELF file's note, as they stand there.
static struct cr_error *check_build_id(const struct cr_options *options,
				       const RegFileEntry *e, int path_fd)
{
	uint8_t id[CR_BUILD_ID_MAX];
	size_t size = e->n_build_id * sizeof(e->build_id[0]);
	struct stat st;
	// To open anything else may wait, or do something.
	if (!size || options->no_verify_files || fstat(path_fd, &st) ||
	    !S_ISREG(st.st_mode))
		return NULL;
	cr_auto_close int fd = -1;
	struct cr_error *err = cr_fd_reopen(path_fd, O_RDONLY, &fd);
	if (err)
		return cr_error_at(err, "%s", e->name);
	size_t got = cr_build_id(fd, id);
	// The last word is filled up with zeroes.
	if (got && size <= sizeof(id) && got <= size && size - got < 4 &&
	    !memcmp(id, e->build_id, size))
		return NULL;
	return cr_error_new(CR_ERR_UNSUPPORTED,
			    "%s has another build-id than it had " NO_VERIFY,
			    e->name);
}

/* ---- planning ---- */

static struct cr_error *load_remaps(struct cr_rplan *plan)
{
	if (plan->has_remaps)
		return NULL;
	struct cr_error *err = cr_remaps_load(&plan->set, &plan->remaps);
	plan->has_remaps = !err;
	return err;
}

// What is mapped, or where a process is, is opened by its name.
static bool is_given(const struct cr_ofile *file)
{
	return file->inherited >= 0 && !file->is_mapped && !file->is_place;
}

struct cr_error *cr_reg_plan(struct cr_rplan *plan, struct cr_ofile *file)
{
	const RegFileEntry *e = entry(file);
	if (is_given(file))
		return NULL;
	if (e->has_ext && e->ext)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "%s: it is external, and not given by "
				    "--inherit-fd",
				    e->name);
	struct cr_error *err = load_remaps(plan);
	if (err)
		return err;
	if (cr_remaps_find(&plan->remaps, e->id))
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "%s: it had been deleted", e->name);
	return NULL;
}

// Whether we may open it as it was open.
static struct cr_error *check_access(const RegFileEntry *e, int fd)
{
	int flags = cr_fd_flags(e->flags), how = flags & O_ACCMODE;
	int mode = how == O_RDONLY ? R_OK : how == O_WRONLY ? W_OK : R_OK | W_OK;
	if (flags & O_PATH || !syscall(SYS_faccessat2, fd, "", mode,
				       AT_EMPTY_PATH | AT_EACCESS))
		return NULL;
	// A kernel before 5.8 does not know.
	return errno == ENOSYS ? NULL : cr_error_sys("%s", e->name);
}

struct cr_error *cr_reg_check(struct cr_rplan *plan, struct cr_ofile *file)
{
	const RegFileEntry *e = entry(file);
	if (is_given(file))
		return NULL;
	cr_auto_close int fd =
		cr_reg_open_in(plan->options, e->name,
			       O_PATH | (cr_fd_flags(e->flags) & O_NOFOLLOW));
	if (fd < 0)
		return cr_error_sys("%s", e->name);
	struct cr_error *err = check(plan->options, e, fd);
	if (!err && file->is_fd)
		err = check_access(e, fd);
	return err ?: check_build_id(plan->options, e, fd);
}

/* ---- opening ---- */

// To open another thing, a FIFO or a device, may wait, or do something: what is
// there is looked at first. A flag that forbids links is seen in /proc, and would
// forbid the link there.
static struct cr_error *open_checked(const struct cr_options *options,
				     const RegFileEntry *e, int flags,
				     int *fd_ret)
{
	const int harmless = O_PATH | O_DIRECTORY;
	int first = flags & harmless ? flags : O_PATH | (flags & O_NOFOLLOW);
	struct stat st;
	cr_auto_close int fd = cr_reg_open_in(options, e->name, first);
	if (fd < 0 || fstat(fd, &st))
		return cr_error_sys("%s", e->name);
	struct cr_error *err = check(options, e, fd);
	// Older images have no mode; FIFOs are a kind of their own.
	if (!err && S_ISFIFO(st.st_mode))
		err = cr_error_new(CR_ERR_UNSUPPORTED, "%s is a FIFO", e->name);
	if (!err && flags & harmless)
		*fd_ret = cr_take_fd(&fd);
	else if (!err && flags & O_NOFOLLOW)
		*fd_ret = cr_reg_open_in(options, e->name, flags);
	else if (!err)
		err = cr_fd_reopen(fd, flags, fd_ret);
	return err;
}

struct cr_error *cr_reg_again(struct cr_restore *run, struct cr_ofile *file,
			      int flags, int *fd_ret)
{
	const RegFileEntry *e = entry(file);
	int fd = -1;
	struct cr_error *err =
		open_checked(run->options, e, flags | O_NOCTTY, &fd);
	if (!err && fd < 0)
		err = cr_error_sys("%s", e->name);
	if (!err)
		*fd_ret = fd;
	return err;
}

struct cr_error *cr_reg_open(struct cr_restore *run, struct cr_ofile *file)
{
	const RegFileEntry *e = entry(file);
	int fd, flags = cr_fd_flags(e->flags);
	struct cr_error *err = cr_reg_again(run, file, flags, &fd);
	if (err)
		return err;
	// All bits: it has none. Devices may not go anywhere.
	if (e->pos && e->pos != UINT64_MAX && !(flags & O_PATH) &&
	    lseek(fd, (off_t)e->pos, SEEK_SET) < 0 && errno != ESPIPE)
		err = cr_error_sys("%s: go to byte %llu", e->name,
				   (ull)e->pos);
	if (err)
		close(fd);
	return err ?: cr_ofile_has(run, file, fd);
}
