// SPDX-License-Identifier: MIT
#include "restore/steps.h"

#include <string.h>

#include "tests/support/main.h"

static const struct cr_step *find(const char *name)
{
	for (const struct cr_step *s = cr_steps; s->name; s++) {
		if (!strcmp(s->name, name))
			return s;
	}
	ck_abort_msg("no step %s", name);
	return NULL;
}

TEST(each_step_is_done_in_one_place)
{
	for (const struct cr_step *s = cr_steps; s->name; s++) {
		int places = !!s->once + !!s->child + !!s->inject;
		ck_assert_msg(places == 1 || (!places && s->plan), "%s",
			      s->name);
		ck_assert_msg(s->inject || !s->each_thread, "%s", s->name);
		ck_assert_msg(s->once || !s->undo, "%s", s->name);
		ck_assert_msg(s->does && *s->does, "%s", s->name);
	}
}

// A fault for a test is told by the name, see steps.h.
TEST(names_of_steps_are_different_and_plain)
{
	for (const struct cr_step *s = cr_steps; s->name; s++) {
		ck_assert_ptr_eq(find(s->name), s);
		ck_assert_ptr_null(strpbrk(s->name, "+!:-"));
	}
}

// Places: the controller before processes, processes, the controller after.
TEST(places_follow_each_other)
{
	int last = 0;
	for (const struct cr_step *s = cr_steps; s->name; s++) {
		int place = s->once ? 1 : s->child ? 2 : s->inject ? 3 : last;
		ck_assert_msg(place >= last, "%s", s->name);
		last = place;
	}
}

TEST(what_the_kernel_wants_in_order_is_in_order)
{
	ck_assert(find("session") < find("children"));
	ck_assert(find("fill") < find("children"));
	ck_assert(find("lead group") < find("all born"));
	ck_assert(find("all born") < find("join group"));
	ck_assert(find("fill") < find("files"));
	ck_assert(find("rseq off") < find("unmap"));
	ck_assert(find("unmap") < find("mm"));
	ck_assert(find("mm") < find("close"));
	ck_assert(find("mm") < find("creds"));
	ck_assert(find("threads") < find("creds"));
	ck_assert(find("limits") < find("creds"));
	ck_assert(find("creds") < find("death"));
	ck_assert(find("children") < find("membarrier"));
	ck_assert(find("threads") < find("timers"));
	ck_assert(find("pending") < find("itimers"));
	ck_assert(find("sched") < find("slack"));
	ck_assert(find("close") < find("locks"));
	ck_assert(find("locks") < find("creds"));
	ck_assert(find("seccomp") < find("creds"));
	ck_assert(find("trap") < find("scratch"));
	ck_assert_str_eq(find("load")[1].name, "compare");
	ck_assert_str_eq(find("compare")[1].name, "state");
	ck_assert_str_eq(find("state")[1].name, "copies");
	ck_assert_str_eq(find("copies")[1].name, "release");
	ck_assert_ptr_null(find("release")[1].name);
}

TEST_MAIN("restore/steps")
