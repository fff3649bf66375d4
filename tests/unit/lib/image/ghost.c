// SPDX-License-Identifier: MIT
#include "lib/image/ghost.h"

#include <sys/stat.h>

#include "tests/support/main.h"
#include "tests/unit/lib/image/checkpoint.h"

/* What was walked over: "SIZE: OFF+SIZE=text, ...". */
struct trail {
	const char *text;
	bool skip; /* reads no content */
};

static struct cr_error *note_entry(void *arg, const GhostFileEntry *e,
				   uint64_t size)
{
	struct trail *t = arg;

	t->text = cr_test_format("%llu:", (unsigned long long)size);
	return NULL;
}

static struct cr_error *note_piece(void *arg,
				   const struct cr_ghost_piece *piece,
				   struct cr_source *src)
{
	struct trail *t = arg;
	const uint8_t *p = src->p;
	struct cr_error *err = NULL;

	if (!t->skip) {
		err = cr_source_must(src, piece->size, "the piece");
		p = src->p;
		src->p += piece->size;
	}
	t->text = cr_test_format("%s %llu+%llu", t->text,
				 (unsigned long long)piece->off,
				 (unsigned long long)piece->size);
	if (!t->skip && !err)
		t->text = cr_test_format("%s=%.*s", t->text, (int)piece->size,
					 (const char *)p);
	return err;
}

static const char *walk_id(struct bytes img, uint32_t id, bool skip)
{
	static const struct cr_ghost_fns fns = { note_entry, note_piece };
	struct cr_set set = checkpoint("ghost-file-1f.img", img);
	struct trail t = { "", skip };
	struct cr_error *err = cr_ghost_walk(&set, id, &fns, &t);

	close_checkpoint(&set);
	return err ? cr_test_format("%s%s%s", t.text, *t.text ? " " : "",
				    cr_test_error(err)) :
		     t.text;
}

#define walk(...) walk_id(image("GHOST_FILE", __VA_ARGS__), 31, false)

#define head(mode, ...) \
	entry(num(1, 0), num(2, 0), num(3, mode), ##__VA_ARGS__)
#define chunks(size) head(S_IFREG, num(9, 1), num(10, size))
#define chunk(len, off) entry(num(1, len), num(2, off))

TEST(all_that_follows_is_the_content)
{
	assert_text(walk(head(S_IFREG), text("hello")), "5: 0+5=hello");
	assert_text(walk(head(S_IFREG)), "0:");
}

TEST(what_is_no_regular_file_has_no_content)
{
	assert_text(walk(head(S_IFIFO), text("hello")), "0:");
	assert_text(walk(head(S_IFLNK, str(11, "to"))), "0:");
}

TEST(chunks_leave_holes)
{
	assert_text(walk(chunks(100), chunk(2, 10), text("ab"), chunk(3, 12),
			 text("cde"), chunk(1, 99), text("f")),
		    "100: 10+2=ab 12+3=cde 99+1=f");
	assert_text(walk(chunks(100)), "100:");
	assert_text(walk(chunks(5), chunk(0, 5)), "5:");
}

TEST(what_is_not_read_is_passed_over)
{
	assert_text(walk_id(image("GHOST_FILE", chunks(9), chunk(2, 1),
				  text("ab"), chunk(3, 3), text("cde")),
			    31, true),
		    "9: 1+2 3+3");
}

TEST(chunks_that_cannot_be)
{
	assert_text(walk(chunks(100), chunk(2, 10), text("ab"), chunk(1, 11),
			 text("c")),
		    "100: 10+2=ab ! FORMAT ghost-file-1f.img: entry 2: 11 comes "
		    "before 12, where the chunk before it ends");
	assert_text(walk(chunks(11), chunk(2, 10), text("ab")),
		    "11: ! FORMAT ghost-file-1f.img: entry 1: 2 bytes at 10 "
		    "reach beyond the file's size of 11");
	assert_text(walk(chunks(11), chunk(2, UINT64_MAX), text("ab")),
		    "11: ! FORMAT ghost-file-1f.img: entry 1: 2 bytes at "
		    "18446744073709551615 reach beyond the file's size of 11");
	assert_text(walk(chunks(UINT64_MAX)),
		    "! FORMAT ghost-file-1f.img: entry 0: 18446744073709551615 "
		    "bytes are more than a file can have");
	assert_text(walk(chunks(100), chunk(3, 10), text("ab")),
		    "100: ! FORMAT ghost-file-1f.img: entry 1: byte 32: need 3 "
		    "bytes of content, have 2");
}

TEST(images_of_something_else)
{
	assert_text(walk_id(header("GHOST_FILE"), 31, false),
		    "! FORMAT ghost-file-1f.img: has no entry");
	assert_text(walk_id(header("PSTREE"), 31, false),
		    "! FORMAT ghost-file-1f.img: holds pstree_entry, not "
		    "ghost_file_entry");
	assert_text(walk_id(header("GHOST_FILE"), 30, false),
		    "! NOT_FOUND ghost-file-1e.img: no such file");
}

static const char *number(const char *name)
{
	uint32_t id;

	return cr_ghost_number(name, &id) ? cr_test_format("%u", id) : "-";
}

TEST(numbers_are_as_criu_writes_them)
{
	char name[CR_GHOST_NAME];

	cr_ghost_name(UINT32_MAX, name);
	assert_text(name, "ghost-file-ffffffff.img");
	assert_text(number(name), "4294967295");
	assert_text(number("ghost-file-a.img"), "10");
	assert_text(number("ghost-file-A.img"), "-");
	assert_text(number("ghost-file-0a.img"), "-");
	assert_text(number("ghost-file-0xa.img"), "-");
	assert_text(number("ghost-file-100000000.img"), "-");
	assert_text(number("ghost-file-a.img.json"), "-");
	assert_text(number("ghost-file-.img"), "-");
}

static const char *remaps(struct bytes img)
{
	struct cr_set set = checkpoint("remap-fpath.img", img);
	struct cr_remaps r = { 0 };
	struct cr_error *err = cr_remaps_load(&set, &r);
	const char *all = "";

	for (size_t i = 0; i < r.nr; i++)
		all = cr_test_format("%s%s%u:%u,%u", all, i ? " " : "",
				     r.remap[i].file, r.remap[i].type,
				     r.remap[i].id);
	cr_remaps_free(&r);
	close_checkpoint(&set);
	return err ? cr_test_error(err) : all;
}

TEST(remaps_of_any_age)
{
	assert_text(remaps(image("REMAP_FPATH",
				 entry(num(1, 9), num(2, 3), num(3, 1)),
				 entry(num(1, 4), num(2, 7), num(3, 2)),
				 entry(num(1, 5), num(2, 0x80000006)),
				 entry(num(1, 6), num(2, 8)),
				 entry(num(1, 4), num(2, 1), num(3, 99)),
				 entry(num(1, 7), num(2, 0x80000006),
				       num(3, 1)))),
		    "4:2,7 4:99,1 5:1,6 6:0,8 7:1,2147483654 9:1,3");
}

TEST(the_remap_of_a_file)
{
	struct cr_set set = checkpoint(
		"remap-fpath.img",
		image("REMAP_FPATH", entry(num(1, 9), num(2, 3), num(3, 1)),
		      entry(num(1, 4), num(2, 7), num(3, 1)),
		      entry(num(1, 4), num(2, 8), num(3, 1))));
	struct cr_remaps r = { 0 };

	assert_text(cr_test_error(cr_remaps_load(&set, &r)), "");
	ck_assert_ptr_null(cr_remaps_find(&r, 3));
	ck_assert_ptr_null(cr_remaps_find(&r, 5));
	ck_assert_ptr_null(cr_remaps_find(&r, 10));
	ck_assert_uint_eq(cr_remaps_find(&r, 4)->id, 7);
	ck_assert_uint_eq(cr_remaps_find(&r, 9)->id, 3);
	cr_remaps_free(&r);
	close_checkpoint(&set);
}

TEST_MAIN("lib/image/ghost")
