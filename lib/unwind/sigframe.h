// SPDX-License-Identifier: MIT
/*
 * Signal frames: what the kernel saved on a thread's stack of what a handler
 * interrupted, found in a process's memory; and what a kernel will do when the
 * handler returns to one, which may be on another machine than the one that made
 * it.
 *
 * They are looked for in all writable memory, by what the kernel always writes.
 * Which of them are live, so that a handler will return to them, is told in this
 * order: unwinding a thread leads there, or its shadow stack has as many signals
 * (exact); they follow from its stack pointer on, each above the one before
 * (chained). What is left is stale if it lies where a thread's stack or
 * alternate stack is unused, else suspect: a stack that no thread is on may be
 * switched to later.
 *
 * Images may be hostile: work is bounded by CR_SIGFRAMES_MAX frames. Facts: Linux
 * v6.12 arch/x86/kernel/{signal_64,fpu/signal}.c, v6.13 arch/arm64/kernel/signal.c
 * and the uapi/asm/sigcontext.h of both.
 */
#ifndef CR_LIB_UNWIND_SIGFRAME_H
#define CR_LIB_UNWIND_SIGFRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "images/core.pb-c.h"
#include "lib/arch/arch.h"
#include "lib/base/error.h"
#include "lib/machine/machine.h"
#include "lib/pages/reader.h"
#include "lib/unwind/frame.h"

#define CR_SIGFRAMES_MAX 4096 /* of a process */
#define CR_SIGFRAME_RECORDS_MAX 16

enum cr_sigframe_grade {
	CR_SIGFRAME_SUSPECT,
	CR_SIGFRAME_STALE,
	CR_SIGFRAME_CHAINED,
	CR_SIGFRAME_EXACT,
};

/* x86: where the extended state is, as the frame says. */
struct cr_sigframe_x86 {
	uint64_t fp; /* 0: none, all registers of it are reset */
	bool has_xstate; /* else x87 and SSE only */
	uint64_t features; /* components that there is room for */
	uint64_t present;  /* those that the processor is told to load */
	uint64_t live;	   /* both: what is not in its initial state */
	uint32_t size, extended_size;
	uint32_t mxcsr;
	bool is_compacted, is_reserved_set; /* no standard format */
};

/* AArch64: a record that follows the registers. */
struct cr_sigframe_record {
	uint32_t magic, size;
	uint16_t length;   /* of vectors, in bytes: SVE, ZA */
	bool is_streaming; /* SVE: of streaming mode */
	uint64_t features; /* GCS */
};

struct cr_sigframe_aarch64 {
	uint32_t nr;
	struct cr_sigframe_record record[CR_SIGFRAME_RECORDS_MAX];
	bool has_extra;
	uint64_t end; /* of the records */
	const char *fault; /* why every kernel refuses them; NULL: none does */
};

struct cr_sigframe {
	uint64_t at;   /* its lowest byte */
	uint64_t size; /* what the kernel took of the stack, but for alignment */
	uint64_t pc, sp; /* of what was interrupted */
	uint32_t signo; /* 0: not told, as for handlers without SA_SIGINFO */
	enum cr_sigframe_grade grade;
	uint32_t tid; /* whose it is: CHAINED, EXACT */
	uint32_t order; /* among those, innermost first; else 0 */
	union {
		struct cr_sigframe_x86 x86;
		struct cr_sigframe_aarch64 aarch64;
	};
};

struct cr_sigframes {
	struct cr_pages *pages;
	const struct cr_arch *arch;
	const struct cr_sigframe_kind *kind; /* sigframe/kind.h */
	uint64_t restorer[64]; /* that handlers return to */
	size_t nr_restorers;

	struct cr_sigframe *frame; /* ascending; at last by order */
	size_t nr, cap;
	uint32_t nr_ordered;
	bool is_cut; /* there are more */
	struct cr_error *fault; /* memory that could not be searched */

	uint64_t *used; /* by mapping: the highest stack pointer there; 0: none */
	struct cr_sigframe_stack {
		uint64_t start, end;
	} *alternate;
	size_t nr_alternates, cap_alternates;
};

/** Finds all frames of a process, whose pages stay the caller's. leader: its core
 * image. What cannot be read is a fault, and the search goes on. UNSUPPORTED: its processor's frames are not known. */
struct cr_error *cr_sigframes_init(struct cr_sigframes *frames,
				   struct cr_pages *pages,
				   const CoreEntry *leader) CR_MUST_CHECK;

/** Accepts a zeroed one. */
void cr_sigframes_deinit(struct cr_sigframes *frames);

/* What is known of a thread's signals. */
struct cr_sigframes_thread {
	size_t nr; /* frames that are its own */
	bool has_shadow;
	size_t nr_shadow; /* signals that its shadow stack has */
};

/** Grades those that are a thread's; in its order. unwind: of the process, or
 * NULL. */
struct cr_error *cr_sigframes_thread(struct cr_sigframes *frames,
				     struct cr_unwind *unwind, uint32_t tid,
				     const CoreEntry *core,
				     struct cr_sigframes_thread *ret)
	CR_MUST_CHECK;

/** Grades what is left, after the last thread, and puts it behind what threads
 * have. */
void cr_sigframes_finish(struct cr_sigframes *frames);

/** "exact", "chained", ... */
const char *cr_sigframe_grade_name(enum cr_sigframe_grade grade);

/* What happens when a handler returns to it. */
enum cr_fate {
	CR_FATE_UNKNOWN, /* the machine's facts do not tell */
	CR_FATE_OK,
	CR_FATE_LENIENT, /* well if the kernel takes short frames, else loss */
	CR_FATE_LOSS,	 /* registers are reset without a word */
	CR_FATE_GARBLED, /* registers get others' contents */
	CR_FATE_FAULT,	 /* SIGSEGV */
	CR_FATE_FOREIGN, /* another processor */
};

struct cr_sigframe_fate {
	enum cr_fate fate;
	uint64_t components; /* LENIENT, LOSS, GARBLED: which; bits of XCR0 */
	char why[160];	     /* "" where there is nothing to say */
};

/** What a machine will do with it. arch: of the process. */
void cr_sigframe_judge(const struct cr_sigframe *frame,
		       const struct cr_arch *arch,
		       const struct cr_machine *machine,
		       struct cr_sigframe_fate *ret);

/** "ok", "fault", ... */
const char *cr_fate_name(enum cr_fate fate);

/** Whether something is lost, or may be. */
static inline bool cr_fate_is_bad(enum cr_fate fate)
{
	return fate != CR_FATE_OK && fate != CR_FATE_UNKNOWN;
}

/** "fpsimd", "sve", ...; NULL for others. */
const char *cr_sigframe_record_name(uint32_t magic);

#endif
