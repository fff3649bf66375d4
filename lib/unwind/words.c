// SPDX-License-Identifier: MIT
#include "lib/unwind/words.h"

#include <endian.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/pages/scan.h"

void cr_words_init(struct cr_words *words, struct cr_pages *pages,
		   const struct cr_arch *arch, uint64_t field)
{
	const struct cr_space *space = &pages->space;
	*words = (struct cr_words){
		.pages = pages,
		.shift = (unsigned)__builtin_ctzll(field),
		.mark = arch->frames->mark,
		.mark_at = arch->frames->mark_at,
	};
	words->limit = field >> words->shift;
	for (size_t i = 0; i < space->nr; i++) {
		const struct cr_vma *vma = &space->vma[i];
		if (!(vma->prot & PROT_EXEC))
			continue;
		if (!words->high)
			words->low = vma->start;
		words->high = vma->end;
	}
}

bool cr_words_is_code(const struct cr_words *words, uint64_t vaddr)
{
	const struct cr_space *space = &words->pages->space;
	if (vaddr < words->low || vaddr >= words->high)
		return false;
	size_t i = cr_space_find(space, vaddr);
	return i < space->nr && space->vma[i].start <= vaddr &&
	       space->vma[i].prot & PROT_EXEC;
}

/* 0 in the field wraps round. */
static inline bool has_field(uint64_t word, unsigned shift, uint64_t limit)
{
	return (word >> shift) - 1 < limit;
}

bool cr_words_is_signed(const struct cr_words *words, uint64_t word)
{
	return has_field(word, words->shift, words->limit) &&
	       cr_words_is_code(words,
				word & ((UINT64_C(1) << words->shift) - 1));
}

/* ---- passes ---- */

struct pass {
	const struct cr_words *words;
	const uint64_t *list; /* or the words that are in it */
	size_t nr;
	cr_words_fn *fn;
	void *arg;
};

static uint64_t load(const uint8_t *p)
{
	uint64_t word;
	memcpy(&word, p, sizeof(word));
	return le64toh(word);
}

/* What is left of eight words that one of them made worth a look. */
static struct cr_error *look(const struct pass *p, uint64_t vaddr,
			     const uint8_t *data, size_t size)
{
	const struct cr_words *w = p->words;
	struct cr_error *err = NULL;
	for (size_t i = 0; !err && i + 8 <= size; i += 8) {
		uint64_t word = load(data + i);
		if (word == w->mark && w->mark && (vaddr + i) % 16 == 0 &&
		    vaddr + i >= w->mark_at)
			err = p->fn(p->arg, CR_WORDS_CONTEXT,
				    vaddr + i - w->mark_at, word);
		else if (cr_words_is_signed(w, word))
			err = p->fn(p->arg, CR_WORDS_SIGNED, vaddr + i, word);
	}
	return err;
}

static struct cr_error *scan_window(void *arg, const struct cr_window *window)
{
	const struct pass *p = arg;
	unsigned shift = p->words->shift;
	uint64_t limit = p->words->limit, mark = p->words->mark;
	struct cr_error *err = NULL;
	for (size_t i = 0; !err && i < window->size; i += 64) {
		const uint8_t *data = window->data + i;
		size_t left = window->size - i;
		bool any = left < 64;
		for (size_t j = 0; left >= 64 && j < 64; j += 8) {
			uint64_t word = load(data + j);
			any |= has_field(word, shift, limit) | (word == mark);
		}
		if (any)
			err = look(p, window->vaddr + i, data,
				   left < 64 ? left : 64);
	}
	return err;
}

static bool is_listed(const struct pass *p, uint64_t word)
{
	size_t low = 0, high = p->nr;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (p->list[middle] < word)
			low = middle + 1;
		else
			high = middle;
	}
	return low < p->nr && p->list[low] == word;
}

static struct cr_error *find_window(void *arg, const struct cr_window *window)
{
	const struct pass *p = arg;
	uint64_t first = p->list[0], span = p->list[p->nr - 1] - first;
	struct cr_error *err = NULL;
	for (size_t i = 0; !err && i + 8 <= window->size; i += 8) {
		uint64_t word = load(window->data + i);
		if (word - first <= span && is_listed(p, word))
			err = p->fn(p->arg, CR_WORDS_SIGNED,
				    window->vaddr + i, word);
	}
	return err;
}

static bool is_data(const struct cr_vma *vma)
{
	return vma->prot & PROT_WRITE && !(vma->status & CR_VMA_SHSTK);
}

/* Mappings that follow each other are one. A fault does not end it. */
static struct cr_error *each_part(struct cr_pages *pages,
				  struct cr_error *(*fn)(
					  void *arg, const struct cr_window *w),
				  void *arg)
{
	const struct cr_space *space = &pages->space;
	struct cr_error *fault = NULL;
	for (size_t i = 0; i < space->nr; i++) {
		uint64_t start = space->vma[i].start;
		if (!is_data(&space->vma[i]))
			continue;
		while (i + 1 < space->nr && is_data(&space->vma[i + 1]) &&
		       space->vma[i + 1].start == space->vma[i].end)
			i++;
		struct cr_error *err =
			cr_scan(pages, start, space->vma[i].end, 0, fn, arg);
		if (err && cr_error_code(err) == CR_ERR_NOMEM) {
			cr_error_free(fault);
			return err;
		}
		if (fault)
			cr_error_free(err);
		else
			fault = err;
	}
	return fault;
}

struct cr_error *cr_words_scan(const struct cr_words *words, cr_words_fn *fn,
			       void *arg)
{
	struct pass pass = { .words = words, .fn = fn, .arg = arg };
	return each_part(words->pages, scan_window, &pass);
}

struct cr_error *cr_words_find(struct cr_pages *pages, const uint64_t *list,
			       size_t nr, cr_words_fn *fn, void *arg)
{
	struct pass pass = { .list = list, .nr = nr, .fn = fn, .arg = arg };
	return nr ? each_part(pages, find_window, &pass) : NULL;
}
