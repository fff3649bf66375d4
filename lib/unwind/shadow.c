// SPDX-License-Identifier: MIT
#include "lib/unwind/shadow.h"

#include <endian.h>

/* man 2 prctl, PR_SHADOW_STACK_ENABLE; Intel SDM vol. 4, IA32_U_CET: SH_STK_EN */
#define ENABLED 1

/* Words that are looked at for a frame that is not in its place. */
#define AHEAD 16

void cr_shadow_start(struct cr_shadow *shadow, const CoreEntry *core)
{
	const UserAarch64GcsEntry *gcs =
		core->ti_aarch64 ? core->ti_aarch64->gcs : NULL;
	const ThreadInfoX86 *x86 = core->thread_info;
	const UserX86XsaveEntry *xsave =
		x86 && x86->fpregs ? x86->fpregs->xsave : NULL;
	*shadow = (struct cr_shadow){ 0 };
	if (gcs && gcs->features_enabled & ENABLED) {
		shadow->is_on = true;
		shadow->at = gcs->gcspr_el0;
	} else if (xsave && xsave->cet && xsave->cet->cet & ENABLED) {
		shadow->is_on = true;
		shadow->is_x86 = true;
		shadow->at = xsave->cet->ssp;
	}
}

// clang-format off
/* What stands where: a word that is (its address + plus, without the low bits of
 * mask) with bits is of that kind. */
static const struct {
	bool is_x86;
	uint64_t plus, mask, bits;
	enum cr_shadow_kind kind;
} kinds[] = {
	{ false, 0, 0xfff, 0,                 CR_SHADOW_CAP },
	{ false, 0, 0xfff, 1,                 CR_SHADOW_TOKEN },
	{ true,  8, 0,     UINT64_C(1) << 63, CR_SHADOW_CAP },
	{ true,  8, 0,     1,                 CR_SHADOW_TOKEN },
};
// clang-format on

enum cr_shadow_kind cr_shadow_kind_of(bool is_x86, uint64_t vaddr,
				      uint64_t word)
{
	if (!word)
		return CR_SHADOW_MARKER;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].is_x86 == is_x86 &&
		    word == (((vaddr + kinds[i].plus) & ~kinds[i].mask) |
			     kinds[i].bits))
			return kinds[i].kind;
	/* Code of AArch64 is aligned. */
	return !is_x86 && (word & 7) == 5 ? CR_SHADOW_BUSY : CR_SHADOW_RETURN;
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

/* Where the next word would be is no shadow stack any more: the last one did not
 * end with a marker. */
static bool is_at_end(const struct cr_shadow *shadow,
		      const struct cr_pages *pages)
{
	const struct cr_space *space = &pages->space;
	size_t i = cr_space_find(space, shadow->at - 1);
	return i < space->nr && space->vma[i].end == shadow->at &&
	       space->vma[i].status & CR_VMA_SHSTK;
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
	shadow->has_guess |= frame->how == CR_FRAME_POINTER;
	if (!shadow->is_on || shadow->has_ended || frame->how == CR_FRAME_TOP)
		return CR_SHADOW_NONE;
	if (is_at_end(shadow, pages)) {
		shadow->has_ended = true;
		return CR_SHADOW_NONE;
	}
	if (!read_word(pages, shadow->at, &word)) {
		shadow->has_ended = true;
		return CR_SHADOW_UNKNOWN;
	}
	if (frame->how == CR_FRAME_SIGNAL &&
	    cr_shadow_kind_of(shadow->is_x86, shadow->at, word) ==
		    CR_SHADOW_CAP) {
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
	if (word == frame->pc) {
		shadow->has_guess = false;
		return CR_SHADOW_OK;
	}
	*has_ret = word;
	return shadow->has_guess ? CR_SHADOW_UNSURE : CR_SHADOW_DIFFERS;
}

/* The words of one page, from the address on; false: they cannot be read. */
static bool count_signals(struct cr_pages *pages, bool is_x86, uint64_t at,
			  uint64_t end, size_t *nr, bool *ended_ret)
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
		*nr += cr_shadow_kind_of(is_x86, at + 8 * i, word) ==
		       CR_SHADOW_CAP;
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
		if (!count_signals(pages, shadow.is_x86, at,
				   end < top ? end : top, &nr, &has_ended))
			return false;
		at = end;
	}
	*nr_ret = nr;
	return true;
}

const char *cr_shadow_kind_name(enum cr_shadow_kind kind)
{
	static const char *const names[] = {
		[CR_SHADOW_RETURN] = "return", [CR_SHADOW_CAP] = "signal",
		[CR_SHADOW_TOKEN] = "token",   [CR_SHADOW_BUSY] = "busy-token",
		[CR_SHADOW_MARKER] = "marker",
	};
	return names[kind];
}

const char *cr_shadow_verdict_name(enum cr_shadow_verdict verdict)
{
	static const char *const names[] = {
		[CR_SHADOW_OK] = "agrees",
		[CR_SHADOW_DIFFERS] = "differs",
		[CR_SHADOW_UNSURE] = "unsure",
		[CR_SHADOW_UNKNOWN] = "unknown",
	};
	return names[verdict];
}
