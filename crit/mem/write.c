// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crit/change.h"
#include "crit/mem/mem.h"
#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/ops/poke.h"

#define FILE_MAX (1024ull * 1024 * 1024)

static struct cr_error *read_file(const char *path, uint8_t **ret,
				  size_t *size_ret)
{
	struct stat st;
	cr_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return cr_error_sys("%s", path);
	if (!S_ISREG(st.st_mode))
		return cr_error_new(CR_ERR_USAGE, "%s is not a regular file",
				    path);
	if ((uint64_t)st.st_size > FILE_MAX)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "%s has more than %llu bytes", path,
				    FILE_MAX);
	*size_ret = (size_t)st.st_size;
	*ret = malloc(*size_ret + 1);
	if (!*ret)
		return cr_enomem;
	struct cr_error *err = cr_io_pread(fd, *ret, *size_ret, 0);
	return err ? cr_error_at(err, "%s", path) : NULL;
}

/* What is to be written, from the one place that says so. */
static struct cr_error *read_bytes(const struct cr_mem_opts *o, uint8_t **ret,
				   size_t *size_ret)
{
	const char *hex = o->args.nr > 1 ? o->args.word[1] : NULL;
	struct cr_error *err = NULL;
	if (!!hex + !!o->text + !!o->file != 1)
		return cr_error_new(CR_ERR_USAGE,
				    "write takes one of BYTES, --text and "
				    "--file");
	if (o->file) {
		err = read_file(o->file, ret, size_ret);
	} else {
		const char *text = hex ?: o->text;
		*size_ret = strlen(text);
		*ret = malloc(*size_ret + 1);
		if (!*ret)
			return cr_enomem;
		if (hex)
			err = cr_mem_parse_hex(hex, *ret, size_ret);
		else
			memcpy(*ret, text, *size_ret);
	}
	if (!err && !*size_ret)
		err = cr_error_new(CR_ERR_USAGE, "there are no bytes to write");
	return err;
}

static struct cr_error *change_bytes(struct cr_mem *m, uint64_t vaddr,
				     const uint8_t *data, size_t size)
{
	const struct cr_mem_opts *o = m->o;
	const struct cr_crit_change opts = {
		.out = o->out,
		.dry_run = o->dry_run,
		.json = o->json,
		.force = o->force,
	};
	struct cr_change *change;
	struct cr_error *err =
		cr_crit_change_open(m->call, o->dir, &opts, &change);
	if (err)
		return err;
	err = cr_poke(change, m->id, vaddr, data, size, o->sysroot);
	if (!err)
		err = cr_crit_change_commit(change, &opts, m->out);
	cr_change_close(change);
	return err;
}

void cr_mem_write(struct cr_mem *m)
{
	cr_auto_free uint8_t *data = NULL;
	size_t size;
	uint64_t vaddr;
	struct cr_error *err = cr_opts_number(m->o->args.word[0], &vaddr);
	if (err)
		err = cr_error_at(err, "ADDR");
	if (!err)
		err = read_bytes(m->o, &data, &size);
	if (!err)
		err = cr_mem_open_one(m);
	if (!err)
		err = change_bytes(m, vaddr, data, size);
	cr_x_fail(&m->x, err);
	/* What was changed has been told. */
	m->x.json = false;
}
