// SPDX-License-Identifier: MIT
#include "crit/limits.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/codec.h"
#include "tests/support/files.h"
#include "tests/support/main.h"
#include "tests/support/tar.h"

static const char *parse(const char *words)
{
	struct cr_store_limits l = { 0 };
	struct cr_error *err = cr_limits_parse(words, &l);
	if (err)
		return cr_test_error(err);
	return cr_test_format("%llu %llu %llu %llu",
			      (unsigned long long)l.nr_members,
			      (unsigned long long)l.member_size,
			      (unsigned long long)l.total_size,
			      (unsigned long long)l.ratio);
}

TEST(limits_that_are_not_named_keep_their_default)
{
	assert_text(parse("members=7"), "7 0 0 0");
	assert_text(parse("ratio=9,member-size=2K,total-size=1M,members=1"),
		    "1 2048 1048576 9");
	assert_text(parse("ratio=9,ratio=8"), "0 0 0 8");
}

TEST(no_limits)
{
	assert_text(parse("none"), "18446744073709551615 18446744073709551615 "
				   "18446744073709551615 18446744073709551615");
}

TEST(limits_that_cannot_be)
{
	assert_text(parse(""), "! USAGE option '--limit': '' is neither "
			       "NAME=VALUE nor none");
	assert_text(parse("none,ratio=1"),
		    "! USAGE option '--limit': 'none' is neither NAME=VALUE "
		    "nor none");
	assert_text(parse("ratio=1,"), "! USAGE option '--limit': '' is "
				       "neither NAME=VALUE nor none");
	assert_text(parse("size=1"),
		    "! USAGE option '--limit': 'size' is none of members, "
		    "member-size, total-size and ratio");
	assert_text(parse("ratio=0"), "! USAGE option '--limit': ratio: 0 "
				      "would let nothing in");
	assert_text(parse("ratio=1K"), "! USAGE option '--limit': ratio: '1K' "
				       "is not a number");
}

/* Every way in which a verb opens an archive; "@" stands for its path. */
// clang-format off
static const char *const uses[] = {
	"decode @/pstree.img",
	"encode @/pstree.img.json",
	"show @/pstree.img",
	"info @/pstree.img",
	"list @",
	"x @ ps",
	"mem @ map",
	"mem @ write 0 00 -p 1",
	"scan secrets @",
	"diff @ @",
	"diff a @",
	"core @",
	"bt @",
	"frames @",
	"pac verify @",
	"gcs verify @",
	"ghost @",
	"ghost @ -o out",
	"stats @",
	"check @",
	"edit @ get pstree.img:entries[0].pid",
	"edit @ set pstree.img:entries[0].pid 1",
	"edit @/pstree.img get entries[0].pid",
	"edit @/pstree.img set entries[0].pid 1",
	"edit @ --patch a/patch",
	"edit a --force --patch @/patch",
	"edit @ uts host=x",
	"rekey @",
	"redact @",
	"squash @",
	"compress @",
	"decompress @",
	"upgrade @",
	"upgrade @ --recursive",
	"downgrade @ --to 4.1",
	"downgrade @ --to 4.1 --recursive",
	"shell @",
};

static const char *const without[] = { "help", "host-probe" };
// clang-format on

#define NR(array) (sizeof(array) / sizeof(array[0]))

/* What it prints, to either stream. */
static const char *run(const char *use, const char *archive, const char *limit)
{
	char *words[16] = { cr_test_format("crit"),
			    cr_test_format("--limit=%s", limit) };
	char *text = cr_test_format("%s", use), *word;
	int nr = 2;
	while ((word = strsep(&text, " ")))
		words[nr++] = *word == '@' ? cr_test_format("%s%s", archive,
							    word + 1) :
					     word;
	FILE *out = fopen("log", "w+");
	ck_assert_ptr_nonnull(out);
	ck_assert_int_eq(dup2(fileno(out), STDOUT_FILENO), STDOUT_FILENO);
	ck_assert_int_eq(dup2(fileno(out), STDERR_FILENO), STDERR_FILENO);
	cr_command_run(&cr_crit, nr, words, out, stderr);
	fclose(out);
	struct bytes got = cr_test_content("log");
	return cr_test_format("%.*s", (int)got.size, (const char *)got.p);
}

TEST(every_verb_keeps_to_the_limits_of_its_call)
{
	const char *archive = cr_test_archive(
		tar(tar_file("pstree.img", header("PSTREE")),
		    tar_file("patch", text("[]"))));
	ck_assert_int_eq(chdir(cr_test_dir()), 0);
	mkdir("a", 0700);
	cr_test_file("a/pstree.img", header("PSTREE"), 0600);
	cr_test_file("a/patch", text("[]"), 0600);
	int null = open("/dev/null", O_RDONLY);
	ck_assert_int_eq(dup2(null, STDIN_FILENO), STDIN_FILENO);
	close(null);
	for (size_t i = 0; i < NR(uses); i++) {
		const char *got = run(uses[i], archive, "members=1");
		ck_assert_msg(strstr(got, "(--limit members=N)"), "%s: %s",
			      uses[i], got);
		got = run(uses[i], archive, "members=2");
		ck_assert_msg(!strstr(got, "limit"), "%s: %s", uses[i], got);
	}
}

static bool is_of(const char *words, const char *verb)
{
	size_t size = strlen(verb);
	return !strncmp(words, verb, size) && strchr(" ", words[size]);
}

TEST(every_verb_is_in_the_list)
{
	for (size_t i = 0; cr_crit.verbs[i]; i++) {
		const char *verb = cr_crit.verbs[i]->name;
		bool there = false;
		for (size_t j = 0; j < NR(uses); j++)
			there |= is_of(uses[j], verb);
		for (size_t j = 0; j < NR(without); j++)
			there |= !strcmp(without[j], verb);
		ck_assert_msg(there, "%s: no use of it is tried", verb);
	}
}

TEST_MAIN("crit/limits")
