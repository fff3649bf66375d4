// SPDX-License-Identifier: MIT
#include "lib/unwind/sign.h"

#include "tests/support/bytes.h"
#include "tests/support/main.h"

static const struct cr_pac_key key_a = { 0x1111222233334444, 0x5555666677778888 };
static const struct cr_pac_key key_b = { 0x99990000aaaabbbb, 0xccccddddeeeeffff };
static const struct cr_pac_key key_c = { 3, 4 };

static void add(struct cr_signs *signs, uint32_t tid, struct cr_pac_key ia,
		uint64_t enabled)
{
	CoreEntry core = CORE_ENTRY__INIT;
	ThreadInfoAarch64 info = THREAD_INFO_AARCH64__INIT;
	PacKeys pac = PAC_KEYS__INIT;
	PacAddressKeys a = PAC_ADDRESS_KEYS__INIT;
	core.ti_aarch64 = &info;
	info.pac_keys = &pac;
	pac.pac_address_keys = &a;
	a.apiakey_lo = ia.lo;
	a.apiakey_hi = ia.hi;
	a.apibkey_lo = key_b.lo;
	a.apibkey_hi = key_b.hi;
	a.pac_enabled_key = enabled;
	ck_assert_ptr_null(cr_signs_add(signs, 1, tid, &core));
}

static struct cr_frame frame_of(uint64_t raw, uint64_t cfa, bool is_key_b)
{
	return (struct cr_frame){
		.has_cfa = true,
		.cfa = cfa,
		.has_ret = true,
		.ret = { .raw = raw, .sign = CR_CFI_SIGNED,
			 .is_key_b = is_key_b },
	};
}

/* The i-th frame of a stack that is signed that way. */
static struct cr_frame signed_frame(const struct cr_pac_scheme *scheme,
				    const struct cr_pac_key *key,
				    bool is_key_b, unsigned i)
{
	uint64_t cfa = 0x7ffff000 + 32 * i;
	uint64_t raw = cr_pac_sign(scheme, key, CR_PAC_CODE, 0x400100 + 4 * i,
				   cfa);
	return frame_of(raw, cfa, is_key_b);
}

static void sample(struct cr_signs *signs, const struct cr_pac_scheme *scheme,
		   unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		struct cr_frame f = signed_frame(
			scheme, i % 2 ? &key_b : &key_a, i % 2, i);
		ck_assert_ptr_null(cr_signs_sample(signs, &f));
	}
}

static const struct cr_pac_scheme usual = { CR_PAC_QARMA5, 48,
					    CR_PAC_TAG_LINUX };

static const char *verdict(const struct cr_signs *signs, uint32_t tid,
			   struct cr_frame f)
{
	uint32_t other = 0;
	enum cr_sign_verdict v = cr_signs_check(
		signs, cr_signs_find(signs, 1, tid), &f, &other);
	return v == CR_SIGN_NONE ? "none" :
	       v == CR_SIGN_OTHER ?
				   cr_test_format("keys of %u", other) :
				   cr_sign_verdict_name(v);
}

TEST(each_scheme_is_told_by_its_frames)
{
	static const uint8_t va_bits[] = { 39, 42, 47, 48, 52 };
	for (unsigned a = 0; a < CR_NR_PAC_ALGORITHMS; a++) {
		for (size_t i = 0; i < sizeof(va_bits); i++) {
			struct cr_pac_scheme scheme = { a, va_bits[i],
							CR_PAC_TAG_LINUX };
			struct cr_signs signs = { 0 };
			add(&signs, 1, key_a, 15);
			sample(&signs, &scheme, 20);
			cr_signs_prove(&signs);
			ck_assert(signs.is_proved);
			ck_assert_uint_eq(signs.scheme.algorithm, a);
			ck_assert_uint_eq(signs.scheme.va_bits, va_bits[i]);
			ck_assert_uint_eq(signs.nr_matched, 20);
			ck_assert_uint_eq(signs.evidence,
					  20u * (55u - va_bits[i]));
			cr_signs_deinit(&signs);
		}
	}
}

/* A processor whose algorithm is its maker's: it has another key than it says. */
static bool sign_own(void *arg, const struct cr_pac_key key[2],
		     struct cr_pac_job *job, size_t nr)
{
	const struct cr_pac_scheme *scheme = arg;
	for (size_t i = 0; i < nr; i++) {
		struct cr_pac_key own = key[job[i].is_key_b];
		own.hi ^= 0x1234;
		job[i].ptr = cr_pac_sign(scheme, &own, CR_PAC_CODE, job[i].ptr,
					 job[i].modifier);
	}
	return scheme->va_bits;
}

/* Frames of a processor that signs so, and an engine for other addresses. */
static void sample_own(struct cr_signs *signs, struct cr_pac_scheme *as)
{
	const struct cr_pac_key key[2] = { key_a, key_b };
	add(signs, 1, key_a, 15);
	for (unsigned i = 0; i < 40; i++) {
		struct cr_pac_job job = { 0x400100 + 4 * i, 0x7ffff000 + 32 * i,
					  i % 2 };
		ck_assert(sign_own(as, key, &job, 1));
		struct cr_frame f = frame_of(job.ptr, job.modifier, i % 2);
		ck_assert_ptr_null(cr_signs_sample(signs, &f));
	}
	cr_signs_prove(signs);
}

TEST(what_software_cannot_compute_an_engine_proves)
{
	static const unsigned bits[] = { 47, 48, 52 };
	for (unsigned i = 0; i < 9; i++) {
		struct cr_pac_scheme as = { CR_PAC_QARMA5, bits[i / 3],
					    CR_PAC_TAG_LINUX };
		struct cr_pac_scheme here = { CR_PAC_QARMA5, bits[i % 3],
					      CR_PAC_TAG_LINUX };
		struct cr_pac_engine engine = {
			.scheme = { CR_PAC_IMPDEF, bits[i % 3],
				    CR_PAC_TAG_LINUX },
			.sign = sign_own,
			.arg = &here,
		};
		struct cr_signs signs = { .engine = &engine };
		struct cr_signs without = { 0 };
		sample_own(&without, &as);
		ck_assert(!without.is_proved);
		sample_own(&signs, &as);
		ck_assert(signs.is_proved);
		ck_assert_uint_eq(signs.scheme.algorithm, CR_PAC_IMPDEF);
		ck_assert_uint_eq(signs.scheme.va_bits, as.va_bits);
		ck_assert_uint_eq(signs.nr_matched, 40);

		struct cr_pac_key own = { key_a.lo, key_a.hi ^ 0x1234 };
		struct cr_frame f = signed_frame(&as, &own, false, 7);
		assert_text(verdict(&signs, 1, f), "authenticates");
		assert_text(verdict(&without, 1, f), "unknown");
		/* A wrong one does by chance, if three bits count. */
		f.ret.raw ^= UINT64_C(1) << 54;
		assert_text(verdict(&signs, 1, f), "does not");
		cr_signs_deinit(&signs);
		cr_signs_deinit(&without);
	}
}

TEST(an_engine_that_fails_proves_nothing)
{
	struct cr_pac_scheme as = { CR_PAC_QARMA5, 0, CR_PAC_TAG_LINUX };
	struct cr_pac_engine engine = {
		.scheme = { CR_PAC_IMPDEF, 48, CR_PAC_TAG_LINUX },
		.sign = sign_own,
		.arg = &as,
	};
	struct cr_signs signs = { .engine = &engine };
	add(&signs, 1, key_a, 15);
	for (unsigned i = 0; i < 20; i++) {
		struct cr_frame f = signed_frame(&usual, &key_a, false, i);
		f.cfa += 64;
		ck_assert_ptr_null(cr_signs_sample(&signs, &f));
	}
	cr_signs_prove(&signs);
	ck_assert(!signs.is_proved);
	cr_signs_deinit(&signs);
}

/* What is public is computed, whoever there is. */
TEST(an_engine_is_not_asked_for_what_is_known)
{
	struct cr_pac_engine engine = { .scheme = usual };
	struct cr_signs signs = { .engine = &engine };
	add(&signs, 1, key_a, 15);
	sample(&signs, &usual, 20);
	cr_signs_prove(&signs);
	ck_assert(signs.is_proved);
	ck_assert_uint_eq(signs.scheme.algorithm, CR_PAC_QARMA5);
	cr_signs_deinit(&signs);
}

TEST(few_frames_prove_nothing)
{
	struct cr_signs signs = { 0 };
	add(&signs, 1, key_a, 15);
	sample(&signs, &usual, 4);
	sample(&signs, &usual, 4); /* the same again is no evidence */
	cr_signs_prove(&signs);
	ck_assert(!signs.is_proved);
	ck_assert_uint_eq(signs.nr_samples, 4);
	assert_text(verdict(&signs, 1, signed_frame(&usual, &key_a, false, 0)),
		    "unknown");
	cr_signs_deinit(&signs);
}

TEST(frames_that_fail_do_not_hide_the_scheme)
{
	struct cr_signs signs = { 0 };
	add(&signs, 1, key_a, 15);
	sample(&signs, &usual, 20);
	for (unsigned i = 100; i < 103; i++) {
		struct cr_frame f = signed_frame(&usual, &key_c, false, i);
		ck_assert_ptr_null(cr_signs_sample(&signs, &f));
	}
	cr_signs_prove(&signs);
	ck_assert(signs.is_proved);
	ck_assert_uint_eq(signs.nr_matched, 20);
	cr_signs_deinit(&signs);
}

TEST(verdicts)
{
	struct cr_signs signs = { 0 };
	add(&signs, 1, key_a, 15);
	sample(&signs, &usual, 20);
	add(&signs, 2, key_a, 15);
	add(&signs, 3, key_c, 15);
	add(&signs, 4, key_c, 14); /* IA disabled */
	cr_signs_prove(&signs);

	struct cr_frame f = signed_frame(&usual, &key_a, false, 7);
	assert_text(verdict(&signs, 1, f), "authenticates");
	assert_text(verdict(&signs, 2, f), "authenticates");
	assert_text(verdict(&signs, 3, f), "keys of 1");
	f.cfa += 16;
	assert_text(verdict(&signs, 1, f), "does not");
	f.cfa -= 16;
	for (unsigned bit = 0; bit < 55; bit++) {
		struct cr_frame bad = f;
		bad.ret.raw ^= UINT64_C(1) << bit;
		/* One in 2^7 passes by chance; not of these. */
		assert_text(verdict(&signs, 1, bad), "does not");
	}
	f.ret.is_key_b = true;
	assert_text(verdict(&signs, 1, f), "does not");
	assert_text(verdict(&signs, 4, frame_of(0x400100, 0x7fff0000, false)),
		    "unsigned");
	assert_text(verdict(&signs, 1, frame_of(0x400100, 0x7fff0000, false)),
		    "does not");

	f = frame_of(0x400100, 0x7fff0000, false);
	f.ret.sign = 0;
	assert_text(verdict(&signs, 1, f), "unsigned");
	f.ret.raw |= UINT64_C(1) << 50;
	assert_text(verdict(&signs, 1, f), "unknown");
	f.has_ret = false;
	assert_text(verdict(&signs, 1, f), "none");
	cr_signs_deinit(&signs);
}

TEST(the_place_of_signing_counts_where_the_tables_say_so)
{
	struct cr_signs signs = { 0 };
	add(&signs, 1, key_a, 15);
	sample(&signs, &usual, 20);
	cr_signs_prove(&signs);
	uint64_t cfa = 0x7fff1230, pc = 0x400abc;
	struct cr_frame f = frame_of(
		cr_pac_sign(&usual, &key_a, CR_PAC_CODE, 0x400100,
			    cr_pac_modifier_lr(cfa, pc)),
		cfa, false);
	assert_text(verdict(&signs, 1, f), "does not");
	f.ret.sign |= CR_CFI_WITH_PC;
	f.ret.sign_pc = pc;
	assert_text(verdict(&signs, 1, f), "authenticates");
	cr_signs_deinit(&signs);
}

TEST(threads_without_keys)
{
	struct cr_signs signs = { 0 };
	CoreEntry core = CORE_ENTRY__INIT;
	ck_assert_ptr_null(cr_signs_add(&signs, 1, 1, &core));
	struct cr_frame f = frame_of(0x400100, 0x7fff0000, false);
	ck_assert_ptr_null(cr_signs_sample(&signs, &f));
	cr_signs_prove(&signs);
	ck_assert(!signs.is_proved);
	assert_text(verdict(&signs, 1, f), "unsigned");
	f.ret.raw |= UINT64_C(1) << 50;
	assert_text(verdict(&signs, 1, f), "unknown");
	ck_assert_ptr_null(cr_signs_find(&signs, 1, 2));
	cr_signs_deinit(&signs);
	cr_signs_deinit(&signs);
}

TEST_MAIN("lib/unwind/sign")
