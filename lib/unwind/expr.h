// SPDX-License-Identifier: MIT
/*
 * DWARF expressions as call frame information has them: a stack machine over
 * registers and memory.
 *
 * They may be hostile: a program ends after CR_EXPR_STEPS operations at most,
 * its stack is bounded. Facts: DWARF 5, 2.5 and 6.4.2 (what is not allowed in
 * call frame information).
 */
#ifndef CR_LIB_UNWIND_EXPR_H
#define CR_LIB_UNWIND_EXPR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

#define CR_EXPR_STEPS 4096
#define CR_EXPR_DEPTH 64

/* What an expression is about. */
struct cr_expr_world {
	bool big_endian;
	uint8_t address_size; /* 4 or 8: values are that wide */

	/* The value of a register, by its DWARF number. */
	struct cr_error *(*reg)(void *arg, uint64_t nr, uint64_t *ret);

	/* A word of 1 to 8 bytes. */
	struct cr_error *(*read)(void *arg, uint64_t vaddr, unsigned size,
				 uint64_t *ret);
	void *arg;
};

/**
 * Runs an expression and gives what is on top of its stack in the end. first:
 * what lies there in the beginning (the CFA, for a register's rule), NULL:
 * nothing. FORMAT names the byte of the expression and the operation; errors of
 * the world are passed on.
 */
struct cr_error *cr_expr_run(const struct cr_expr_world *world,
			     const void *expr, size_t size,
			     const uint64_t *first, uint64_t *ret)
	CR_MUST_CHECK;

#endif
