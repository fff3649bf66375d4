// SPDX-License-Identifier: MIT
#include "lib/ops/change.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/codec.h"
#include "tests/support/files.h"
#include "tests/support/main.h"
#include "tests/support/tar.h"

/* ---- changes in few words ---- */

#define ok(expr)                                                      \
	do {                                                          \
		struct cr_error *err_ = expr;                         \
		ck_assert_msg(!err_, "%s", err_ ? cr_error_text(err_) : ""); \
	} while (0)

static struct cr_change *begin(const char *path)
{
	struct cr_change *change;

	ok(cr_change_open(path, &(struct cr_change_opts){ 0 }, &change));
	return change;
}

static void put(struct cr_change *change, const char *name, const char *value)
{
	ok(cr_change_put(change, name, value, strlen(value)));
}

static void commit(struct cr_change *change)
{
	ok(cr_change_commit(change));
	cr_change_close(change);
}

/* An error's text without the test's directory. */
static const char *without_dir(struct cr_error *err)
{
	const char *text = cr_test_error(err);
	const char *dir = cr_test_format("%s/", cr_test_dir());
	char *at = strstr(text, dir);

	return cr_test_format("%.*s%s", (int)(at - text), text,
			      at + strlen(dir));
}

static const char *refusal(struct cr_change *change)
{
	const char *text = without_dir(cr_change_commit(change));

	cr_change_close(change);
	return text;
}

static const char *whole(struct cr_file *f, struct cr_error *err)
{
	char *got;

	if (err)
		return cr_test_error(err);
	got = cr_test_alloc(f->size + 1);
	ok(cr_file_read(f, got, f->size, 0));
	cr_file_close(f);
	return got;
}

struct show {
	struct cr_store *store;
	const char *got;
};

static struct cr_error *show_one(void *arg, const char *name)
{
	struct show *show = arg;
	struct cr_file f;
	char *link;
	struct cr_error *err = cr_store_read_link(show->store, name, &link);

	show->got = cr_test_format("%s%s%s", show->got,
				   *show->got ? " " : "", name);
	if (!err) {
		show->got = cr_test_format("%s->%s", show->got, link);
		free(link);
		return NULL;
	}
	cr_error_free(err);
	err = cr_store_open_file(show->store, name, &f);
	if (cr_error_catch(&err, CR_ERR_FORMAT))
		return NULL;
	show->got = cr_test_format("%s=%s", show->got, whole(&f, err));
	return NULL;
}

/* "a=1 b=2", and what was odd. */
static const char *state(const char *path)
{
	struct show show = { .got = "" };

	ok(cr_store_open(path, &show.store));
	ok(cr_store_each(show.store, show_one, &show));
	for (size_t i = 0; i < show.store->findings.nr; i++)
		show.got = cr_test_format(
			"%s (%s)", show.got,
			cr_error_text(show.store->findings.err[i]));
	cr_store_close(show.store);
	return show.got;
}

static const char *top(const char *path, const char *name)
{
	struct cr_store *store;
	struct cr_file f;
	const char *got;

	ok(cr_store_open(path, &store));
	got = whole(&f, cr_store_open_top(store, name, &f));
	cr_store_close(store);
	return got;
}

#define PSTREE tar_file("checkpoint/pstree.img", text("p"))

/* ---- */

TEST(members_that_are_not_different_stay_byte_for_byte)
{
	struct bytes sparse = cr_test_sparse("rootfs", 4096, text("deep"));
	struct bytes odd = cat(tar_file("config.dump", text("c")),
			       tar_dir("checkpoint/"), sparse, PSTREE,
			       tar_symlink("checkpoint/parent", "../x"),
			       tar_fifo("checkpoint/fifo"),
			       tar_hardlink("checkpoint/y", "config.dump"));
	struct bytes end = fill(0, 10240);
	const char *path = cr_test_archive(
		cat(odd, tar_file("checkpoint/x", text("old")), end));
	struct cr_change *change = begin(path);

	ok(cr_change_rename(change, "x", "z"));
	commit(change);
	assert_bytes(cr_test_content(path),
		     cat(odd, tar_file("checkpoint/z", text("old")), end));
	assert_text(cr_test_list(cr_test_dir()), "0.tar");
}

TEST(every_kind_of_change_is_made)
{
	const char *path = cr_test_archive(
		tar(tar_file("./config.dump", text("c")),
		    tar_dir("./checkpoint/"),
		    tar_file("./checkpoint/a", text("1")),
		    tar_file("./checkpoint/b", text("2")),
		    tar_file("./checkpoint/pstree.img", text("p")),
		    tar_file("./checkpoint/gone", text("g")),
		    tar_file("./checkpoint/x", text("x"))));
	struct cr_change *change = begin(path);
	struct cr_change_rename swap[] = { { "a", "b" }, { "b", "a" } };

	ok(cr_change_rename_all(change, swap, 2));
	put(change, "pstree.img", "a longer one");
	put(change, "/config.dump", "C");
	put(change, "/spec.dump", "S");
	put(change, "new", "n");
	ok(cr_change_remove(change, "gone"));
	ok(cr_change_rename(change, "x", "y"));
	put(change, "y", "yy");
	ok(cr_change_symlink(change, "parent", "../q"));
	commit(change);
	assert_text(state(path), "a=2 b=1 new=n parent->../q "
				 "pstree.img=a longer one y=yy");
	assert_text(top(path, "config.dump"), "C");
	assert_text(top(path, "spec.dump"), "S");
}

TEST(a_name_is_taken_by_another_file)
{
	const char *path = cr_test_archive(
		tar(PSTREE, tar_file("checkpoint/a", text("1"))));
	struct cr_change *change = begin(path);

	ok(cr_change_rename(change, "a", "b"));
	put(change, "a", "new");
	commit(change);
	assert_text(state(path), "a=new b=1 pstree.img=p");
}

TEST(new_bytes_may_be_a_megabyte)
{
	const char *path = cr_test_archive(tar(PSTREE));
	struct bytes big = fill('x', 1000003);
	struct cr_change *change = begin(path);
	struct cr_store *store;
	struct cr_file f;

	ok(cr_change_put(change, "pages-1.img", big.p, big.size));
	commit(change);
	ok(cr_store_open(path, &store));
	ok(cr_store_open_file(store, "pages-1.img", &f));
	ck_assert_uint_eq(f.size, big.size);
	assert_text(whole(&f, NULL), cr_test_format("%.1000003s", big.p));
	cr_store_close(store);
}

TEST(compression_stays)
{
	static const struct {
		const char *filter, *magic;
	} rows[] = { { "gzip", "\x1f\x8b" },
		     { "zstd", "\x28\xb5\x2f\xfd" },
		     { "xz", "\xfd" "7zXZ" },
		     { "bzip2", "BZh" } };

	for (int i = 0; i < 4; i++) {
		const char *path = cr_test_archive(cr_test_compress(
			rows[i].filter,
			tar(PSTREE, tar_file("checkpoint/x", text("x")))));
		struct cr_change *change = begin(path);

		put(change, "x", "changed");
		commit(change);
		ck_assert_int_eq(memcmp(cr_test_content(path).p, rows[i].magic,
					strlen(rows[i].magic)),
				 0);
		assert_text(state(path), "pstree.img=p x=changed");
	}
}

TEST(a_long_name_gets_a_pax_header)
{
	const char *name = cr_test_format("%0200d", 7);
	const char *path = cr_test_archive(
		tar(PSTREE, tar_file("checkpoint/x", text("x"))));
	struct cr_change *change = begin(path);

	ok(cr_change_rename(change, "x", name));
	commit(change);
	assert_text(state(path), cr_test_format("%s=x pstree.img=p", name));
	change = begin(path);
	ok(cr_change_rename(change, name, "x"));
	commit(change);
	assert_bytes(cr_test_content(path),
		     tar(PSTREE, tar_file("checkpoint/x", text("x"))));
}

TEST(what_pax_says_of_a_member_is_kept_unless_it_is_about_bytes)
{
	struct bytes pax = text("27 SCHILY.xattr.user.a=b=c\n"
				"20 mtime=1767323045\n"
				"10 size=1\n");
	const char *path = cr_test_archive(
		tar(PSTREE, cr_test_member('x', "pax", "", pax.size, pax),
		    tar_file("checkpoint/x", text("x"))));
	struct cr_change *change = begin(path);
	struct bytes got;

	put(change, "x", "new");
	commit(change);
	assert_text(state(path), "pstree.img=p x=new");
	got = cr_test_content(path);
	ck_assert_ptr_nonnull(memmem(got.p, got.size, pax.p, 27));
	ck_assert_ptr_null(memmem(got.p, got.size, "mtime=", 6));
	ck_assert_ptr_null(memmem(got.p, got.size, "size=", 5));
}

TEST(a_sparse_file_gets_dense_bytes)
{
	const char *path = cr_test_archive(
		tar(PSTREE, cr_test_sparse("checkpoint/x", 4096, text("deep"))));
	struct cr_change *change = begin(path);

	put(change, "x", "dense");
	commit(change);
	assert_text(state(path), "pstree.img=p x=dense");
}

TEST(an_archive_without_an_end_gets_one)
{
	const char *path = cr_test_archive(
		cat(PSTREE, tar_file("checkpoint/x", text("x"))));
	struct cr_change *change = begin(path);

	put(change, "n", "n");
	commit(change);
	assert_text(state(path), "n=n pstree.img=p x=x");
}

TEST(a_member_that_is_there_twice_is_there_once_with_new_bytes)
{
	const char *path = cr_test_archive(
		tar(tar_file("checkpoint/x", text("1")), PSTREE,
		    tar_file("checkpoint/x", text("2"))));
	struct cr_change *change = begin(path);

	put(change, "x", "3");
	commit(change);
	assert_text(state(path), "pstree.img=p x=3");
}

TEST(a_member_that_is_there_twice_is_not_renamed)
{
	const char *path = cr_test_archive(
		tar(tar_file("checkpoint/x", text("1")), PSTREE,
		    tar_file("checkpoint/x", text("2"))));
	struct bytes was = cr_test_content(path);
	struct cr_change *change = begin(path);

	ok(cr_change_rename(change, "x", "y"));
	assert_text(refusal(change),
		    "! UNSUPPORTED 0.tar: checkpoint/x: is there more than "
		    "once: unpack the archive and change the directory");
	assert_bytes(cr_test_content(path), was);
	assert_text(cr_test_list(cr_test_dir()), "0.tar");
}

TEST(what_a_hard_link_leads_to_is_not_changed)
{
	const char *path = cr_test_archive(
		tar(tar_file("checkpoint/x", text("1")), PSTREE,
		    tar_hardlink("checkpoint/y", "checkpoint/x")));
	struct cr_change *change = begin(path);

	put(change, "x", "3");
	assert_text(refusal(change),
		    "! UNSUPPORTED 0.tar: checkpoint/y: is a hard link to a "
		    "file that changes: unpack the archive and change the "
		    "directory");
	change = begin(path);
	put(change, "y", "3");
	commit(change);
	assert_text(state(path), "pstree.img=p x=1 y=3");
}

TEST(an_archive_that_changed_meanwhile_is_refused)
{
	const char *path = cr_test_archive(tar(PSTREE));
	struct cr_change *change = begin(path);

	put(change, "x", "3");
	ck_assert_int_eq(truncate(path, 100000), 0);
	assert_text(refusal(change),
		    "! SYSTEM 0.tar: was changed by another process "
		    "meanwhile: Device or resource busy");
}

TEST(a_new_archive_leaves_the_old)
{
	const char *path = cr_test_archive(tar(PSTREE));
	struct bytes was = cr_test_content(path);
	struct cr_change_opts opts = { .out = cr_test_path("new.tar") };
	struct cr_change *change;

	ok(cr_change_open(path, &opts, &change));
	put(change, "x", "3");
	commit(change);
	assert_bytes(cr_test_content(path), was);
	assert_text(state(opts.out), "pstree.img=p x=3");
	assert_text(cr_test_list(cr_test_dir()), "0.tar new.tar");
	assert_text(without_dir(cr_change_open(path, &opts, &change)),
		    "! USAGE new.tar: is there already");
}

TEST(mode_and_owner_stay)
{
	const char *path = cr_test_archive(tar(PSTREE));
	struct cr_change *change;
	struct stat st;

	ck_assert_int_eq(chmod(path, 0640), 0);
	change = begin(path);
	put(change, "x", "3");
	commit(change);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0640);
}

TEST(images_at_the_top_of_an_archive_change_as_well)
{
	const char *path = cr_test_archive(
		tar(tar_file("pstree.img", text("p")),
		    tar_file("a/x", text("1"))));
	struct cr_change *change = begin(path);

	put(change, "pstree.img", "P");
	put(change, "n", "n");
	commit(change);
	assert_text(state(path), "n=n pstree.img=P");
	assert_text(top(path, "a/x"), "1");
}

TEST_MAIN("lib/ops/change-archive")
