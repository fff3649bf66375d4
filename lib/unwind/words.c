// SPDX-License-Identifier: MIT
#include "lib/unwind/words.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/pages/scan.h"

static void add_code(struct cr_words *words, const struct cr_vma *vma)
{
	struct cr_words_code *code = words->code;
	if (words->nr_code && code[words->nr_code - 1].end == vma->start)
		code[words->nr_code - 1].end = vma->end;
	else
		code[words->nr_code++] =
			(struct cr_words_code){ vma->start, vma->end };
}

struct cr_error *cr_words_init(struct cr_words *words, struct cr_pages *pages,
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
	words->code = calloc(space->nr + 1, sizeof(words->code[0]));
	if (!words->code)
		return cr_enomem;
	for (size_t i = 0; i < space->nr; i++)
		if (space->vma[i].prot & PROT_EXEC)
			add_code(words, &space->vma[i]);
	return NULL;
}

void cr_words_deinit(struct cr_words *words)
{
	free(words->code);
	*words = (struct cr_words){ 0 };
}

bool cr_words_is_code(const struct cr_words *words, uint64_t vaddr)
{
	size_t low = 0, high = words->nr_code;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (words->code[middle].end <= vaddr)
			low = middle + 1;
		else
			high = middle;
	}
	return low < words->nr_code && words->code[low].start <= vaddr;
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

/* Words that are worth a look. */
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

/* Four halves of words at once: the upper ones tell whether there is anything in
 * the field, the lower ones are those of the mark's. */
typedef uint32_t lanes __attribute__((vector_size(16)));

struct wanted {
	unsigned shift;
	lanes upper, lower; /* which halves are looked at */
	uint32_t limit, mark;
};

static struct wanted wanted_of(const struct cr_words *words)
{
	uint32_t all = words->mark ? UINT32_MAX : 0;
	return (struct wanted){
		.shift = words->shift - 32,
		.upper = { 0, UINT32_MAX, 0, UINT32_MAX },
		.lower = { all, 0, all, 0 },
		.limit = (uint32_t)words->limit,
		.mark = (uint32_t)words->mark,
	};
}

#define STEP 64

/* False if none of the words is worth a look. */
static bool may_have(const struct wanted *w, const uint8_t *data)
{
	lanes any = { 0 };
	uint64_t sum[2];
	for (size_t i = 0; i < STEP; i += sizeof(lanes)) {
		lanes v;
		memcpy(&v, data + i, sizeof(v));
		any |= (lanes)((v >> w->shift) - 1 < w->limit) & w->upper;
		any |= (lanes)(v == w->mark) & w->lower;
	}
	memcpy(sum, &any, sizeof(sum));
	return sum[0] | sum[1] || __BYTE_ORDER != __LITTLE_ENDIAN;
}

static struct cr_error *scan_window(void *arg, const struct cr_window *window)
{
	const struct pass *p = arg;
	const struct wanted wanted = wanted_of(p->words);
	struct cr_error *err = NULL;
	for (size_t i = 0; !err && i < window->size; i += STEP) {
		const uint8_t *data = window->data + i;
		size_t left = window->size - i;
		if (left < STEP || may_have(&wanted, data))
			err = look(p, window->vaddr + i, data,
				   left < STEP ? left : STEP);
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
