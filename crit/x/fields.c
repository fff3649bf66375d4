// SPDX-License-Identifier: MIT
#include "crit/x/fields.h"

#include <stdio.h>
#include <string.h>

struct walk {
	struct cr_x *x;
	cr_field_fn *fn;
	void *arg;
};

static size_t size_of(const ProtobufCFieldDescriptor *field)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return 8;
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(ProtobufCMessage *);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
		return 0;
	default:
		return 4;
	}
}

static void each_field(const struct walk *w, const ProtobufCMessage *msg,
		       const char *path);

static void one(const struct walk *w, const ProtobufCFieldDescriptor *field,
		const char *member, const char *path, long i)
{
	struct cr_field_at at = { path, field->name, i, 0 };
	if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
		const ProtobufCMessage *sub;
		char below[128];
		memcpy(&sub, member, sizeof(sub));
		if (!sub)
			return;
		snprintf(below, sizeof(below), "%s%s%s", path, *path ? "." : "",
			 field->name);
		each_field(w, sub, below);
	} else if (size_of(field) == 8) {
		memcpy(&at.value, member, 8);
		w->fn(w->x, w->arg, &at);
	} else if (size_of(field)) {
		uint32_t value;
		memcpy(&value, member, 4);
		at.value = value;
		w->fn(w->x, w->arg, &at);
	}
}

static size_t count(const char *msg, const ProtobufCFieldDescriptor *field)
{
	size_t nr;
	memcpy(&nr, msg + field->quantifier_offset, sizeof(nr));
	return nr;
}

static bool is_there(const char *msg, const ProtobufCFieldDescriptor *field)
{
	protobuf_c_boolean has;
	if (field->label != PROTOBUF_C_LABEL_OPTIONAL ||
	    field->type == PROTOBUF_C_TYPE_MESSAGE)
		return true;
	memcpy(&has, msg + field->quantifier_offset, sizeof(has));
	return has;
}

static void each_field(const struct walk *w, const ProtobufCMessage *msg,
		       const char *path)
{
	const char *bytes = (const char *)msg;
	for (unsigned i = 0; i < msg->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field =
			&msg->descriptor->fields[i];
		const char *member = bytes + field->offset;
		if (field->label != PROTOBUF_C_LABEL_REPEATED) {
			if (size_of(field) && is_there(bytes, field))
				one(w, field, member, path, -1);
			continue;
		}
		const void *list;
		size_t nr = size_of(field) ? count(bytes, field) : 0;
		memcpy(&list, member, sizeof(list));
		for (size_t k = 0; k < nr; k++)
			one(w, field,
			    (const char *)list + k * size_of(field), path,
			    (long)k);
	}
}

void cr_x_each_field(struct cr_x *x, const ProtobufCMessage *msg,
		     cr_field_fn *fn, void *arg)
{
	struct walk w = { x, fn, arg };
	each_field(&w, msg, "");
}
