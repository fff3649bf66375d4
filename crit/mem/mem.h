// SPDX-License-Identifier: MIT
/*
 * What the views of `crit mem` share: the checkpoint's memory, the wanted
 * processes, and how a place in memory is said. Writing is crit/x/x.h's work, as
 * are its rules: calls for the form that is not wanted do nothing, the first
 * error is kept.
 *
 * The list of views, and how to add one: views.def.
 */
#ifndef CR_CRIT_MEM_MEM_H
#define CR_CRIT_MEM_MEM_H

#include <stdint.h>
#include <stdio.h>

#include "crit/opts.h"
#include "crit/verb.h"
#include "crit/x/x.h"
#include "lib/pages/reader.h"

struct cr_mem_opts {
	const char *dir, *pids, *sysroot, *hex, *regex, *out, *text, *file;
	unsigned what;
	bool json, raw, dry_run, force;
	uint64_t context, min;
	struct cr_words args;
};

/* A part of a shared object that a process has shown. */
struct cr_mem_part {
	uint32_t id;
	uint64_t start, end;
};

struct cr_mem {
	struct cr_x x;
	const struct cr_verb_call *call;
	const struct cr_mem_opts *o;
	FILE *out;
	struct cr_memory memory;
	struct cr_memory_ids pids; /* wanted */

	/* The address space that is open. */
	struct cr_pages pages;
	bool is_object; /* id is a shmid, not a pid */
	uint32_t id;
	const struct cr_vma *named; /* what name is of */
	char *name;

	struct cr_mem_part *part;
	size_t nr_parts, cap_parts;
};

/** Opens what m->o names, for m->out; the caller has set these and x.json. Stop
 * in any case. */
struct cr_error *cr_mem_start(struct cr_mem *m,
			      const struct cr_verb_call *call) CR_MUST_CHECK;
void cr_mem_stop(struct cr_mem *m);

#define VIEW(name, ...) void cr_mem_##name(struct cr_mem *m);
#include "crit/mem/views.def"
#undef VIEW

/**
 * Opens the wanted processes one after the other and calls fn; then, if all are
 * wanted, the shared objects. What fails in one of them is a finding.
 */
void cr_mem_each(struct cr_mem *m, struct cr_error *(*fn)(struct cr_mem *m));

/** Opens the process that is wanted. USAGE: there is more than one. */
struct cr_error *cr_mem_open_one(struct cr_mem *m) CR_MUST_CHECK;

/** True if the open object's bytes [vaddr, vaddr + size) were seen in a
 * process that maps them. */
bool cr_mem_was_seen(const struct cr_mem *m, uint64_t vaddr, uint64_t size);

/** The name of what is mapped, valid until the next call; "" for NULL. */
const char *cr_mem_name(struct cr_mem *m, const struct cr_vma *vma);

/** "rw-p", in four characters and a NUL. */
void cr_mem_perms(const struct cr_vma *vma, char *ret);

/**
 * A place as text, "PID ADDRESS START-END PERMS NAME+OFF IMAGE+OFF", or as the
 * members of a JSON object.
 */
void cr_mem_place(struct cr_mem *m, uint64_t vaddr);

/** An address and a length, the arguments i and i + 1. */
struct cr_error *cr_mem_range(struct cr_mem *m, size_t i, uint64_t *vaddr_ret,
			      uint64_t *size_ret) CR_MUST_CHECK;

/* "ADDRESS  xx xx ...  |text|" of up to `wide` bytes, at most 16. */
#define CR_MEM_HEX_MAX 128
void cr_mem_hex(char ret[CR_MEM_HEX_MAX], uint64_t vaddr, const uint8_t *data,
		size_t size, size_t wide);

/** How many bytes a row has behind `indent` columns: 16, on a terminal that is
 * too narrow for them 8. Accepts a NULL term. */
size_t cr_mem_wide(const struct cr_term *term, size_t indent);

/** Hexadecimal digits, with blanks and colons between them, to bytes, for which
 * there is room. USAGE. */
struct cr_error *cr_mem_parse_hex(const char *text, uint8_t *data,
				  size_t *size_ret) CR_MUST_CHECK;

/* Rows of a hexdump as they come. Starts zeroed, but for indent. */
struct cr_mem_rows {
	const char *indent;
	uint8_t last[16];
	bool has_last, starred;
};

/** Rows of the bytes at vaddr; equal ones become one "*". Where others follow,
 * size is a multiple of 16. */
void cr_mem_put(struct cr_mem *m, struct cr_mem_rows *rows, uint64_t vaddr,
		const uint8_t *data, size_t size);

#endif
