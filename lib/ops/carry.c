// SPDX-License-Identifier: MIT
#include "lib/ops/carry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"

struct cr_error *cr_carry_create(int dir, const char *name, int *fd_ret)
{
	*fd_ret = openat(dir, name,
			 O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			 0600);
	return *fd_ret < 0 ? cr_error_sys("cannot create") : NULL;
}

/* ---- bytes ---- */

/* What the kernel copies by itself, from off on; *off moves. */
static struct cr_error *copy_in_kernel(int from, int to, loff_t *off)
{
	ssize_t n;
	do {
		n = copy_file_range(from, off, to, NULL, 1 << 30, 0);
	} while (n > 0 || (n < 0 && errno == EINTR));
	/* It cannot between these two; whoever goes on finds out. */
	if (n < 0 && errno != ENOSPC && errno != EDQUOT && errno != EIO &&
	    errno != EFBIG)
		n = 0;
	return n < 0 ? cr_error_sys("cannot copy") : NULL;
}

struct cr_error *cr_carry_bytes(int from, int to)
{
	struct stat st;
	loff_t off = 0;
	if (!ioctl(to, FICLONE, from))
		return NULL;
	struct cr_error *err = copy_in_kernel(from, to, &off);
	if (!err && fstat(from, &st))
		err = cr_error_sys("cannot read");
	if (err || off >= st.st_size)
		return err;
	return cr_io_copy(from, (uint64_t)off, (uint64_t)(st.st_size - off),
			  to);
}

/* ---- attributes ---- */

/* False if there is nothing, or nothing to be told. */
static bool list_xattrs(int fd, char **names_ret, size_t *size_ret)
{
	ssize_t size = flistxattr(fd, NULL, 0);
	char *names = size > 0 ? malloc((size_t)size) : NULL;
	size = names ? flistxattr(fd, names, (size_t)size) : 0;
	if (size <= 0) {
		free(names);
		return false;
	}
	*names_ret = names;
	*size_ret = (size_t)size;
	return true;
}

/* One of them; what this user may not give is left to the system, which has
 * given new files the usual. */
static struct cr_error *carry_xattr(int from, int to, const char *name)
{
	char value[XATTR_SIZE_MAX];
	ssize_t size = fgetxattr(from, name, value, sizeof(value));
	if (size < 0 || !fsetxattr(to, name, value, (size_t)size, 0) ||
	    errno == EPERM || errno == EACCES || errno == ENOTSUP)
		return NULL;
	return cr_error_sys("cannot set the attribute %s", name);
}

static struct cr_error *carry_xattrs(int from, int to)
{
	cr_auto_free char *names = NULL;
	size_t size;
	if (!list_xattrs(from, &names, &size))
		return NULL;
	struct cr_error *err = NULL;
	for (const char *p = names; !err && p < names + size;
	     p += strlen(p) + 1)
		err = carry_xattr(from, to, p);
	return err;
}

struct cr_error *cr_carry_attributes(int from, const struct stat *st, int to)
{
	struct stat have;
	mode_t mode = st->st_mode & 07777;
	if (fstat(to, &have))
		return cr_error_sys("cannot look at it");
	bool same = have.st_uid == st->st_uid && have.st_gid == st->st_gid;
	if (!same && fchown(to, st->st_uid, st->st_gid)) {
		bool group = have.st_gid == st->st_gid ||
			     !fchown(to, (uid_t)-1, st->st_gid);
		mode &= group ? 0777 : 0707;
	}
	struct cr_error *err = carry_xattrs(from, to);
	if (!err && fchmod(to, mode))
		err = cr_error_sys("cannot set the mode");
	return err;
}

/* ---- names ---- */

static struct cr_error *copy_file(int from_dir, const char *from, int to_dir,
				  const char *to, bool clone_only,
				  bool *done_ret)
{
	struct stat st;
	cr_auto_close int in = openat(from_dir, from,
				      O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
					      O_CLOEXEC);
	if (in < 0 || fstat(in, &st))
		return cr_error_sys("cannot open");
	cr_auto_close int out = -1;
	struct cr_error *err = cr_carry_create(to_dir, to, &out);
	if (err)
		return err;
	bool cloned = !ioctl(out, FICLONE, in);
	*done_ret = cloned || !clone_only;
	if (!*done_ret)
		return unlinkat(to_dir, to, 0) ?
			       cr_error_sys("cannot remove") :
			       NULL;
	if (!cloned)
		err = cr_carry_bytes(in, out);
	return err ? err : cr_carry_attributes(in, &st, out);
}

static struct cr_error *copy_link(int from_dir, const char *from, int to_dir,
				  const char *to)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(from_dir, from, text, sizeof(text) - 1);
	if (n < 0)
		return cr_error_sys("cannot read the link");
	text[n] = 0;
	return symlinkat(text, to_dir, to) ?
		       cr_error_sys("cannot make the link") :
		       NULL;
}

/* What has no bytes to share. */
static struct cr_error *copy_special(const struct stat *st, int from_dir,
				     const char *from, int to_dir,
				     const char *to)
{
	if (S_ISLNK(st->st_mode))
		return copy_link(from_dir, from, to_dir, to);
	if (!linkat(from_dir, from, to_dir, to, 0))
		return NULL;
	if (!S_ISFIFO(st->st_mode))
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "neither file nor directory nor link");
	return mknodat(to_dir, to, S_IFIFO | (st->st_mode & 0777), 0) ?
		       cr_error_sys("cannot make the FIFO") :
		       NULL;
}

struct cr_error *cr_carry_name(int from_dir, const char *from, int to_dir,
			       const char *to, bool link, bool *copied_ret)
{
	struct stat st;
	bool done = false;
	if (link && !linkat(from_dir, from, to_dir, to, 0))
		return NULL;
	if (fstatat(from_dir, from, &st, AT_SYMLINK_NOFOLLOW))
		return cr_error_sys("cannot open");
	if (!S_ISREG(st.st_mode))
		return copy_special(&st, from_dir, from, to_dir, to);
	struct cr_error *err = NULL;
	if (!link)
		err = copy_file(from_dir, from, to_dir, to, true, &done);
	if (!err && !done && !link)
		done = !linkat(from_dir, from, to_dir, to, 0);
	if (err || done)
		return err;
	if (copied_ret)
		*copied_ret = true;
	return copy_file(from_dir, from, to_dir, to, false, &done);
}

/* ---- directories ---- */

static int no_dots(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
}

struct carry {
	bool link;
	const struct stat *not_in;
	bool *copied;
	unsigned depth;
};

static struct cr_error *carry_dir(struct carry *c, int from_dir,
				  const char *from, int to_dir, const char *to);

/* Errors name the file. */
static struct cr_error *carry_any(struct carry *c, int from_dir, int to_dir,
				  const struct dirent *entry)
{
	struct stat st;
	const char *name = entry->d_name;
	struct cr_error *err;
	if (fstatat(from_dir, name, &st, AT_SYMLINK_NOFOLLOW))
		err = cr_error_sys("cannot open");
	else if (S_ISDIR(st.st_mode))
		err = carry_dir(c, from_dir, name, to_dir, name);
	else
		err = cr_carry_name(from_dir, name, to_dir, name, c->link,
				    c->copied);
	return err ? cr_error_at(err, "%s", name) : NULL;
}

static struct cr_error *carry_all(struct carry *c, int from, int to)
{
	struct dirent **names;
	int nr = scandirat(from, ".", &names, no_dots, alphasort);
	if (nr < 0)
		return cr_error_sys("cannot list");
	struct cr_error *err = NULL;
	for (int i = 0; i < nr; i++) {
		if (!err)
			err = carry_any(c, from, to, names[i]);
		free(names[i]);
	}
	free(names);
	return err;
}

static struct cr_error *carry_dir(struct carry *c, int from_dir,
				  const char *from, int to_dir, const char *to)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	struct stat st;
	if (c->depth == CR_CARRY_DEPTH)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "directories more than %d deep",
				    CR_CARRY_DEPTH);
	cr_auto_close int in = openat(from_dir, from, flags);
	if (in < 0 || fstat(in, &st))
		return cr_error_sys("cannot open");
	if (c->not_in && st.st_dev == c->not_in->st_dev &&
	    st.st_ino == c->not_in->st_ino)
		return cr_error_new(CR_ERR_USAGE,
				    "the new one would be within the old one");
	if (mkdirat(to_dir, to, 0700))
		return cr_error_sys("cannot create");
	cr_auto_close int out = openat(to_dir, to, flags);
	if (out < 0)
		return cr_error_sys("cannot open");
	c->depth++;
	struct cr_error *err = carry_all(c, in, out);
	c->depth--;
	return err ? err : cr_carry_attributes(in, &st, out);
}

struct cr_error *cr_carry_dir(int from_dir, const char *from, int to_dir,
			      const char *to, bool link,
			      const struct stat *not_in, bool *copied_ret)
{
	bool copied;
	struct carry c = { .link = link,
			   .not_in = not_in,
			   .copied = copied_ret ?: &copied };
	/* Its names are not synced by anybody else. */
	*c.copied = true;
	return carry_dir(&c, from_dir, from, to_dir, to);
}

void cr_carry_remove(int dir, const char *name)
{
	if (!unlinkat(dir, name, 0) || errno == ENOENT)
		return;
	int fd = openat(dir, name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	while (d && (entry = readdir(d)))
		if (no_dots(entry))
			cr_carry_remove(fd, entry->d_name);
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
	unlinkat(dir, name, AT_REMOVEDIR);
}
