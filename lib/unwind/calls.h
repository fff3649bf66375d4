// SPDX-License-Identifier: MIT
/*
 * From a return address to what it must have been signed with: the call before
 * it names a function, and that function's call frame information says how far
 * from its frame's address it saves the return address. AArch64.
 *
 * Not said by calls through a register, nor where the function jumped on to
 * another one; nor without the text of both.
 */
#ifndef CR_LIB_UNWIND_CALLS_H
#define CR_LIB_UNWIND_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/unwind/frame.h"

/* How a function saves its return address: it may do so in several places. */
#define CR_CALL_PLACES 4

struct cr_call {
	uint64_t target; /* 0: none */
	unsigned nr;
	bool is_key_b;
	struct cr_call_place {
		int64_t ra, fp; /* from the frame's address; fp 0: not saved */
		bool with_pc;
		uint64_t sign_pc;
	} place[CR_CALL_PLACES];
};

#define CR_CALLS_KEPT 256

struct cr_calls {
	struct cr_unwind *unwind;
	uint64_t work; /* bytes of tables read, to be limited */
	struct cr_call *kept;
};

/** The unwinder stays the caller's. */
struct cr_error *cr_calls_init(struct cr_calls *calls,
			       struct cr_unwind *unwind) CR_MUST_CHECK;

/** Accepts a zeroed one. */
void cr_calls_deinit(struct cr_calls *calls);

/** What was called before pc, a return address. *ret is NULL if that cannot be
 * told; it is valid until the next call. */
struct cr_error *cr_calls_before(struct cr_calls *calls, uint64_t pc,
				 const struct cr_call **ret) CR_MUST_CHECK;

#endif
