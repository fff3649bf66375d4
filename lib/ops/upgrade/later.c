// SPDX-License-Identifier: MIT
/*
 * The way back from what older versions have no form for: fields that came later,
 * which they pass over, kinds of files that they do not know, compressed memory.
 */
#include <inttypes.h>
#include <string.h>

#include "images/core.pb-c.h"
#include "lib/ops/compress.h"
#include "lib/ops/inventory.h"
#include "lib/ops/upgrade/step.h"

/*
 * THE list of fields that came later. An older CRIU passes over them, so they
 * stay in the images; what is restored is not what it was then. Where that
 * matters it is a loss, which has to be asked for.
 *
 * To add one: a row.
 *
 *	since	 the version that writes it
 *	image	 its image; a directory has one, or one for each NUMBER
 *	path	 field numbers, from the entry in
 *	loss	 whether a process could tell
 *	zero	 whether 0 says something too
 *	what	 what it is
 */
static const struct later {
	uint32_t since;
	const char *image;
	struct cr_step_path path;
	bool loss, zero;
	const char *what;
} laters[] = {
	// clang-format off
	{ CR_CRIU(3, 18), "core-",     { { 3, 21 } },          false, false, "the signal that stopped the process" },
	{ CR_CRIU(3, 18), "cgroup",    { { 2, 3 } },           true,  false, "a threaded cgroup" },
	{ CR_CRIU(3, 19), "core-",     { { 3, 22 } },          true,  false, "membarrier registrations" },
	{ CR_CRIU(3, 19), "core-",     { { 5, 10, 18 } },      true,  false, "no_new_privs" },
	{ CR_CRIU(4, 0),  "core-",     { { 2, 3, 13, 9, 1 } }, true,  false, "a shadow stack" },
	{ CR_CRIU(4, 1),  "core-",     { { 5, 10, 19 } },      true,  false, "ambient capabilities" },
	{ CR_CRIU(4, 1),  "core-",     { { 8, 5, 6 } },        true,  true,  "keys of pointer authentication" },
	{ CR_CRIU(4, 1),  "core-",     { { 8, 5, 7 } },        true,  true,  "the generic key of pointer authentication" },
	{ CR_CRIU(4, 1),  "netns-",    { { 10 } },             false, true,  "settings of IPv4" },
	{ CR_CRIU(4, 2),  "inventory", { { 14 } },             false, false, "that uprobes may be there" },
	{ CR_CRIU(4, 3),  "core-",     { { 8, 6, 2 } },        true,  false, "a guarded control stack" },
	{ CR_CRIU(4, 3),  "core-",     { { 5, 17 } },          false, false, "the timer slack" },
	{ CR_CRIU(4, 3),  "files",     { { 18, 5 } },          false, false, "the owner of a pipe" },
	{ CR_CRIU(4, 3),  "sk-queues", { { 128 } },            false, true,  "who sent a packet" },
	// clang-format on
};

#define NR_LATERS (sizeof(laters) / sizeof(laters[0]))

/* Which of them an image has. */
struct looking {
	const char *prefix;
	uint32_t to;
	bool has[NR_LATERS];
};

/* Notes what it sees; no entry has to be read in earnest. */
static bool look(void *arg, const struct cr_rewrite_at *at, const void *msg,
		 size_t size)
{
	struct looking *l = arg;
	for (size_t i = 0; i < NR_LATERS; i++) {
		const struct later *r = &laters[i];
		uint64_t value = 0;
		if (!l->has[i] && r->since > l->to &&
		    !strcmp(r->image, l->prefix) &&
		    cr_step_peek(msg, size, r->path, &value))
			l->has[i] = value || r->zero;
	}
	return false;
}

static struct cr_error *nothing(void *arg, const struct cr_rewrite_at *at,
				json_t *entry, enum cr_rewrite *ret)
{
	return NULL;
}

static struct cr_error *look_at(struct cr_step *s, const char *name,
				uint32_t number, void *arg)
{
	struct looking l = { .prefix = arg, .to = s->opts->to };
	struct cr_error *err = cr_step_look(s, name, look, nothing, &l);
	for (size_t i = 0; i < NR_LATERS && !err; i++)
		if (l.has[i])
			err = cr_step_say(s,
					  laters[i].loss ? CR_UPGRADE_LOST :
							   CR_UPGRADE_UNREAD,
					  "%s: %s", name, laters[i].what);
	return err;
}

struct cr_error *cr_step_later_down(struct cr_step *s)
{
	static char each[][8] = { "core-", "netns-" };
	static char single[][16] = { "cgroup", "files", "inventory",
				     "sk-queues" };
	struct cr_error *err = NULL;
	char name[32];
	for (size_t i = 0; i < 2 && !err; i++)
		err = cr_step_each(s, each[i], ".img", look_at, each[i]);
	for (size_t i = 0; i < 4 && !err; i++) {
		snprintf(name, sizeof(name), "%s.img", single[i]);
		err = look_at(s, name, 0, single[i]);
	}
	return err;
}

/* ---- files of kinds that came later ---- */

static bool is_pidfd(const json_t *entry)
{
	const char *type = json_string_value(json_object_get(entry, "type"));
	return type && !strcmp(type, "PIDFD");
}

/* A reader stops at a kind that it does not know, so these must go. */
static struct cr_error *drop_pidfd(void *arg, const struct cr_rewrite_at *at,
				   json_t *entry, enum cr_rewrite *ret)
{
	struct cr_step *s = arg;
	if (!is_pidfd(entry))
		return NULL;
	*ret = CR_REWRITE_DROP;
	return cr_step_say(s, CR_UPGRADE_LOST, "%s: entry %" PRIu64 ": a pidfd",
			   at->image, at->i);
}

static bool has_pidfd(void *arg, const struct cr_rewrite_at *at,
		      const void *msg, size_t size)
{
	/* The type is in 1 of file_entry, in 3 of fdinfo_entry. */
	struct cr_step_path type = { { strcmp(at->type->id, "FILES") ? 3 : 1 } };
	uint64_t value = 0;
	return cr_step_peek(msg, size, type, &value) && value == 20;
}

static struct cr_error *drop_pidfds(struct cr_step *s, const char *name,
				    uint32_t id, void *arg)
{
	return cr_step_rewrite(s, name, has_pidfd, drop_pidfd, s);
}

struct cr_error *cr_step_pidfds_down(struct cr_step *s)
{
	struct cr_error *err = drop_pidfds(s, "files.img", 0, NULL);
	return err ? err :
		     cr_step_each(s, "fdinfo-", ".img", drop_pidfds, NULL);
}

/* ---- auxiliary vectors that are longer than there was room for ---- */

/* What CRIU 3.17 takes on AArch64, and itself writes: the end mark cut off. The
 * vector that the process sees is in its memory. */
#define AUXV_MAX 40

static bool is_aarch64(void *arg, const struct cr_rewrite_at *at,
		       const void *msg, size_t size)
{
	static const struct cr_step_path mtype = { { 1 } };
	uint64_t value = 0;
	bool *found = arg;
	*found = *found || (cr_step_peek(msg, size, mtype, &value) &&
			    value == CORE_ENTRY__MARCH__AARCH64);
	return false;
}

static struct cr_error *find_aarch64(struct cr_step *s, const char *name,
				     uint32_t pid, void *arg)
{
	bool *found = arg;
	return *found ? NULL :
			cr_step_look(s, name, is_aarch64, nothing, arg);
}

static struct cr_error *cut_auxv(void *arg, const struct cr_rewrite_at *at,
				 json_t *mm, enum cr_rewrite *ret)
{
	json_t *auxv = json_object_get(mm, "mm_saved_auxv");
	while (json_array_size(auxv) > AUXV_MAX) {
		json_array_remove(auxv, json_array_size(auxv) - 1);
		*ret = CR_REWRITE_CHANGED;
	}
	return NULL;
}

static struct cr_error *cut_mm(struct cr_step *s, const char *name,
			       uint32_t pid, void *arg)
{
	return cr_step_rewrite(s, name, NULL, cut_auxv, NULL);
}

struct cr_error *cr_step_auxv_down(struct cr_step *s)
{
	bool aarch64 = false;
	struct cr_error *err =
		cr_step_each(s, "core-", ".img", find_aarch64, &aarch64);
	return err || !aarch64 ?
		       err :
		       cr_step_each(s, "mm-", ".img", cut_mm, NULL);
}

/* ---- compressed memory ---- */

static bool has_blocks(void *arg, const struct cr_rewrite_at *at,
		       const void *msg, size_t size)
{
	static const struct cr_step_path blocks = { { 6 } };
	bool *found = arg;
	*found = *found || (at->i > 0 && cr_step_peek(msg, size, blocks, NULL));
	return false;
}

static struct cr_error *no_blocks(struct cr_step *s, const char *name,
				  uint32_t id, void *arg)
{
	bool found = false;
	struct cr_error *err =
		cr_step_look(s, name, has_blocks, nothing, &found);
	return err || !found ? err :
			       cr_error_new(CR_ERR_UNSUPPORTED,
					    "%s: has compressed pages, but "
					    "inventory.img says that there are "
					    "none",
					    name);
}

static struct cr_error *expand(struct cr_step *s)
{
	struct cr_compress done = { 0 };
	struct cr_inventory inventory;
	struct cr_error *err = cr_decompress(s->change, &done);
	if (!err)
		err = cr_inventory_load(s->set, &inventory);
	if (err)
		return err;
	s->nr += done.nr_pagemaps;
	if (inventory.img_version <= CR_IMG_V1_1)
		return NULL;
	return cr_error_new(CR_ERR_UNSUPPORTED,
			    "inventory.img: image version 1.2, since a parent is "
			    "compressed, or is not there: that one first");
}

struct cr_error *cr_step_blocks_down(struct cr_step *s)
{
	struct cr_inventory inventory;
	struct cr_error *err = cr_inventory_load(s->set, &inventory);
	if (!err &&
	    (inventory.compress || inventory.img_version > CR_IMG_V1_1))
		return expand(s);
	if (!err)
		err = cr_step_each(s, "pagemap-", ".img", no_blocks, NULL);
	return err ? err :
		     cr_step_each(s, "pagemap-shmem-", ".img", no_blocks,
				  NULL);
}
