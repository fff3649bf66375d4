// SPDX-License-Identifier: MIT
#include "restore/keys/decide.h"

#include <string.h>

#include "tests/support/bytes.h"
#include "tests/support/main.h"

static const char *const done[] = {
	[CR_KEYS_NOTHING] = "nothing", [CR_KEYS_SET] = "set",
	[CR_KEYS_RESIGN] = "resign",   [CR_KEYS_RENEW] = "renew",
	[CR_KEYS_STRIP] = "strip",     [CR_KEYS_DISABLE] = "disable",
	[CR_KEYS_REFUSE] = "refuse",
};

static const struct cr_keys_row *decide(enum cr_keys_word want, bool in_images,
					bool here, enum cr_keys_how how)
{
	return cr_keys_decide(
		&(struct cr_keys_facts){ want, in_images, here, how });
}

// The whole table: what is done for keys that are in the images or not, on a
// processor that signs or not, which signs alike, otherwise, or nobody knows.
// clang-format off
static const struct {
	enum cr_keys_word want;
	const char *none_none, *none_here, *keys_none;
	const char *alike, *otherwise, *unproved;
} expected[] = {
	{ CR_KEYS_SAVED,     "nothing", "disable", "refuse", "set",   "resign", "refuse" },
	{ CR_KEYS_FRESH,     "nothing", "disable", "refuse", "renew", "renew",  "refuse" },
	{ CR_KEYS_AUTO,      "nothing", "disable", "strip",  "set",   "renew",  "refuse" },
	{ CR_KEYS_OFF,       "nothing", "disable", "strip",  "strip", "strip",  "strip" },
	{ CR_KEYS_UNCHECKED, "nothing", "disable", "refuse", "set",   "set",    "set" },
};
// clang-format on
#define NR (sizeof(expected) / sizeof(expected[0]))

TEST(what_is_done_is_the_table)
{
	ck_assert_uint_eq(NR, CR_KEYS_UNCHECKED);
	for (size_t i = 0; i < NR; i++) {
		for (enum cr_keys_how how = 0; how < CR_NR_KEYS_HOW; how++) {
			const char *const by_how[] = { expected[i].alike,
						       expected[i].otherwise,
						       expected[i].unproved };
			const char *const want[2][2] = {
				{ expected[i].none_none, expected[i].none_here },
				{ expected[i].keys_none, by_how[how] },
			};
			for (unsigned j = 0; j < 4; j++)
				assert_text(done[decide(expected[i].want, j / 2,
							j % 2, how)
							 ->what],
					    want[j / 2][j % 2]);
		}
	}
}

// Each is for something, and people can tell them apart.
TEST(every_row_is_reached)
{
	const struct cr_keys_row *row[64];
	size_t nr = 0;
	for (unsigned i = 0; i < NR * 4 * CR_NR_KEYS_HOW; i++) {
		const struct cr_keys_row *r =
			decide(1 + i / (4 * CR_NR_KEYS_HOW), i & 1, i >> 1 & 1,
			       i / 4 % CR_NR_KEYS_HOW);
		size_t j = 0;
		while (j < nr && row[j] != r) {
			ck_assert_str_ne(row[j]->why, r->why);
			j++;
		}
		if (j == nr)
			row[nr++] = r;
	}
	ck_assert_uint_eq(nr, cr_keys_nr_rows);
}

TEST(the_default_is_saved_but_for_clones)
{
	struct cr_options o = { 0 };
	ck_assert_int_eq(cr_keys_want(&o), CR_KEYS_SAVED);
	o.clones = 2;
	ck_assert_int_eq(cr_keys_want(&o), CR_KEYS_FRESH);
	o.keys = CR_KEYS_SAVED;
	ck_assert_int_eq(cr_keys_want(&o), CR_KEYS_SAVED);
	o.clones = 0;
	o.keys = CR_KEYS_FRESH;
	ck_assert_int_eq(cr_keys_want(&o), CR_KEYS_FRESH);
	for (unsigned i = 0; cr_keys_words[i]; i++)
		assert_text(cr_keys_name(1 + i), cr_keys_words[i]);
	assert_text(cr_keys_name(CR_KEYS_UNCHECKED), "unchecked");
}

TEST_MAIN("restore/keys/decide")
