// SPDX-License-Identifier: MIT
/*
 * Mounts and what belongs to them: flags, keys of external ones, the contents of
 * tmpfs and binfmt_misc. Facts: criu/mount.c, criu/filesystems.c, v2.0 and v4.2;
 * man 2 mount.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "lib/ops/upgrade/step.h"

/* Of the mount; all others are the file system's. */
#define MOUNT_FLAGS                                                        \
	(MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE | MS_NOSUID |   \
	 MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_RELATIME)

/* What CRIU takes for the root of an external mount, which it does not know. */
#define NO_ROOT "CRIU:NO_ROOT"

/* Rewrites the mounts of every namespace. */
struct mounts {
	cr_rewrite_want_fn *want;
	cr_rewrite_fn *fn;
};

static struct cr_error *rewrite(struct cr_step *s, const char *name,
				uint32_t id, void *arg)
{
	const struct mounts *m = arg;
	return cr_step_rewrite(s, name, m->want, m->fn, NULL);
}

/* ---- flags ---- */

static bool lacks_sb_flags(void *arg, const struct cr_rewrite_at *at,
			   const void *msg, size_t size)
{
	static const struct cr_step_path sb_flags = { { 17 } };
	return !cr_step_peek(msg, size, sb_flags, NULL);
}

static struct cr_error *split_flags(void *arg, const struct cr_rewrite_at *at,
				    json_t *mnt, enum cr_rewrite *ret)
{
	uint32_t flags;
	if (!cr_step_u32(mnt, "flags", &flags))
		return NULL;
	struct cr_error *err = cr_step_set_int(
		mnt, "sb_flags", flags & ~(uint32_t)MOUNT_FLAGS);
	*ret = CR_REWRITE_CHANGED;
	return err ? err :
		     cr_step_set_int(mnt, "flags",
				     flags & (uint32_t)MOUNT_FLAGS);
}

struct cr_error *cr_step_mount_flags_up(struct cr_step *s)
{
	struct mounts m = { lacks_sb_flags, split_flags };
	return cr_step_each(s, "mountpoints-", ".img", rewrite, &m);
}

/* ---- external ones ---- */

static bool has_ext_mount(void *arg, const struct cr_rewrite_at *at,
			  const void *msg, size_t size)
{
	static const struct cr_step_path ext_mount = { { 13 } };
	return cr_step_peek(msg, size, ext_mount, NULL);
}

/* The key stood where the root does. */
static struct cr_error *set_key(void *arg, const struct cr_rewrite_at *at,
				json_t *mnt, enum cr_rewrite *ret)
{
	bool external = json_is_true(json_object_get(mnt, "ext_mount"));
	json_object_del(mnt, "ext_mount");
	*ret = CR_REWRITE_CHANGED;
	if (!external || json_object_get(mnt, "ext_key"))
		return NULL;
	struct cr_error *err = cr_step_move(mnt, "root", mnt, "ext_key");
	return err ? err : cr_step_set_text(mnt, "root", NO_ROOT);
}

struct cr_error *cr_step_mount_keys_up(struct cr_step *s)
{
	struct mounts m = { has_ext_mount, set_key };
	return cr_step_each(s, "mountpoints-", ".img", rewrite, &m);
}

/* ---- tmpfs ---- */

/* The device that a mount is of. */
struct device {
	uint32_t mnt_id, dev;
	bool found;
};

static struct cr_error *is_mount(void *arg, const struct cr_rewrite_at *at,
				 json_t *mnt, enum cr_rewrite *ret)
{
	struct device *d = arg;
	uint32_t id;
	if (!d->found && cr_step_u32(mnt, "mnt_id", &id) && id == d->mnt_id)
		d->found = cr_step_u32(mnt, "root_dev", &d->dev);
	return NULL;
}

static struct cr_error *find_device(struct cr_step *s, const char *name,
				    uint32_t id, void *arg)
{
	return cr_step_look(s, name, NULL, is_mount, arg);
}

static struct cr_error *rename_tmpfs(struct cr_step *s, const char *name,
				     uint32_t mnt_id, void *arg)
{
	struct device d = { .mnt_id = mnt_id };
	char to[64];
	struct cr_error *err = cr_step_each(s, "mountpoints-", ".img",
					    find_device, &d);
	if (err)
		return err;
	snprintf(to, sizeof(to), "tmpfs-dev-%" PRIu32 "%s", d.dev,
		 (const char *)arg);
	if (!d.found)
		return cr_step_say(s, CR_UPGRADE_LEFT,
				   "%s: there is no mount %" PRIu32, name,
				   mnt_id);
	struct cr_file file;
	err = cr_store_open_file(s->set->store, to, &file);
	if (cr_error_catch(&err, CR_ERR_NOT_FOUND))
		return cr_step_rename(s, name, to);
	if (err)
		return err;
	cr_file_close(&file);
	return cr_step_say(s, CR_UPGRADE_LEFT, "%s: %s is there already", name,
			   to);
}

struct cr_error *cr_step_tmpfs_up(struct cr_step *s)
{
	static char tar[] = ".tar.gz.img", img[] = ".img";
	struct cr_error *err =
		cr_step_each(s, "tmpfs-", tar, rename_tmpfs, tar);
	return err ? err : cr_step_each(s, "tmpfs-", img, rename_tmpfs, img);
}

/* ---- binfmt_misc ---- */

static struct cr_error *note_name(struct cr_step *s, const char *name,
				  uint32_t dev, void *arg)
{
	const char **names = arg;
	names[names[0] ? 1 : 0] = name;
	return NULL;
}

struct cr_error *cr_step_binfmt_up(struct cr_step *s)
{
	const char *names[2] = { NULL, NULL }; /* the first, the last one */
	struct cr_error *err =
		cr_step_each(s, "binfmt-misc-", ".img", note_name, names);
	if (err || !names[0])
		return err;
	if (cr_step_has(s, "binfmt-misc.img"))
		return cr_step_say(s, CR_UPGRADE_LEFT,
				   "%s: binfmt-misc.img is there already",
				   names[0]);
	/* The new image is for every mount, these were for one each. */
	if (names[1])
		return cr_step_say(s, CR_UPGRADE_LEFT,
				   "%s: is not the only one, %s is there",
				   names[0], names[1]);
	return cr_step_rename(s, names[0], "binfmt-misc.img");
}
