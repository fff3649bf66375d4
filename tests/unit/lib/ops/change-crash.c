// SPDX-License-Identifier: MIT
/*
 * A change that is killed at every thing it does to the file system leaves the
 * old checkpoint or the new one, and the next change removes what else it left.
 * A change in which any one of these things fails leaves the old one, and says
 * so; or the new one, if it failed after that.
 */
#include "tests/support/crash.h"

#include <dirent.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "lib/ops/change.h"
#include "tests/support/codec.h"
#include "tests/support/files.h"
#include "tests/support/main.h"
#include "tests/support/tar.h"

/* ---- checkpoints as text ---- */

/* Its size and how it begins, without blanks. */
static const char *brief(const char *path)
{
	struct bytes b = cr_test_content(path);

	return cr_test_format("%zu,%.*s", b.size, b.size > 16 ? 16 : (int)b.size,
			      b.p);
}

static const char *state_of(const char *path, const char *prefix)
{
	struct dirent **names;
	int nr = scandir(path, &names, NULL, alphasort);
	const char *got = "";

	if (nr < 0)
		return "";
	for (int i = 0; i < nr; i++) {
		const char *name = cr_test_format("%s", names[i]->d_name);
		const char *at = cr_test_format("%s/%s", path, name);
		char link[256] = "";
		struct stat st;

		free(names[i]);
		if (!strcmp(name, ".") || !strcmp(name, "..") ||
		    lstat(at, &st))
			continue;
		got = cr_test_format("%s%s%s:%o", got, prefix, name,
				     st.st_mode);
		if (S_ISREG(st.st_mode))
			got = cr_test_format("%s=%s ", got, brief(at));
		else if (S_ISLNK(st.st_mode) &&
			 readlink(at, link, sizeof(link) - 1) > 0)
			got = cr_test_format("%s->%s ", got, link);
		else
			got = cr_test_format(
				"%s %s", got,
				state_of(at, cr_test_format("%s%s/", prefix,
							    name)));
	}
	free(names);
	return got;
}

static void make(const char *name, const char *content)
{
	cr_test_file(name, text(content), 0640);
}

static void make_old(void)
{
	mkdir(cr_test_path("a"), 0750);
	make("a/pstree.img", "old");
	make("a/x.img", "x");
	make("a/y.img", "y");
	make("a/z.img", "z");
	mkdir(cr_test_path("a/sub"), 0700);
	make("a/sub/deep", "4");
	ck_assert_int_eq(symlink("../p", cr_test_path("a/parent")), 0);
}

static void make_flat(void)
{
	mkdir(cr_test_path("a"), 0750);
	make("a/pstree.img", "old");
	make("a/x.img", "x");
}

/* Bytes that compress to no less. */
static struct bytes pattern(size_t size)
{
	uint8_t *p = cr_test_alloc(size);
	uint32_t x = 1;

	for (size_t i = 0; i < size; i++, x = x * 1103515245 + 12345)
		p[i] = (uint8_t)(x >> 16);
	return (struct bytes){ p, size };
}

static void make_old_archive(void)
{
	cr_test_file("a", tar(tar_file("pstree.img", text("old")),
			      tar_file("x.img", text("x"))),
		     0640);
}

static void make_old_compressed(void)
{
	struct bytes b = tar(tar_file("pstree.img", text("old")),
			     tar_file("x.img", pattern(100000)));

	cr_test_file("a", cr_test_compress("gzip", b), 0640);
}

/* What is tested: a checkpoint and what is changed. */
struct scene {
	void (*make)(void);
	struct cr_error *(*work)(struct cr_change *change);
	const char *out;
};

static struct cr_error *replace_one(struct cr_change *change)
{
	return cr_change_put(change, "pstree.img", "new", 3);
}

static struct cr_error *remove_one(struct cr_change *change)
{
	return cr_change_remove(change, "x.img");
}

static struct cr_error *change_many(struct cr_change *change)
{
	struct cr_error *err = cr_change_put(change, "pstree.img", "new", 3);
	int fd = -1;

	if (!err)
		err = cr_change_put(change, "n.img", "n", 1);
	if (!err)
		err = cr_change_rename(change, "y.img", "z2.img");
	if (!err)
		err = cr_change_remove(change, "z.img");
	if (!err)
		err = cr_change_symlink(change, "parent", "../q");
	if (!err)
		err = cr_change_clone(change, "x.img", "x.img", &fd);
	if (!err && pwrite(fd, "X", 1, 0) != 1)
		err = cr_error_sys("pwrite");
	if (fd >= 0)
		close(fd);
	return err;
}

/* So few that they are synced one by one. */
static struct cr_error *change_few(struct cr_change *change)
{
	struct cr_error *err = cr_change_put(change, "pstree.img", "new", 3);

	return err ? err : cr_change_put(change, "n.img", "n", 1);
}

/* More than that. */
static struct cr_error *change_more(struct cr_change *change)
{
	struct cr_error *err = NULL;

	for (int i = 0; !err && i < 6; i++)
		err = cr_change_put(change, cr_test_format("n-%d.img", i), "n",
				    1);
	return err;
}

static struct cr_error *stage_one(struct cr_change *change)
{
	struct bytes big = fill('x', 300000);

	return cr_change_put(change, "x.img", big.p, big.size);
}

static struct cr_error *run(const struct scene *scene)
{
	struct cr_change *change;
	struct cr_change_opts opts = {
		.out = scene->out ? cr_test_path(scene->out) : NULL
	};
	struct cr_error *err =
		cr_change_open(cr_test_path("a"), &opts, &change);

	if (err)
		return err;
	err = scene->work(change);
	if (!err)
		err = cr_change_commit(change);
	cr_change_close(change);
	return err;
}

static int wipe_one(const char *path, const struct stat *st, int type,
		    struct FTW *ftw)
{
	return ftw->level ? remove(path) : 0;
}

static void wipe(void)
{
	ck_assert_int_eq(nftw(cr_test_dir(), wipe_one, 16,
			      FTW_PHYS | FTW_DEPTH),
			 0);
}

/* Steps of the last child that was run. */
static int *nr_steps;

/* Runs it in a child that dies at, or fails in, that step; the exit status. */
static int run_child(const struct scene *scene, int at, int fail_at)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct cr_error *err;

		cr_crash.nr_steps = 0;
		cr_crash.watching = true;
		cr_crash.at = at;
		cr_crash.fail_at = fail_at;
		cr_crash.fail_errno = ENOSPC;
		err = run(scene);
		*nr_steps = cr_crash.nr_steps;
		_exit(cr_crash.nr_unsynced ? 77 : err ? 1 : 0);
	}
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "step %d: killed", at + fail_at);
	return WEXITSTATUS(status);
}

/* Of an archive, whose bytes have the time in them: what its files hold. */
static const char *archive(const char *path)
{
	static const char *const names[] = { "pstree.img", "x.img" };
	const char *got = "";
	struct cr_store *store;
	struct cr_error *err = cr_store_open(path, &store);

	if (err)
		return cr_test_error(err);
	for (int i = 0; i < 2; i++) {
		struct cr_file f = { 0 };
		char bytes[4] = "";

		err = cr_store_open_file(store, names[i], &f);
		if (!err)
			err = cr_file_read(&f, bytes, f.size < 3 ? 1 : 3, 0);
		got = cr_test_format("%s %llu,%s%s", got,
				     (unsigned long long)f.size, bytes,
				     cr_test_error(err));
		cr_file_close(&f);
	}
	cr_store_close(store);
	return got;
}

/* What is there. */
static const char *visible(void)
{
	const char *got = "";
	struct stat st;

	for (const char *name = "a"; name; name = *name == 'a' ? "b" : NULL) {
		const char *path = cr_test_path(name);

		if (lstat(path, &st))
			continue;
		got = cr_test_format("%s %s:%o=%s", got, name, st.st_mode,
				     S_ISREG(st.st_mode) ?
					     archive(path) :
					     state_of(path, ""));
	}
	return got;
}

/* The same without what the next change will remove. */
static const char *without_tmp(const char *state)
{
	const char *at = strstr(state, ".crit-tmp:");

	return at ? cr_test_format("%.*s%s", (int)(at - state), state,
				   strchr(at, ' ') + 1) :
		    state;
}

static bool has_tmp(void)
{
	return strstr(cr_test_list(cr_test_dir()), "crit-tmp") ||
	       strstr(visible(), ".crit-tmp:");
}

/* The next changes. */
static void open_and_close(const char *name)
{
	struct cr_change *change;
	struct cr_change_opts opts = { 0 };
	struct cr_error *err =
		cr_change_open(cr_test_path(name), &opts, &change);

	ck_assert_msg(!err, "%s", err ? cr_error_text(err) : "");
	cr_change_close(change);
}

static void settle(const struct scene *scene)
{
	if (scene->out && access(cr_test_path(scene->out), F_OK))
		ck_assert_int_eq(run_child(scene, 0, 0), 0);
	open_and_close("a");
	if (scene->out)
		open_and_close(scene->out);
}

/* One step; whether the new one is there. */
static bool at_step(const struct scene *scene, int step, bool fails,
		    const char *old, const char *new_)
{
	const char *got;
	int status;

	wipe();
	scene->make();
	status = run_child(scene, fails ? 0 : step, fails ? step : 0);
	got = without_tmp(visible());
	ck_assert_msg(!strcmp(got, old) || !strcmp(got, new_),
		      "step %d: a mix:\n%s\nold\n%s\nnew\n%s", step, got, old,
		      new_);
	if (!fails)
		ck_assert_int_eq(status, CR_CRASH_STATUS);
	ck_assert_msg(status != 77, "step %d: not synced", step);
	ck_assert_msg(status || !strcmp(got, new_), "step %d: no error", step);
	ck_assert_msg(status != 1 || strcmp(got, old) || !has_tmp(),
		      "step %d: left: %s", step, cr_test_list(cr_test_dir()));
	settle(scene);
	ck_assert_msg(!has_tmp(), "step %d: stays: %s", step,
		      cr_test_list(cr_test_dir()));
	return !strcmp(got, new_);
}

static void everywhere(struct scene scene, bool fails)
{
	const char *old, *new_;
	int steps;
	bool was_new = false, is_new;

	nr_steps = mmap(NULL, sizeof(*nr_steps), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	scene.make();
	old = visible();
	ck_assert_int_eq(run_child(&scene, 0, 0), 0);
	new_ = visible();
	ck_assert_str_ne(old, new_);
	steps = *nr_steps;
	ck_assert_int_ge(steps, 3);
	for (int step = 1; step <= steps; step++, was_new = is_new) {
		is_new = at_step(&scene, step, fails, old, new_);
		ck_assert_msg(fails || is_new || !was_new,
			      "step %d: old again", step);
	}
}

#define BOTH(name, ...)                                      \
	TEST(name##_survives_a_crash)                        \
	{                                                    \
		everywhere((struct scene){ __VA_ARGS__ }, false); \
	}                                                    \
	TEST(name##_survives_a_failure)                      \
	{                                                    \
		everywhere((struct scene){ __VA_ARGS__ }, true); \
	}

BOTH(one_file, make_old, replace_one)
BOTH(a_removal, make_old, remove_one)
BOTH(a_large_file, make_old, stage_one)
BOTH(few_files, make_flat, change_few)
BOTH(many_files, make_old, change_many)
BOTH(more_files, make_old, change_more)
BOTH(a_new_directory, make_old, change_many, "b")
BOTH(an_archive, make_old_archive, replace_one)
BOTH(a_compressed_archive, make_old_compressed, replace_one)
BOTH(a_new_archive, make_old_archive, replace_one, "b")

/* In memory, where nothing waits for a disk. */
int main(void)
{
	if (!access("/dev/shm", W_OK))
		setenv("TMPDIR", "/dev/shm", 0);
	return cr_test_run("lib/ops/change-crash");
}
