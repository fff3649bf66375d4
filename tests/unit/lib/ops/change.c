// SPDX-License-Identifier: MIT
#include "lib/ops/change.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/support/codec.h"
#include "tests/support/files.h"
#include "tests/support/main.h"

/* ---- checkpoints as text: "a=1 b=2 dir/ dir/c=3 parent->../x" ---- */

static void make(const char *dir, const char *files)
{
	char *copy = strdup(files), *save;

	mkdir(cr_test_path(dir), 0700);
	for (char *p = strtok_r(copy, " ", &save); p;
	     p = strtok_r(NULL, " ", &save)) {
		char *value = strpbrk(p, "=>/");
		const char *path;

		ck_assert_ptr_nonnull(value);
		if (*value == '>')
			value[-1] = 0;
		path = cr_test_format("%s/%s", dir, p);
		if (*value == '/' && !value[1])
			ck_assert_int_eq(mkdir(cr_test_path(path), 0700), 0);
		else if (*value == '>')
			ck_assert_int_eq(symlink(value + 1, cr_test_path(path)),
					 0);
		else {
			value = strchr(p, '=');
			*value = 0;
			cr_test_file(cr_test_format("%s/%s", dir, p),
				     text(value + 1), 0600);
		}
	}
	free(copy);
}

static const char *state_below(const char *path, const char *prefix)
{
	struct dirent **names;
	int nr = scandir(path, &names, NULL, alphasort);
	const char *got = "";

	ck_assert_msg(nr >= 0, "%s", path);
	for (int i = 0; i < nr; i++) {
		const char *name = cr_test_format("%s", names[i]->d_name);
		const char *at = cr_test_format("%s/%s", path, name);
		char link[256] = "";
		struct stat st;

		free(names[i]);
		if (!strcmp(name, ".") || !strcmp(name, ".."))
			continue;
		ck_assert_int_eq(lstat(at, &st), 0);
		got = cr_test_format("%s%s%s%s", got, *got ? " " : "", prefix,
				     name);
		if (S_ISDIR(st.st_mode)) {
			const char *below = state_below(
				at, cr_test_format("%s%s/", prefix, name));

			got = cr_test_format("%s/%s%s", got, *below ? " " : "",
					     below);
		} else if (S_ISLNK(st.st_mode)) {
			ck_assert_int_gt(readlink(at, link, sizeof(link) - 1),
					 0);
			got = cr_test_format("%s->%s", got, link);
		} else if (S_ISREG(st.st_mode)) {
			struct bytes b = cr_test_content(at);

			got = cr_test_format("%s=%.*s", got, (int)b.size, b.p);
		}
	}
	free(names);
	return got;
}

static const char *state(const char *name)
{
	return state_below(cr_test_path(name), "");
}

/* ---- a change in few words; errors end the test ---- */

#define ok(expr)                                                      \
	do {                                                          \
		struct cr_error *err_ = expr;                         \
		ck_assert_msg(!err_, "%s", err_ ? cr_error_text(err_) : ""); \
	} while (0)

/* The error's text without the test's directory. */
static const char *error_of(struct cr_error *err)
{
	const char *dir = cr_test_format("%s/", cr_test_dir());
	char *got = cr_test_error(err), *at;

	while ((at = strstr(got, dir)))
		memmove(at, at + strlen(dir), strlen(at + strlen(dir)) + 1);
	return got;
}

static struct cr_change *begin_with(const char *name,
				    struct cr_change_opts opts)
{
	struct cr_change *change;

	ok(cr_change_open(cr_test_path(name), &opts, &change));
	return change;
}

static struct cr_change *begin(const char *name)
{
	return begin_with(name, (struct cr_change_opts){ 0 });
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

static struct cr_error *add_name(void *arg, const char *name)
{
	const char **got = arg;

	*got = cr_test_format("%s%s%s", *got, **got ? " " : "", name);
	return NULL;
}

static const char *contents(struct cr_file *f, struct cr_error *err)
{
	char *got;

	if (err)
		return error_of(err);
	got = cr_test_alloc(f->size + 1);
	ok(cr_file_read(f, got, f->size, 0));
	cr_file_close(f);
	return got;
}

static const char *see(struct cr_change *change, const char *name)
{
	struct cr_file f;

	return contents(&f, cr_store_open_file(cr_change_set(change)->store,
					       name, &f));
}

static const char *see_top(struct cr_change *change, const char *name)
{
	struct cr_file f;

	return contents(&f, cr_store_open_top(cr_change_set(change)->store,
					      name, &f));
}

static const char *names(struct cr_change *change)
{
	const char *got = "";

	ok(cr_store_each(cr_change_set(change)->store, add_name, &got));
	return got;
}

static struct cr_error *add_file(void *arg, const struct cr_change_file *f)
{
	static const char *const words[] = { "created", "replaced", "renamed",
					     "linked", "removed" };
	const char **got = arg;

	*got = cr_test_format("%s%s%s %s", *got, **got ? ", " : "", f->name,
			      words[f->kind]);
	if (f->was)
		*got = cr_test_format("%s %s", *got, f->was);
	*got = cr_test_format("%s %d->%d%s", *got, (int)f->old_size,
			      (int)f->size, f->noted ? " noted" : "");
	return NULL;
}

static const char *files(struct cr_change *change)
{
	const char *got = "";

	ok(cr_change_each_file(change, add_file, &got));
	return got;
}

static ino_t inode(const char *name)
{
	struct stat st;

	ck_assert_int_eq(lstat(cr_test_path(name), &st), 0);
	return st.st_ino;
}

/* ---- what will be ---- */

TEST(what_is_pending_is_read_and_the_checkpoint_stays_as_it_is)
{
	make("a", "pstree.img=old x.img=x y.img=y z.img=z");
	struct cr_change *change = begin("a");

	put(change, "pstree.img", "new");
	put(change, "new.img", "n");
	ok(cr_change_remove(change, "x.img"));
	ok(cr_change_rename(change, "y.img", "w.img"));
	assert_text(see(change, "pstree.img"), "new");
	assert_text(see(change, "new.img"), "n");
	assert_text(see(change, "x.img"), "! NOT_FOUND x.img: no such file");
	assert_text(see(change, "y.img"), "! NOT_FOUND y.img: no such file");
	assert_text(see(change, "w.img"), "y");
	assert_text(see(change, "z.img"), "z");
	assert_text(names(change), "new.img pstree.img w.img z.img");
	assert_text(state("a"), "pstree.img=old x.img=x y.img=y z.img=z");
	cr_change_close(change);
	assert_text(state("a"), "pstree.img=old x.img=x y.img=y z.img=z");
	assert_text(state(""), "a/ a/pstree.img=old a/x.img=x a/y.img=y "
			       "a/z.img=z");
}

TEST(a_file_that_is_open_keeps_its_bytes)
{
	make("a", "pstree.img=old");
	struct cr_change *change = begin("a");
	struct cr_store *store = cr_change_set(change)->store;
	struct cr_file one, two;

	ok(cr_store_open_file(store, "pstree.img", &one));
	put(change, "pstree.img", "second");
	ok(cr_store_open_file(store, "pstree.img", &two));
	put(change, "pstree.img", "third");
	assert_text(contents(&one, NULL), "old");
	assert_text(contents(&two, NULL), "second");
	assert_text(see(change, "pstree.img"), "third");
	cr_change_close(change);
}

struct seen {
	struct cr_change *change;
	const char *names;
};

static struct cr_error *put_and_remove(void *arg, const char *name)
{
	struct seen *seen = arg;

	ok(cr_change_put(seen->change, name, "x", 1));
	if (!strcmp(name, "a"))
		ok(cr_change_remove(seen->change, "b"));
	return add_name(&seen->names, name);
}

TEST(names_may_come_and_go_while_they_are_walked)
{
	make("a", "a=1 b=2 c=3");
	struct cr_change *change = begin("a");
	struct seen seen = { change, "" };

	ok(cr_store_each(cr_change_set(change)->store, put_and_remove, &seen));
	assert_text(seen.names, "a c");
	assert_text(names(change), "a c");
	cr_change_close(change);
}

TEST(a_streamed_file_is_there_when_it_is_finished)
{
	make("a", "pstree.img=old");
	struct cr_change *change = begin("a");
	struct cr_out *out, *gone;

	ok(cr_change_create(change, "pstree.img", &out));
	ok(cr_change_create(change, "x.img", &gone));
	ok(cr_out_put(out, "new", 3));
	ok(cr_out_put(gone, "new", 3));
	assert_text(see(change, "pstree.img"), "old");
	ok(cr_change_finish(change, out));
	cr_change_abandon(change, gone);
	cr_change_abandon(change, NULL);
	assert_text(see(change, "pstree.img"), "new");
	assert_text(names(change), "pstree.img");
	cr_change_close(change);
}

static struct bytes pattern(size_t size)
{
	uint8_t *p = cr_test_alloc(size);

	for (size_t i = 0; i < size; i++)
		p[i] = (uint8_t)(i * 7 + i / 251);
	return (struct bytes){ p, size };
}

TEST(large_files_are_staged_and_come_out_whole)
{
	struct bytes big = pattern(3000000);

	make("a", "pstree.img=old x.img=x");
	struct cr_change *change = begin("a");
	struct cr_out *out;

	ok(cr_change_create(change, "pages-1.img", &out));
	for (size_t i = 0; i < big.size; i += 1000) {
		ok(cr_out_put(out, big.p + i, 1000));
		ok(cr_out_drain(out));
	}
	ok(cr_change_finish(change, out));
	ok(cr_change_put(change, "pages-2.img", big.p, 1000000));
	ok(cr_change_put(change, "pages-3.img", big.p, 1000000));
	ok(cr_change_remove(change, "pages-3.img"));
	assert_text(cr_test_list(cr_test_dir()), ".a.crit-tmp/ a/");
	commit(change);
	assert_text(cr_test_list(cr_test_path("a")),
		    "pages-1.img pages-2.img pstree.img x.img");
	assert_bytes(cr_test_content(cr_test_path("a/pages-1.img")), big);
	big.size = 1000000;
	assert_bytes(cr_test_content(cr_test_path("a/pages-2.img")), big);
	assert_text(cr_test_list(cr_test_dir()), "a/");
}

TEST(a_clone_is_patched_without_touching_the_old)
{
	make("a", "pages-1.img=0123456789 x=1");
	struct cr_change *change = begin("a");
	int fd;

	ok(cr_change_clone(change, "pages-1.img", "pages-1.img", &fd));
	ck_assert_int_eq(pwrite(fd, "abc", 3, 2), 3);
	close(fd);
	assert_text(see(change, "pages-1.img"), "01abc56789");
	assert_text(state("a"), "pages-1.img=0123456789 x=1");
	ok(cr_change_clone(change, "pages-2.img", "pages-1.img", &fd));
	ck_assert_int_eq(ftruncate(fd, 4), 0);
	close(fd);
	commit(change);
	assert_text(state("a"), "pages-1.img=01abc56789 pages-2.img=01ab x=1");
}

/* ---- renaming ---- */

TEST(files_change_places)
{
	make("a", "a=1 b=2 c=3 d=4");
	struct cr_change *change = begin("a");
	struct cr_change_rename all[] = {
		{ "a", "b" }, { "b", "a" }, { "c", "d" }, { "d", "e" }
	};

	ok(cr_change_rename_all(change, all, 4));
	assert_text(names(change), "a b d e");
	assert_text(files(change), "a renamed b 1->1, b renamed a 1->1, "
				   "d renamed c 1->1, e renamed d 1->1");
	commit(change);
	assert_text(state("a"), "a=2 b=1 d=3 e=4");
}

TEST(there_and_back_is_no_change)
{
	make("a", "a=1 b=2");
	struct cr_change *change = begin("a");
	ino_t was = inode("a");

	ok(cr_change_rename(change, "a", "c"));
	ok(cr_change_rename(change, "c", "a"));
	put(change, "x", "1");
	ok(cr_change_remove(change, "x"));
	ck_assert(cr_change_is_empty(change));
	assert_text(files(change), "");
	commit(change);
	ck_assert_uint_eq(inode("a"), was);
}

TEST(a_renamed_file_is_edited_as_well)
{
	make("a", "core-1.img=one b=2");
	struct cr_change *change = begin("a");

	ok(cr_change_rename(change, "core-1.img", "core-2.img"));
	put(change, "core-2.img", "two!");
	assert_text(files(change), "core-2.img renamed core-1.img 3->4");
	commit(change);
	assert_text(state("a"), "b=2 core-2.img=two!");
}

TEST(renames_that_cannot_be_are_refused_whole)
{
	make("a", "a=1 b=2 c=3");
	struct cr_change *change = begin("a");
	struct cr_change_rename taken[] = { { "a", "b" } };
	struct cr_change_rename two[] = { { "a", "x" }, { "b", "x" } };
	struct cr_change_rename twice[] = { { "a", "x" }, { "a", "y" } };
	struct cr_change_rename none[] = { { "a", "x" }, { "q", "y" } };

	assert_text(error_of(cr_change_rename_all(change, taken, 1)),
		    "! USAGE b: is there already");
	assert_text(error_of(cr_change_rename_all(change, two, 2)),
		    "! USAGE x: two files would get that name");
	assert_text(error_of(cr_change_rename_all(change, twice, 2)),
		    "! USAGE a: would get two names");
	assert_text(error_of(cr_change_rename_all(change, none, 2)),
		    "! NOT_FOUND q: no such file");
	ck_assert(cr_change_is_empty(change));
	cr_change_close(change);
}

TEST(names_that_lead_elsewhere_are_none)
{
	static const char *const bad[] = { "", "/", ".", "..", "a/b", "../x",
					   "/../x", "//x", "/a/b",
					   ".crit-tmp" };

	make("a", "a=1");
	struct cr_change *change = begin("a");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *want = cr_test_format(
			"! USAGE %s: no name for a file", bad[i]);

		assert_text(error_of(cr_change_put(change, bad[i], "", 0)),
			    want);
		assert_text(error_of(cr_change_remove(change, bad[i])), want);
		assert_text(error_of(cr_change_rename(change, "a", bad[i])),
			    want);
		assert_text(error_of(cr_change_symlink(change, bad[i], "x")),
			    want);
	}
	cr_change_close(change);
}

/* ---- doing it, in a directory ---- */

TEST(one_file_is_replaced_in_its_directory)
{
	make("a", "pstree.img=old x=1");
	ino_t was = inode("a"), x = inode("a/x");
	struct cr_change *change = begin("a");

	ck_assert_int_eq(chmod(cr_test_path("a/pstree.img"), 0640), 0);
	put(change, "pstree.img", "new");
	commit(change);
	struct stat st;
	stat(cr_test_path("a/pstree.img"), &st);
	ck_assert_int_eq(st.st_mode & 07777, 0640);
	assert_text(state(""), "a/ a/pstree.img=new a/x=1");
	ck_assert_uint_eq(inode("a"), was);
	ck_assert_uint_eq(inode("a/x"), x);
}

TEST(one_file_is_removed)
{
	make("a", "pstree.img=old x=1");
	struct cr_change *change = begin("a");

	ok(cr_change_remove(change, "x"));
	commit(change);
	assert_text(state(""), "a/ a/pstree.img=old");
}

TEST(several_files_change_at_once_and_others_are_the_same_files)
{
	make("a", "pstree.img=old x=1 y=2 z=3 sub/ sub/deep=4 parent->../p");
	ck_assert_int_eq(chmod(cr_test_path("a"), 0750), 0);
	ck_assert_int_eq(mkfifo(cr_test_path("a/fifo"), 0600), 0);
	ino_t x = inode("a/x"), deep = inode("a/sub/deep"), fifo = inode("a/fifo");
	struct cr_change *change = begin("a");
	struct stat st;

	put(change, "pstree.img", "new");
	put(change, "n", "n");
	ok(cr_change_remove(change, "y"));
	ok(cr_change_rename(change, "z", "zz"));
	ok(cr_change_symlink(change, "link", "to"));
	commit(change);
	assert_text(state(""),
		    "a/ a/fifo a/link->to a/n=n a/parent->../p "
		    "a/pstree.img=new a/sub/ a/sub/deep=4 a/x=1 a/zz=3");
	ck_assert_uint_eq(inode("a/x"), x);
	ck_assert_uint_eq(inode("a/fifo"), fifo);
	ck_assert_uint_eq(inode("a/sub/deep"), deep);
	stat(cr_test_path("a"), &st);
	ck_assert_int_eq(st.st_mode & 07777, 0750);
}

TEST(a_symbolic_link_replaces_parent)
{
	make("a", "pstree.img=1 parent->../p");
	struct cr_change *change = begin("a");
	char *got;

	ok(cr_change_symlink(change, "parent", "../q"));
	ok(cr_store_read_link(cr_change_set(change)->store, "parent", &got));
	assert_text(got, "../q");
	free(got);
	assert_text(files(change), "parent linked ../q 0->0");
	commit(change);
	assert_text(state("a"), "parent->../q pstree.img=1");
}

TEST(files_of_the_top_change_with_the_images)
{
	make("a", "config.dump=c spec.dump=s checkpoint/ "
		  "checkpoint/pstree.img=p checkpoint/x=1");
	struct cr_change *change = begin("a");

	put(change, "/config.dump", "C");
	put(change, "pstree.img", "P");
	assert_text(see_top(change, "config.dump"), "C");
	assert_text(see_top(change, "checkpoint/pstree.img"), "P");
	assert_text(see(change, "pstree.img"), "P");
	assert_text(names(change), "pstree.img x");
	commit(change);
	assert_text(state(""),
		    "a/ a/checkpoint/ a/checkpoint/pstree.img=P "
		    "a/checkpoint/x=1 a/config.dump=C a/spec.dump=s");
}

TEST(images_below_the_top_are_exchanged_alone)
{
	make("a", "config.dump=c checkpoint/ checkpoint/pstree.img=p");
	ino_t was = inode("a");
	struct cr_change *change = begin("a");

	put(change, "x", "1");
	put(change, "y", "2");
	commit(change);
	assert_text(state(""), "a/ a/checkpoint/ a/checkpoint/pstree.img=p "
			       "a/checkpoint/x=1 a/checkpoint/y=2 "
			       "a/config.dump=c");
	ck_assert_uint_eq(inode("a"), was);
}

TEST(where_there_is_no_top_of_its_own_a_slash_means_nothing)
{
	make("a", "pstree.img=p config.dump=c");
	struct cr_change *change = begin("a");

	put(change, "/config.dump", "C");
	assert_text(see(change, "config.dump"), "C");
	assert_text(see_top(change, "config.dump"), "C");
	commit(change);
	assert_text(state("a"), "config.dump=C pstree.img=p");
}

/* ---- a new checkpoint ---- */

TEST(a_new_checkpoint_leaves_the_old)
{
	make("a", "pstree.img=old x=1 sub/ sub/deep=4 parent->../p");
	struct cr_change *change = begin_with(
		"a", (struct cr_change_opts){ .out = cr_test_path("b/") });

	put(change, "pstree.img", "new");
	commit(change);
	assert_text(state("a"), "parent->../p pstree.img=old sub/ sub/deep=4 x=1");
	assert_text(state("b"), "parent->../p pstree.img=new sub/ sub/deep=4 x=1");
	assert_text(cr_test_list(cr_test_dir()), "a/ b/");
}

TEST(a_new_checkpoint_may_take_an_empty_directory_only)
{
	make("a", "pstree.img=old");
	make("b", "");
	make("c", "x=1");
	struct cr_change *change;
	struct cr_change_opts opts = { .out = cr_test_path("c") };

	assert_text(error_of(cr_change_open(cr_test_path("a"), &opts, &change)),
		    "! USAGE c: is there already");
	opts.out = cr_test_path("no/b");
	assert_text(error_of(cr_change_open(cr_test_path("a"), &opts, &change)),
		    cr_test_format("! SYSTEM a: no/b: cannot open %s: No such "
				   "file or directory",
				   "no"));
	opts.out = cr_test_path("b");
	commit(begin_with("a", opts));
	assert_text(state("b"), "pstree.img=old");
}

TEST(a_new_checkpoint_within_the_old_is_refused)
{
	make("a", "pstree.img=old sub/");
	struct cr_change_opts opts = { .out = cr_test_path("a/b") };
	struct cr_change *change;

	assert_text(error_of(cr_change_open(cr_test_path("a"), &opts, &change)),
		    "! USAGE a: a/b: the new one would be within the old one");
	opts.out = cr_test_path("a/sub/b");
	change = begin_with("a", opts);
	assert_text(error_of(cr_change_commit(change)),
		    "! USAGE a: sub: .b.crit-tmp: the new one would be within "
		    "the old one");
	cr_change_close(change);
	assert_text(state(""), "a/ a/pstree.img=old a/sub/");
}

/* ---- the list ---- */

static struct cr_error *add_note(void *arg, const struct cr_change_note *n)
{
	const char **got = arg;

	*got = cr_test_format("%s%s%s/%d/%s/%s/%s%s", *got, **got ? " " : "",
			      n->image, (int)n->entry, n->field ? n->field : "-",
			      n->old ? n->old : "-", n->new_ ? n->new_ : "-",
			      n->secret ? "/secret" : "");
	return NULL;
}

TEST(notes_are_kept_in_order)
{
	make("a", "pstree.img=old x=1");
	struct cr_change *change = begin("a");
	const char *got = "";

	ok(cr_change_note(change, &(struct cr_change_note){
					  .image = "pstree.img",
					  .entry = 3,
					  .field = "pid",
					  .old = "1",
					  .new_ = "2" }));
	ok(cr_change_note(change,
			  &(struct cr_change_note){ .image = "pstree.img",
						    .entry = 4,
						    .new_ = "{}",
						    .secret = true }));
	put(change, "pstree.img", "new!");
	put(change, "x", "2");
	ck_assert_uint_eq(cr_change_nr_notes(change), 2);
	ok(cr_change_commit(change));
	ok(cr_change_each_note(change, add_note, &got));
	assert_text(got, "pstree.img/3/pid/1/2 pstree.img/4/-/-/{}/secret");
	assert_text(files(change), "pstree.img replaced 3->4 noted, "
				   "x replaced 1->1");
	cr_change_close(change);
}

/* ---- who else is there ---- */

TEST(two_changes_at_a_time_are_refused)
{
	make("a", "pstree.img=old");
	struct cr_change *one = begin("a"), *two;
	struct cr_change_opts opts = { 0 };

	assert_text(error_of(cr_change_open(cr_test_path("a"), &opts, &two)),
		    "! SYSTEM a: is being changed by another process: Resource "
		    "temporarily unavailable");
	cr_change_close(begin_with("a", (struct cr_change_opts){
						.dry_run = true }));
	cr_change_close(one);
	cr_change_close(begin("a"));
}

TEST(a_dry_run_does_nothing)
{
	struct bytes big = pattern(1000000);

	make("a", "pstree.img=old x=1");
	struct cr_change *change =
		begin_with("a", (struct cr_change_opts){ .dry_run = true });

	put(change, "pstree.img", "new");
	ok(cr_change_put(change, "big", big.p, big.size));
	assert_text(cr_test_list(cr_test_dir()), "a/");
	ok(cr_change_commit(change));
	assert_text(files(change),
		    "big created 0->1000000, pstree.img replaced 3->3");
	cr_change_close(change);
	assert_text(state(""), "a/ a/pstree.img=old a/x=1");
}

TEST(what_a_crash_has_left_is_removed_by_the_next_change)
{
	make("a", "pstree.img=old .crit-tmp=half");
	make(".a.crit-tmp", "0=half new/ new/x=1");
	cr_change_close(begin("a"));
	assert_text(state(""), "a/ a/pstree.img=old");
}

TEST(several_checkpoints_are_committed_together)
{
	struct cr_change *all[3];
	size_t done;

	make("a", "x=1 y=1");
	make("b", "x=2 y=2");
	make("c", "x=3 y=3");
	all[0] = begin("a");
	all[1] = begin("b");
	all[2] = begin("c");
	put(all[0], "x", "A");
	put(all[2], "x", "C");
	put(all[2], "y", "C");
	ok(cr_change_commit_all(all, 3, &done));
	ck_assert_uint_eq(done, 3);
	for (int i = 0; i < 3; i++)
		cr_change_close(all[i]);
	assert_text(state(""), "a/ a/x=A a/y=1 b/ b/x=2 b/y=2 c/ c/x=C c/y=C");
}

TEST(a_file_that_was_read_and_has_changed_is_not_changed)
{
	make("a", "pstree.img=old x=1 y=1");
	struct cr_change *change = begin("a");
	const char *y = cr_test_path("a/y");

	assert_text(see(change, "x"), "1");
	put(change, "pstree.img", "new");
	/* What was not read may change. */
	ck_assert_int_eq(truncate(y, 10), 0);
	ck_assert_int_eq(truncate(cr_test_path("a/x"), 10), 0);
	assert_text(error_of(cr_change_commit(change)),
		    "! SYSTEM a: x: was changed by another process meanwhile: "
		    "Device or resource busy");
	cr_change_close(change);
	assert_text(cr_test_format("%.3s", cr_test_content(
						   cr_test_path("a/pstree.img"))
						   .p),
		    "old");
}

TEST(a_directory_with_a_new_name_in_it_is_not_changed)
{
	make("a", "pstree.img=old");
	struct cr_change *change = begin("a");

	put(change, "pstree.img", "new");
	make("a", "other=1");
	assert_text(error_of(cr_change_commit(change)),
		    "! SYSTEM a: was changed by another process meanwhile: "
		    "Device or resource busy");
	cr_change_close(change);
	assert_text(state(""), "a/ a/other=1 a/pstree.img=old");
}

TEST(a_checkpoint_that_was_moved_is_not_changed)
{
	make("a", "pstree.img=old");
	struct cr_change *change = begin("a");

	put(change, "pstree.img", "new");
	put(change, "x", "new");
	ck_assert_int_eq(rename(cr_test_path("a"), cr_test_path("b")), 0);
	make("a", "pstree.img=another");
	struct cr_error *err = cr_change_commit(change);
	ck_assert_ptr_nonnull(err);
	cr_error_free(err);
	cr_change_close(change);
	assert_text(state("a"), "pstree.img=another");
	assert_text(state("b"), "pstree.img=old");
}

TEST(an_oci_layout_is_refused)
{
	struct cr_change *change;
	struct cr_change_opts opts = { 0 };

	make("a", "oci-layout={}");
	assert_text(error_of(cr_change_open(cr_test_path("a"), &opts, &change)),
		    "! UNSUPPORTED a: an OCI image layout: change the archive "
		    "it was made from, or unpack its layer, and make a new one "
		    "of that");
}

TEST(attributes_are_carried_over)
{
	char value[8] = "";

	make("a", "pstree.img=old");
	if (setxattr(cr_test_path("a"), "user.t", "dir", 3, 0) ||
	    setxattr(cr_test_path("a/pstree.img"), "user.t", "file", 4, 0))
		return; /* this file system has none */
	struct cr_change *change = begin("a");

	put(change, "pstree.img", "new");
	put(change, "x", "new");
	put(change, "y", "new");
	commit(change);
	ck_assert_int_eq(getxattr(cr_test_path("a"), "user.t", value, 8), 3);
	ck_assert_int_eq(getxattr(cr_test_path("a/pstree.img"), "user.t",
				  value, 8),
			 4);
	assert_text(value, "file");
}

/* ---- what the system does not allow ---- */

/* Runs it in a child as a user who is nobody, if this one may be anybody. */
#define AS_NOBODY(...)                                                	do {                                                          		pid_t pid_ = fork();                                  		int status_;                                          		if (!pid_) {                                          			if (!geteuid() && setresuid(65534, 65534, 65534)) 				_exit(1);                             			__VA_ARGS__;                                  			_exit(0);                                     		}                                                     		waitpid(pid_, &status_, 0);                           		ck_assert_int_eq(status_, 0);                         	} while (0)

/* The test's directory where everybody may look. */
static void make_public(void)
{
	if (!geteuid())
		setenv("TMPDIR", "/tmp", 1);
	make("", "said=");
	ck_assert_int_eq(chmod(cr_test_path("said"), 0666), 0);
	ck_assert_int_eq(chmod(cr_test_dir(), 0755), 0);
}

/* Says what it said, in a file. */
static void tell(const char *text)
{
	int fd = open(cr_test_path("said"), O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (write(fd, text, strlen(text)) < 0)
		_exit(2);
	close(fd);
}

static void try_one(const char *name)
{
	struct cr_change *change;
	struct cr_change_opts opts = { 0 };
	struct cr_error *err =
		cr_change_open(cr_test_path(name), &opts, &change);

	if (!err) {
		put(change, "pstree.img", "new");
		err = cr_change_commit(change);
		cr_change_close(change);
	}
	tell(error_of(err));
}

static void try_two(const char *name)
{
	struct cr_change *change;
	struct cr_change_opts opts = { 0 };
	struct cr_error *err =
		cr_change_open(cr_test_path(name), &opts, &change);

	if (!err) {
		put(change, "pstree.img", "new");
		put(change, "x", "new");
		err = cr_change_commit(change);
		cr_change_close(change);
	}
	tell(error_of(err));
}

static const char *said(void)
{
	struct bytes b = cr_test_content(cr_test_path("said"));

	return cr_test_format("%.*s", (int)b.size, b.p);
}

TEST(without_permission_nothing_changes)
{
	make_public();
	make("a", "pstree.img=old");
	chmod(cr_test_path("a"), 0555);
	chmod(cr_test_path("a/pstree.img"), 0444);
	AS_NOBODY(try_one("a"));
	assert_text(said(), "! SYSTEM a: pstree.img: cannot create: Permission "
			    "denied");
	chmod(cr_test_path("a"), 0755);
	assert_text(state("a"), "pstree.img=old");
}

TEST(a_directory_in_one_that_cannot_be_written_changes_in_one_file_only)
{
	make_public();
	make("a", "pstree.img=old");
	if (chown(cr_test_path("a"), 65534, 65534) ||
	    chown(cr_test_path("a/pstree.img"), 65534, 65534))
		return;
	chmod(cr_test_dir(), 0555);
	AS_NOBODY(try_two("a"));
	assert_text(said(), "! UNSUPPORTED a: more than one file changes, and "
			    "no directory can be made beside it: write a new "
			    "checkpoint with -o instead");
	AS_NOBODY(try_one("a"));
	assert_text(said(), "");
	chmod(cr_test_dir(), 0755);
	assert_text(state("a"), "pstree.img=new");
}

TEST(without_space_nothing_changes)
{
	struct rlimit limit = { 100, RLIM_INFINITY };
	struct bytes big = pattern(1000);

	make("a", "pstree.img=old x=1");
	struct cr_change *change = begin("a");
	ok(cr_change_put(change, "pstree.img", big.p, big.size));
	ok(cr_change_put(change, "y", big.p, big.size));
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_text(error_of(cr_change_commit(change)),
		    "! SYSTEM a: pstree.img: write: File too large");
	cr_change_close(change);
	assert_text(state(""), "a/ a/pstree.img=old a/x=1");
}

/* A mount of our own, which takes a user namespace. */
static bool mount_on(const char *path)
{
	return !unshare(CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0)) &&
	       !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount(path, path, NULL, MS_BIND, NULL);
}

TEST(a_mount_point_changes_in_one_file_only)
{
	make("a", "pstree.img=old x=1");
	make("", "said=");
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (!mount_on(cr_test_path("a")))
			_exit(77);
		try_two("a");
		ck_assert_str_eq(said(),
				 "! UNSUPPORTED a: more than one file changes, "
				 "and it is a mount point: write a new "
				 "checkpoint with -o instead");
		assert_text(state("a"), "pstree.img=old x=1");
		try_one("a");
		_exit(0);
	}
	waitpid(pid, &status, 0);
	ck_assert(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		return; /* mounting is not allowed here */
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	assert_text(said(), "");
	assert_text(state("a"), "pstree.img=new x=1");
	assert_text(cr_test_list(cr_test_dir()), "a/ said");
}

TEST(what_was_never_opened_is_closed)
{
	cr_change_close(NULL);
}

TEST_MAIN("lib/ops/change")
