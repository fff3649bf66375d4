// SPDX-License-Identifier: MIT
#include "lib/image/types.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "images/apparmor.pb-c.h"
#include "images/autofs.pb-c.h"
#include "images/binfmt-misc.pb-c.h"
#include "images/bpfmap-data.pb-c.h"
#include "images/bpfmap-file.pb-c.h"
#include "images/cgroup.pb-c.h"
#include "images/core.pb-c.h"
#include "images/cpuinfo.pb-c.h"
#include "images/creds.pb-c.h"
#include "images/eventfd.pb-c.h"
#include "images/eventpoll.pb-c.h"
#include "images/ext-file.pb-c.h"
#include "images/fdinfo.pb-c.h"
#include "images/fh.pb-c.h"
#include "images/fifo.pb-c.h"
#include "images/file-lock.pb-c.h"
#include "images/fs.pb-c.h"
#include "images/fsnotify.pb-c.h"
#include "images/ghost-file.pb-c.h"
#include "images/inventory.pb-c.h"
#include "images/ipc-msg.pb-c.h"
#include "images/ipc-sem.pb-c.h"
#include "images/ipc-shm.pb-c.h"
#include "images/ipc-var.pb-c.h"
#include "images/memfd.pb-c.h"
#include "images/mm.pb-c.h"
#include "images/mnt.pb-c.h"
#include "images/netdev.pb-c.h"
#include "images/ns.pb-c.h"
#include "images/packet-sock.pb-c.h"
#include "images/pagemap.pb-c.h"
#include "images/pidfd.pb-c.h"
#include "images/pidns.pb-c.h"
#include "images/pipe-data.pb-c.h"
#include "images/pipe.pb-c.h"
#include "images/pstree.pb-c.h"
#include "images/regfile.pb-c.h"
#include "images/remap-file-path.pb-c.h"
#include "images/rlimit.pb-c.h"
#include "images/sa.pb-c.h"
#include "images/seccomp.pb-c.h"
#include "images/siginfo.pb-c.h"
#include "images/signalfd.pb-c.h"
#include "images/sk-inet.pb-c.h"
#include "images/sk-netlink.pb-c.h"
#include "images/sk-packet.pb-c.h"
#include "images/sk-unix.pb-c.h"
#include "images/stats.pb-c.h"
#include "images/tcp-stream.pb-c.h"
#include "images/timens.pb-c.h"
#include "images/timer.pb-c.h"
#include "images/timerfd.pb-c.h"
#include "images/tty.pb-c.h"
#include "images/tun.pb-c.h"
#include "images/userns.pb-c.h"
#include "images/utsns.pb-c.h"
#include "images/vma.pb-c.h"
#include "lib/image/payload.h"

#define HEAD_NONE	      NULL
#define HEAD_pagemap_head     &pagemap_head__descriptor
#define HEAD_ghost_file_entry &ghost_file_entry__descriptor

const struct cr_image_type cr_image_types[] = {
#define TYPE(id_, magic_, files_, form_, head_, entry_, payload_, note_) \
	{                                                                \
		.id = #id_,                                              \
		.magic = magic_,                                         \
		.files = files_,                                         \
		.form = CR_FORM_##form_,                                 \
		.head = HEAD_##head_,                                    \
		.entry = &entry_##__descriptor,                          \
		.payload = &cr_payload_##payload_,                         \
		.note = note_,                                           \
	},
#include "lib/image/types.def"
};

const size_t cr_nr_image_types =
	sizeof(cr_image_types) / sizeof(cr_image_types[0]);

const struct cr_raw_type cr_raw_types[] = {
#define RAW(files_, what_, use_) { files_, what_, use_ },
#include "lib/image/types.def"
};

const size_t cr_nr_raw_types = sizeof(cr_raw_types) / sizeof(cr_raw_types[0]);

const char *const cr_image_form_names[3] = { "own", "common", "service" };

const struct cr_image_type *cr_image_type_by_magic(uint32_t magic)
{
	for (size_t i = 0; i < cr_nr_image_types; i++)
		if (cr_image_types[i].magic == magic)
			return &cr_image_types[i];
	return NULL;
}

const struct cr_image_type *cr_image_type_by_id(const char *id, size_t size)
{
	for (size_t i = 0; i < cr_nr_image_types; i++)
		if (strlen(cr_image_types[i].id) == size &&
		    !memcmp(cr_image_types[i].id, id, size))
			return &cr_image_types[i];
	return NULL;
}

/* One alternative: %u and %x stand for digits, all else for itself. */
static bool matches_one(const char *pattern, const char *end, const char *name)
{
	while (pattern < end) {
		if (*pattern != '%') {
			if (*pattern++ != *name++)
				return false;
			continue;
		}
		bool hex = pattern[1] == 'x';
		const char *digits = name;
		while (hex ? isxdigit((unsigned char)*name) :
			     isdigit((unsigned char)*name))
			name++;
		if (name == digits)
			return false;
		pattern += 2;
	}
	return !*name;
}

static bool matches(const char *patterns, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	for (const char *p = patterns; *p;) {
		const char *end = strchrnul(p, '|');
		if (matches_one(p, end, name))
			return true;
		p = *end ? end + 1 : end;
	}
	return false;
}

const struct cr_image_type *cr_image_type_by_file(const char *path)
{
	for (size_t i = 0; i < cr_nr_image_types; i++)
		if (matches(cr_image_types[i].files, path))
			return &cr_image_types[i];
	return NULL;
}

const struct cr_raw_type *cr_raw_type_by_file(const char *path)
{
	for (size_t i = 0; i < cr_nr_raw_types; i++)
		if (matches(cr_raw_types[i].files, path))
			return &cr_raw_types[i];
	return NULL;
}
