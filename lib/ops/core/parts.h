// SPDX-License-Identifier: MIT
/*
 * The parts of lib/ops/core.h: where bytes go (sink.c), what segments there are
 * (segment.c), notes (notes.c), and what these know of the process.
 */
#ifndef CR_LIB_OPS_CORE_PARTS_H
#define CR_LIB_OPS_CORE_PARTS_H

#include "lib/arch/arch.h"
#include "lib/elf/encode.h"
#include "lib/image/process.h"
#include "lib/ops/core.h"
#include "lib/pages/reader.h"

#define CR_SINK_BUF (256 * 1024)

/* ---- where bytes go ---- */

/* Takes bytes front to back and counts them. */
struct cr_sink {
	int fd; /* -1: counts only */
	bool sparse;   /* zeros may stay holes */
	bool no_clone; /* the file system cannot */
	uint64_t off;  /* bytes so far */
	size_t used;   /* of buf, the last of them */
	uint8_t *buf;  /* CR_SINK_BUF bytes; NULL if it counts only */
};

struct cr_error *cr_sink_put(struct cr_sink *sink, const void *data,
			     size_t size) CR_MUST_CHECK;
struct cr_error *cr_sink_zeros(struct cr_sink *sink, uint64_t size)
	CR_MUST_CHECK;

/** Zeros up to a multiple of `to`, a power of two. */
struct cr_error *cr_sink_align(struct cr_sink *sink, uint64_t to)
	CR_MUST_CHECK;

/** As cr_sink_put(), but whole blocks of zeros become holes. */
struct cr_error *cr_sink_put_sparse(struct cr_sink *sink, const uint8_t *data,
				    size_t size) CR_MUST_CHECK;

/** Shares blocks with another file; *done_ret false if that cannot be. */
struct cr_error *cr_sink_clone(struct cr_sink *sink, int fd, uint64_t off,
			       uint64_t size, bool *done_ret) CR_MUST_CHECK;

/** Writes what is left in the buffer, and the file's size. */
struct cr_error *cr_sink_finish(struct cr_sink *sink) CR_MUST_CHECK;

/* ---- what is written ---- */

struct cr_dump {
	const struct cr_core *core;
	const PstreeEntry *task;
	CoreEntry *leader;
	const struct cr_arch *arch;
	struct cr_elf elf;
	struct cr_pages pages;
	uint64_t *auxv;
	size_t nr_auxv;
	uint64_t arg_start, arg_end;
	uint64_t hwcap;
	unsigned va_bits;
	uint32_t signo; /* that ends or has stopped it; 0: none */
	const SiginfoEntry *siginfo; /* of the leader's image; NULL: none */

	size_t nr_files, names_size; /* for NT_FILE */
	uint8_t *buf;		     /* CR_SINK_BUF bytes for pages */
};

/** Hands on what was missing; takes err, NULL is none. */
void cr_dump_found(const struct cr_dump *dump, struct cr_error *err);

/** The value of a type in the auxiliary vector; 0: it is not there. */
uint64_t cr_dump_auxv(const struct cr_dump *dump, uint64_t type);

/** Finds signo and siginfo. */
void cr_dump_find_signal(struct cr_dump *dump);

/** All notes. What is wrong with a thread is a finding, when they are written. */
struct cr_error *cr_dump_notes(struct cr_dump *dump, struct cr_sink *sink)
	CR_MUST_CHECK;

/* ---- segments ---- */

struct cr_segment {
	uint64_t start, end;
	uint64_t filesz; /* from start on; what follows reads as zeros */
	uint32_t prot;
};

/* A walk over them. Starts zeroed. */
struct cr_segments {
	size_t vma;
	uint64_t at; /* in it, if more than its start */
	bool report; /* what is missing is a finding */
};

/** The next segment; ret->end is 0 after the last one. */
struct cr_error *cr_segments_next(struct cr_segments *walk,
				  struct cr_dump *dump,
				  struct cr_segment *ret) CR_MUST_CHECK;

/** The bytes of a segment. */
struct cr_error *cr_segment_write(const struct cr_segment *segment,
				  struct cr_dump *dump, struct cr_sink *sink)
	CR_MUST_CHECK;

#endif
