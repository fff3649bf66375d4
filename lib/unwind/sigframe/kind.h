// SPDX-License-Identifier: MIT
/*
 * What a processor's signal frames look like: what sigframe.h's functions ask.
 */
#ifndef CR_LIB_UNWIND_SIGFRAME_KIND_H
#define CR_LIB_UNWIND_SIGFRAME_KIND_H

#include <endian.h>
#include <string.h>

#include "lib/unwind/sigframe.h"

struct cr_sigframe_kind {
	const struct cr_arch *arch;

	/* A word that every frame has, and where: candidates. A frame's address
	 * is `rest` modulo 16. */
	uint16_t key_off;
	uint8_t rest;
	bool (*is_key)(const struct cr_sigframes *frames, uint64_t word);

	uint8_t popped; /* bytes below the stack pointer in the trampoline */

	/* False: it cannot be read, or does not look like one, which is not asked
	 * if that is certain. */
	bool (*read)(struct cr_pages *pages, struct cr_sigframe *frame,
		     bool is_certain);
	void (*judge)(const struct cr_sigframe *frame,
		      const struct cr_machine *machine,
		      struct cr_sigframe_fate *ret);
};

extern const struct cr_sigframe_kind cr_sigframe_x86_64, cr_sigframe_aarch64;

/** The mapping that holds an address, or NULL. */
static inline const struct cr_vma *cr_sigframe_vma(const struct cr_pages *pages,
						   uint64_t vaddr)
{
	size_t i = cr_space_find(&pages->space, vaddr);
	const struct cr_vma *vma = &pages->space.vma[i];
	return i < pages->space.nr && vma->start <= vaddr ? vma : NULL;
}

/** Words of the frame's bytes; both processors are little-endian. */
static inline uint64_t cr_sigframe_u64(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static inline uint32_t cr_sigframe_u32(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

/** Reads bytes; false if they are not there. */
static inline bool cr_sigframe_bytes(struct cr_pages *pages, uint64_t vaddr,
				     void *data, size_t size)
{
	struct cr_error *err = cr_pages_read(pages, vaddr, data, size);
	cr_error_free(err);
	return !err;
}

/** A signal, if that is one: without SA_SIGINFO nothing is written there. */
static inline uint32_t cr_sigframe_signo(uint32_t number)
{
	return number > 64 ? 0 : number;
}

/** Sets what is said, and why; behind what was said of the same fate. */
void cr_sigframe_say(struct cr_sigframe_fate *ret, enum cr_fate fate,
		     const char *why, ...) CR_PRINTF(3, 4);

#endif
