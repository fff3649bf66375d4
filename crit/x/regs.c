// SPDX-License-Identifier: MIT
#include <string.h>

#include "crit/x/fields.h"
#include "crit/x/table.h"
#include "crit/x/views.h"

// clang-format off
static const struct cr_column columns[] = {
	{ "pid", true }, { "tid", true }, { "arch" }, { "set" }, { "reg" },
	{ "value", true }, { 0 },
};
// clang-format on

struct thread {
	uint32_t pid, tid;
	const char *arch;
};

/* Pointer authentication keys, but not which of them are in use. */
static bool is_secret(const struct cr_field_at *at)
{
	return !strncmp(at->path, "pac_keys.", 9) &&
	       strcmp(at->name, "pac_enabled_key");
}

static void show_reg(struct cr_x *x, void *arg, const struct cr_field_at *at)
{
	const struct thread *t = arg;
	if (!strcmp(at->name, "padding"))
		return;
	cr_cell_u64(x, t->pid);
	cr_cell_u64(x, t->tid);
	cr_cell_string(x, t->arch);
	cr_cell_string(x, *at->path ? at->path : "thread");
	if (at->i < 0)
		cr_cell_string(x, at->name);
	else
		cr_cell_text(x, "%s[%ld]", at->name, at->i);
	if (is_secret(at))
		cr_cell_secret(x, "0x%llx", (unsigned long long)at->value);
	else
		cr_cell_hex(x, at->value);
}

/* The register message of the core's processor: the first member that is a
 * thread_info_*. */
static const ProtobufCMessage *thread_info(const CoreEntry *core)
{
	const ProtobufCMessageDescriptor *desc = &core_entry__descriptor;
	for (unsigned i = 0; i < desc->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &desc->fields[i];
		const ProtobufCMessageDescriptor *sub = field->descriptor;
		const ProtobufCMessage *msg;
		if (field->type != PROTOBUF_C_TYPE_MESSAGE ||
		    strncmp(sub->name, "thread_info_", 12))
			continue;
		memcpy(&msg, (const char *)core + field->offset, sizeof(msg));
		if (msg)
			return msg;
	}
	return NULL;
}

static void show_thread(struct cr_x *x, void *arg, const struct cr_task *task,
			uint32_t tid, const CoreEntry *core)
{
	struct thread t = { task->entry->pid, tid, cr_core_march(core) };
	const ProtobufCMessage *info = thread_info(core);
	if (info)
		cr_x_each_field(x, info, show_reg, &t);
}

void cr_x_view_regs(struct cr_x *x)
{
	cr_table_begin(x, columns);
	cr_x_each_thread(x, show_thread, NULL);
	cr_table_end(x);
}
