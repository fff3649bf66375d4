// SPDX-License-Identifier: MIT
/*
 * gen-hints DESCRIPTOR_SET > hints.c
 *
 * Runs while the project is built. Reads what protoc understood of the schema
 * (protoc --include_imports --descriptor_set_out) and prints the tables that
 * lib/codec/hints.h declares: every message, and for its fields the form of
 * display that the `criu` option asks for, and what they mean.
 *
 * It knows the rules, not the rows: which option fits which type, and which of
 * several counts. An option it does not know, or one on a type it makes no
 * sense for, ends the build. Nothing is freed; the program lives for a moment.
 *
 * Facts: google/protobuf/descriptor.proto; images/opts.proto; protobuf-c 1.4,
 * which has no extensions and keeps them as unknown fields; "Encoding" of the
 * protobuf manual, by which the occurrences of a message field are merged by
 * joining their bytes.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <protobuf-c/protobuf-c.h>

#include "google/protobuf/descriptor.pb-c.h"
#include "images/opts.pb-c.h"

typedef Google__Protobuf__FileDescriptorSet set_t;
typedef Google__Protobuf__FileDescriptorProto file_t;
typedef Google__Protobuf__DescriptorProto message_t;
typedef Google__Protobuf__FieldDescriptorProto field_t;

#define T(name) \
	(1u << GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_##name)

enum {
	TYPES_SIGNED = T(INT32) | T(INT64) | T(SINT32) | T(SINT64) |
		       T(SFIXED32) | T(SFIXED64),
	TYPES_UNSIGNED = T(UINT32) | T(UINT64) | T(FIXED32) | T(FIXED64),
	TYPES_INTEGER = TYPES_SIGNED | TYPES_UNSIGNED,
};

enum repeats { ANY, ONCE, REPEATED };

/*
 * The options and what they may stand on, in order of precedence. The getter
 * says whether the option is set, and its argument if it has one.
 */
struct option {
	const char *name;
	const char *form; /* NULL: has none of its own */
	unsigned types;	  /* bits of T() */
	enum repeats repeats;
	bool (*get)(const CRIUOpts *opts, const char **arg_ret);
};

/* A message and the header its descriptor is declared in. */
struct row {
	const message_t *message;
	const char *file;
	unsigned nr_hints;
	unsigned nr_meanings;
};

static void die(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

static void die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("gen-hints: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

static void *alloc(size_t nr, size_t size)
{
	void *p = calloc(nr ? nr : 1, size);

	if (!p)
		die("out of memory");
	return p;
}

static bool get_ipadd(const CRIUOpts *opts, const char **arg_ret)
{
	return opts->has_ipadd && opts->ipadd;
}

static bool get_hex(const CRIUOpts *opts, const char **arg_ret)
{
	return opts->has_hex && opts->hex;
}

static bool get_dev(const CRIUOpts *opts, const char **arg_ret)
{
	return opts->has_dev && opts->dev;
}

/* odev says how, dev says that: alone it is allowed and does nothing. */
static bool get_odev(const CRIUOpts *opts, const char **arg_ret)
{
	return opts->has_odev && opts->odev;
}

static bool get_both_devs(const CRIUOpts *opts, const char **arg_ret)
{
	return get_dev(opts, arg_ret) && get_odev(opts, arg_ret);
}

static bool get_flags(const CRIUOpts *opts, const char **arg_ret)
{
	*arg_ret = opts->flags;
	return opts->flags;
}

static bool get_dict(const CRIUOpts *opts, const char **arg_ret)
{
	*arg_ret = opts->dict;
	return opts->dict;
}

static bool get_conv(const CRIUOpts *opts, const char **arg_ret)
{
	*arg_ret = opts->conv;
	return opts->conv;
}

// clang-format off
static const struct option options[] = {
	/* name     form             stands on                   times     set? */
	{ "ipadd", "CR_FORM_IPADD", T(UINT32),                  REPEATED, get_ipadd },
	{ "hex",   "CR_FORM_HEX",   TYPES_INTEGER | T(MESSAGE), ANY,      get_hex },
	{ "odev",  "CR_FORM_ODEV",  TYPES_UNSIGNED,             ONCE,     get_both_devs },
	{ "dev",   "CR_FORM_DEV",   TYPES_UNSIGNED,             ONCE,     get_dev },
	{ "odev",  NULL,            TYPES_UNSIGNED,             ONCE,     get_odev },
	{ "flags", "CR_FORM_FLAGS", TYPES_INTEGER,              ANY,      get_flags },
	{ "dict",  "CR_FORM_DICT",  TYPES_INTEGER,              ANY,      get_dict },
	{ "conv",  "CR_FORM_CONV",  T(BYTES),                   ONCE,     get_conv },
};
// clang-format on

static const size_t nr_options = sizeof(options) / sizeof(options[0]);

static void *read_file(const char *path, size_t *size_ret)
{
	FILE *f = fopen(path, "rbe");
	size_t size = 0, room = 0, n;
	char *data = NULL;

	if (!f)
		die("%s: %s", path, strerror(errno));
	do {
		room += 1 << 16;
		data = realloc(data, room);
		if (!data)
			die("out of memory");
		n = fread(data + size, 1, room - size, f);
		size += n;
	} while (n);
	if (ferror(f))
		die("%s: %s", path, strerror(errno));
	fclose(f);
	*size_ret = size;
	return data;
}

/*
 * The number by which field options carry a CRIU_Opts, from the schema itself.
 */
static uint32_t find_extension(const set_t *set)
{
	for (size_t i = 0; i < set->n_file; i++) {
		for (size_t k = 0; k < set->file[i]->n_extension; k++) {
			const field_t *ext = set->file[i]->extension[k];

			if (ext->extendee && ext->type_name &&
			    !strcmp(ext->extendee,
				    ".google.protobuf.FieldOptions") &&
			    *ext->type_name == '.' &&
			    !strcmp(ext->type_name + 1,
				    criu__opts__descriptor.name))
				return (uint32_t)ext->number;
		}
	}
	die("no extension of field options by %s", criu__opts__descriptor.name);
}

/* The content of an unknown field of bytes, behind its length. */
static const uint8_t *skip_length(const ProtobufCMessageUnknownField *unknown,
				  size_t *size_ret)
{
	size_t n = 0;

	while (n < unknown->len && unknown->data[n] & 0x80)
		n++;
	if (n++ >= unknown->len)
		return NULL;
	*size_ret = unknown->len - n;
	return unknown->data + n;
}

/*
 * The `criu` option of a field, or NULL. protoc may write an occurrence for
 * each member that the schema sets.
 */
static const CRIUOpts *find_opts(const field_t *field, uint32_t extension,
				 const char *where)
{
	const ProtobufCMessage *base;
	size_t size = 0, room = 0, n;
	uint8_t *bytes;
	CRIUOpts *opts;

	if (!field->options || !field->options->base.n_unknown_fields)
		return NULL;
	base = &field->options->base;
	for (unsigned i = 0; i < base->n_unknown_fields; i++)
		room += base->unknown_fields[i].len;
	bytes = alloc(room, 1);
	for (unsigned i = 0; i < base->n_unknown_fields; i++) {
		const ProtobufCMessageUnknownField *unknown =
			&base->unknown_fields[i];
		const uint8_t *data;

		if (unknown->tag != extension)
			die("%s: option %u is not known", where, unknown->tag);
		if (unknown->wire_type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
			die("%s: option %u is not a message", where, extension);
		data = skip_length(unknown, &n);
		if (!data)
			die("%s: option %u is cut off", where, extension);
		memcpy(bytes + size, data, n);
		size += n;
	}
	opts = criu__opts__unpack(NULL, size, bytes);
	if (!opts)
		die("%s: option %u is damaged", where, extension);
	if (opts->base.n_unknown_fields)
		die("%s: member %u of the criu option is not known", where,
		    opts->base.unknown_fields[0].tag);
	return opts;
}

/* An option that is set must make sense where it stands. */
static void check_option(const struct option *option, const char *arg,
			 const field_t *field, const char *where)
{
	bool repeated =
		field->label ==
		GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED;

	if (!(option->types & 1u << field->type))
		die("%s: option %s does not fit the type %s", where,
		    option->name,
		    protobuf_c_enum_descriptor_get_value(
			    &google__protobuf__field_descriptor_proto__type__descriptor,
			    (int)field->type)
			    ->name);
	if (option->repeats == ONCE && repeated)
		die("%s: option %s on a repeated field", where, option->name);
	if (option->repeats == REPEATED && !repeated)
		die("%s: option %s needs a repeated field", where,
		    option->name);
	if (arg && !*arg)
		die("%s: option %s has no value", where, option->name);
	for (; arg && *arg; arg++)
		if (*arg < ' ' || *arg > '~' || strchr("\"\\?", *arg))
			die("%s: option %s has an odd value", where,
			    option->name);
}

/*
 * The option that decides how a field is shown, or NULL. Those that lose to it
 * are checked as well.
 */
static const struct option *choose(const field_t *field, uint32_t extension,
				   const char *message, const char **arg_ret)
{
	const struct option *chosen = NULL;
	const CRIUOpts *opts;
	char where[512];

	snprintf(where, sizeof(where), "%s.%s", message, field->name);
	opts = find_opts(field, extension, where);
	if (!opts)
		return NULL;
	for (size_t i = 0; i < nr_options; i++) {
		const char *arg = NULL;

		if (!options[i].get(opts, &arg))
			continue;
		check_option(&options[i], arg, field, where);
		if (chosen || !options[i].form)
			continue;
		chosen = &options[i];
		*arg_ret = arg;
	}
	return chosen;
}

static int compare_fields(const void *a, const void *b)
{
	const field_t *x = *(const field_t *const *)a;
	const field_t *y = *(const field_t *const *)b;

	return (x->number > y->number) - (x->number < y->number);
}

/* The fields of a message by ascending number. */
static const field_t **sort_fields(const message_t *message)
{
	const field_t **fields = alloc(message->n_field, sizeof(*fields));

	for (size_t i = 0; i < message->n_field; i++)
		fields[i] = message->field[i];
	qsort(fields, message->n_field, sizeof(*fields), compare_fields);
	return fields;
}

static void print_meanings(struct row *row, uint32_t extension)
{
	const message_t *message = row->message;
	const field_t **fields = sort_fields(message);

	for (size_t i = 0; i < message->n_field; i++) {
		const CRIUOpts *opts =
			find_opts(fields[i], extension, fields[i]->name);

		if (!opts || !opts->has_means)
			continue;
		if (!row->nr_meanings++)
			printf("\nstatic const struct cr_field_meaning "
			       "meanings_%s[] = {\n", message->name);
		printf("\t{ %d, CR_MEANS_%s }, // %s\n", fields[i]->number,
		       protobuf_c_enum_descriptor_get_value(
			       &criu__opts__meaning__descriptor, opts->means)
			       ->name,
		       fields[i]->name);
	}
	if (row->nr_meanings)
		printf("};\n");
	free(fields);
}

static void print_hints(struct row *row, uint32_t extension)
{
	const message_t *message = row->message;
	const field_t **fields = sort_fields(message);

	for (size_t i = 0; i < message->n_field; i++) {
		const struct option *option;
		const char *arg = NULL;

		option = choose(fields[i], extension, message->name, &arg);
		if (!option)
			continue;
		if (!row->nr_hints++)
			printf("\nstatic const struct cr_hint hints_%s[] = {\n",
			       message->name);
		printf("\t{ .number = %d, .form = %s", fields[i]->number,
		       option->form);
		if (arg)
			printf(", .arg = \"%s\"", arg);
		printf(" }, // %s\n", fields[i]->name);
	}
	if (row->nr_hints)
		printf("};\n");
	free(fields);
}

static void print_includes(const set_t *set, const struct row *rows, size_t nr)
{
	printf("// Made by images/gen-hints.c from the schema.\n"
	       "#include \"lib/codec/hints.h\"\n\n#include <stddef.h>\n\n");
	for (size_t i = 0; i < set->n_file; i++) {
		const char *name = set->file[i]->name;

		for (size_t k = 0; k < nr; k++) {
			if (rows[k].file != name)
				continue;
			printf("#include \"images/%.*s.pb-c.h\"\n",
			       (int)(strlen(name) - strlen(".proto")), name);
			break;
		}
	}
}

static void print_messages(const struct row *rows, size_t nr)
{
	printf("\nconst struct cr_message_hints cr_message_hints[] = {\n");
	for (size_t i = 0; i < nr; i++) {
		const char *name = rows[i].message->name;

		printf("\t{ &%s__descriptor, ", name);
		if (rows[i].nr_hints)
			printf("hints_%s, %u, ", name, rows[i].nr_hints);
		else
			printf("NULL, 0, ");
		if (rows[i].nr_meanings)
			printf("meanings_%s, %u },\n", name,
			       rows[i].nr_meanings);
		else
			printf("NULL, 0 },\n");
	}
	printf("};\n\nconst unsigned cr_nr_message_hints = %zu;\n", nr);
}

/*
 * The rules for C names are protobuf-c's, and plain for the names of this
 * schema: a message without capital letters keeps its name.
 */
static void check_message(const message_t *message)
{
	if (strspn(message->name, "abcdefghijklmnopqrstuvwxyz0123456789_") !=
	    strlen(message->name))
		die("%s: no rule for the C name of this message",
		    message->name);
	if (message->n_nested_type)
		die("%s: has messages inside", message->name);
	if (message->n_extension || message->n_oneof_decl)
		die("%s: has extensions or a oneof", message->name);
}

static void check_file(const file_t *file)
{
	size_t n = strlen(file->name);

	if (n <= 6 || strcmp(file->name + n - 6, ".proto"))
		die("%s: name does not end in .proto", file->name);
	if (file->package && *file->package)
		die("%s: has a package", file->name);
}

static int compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return strcmp(x->message->name, y->message->name);
}

static struct row *collect(const set_t *set, size_t *nr_ret)
{
	size_t nr = 0;
	struct row *rows;

	for (size_t i = 0; i < set->n_file; i++)
		nr += set->file[i]->n_message_type;
	rows = alloc(nr, sizeof(*rows));
	nr = 0;
	for (size_t i = 0; i < set->n_file; i++) {
		const file_t *file = set->file[i];

		if (file->package && !strcmp(file->package, "google.protobuf"))
			continue;
		check_file(file);
		for (size_t k = 0; k < file->n_message_type; k++) {
			const message_t *message = file->message_type[k];

			if (!strcmp(message->name, criu__opts__descriptor.name))
				continue;
			check_message(message);
			rows[nr].file = file->name;
			rows[nr++].message = message;
		}
	}
	qsort(rows, nr, sizeof(*rows), compare_rows);
	*nr_ret = nr;
	return rows;
}

int main(int argc, char **argv)
{
	uint32_t extension;
	struct row *rows;
	size_t size, nr;
	void *bytes;
	set_t *set;

	if (argc != 2)
		die("usage: gen-hints DESCRIPTOR_SET > hints.c");
	bytes = read_file(argv[1], &size);
	set = google__protobuf__file_descriptor_set__unpack(NULL, size, bytes);
	if (!set)
		die("%s: not a descriptor set", argv[1]);
	extension = find_extension(set);
	rows = collect(set, &nr);
	if (!nr)
		die("%s: no messages", argv[1]);
	print_includes(set, rows, nr);
	for (size_t i = 0; i < nr; i++) {
		print_hints(&rows[i], extension);
		print_meanings(&rows[i], extension);
	}
	print_messages(rows, nr);
	if (fflush(stdout) || ferror(stdout))
		die("writing: %s", strerror(errno));
	return 0;
}
