// SPDX-License-Identifier: MIT
/*
 * Searches the memory of an address space for bytes or for a regular
 * expression. Nothing is missed at a border of pages, mappings, entries or
 * parents; matches of bytes may overlap each other.
 *
 * Memory that was never touched reads as zeros: a match may begin or end in it,
 * one that lies wholly in it is not reported.
 *
 * A regular expression is a POSIX extended one, over bytes ("C" locale). A NUL
 * ends a line as a newline does, so "^" and "$" are also the bounds of C strings,
 * and no "." or "[^...]" reaches beyond. Matches do not overlap, empty ones are
 * not reported, and one longer than CR_SEARCH_REGEX_MAX bytes is cut there.
 * Source: man 3 regexec.
 */
#ifndef CR_LIB_PAGES_SEARCH_H
#define CR_LIB_PAGES_SEARCH_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/pages/find.h"
#include "lib/pages/reader.h"

#define CR_SEARCH_REGEX_MAX 4096
#define CR_SEARCH_BYTES_MAX (64 * 1024)

struct cr_search {
	bool is_regex;
	regex_t regex;
	struct cr_find find;
};

/** Bytes, which stay the caller's. USAGE: none, or too many. */
struct cr_error *cr_search_init(struct cr_search *search, const void *pattern,
				size_t size) CR_MUST_CHECK;

/** USAGE: what is wrong with the expression. */
struct cr_error *cr_search_init_regex(struct cr_search *search,
				      const char *regex) CR_MUST_CHECK;

/** Accepts a zeroed search. */
void cr_search_deinit(struct cr_search *search);

/** A match; its bytes are valid until the function returns. */
typedef struct cr_error *cr_search_fn(void *arg, uint64_t vaddr,
				      const void *data, size_t size);

/** Calls fn for each match in [start, end), by ascending address. Errors of fn
 * end the search. */
struct cr_error *cr_search_run(const struct cr_search *search,
			       struct cr_pages *pages, uint64_t start,
			       uint64_t end, cr_search_fn *fn, void *arg)
	CR_MUST_CHECK;

#endif
