// SPDX-License-Identifier: MIT
/*
 * Words of a process's writable memory that look like signed code pointers, and
 * contexts: registers that were saved there. A word looks so if it has no tag,
 * is of the lower half, has something in the field of the code and, without
 * that, leads to where code is mapped. Random words do so rarely.
 *
 * This is a pass over all memory; it reads as fast as that can be read.
 */
#ifndef CR_LIB_UNWIND_WORDS_H
#define CR_LIB_UNWIND_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arch/arch.h"
#include "lib/base/error.h"
#include "lib/pages/reader.h"

struct cr_words {
	struct cr_pages *pages;
	unsigned shift; /* bits below the field */
	uint64_t limit; /* of the field's value, less one */
	struct cr_words_code {
		uint64_t start, end;
	} *code; /* mappings of it, ascending, those that touch as one */
	size_t nr_code;
	uint64_t mark;	    /* of a context; 0: none */
	uint64_t mark_at;
};

/** field: where codes are, without gaps. The pages stay the caller's. */
struct cr_error *cr_words_init(struct cr_words *words, struct cr_pages *pages,
			       const struct cr_arch *arch, uint64_t field)
	CR_MUST_CHECK;

/** Accepts a zeroed one. */
void cr_words_deinit(struct cr_words *words);

/** True if an address is in a mapping with code. */
bool cr_words_is_code(const struct cr_words *words, uint64_t vaddr);

/** True if a word looks signed. */
bool cr_words_is_signed(const struct cr_words *words, uint64_t word);

enum cr_words_kind { CR_WORDS_SIGNED, CR_WORDS_CONTEXT };

/** A word that looks signed, and where; or where a context may be. Returns NOMEM
 * or nothing. */
typedef struct cr_error *cr_words_fn(void *arg, enum cr_words_kind kind,
				     uint64_t vaddr, uint64_t word);

/** By ascending address; shadow stacks are left out, they hold no signed words.
 * Faults of the images end it after all else has been shown. */
struct cr_error *cr_words_scan(const struct cr_words *words, cr_words_fn *fn,
			       void *arg) CR_MUST_CHECK;

/** The same for the words that are in an ascending list. */
struct cr_error *cr_words_find(struct cr_pages *pages, const uint64_t *list,
			       size_t nr, cr_words_fn *fn, void *arg)
	CR_MUST_CHECK;

#endif
