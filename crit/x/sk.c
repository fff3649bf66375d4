// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "crit/x/table.h"
#include "crit/x/views.h"
#include "lib/codec/present.h"
#include "lib/image/walk.h"

// clang-format off
static const struct cr_column columns[] = {
	{ "pid", true }, { "fd", true }, { "family" }, { "type" }, { "proto" },
	{ "state" }, { "src" }, { "src_port", true }, { "dst" },
	{ "dst_port", true }, { "ino", true }, { "peer", true },
	{ "sndbuf", true }, { "rcvbuf", true }, { 0 },
};
// man 7 netlink; Linux v6.11 include/uapi/linux/netlink.h.
static const char *const netlink_names[] = {
	"ROUTE", NULL, "USERSOCK", "FIREWALL", "SOCK_DIAG", "NFLOG", "XFRM",
	"SELINUX", "ISCSI", "AUDIT", "FIB_LOOKUP", "CONNECTOR", "NETFILTER",
	"IP6_FW", "DNRTMSG", "KOBJECT_UEVENT", "GENERIC", NULL, "SCSITRANSPORT",
	"ECRYPTFS", "RDMA", "CRYPTO", "SMC",
};
// clang-format on

#define NR_NETLINK (sizeof(netlink_names) / sizeof(netlink_names[0]))

enum {
	FAMILY_UNIX = 1,
	FAMILY_INET = 2,
	FAMILY_INET6 = 10,
	FAMILY_NETLINK = 16,
	FAMILY_PACKET = 17,
};

/* Each family has its own. */
static const char *proto_name(uint32_t family, uint32_t proto)
{
	if (family == FAMILY_INET || family == FAMILY_INET6)
		return cr_x_dict("sk", "proto", proto);
	if (family == FAMILY_NETLINK && proto < NR_NETLINK)
		return netlink_names[proto];
	return NULL;
}

static void show_kind(struct cr_x *x, uint32_t family, uint32_t type,
		      uint32_t proto, uint32_t state)
{
	cr_cell_name_or(x, cr_x_dict("sk", "family", family), family);
	cr_cell_name_or(x, cr_x_dict("sk", "type", type), type);
	if (family == FAMILY_UNIX)
		cr_cell_none(x);
	else
		cr_cell_name_or(x, proto_name(family, proto), proto);
	if (state)
		cr_cell_name_or(x, cr_x_dict("sk", "state", state), state);
	else
		cr_cell_none(x);
}

static void show_buffers(struct cr_x *x, const SkOptsEntry *opts)
{
	cr_cell_u64(x, opts->so_sndbuf);
	cr_cell_u64(x, opts->so_rcvbuf);
}

static void show_address(struct cr_x *x, const uint32_t *words, size_t nr,
			 uint32_t port)
{
	char text[64];
	char *end = text;
	if (nr == 1 || nr == 4)
		end = cr_present_address(text, words, (unsigned)nr, true);
	/* Without the quotes. */
	if (end - text > 2)
		cr_cell_bytes(x, text + 1, (size_t)(end - text) - 2);
	else
		cr_cell_none(x);
	cr_cell_u64(x, port);
}

static void show_inet(struct cr_x *x, const ProtobufCMessage *msg)
{
	const InetSkEntry *sk = (const void *)msg;
	show_kind(x, sk->family, sk->type, sk->proto, sk->state);
	show_address(x, sk->src_addr, sk->n_src_addr, sk->src_port);
	show_address(x, sk->dst_addr, sk->n_dst_addr, sk->dst_port);
	cr_cell_u64(x, sk->ino);
	cr_cell_none(x);
	show_buffers(x, sk->opts);
}

static void show_unix(struct cr_x *x, const ProtobufCMessage *msg)
{
	const UnixSkEntry *sk = (const void *)msg;
	show_kind(x, FAMILY_UNIX, sk->type, 0, sk->state);
	if (sk->name.len)
		cr_cell_bytes(x, sk->name.data, sk->name.len);
	else
		cr_cell_none(x);
	cr_cell_none(x);
	cr_cell_none(x);
	cr_cell_none(x);
	cr_cell_u64(x, sk->ino);
	if (sk->peer)
		cr_cell_u64(x, sk->peer);
	else
		cr_cell_none(x);
	show_buffers(x, sk->opts);
}

static void show_netlink(struct cr_x *x, const ProtobufCMessage *msg)
{
	const NetlinkSkEntry *sk = (const void *)msg;
	show_kind(x, FAMILY_NETLINK, 3, sk->protocol, sk->state);
	cr_cell_none(x);
	cr_cell_u64(x, sk->portid);
	cr_cell_none(x);
	cr_cell_u64(x, sk->dst_portid);
	cr_cell_u64(x, sk->ino);
	cr_cell_none(x);
	show_buffers(x, sk->opts);
}

static void show_packet(struct cr_x *x, const ProtobufCMessage *msg)
{
	const PacketSockEntry *sk = (const void *)msg;
	show_kind(x, FAMILY_PACKET, sk->type, sk->protocol, 0);
	cr_cell_text(x, "ifindex %u", sk->ifindex);
	for (int i = 0; i < 5; i++)
		cr_cell_none(x);
	show_buffers(x, sk->opts);
}

// clang-format off
static const struct {
	uint32_t type;
	void (*show)(struct cr_x *x, const ProtobufCMessage *msg);
} kinds[] = {
	{ FD_TYPES__INETSK,    show_inet },
	{ FD_TYPES__UNIXSK,    show_unix },
	{ FD_TYPES__NETLINKSK, show_netlink },
	{ FD_TYPES__PACKETSK,  show_packet },
};
// clang-format on

#define NR_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void show_fd(struct cr_x *x, void *arg, uint32_t pid,
		    const FdinfoEntry *fd, struct cr_x_from from)
{
	size_t i = 0;
	struct cr_opened opened;
	while (i < NR_KINDS && kinds[i].type != fd->type)
		i++;
	if (i == NR_KINDS)
		return;
	cr_x_find(x, cr_files_get(cr_x_files(x), fd->type, fd->id, &opened));
	if (opened.msg) {
		cr_cell_u64(x, pid);
		cr_cell_u64(x, fd->fd);
		kinds[i].show(x, opened.msg);
	} else {
		cr_x_find(x, cr_x_no_file(fd->type, fd->id, from));
	}
	cr_opened_free(&opened);
}

void cr_x_view_sk(struct cr_x *x)
{
	cr_table_begin(x, columns);
	cr_x_for_each(task, x)
		cr_x_each_fd(x, task->entry->pid, show_fd, NULL);
	cr_table_end(x);
}
