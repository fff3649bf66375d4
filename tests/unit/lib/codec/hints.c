// SPDX-License-Identifier: MIT
#include "lib/codec/hints.h"

#include <stdbool.h>

#include "images/core.pb-c.h"
#include "images/pstree.pb-c.h"
#include "images/sk-inet.pb-c.h"
#include "tests/support/main.h"

TEST(meanings_by_field)
{
	ck_assert_int_eq(cr_hints_meaning(&pstree_entry__descriptor, 1),
			 CR_MEANS_PID);
	ck_assert_int_eq(cr_hints_meaning(&pstree_entry__descriptor, 5),
			 CR_MEANS_PID);
	ck_assert_int_eq(cr_hints_meaning(&inet_sk_entry__descriptor, 7),
			 CR_MEANS_PORT);
	ck_assert_int_eq(cr_hints_meaning(&inet_sk_entry__descriptor, 11),
			 CR_MEANS_IP);
	ck_assert_int_eq(cr_hints_meaning(&inet_sk_entry__descriptor, 1),
			 CR_MEANS_NOTHING);
	ck_assert_int_eq(cr_hints_meaning(&core_entry__descriptor, 1),
			 CR_MEANS_NOTHING);
}

static bool is_integer(const ProtobufCFieldDescriptor *f)
{
	return f->type <= PROTOBUF_C_TYPE_FIXED64;
}

/* What changes values of a kind counts on their type. */
static void check_type(const ProtobufCFieldDescriptor *f, enum cr_meaning means)
{
	bool repeated = f->label == PROTOBUF_C_LABEL_REPEATED;

	switch (means) {
	case CR_MEANS_PID:
		ck_assert(is_integer(f));
		return;
	case CR_MEANS_PORT:
		ck_assert(f->type == PROTOBUF_C_TYPE_UINT32 && !repeated);
		return;
	case CR_MEANS_IP:
		ck_assert(f->type == PROTOBUF_C_TYPE_UINT32 && repeated);
		return;
	case CR_MEANS_KEY:
		ck_assert(f->type == PROTOBUF_C_TYPE_UINT64 && !repeated);
		return;
	case CR_MEANS_SOCKET_NAME:
	case CR_MEANS_MAC:
	case CR_MEANS_SIGINFO:
		ck_assert(f->type == PROTOBUF_C_TYPE_BYTES && !repeated);
		return;
	default:
		ck_assert(f->type == PROTOBUF_C_TYPE_STRING && !repeated);
	}
}

TEST(meanings_fit_their_fields)
{
	unsigned nr[CR_MEANS_SIGINFO + 1] = { 0 };

	for (unsigned i = 0; i < cr_nr_message_hints; i++) {
		const struct cr_message_hints *row = &cr_message_hints[i];
		for (unsigned k = 0; k < row->nr_meanings; k++) {
			const struct cr_field_meaning *m = &row->meanings[k];
			const ProtobufCFieldDescriptor *f =
				protobuf_c_message_descriptor_get_field(
					row->desc, m->number);
			ck_assert_ptr_nonnull(f);
			check_type(f, m->means);
			nr[m->means]++;
			if (k)
				ck_assert_uint_lt(m[-1].number, m->number);
		}
	}
	for (enum cr_meaning m = CR_MEANS_PID; m <= CR_MEANS_SIGINFO; m++)
		ck_assert_uint_gt(nr[m], 0);
	ck_assert_uint_eq(nr[CR_MEANS_KEY], 10);
}

TEST_MAIN("lib/codec/hints")
