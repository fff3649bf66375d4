// SPDX-License-Identifier: MIT
/* Images of namespaces, and the mounts in them. CRIU criu/namespaces.c,
 * criu/mount.c, v4.2. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "images/mnt.pb-c.h"
#include "images/netdev.pb-c.h"
#include "images/pidns.pb-c.h"
#include "lib/ops/check/inside.h"

/* Images that a namespace has, by its id. */
// clang-format off
static const struct {
	const char *field; /* of task_kobj_ids_entry */
	const char *image;
	bool must;	   /* else it is absent if there is nothing in it */
} images[] = {
	{ "uts_ns_id",  "utsns-%u.img",       true },
	{ "ipc_ns_id",  "ipcns-var-%u.img",   true },
	{ "ipc_ns_id",  "ipcns-shm-%u.img",   false },
	{ "ipc_ns_id",  "ipcns-msg-%u.img",   false },
	{ "ipc_ns_id",  "ipcns-sem-%u.img",   false },
	{ "mnt_ns_id",  "mountpoints-%u.img", true },
	{ "user_ns_id", "userns-%u.img",      true },
	{ "time_ns_id", "timens-%u.img",      true },
	{ "pid_ns_id",  "pidns-%u.img",       false },
	{ "net_ns_id",  "netns-%u.img",       false },
	{ "net_ns_id",  "netdev-%u.img",      true },
	{ "net_ns_id",  "ifaddr-%u.img",      false },
	{ "net_ns_id",  "route-%u.img",       false },
	{ "net_ns_id",  "route6-%u.img",      false },
	{ "net_ns_id",  "rule-%u.img",        false },
	{ "net_ns_id",  "iptables-%u.img",    false },
	{ "net_ns_id",  "ip6tables-%u.img",   false },
	{ "net_ns_id",  "nftables-%u.img",    false },
	{ "net_ns_id",  "netns-ct-%u.img",    false },
	{ "net_ns_id",  "netns-exp-%u.img",   false },
};
// clang-format on

#define NR_IMAGES (sizeof(images) / sizeof(images[0]))

/* A network namespace from outside has no devices here. */
static bool is_external(struct cr_check *c, uint32_t id)
{
	NetnsEntry *net = cr_check_message(c, &netns_entry__descriptor,
					   "netns-%u.img", id);
	bool external = net && net->ext_key;
	cr_message_free(net);
	return external;
}

static void say_external(struct cr_check *c, const char *image, const char *key)
{
	if (key)
		cr_check_found(c, CR_RULE_NS_EXTERNAL, image, 0,
			       "the namespace is external, key %s", key);
}

/* netns-ct and netns-exp are no images. */
static void check_external(struct cr_check *c, const char *image)
{
	if (!strncmp(image, "netns-", 6) && isdigit((unsigned char)image[6])) {
		NetnsEntry *net = cr_check_message(
			c, &netns_entry__descriptor, "%s", image);
		say_external(c, image, net ? net->ext_key : NULL);
		cr_message_free(net);
	} else if (!strncmp(image, "pidns-", 6)) {
		PidnsEntry *pid = cr_check_message(
			c, &pidns_entry__descriptor, "%s", image);
		say_external(c, image, pid ? pid->ext_key : NULL);
		cr_message_free(pid);
	}
}

static void use_image(struct cr_check *c, size_t i, uint32_t id)
{
	char name[48];
	/* Every pattern has one %u. */
	int head = (int)(strchr(images[i].image, '%') - images[i].image);
	snprintf(name, sizeof(name), "%.*s%u.img", head, images[i].image, id);
	if (cr_check_name(c, "%s", name))
		check_external(c, name);
	else if (images[i].must && !(!strncmp(name, "netdev-", 7) &&
				     is_external(c, id)))
		cr_check_found(c, CR_RULE_NS_MISSING, name, CR_NO_ENTRY,
			       "is not there, and a process is in that "
			       "namespace");
}

/* ---- mounts ---- */

struct mounts {
	struct cr_check *c;
	char image[32];
	struct cr_messages list;
	struct cr_keys ids; /* mnt_id, entry */
};

static const MntEntry *mount_at(const struct mounts *m, size_t i)
{
	return (const void *)m->list.msg[i];
}

/* The entry of a mount, or the number of entries. */
static size_t find_mount(const struct mounts *m, uint32_t id)
{
	size_t low = 0, high = m->ids.nr;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (m->ids.key[mid] < cr_key(id, 0))
			low = mid + 1;
		else
			high = mid;
	}
	if (low == m->ids.nr || m->ids.key[low] >> 32 != id)
		return m->list.nr;
	return (uint32_t)m->ids.key[low];
}

/* The mount at / has a parent that is outside. */
static bool is_root(const MntEntry *e)
{
	return !strcmp(e->mountpoint, "/") || !strcmp(e->mountpoint, "./") ||
	       !strcmp(e->mountpoint, ".");
}

static void check_parents(struct mounts *m)
{
	size_t nr_roots = 0;
	for (size_t i = 0; i < m->list.nr; i++) {
		const MntEntry *e = mount_at(m, i);
		if (find_mount(m, e->parent_mnt_id) < m->list.nr &&
		    e->parent_mnt_id != e->mnt_id)
			continue;
		if (!is_root(e)) {
			cr_check_found(m->c, CR_RULE_MOUNT_NO_PARENT, m->image,
				       (int64_t)i,
				       "mount %u at %s has parent %u, which "
				       "is not there",
				       e->mnt_id, e->mountpoint,
				       e->parent_mnt_id);
			continue;
		}
		if (!cr_keys_add(&m->c->roots, e->mnt_id))
			cr_check_fail(m->c, cr_enomem);
		if (nr_roots++)
			cr_check_found(m->c, CR_RULE_MOUNT_ROOT, m->image,
				       (int64_t)i,
				       "mount %u is a second root", e->mnt_id);
	}
	if (!nr_roots)
		cr_check_found(m->c, CR_RULE_MOUNT_ROOT, m->image, CR_NO_ENTRY,
			       "no mount is the root");
}

/* Each mount's way up, each walked once: a way that meets itself is a cycle. */
static void check_cycles(struct mounts *m)
{
	size_t nr = m->list.nr;
	size_t *seen = calloc(nr + 1, sizeof(seen[0]));
	if (!seen)
		cr_check_fail(m->c, cr_enomem);
	for (size_t i = 0; seen && i < nr; i++) {
		size_t at = i;
		while (at < nr && !seen[at]) {
			const MntEntry *e = mount_at(m, at);
			seen[at] = i + 1;
			if (e->parent_mnt_id == e->mnt_id)
				break;
			at = find_mount(m, e->parent_mnt_id);
			if (at < nr && seen[at] == i + 1)
				cr_check_found(m->c, CR_RULE_MOUNT_CYCLE,
					       m->image, (int64_t)at,
					       "mount %u is below itself",
					       mount_at(m, at)->mnt_id);
		}
	}
	free(seen);
}

/* Kernel form to what the file is named by: criu/include/image.h, v4.2. */
static void check_tmpfs(struct mounts *m, size_t i)
{
	struct cr_check *c = m->c;
	const MntEntry *e = mount_at(m, i);
	if (e->fstype != FSTYPE__TMPFS)
		return;
	bool there = cr_check_name(c, "tmpfs-dev-%u.tar.gz.img", e->root_dev) ||
		     cr_check_name(c, "tmpfs-dev-%u.img", e->root_dev) ||
		     cr_check_name(c, "tmpfs-%u.tar.gz.img", e->mnt_id) ||
		     cr_check_name(c, "tmpfs-%u.img", e->mnt_id);
	bool outside = e->ext_key || e->ext_mount || e->with_plugin;
	if (!there && !outside && !strcmp(e->root, "/"))
		cr_check_found(c, CR_RULE_MOUNT_NO_TMPFS, m->image, (int64_t)i,
			       "the files of the tmpfs at %s are not there",
			       e->mountpoint);
}

static void check_each(struct mounts *m)
{
	for (size_t i = 0; i < m->list.nr && !m->c->err; i++) {
		const MntEntry *e = mount_at(m, i);
		check_tmpfs(m, i);
		if (e->ext_key && *e->ext_key)
			cr_check_found(m->c, CR_RULE_MOUNT_EXTERNAL, m->image,
				       (int64_t)i, "%s is external, key %s",
				       e->mountpoint, e->ext_key);
		if (!i || m->ids.key[i] >> 32 != m->ids.key[i - 1] >> 32)
			continue;
		cr_check_found(m->c, CR_RULE_MOUNT_TWICE, m->image,
			       (uint32_t)m->ids.key[i],
			       "mount %llu is there twice, see entry %u",
			       (ull)(m->ids.key[i] >> 32),
			       (uint32_t)m->ids.key[i - 1]);
	}
}

static void check_mounts(struct cr_check *c, uint32_t id)
{
	struct mounts m = { .c = c };
	snprintf(m.image, sizeof(m.image), "mountpoints-%u.img", id);
	cr_check_messages(c, &mnt_entry__descriptor, &m.list, "%s", m.image);
	for (size_t i = 0; i < m.list.nr; i++) {
		uint32_t mnt_id = mount_at(&m, i)->mnt_id;
		if (!cr_keys_add(&m.ids, cr_key(mnt_id, (uint32_t)i)) ||
		    !cr_keys_add(&c->mounts, mnt_id))
			cr_check_fail(c, cr_enomem);
	}
	cr_keys_sort(&m.ids);
	if (m.list.nr && !c->err) {
		c->has_mounts = true;
		check_parents(&m);
		check_cycles(&m);
		check_each(&m);
	}
	cr_messages_free(&m.list);
	cr_keys_free(&m.ids);
}

void cr_check_namespaces(struct cr_check *c)
{
	for (size_t i = 0; i < NR_IMAGES && !c->err; i++) {
		struct cr_keys ids = { 0 };
		for (size_t j = 0; j < c->tree.nr; j++) {
			uint32_t id;
			if (cr_check_own_ns(c, &c->task[j], images[i].field,
					    &id) &&
			    !cr_keys_add(&ids, id))
				cr_check_fail(c, cr_enomem);
		}
		cr_keys_unique(&ids);
		for (size_t j = 0; j < ids.nr && !c->err; j++) {
			use_image(c, i, (uint32_t)ids.key[j]);
			if (!strcmp(images[i].field, "mnt_ns_id"))
				check_mounts(c, (uint32_t)ids.key[j]);
		}
		cr_keys_free(&ids);
	}
}
