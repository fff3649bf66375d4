// SPDX-License-Identifier: MIT
#include "lib/image/process.h"

#include <elf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/source.h"
#include "lib/codec/record.h"
#include "lib/image/walk.h"

/* criu/include/pstree.h, v4.2 */
enum { TASK_DEAD = 2, TASK_ZOMBIE = 6 };

struct cr_error *cr_message_load(struct cr_set *set,
				 const ProtobufCMessageDescriptor *desc,
				 void *ret, const char *fmt, ...)
{
	char name[64];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);

	ProtobufCMessage *first = NULL;
	struct cr_error *err = cr_walk_first(set, name, desc, &first);
	cr_error_catch(&err, CR_ERR_NOT_FOUND);
	memcpy(ret, &first, sizeof(first));
	return err;
}

void cr_message_free(void *msg)
{
	if (msg)
		protobuf_c_message_free_unpacked(msg, NULL);
}

static bool is_zombie(uint32_t state)
{
	return state == TASK_DEAD || state == TASK_ZOMBIE;
}

static struct cr_error *keep_comm(struct cr_brief *brief, const uint8_t *text,
				  size_t size)
{
	char *comm = malloc(size + 1);
	if (!comm)
		return cr_enomem;
	memcpy(comm, text, size);
	comm[size] = 0;
	free(brief->comm);
	brief->comm = comm;
	brief->comm_size = size;
	return NULL;
}

/* Reads the core_entry or (task) the task_core_entry in it, at the source's
 * place. What it is not asked for is passed over. */
static struct cr_error *read_brief(struct cr_source *src, bool task,
				   uint64_t end, struct cr_brief *brief)
{
	while (cr_source_tell(src) < end) {
		struct cr_record rec;
		struct cr_error *err = cr_record_read(src, end, &rec);
		if (err)
			return err;
		bool body = rec.wire == CR_WIRE_BYTES;
		if (!task && body && rec.number == 3) {
			brief->has_task = true;
			err = read_brief(src, true,
					 cr_source_tell(src) + rec.value,
					 brief);
		} else if (task && body && rec.number == 6) {
			err = keep_comm(brief, src->p, rec.value);
			src->p += rec.value;
		} else {
			if (task && rec.number == 1)
				brief->state = (uint32_t)rec.value;
			err = cr_record_skip(src, &rec);
		}
		if (err)
			return err;
	}
	return NULL;
}

struct briefing {
	struct cr_brief *brief;
	bool done;
};

static struct cr_error *first_brief(void *arg, uint64_t i, const void *data,
				    size_t size)
{
	struct briefing *b = arg;
	struct cr_source src;
	if (b->done)
		return NULL;
	b->done = true;
	cr_source_init_mem(&src, data, size);
	struct cr_error *err = read_brief(&src, false, size, b->brief);
	return err ? cr_error_at(err, "entry 0") : NULL;
}

struct cr_error *cr_brief_load(struct cr_set *set, uint32_t pid,
			       struct cr_brief *ret)
{
	char name[64];
	*ret = (struct cr_brief){ 0 };
	struct briefing b = { ret, false };
	snprintf(name, sizeof(name), "core-%u.img", pid);
	struct cr_error *err = cr_walk_bytes(
		set, name, &core_entry__descriptor, first_brief, &b);
	if (!err && !b.done)
		err = cr_error_new(CR_ERR_FORMAT, "%s: has no entry", name);
	ret->zombie = is_zombie(ret->state);
	return err;
}

void cr_brief_free(struct cr_brief *brief)
{
	free(brief->comm);
	*brief = (struct cr_brief){ 0 };
}

bool cr_core_is_zombie(const CoreEntry *core)
{
	return core->tc && is_zombie(core->tc->task_state);
}

const char *cr_core_march(const CoreEntry *core)
{
	const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(
		&core_entry__march__descriptor, (int)core->mtype);
	return value ? value->name : "unknown";
}

const CredsEntry *cr_core_creds(const CoreEntry *core)
{
	return core->thread_core ? core->thread_core->creds : NULL;
}

uint32_t cr_core_personality(const TaskCoreEntry *tc)
{
	uint32_t result = 0, digits = tc->personality;
	for (unsigned shift = 0; digits && shift < 32; shift += 4) {
		result |= digits % 10 << shift;
		digits /= 10;
	}
	return result;
}

struct cr_error *cr_process_ids(struct cr_set *set, uint32_t pid,
				TaskKobjIdsEntry **ret)
{
	CoreEntry *core;
	struct cr_error *err = cr_message_load(
		set, &task_kobj_ids_entry__descriptor, ret, "ids-%u.img", pid);
	if (err || *ret)
		return err;
	err = cr_message_load(set, &core_entry__descriptor, &core,
			      "core-%u.img", pid);
	if (err || !core)
		return err;
	*ret = core->ids;
	core->ids = NULL;
	cr_message_free(core);
	return NULL;
}

static unsigned page_shift(const MmEntry *entry)
{
	for (size_t i = 0; i + 1 < entry->n_mm_saved_auxv; i += 2) {
		uint64_t size = entry->mm_saved_auxv[i + 1];
		if (entry->mm_saved_auxv[i] != AT_PAGESZ)
			continue;
		if (size >= 4096 && size <= 1u << 24 && !(size & (size - 1)))
			return (unsigned)__builtin_ctzll(size);
	}
	return 12;
}

struct cr_error *cr_mm_load(struct cr_set *set, uint32_t pid, struct cr_mm *ret)
{
	*ret = (struct cr_mm){ .page_shift = 12 };
	struct cr_error *err = cr_message_load(
		set, &mm_entry__descriptor, &ret->entry, "mm-%u.img", pid);
	if (err || !ret->entry)
		return err;
	ret->vma = ret->entry->vmas;
	ret->nr_vmas = ret->entry->n_vmas;
	ret->page_shift = page_shift(ret->entry);
	if (ret->nr_vmas)
		return NULL;
	err = cr_set_load_optionalf(set, &vma_entry__descriptor, &ret->old,
				    "vmas-%u.img", pid);
	if (err) {
		cr_mm_free(ret);
		return err;
	}
	ret->vma = (void *)ret->old.msg;
	ret->nr_vmas = ret->old.nr;
	return NULL;
}

void cr_mm_free(struct cr_mm *mm)
{
	cr_message_free(mm->entry);
	cr_messages_free(&mm->old);
	*mm = (struct cr_mm){ 0 };
}
