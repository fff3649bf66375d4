// SPDX-License-Identifier: MIT
#include "lib/image/set.h"

#include "images/cgroup.pb-c.h"
#include "images/fdinfo.pb-c.h"
#include "images/pagemap.pb-c.h"
#include "images/pipe-data.pb-c.h"
#include "images/pstree.pb-c.h"
#include "tests/support/main.h"
#include "tests/unit/lib/image/checkpoint.h"

static struct bytes process(uint32_t pid)
{
	return entry(num(1, pid), num(2, 0), num(3, pid), num(4, pid));
}

/* The number of messages, or the error. */
static const char *load(struct cr_set *set, const char *name,
			const ProtobufCMessageDescriptor *desc)
{
	struct cr_messages messages = { 0 };
	struct cr_error *err = cr_set_load(set, name, desc, &messages);
	size_t nr = messages.nr;

	cr_messages_free(&messages);
	return err ? cr_test_error(err) : cr_test_format("%zu", nr);
}

static const char *load_pstree(struct bytes img)
{
	struct cr_set set = checkpoint("pstree.img", img);
	const char *got = load(&set, "pstree.img", &pstree_entry__descriptor);

	close_checkpoint(&set);
	return got;
}

TEST(messages_come_in_the_order_of_entries)
{
	struct cr_set set = checkpoint(
		"pstree.img", image("PSTREE", process(7), process(3)));
	struct cr_messages messages;
	const PstreeEntry *first, *second;

	assert_text(cr_test_error(cr_set_load(&set, "pstree.img",
					      &pstree_entry__descriptor,
					      &messages)),
		    "");
	ck_assert_uint_eq(messages.nr, 2);
	first = (const void *)messages.msg[0];
	second = (const void *)messages.msg[1];
	ck_assert_uint_eq(first->pid, 7);
	ck_assert_uint_eq(second->pid, 3);
	cr_messages_free(&messages);
	close_checkpoint(&set);
}

TEST(an_image_without_entries_is_an_empty_list)
{
	assert_text(load_pstree(header("PSTREE")), "0");
}

TEST(an_image_of_another_type_is_refused)
{
	assert_text(load_pstree(header("FDINFO")),
		    "! FORMAT pstree.img: holds fdinfo_entry, not "
		    "pstree_entry");
}

TEST(a_broken_message_is_named_with_its_entry_and_byte)
{
	assert_text(load_pstree(image("PSTREE", process(1),
				      entry(hex("08 01 10")))),
		    "! FORMAT pstree.img: entry 1: byte 3: a varint is cut "
		    "off");
	assert_text(load_pstree(image("PSTREE", entry(num(1, 1)))),
		    "! FORMAT pstree.img: entry 0: pstree_entry lacks a "
		    "required field");
	assert_text(load_pstree(cat(header("PSTREE"), word(100), hex("08"))),
		    "! FORMAT pstree.img: entry 0: byte 8: size 100 is more "
		    "than the file has left");
}

TEST(an_absent_image_is_not_found_or_empty)
{
	struct cr_set set = checkpoint("pstree.img", header("PSTREE"));
	struct cr_messages messages;

	assert_text(load(&set, "fdinfo-2.img", &fdinfo_entry__descriptor),
		    "! NOT_FOUND fdinfo-2.img: no such file");
	assert_text(cr_test_error(cr_set_load_optionalf(
			    &set, &fdinfo_entry__descriptor, &messages,
			    "fdinfo-%u.img", 2)),
		    "");
	ck_assert_uint_eq(messages.nr, 0);
	close_checkpoint(&set);
}

TEST(payloads_are_passed_over)
{
	struct cr_set set = checkpoint(
		"pipes-data.img",
		image("PIPES_DATA", entry(num(1, 5), num(2, 3)), text("abc"),
		      entry(num(1, 6), num(2, 0))));

	assert_text(load(&set, "pipes-data.img", &pipe_data_entry__descriptor),
		    "2");
	close_checkpoint(&set);
}

TEST(the_head_of_a_pagemap_is_the_first_message)
{
	struct cr_set set = checkpoint(
		"pagemap-1.img",
		image("PAGEMAP", entry(num(1, 1)),
		      entry(num(1, 0x1000), num(2, 1))));

	assert_text(load(&set, "pagemap-1.img", &pagemap_entry__descriptor),
		    "2");
	close_checkpoint(&set);
}

/* A directory in a directory in ... */
TEST(deep_nesting_does_not_exhaust_the_stack)
{
	struct bytes dir = str(1, "a");
	struct cr_set set;

	for (int i = 0; i < 2000; i++)
		dir = cat(str(1, "a"), len(2, dir));
	set = checkpoint("cgroup.img",
			 image("CGROUP", entry(len(2, len(2, dir)))));
	ck_assert_ptr_nonnull(
		strstr(load(&set, "cgroup.img", &cgroup_entry__descriptor),
		       "! FORMAT cgroup.img: entry 0: "));
	close_checkpoint(&set);
}

TEST_MAIN("lib/image/set")
