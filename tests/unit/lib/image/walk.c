// SPDX-License-Identifier: MIT
#include "lib/image/walk.h"

#include "images/pagemap.pb-c.h"
#include "images/pipe-data.pb-c.h"
#include "images/pstree.pb-c.h"
#include "tests/support/main.h"
#include "tests/unit/lib/image/checkpoint.h"

static struct bytes process(uint32_t pid)
{
	return entry(num(1, pid), num(2, 0), num(3, pid), num(4, pid));
}

/* What was walked over: "0 PID, 1 PID". */
struct trail {
	const char *text;
	uint64_t stop; /* fails at this entry */
};

static struct cr_error *note(void *arg, uint64_t i, const ProtobufCMessage *msg)
{
	struct trail *t = arg;
	uint64_t value = 0;

	if (i == t->stop)
		return cr_error_new(CR_ERR_USAGE, "enough");
	if (msg->descriptor == &pstree_entry__descriptor)
		value = ((const PstreeEntry *)(const void *)msg)->pid;
	else if (msg->descriptor == &pagemap_head__descriptor)
		value = ((const PagemapHead *)(const void *)msg)->pages_id;
	else
		value = ((const PagemapEntry *)(const void *)msg)->vaddr;
	t->text = cr_test_format("%s%s%d %s %d", t->text, *t->text ? ", " : "",
				 (int)i, msg->descriptor->name, (int)value);
	return NULL;
}

static const char *walk(const char *name,
			const ProtobufCMessageDescriptor *desc,
			struct bytes img, uint64_t stop)
{
	struct cr_set set = checkpoint(name, img);
	struct trail t = { "", stop };
	struct cr_error *err = cr_walk(&set, name, desc, note, &t);

	close_checkpoint(&set);
	return err ? cr_test_format("%s%s%s", t.text, *t.text ? " " : "",
				    cr_test_error(err)) :
		     t.text;
}

static const char *walk_pstree(struct bytes img, uint64_t stop)
{
	return walk("pstree.img", &pstree_entry__descriptor, img, stop);
}

TEST(every_entry_is_met_in_order)
{
	assert_text(walk_pstree(image("PSTREE", process(3), process(1)), 9),
		    "0 pstree_entry 3, 1 pstree_entry 1");
	assert_text(walk_pstree(header("PSTREE"), 9), "");
}

TEST(the_first_entry_of_a_pagemap_is_its_head)
{
	assert_text(walk("pagemap-1.img", &pagemap_entry__descriptor,
			 image("PAGEMAP", entry(num(1, 5)),
			       entry(num(1, 4096), num(2, 1))),
			 9),
		    "0 pagemap_head 5, 1 pagemap_entry 4096");
}

TEST(an_error_of_the_function_ends_the_walk)
{
	assert_text(walk_pstree(image("PSTREE", process(3), process(1)), 1),
		    "0 pstree_entry 3 ! USAGE pstree.img: enough");
}

TEST(a_broken_message_is_explained)
{
	assert_text(walk_pstree(image("PSTREE", process(3), entry(hex("08"))),
				9),
		    "0 pstree_entry 3 ! FORMAT pstree.img: entry 1: byte 1: a "
		    "varint is cut off");
	assert_text(walk_pstree(image("PSTREE", entry(num(1, 1))), 9),
		    "! FORMAT pstree.img: entry 0: pstree_entry lacks a "
		    "required field");
}

TEST(other_types_and_payloads_are_refused)
{
	assert_text(walk_pstree(header("FDINFO"), 9),
		    "! FORMAT pstree.img: holds fdinfo_entry, not "
		    "pstree_entry");
	assert_text(walk("pipes-data.img", &pipe_data_entry__descriptor,
			 header("PIPES_DATA"), 9),
		    "! INTERNAL pipes-data.img: PIPES_DATA has payloads, which "
		    "are not walked");
}

/* The first pid, or the error. */
static const char *first(struct bytes img)
{
	struct cr_set set = checkpoint("pstree.img", img);
	ProtobufCMessage *msg = NULL;
	struct cr_error *err = cr_walk_first(
		&set, "pstree.img", &pstree_entry__descriptor, &msg);
	const char *got = "";

	if (err)
		got = cr_test_error(err);
	else
		got = cr_test_format(
			"%u", ((const PstreeEntry *)(const void *)msg)->pid);
	if (msg)
		protobuf_c_message_free_unpacked(msg, NULL);
	close_checkpoint(&set);
	return got;
}

TEST(the_first_message_alone)
{
	assert_text(first(image("PSTREE", process(3), entry(hex("08")))), "3");
	assert_text(first(header("PSTREE")),
		    "! FORMAT pstree.img: has no entry");
	assert_text(first(image("PSTREE", entry(hex("08")))),
		    "! FORMAT pstree.img: entry 0: byte 1: a varint is cut "
		    "off");
}

TEST_MAIN("lib/image/walk")
