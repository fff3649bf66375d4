// SPDX-License-Identifier: MIT
/*
 * Open and mapped files as they are now, compared as restore does: size, mode,
 * and of ELF files the build-id, which need not be in the first PT_NOTE. CRIU
 * criu/files-reg.c (validate_file), v4.2.
 *
 * Left out: files that the checkpoint has itself (deleted ones, those on mounts
 * it brings), terminals, what a plugin opens, and /proc, /sys.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "images/remap-file-path.pb-c.h"
#include "lib/base/cleanup.h"
#include "lib/image/walk.h"
#include "lib/ops/buildid.h"
#include "lib/ops/check/inside.h"

struct disk {
	struct cr_check *c;
	int root_fd;
	struct cr_keys skip; /* ids of files that are not looked for */
	const char *image;
	int64_t entry;
	const RegFileEntry *file;
};

/* ---- build-id ---- */

static bool same_id(const RegFileEntry *e, const struct cr_build_id *id)
{
	if ((id->size + 3) / 4 != e->n_build_id)
		return false;
	return !memcmp(id->bytes, e->build_id, id->size);
}

static void format_id(char *text, const void *bytes, size_t size)
{
	*text = 0;
	for (size_t i = 0; i < size && i < CR_BUILD_ID_MAX; i++)
		sprintf(text + 2 * i, "%02x", ((const uint8_t *)bytes)[i]);
}

/* ---- one file ---- */

#define found(d, rule, ...) \
	cr_check_found((d)->c, rule, (d)->image, (d)->entry, __VA_ARGS__)

static int open_beneath(struct disk *d, const char *name, uint64_t flags)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	return (int)syscall(SYS_openat2, d->root_fd, name, &how, sizeof(how));
}

static void check_id(struct disk *d)
{
	const RegFileEntry *e = d->file;
	char want[2 * CR_BUILD_ID_MAX + 1], have[2 * CR_BUILD_ID_MAX + 1];
	struct cr_build_id id;
	cr_auto_close int fd = open_beneath(d, e->name, O_RDONLY | O_NONBLOCK);
	if (fd < 0) {
		found(d, CR_RULE_DISK_NOT_READ, "%s: %s", e->name,
		      strerrordesc_np(errno));
		return;
	}
	cr_build_id_read(fd, &id);
	if (same_id(e, &id))
		return;
	format_id(want, e->build_id, 4 * e->n_build_id);
	format_id(have, id.bytes, id.size);
	found(d, CR_RULE_DISK_BUILD_ID, "%s: its build-id is %s, not %s",
	      e->name, id.size ? have : "missing", want);
}

static void check_stat(struct disk *d, const struct stat *st)
{
	const RegFileEntry *e = d->file;
	if (e->has_size && (uint64_t)st->st_size != e->size)
		found(d, CR_RULE_DISK_SIZE, "%s has %llu bytes, not %llu",
		      e->name, (ull)st->st_size, (ull)e->size);
	if (e->has_mode && (st->st_mode ^ e->mode) & S_IFMT)
		found(d, CR_RULE_DISK_MODE,
		      "%s is of another type: its mode is %o, not %o", e->name,
		      st->st_mode, e->mode);
	else if (e->has_mode && st->st_mode != e->mode)
		found(d, CR_RULE_DISK_MODE, "%s has the mode %o, not %o",
		      e->name, st->st_mode, e->mode);
	if (e->n_build_id && S_ISREG(st->st_mode))
		check_id(d);
}

static void check_file(struct disk *d)
{
	struct stat st;
	cr_auto_close int fd = open_beneath(d, d->file->name, O_PATH);
	if (fd >= 0 && !fstat(fd, &st))
		check_stat(d, &st);
	else if (errno == ENOSYS)
		cr_check_fail(d->c, cr_error_new(CR_ERR_UNSUPPORTED,
						 "this kernel has no "
						 "openat2(2) to look into a "
						 "sysroot with"));
	else if (errno == ENOENT || errno == ENOTDIR)
		found(d, CR_RULE_DISK_NO_FILE, "%s is not there",
		      d->file->name);
	else
		found(d, CR_RULE_DISK_NOT_READ, "%s: %s", d->file->name,
		      strerrordesc_np(errno));
}

/* ---- which files ---- */

static struct cr_error *skip_remapped(void *arg, uint64_t i,
				      const ProtobufCMessage *msg)
{
	struct disk *d = arg;
	const RemapFilePathEntry *e = (const void *)msg;
	if (!cr_keys_add(&d->skip, e->orig_id))
		cr_check_fail(d->c, cr_enomem);
	return cr_check_stop(d->c);
}

static void skip_others(struct disk *d)
{
	const struct cr_files *files = &d->c->files;
	struct cr_error *err =
		cr_walk(d->c->set, "remap-fpath.img",
			&remap_file_path_entry__descriptor, skip_remapped, d);
	/* What is broken there has been said. */
	cr_error_free(err);
	for (size_t i = 0; i < files->nr; i++) {
		struct cr_opened opened = { 0 };
		if (files->ref[i].type != FD_TYPES__TTY)
			continue;
		err = cr_files_open(files, &files->ref[i], &opened);
		const TtyFileEntry *tty = (const void *)opened.msg;
		if (!err && tty && tty->has_regf_id &&
		    !cr_keys_add(&d->skip, tty->regf_id))
			cr_check_fail(d->c, cr_enomem);
		cr_error_free(err);
		cr_opened_free(&opened);
	}
}

static bool is_beneath(const char *name, const char *dir)
{
	size_t size = strlen(dir);
	return !strncmp(name, dir, size) && name[size] == '/';
}

static bool is_wanted(struct disk *d, const RegFileEntry *e)
{
	struct cr_check *c = d->c;
	bool elsewhere = c->has_mounts && e->has_mnt_id && e->mnt_id >= 0 &&
			 !cr_keys_has(&c->roots, (uint32_t)e->mnt_id);
	return !elsewhere && !e->ext && *e->name == '/' &&
	       !is_beneath(e->name, "/proc") && !is_beneath(e->name, "/sys") &&
	       !cr_keys_has(&d->skip, e->id);
}

static void check_files(struct disk *d)
{
	const struct cr_files *files = &d->c->files;
	skip_others(d);
	for (size_t i = 0; i < files->nr && !d->c->err; i++) {
		struct cr_opened opened = { 0 };
		if (files->ref[i].type != FD_TYPES__REG)
			continue;
		struct cr_error *err =
			cr_files_open(files, &files->ref[i], &opened);
		d->image = files->split ? "reg-files.img" : "files.img";
		d->entry = files->ref[i].i;
		d->file = (const void *)opened.msg;
		if (!err && d->file && is_wanted(d, d->file))
			check_file(d);
		cr_error_free(err);
		cr_opened_free(&opened);
	}
}

void cr_check_disk(struct cr_check *c)
{
	struct disk d = { .c = c, .root_fd = -1 };
	const char *root = c->opts->sysroot;
	if (!root)
		return;
	d.root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (d.root_fd < 0) {
		cr_check_fail(c, cr_error_sys("sysroot %s", root));
		return;
	}
	check_files(&d);
	close(d.root_fd);
	cr_keys_free(&d.skip);
}
