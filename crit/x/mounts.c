// SPDX-License-Identifier: MIT
#include "crit/x/table.h"
#include "crit/x/views.h"
#include "images/mnt.pb-c.h"

// clang-format off
static const struct cr_column columns[] = {
	{ "ns", true }, { "mnt_id", true }, { "parent", true }, { "dev" },
	{ "fstype" }, { "source" }, { "root" }, { "mountpoint" },
	{ "flags" }, { "sb_flags" }, { "options" },
	{ "shared_id", true }, { "master_id", true }, { "external" }, { 0 },
};
// man 2 mount, and man 8 mount for the words; Linux include/uapi/linux/mount.h.
static const char *const flag_names[] = {
	"ro", "nosuid", "nodev", "noexec", "sync", "remount", "mand", "dirsync",
	"nosymfollow", NULL, "noatime", "nodiratime", "bind", "move", "rec",
	"silent", "posixacl", "unbindable", "private", "slave", "shared",
	"relatime", "kernmount", "iversion", "strictatime", "lazytime",
};
// clang-format on

#define NR_FLAGS (sizeof(flag_names) / sizeof(flag_names[0]))

enum { FSTYPE_AUTO = FSTYPE__AUTO };

static void show_fstype(struct cr_x *x, const MntEntry *m)
{
	const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(
		&fstype__descriptor, (int)m->fstype);
	if (m->fstype == FSTYPE_AUTO && m->fsname)
		cr_cell_string(x, m->fsname);
	else
		cr_cell_name_or(x, value ? value->name : NULL, m->fstype);
}

static void show_optional(struct cr_x *x, bool has, uint32_t value)
{
	if (has)
		cr_cell_u64(x, value);
	else
		cr_cell_none(x);
}

static void show_mount(struct cr_x *x, uint32_t ns, const MntEntry *m)
{
	cr_cell_u64(x, ns);
	cr_cell_u64(x, m->mnt_id);
	cr_cell_u64(x, m->parent_mnt_id);
	/* Linux include/linux/kdev_t.h: 20 bits of minor number. */
	cr_cell_text(x, "%u:%u", m->root_dev >> 20, m->root_dev & 0xfffff);
	show_fstype(x, m);
	cr_cell_string(x, m->source);
	cr_cell_string(x, m->root);
	cr_cell_string(x, m->mountpoint);
	cr_cell_bits(x, m->flags, flag_names, NR_FLAGS);
	if (m->has_sb_flags)
		cr_cell_bits(x, m->sb_flags, flag_names, NR_FLAGS);
	else
		cr_cell_none(x);
	cr_cell_string(x, m->options);
	show_optional(x, m->has_shared_id, m->shared_id);
	show_optional(x, m->has_master_id, m->master_id);
	/* Before 3.0 the mount's root was the key. */
	if (m->ext_key)
		cr_cell_string(x, m->ext_key);
	else if (m->has_ext_mount && m->ext_mount)
		cr_cell_string(x, m->root);
	else
		cr_cell_none(x);
}

static void show_ns(struct cr_x *x, uint32_t ns)
{
	struct cr_messages list;
	cr_x_find(x, cr_set_load_optionalf(&x->set, &mnt_entry__descriptor,
					   &list, "mountpoints-%u.img", ns));
	for (size_t i = 0; i < list.nr && !x->err; i++)
		show_mount(x, ns, (const void *)list.msg[i]);
	cr_messages_free(&list);
}

static uint32_t ns_of(const TaskKobjIdsEntry *ids)
{
	return ids->has_mnt_ns_id ? ids->mnt_ns_id : 0;
}

void cr_x_view_mounts(struct cr_x *x)
{
	cr_table_begin(x, columns);
	cr_x_each_ns(x, ns_of, show_ns);
	cr_table_end(x);
}
