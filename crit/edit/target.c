// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crit/convert.h"
#include "crit/edit/edit.h"
#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/image/image.h"

/* Whether a file is an image, or what lies beside images, and no archive. */
static struct cr_error *is_image(const char *path, bool *ret)
{
	struct cr_source src = { 0 };
	struct cr_image_header header;
	cr_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return cr_error_sys("%s", path);
	struct cr_error *err = cr_source_init_fd(&src, fd);
	if (!err) {
		err = cr_image_read_header(&src, path, &header);
		*ret = !err || cr_error_code(err) == CR_ERR_UNSUPPORTED;
		cr_error_catch(&err, CR_ERR_UNSUPPORTED);
		cr_error_catch(&err, CR_ERR_FORMAT);
	}
	cr_source_deinit(&src);
	return err;
}

/* PATH as DIR and NAME. */
static struct cr_error *split(struct cr_edit_call *call, const char *path)
{
	const char *slash = strrchr(path, '/');
	call->path = slash == path ? strdup("/") :
		     slash	   ? strndup(path, (size_t)(slash - path)) :
				     strdup(".");
	call->image = strdup(slash ? slash + 1 : path);
	return call->path && call->image ? NULL : cr_enomem;
}

static struct cr_error *split_member(struct cr_edit_call *call,
				     const char *path)
{
	call->path = strdup(path);
	char *slash = call->path ? cr_crit_slash_behind_file(call->path) : NULL;
	if (!call->path)
		return cr_enomem;
	if (!slash)
		return cr_error_new(CR_ERR_NOT_FOUND, "%s: no such file", path);
	*slash = 0;
	/* From the top of the archive, or from where the images are. */
	const char *name = strrchr(slash + 1, '/');
	call->image = strdup(name ? name + 1 : slash + 1);
	return call->image ? NULL : cr_enomem;
}

struct cr_error *cr_edit_target(struct cr_edit_call *call)
{
	const char *path = call->o->target;
	struct stat st;
	bool image = false;
	if (stat(path, &st)) {
		if (errno == ENOTDIR)
			return split_member(call, path);
		return cr_error_sys("%s", path);
	}
	struct cr_error *err =
		S_ISREG(st.st_mode) ? is_image(path, &image) : NULL;
	if (err)
		return err;
	call->is_file = image;
	if (image)
		return split(call, path);
	call->path = strdup(path);
	return call->path ? NULL : cr_enomem;
}

struct cr_error *cr_edit_write_file(struct cr_edit_call *call)
{
	const char *path = call->o->change.out;
	struct cr_file file;
	struct cr_replace rep = { .fd = -1 };
	char chunk[64 * 1024];
	struct cr_error *err =
		cr_store_open_file(call->set->store, call->image, &file);
	if (err)
		return err;
	err = cr_replace_open(&rep, AT_FDCWD, path, 0666);
	for (uint64_t off = 0; !err && off < file.size;) {
		uint64_t left = file.size - off;
		size_t n = left < sizeof(chunk) ? (size_t)left : sizeof(chunk);
		err = cr_file_read(&file, chunk, n, off);
		if (!err)
			err = cr_io_write(rep.fd, chunk, n);
		off += n;
	}
	if (!err)
		err = cr_replace_commit(&rep, true);
	cr_replace_close(&rep);
	cr_file_close(&file);
	return err ? cr_error_at(err, "%s", path) : NULL;
}
