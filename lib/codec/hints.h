// SPDX-License-Identifier: MIT
/*
 * Display hints: which fields of which messages are shown in a form of their
 * own; and meanings: which hold process ids, paths, addresses and so on. The
 * table of them is also the list of all messages of the schema.
 *
 * This is data, made when the project is built: images/gen-hints.c reads the
 * `criu` options of the schema and writes the tables declared here. They name a
 * form and know nothing of its text; that is lib/codec/present.h. An
 * option on a message field counts for the integers inside as well, but only
 * the field that has it has a row: passing it on is left to the walker. None of
 * this changes a byte on the wire.
 *
 * Everything is constant and lives as long as the program.
 *
 * Facts: images/opts.proto for the options; CRIU lib/pycriu/images/pb2dict.py,
 * v4.2, for which of several counts.
 */
#ifndef CR_LIB_CODEC_HINTS_H
#define CR_LIB_CODEC_HINTS_H

#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

/**
 * How a field is shown. A field with several options gets one form, the first
 * of ipadd, hex, dev (or odev), flags, dict.
 */
// clang-format off
enum cr_form {
	CR_FORM_NONE = 0, /* plainly; never in a table */
	CR_FORM_HEX,	  /* integers; a message: the integers inside it */
	CR_FORM_IPADD,	  /* repeated uint32: an IPv4 or IPv6 address */
	CR_FORM_FLAGS,	  /* names of bits; arg is the table */
	CR_FORM_DEV,	  /* device number, kernel form */
	CR_FORM_ODEV,	  /* device number, C library form: dev and odev set */
	CR_FORM_DICT,	  /* name of a value; the table is arg and field name */
	CR_FORM_CONV,	  /* bytes as text; arg is the conversion */
};
// clang-format on

/** The hint of one field. */
struct cr_hint {
	uint32_t number; /* of the field */
	enum cr_form form;
	const char *arg; /* NULL for forms without one */
};

/** What a value is about; images/opts.proto says more. */
// clang-format off
enum cr_meaning {
	CR_MEANS_NOTHING = 0, /* never in a table */
	CR_MEANS_PID, CR_MEANS_PATH, CR_MEANS_SOCKET_NAME, CR_MEANS_CGROUP_PATH,
	CR_MEANS_IP, CR_MEANS_PORT, CR_MEANS_MAC, CR_MEANS_HOST_NAME,
	CR_MEANS_LABEL, CR_MEANS_COMM, CR_MEANS_KEY,
	CR_MEANS_SIGINFO,
};
// clang-format on

/** The meaning of one field. */
struct cr_field_meaning {
	uint32_t number; /* of the field */
	enum cr_meaning means;
};

/** A message, its hints and meanings, by ascending field number. */
struct cr_message_hints {
	const ProtobufCMessageDescriptor *desc;
	const struct cr_hint *hints; /* NULL if there are none */
	unsigned nr_hints;
	const struct cr_field_meaning *meanings; /* NULL if there are none */
	unsigned nr_meanings;
};

/**
 * All messages of the schema, by name in the order of strcmp(3). CRIU_Opts and
 * the messages of protobuf itself are not part of it.
 */
extern const struct cr_message_hints cr_message_hints[];
extern const unsigned cr_nr_message_hints;

/** What a field of a message is about. */
enum cr_meaning cr_hints_meaning(const ProtobufCMessageDescriptor *desc,
				 uint32_t number);

/** The row of a message, NULL if it is none of the schema's. */
const struct cr_message_hints *
cr_hints_find(const ProtobufCMessageDescriptor *desc);

#endif
