// SPDX-License-Identifier: MIT
#include "lib/codec/plan.h"

#include "images/core.pb-c.h"
#include "images/pagemap.pb-c.h"
#include "images/regfile.pb-c.h"
#include "images/sk-inet.pb-c.h"
#include "images/sk-unix.pb-c.h"
#include "images/vma.pb-c.h"
#include "lib/codec/present.h"
#include "tests/support/codec.h"
#include "tests/support/main.h"

static struct cr_codec codec;

/* Freed when the test's process ends, which is a leak to nobody: the codec is
 * static. */
static const struct cr_plan *plan_of(const ProtobufCMessageDescriptor *desc,
				     struct cr_style style)
{
	const struct cr_plan *got;

	cr_codec_deinit(&codec);
	cr_codec_init(&codec, style);
	ck_assert_ptr_null(cr_codec_plan(&codec, desc, false, &got));
	return got;
}

static const struct cr_field *field(const struct cr_plan *plan,
				    const char *name)
{
	const struct cr_field *got =
		cr_plan_by_name(plan, name, strlen(name));

	ck_assert_msg(got, "%s", name);
	return got;
}

static const struct cr_plan *sub(const struct cr_plan *plan, const char *name)
{
	const struct cr_plan *got;

	ck_assert_ptr_null(cr_codec_sub(&codec, field(plan, name), &got));
	return got;
}

/* Keys */

static const char *key(const struct cr_plan *plan, const char *name)
{
	const struct cr_field *f = field(plan, name);

	return cr_test_format("%.*s", f->key_size, cr_field_key(f));
}

TEST(keys_are_spelled_as_in_the_schema)
{
	assert_text(key(plan_of(&pagemap_entry__descriptor, PLAIN),
			"compat_nr_pages"),
		    "\"compat_nr_pages\": ");
	assert_text(key(plan_of(&pagemap_entry__descriptor, PRETTY), "vaddr"),
		    "\"vaddr\": ");
}

TEST(keys_of_the_go_dialect_are_in_camel_case)
{
	const struct cr_plan *plan = plan_of(&pagemap_entry__descriptor, GO);

	assert_text(key(plan, "compat_nr_pages"), "\"compatNrPages\":");
	assert_text(key(plan, "vaddr"), "\"vaddr\":");
}

TEST(keys_of_the_indented_go_dialect_have_a_blank)
{
	struct cr_style style = { .go = true, .indent = true };

	assert_text(key(plan_of(&pagemap_entry__descriptor, style),
			"nr_pages"),
		    "\"nrPages\": ");
}

TEST(a_field_is_found_in_either_spelling)
{
	const struct cr_plan *plan = plan_of(&pagemap_entry__descriptor, PLAIN);
	const struct cr_field *f = field(plan, "compat_nr_pages");

	ck_assert_ptr_eq(field(plan, "compatNrPages"), f);
	ck_assert_uint_eq(cr_field_number(f), 2);
}

TEST(a_field_is_found_in_no_other_spelling)
{
	static const char *const bad[] = {
		"", "compat_nr_page", "compat_nr_pagess", "compat_nrPages",
		"CompatNrPages", "compatnrpages", "compatNrPage",
		"compatNrPagesx", "Vaddr", "vadd",
	};
	const struct cr_plan *plan = plan_of(&pagemap_entry__descriptor, PLAIN);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!cr_plan_by_name(plan, bad[i], strlen(bad[i])),
			      "%s", bad[i]);
	ck_assert_ptr_null(cr_plan_by_name(plan, "vaddr\0", 6));
}

TEST(every_field_of_the_schema_is_found_by_name_and_number)
{
	for (unsigned i = 0; i < cr_nr_message_hints; i++) {
		const ProtobufCMessageDescriptor *desc =
			cr_message_hints[i].desc;
		const struct cr_plan *plan = plan_of(desc, PLAIN);

		ck_assert_uint_eq(plan->nr_fields, desc->n_fields);
		for (unsigned k = 0; k < desc->n_fields; k++) {
			const ProtobufCFieldDescriptor *f = &desc->fields[k];

			ck_assert_msg(field(plan, f->name)->desc == f, "%s.%s",
				      desc->name, f->name);
			ck_assert_msg(cr_plan_by_number(plan, f->id)->desc ==
					      f,
				      "%s.%s", desc->name, f->name);
		}
		ck_assert_ptr_null(cr_plan_by_number(plan, 0));
		ck_assert_ptr_null(cr_plan_by_number(plan, 536870911));
	}
}

/* The Go names of a message are all different, and none is another's own. */
TEST(no_two_fields_share_a_spelling)
{
	for (unsigned i = 0; i < cr_nr_message_hints; i++) {
		const ProtobufCMessageDescriptor *desc =
			cr_message_hints[i].desc;
		const struct cr_plan *go = plan_of(desc, GO);

		for (unsigned k = 0; k < go->nr_fields; k++) {
			const struct cr_field *f = &go->fields[k];
			const char *name = cr_field_key(f) + 1;

			ck_assert_msg(cr_plan_by_name(go, name,
						      f->key_size - 3u) == f,
				      "%s.%s", desc->name, f->name);
		}
	}
}

/* Kinds */

TEST(a_field_knows_its_wire_type)
{
	static const struct {
		const char *name;
		uint8_t kind, bits, wire;
	} rows[] = {
		{ "u32", CR_FIELD_UINT, 32, 0 },
		{ "u64", CR_FIELD_UINT, 64, 0 },
		{ "i32", CR_FIELD_INT, 32, 0 },
		{ "i64", CR_FIELD_INT, 64, 0 },
		{ "s32", CR_FIELD_ZIGZAG, 32, 0 },
		{ "s64", CR_FIELD_ZIGZAG, 64, 0 },
		{ "flag", CR_FIELD_BOOL, 32, 0 },
		{ "lsm", CR_FIELD_ENUM, 32, 0 },
		{ "f32", CR_FIELD_FIXED, 32, 5 },
		{ "f64", CR_FIELD_FIXED, 64, 1 },
		{ "sf32", CR_FIELD_SFIXED, 32, 5 },
		{ "sf64", CR_FIELD_SFIXED, 64, 1 },
		{ "text", CR_FIELD_STRING, 0, 2 },
		{ "data", CR_FIELD_BYTES, 0, 2 },
		{ "sub", CR_FIELD_MESSAGE, 0, 2 },
		{ "packed_nums", CR_FIELD_UINT, 32, 0 },
	};
	const struct cr_plan *plan = plan_of(&cr_test_all, PLAIN);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct cr_field *f = field(plan, rows[i].name);

		ck_assert_msg(f->kind == rows[i].kind &&
				      f->bits == rows[i].bits &&
				      f->wire == rows[i].wire,
			      "%s", f->name);
		ck_assert_int_eq(cr_field_is_scalar(f), rows[i].wire != 2);
	}
}

TEST(a_packed_field_is_written_with_the_tag_of_bytes)
{
	const struct cr_plan *plan = plan_of(&cr_test_all, PLAIN);

	ck_assert_uint_eq(field(plan, "nums")->tag, 16 << 3);
	ck_assert_uint_eq(field(plan, "packed_nums")->tag, 17 << 3 | 2);
	ck_assert_uint_eq(field(plan, "far")->tag_size, 3);
}

TEST(required_fields_are_a_set)
{
	ck_assert_uint_eq(plan_of(&cr_test_need, PLAIN)->required, 0xb);
	ck_assert_uint_eq(plan_of(&cr_test_all, PLAIN)->required, 0);
	// id, flags, pos, fown, name
	ck_assert_uint_eq(plan_of(&reg_file_entry__descriptor, PLAIN)->required,
			  0x1f);
}

TEST(a_type_without_a_codec_is_our_mistake)
{
	static const ProtobufCFieldDescriptor fields[] = {
		{ .name = "x", .id = 1, .type = PROTOBUF_C_TYPE_DOUBLE },
	};
	static const ProtobufCMessageDescriptor desc = {
		.name = "m",
		.n_fields = 1,
		.fields = fields,
	};
	const struct cr_plan *plan;

	cr_codec_init(&codec, PLAIN);
	assert_text(cr_test_error(cr_codec_plan(&codec, &desc, false, &plan)),
		    "! INTERNAL field x: no codec");
}

/* Forms */

TEST(forms_are_shown_if_the_style_says_so)
{
	const struct cr_plan *plan = plan_of(&vma_entry__descriptor, FORMS);

	ck_assert_int_eq(field(plan, "start")->form, CR_FORM_HEX);
	ck_assert_int_eq(field(plan, "prot")->form, CR_FORM_FLAGS);
	ck_assert_int_eq(field(plan, "pgoff")->form, CR_FORM_NONE);
	plan = plan_of(&vma_entry__descriptor, PLAIN);
	ck_assert_int_eq(field(plan, "start")->form, CR_FORM_NONE);
	ck_assert_int_eq(field(plan, "start")->hint, CR_FORM_HEX);
	ck_assert_int_eq(field(plan, "prot")->hint, CR_FORM_FLAGS);
	plan = plan_of(&vma_entry__descriptor, GO);
	ck_assert_int_eq(field(plan, "start")->form, CR_FORM_NONE);
}

TEST(a_socket_name_has_its_form_in_every_style_but_gos)
{
	const ProtobufCMessageDescriptor *desc = &unix_sk_entry__descriptor;

	ck_assert_int_eq(field(plan_of(desc, PLAIN), "name")->form,
			 CR_FORM_CONV);
	ck_assert_int_eq(field(plan_of(desc, FORMS), "name")->form,
			 CR_FORM_CONV);
	ck_assert_int_eq(field(plan_of(desc, GO), "name")->form, CR_FORM_NONE);
}

TEST(names_of_values_depend_on_the_field)
{
	const struct cr_plan *plan = plan_of(&inet_sk_entry__descriptor, FORMS);

	ck_assert_ptr_eq(field(plan, "family")->names,
			 cr_names_find(CR_FORM_DICT, "sk", "family"));
	ck_assert_ptr_eq(field(plan, "state")->names,
			 cr_names_find(CR_FORM_DICT, "sk", "state"));
	ck_assert_int_eq(field(plan, "src_addr")->form, CR_FORM_IPADD);
}

TEST(hex_is_passed_on_to_the_integers_of_a_message)
{
	const struct cr_plan *core = plan_of(&core_entry__descriptor, FORMS);
	const struct cr_plan *info = sub(core, "thread_info");
	const struct cr_plan *regs = sub(info, "gpregs");

	ck_assert(!core->hex && !info->hex && regs->hex);
	ck_assert_int_eq(field(regs, "r15")->form, CR_FORM_HEX);
	// clear_tid_addr has the option itself; the FP registers do not.
	ck_assert_int_eq(field(info, "clear_tid_addr")->form, CR_FORM_HEX);
	ck_assert(!sub(info, "fpregs")->hex);
}

TEST(inherited_hex_beats_other_forms_but_addresses)
{
	const struct cr_plan *plan;

	cr_codec_init(&codec, FORMS);
	ck_assert_ptr_null(cr_codec_plan(&codec, &inet_sk_entry__descriptor,
					 true, &plan));
	ck_assert_int_eq(field(plan, "family")->form, CR_FORM_HEX);
	ck_assert_int_eq(field(plan, "src_port")->form, CR_FORM_HEX);
	ck_assert_int_eq(field(plan, "src_addr")->form, CR_FORM_IPADD);
	ck_assert_int_eq(field(plan, "v6only")->form, CR_FORM_NONE);
	ck_assert_int_eq(field(plan, "shutdown")->form, CR_FORM_NONE);
	ck_assert_int_eq(field(plan, "ifname")->form, CR_FORM_NONE);
	ck_assert(sub(plan, "ip_opts")->hex);
	ck_assert(sub(sub(plan, "ip_opts"), "raw")->hex);
}

TEST(inherited_hex_is_another_plan)
{
	const struct cr_plan *plain, *with_hex, *again;

	cr_codec_init(&codec, FORMS);
	ck_assert_ptr_null(
		cr_codec_plan(&codec, &vma_entry__descriptor, false, &plain));
	ck_assert_ptr_null(
		cr_codec_plan(&codec, &vma_entry__descriptor, true, &with_hex));
	ck_assert_ptr_null(
		cr_codec_plan(&codec, &vma_entry__descriptor, false, &again));
	ck_assert_ptr_ne(plain, with_hex);
	ck_assert_ptr_eq(plain, again);
	ck_assert_int_eq(field(plain, "pgoff")->form, CR_FORM_NONE);
	ck_assert_int_eq(field(with_hex, "pgoff")->form, CR_FORM_HEX);
}

TEST(registers_of_a_thread_are_hex_and_enums_are_names)
{
	assert_message_json(&core_entry__descriptor,
			    cat(num(1, 1),
				len(2, num(1, 4096),
				    len(2, num(1, 0xff), num(22, 1),
					num(28, 1)))),
			    "{'mtype': 'X86_64', 'thread_info': "
			    "{'clear_tid_addr': '0x1000', 'gpregs': "
			    "{'r15': '0xff', 'fs_base': '0x1', "
			    "'mode': 'NATIVE', '@missing': ['r14', 'r13', "
			    "'r12', 'bp', 'bx', 'r11', 'r10', 'r9', 'r8', "
			    "'ax', 'cx', 'dx', 'si', 'di', 'orig_ax', 'ip', "
			    "'cs', 'flags', 'sp', 'ss', 'gs_base', 'ds', "
			    "'es', 'fs', 'gs']}, '@missing': ['fpregs']}}");
}

TEST_MAIN("lib/codec/plan")
