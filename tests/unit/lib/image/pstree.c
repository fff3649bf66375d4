// SPDX-License-Identifier: MIT
#include "lib/image/pstree.h"

#include "tests/support/main.h"
#include "tests/unit/lib/image/checkpoint.h"

#define process(pid, ppid, ...) \
	entry(num(1, pid), num(2, ppid), num(3, 1), num(4, 1), ##__VA_ARGS__)

/* The walk: pids, indented by depth with dots, and what is wrong with them. */
static const char *walk(struct bytes img)
{
	struct cr_set set = checkpoint("pstree.img", img);
	struct cr_pstree tree;
	struct cr_error *err = cr_pstree_load(&set, &tree);
	const struct cr_task *task;
	const char *got = "";
	size_t depth = 0;

	if (err) {
		close_checkpoint(&set);
		return cr_test_error(err);
	}
	for (task = tree.root; task; task = cr_pstree_next(task, &depth)) {
		static const char *const faults[] = { "", " twice", " orphan",
						      " cycle" };

		got = cr_test_format("%s%s%.*s%u%s", got, *got ? "\n" : "",
				     (int)depth, "......", task->entry->pid,
				     faults[task->fault]);
	}
	cr_pstree_free(&tree);
	close_checkpoint(&set);
	return got;
}

/* The faults, in the order of the image. */
static const char *faults(struct bytes img)
{
	struct cr_set set = checkpoint("pstree.img", img);
	struct cr_pstree tree;
	const char *got = "";

	assert_text(cr_test_error(cr_pstree_load(&set, &tree)), "");
	for (size_t i = 0; i < tree.nr; i++) {
		struct cr_error *err = cr_pstree_fault(&tree, &tree.task[i]);

		if (err)
			got = cr_test_format("%s%s\n", got,
					     cr_test_error(err));
	}
	cr_pstree_free(&tree);
	close_checkpoint(&set);
	return got;
}

TEST(parents_come_before_children_in_the_order_of_the_image)
{
	assert_text(walk(image("PSTREE", process(1, 0), process(9, 1),
			       process(4, 1), process(5, 9), process(3, 9),
			       process(2, 4))),
		    "1\n.9\n..5\n..3\n.4\n..2");
}

TEST(a_child_may_stand_before_its_parent)
{
	assert_text(walk(image("PSTREE", process(2, 1), process(1, 0))),
		    "1\n.2");
}

TEST(no_process_at_all)
{
	assert_text(walk(header("PSTREE")), "");
}

TEST(two_roots_are_both_walked)
{
	assert_text(walk(image("PSTREE", process(1, 0), process(2, 0),
			       process(3, 1), process(4, 2))),
		    "1\n.3\n2\n.4");
}

TEST(an_orphan_is_walked_as_a_root)
{
	struct bytes img = image("PSTREE", process(1, 0), process(2, 77),
				 process(3, 2));

	assert_text(walk(img), "1\n2 orphan\n.3");
	assert_text(faults(img),
		    "! FORMAT pstree.img: entry 1: process 2 has parent 77, "
		    "which does not exist\n");
}

TEST(a_cycle_is_cut_at_its_first_process)
{
	struct bytes img = image("PSTREE", process(1, 0), process(5, 4),
				 process(3, 5), process(4, 3), process(6, 4));

	assert_text(walk(img), "1\n5 cycle\n.3\n..4\n...6");
	assert_text(faults(img),
		    "! FORMAT pstree.img: entry 1: process 5 is its own "
		    "ancestor, through its parent 4\n");
}

TEST(a_cycle_is_found_from_below)
{
	assert_text(walk(image("PSTREE", process(9, 8), process(8, 7),
			       process(7, 8))),
		    "8 cycle\n.9\n.7");
}

TEST(a_process_may_be_its_own_parent)
{
	assert_text(walk(image("PSTREE", process(2, 2))), "2 cycle");
}

TEST(a_pid_that_is_there_twice)
{
	struct bytes img = image("PSTREE", process(1, 0), process(2, 1),
				 process(2, 1), process(3, 2));

	assert_text(walk(img), "1\n.2\n..3\n.2 twice");
	assert_text(faults(img), "! FORMAT pstree.img: entry 2: process 2 is "
				 "there twice, see entry 1\n");
}

TEST(threads_are_kept_in_their_order)
{
	struct cr_set set = checkpoint(
		"pstree.img",
		image("PSTREE", process(1, 0, num(5, 1), num(5, 30), num(5, 2)),
		      process(4, 1)));
	struct cr_pstree tree;
	const struct cr_task *task;

	assert_text(cr_test_error(cr_pstree_load(&set, &tree)), "");
	task = cr_pstree_find(&tree, 1);
	ck_assert_uint_eq(task->entry->n_threads, 3);
	ck_assert_uint_eq(task->entry->threads[1], 30);
	ck_assert_uint_eq(cr_pstree_find(&tree, 4)->entry->n_threads, 0);
	ck_assert_ptr_null(cr_pstree_find(&tree, 30));
	ck_assert_ptr_null(cr_pstree_find(&tree, 0));
	cr_pstree_free(&tree);
	close_checkpoint(&set);
}

/* Each process but the first is the parent of the one before it. */
TEST(a_long_chain_takes_no_stack)
{
	enum { NR = 50000 };
	struct cr_set set;
	struct cr_pstree tree;
	size_t depth = 0, deepest = 0, nr = 0, size = 0;
	uint8_t *body = cr_test_alloc(NR * 32);

	for (uint32_t i = 0; i < NR; i++) {
		PstreeEntry e = PSTREE_ENTRY__INIT;

		e.pid = i + 1;
		e.ppid = i + 1 < NR ? i + 2 : 0;
		body[size] = (uint8_t)pstree_entry__pack(&e, body + size + 4);
		size += 4u + body[size];
	}
	set = checkpoint("pstree.img", cat(header("PSTREE"),
					   ((struct bytes){ body, size })));
	assert_text(cr_test_error(cr_pstree_load(&set, &tree)), "");
	for (const struct cr_task *task = tree.root; task;
	     task = cr_pstree_next(task, &depth)) {
		deepest = depth > deepest ? depth : deepest;
		nr++;
	}
	ck_assert_uint_eq(nr, NR);
	ck_assert_uint_eq(deepest, NR - 1);
	cr_pstree_free(&tree);
	close_checkpoint(&set);
}

TEST(a_broken_image_is_an_error)
{
	assert_text(walk(header("FDINFO")), "! FORMAT pstree.img: holds "
					    "fdinfo_entry, not pstree_entry");
}

TEST_MAIN("lib/image/pstree")
