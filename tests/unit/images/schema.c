// SPDX-License-Identifier: MIT
/*
 * The compiled schema against the tables of facts in tests/data/schema, both
 * ways: what a table lists is compiled, and what is compiled is listed.
 *
 * fields.tsv has a row per field (file, message, number, label, type, name,
 * default, options), enums.tsv one per value (file, enum, name, number). The
 * compiled side is what the library has: the descriptors that cr_message_hints
 * lists, and its hints. The column `file` is not compared: nothing compiled
 * knows it.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "images/fh.pb-c.h"
#include "images/mnt.pb-c.h"
#include "images/opts.pb-c.h"
#include "lib/codec/hints.h"

#define NR_COLUMNS 8

struct field_row {
	const char *file, *message, *number, *label, *type, *name;
	const char *value; /* default, or "" */
	const char *options;
};

struct enum_row {
	const char *file, *name, *value, *number;
};

static struct field_row *field_rows;
static size_t nr_field_rows;
static struct enum_row *enum_rows;
static size_t nr_enum_rows;

/* Compiled messages: those with a row in cr_message_hints, and CRIU_Opts. */
static const ProtobufCMessageDescriptor **messages;
static size_t nr_messages;

/* Compiled enums: those that a field refers to, and these. */
static const ProtobufCEnumDescriptor *const unused_enums[] = {
	&fh_entry_sizes__descriptor,
	&fstype__descriptor,
};
static const ProtobufCEnumDescriptor **enums;
static size_t nr_enums;

static void *grow(void *array, size_t nr, size_t size)
{
	array = realloc(array, (nr + 1) * size);
	ck_assert_ptr_nonnull(array);
	return array;
}

/* Cuts a line at its tabs. Columns that are not there become "". */
static size_t split(char *line, const char **columns)
{
	size_t nr = 0;

	line[strcspn(line, "\n")] = '\0';
	for (size_t i = 0; i < NR_COLUMNS; i++)
		columns[i] = "";
	for (; line && nr < NR_COLUMNS; nr++)
		columns[nr] = strsep(&line, "\t");
	ck_assert_msg(!line, "too many columns after %s", columns[0]);
	return nr;
}

/* Hands each row of a table, without its head, to a function. */
static void read_table(const char *name, size_t nr_columns,
		       void (*row)(const char **columns))
{
	const char *dir = getenv("CR_TEST_DATA");
	const char *columns[NR_COLUMNS];
	char path[4096], *line = NULL;
	size_t room = 0, nr = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/schema/%s", dir ? dir : "tests/data",
		 name);
	f = fopen(path, "re");
	ck_assert_msg(f, "%s: %m", path);
	while (getline(&line, &room, f) > 0) {
		ck_assert_msg(split(line, columns) == nr_columns,
			      "%s: line %zu: not %zu columns", path, nr + 1,
			      nr_columns);
		if (nr++)
			row(columns); /* they point into the line: it stays */
		else
			free(line);
		line = NULL;
		room = 0;
	}
	free(line);
	fclose(f);
	ck_assert_msg(nr > 1, "%s: no rows", path);
}

static void add_field_row(const char **columns)
{
	field_rows = grow(field_rows, nr_field_rows, sizeof(*field_rows));
	field_rows[nr_field_rows++] = (struct field_row){
		.file = columns[0],
		.message = columns[1],
		.number = columns[2],
		.label = columns[3],
		.type = columns[4],
		.name = columns[5],
		.value = columns[6],
		.options = columns[7],
	};
}

static void add_enum_row(const char **columns)
{
	enum_rows = grow(enum_rows, nr_enum_rows, sizeof(*enum_rows));
	enum_rows[nr_enum_rows++] = (struct enum_row){
		.file = columns[0],
		.name = columns[1],
		.value = columns[2],
		.number = columns[3],
	};
}

static void add_message(const ProtobufCMessageDescriptor *message)
{
	messages = grow(messages, nr_messages, sizeof(*messages));
	messages[nr_messages++] = message;
}

static void add_enum(const ProtobufCEnumDescriptor *enumeration)
{
	for (size_t i = 0; i < nr_enums; i++)
		if (enums[i] == enumeration)
			return;
	enums = grow(enums, nr_enums, sizeof(*enums));
	enums[nr_enums++] = enumeration;
}

static void add_enums_of(const ProtobufCMessageDescriptor *message)
{
	for (unsigned i = 0; i < message->n_fields; i++)
		if (message->fields[i].type == PROTOBUF_C_TYPE_ENUM)
			add_enum(message->fields[i].descriptor);
}

static void setup(void)
{
	read_table("fields.tsv", 8, add_field_row);
	read_table("enums.tsv", 4, add_enum_row);
	for (unsigned i = 0; i < cr_nr_message_hints; i++)
		add_message(cr_message_hints[i].desc);
	add_message(&criu__opts__descriptor);
	for (size_t i = 0; i < nr_messages; i++)
		add_enums_of(messages[i]);
	for (size_t i = 0; i < sizeof(unused_enums) / sizeof(*unused_enums);
	     i++)
		add_enum(unused_enums[i]);
}

static const ProtobufCMessageDescriptor *find_message(const char *name)
{
	for (size_t i = 0; i < nr_messages; i++)
		if (!strcmp(messages[i]->name, name))
			return messages[i];
	return NULL;
}

static const ProtobufCEnumDescriptor *find_enum(const char *name)
{
	for (size_t i = 0; i < nr_enums; i++)
		if (!strcmp(enums[i]->name, name))
			return enums[i];
	return NULL;
}

/* Not through fields_sorted_by_name, which is generated like the rest. */
static const ProtobufCFieldDescriptor *find_field(const struct field_row *row)
{
	const ProtobufCMessageDescriptor *message = find_message(row->message);

	for (unsigned i = 0; message && i < message->n_fields; i++)
		if (!strcmp(message->fields[i].name, row->name))
			return &message->fields[i];
	return NULL;
}

static const struct cr_hint *find_hint(const char *message, uint32_t number)
{
	for (unsigned i = 0; i < cr_nr_message_hints; i++) {
		const struct cr_message_hints *row = &cr_message_hints[i];

		if (strcmp(row->desc->name, message))
			continue;
		for (unsigned k = 0; k < row->nr_hints; k++)
			if (row->hints[k].number == number)
				return &row->hints[k];
	}
	return NULL;
}

static const char *number_text(const ProtobufCFieldDescriptor *field, char *buf,
			       size_t size)
{
	snprintf(buf, size, "%" PRIu32, field->id);
	return buf;
}

static const char *label_text(const ProtobufCFieldDescriptor *field, char *buf,
			      size_t size)
{
	switch (field->label) {
	case PROTOBUF_C_LABEL_REQUIRED:
		return "required";
	case PROTOBUF_C_LABEL_OPTIONAL:
		return "optional";
	case PROTOBUF_C_LABEL_REPEATED:
		return "repeated";
	default:
		return "?";
	}
}

static const char *type_text(const ProtobufCFieldDescriptor *field, char *buf,
			     size_t size)
{
	// clang-format off
	static const char *const names[] = {
		[PROTOBUF_C_TYPE_INT32]  = "int32",  [PROTOBUF_C_TYPE_SINT32]  = "sint32",
		[PROTOBUF_C_TYPE_INT64]  = "int64",  [PROTOBUF_C_TYPE_SINT64]  = "sint64",
		[PROTOBUF_C_TYPE_UINT32] = "uint32", [PROTOBUF_C_TYPE_FIXED32] = "fixed32",
		[PROTOBUF_C_TYPE_UINT64] = "uint64", [PROTOBUF_C_TYPE_FIXED64] = "fixed64",
		[PROTOBUF_C_TYPE_BOOL]   = "bool",   [PROTOBUF_C_TYPE_STRING]  = "string",
		[PROTOBUF_C_TYPE_BYTES]  = "bytes",
	};
	// clang-format on
	const ProtobufCMessageDescriptor *message = field->descriptor;
	const ProtobufCEnumDescriptor *enumeration = field->descriptor;

	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		snprintf(buf, size, "message:%s", message->name);
	else if (field->type == PROTOBUF_C_TYPE_ENUM)
		snprintf(buf, size, "enum:%s", enumeration->name);
	else if (field->type < sizeof(names) / sizeof(*names) &&
		 names[field->type])
		snprintf(buf, size, "%s", names[field->type]);
	else
		snprintf(buf, size, "type %d", (int)field->type);
	return buf;
}

/* The declared default as the table writes it, "" if there is none. */
static const char *default_text(const ProtobufCFieldDescriptor *field,
				char *buf, size_t size)
{
	const void *p = field->default_value;
	const ProtobufCEnumValue *value;

	*buf = '\0';
	if (!p)
		return buf;
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
		snprintf(buf, size, "%" PRId32, *(const int32_t *)p);
		break;
	case PROTOBUF_C_TYPE_UINT32:
		snprintf(buf, size, "%" PRIu32, *(const uint32_t *)p);
		break;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
		snprintf(buf, size, "%" PRId64, *(const int64_t *)p);
		break;
	case PROTOBUF_C_TYPE_UINT64:
		snprintf(buf, size, "%" PRIu64, *(const uint64_t *)p);
		break;
	case PROTOBUF_C_TYPE_BOOL:
		snprintf(buf, size, "%s",
			 *(const protobuf_c_boolean *)p ? "true" : "false");
		break;
	case PROTOBUF_C_TYPE_ENUM:
		value = protobuf_c_enum_descriptor_get_value(field->descriptor,
							     *(const int *)p);
		snprintf(buf, size, "%s", value ? value->name : "?");
		break;
	default:
		snprintf(buf, size, "of a type this test does not print");
	}
	return buf;
}

/* A hint as the table spells it; arg is not terminated. */
struct expected {
	enum cr_form form;
	const char *arg;
	size_t arg_len;
};

/*
 * The hint that an options column asks for. Every combination in the table is
 * here; a new one has to be understood first.
 */
static struct expected expect_hint(const char *options)
{
	// clang-format off
	static const struct {
		const char *before, *after; /* of the argument */
		enum cr_form form;
	} forms[] = {
		{ "[criu] {   hex: true",               " }",   CR_FORM_HEX },
		{ "[criu] {   ipadd: true",             " }",   CR_FORM_IPADD },
		{ "[criu] {   dev: true",               " }",   CR_FORM_DEV },
		{ "[criu] {   dev: true   odev: true",  " }",   CR_FORM_ODEV },
		{ "[criu] {   flags: \"",               "\" }", CR_FORM_FLAGS },
		{ "[criu] {   dict: \"",                "\" }", CR_FORM_DICT },
		{ "[criu] {   conv: \"",                "\" }", CR_FORM_CONV },
	};
	// clang-format on

	if (!*options || !strcmp(options, "packed: true"))
		return (struct expected){ .form = CR_FORM_NONE };
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		size_t before = strlen(forms[i].before);
		const char *arg = options + before;
		size_t len;

		if (strncmp(options, forms[i].before, before))
			continue;
		len = strcspn(arg, "\" ");
		if (strcmp(arg + len, forms[i].after))
			continue;
		return (struct expected){ forms[i].form, arg, len };
	}
	ck_abort_msg("options this test does not understand: %s", options);
}

static bool hint_matches(const struct cr_hint *hint,
			 const struct expected *expected)
{
	const char *arg = hint && hint->arg ? hint->arg : "";

	return (hint ? hint->form : CR_FORM_NONE) == expected->form &&
	       strlen(arg) == expected->arg_len &&
	       !strncmp(arg, expected->arg_len ? expected->arg : "",
			expected->arg_len);
}

START_TEST(every_listed_field_is_compiled)
{
	for (size_t i = 0; i < nr_field_rows; i++) {
		const struct field_row *row = &field_rows[i];

		ck_assert_msg(find_message(row->message),
			      "%s: message %s is not compiled", row->file,
			      row->message);
		ck_assert_msg(find_field(row), "%s: field %s.%s is not compiled",
			      row->file, row->message, row->name);
	}
}
END_TEST

START_TEST(every_compiled_message_is_listed)
{
	for (size_t i = 0; i < nr_messages; i++) {
		size_t nr = 0;

		for (size_t k = 0; k < nr_field_rows; k++)
			nr += !strcmp(field_rows[k].message, messages[i]->name);
		ck_assert_msg(nr, "message %s is not in the table",
			      messages[i]->name);
	}
}
END_TEST

/* Options of ours stand beside CRIU's. */
static bool is_ours(const ProtobufCMessageDescriptor *message,
		    const ProtobufCFieldDescriptor *field)
{
	return message == &criu__opts__descriptor && field->id >= 100;
}

START_TEST(every_compiled_field_is_listed)
{
	for (size_t i = 0; i < nr_messages; i++) {
		for (unsigned k = 0; k < messages[i]->n_fields; k++) {
			const char *name = messages[i]->fields[k].name;
			size_t nr = 0;

			if (is_ours(messages[i], &messages[i]->fields[k]))
				continue;
			for (size_t r = 0; r < nr_field_rows; r++)
				nr += !strcmp(field_rows[r].message,
					      messages[i]->name) &&
				      !strcmp(field_rows[r].name, name);
			ck_assert_msg(nr == 1, "%s.%s: %zu rows in the table",
				      messages[i]->name, name, nr);
		}
	}
}
END_TEST

/* A property of a field as the table and the descriptor spell it. */
typedef const char *spell_fn(const ProtobufCFieldDescriptor *field, char *buf,
			     size_t size);

/* Rows whose field is not compiled are the subject of a test above. */
static void compare(const char *what, size_t column, spell_fn *spell)
{
	for (size_t i = 0; i < nr_field_rows; i++) {
		const struct field_row *row = &field_rows[i];
		const ProtobufCFieldDescriptor *field = find_field(row);
		const char *listed, *compiled;
		char buf[128];

		if (!field)
			continue;
		memcpy(&listed, (const char *)row + column, sizeof(listed));
		compiled = spell(field, buf, sizeof(buf));
		ck_assert_msg(!strcmp(listed, compiled),
			      "%s.%s: %s listed \"%s\", compiled \"%s\"",
			      row->message, row->name, what, listed, compiled);
	}
}

START_TEST(field_numbers_agree)
{
	compare("number", offsetof(struct field_row, number), number_text);
}
END_TEST

START_TEST(field_labels_agree)
{
	compare("label", offsetof(struct field_row, label), label_text);
}
END_TEST

START_TEST(field_types_agree)
{
	compare("type", offsetof(struct field_row, type), type_text);
}
END_TEST

START_TEST(field_defaults_agree)
{
	compare("default", offsetof(struct field_row, value), default_text);
}
END_TEST

START_TEST(field_packing_agrees)
{
	for (size_t i = 0; i < nr_field_rows; i++) {
		const struct field_row *row = &field_rows[i];
		const ProtobufCFieldDescriptor *field = find_field(row);
		bool listed = strstr(row->options, "packed: true");

		if (!field)
			continue;
		ck_assert_msg(
			!!(field->flags & PROTOBUF_C_FIELD_FLAG_PACKED) ==
				listed,
			"%s.%s: %slisted as packed", row->message, row->name,
			listed ? "" : "not ");
	}
}
END_TEST

/* Members of the C struct stand in the order of the schema. */
START_TEST(fields_are_declared_in_the_order_of_the_table)
{
	for (size_t i = 1; i < nr_field_rows; i++) {
		const struct field_row *row = &field_rows[i];
		const ProtobufCFieldDescriptor *last, *field;

		if (strcmp(row[-1].message, row->message))
			continue;
		last = find_field(row - 1);
		field = find_field(row);
		if (!last || !field)
			continue;
		ck_assert_msg(last->offset < field->offset,
			      "%s.%s is declared before %s", row->message,
			      row->name, row[-1].name);
	}
}
END_TEST

START_TEST(every_listed_option_has_its_hint)
{
	for (size_t i = 0; i < nr_field_rows; i++) {
		const struct field_row *row = &field_rows[i];
		const ProtobufCFieldDescriptor *field = find_field(row);
		struct expected expected = expect_hint(row->options);
		const struct cr_hint *hint;

		if (!field)
			continue;
		hint = find_hint(row->message, field->id);
		ck_assert_msg(hint_matches(hint, &expected),
			      "%s.%s: options listed \"%s\", "
			      "compiled form %d \"%s\"",
			      row->message, row->name, row->options,
			      hint ? (int)hint->form : 0,
			      hint && hint->arg ? hint->arg : "");
	}
}
END_TEST

START_TEST(every_hint_belongs_to_a_field)
{
	for (unsigned i = 0; i < cr_nr_message_hints; i++) {
		const struct cr_message_hints *row = &cr_message_hints[i];

		ck_assert(!row->hints == !row->nr_hints);
		for (unsigned k = 0; k < row->nr_hints; k++) {
			uint32_t number = row->hints[k].number;

			ck_assert_msg(protobuf_c_message_descriptor_get_field(
					      row->desc, number),
				      "%s: hint for number %" PRIu32
				      ", which no field has",
				      row->desc->name, number);
		}
	}
}
END_TEST

START_TEST(hints_ascend_by_number)
{
	for (unsigned i = 0; i < cr_nr_message_hints; i++) {
		const struct cr_message_hints *row = &cr_message_hints[i];

		for (unsigned k = 1; k < row->nr_hints; k++)
			ck_assert_msg(row->hints[k - 1].number <
					      row->hints[k].number,
				      "%s: hint %u", row->desc->name, k);
	}
}
END_TEST

START_TEST(messages_are_sorted_by_name)
{
	for (unsigned i = 1; i < cr_nr_message_hints; i++) {
		const char *last = cr_message_hints[i - 1].desc->name;
		const char *name = cr_message_hints[i].desc->name;

		ck_assert_msg(strcmp(last, name) < 0, "%s stands after %s",
			      name, last);
	}
}
END_TEST

static const ProtobufCEnumValue *
find_value(const ProtobufCEnumDescriptor *enumeration, const char *name)
{
	for (unsigned i = 0; i < enumeration->n_values; i++)
		if (!strcmp(enumeration->values[i].name, name))
			return &enumeration->values[i];
	return NULL;
}

START_TEST(every_listed_enum_value_is_compiled)
{
	for (size_t i = 0; i < nr_enum_rows; i++) {
		const struct enum_row *row = &enum_rows[i];
		const ProtobufCEnumDescriptor *enumeration;
		const ProtobufCEnumValue *value;
		char number[16];

		enumeration = find_enum(row->name);
		ck_assert_msg(enumeration, "%s: enum %s is not compiled",
			      row->file, row->name);
		value = find_value(enumeration, row->value);
		ck_assert_msg(value, "%s: value %s.%s is not compiled",
			      row->file, row->name, row->value);
		snprintf(number, sizeof(number), "%d", value->value);
		ck_assert_msg(!strcmp(number, row->number),
			      "%s.%s: listed as %s, compiled as %s", row->name,
			      row->value, row->number, number);
	}
}
END_TEST

START_TEST(every_compiled_enum_value_is_listed)
{
	for (size_t i = 0; i < nr_enums; i++) {
		if (enums[i] == &criu__opts__meaning__descriptor)
			continue;
		for (unsigned k = 0; k < enums[i]->n_values; k++) {
			const char *name = enums[i]->values[k].name;
			size_t nr = 0;

			for (size_t r = 0; r < nr_enum_rows; r++)
				nr += !strcmp(enum_rows[r].name,
					      enums[i]->name) &&
				      !strcmp(enum_rows[r].value, name);
			ck_assert_msg(nr == 1, "%s.%s: %zu rows in the table",
				      enums[i]->name, name, nr);
		}
	}
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("images/schema");
	TCase *tcase = tcase_create("tables");

	tcase_add_unchecked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, every_listed_field_is_compiled);
	tcase_add_test(tcase, every_compiled_message_is_listed);
	tcase_add_test(tcase, every_compiled_field_is_listed);
	tcase_add_test(tcase, field_numbers_agree);
	tcase_add_test(tcase, field_labels_agree);
	tcase_add_test(tcase, field_types_agree);
	tcase_add_test(tcase, field_defaults_agree);
	tcase_add_test(tcase, field_packing_agrees);
	tcase_add_test(tcase, fields_are_declared_in_the_order_of_the_table);
	tcase_add_test(tcase, every_listed_option_has_its_hint);
	tcase_add_test(tcase, every_hint_belongs_to_a_field);
	tcase_add_test(tcase, hints_ascend_by_number);
	tcase_add_test(tcase, messages_are_sorted_by_name);
	tcase_add_test(tcase, every_listed_enum_value_is_compiled);
	tcase_add_test(tcase, every_compiled_enum_value_is_listed);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(make_suite());
	int nr_failed;

	srunner_run_all(runner, CK_ENV);
	nr_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return nr_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
