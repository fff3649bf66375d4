// SPDX-License-Identifier: MIT
#include "lib/ops/rekey.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/bytes.h"
#include "tests/support/codec.h"
#include "tests/support/main.h"

/* Threads with all keys: process, and the low word of each. */
static struct cr_rekey_keys thread(uint32_t pid, const uint64_t lo[5])
{
	struct cr_rekey_keys k = { .pid = pid, .tid = pid };
	for (unsigned i = 0; i < CR_NR_REKEY_KINDS; i++) {
		k.has[i] = true;
		k.old[i] = k.new_[i] = (struct cr_pac_key){ lo[i], 7 };
	}
	return k;
}

static bool is_equal(const struct cr_pac_key *a, const struct cr_pac_key *b)
{
	return a->lo == b->lo && a->hi == b->hi;
}

/* Two of a process, of which the second has its own IA; a child of the first; a
 * stranger whose IB has the first one's IA by chance. */
#define NR 4
static void make(struct cr_rekey_keys k[NR])
{
	k[0] = thread(1, (uint64_t[]){ 1, 2, 3, 4, 5 });
	k[1] = thread(1, (uint64_t[]){ 9, 2, 3, 4, 5 });
	k[2] = thread(2, (uint64_t[]){ 1, 2, 3, 4, 5 });
	k[3] = thread(3, (uint64_t[]){ 6, 1, 6, 6, 6 });
}

TEST(equal_keys_stay_equal_and_others_different)
{
	struct cr_rekey_keys k[NR];
	make(k);
	ck_assert_ptr_null(cr_rekey_renew(k, NR, -1, false));
	for (unsigned a = 0; a < NR * 5; a++)
		for (unsigned b = 0; b < NR * 5; b++) {
			struct cr_rekey_keys *x = &k[a / 5], *y = &k[b / 5];
			bool same = a % 5 == b % 5 &&
				    is_equal(&x->old[a % 5], &y->old[b % 5]);
			ck_assert_int_eq(is_equal(&x->new_[a % 5],
						  &y->new_[b % 5]),
					 same);
			ck_assert(!is_equal(&x->old[a % 5], &y->new_[b % 5]));
		}
}

TEST(the_generic_key_may_stay)
{
	struct cr_rekey_keys k[NR];
	make(k);
	ck_assert_ptr_null(cr_rekey_renew(k, NR, -1, true));
	for (unsigned i = 0; i < NR; i++) {
		ck_assert(is_equal(&k[i].new_[CR_REKEY_GA],
				   &k[i].old[CR_REKEY_GA]));
		ck_assert(!is_equal(&k[i].new_[CR_REKEY_DB],
				    &k[i].old[CR_REKEY_DB]));
	}
}

TEST(keys_that_are_not_there_are_not_made)
{
	struct cr_rekey_keys k[1] = { thread(1, (uint64_t[]){ 0, 0, 0, 0, 0 }) };
	memset(k->has, 0, sizeof(k->has));
	ck_assert_ptr_null(cr_rekey_renew(k, 1, -1, false));
	for (unsigned i = 0; i < CR_NR_REKEY_KINDS; i++)
		ck_assert(is_equal(&k->new_[i], &k->old[i]));
}

/* A file of `size` bytes, which are their numbers. */
static int keys_file(size_t size)
{
	char path[] = "/tmp/rekey-XXXXXX";
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	unlink(path);
	for (size_t i = 0; i < size; i++)
		ck_assert_int_eq(write(fd, &(uint8_t){ (uint8_t)i }, 1), 1);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

TEST(keys_of_a_file_come_in_the_order_of_threads)
{
	struct cr_rekey_keys k[NR];
	int fd = keys_file(11 * 16);
	make(k);
	/* Five, one and five: the others are shared. */
	ck_assert_ptr_null(cr_rekey_renew(k, NR, fd, false));
	close(fd);
	const uint8_t *ia = (const uint8_t *)&k[0].new_[CR_REKEY_IA];
	const uint8_t *ga = (const uint8_t *)&k[0].new_[CR_REKEY_GA];
	const uint8_t *own = (const uint8_t *)&k[1].new_[CR_REKEY_IA];
	const uint8_t *last = (const uint8_t *)&k[3].new_[CR_REKEY_GA];
	ck_assert_uint_eq(ia[0], 0);
	ck_assert_uint_eq(ga[0], 64);
	ck_assert_uint_eq(own[0], 80);
	ck_assert_uint_eq(last[15], 175);

	fd = keys_file(11 * 16 - 1);
	make(k);
	assert_text(cr_test_error(cr_rekey_renew(k, NR, fd, false)),
		    "! USAGE " "the file has fewer keys, of 16 bytes each, than are "
		     "needed");
	close(fd);
}

TEST(unified_threads_have_the_keys_of_the_first)
{
	struct cr_rekey_keys k[NR];
	make(k);
	k[1].new_[CR_REKEY_GA].lo = 11;
	cr_rekey_unify(k, NR, true);
	ck_assert(is_equal(&k[1].new_[CR_REKEY_IA], &k[0].new_[CR_REKEY_IA]));
	ck_assert_uint_eq(k[1].new_[CR_REKEY_GA].lo, 11);
	ck_assert_uint_eq(k[3].new_[CR_REKEY_IA].lo, 6);
	cr_rekey_unify(k, NR, false);
	ck_assert_uint_eq(k[1].new_[CR_REKEY_GA].lo, 5);
}

/* ---- the plan ---- */

TEST(words_are_signed_with_the_keys_they_had)
{
	const struct cr_pac_scheme to = { CR_PAC_QARMA3, 48, CR_PAC_TAG_LINUX };
	struct cr_rekey_keys k[NR];
	struct cr_rekey_word words[] = {
		{ .plain = 0x400100, .modifier = 0xffff1000, .keys = 1,
		  .old = 0x12000000400100 },
		{ .plain = 0x400200, .modifier = 0xffff2000, .keys = 3,
		  .is_key_b = true },
	};
	struct cr_rekey_plan plan = { .word = words, .nr = 2,
				      .end = UINT64_C(1) << 48 };
	make(k);
	k[1].new_[CR_REKEY_IA].lo = 99;
	ck_assert_ptr_null(cr_rekey_sign(&plan, &to, k));
	ck_assert(cr_pac_auth(&to, &(struct cr_pac_key){ 99, 7 }, CR_PAC_CODE,
			      words[0].new_, 0xffff1000));
	ck_assert(cr_pac_auth(&to, &(struct cr_pac_key){ 1, 7 }, CR_PAC_CODE,
			      words[1].new_, 0xffff2000));
	ck_assert_uint_eq(cr_pac_strip(&to, CR_PAC_CODE, words[0].new_),
			  0x400100);

	ck_assert_ptr_null(cr_rekey_sign(&plan, NULL, k));
	ck_assert_uint_eq(words[0].new_, 0x400100);
	plan.end += 4096;
	ck_assert_ptr_null(cr_rekey_sign(&plan, NULL, k));
	assert_text(cr_test_error(cr_rekey_sign(&plan, &to, k)),
		    "! UNSUPPORTED " "memory is mapped up to 0x1000000001000, which is beyond "
		     "addresses of 48 bits");
}

TEST(a_risk_is_refused_unless_it_is_accepted)
{
	struct cr_rekey_plan plan = { 0 };
	ck_assert_ptr_null(cr_rekey_refuse(&plan, 0));
	plan.risk[CR_REKEY_RESIDUAL] = (struct cr_rekey_found){
		3, cr_error_new(CR_ERR_UNSUPPORTED, "process 1: 0x10: looks so")
	};
	plan.risk[CR_REKEY_STACK] = (struct cr_rekey_found){
		1, cr_error_new(CR_ERR_UNSUPPORTED, "thread 1: ends")
	};
	assert_text(cr_test_error(
			    cr_rekey_refuse(&plan, 1u << CR_REKEY_STACK)),
		     "! UNSUPPORTED process 1: 0x10: looks so, and 2 more; "
		     "--accept=residual leaves it as it is");
	assert_text(cr_test_error(
			    cr_rekey_refuse(&plan, 1u << CR_REKEY_RESIDUAL)),
		     "! UNSUPPORTED thread 1: ends; --accept=stack takes it that nothing is "
		     "signed beyond");
	ck_assert_ptr_null(cr_rekey_refuse(&plan, 1u << CR_REKEY_STACK |
							1u << CR_REKEY_RESIDUAL));
	cr_rekey_plan_deinit(&plan);
	cr_rekey_plan_deinit(&plan);
}

TEST(risks_have_names)
{
	for (unsigned i = 0; i < CR_NR_REKEY_RISKS; i++) {
		const char *what = NULL;
		ck_assert_ptr_nonnull(cr_rekey_risk_name(i, &what));
		ck_assert_ptr_nonnull(what);
	}
}

TEST(risks_are_read_by_name)
{
	unsigned got = 7;
	ck_assert_ptr_null(cr_rekey_read_risks(NULL, &got));
	ck_assert_uint_eq(got, 0);
	ck_assert_ptr_null(cr_rekey_read_risks("residual,stack,residual", &got));
	ck_assert_uint_eq(got, 1 << CR_REKEY_RESIDUAL | 1 << CR_REKEY_STACK);
	assert_text(cr_test_error(cr_rekey_read_risks("stack,res", &got)),
		    "! USAGE --accept: 'res' is no risk");
}

TEST(schemes_are_read)
{
	static const char *const bad[] = { "", "qarma5", "qarma5/", "/48",
					   "qarma5/35", "qarma5/53",
					   "qarma5/ 48", "qarma5/48 ",
					   "qarma5/-48", "impdef/48", "qarma/48" };
	struct cr_pac_scheme scheme;
	ck_assert_ptr_null(cr_rekey_read_scheme("qarma3/52", &scheme));
	ck_assert_uint_eq(scheme.algorithm, CR_PAC_QARMA3);
	ck_assert_uint_eq(scheme.va_bits, 52);
	ck_assert_uint_eq(scheme.tags, CR_PAC_TAG_LINUX);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_text(
			cr_test_error(cr_rekey_read_scheme(bad[i], &scheme)),
			cr_test_format("! USAGE --from: '%s' is no algorithm "
				       "and address size, such as qarma5/48",
				       bad[i]));
}

TEST(keys_of_a_core_image_are_wiped)
{
	CoreEntry core = CORE_ENTRY__INIT;
	ThreadInfoAarch64 info = THREAD_INFO_AARCH64__INIT;
	PacKeys pac = PAC_KEYS__INIT;
	PacAddressKeys a = PAC_ADDRESS_KEYS__INIT;
	PacGenericKeys g = PAC_GENERIC_KEYS__INIT;
	struct cr_rekey_keys keys, zero = { 0 };
	cr_rekey_wipe_core(&core);
	core.ti_aarch64 = &info;
	cr_rekey_wipe_core(&core);
	info.pac_keys = &pac;
	cr_rekey_wipe_core(&core);
	pac.pac_address_keys = &a;
	pac.pac_generic_keys = &g;
	a.apiakey_lo = a.apdbkey_hi = g.apgakey_hi = 5;
	cr_rekey_wipe_core(&core);
	cr_rekey_keys_of(&keys, 1, 1, &core);
	ck_assert(keys.has[CR_REKEY_DB] && keys.has[CR_REKEY_GA]);
	ck_assert_mem_eq(keys.old, zero.old, sizeof(zero.old));
	ck_assert_ptr_eq(a.base.descriptor, &pac_address_keys__descriptor);
}

TEST_MAIN("lib/ops/rekey")
