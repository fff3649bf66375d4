// SPDX-License-Identifier: MIT
#include "lib/store/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/codec.h"
#include "tests/support/files.h"
#include "tests/support/main.h"
#include "tests/support/tar.h"

// ---- what a store says, as text ----

static char *join(const char *a, const char *b)
{
	return cr_test_format("%s%s%s", a, *a ? " " : "", b);
}

static struct cr_store *store_of(const char *path)
{
	struct cr_store *store;
	struct cr_error *err = cr_store_open(path, &store);

	ck_assert_msg(!err, "%s", err ? cr_error_text(err) : "");
	return store;
}

static struct cr_store *archive(struct bytes b)
{
	return store_of(cr_test_archive(b));
}

/* Errors name the archive first; it is a temporary one. */
static const char *without_path(char *text)
{
	char *path = strstr(text, cr_test_dir());
	char *end = path ? strstr(path, ": ") : NULL;

	if (end)
		memmove(path, end + 2, strlen(end + 2) + 1);
	return text;
}

static const char *open_limited(struct bytes b, struct cr_store_limits limits)
{
	struct cr_store *store;
	struct cr_error *err = cr_store_open_limited(cr_test_archive(b),
						     &limits, &store);

	if (err)
		return without_path(cr_test_error(err));
	cr_store_close(store);
	return "";
}

static const char *open_bad(struct bytes b)
{
	return open_limited(b, (struct cr_store_limits){ 0 });
}

static char *contents(struct cr_file *f, struct cr_error *err)
{
	if (err)
		return cr_test_error(err);
	char *text = cr_test_alloc(f->size + 1);

	err = cr_file_read(f, text, f->size, 0);
	cr_file_close(f);
	return err ? cr_test_error(err) : text;
}

static char *read_file(struct cr_store *store, const char *name)
{
	struct cr_file f;

	return contents(&f, cr_store_open_file(store, name, &f));
}

static char *read_top(struct cr_store *store, const char *name)
{
	struct cr_file f;

	return contents(&f, cr_store_open_top(store, name, &f));
}

static struct cr_error *add_name(void *arg, const char *name)
{
	char **all = arg;

	*all = join(*all, name);
	return NULL;
}

static char *names(struct cr_store *store)
{
	char *all = cr_test_format("%s", "");

	ck_assert_ptr_null(cr_store_each(store, add_name, &all));
	return all;
}

static const char *findings(struct cr_store *store)
{
	const char *all = "";

	for (size_t i = 0; i < store->findings.nr; i++)
		all = cr_test_format("%s%s%s", all, *all ? "; " : "",
				     cr_error_text(store->findings.err[i]));
	return all;
}

static char *link_text(struct cr_store *store, const char *name)
{
	char *got;
	struct cr_error *err = cr_store_read_link(store, name, &got);

	if (err)
		return cr_test_error(err);
	char *kept = cr_test_format("%s", got);

	free(got);
	return kept;
}

#define PSTREE tar_file("checkpoint/pstree.img", text("P"))

// ---- where things are ----

TEST(images_are_named_from_their_directory_and_the_rest_from_the_top)
{
	struct cr_store *s = archive(
		tar(tar_file("config.dump", text("{}")), tar_dir("checkpoint/"),
		    PSTREE, tar_file("checkpoint/core-1.img", text("core")),
		    tar_file("checkpoint/sub/x", text("x")),
		    tar_file("checkpoint-2/y", text("y"))));

	assert_text(read_file(s, "core-1.img"), "core");
	assert_text(read_file(s, "sub/x"), "x");
	assert_text(read_file(s, "config.dump"),
		    "! NOT_FOUND config.dump: no such file");
	assert_text(read_file(s, "sub"), "! NOT_FOUND sub: no such file");
	assert_text(read_top(s, "config.dump"), "{}");
	assert_text(read_top(s, "./checkpoint//core-1.img"), "core");
	assert_text(names(s), "core-1.img pstree.img");
	assert_text(findings(s), "");
	cr_store_close(s);
}

TEST(images_are_found_at_the_top_and_deep_below)
{
	struct cr_store *s =
		archive(tar(tar_dir("./"), tar_file("./pstree.img", text("P")),
			    tar_file("./sub/x", text("x"))));

	assert_text(read_file(s, "pstree.img"), "P");
	assert_text(names(s), "pstree.img");
	cr_store_close(s);
	s = archive(tar(tar_file("a/b/c/inventory.img", text("I")),
			tar_file("a/spec.dump", text("{}"))));
	assert_text(read_file(s, "inventory.img"), "I");
	assert_text(read_top(s, "a/spec.dump"), "{}");
	cr_store_close(s);
}

TEST(of_several_directories_checkpoint_is_read)
{
	struct cr_store *s =
		archive(tar(tar_file("pstree.img", text("top")),
			    tar_file("a/pstree.img", text("a")), PSTREE));

	assert_text(read_file(s, "pstree.img"), "P");
	assert_text(findings(s), "3 directories hold a checkpoint; checkpoint "
				 "is the one that is read");
	cr_store_close(s);
	s = archive(tar(tar_file("b/x/pstree.img", text("bx")),
			tar_file("b/pstree.img", text("b")),
			tar_file("a/pstree.img", text("a"))));
	assert_text(read_file(s, "pstree.img"), "a");
	cr_store_close(s);
}

TEST(a_pre_dump_is_read_if_there_is_nothing_better)
{
	struct cr_store *s =
		archive(tar(tar_file("checkpoint/inventory.img", text("pre")),
			    tar_file("z/y/pstree.img", text("P"))));

	assert_text(names(s), "pstree.img");
	assert_text(findings(s), "");
	cr_store_close(s);
	s = archive(tar(tar_file("pre-checkpoint/inventory.img", text("pre"))));
	assert_text(names(s), "inventory.img");
	cr_store_close(s);
}

TEST(a_file_has_size_and_time)
{
	struct cr_store *s = archive(tar(PSTREE));
	struct cr_file f;

	ck_assert_ptr_null(cr_store_open_file(s, "pstree.img", &f));
	ck_assert_uint_eq(f.size, 1);
	ck_assert_int_eq(f.mtime, TAR_TIME);
	cr_file_close(&f);
	cr_store_close(s);
}

// ---- every way of storing ----

static struct bytes pattern(size_t size)
{
	uint8_t *p = cr_test_alloc(size);

	for (size_t i = 0; i < size; i++)
		p[i] = (uint8_t)(i * 31 + (i >> 8) * 7 + (i >> 16));
	return (struct bytes){ p, size };
}

static void assert_piece(struct cr_file *f, struct bytes all, size_t off,
			 size_t size)
{
	uint8_t *got = cr_test_alloc(size);
	struct cr_error *err = cr_file_read(f, got, size, off);

	ck_assert_msg(!err, "%s", err ? cr_error_text(err) : "");
	ck_assert_mem_eq(got, all.p + off, size);
}

/* Forward, a little back, far back, across and past the end. */
static void check_reading(struct cr_store *s, const char *name,
			  struct bytes all)
{
	struct cr_file f;
	uint8_t past[2];

	ck_assert_ptr_null(cr_store_open_file(s, name, &f));
	ck_assert_uint_eq(f.size, all.size);
	assert_piece(&f, all, 0, 10);
	assert_piece(&f, all, all.size / 2, 5000);
	assert_piece(&f, all, all.size / 2 - 4096, 300000);
	assert_piece(&f, all, 5, 100);
	assert_piece(&f, all, all.size - 1, 1);
	assert_text(cr_test_error(cr_file_read(&f, past, 2, all.size - 1)),
		    cr_test_format("! FORMAT byte %zu: the file ends, 1 bytes "
				   "are missing",
				   all.size));
	ck_assert_ptr_null(cr_file_read(&f, past, 0, 1ull << 62));
	assert_piece(&f, all, 0, all.size);
	cr_file_close(&f);
}

static const char *const filters[] = { "", "gzip", "zstd", "xz", "bzip2" };

TEST(members_read_the_same_however_they_are_compressed)
{
	struct bytes large = pattern(3 << 19), other = pattern(5 << 18);
	struct bytes small = pattern(700000);
	struct bytes plain =
		tar(PSTREE, tar_file("checkpoint/pages-1.img", large),
		    tar_file("checkpoint/small.img", small),
		    tar_file("checkpoint/empty.img", text("")),
		    tar_file("checkpoint/pages-2.img", other));

	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		struct cr_store *s =
			archive(*filters[i] ?
					cr_test_compress(filters[i], plain) :
					plain);

		check_reading(s, "pages-1.img", large);
		check_reading(s, "pages-2.img", other);
		check_reading(s, "pages-1.img", large);
		check_reading(s, "small.img", small);
		assert_text(read_file(s, "empty.img"), "");
		cr_store_close(s);
	}
}

TEST(two_members_of_a_compressed_archive_are_read_in_turns)
{
	struct bytes a = pattern(3 << 20), b = pattern(2 << 20);
	struct cr_store *s = archive(cr_test_compress(
		"gzip", tar(PSTREE, tar_file("checkpoint/a", a),
			    tar_file("checkpoint/b", b))));
	struct cr_file fa, fb;

	ck_assert_ptr_null(cr_store_open_file(s, "a", &fa));
	ck_assert_ptr_null(cr_store_open_file(s, "b", &fb));
	for (size_t off = 0; off + 100000 < b.size; off += 333333) {
		assert_piece(&fa, a, off, 100000);
		assert_piece(&fb, b, off, 100000);
	}
	cr_file_close(&fa);
	cr_file_close(&fb);
	cr_store_close(s);
}

static void check_sparse(struct bytes b)
{
	struct cr_store *s = archive(b);
	struct cr_file f;
	char got[6];

	ck_assert_ptr_null(cr_store_open_file(s, "ghost", &f));
	ck_assert_uint_eq(f.size, (2 << 20) + 4);
	ck_assert_ptr_null(cr_file_read(&f, got, 6, (2 << 20) - 2));
	ck_assert_mem_eq(got, "\0\0DATA", 6);
	ck_assert_ptr_null(cr_file_read(&f, got, 6, 0));
	ck_assert_mem_eq(got, "\0\0\0\0\0\0", 6);
	cr_file_close(&f);
	cr_store_close(s);
}

TEST(holes_read_as_zeros)
{
	struct bytes b = tar(PSTREE, cr_test_sparse("checkpoint/ghost", 2 << 20,
						    text("DATA")));

	check_sparse(b);
	check_sparse(cr_test_compress("zstd", b));
}

TEST(a_source_reads_members_of_every_kind)
{
	struct bytes large = pattern(2 << 20);
	struct bytes b = tar(PSTREE, tar_file("checkpoint/l", large));
	struct bytes both[] = { b, cr_test_compress("zstd", b) };

	for (size_t i = 0; i < 2; i++) {
		struct cr_store *s = archive(both[i]);
		const char *const name[] = { "pstree.img", "l" };
		const size_t size[] = { 1, large.size };

		for (size_t k = 0; k < 2; k++) {
			struct cr_file f;
			struct cr_file_cursor cursor;
			struct cr_source src = { 0 };

			ck_assert_ptr_null(cr_store_open_file(s, name[k], &f));
			ck_assert_ptr_null(cr_file_source(&f, &cursor, &src));
			ck_assert_ptr_null(
				cr_source_skip(&src, size[k], "all of it"));
			ck_assert_ptr_null(cr_source_need(&src, 1));
			ck_assert_uint_eq(cr_source_left(&src), 0);
			cr_source_deinit(&src);
			cr_file_close(&f);
		}
		cr_store_close(s);
	}
}

TEST(what_is_too_much_to_be_kept_is_read_all_the_same)
{
	struct bytes megabyte = pattern(1 << 20), b = PSTREE;

	for (int i = 0; i < 20; i++)
		b = cat(b, tar_file(cr_test_format("checkpoint/%02d", i),
				    megabyte));
	struct cr_store *s = archive(cr_test_compress("gzip", tar(b)));

	for (int i = 0; i < 20; i++)
		check_reading(s, cr_test_format("%02d", i), megabyte);
	check_reading(s, "03", megabyte);
	cr_store_close(s);
}

TEST(names_are_bytes)
{
	struct cr_store *s =
		archive(tar(PSTREE, tar_file("checkpoint/\xff\x01", text("x")),
			    tar_file("checkpoint/\xc3\xa9", text("y"))));

	assert_text(read_file(s, "\xff\x01"), "x");
	assert_text(read_file(s, "\xc3\xa9"), "y");
	cr_store_close(s);
}

/* man 5 tar: a record "LENGTH path=NAME\n" in front of the member. */
static struct bytes pax_name(const char *name, struct bytes data)
{
	const char *record = cr_test_format("%zu path=%s\n",
					    strlen(name) + 9 +
						    (strlen(name) > 90),
					    name);

	return cat(cr_test_member('x', "pax", "", strlen(record),
				  text(record)),
		   tar_file("short", data));
}

TEST(long_names_and_utf_8_names_are_read)
{
	const char *deep =
		cr_test_format("checkpoint/%.60s/%.60s",
			       "dddddddddddddddddddddddddddddddddddddddddddddd"
			       "dddddddddddddddd",
			       "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
			       "nnnnnnnnnnnnnnnn");
	struct cr_store *s =
		archive(tar(PSTREE, pax_name(deep, text("long")),
			    pax_name("checkpoint/\xe2\x82\xac", text("euro"))));

	assert_text(read_top(s, deep), "long");
	assert_text(read_file(s, "\xe2\x82\xac"), "euro");
	cr_store_close(s);
}

// ---- names that lead out ----

TEST(names_that_lead_out_are_left_out)
{
	struct cr_store *s = archive(
		tar(PSTREE, tar_file("/etc/passwd", text("no")),
		    tar_file("../x", text("no")),
		    tar_file("checkpoint/../../y", text("no")),
		    tar_file("checkpoint/a..b", text("yes")),
		    tar_hardlink("checkpoint/h", "/etc/shadow"),
		    tar_hardlink("checkpoint/i", "../../z")));

	assert_text(findings(s),
		    "/etc/passwd: left out: the name is absolute; "
		    "../x: left out: the name has a '..'; "
		    "checkpoint/../../y: left out: the name has a '..'; "
		    "checkpoint/h: left out: a link that leads out; "
		    "checkpoint/i: left out: a link that leads out");
	assert_text(names(s), "a..b pstree.img");
	assert_text(read_top(s, "/etc/passwd"),
		    "! FORMAT /etc/passwd: leads out of the archive");
	assert_text(read_top(s, "etc/passwd"),
		    "! NOT_FOUND etc/passwd: no such file");
	assert_text(read_top(s, ""), "! NOT_FOUND : no such file");
	assert_text(read_top(s, "x"), "! NOT_FOUND x: no such file");
	assert_text(read_file(s, "h"), "! NOT_FOUND h: no such file");
	cr_store_close(s);
}

TEST(what_is_asked_for_stays_in_the_checkpoint)
{
	struct cr_store *s =
		archive(tar(PSTREE, tar_file("spec.dump", text("{}"))));

	assert_text(read_file(s, "../spec.dump"),
		    "! FORMAT ../spec.dump: leads out of the checkpoint");
	assert_text(read_file(s, "/spec.dump"),
		    "! FORMAT /spec.dump: leads out of the checkpoint");
	assert_text(read_file(s, "x/../pstree.img"), "P");
	assert_text(read_file(s, "x/../../spec.dump"),
		    "! FORMAT x/../../spec.dump: leads out of the checkpoint");
	assert_text(read_top(s, "checkpoint/../spec.dump"), "{}");
	assert_text(read_top(s, "../spec.dump"),
		    "! FORMAT ../spec.dump: leads out of the archive");
	cr_store_close(s);
}

TEST(links_are_followed_inside_and_not_outside)
{
	struct cr_store *s = archive(
		tar(PSTREE, tar_symlink("checkpoint/in", "sub/../pstree.img"),
		    tar_symlink("checkpoint/there", "deep/down"),
		    tar_symlink("checkpoint/deep", "."),
		    tar_file("checkpoint/down/x", text("x")),
		    tar_symlink("checkpoint/abs", "/etc/passwd"),
		    tar_symlink("checkpoint/up", "../spec.dump"),
		    tar_symlink("checkpoint/out", "../../etc/passwd"),
		    tar_symlink("checkpoint/loop", "loop"),
		    tar_file("spec.dump", text("{}"))));

	assert_text(read_file(s, "in"), "P");
	assert_text(read_file(s, "there/x"), "x");
	assert_text(read_file(s, "abs"),
		    "! FORMAT abs: leads out of the checkpoint");
	assert_text(read_file(s, "up"),
		    "! FORMAT up: leads out of the checkpoint");
	assert_text(read_top(s, "checkpoint/up"), "{}");
	assert_text(read_top(s, "checkpoint/out"),
		    "! FORMAT checkpoint/out: leads out of the archive");
	assert_text(read_file(s, "loop"),
		    "! FORMAT loop: too long a name, or links in a circle");
	assert_text(link_text(s, "up"), "../spec.dump");
	assert_text(link_text(s, "pstree.img"),
		    "! NOT_FOUND pstree.img: no such link");
	assert_text(findings(s), "checkpoint/abs: a link that leads out; "
				 "checkpoint/out: a link that leads out");
	cr_store_close(s);
}

TEST(a_link_in_place_of_the_checkpoint_does_not_lead_out_of_it)
{
	struct cr_store *s =
		archive(tar(PSTREE, tar_symlink("checkpoint", "secret/x"),
			    tar_file("secret/y", text("secret"))));

	assert_text(read_file(s, "./pstree.img"), "P");
	assert_text(read_file(s, "./y"), "! NOT_FOUND ./y: no such file");
	assert_text(read_file(s, "a/../y"),
		    "! NOT_FOUND a/../y: no such file");
	cr_store_close(s);
}

TEST(a_hard_link_is_the_file_before_it)
{
	struct cr_store *s = archive(
		tar(PSTREE, tar_file("checkpoint/a", text("first")),
		    tar_hardlink("checkpoint/b", "./checkpoint/a"),
		    tar_hardlink("checkpoint/c", "checkpoint/b"),
		    tar_hardlink("checkpoint/d", "checkpoint/later"),
		    tar_hardlink("checkpoint/e", "checkpoint/e"),
		    tar_file("checkpoint/later", text("x"))));

	assert_text(read_file(s, "b"), "first");
	assert_text(read_file(s, "c"), "first");
	assert_text(read_file(s, "d"), "! NOT_FOUND d: no such file");
	assert_text(findings(s),
		    "checkpoint/d: left out: a link to nothing before it; "
		    "checkpoint/e: left out: a link to nothing before it");
	assert_text(names(s), "a b c later pstree.img");
	cr_store_close(s);
}

TEST(what_is_no_file_cannot_be_read)
{
	struct cr_store *s = archive(tar(PSTREE, tar_fifo("checkpoint/pipe"),
					 tar_dir("checkpoint/dir")));

	assert_text(read_file(s, "pipe"), "! FORMAT pipe: not a regular file");
	assert_text(read_file(s, "dir"), "! FORMAT dir: not a regular file");
	cr_store_close(s);
}

// ---- members there more than once ----

TEST(the_last_of_several_members_counts)
{
	struct bytes b =
		tar(tar_dir("checkpoint"), PSTREE,
		    tar_file("checkpoint/a", text("one")),
		    tar_hardlink("checkpoint/link", "checkpoint/a"),
		    tar_file("checkpoint/a", text("two")),
		    tar_dir("checkpoint/"),
		    tar_file("./checkpoint/a", text("three")));
	struct bytes both[] = { b, cr_test_compress("gzip", b) };

	for (size_t i = 0; i < 2; i++) {
		struct cr_store *s = archive(both[i]);

		assert_text(read_file(s, "a"), "three");
		assert_text(read_file(s, "link"), "one");
		assert_text(names(s), "a link pstree.img");
		assert_text(findings(s), "checkpoint/a: there 3 times; the "
					 "last one counts");
		cr_store_close(s);
	}
}

TEST(findings_are_counted_when_there_are_many)
{
	struct bytes b = PSTREE;

	for (int i = 0; i < 20; i++)
		b = cat(b, tar_file("../x", text("")));
	struct cr_store *s = archive(tar(b));

	ck_assert_uint_eq(s->findings.nr, 16);
	ck_assert_uint_eq(s->findings.nr_more, 4);
	cr_store_close(s);
}

// ---- parents ----

TEST(a_parent_is_another_directory_of_the_archive)
{
	struct cr_store *s = archive(
		tar(PSTREE, tar_symlink("checkpoint/parent", "../pre/1"),
		    tar_file("pre/1/pages-1.img", text("old")),
		    tar_symlink("pre/1/parent", "../../../out"),
		    tar_symlink("checkpoint/file", "pstree.img"),
		    tar_symlink("checkpoint/self", "../checkpoint")));
	struct cr_store *parent, *other;

	ck_assert_ptr_null(cr_store_open_parent(s, "parent", &parent));
	assert_text(read_file(parent, "pages-1.img"), "old");
	ck_assert(!cr_store_same(s, parent));
	assert_text(cr_test_error(cr_store_open_parent(parent, "parent",
						       &other)),
		    "! FORMAT parent: leads out of the archive");
	assert_text(cr_test_error(cr_store_open_parent(s, "none", &other)),
		    "! NOT_FOUND none: no such directory");
	assert_text(cr_test_error(cr_store_open_parent(s, "file", &other)),
		    "! FORMAT file: does not lead to a directory");
	ck_assert_ptr_null(cr_store_open_parent(s, "self", &other));
	ck_assert(cr_store_same(s, other));
	cr_store_close(other);
	cr_store_close(s);
	assert_text(read_file(parent, "pages-1.img"), "old");
	cr_store_close(parent);
}

// ---- no archive, or a broken one ----

TEST(what_is_no_archive_is_refused)
{
	assert_text(open_bad(text("")), "! NOT_FOUND the file is empty");
	assert_text(open_bad(text("hello")),
		    "! NOT_FOUND neither a directory nor a tar archive");
	assert_text(open_bad(pattern(5000)),
		    "! NOT_FOUND neither a directory nor a tar archive");
	assert_text(open_bad(image("PSTREE", entry(num(1, 1)))),
		    "! NOT_FOUND neither a directory nor a tar archive");
	assert_text(open_bad(fill(0, 1024)),
		    "! NOT_FOUND an archive without a checkpoint: there is no "
		    "pstree.img or inventory.img in it");
	assert_text(open_bad(tar(tar_file("x", text("x")),
				 tar_dir("pstree.img/"))),
		    "! NOT_FOUND an archive without a checkpoint: there is no "
		    "pstree.img or inventory.img in it");
	assert_text(open_bad(tar(tar_file("/checkpoint/pstree.img", text("x")))),
		    "! NOT_FOUND an archive without a checkpoint: there is no "
		    "pstree.img or inventory.img in it; "
		    "/checkpoint/pstree.img: left out: the name is absolute");
	assert_text(open_bad(tar(tar_file("../pstree.img", text("x")),
				 tar_file("../a.img", text("x")))),
		    "! NOT_FOUND an archive without a checkpoint: there is no "
		    "pstree.img or inventory.img in it; ../pstree.img: left "
		    "out: the name has a '..'; and more");
	assert_text(open_bad(cr_test_compress("gzip", text("hello"))),
		    "! NOT_FOUND compressed by gzip, but no tar archive");
}

static struct bytes head_of(struct bytes b, size_t size)
{
	return (struct bytes){ b.p, size };
}

TEST(a_plain_archive_that_is_cut_off_is_refused)
{
	struct bytes b = tar(PSTREE, tar_file("checkpoint/a", pattern(9000)));

	assert_text(open_bad(head_of(b, 1024 + 300)),
		    "! FORMAT in or behind checkpoint/pstree.img: byte 1024: "
		    "truncated tar archive");
	assert_text(open_bad(head_of(b, 1024 + 512 + 4000)),
		    "! FORMAT checkpoint/a: byte 5536: the archive ends within "
		    "a member");
	// Tar programs take a missing end for one; so does this.
	assert_text(open_bad(head_of(b, b.size - 1024)), "");
}

/* Offsets and words of the decompressors are theirs. */
static void assert_broken(struct bytes b)
{
	const char *got = open_bad(b);

	ck_assert_msg(strstr(got, "! FORMAT ") == got &&
			      strstr(got, "byte ") &&
			      strstr(got, " expanded: "),
		      "%s", got);
}

TEST(a_compressed_archive_that_is_cut_off_or_broken_is_refused)
{
	struct bytes plain =
		tar(PSTREE, tar_file("checkpoint/a", pattern(3 << 20)));

	for (size_t i = 1; i < sizeof(filters) / sizeof(filters[0]); i++) {
		struct bytes b = cr_test_compress(filters[i], plain);
		uint8_t *broken = cr_test_alloc(b.size);

		assert_broken(head_of(b, b.size / 2));
		memcpy(broken, b.p, b.size);
		memset(broken + b.size / 2, 0x55, b.size / 4);
		assert_broken((struct bytes){ broken, b.size });
	}
}

TEST(a_broken_header_is_refused)
{
	struct bytes b = tar(PSTREE, tar_file("checkpoint/a", text("a")));
	uint8_t *broken = cr_test_alloc(b.size);

	memcpy(broken, b.p, b.size);
	broken[1024 + 20] ^= 1;
	assert_text(open_bad((struct bytes){ broken, b.size }),
		    "! FORMAT in or behind checkpoint/pstree.img: byte 1536: "
		    "damaged tar archive");
	broken[20] ^= 1;
	assert_text(open_bad((struct bytes){ broken, b.size }),
		    "! NOT_FOUND neither a directory nor a tar archive");
}

TEST(every_prefix_and_every_flipped_byte_gives_an_answer)
{
	struct bytes b = cr_test_compress(
		"gzip", tar(PSTREE, tar_file("checkpoint/a", text("a"))));

	for (size_t i = 0; i < b.size; i++) {
		uint8_t *copy = cr_test_alloc(b.size);

		memcpy(copy, b.p, b.size);
		copy[i] ^= 0x41;
		open_bad(head_of(b, i));
		open_bad((struct bytes){ copy, b.size });
	}
}

TEST(a_file_that_shrinks_while_it_is_read_is_an_error)
{
	const char *path = cr_test_archive(
		tar(PSTREE, tar_file("checkpoint/a", fill('a', 9000))));
	struct cr_store *s = store_of(path);

	ck_assert_int_eq(truncate(path, 3000), 0);
	assert_text(read_file(s, "a"),
		    "! FORMAT byte 3000: the file ends, 7536 bytes are "
		    "missing");
	cr_store_close(s);
}

// ---- bombs ----

TEST(the_number_of_members_has_a_limit)
{
	struct bytes b = tar(PSTREE, tar_file("a", text("")),
			     tar_file("b", text("")));

	assert_text(open_limited(b, (struct cr_store_limits){ .nr_members =
								      2 }),
		    "! FORMAT b: more members than the limit 'members' of 2 "
		    "(--limit members=N)");
	assert_text(open_limited(b, (struct cr_store_limits){ .nr_members =
								      3 }),
		    "");
}

TEST(the_size_of_a_member_and_of_all_has_a_limit)
{
	struct bytes b = tar(PSTREE, tar_file("a", fill(0, 1000)));

	assert_text(open_limited(b, (struct cr_store_limits){ .member_size =
								      999 }),
		    "! FORMAT a: 1000 bytes, over the limit 'member-size' of 999 "
		    "(--limit member-size=SIZE)");
	assert_text(open_limited(b, (struct cr_store_limits){ .member_size =
								      1000 }),
		    "");
	assert_text(open_limited(b, (struct cr_store_limits){ .total_size =
								      1500 }),
		    "! FORMAT a: 1536 bytes expanded, over the limit "
		    "'total-size' of 1500 (--limit total-size=SIZE)");
	assert_text(open_limited(b, (struct cr_store_limits){ .total_size =
								      4000 }),
		    "");
}

TEST(a_claim_of_eight_exabytes_is_refused_before_it_is_read)
{
	struct bytes claim = cr_test_member('0', "a", "", (1ull << 62) + 1,
					    text("x"));

	assert_text(open_bad(tar(PSTREE, claim)),
		    "! FORMAT a: byte 3072: the archive ends within a member");
	assert_text(open_bad(cr_test_compress("gzip", tar(PSTREE, claim))),
		    "! FORMAT a: 4611686018427387905 bytes, over the limit "
		    "'member-size' of 1099511627776 "
		    "(--limit member-size=SIZE)");
	// Twice so much does not fit 64 bits with the sign.
	assert_text(open_limited(cr_test_compress("gzip",
						  tar(PSTREE, claim, claim)),
				 (struct cr_store_limits){
					 .member_size = UINT64_MAX,
					 .ratio = UINT64_MAX }),
		    "! FORMAT a: 4611686018427387906 bytes expanded, over the "
		    "limit 'total-size' of 4398046511104 "
		    "(--limit total-size=SIZE)");
}

TEST(a_bomb_is_refused_without_being_expanded)
{
	struct bytes b = cr_test_compress(
		"gzip", tar(PSTREE, cr_test_member('0', "bomb", "", 1ull << 38,
						   fill(0, 1 << 20))));
	const char *got = open_bad(b);

	assert_text(got, cr_test_format("! FORMAT bomb: 274877906945 bytes "
					"expanded from %zu, over the limit "
					"'ratio' of 250 (--limit ratio=N)",
					b.size));
	// Without limits it is only cut off.
	assert_text(open_limited(b, (struct cr_store_limits){ .ratio =
								      UINT64_MAX }),
		    "! FORMAT in or behind bomb: byte 1051136 expanded: "
		    "truncated input file (needed 274877906944 bytes, only 1049600 available)");
}

TEST(a_sparse_bomb_is_refused)
{
	struct bytes b = tar(PSTREE, cr_test_sparse("bomb", 1ull << 38,
						    text("x")));

	assert_text(open_bad(b),
		    cr_test_format("! FORMAT bomb: 274877906946 bytes expanded "
				   "from %zu, over the limit 'ratio' of 250 "
				   "(--limit ratio=N)",
				   b.size));
}

TEST(names_have_a_limit)
{
	struct bytes record, b = PSTREE;
	char *name = cr_test_alloc(4096);

	memset(name, 'n', 4000);
	record = text(cr_test_format("%u path=%s\n", 4011, name));
	b = cat(cr_test_member('x', "pax", "", record.size, record),
		tar_file("short", text("")));
	// 64 MiB of names in one file of zstd.
	uint8_t *all = cr_test_alloc(17000 * b.size);

	for (int i = 0; i < 17000; i++)
		memcpy(all + (size_t)i * b.size, b.p, b.size);
	const char *got = open_bad(cr_test_compress(
		"zstd", (struct bytes){ all, 17000 * b.size }));

	ck_assert_msg(strstr(got, "the names of its members are more than 64 "
				  "MiB") ||
			      strstr(got, "over the limit 'ratio'"),
		      "%s", got);
}

TEST(many_hard_links_and_repeats_take_no_quadratic_time)
{
	size_t nr = 20000, size = nr * 512;
	struct bytes link = tar_hardlink("x", "x");
	uint8_t *links = cr_test_alloc(size);

	for (size_t off = 0; off < size; off += link.size)
		memcpy(links + off, link.p, link.size);
	struct cr_store *s = archive(tar(PSTREE, tar_file("x", text("")),
					 ((struct bytes){ links, size })));

	ck_assert_ptr_nonnull(strstr(
		findings(s), "x: there 20001 times; the last one counts; "
			     "x: left out: a link to nothing before it; "));
	ck_assert_uint_eq(s->findings.nr_more, 20000 - 8 + 1 - 16);
	cr_store_close(s);
}

// ---- real ones ----

static const char *data(const char *name)
{
	const char *dir = getenv("CR_TEST_DATA");

	return cr_test_format("%s/archives/%s", dir ? dir : "tests/data",
			      name);
}

TEST(archives_that_podman_wrote_are_read)
{
	const char *const all[] = { "podman-5.8-gzip.tar.gz",
				    "podman-5.8-zstd.tar.zst" };

	for (size_t i = 0; i < 2; i++) {
		struct cr_store *s = store_of(data(all[i]));
		struct cr_file f;

		ck_assert_ptr_null(cr_store_open_file(s, "pages-1.img", &f));
		ck_assert_uint_eq(f.size, 73728);
		cr_file_close(&f);
		ck_assert_ptr_nonnull(strstr(names(s), " pstree.img "));
		ck_assert_ptr_nonnull(
			strstr(read_top(s, "config.dump"), "\"spec\""));
		assert_text(findings(s), "");
		cr_store_close(s);
	}
}

TEST_MAIN("lib/store/archive")
