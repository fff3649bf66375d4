// SPDX-License-Identifier: MIT
#include "lib/unwind/shadow.h"

#include <endian.h>

/* man 2 prctl, PR_SHADOW_STACK_ENABLE */
#define ENABLED 1

/* Words that are looked at for a frame that is not in its place. */
#define AHEAD 16

void cr_shadow_start(struct cr_shadow *shadow, const CoreEntry *core)
{
	const UserAarch64GcsEntry *gcs =
		core->ti_aarch64 ? core->ti_aarch64->gcs : NULL;
	*shadow = (struct cr_shadow){ 0 };
	if (!gcs || !(gcs->features_enabled & ENABLED))
		return;
	shadow->is_on = true;
	shadow->at = gcs->gcspr_el0;
}

static bool read_word(struct cr_pages *pages, uint64_t vaddr, uint64_t *ret)
{
	uint64_t word;
	struct cr_error *err =
		cr_pages_read(pages, vaddr, &word, sizeof(word));
	cr_error_free(err);
	if (!err)
		*ret = le64toh(word);
	return !err;
}

/* What the kernel puts there for a signal: where the word is, but for the last
 * twelve bits. */
static bool is_cap(uint64_t vaddr, uint64_t word)
{
	return word == (vaddr & ~UINT64_C(0xfff));
}

/* Frames that the walk did not find: how many words there are before pc. */
static unsigned find_ahead(const struct cr_shadow *shadow,
			   struct cr_pages *pages, uint64_t pc)
{
	uint64_t word;
	for (unsigned i = 1; i < AHEAD; i++) {
		if (!read_word(pages, shadow->at + 8 * i, &word) || !word)
			return 0;
		if (word == pc)
			return i;
	}
	return 0;
}

enum cr_shadow_verdict cr_shadow_next(struct cr_shadow *shadow,
				      struct cr_pages *pages,
				      const struct cr_frame *frame,
				      uint64_t *has_ret)
{
	uint64_t word;
	if (!shadow->is_on || shadow->has_ended || frame->how == CR_FRAME_TOP)
		return CR_SHADOW_NONE;
	if (!read_word(pages, shadow->at, &word)) {
		shadow->has_ended = true;
		return CR_SHADOW_UNKNOWN;
	}
	if (frame->how == CR_FRAME_SIGNAL && is_cap(shadow->at, word)) {
		shadow->at += 8;
		return CR_SHADOW_NONE;
	}
	/* The end: what was called last before it was switched on. */
	shadow->has_ended = !word;
	if (!word)
		return CR_SHADOW_NONE;
	unsigned skip = word == frame->pc ?
				0 :
				find_ahead(shadow, pages, frame->pc);
	shadow->at += 8 * (UINT64_C(1) + skip);
	if (word == frame->pc)
		return CR_SHADOW_OK;
	*has_ret = word;
	return CR_SHADOW_DIFFERS;
}

/* The words of one page, from the address on; false: they cannot be read. */
static bool count_signals(struct cr_pages *pages, uint64_t at, uint64_t end,
			  size_t *nr, bool *ended_ret)
{
	uint64_t words[512];
	size_t n = (size_t)(end - at) / 8;
	struct cr_error *err = cr_pages_read(pages, at, words, 8 * n);
	cr_error_free(err);
	if (err)
		return false;
	for (size_t i = 0; i < n && !*ended_ret; i++) {
		uint64_t word = le64toh(words[i]);
		*ended_ret = !word;
		*nr += is_cap(at + 8 * i, word);
	}
	return true;
}

bool cr_shadow_signals(struct cr_pages *pages, const CoreEntry *core,
		       size_t *nr_ret)
{
	struct cr_shadow shadow;
	size_t nr = 0;
	bool has_ended = false;
	cr_shadow_start(&shadow, core);
	size_t i = cr_space_find(&pages->space, shadow.at);
	if (!shadow.is_on || shadow.at % 8 || i == pages->space.nr ||
	    pages->space.vma[i].start > shadow.at)
		return false;
	uint64_t at = shadow.at, top = pages->space.vma[i].end;
	while (at < top && !has_ended) {
		uint64_t end = (at | 0xfff) + 1;
		if (!count_signals(pages, at, end < top ? end : top, &nr,
				   &has_ended))
			return false;
		at = end;
	}
	*nr_ret = nr;
	return true;
}

const char *cr_shadow_verdict_name(enum cr_shadow_verdict verdict)
{
	static const char *const names[] = {
		[CR_SHADOW_OK] = "agrees",
		[CR_SHADOW_DIFFERS] = "differs",
		[CR_SHADOW_UNKNOWN] = "unknown",
	};
	return names[verdict];
}
