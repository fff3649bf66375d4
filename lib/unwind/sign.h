// SPDX-License-Identifier: MIT
/*
 * Whether the return addresses of a checkpoint are what its threads signed.
 *
 * Images say with which keys, but not with which algorithm and address size. The
 * frames themselves prove that: of all combinations the one is taken under which
 * so many authenticate that chance would give that once in 2^32, or less often.
 * Everything here is of one machine, so frames of all processes count.
 *
 * An algorithm that is not public is tried by who has it, if there is someone: an
 * engine. If its addresses are of another size, the bits that both have are compared.
 * Its failures look like codes that are wrong; its maker tells them apart.
 *
 * A thread that changed its keys has frames from before, signed under another
 * thread's: a frame that its own keys do not explain is tried with those of the
 * process. Keys are wiped when they are not needed any more.
 */
#ifndef CR_LIB_UNWIND_SIGN_H
#define CR_LIB_UNWIND_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "images/core.pb-c.h"
#include "lib/base/error.h"
#include "lib/pac/pac.h"
#include "lib/unwind/frame.h"

/* Bits of evidence that prove a scheme. */
#define CR_SIGN_PROOF 32

/* Of a thread. */
struct cr_sign_keys {
	uint32_t pid, tid;
	bool has;		   /* the image has any */
	struct cr_pac_key key[2];  /* IA, IB */
	bool is_enabled[2];

	/* The keys of its process, each once: where they begin in the list of
	 * all, and after these. */
	size_t first_set, next_set; /* 0 next: none */
};

/* A signed return address to prove with. */
struct cr_sign_sample {
	uint64_t raw, modifier;
	uint32_t keys; /* its thread's, in keys[] */
	bool is_key_b;
};

struct cr_signs {
	struct cr_sign_keys *keys; /* in the order they were added */
	size_t nr, cap;
	struct cr_sign_sample *sample;
	size_t nr_samples, cap_samples;

	const struct cr_pac_engine *engine; /* the caller's; NULL: none */
	bool is_proved;
	struct cr_pac_scheme scheme; /* IMPDEF: the engine's */
	unsigned evidence; /* bits: by chance once in 2^that */
	size_t nr_matched; /* of the samples */
};

/** Accepts a zeroed one. */
void cr_signs_deinit(struct cr_signs *signs);

/** Adds a thread; those of a process come one after the other. */
struct cr_error *cr_signs_add(struct cr_signs *signs, uint32_t pid,
			      uint32_t tid, const CoreEntry *core)
	CR_MUST_CHECK;

/** Takes a frame of the thread that was added last to prove with, if it is of
 * any use. */
struct cr_error *cr_signs_sample(struct cr_signs *signs,
				 const struct cr_frame *frame) CR_MUST_CHECK;

/** Finds the scheme. */
void cr_signs_prove(struct cr_signs *signs);

enum cr_sign_verdict {
	CR_SIGN_NONE,	  /* the frame has no return address */
	CR_SIGN_UNSIGNED, /* and none was due */
	CR_SIGN_OK,
	CR_SIGN_OTHER,	 /* under the keys of another thread */
	CR_SIGN_BAD,	 /* does not authenticate */
	CR_SIGN_UNKNOWN, /* cannot be told */
};

/** The keys of a thread; NULL if it was not added. */
const struct cr_sign_keys *cr_signs_find(const struct cr_signs *signs,
					 uint32_t pid, uint32_t tid);

/** The verdict on the return address of a frame of the thread with these keys.
 * *tid_ret: of OTHER, whose they are. */
enum cr_sign_verdict cr_signs_check(const struct cr_signs *signs,
				    const struct cr_sign_keys *keys,
				    const struct cr_frame *frame,
				    uint32_t *tid_ret);

/** What a return address is signed with besides the key. The frame has a CFA. */
uint64_t cr_sign_modifier(const struct cr_frame *frame);

/** Whose keys of the process explain a signed address, its own first; NULL: none
 * do. The scheme is proved. */
const struct cr_sign_keys *cr_signs_explain(const struct cr_signs *signs,
					    const struct cr_sign_keys *own,
					    uint64_t raw, uint64_t modifier,
					    bool is_key_b);

/** Bits where a code would be: of the scheme, or if that is not proved of one
 * for addresses of 48 bits. */
uint64_t cr_signs_field(const struct cr_signs *signs);

/** "authenticates", "does not", ... */
const char *cr_sign_verdict_name(enum cr_sign_verdict verdict);

#endif
