// SPDX-License-Identifier: MIT
#include "lib/unwind/sign.h"

#include <stdlib.h>
#include <string.h>

/* man 2 prctl, PR_PAC_SET_ENABLED_KEYS */
enum { ENABLED_IA = 1, ENABLED_IB = 2 };

/* What is enough to prove with, and of one process to try. */
#define MAX_SAMPLES  4096
#define MAX_SETS     64

void cr_signs_deinit(struct cr_signs *signs)
{
	if (signs->keys)
		explicit_bzero(signs->keys,
			       signs->cap * sizeof(signs->keys[0]));
	free(signs->keys);
	free(signs->sample);
	*signs = (struct cr_signs){ 0 };
}

/* Keys must not stay behind in memory that was given back. */
static struct cr_error *make_room(struct cr_signs *signs)
{
	if (signs->nr < signs->cap)
		return NULL;
	size_t cap = signs->cap ? 2 * signs->cap : 16;
	struct cr_sign_keys *more = calloc(cap, sizeof(more[0]));
	if (!more)
		return cr_enomem;
	if (signs->nr) {
		memcpy(more, signs->keys, signs->nr * sizeof(more[0]));
		explicit_bzero(signs->keys, signs->nr * sizeof(more[0]));
	}
	free(signs->keys);
	signs->keys = more;
	signs->cap = cap;
	return NULL;
}

/* Puts a thread's keys among those of its process, unless they are there. */
static void add_set(struct cr_signs *signs)
{
	size_t i = signs->nr;
	struct cr_sign_keys *k = &signs->keys[i];
	const struct cr_sign_keys *before = i ? k - 1 : NULL;
	k->first_set = before && before->pid == k->pid ? before->first_set : i;
	if (k->first_set == i || !k->has)
		return;
	struct cr_sign_keys *set = &signs->keys[k->first_set];
	for (unsigned nr = 1; nr < MAX_SETS; nr++) {
		if (set->has && !memcmp(set->key, k->key, sizeof(k->key)))
			return;
		if (!set->next_set)
			break;
		set = &signs->keys[set->next_set];
	}
	if (!set->next_set)
		set->next_set = i;
}

struct cr_error *cr_signs_add(struct cr_signs *signs, uint32_t pid,
			      uint32_t tid, const CoreEntry *core)
{
	const ThreadInfoAarch64 *info = core->ti_aarch64;
	const PacKeys *pac = info ? info->pac_keys : NULL;
	const PacAddressKeys *a = pac ? pac->pac_address_keys : NULL;
	struct cr_error *err = make_room(signs);
	if (err)
		return err;
	struct cr_sign_keys *k = &signs->keys[signs->nr];
	*k = (struct cr_sign_keys){ .pid = pid, .tid = tid, .has = a };
	if (a) {
		k->key[0] = (struct cr_pac_key){ a->apiakey_lo, a->apiakey_hi };
		k->key[1] = (struct cr_pac_key){ a->apibkey_lo, a->apibkey_hi };
		k->is_enabled[0] = a->pac_enabled_key & ENABLED_IA;
		k->is_enabled[1] = a->pac_enabled_key & ENABLED_IB;
	}
	add_set(signs);
	signs->nr++;
	return NULL;
}

uint64_t cr_sign_modifier(const struct cr_frame *frame)
{
	if (frame->ret.sign & CR_CFI_WITH_PC)
		return cr_pac_modifier_lr(frame->cfa, frame->ret.sign_pc);
	return frame->cfa;
}

static bool is_signed(const struct cr_frame *frame)
{
	return frame->has_ret && frame->has_cfa &&
	       frame->ret.sign & CR_CFI_SIGNED;
}

struct cr_error *cr_signs_sample(struct cr_signs *signs,
				 const struct cr_frame *frame)
{
	const struct cr_sign_keys *k = &signs->keys[signs->nr - 1];
	if (!k->has || !is_signed(frame) ||
	    !k->is_enabled[frame->ret.is_key_b] ||
	    signs->nr_samples == MAX_SAMPLES)
		return NULL;
	if (signs->nr_samples == signs->cap_samples) {
		size_t cap = signs->cap_samples ? 2 * signs->cap_samples : 64;
		void *more =
			realloc(signs->sample, cap * sizeof(signs->sample[0]));
		if (!more)
			return cr_enomem;
		signs->sample = more;
		signs->cap_samples = cap;
	}
	signs->sample[signs->nr_samples++] = (struct cr_sign_sample){
		.raw = frame->ret.raw,
		.modifier = cr_sign_modifier(frame),
		.keys = (uint32_t)(signs->nr - 1),
		.is_key_b = frame->ret.is_key_b,
	};
	return NULL;
}

/* ---- proof ---- */

/* What is compared: with an engine for other addresses, what both have. */
static uint64_t field_of(const struct cr_signs *signs,
			 const struct cr_pac_scheme *scheme)
{
	uint64_t field = cr_pac_field(scheme, CR_PAC_CODE, 0);
	return scheme->algorithm == CR_PAC_IMPDEF ?
		       field & cr_pac_field(&signs->engine->scheme, CR_PAC_CODE,
					    0) :
		       field;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* The same address in the same place proves nothing a second time. */
static int by_value(const void *a, const void *b)
{
	const struct cr_sign_sample *x = a, *y = b;
	return compare_numbers(x->modifier, y->modifier)
		       ?: compare_numbers(x->raw, y->raw)
		       ?: compare_numbers(x->keys, y->keys)
		       ?: x->is_key_b - y->is_key_b;
}

static void drop_twins(struct cr_signs *signs)
{
	struct cr_sign_sample *s = signs->sample;
	size_t nr = 0;
	if (signs->nr_samples)
		qsort(s, signs->nr_samples, sizeof(*s), by_value);
	for (size_t i = 0; i < signs->nr_samples; i++)
		if (!nr || by_value(&s[nr - 1], &s[i]))
			s[nr++] = s[i];
	signs->nr_samples = nr;
}

static bool is_right(const struct cr_signs *signs,
		     const struct cr_pac_scheme *scheme,
		     const struct cr_pac_key key[2], uint64_t raw,
		     uint64_t modifier, bool is_key_b)
{
	const struct cr_pac_engine *e = signs->engine;
	struct cr_pac_job job = { cr_pac_strip(scheme, CR_PAC_CODE, raw),
				  modifier, is_key_b };
	if (scheme->algorithm == CR_PAC_IMPDEF)
		return e && e->sign(e->arg, key, &job, 1) &&
		       !((job.ptr ^ raw) & field_of(signs, scheme));
	return cr_pac_auth(scheme, &key[is_key_b], CR_PAC_CODE, raw, modifier);
}

static size_t count_matches(const struct cr_signs *signs,
			    const struct cr_pac_scheme *scheme)
{
	size_t nr = 0;
	for (size_t i = 0; i < signs->nr_samples; i++) {
		const struct cr_sign_sample *s = &signs->sample[i];
		nr += is_right(signs, scheme, signs->keys[s->keys].key, s->raw,
			       s->modifier, s->is_key_b);
	}
	return nr;
}

/*
 * Bits of evidence that k of n matches are: n! / (k! (n - k)!) choices at most,
 * each of k * bits bits. The choices are at most 2^n, and n to the number of
 * those that do not match.
 */
static unsigned evidence_of(size_t n, size_t k, unsigned bits)
{
	size_t for_it = k * bits, against = 0;
	for (size_t left = n; left; left >>= 1)
		against += n - k;
	if (against > n)
		against = n;
	return for_it > against ? (unsigned)(for_it - against) : 0;
}

static void try_scheme(struct cr_signs *signs,
		       const struct cr_pac_scheme *scheme)
{
	size_t nr = count_matches(signs, scheme);
	unsigned evidence =
		evidence_of(signs->nr_samples, nr,
			    (unsigned)__builtin_popcountll(
				    field_of(signs, scheme)));
	if (evidence <= signs->evidence)
		return;
	signs->scheme = *scheme;
	signs->evidence = evidence;
	signs->nr_matched = nr;
}

static void try_sizes(struct cr_signs *signs, enum cr_pac_algorithm algorithm)
{
	/* The kernel's, the usual ones first. */
	static const uint8_t va_bits[] = { 48, 52, 47, 42, 39 };
	for (size_t i = 0; i < sizeof(va_bits); i++) {
		struct cr_pac_scheme scheme = { algorithm, va_bits[i],
						CR_PAC_TAG_LINUX };
		try_scheme(signs, &scheme);
	}
}

void cr_signs_prove(struct cr_signs *signs)
{
	const struct cr_pac_engine *e = signs->engine;
	drop_twins(signs);
	for (unsigned a = 0; a < CR_NR_PAC_ALGORITHMS; a++)
		try_sizes(signs, a);
	if (signs->evidence < CR_SIGN_PROOF && e &&
	    e->scheme.algorithm == CR_PAC_IMPDEF) {
		/* Its own proves more than others that fit as well. */
		try_scheme(signs, &e->scheme);
		try_sizes(signs, CR_PAC_IMPDEF);
	}
	signs->is_proved = signs->evidence >= CR_SIGN_PROOF;
}

/* ---- verdicts ---- */

const struct cr_sign_keys *cr_signs_find(const struct cr_signs *signs,
					 uint32_t pid, uint32_t tid)
{
	for (size_t i = 0; i < signs->nr; i++)
		if (signs->keys[i].pid == pid && signs->keys[i].tid == tid)
			return &signs->keys[i];
	return NULL;
}

static bool explains(const struct cr_signs *signs,
		     const struct cr_sign_keys *keys, uint64_t raw,
		     uint64_t modifier, bool is_key_b)
{
	return keys->has && is_right(signs, &signs->scheme, keys->key, raw,
				     modifier, is_key_b);
}

const struct cr_sign_keys *cr_signs_explain(const struct cr_signs *signs,
					    const struct cr_sign_keys *own,
					    uint64_t raw, uint64_t modifier,
					    bool is_key_b)
{
	if (explains(signs, own, raw, modifier, is_key_b))
		return own;
	for (size_t i = own->first_set;;) {
		const struct cr_sign_keys *k = &signs->keys[i];
		if (explains(signs, k, raw, modifier, is_key_b))
			return k;
		i = k->next_set;
		if (!i)
			return NULL;
	}
}

uint64_t cr_signs_field(const struct cr_signs *signs)
{
	const struct cr_pac_scheme usual = { CR_PAC_QARMA5, 48,
					     CR_PAC_TAG_LINUX };
	return cr_pac_field(signs->is_proved ? &signs->scheme : &usual,
			    CR_PAC_CODE, 0);
}

/* Bits where a code would be, if only addresses of 48 bits are. */
static bool has_code(const struct cr_frame *frame)
{
	const struct cr_signs unproved = { 0 };
	return frame->ret.raw & cr_signs_field(&unproved);
}

enum cr_sign_verdict cr_signs_check(const struct cr_signs *signs,
				    const struct cr_sign_keys *keys,
				    const struct cr_frame *frame,
				    uint32_t *tid_ret)
{
	if (!frame->has_ret)
		return CR_SIGN_NONE;
	if (!is_signed(frame))
		return has_code(frame) ? CR_SIGN_UNKNOWN : CR_SIGN_UNSIGNED;
	/* Without keys, and with the key disabled, nothing is signed. */
	bool is_on = keys && keys->has &&
		     keys->is_enabled[frame->ret.is_key_b];
	if (!is_on)
		return has_code(frame) ? CR_SIGN_UNKNOWN : CR_SIGN_UNSIGNED;
	if (!signs->is_proved)
		return CR_SIGN_UNKNOWN;
	const struct cr_sign_keys *whose =
		cr_signs_explain(signs, keys, frame->ret.raw,
				 cr_sign_modifier(frame), frame->ret.is_key_b);
	if (!whose)
		return CR_SIGN_BAD;
	if (whose == keys)
		return CR_SIGN_OK;
	*tid_ret = whose->tid;
	return CR_SIGN_OTHER;
}

const char *cr_sign_verdict_name(enum cr_sign_verdict verdict)
{
	static const char *const names[] = {
		[CR_SIGN_UNSIGNED] = "unsigned",
		[CR_SIGN_OK] = "authenticates",
		[CR_SIGN_OTHER] = "other keys",
		[CR_SIGN_BAD] = "does not",
		[CR_SIGN_UNKNOWN] = "unknown",
	};
	return names[verdict];
}
