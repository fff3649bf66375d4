// SPDX-License-Identifier: MIT
#include <sys/stat.h>
#include <unistd.h>

#include "crit/shell/offer.h"
#include "tests/support/main.h"
#include "tests/unit/crit/shell/fake.h"

static const struct cr_own own[] = {
	{ "pid", "[N]", CR_TAKES_PID },
	{ "quit", "", CR_TAKES_ANYTHING },
	{ 0 },
};

/* What is offered for the last word of a line. */
static void assert_offers(struct cr_here *here, const char *line,
			  const char *want)
{
	struct cr_strings words = { .nr = 0 };
	size_t end = strlen(line), start = end;
	while (start && line[start - 1] != ' ')
		start--;
	assert_ok(cr_offer(here, &fake_command, own, line, start, end, &words));
	ck_assert_msg(!strcmp(joined(&words), want), "%s: %s, not %s", line,
		      joined(&words), want);
	cr_strings_free(&words);
}

// clang-format off
static const char *const offers[][2] = {
	{ "p",                 "pid|ps" },
	{ "s",                 "show" },
	{ "m",                 "map|mem" },
	{ "qu",                "quit" },
	{ "pid ",              "12|7" },
	{ "pid 7 ",            "" },
	{ "quit ",             "" },
	{ "bogus ",            "" },
	{ "x p",               "ps" },
	{ "x there ",          "fds|ps" },
	{ "x ps ",             "" },
	{ "ps ",               "" },
	{ "ps --j",            "--json" },
	{ "ps --no",           "--no-pager" },
	{ "ps --color a",      "always|auto" },
	{ "ps -p ",            "12|7" },
	{ "ps --pid 1",        "12" },
	{ "ps -p 7,",          "7,12|7,7" },
	{ "mem rea",           "read" },
	{ "show co",           "core-12.img|core-7.img" },
	{ "show bad",          "" },
	{ "show two",          "" },
	{ "show -i f",         "files.img" },
	{ "edit g",            "get" },
	{ "edit there ",       "get|rlimit" },
	{ "get ",              "" },
	{ "edit get ",         "core-12.img:|core-7.img:|files.img:|mm-7.img:|pstree.img:" },
	{ "edit there get co", "core-12.img:|core-7.img:" },
	{ "edit rlimit ps",    "pstree.img:" },
	{ "edit get pstree.img:",              "pstree.img:entries[" },
	{ "edit get pstree.img:entries[0].p",  "pstree.img:entries[0].pgid|pstree.img:entries[0].pid|pstree.img:entries[0].ppid" },
	{ "edit get core-7.img:entries[-1].tc.co", "core-7.img:entries[-1].tc.comm" },
	{ "edit get core-7.img:entries[0].thread_c", "core-7.img:entries[0].thread_core." },
	{ "edit get mm-7.img:entries[0].vm",   "mm-7.img:entries[0].vmas[" },
	{ "edit get mm-7.img:entries[0].vmas[0].st", "mm-7.img:entries[0].vmas[0].start|mm-7.img:entries[0].vmas[0].status" },
	{ "edit get pstree.img:entries[0].pid core-7", "core-7.img:" },
	{ "edit d/core-9.img get ",              "entries[" },
	{ "edit d/core-9.img get entries[0].tc.co", "entries[0].tc.comm" },
	{ "edit get core-7.img:entries[0].nosuch.", "" },
	{ "edit get core-7.img:entries[0].tc.comm.", "" },
	{ "edit get none.img:",                "" },
	{ "ps | p",            "" },
	{ "ps 'a ",            "" },
};
// clang-format on

TEST(words_are_offered)
{
	// Where there are no files to offer.
	char dir[] = "/tmp/cr-offer-XXXXXX";
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
	for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
		struct cr_here here = fake_here();
		assert_offers(&here, offers[i][0], offers[i][1]);
	}
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(rmdir(dir), 0);
}

TEST(files_are_offered_but_no_dangerous_ones)
{
	struct cr_here here = { .path = NULL };
	char dir[] = "/tmp/cr-offer-XXXXXX";
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
	ck_assert_int_eq(mkdir("sub", 0700), 0);
	ck_assert_int_eq(mkdir("sub/below", 0700), 0);
	for (int i = 0; i < 5; i++) {
		static const char *const names[] = { "suffix", ".sun",
						     "su\033[31m", "su per",
						     "su\302\233x" };
		FILE *file = fopen(names[i], "w");
		ck_assert_ptr_nonnull(file);
		fclose(file);
	}
	assert_offers(&here, "check su", "sub/|suffix");
	assert_offers(&here, "check .s", ".sun");
	assert_offers(&here, "check sub/", "sub/below/");
	assert_offers(&here, "mem map -o suf", "suffix");
	ck_assert_int_eq(chdir("/"), 0);
}

TEST_MAIN("crit/shell/offer")
