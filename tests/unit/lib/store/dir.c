// SPDX-License-Identifier: MIT
#include "lib/store/store.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/codec.h"
#include "tests/support/files.h"
#include "tests/support/main.h"

static void make_dir(const char *name)
{
	ck_assert_int_eq(mkdir(cr_test_path(name), 0700), 0);
}

static void make_file(const char *name, const char *content)
{
	cr_test_file(name, text(content), 0600);
}

static void make_link(const char *to, const char *name)
{
	ck_assert_int_eq(symlink(to, cr_test_path(name)), 0);
}

static struct cr_store *open_store(const char *path)
{
	struct cr_store *store;
	struct cr_error *err = cr_store_open(path, &store);

	ck_assert_msg(!err, "%s", err ? cr_error_text(err) : "");
	return store;
}

static const char *contents(struct cr_file *f, struct cr_error *err)
{
	char *got = cr_test_alloc(100);

	if (err)
		return cr_test_error(err);
	ck_assert_ptr_null(cr_file_read(f, got, f->size, 0));
	cr_file_close(f);
	return got;
}

static const char *read_file(struct cr_store *store, const char *name)
{
	struct cr_file f;

	return contents(&f, cr_store_open_file(store, name, &f));
}

static const char *read_top(struct cr_store *store, const char *name)
{
	struct cr_file f;

	return contents(&f, cr_store_open_top(store, name, &f));
}

static struct cr_error *add_name(void *arg, const char *name)
{
	const char **all = arg;

	*all = cr_test_format("%s%s ", *all, name);
	return NULL;
}

static struct cr_error *stop(void *arg, const char *name)
{
	return cr_error_new(CR_ERR_USAGE, "enough at %s", name);
}

TEST(files_are_read_and_listed)
{
	make_file("b.img", "bee");
	make_file("a.img", "");
	struct cr_store *s = open_store(cr_test_dir());
	const char *all = "";
	struct cr_file f;
	char got[2];

	ck_assert_ptr_null(cr_store_each(s, add_name, &all));
	assert_text(all, "a.img b.img ");
	assert_text(cr_test_error(cr_store_each(s, stop, NULL)),
		    "! USAGE enough at a.img");
	assert_text(read_file(s, "b.img"), "bee");
	assert_text(read_top(s, "b.img"), "bee");
	assert_text(read_file(s, "c.img"), "! NOT_FOUND c.img: no such file");
	ck_assert_ptr_null(cr_store_open_file(s, "b.img", &f));
	ck_assert_ptr_null(cr_file_read(&f, got, 2, 1));
	ck_assert_mem_eq(got, "ee", 2);
	assert_text(cr_test_error(cr_file_read(&f, got, 2, 2)),
		    "! FORMAT byte 3: the file ends, 1 bytes are missing");
	cr_file_close(&f);
	cr_store_close(s);
}

TEST(names_and_links_do_not_lead_out)
{
	make_dir("d");
	make_file("out", "secret");
	make_file("d/in", "in");
	make_link("in", "d/link");
	make_link("../out", "d/up");
	make_link("/etc/passwd", "d/abs");
	make_link("loop", "d/loop");
	struct cr_store *s = open_store(cr_test_path("d"));

	assert_text(read_file(s, "link"), "in");
	assert_text(read_file(s, "up"),
		    "! FORMAT up: leads out of the checkpoint");
	assert_text(read_file(s, "abs"),
		    "! FORMAT abs: leads out of the checkpoint");
	assert_text(read_file(s, "../out"),
		    "! FORMAT ../out: leads out of the checkpoint");
	assert_text(read_file(s, "/etc/passwd"),
		    "! FORMAT /etc/passwd: leads out of the checkpoint");
	assert_text(read_file(s, "loop"),
		    "! SYSTEM loop: cannot open: Too many levels of symbolic "
		    "links");
	assert_text(read_file(s, "."), "! FORMAT .: not a regular file");
	cr_store_close(s);
}

TEST(a_fifo_is_not_waited_for)
{
	ck_assert_int_eq(mkfifo(cr_test_path("fifo"), 0600), 0);
	struct cr_store *s = open_store(cr_test_dir());

	assert_text(read_file(s, "fifo"), "! FORMAT fifo: not a regular file");
	cr_store_close(s);
	const char *path = cr_test_path("fifo");

	assert_text(cr_test_error(cr_store_open(path, &s)),
		    cr_test_format("! NOT_FOUND %s: neither a directory nor a "
				   "tar archive",
				   path));
}

TEST(the_text_of_a_link_is_read)
{
	make_link("../x", "parent");
	make_file("file", "");
	struct cr_store *s = open_store(cr_test_dir());
	char *got;

	ck_assert_ptr_null(cr_store_read_link(s, "parent", &got));
	assert_text(got, "../x");
	free(got);
	assert_text(cr_test_error(cr_store_read_link(s, "file", &got)),
		    "! NOT_FOUND file: no such link");
	assert_text(cr_test_error(cr_store_read_link(s, "none", &got)),
		    "! NOT_FOUND none: no such link");
	cr_store_close(s);
}

TEST(images_may_be_below_in_checkpoint)
{
	make_dir("checkpoint");
	make_file("checkpoint/inventory.img", "I");
	make_file("config.dump", "{}");
	struct cr_store *s = open_store(cr_test_dir());

	assert_text(read_file(s, "inventory.img"), "I");
	assert_text(read_file(s, "config.dump"),
		    "! NOT_FOUND config.dump: no such file");
	assert_text(read_top(s, "config.dump"), "{}");
	cr_store_close(s);
	// Images where one is told to look are meant.
	make_file("pstree.img", "P");
	s = open_store(cr_test_dir());
	assert_text(read_file(s, "inventory.img"),
		    "! NOT_FOUND inventory.img: no such file");
	cr_store_close(s);
}

TEST(a_link_to_a_checkpoint_elsewhere_is_not_taken_for_its_images)
{
	make_dir("else");
	make_file("else/pstree.img", "P");
	make_dir("d");
	make_link("../else", "d/checkpoint");
	struct cr_store *s = open_store(cr_test_path("d"));

	assert_text(read_file(s, "pstree.img"),
		    "! NOT_FOUND pstree.img: no such file");
	cr_store_close(s);
}

TEST(a_parent_is_where_its_link_leads)
{
	make_dir("1");
	make_dir("2");
	make_file("1/pages-1.img", "old");
	make_link("../1", "2/parent");
	make_link(".", "2/self");
	make_file("2/file", "");
	struct cr_store *s = open_store(cr_test_path("2")), *parent;

	ck_assert_ptr_null(cr_store_open_parent(s, "parent", &parent));
	assert_text(read_file(parent, "pages-1.img"), "old");
	ck_assert(!cr_store_same(s, parent));
	cr_store_close(parent);
	ck_assert_ptr_null(cr_store_open_parent(s, "self", &parent));
	ck_assert(cr_store_same(s, parent));
	cr_store_close(parent);
	assert_text(cr_test_error(cr_store_open_parent(s, "none", &parent)),
		    "! NOT_FOUND none: no such directory");
	assert_text(cr_test_error(cr_store_open_parent(s, "file", &parent)),
		    "! FORMAT file: does not lead to a directory");
	cr_store_close(s);
}

TEST(what_is_not_there_cannot_be_opened)
{
	const char *path = cr_test_path("none");
	struct cr_store *s;

	assert_text(cr_test_error(cr_store_open(path, &s)),
		    cr_test_format("! SYSTEM %s: No such file or directory",
				   path));
	cr_store_close(NULL);
}

TEST_MAIN("lib/store/dir")
