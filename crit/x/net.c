// SPDX-License-Identifier: MIT
#include <stdio.h>

#include "crit/x/table.h"
#include "crit/x/views.h"
#include "images/netdev.pb-c.h"

// clang-format off
static const struct cr_column columns[] = {
	{ "ns", true }, { "ifindex", true }, { "name" }, { "type" },
	{ "mtu", true }, { "flags" }, { "address" }, { "master", true },
	{ "peer_ifindex", true }, { "peer_ns", true }, { 0 },
};

// man 7 netdevice
static const char *const flag_names[] = {
	"up", "broadcast", "debug", "loopback", "pointopoint", "notrailers",
	"running", "noarp", "promisc", "allmulti", "master", "slave",
	"multicast", "portsel", "automedia", "dynamic", "lower_up", "dormant",
	"echo",
};
// clang-format on

#define NR_FLAGS (sizeof(flag_names) / sizeof(flag_names[0]))

/* The longest that the kernel has, MAX_ADDR_LEN. */
#define ADDRESS_MAX 32

static void show_address(struct cr_x *x, const NetDeviceEntry *dev)
{
	char text[3 * ADDRESS_MAX + 1] = "";
	size_t n = 0;
	for (size_t i = 0; i < dev->address.len && i < ADDRESS_MAX; i++)
		n += (size_t)sprintf(text + n, "%s%02x", i ? ":" : "",
				     dev->address.data[i]);
	cr_cell_string(x, dev->has_address && n ? text : NULL);
}

static void show_optional(struct cr_x *x, bool has, uint32_t value)
{
	if (has)
		cr_cell_u64(x, value);
	else
		cr_cell_none(x);
}

static void show_device(struct cr_x *x, uint32_t ns, const NetDeviceEntry *dev)
{
	const ProtobufCEnumValue *type = protobuf_c_enum_descriptor_get_value(
		&nd_type__descriptor, (int)dev->type);
	cr_cell_u64(x, ns);
	cr_cell_u64(x, dev->ifindex);
	cr_cell_string(x, dev->name);
	cr_cell_name_or(x, type ? type->name : NULL, (uint32_t)dev->type);
	cr_cell_u64(x, dev->mtu);
	cr_cell_bits(x, dev->flags, flag_names, NR_FLAGS);
	show_address(x, dev);
	show_optional(x, dev->has_master, dev->master);
	show_optional(x, dev->has_peer_ifindex, dev->peer_ifindex);
	show_optional(x, dev->has_peer_nsid, dev->peer_nsid);
}

static void show_ns(struct cr_x *x, uint32_t ns)
{
	struct cr_messages list;
	cr_x_find(x, cr_set_load_optionalf(&x->set,
					   &net_device_entry__descriptor, &list,
					   "netdev-%u.img", ns));
	for (size_t i = 0; i < list.nr && !x->err; i++)
		show_device(x, ns, (const void *)list.msg[i]);
	cr_messages_free(&list);
}

static uint32_t ns_of(const TaskKobjIdsEntry *ids)
{
	return ids->has_net_ns_id ? ids->net_ns_id : 0;
}

void cr_x_view_net(struct cr_x *x)
{
	cr_table_begin(x, columns);
	cr_x_each_ns(x, ns_of, show_ns);
	cr_table_end(x);
}
