// SPDX-License-Identifier: MIT
/*
 * A test program in few words: tests enlist themselves, in the order in which
 * they stand, and TEST_MAIN at the end runs them.
 *
 *	TEST(zero_has_one_digit)
 *	{
 *		...
 *	}
 *
 *	TEST_MAIN("lib/base/num")
 */
#ifndef CR_TESTS_SUPPORT_MAIN_H
#define CR_TESTS_SUPPORT_MAIN_H

#include <check.h>

struct cr_test {
	TTest test;
	struct cr_test *next;
};

void cr_test_enlist(struct cr_test *test);

/** Runs what has been enlisted; the exit status. */
int cr_test_run(const char *name);

#define TEST(name_)                                                       \
	static void name_(int i_);                                        \
	__attribute__((constructor)) static void enlist_##name_(void)     \
	{                                                                 \
		static struct cr_test test_ = {                           \
			{ #name_, name_, __FILE__, __LINE__ }             \
		};                                                        \
		cr_test_enlist(&test_);                                   \
	}                                                                 \
	static void name_(int i_ __attribute__((unused)))

#define TEST_MAIN(name)                                                   \
	int main(void)                                                    \
	{                                                                 \
		return cr_test_run(name);                                 \
	}

#endif
