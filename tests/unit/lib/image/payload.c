// SPDX-License-Identifier: MIT
#include "lib/image/payload.h"

#include "tests/support/codec.h"
#include "tests/support/main.h"

/* An IPC descriptor, as field 1 of its entry. */
#define DESC  len(1, num(1, 1), num(2, 2), num(3, 3), num(4, 4), num(5, 5), \
		  num(6, 6), num(7, 7))
#define DESC_ "'desc': {'key': 1, 'uid': 2, 'gid': 3, 'cuid': 4, "      \
	      "'cgid': 5, 'mode': 6, 'id': 7}"

/* A document of a type with one entry, or more. */
#define DOC(id, entries) "{'magic': '" id "', 'entries': [" entries "]}"

/* One run of bytes: pipes, FIFOs, packets, BPF maps */

TEST(bytes_of_a_pipe)
{
	assert_image(image("PIPES_DATA", entry(num(1, 1), num(2, 3)),
			   hex("00 01 ff")),
		     DOC("PIPES_DATA", "{'pipe_id': 1, 'bytes': 3, "
				       "'extra': 'AAH/\\n'}"));
	assert_image(image("FIFO_DATA", entry(num(1, 1), num(2, 1)),
			   hex("'x'")),
		     DOC("FIFO_DATA", "{'pipe_id': 1, 'bytes': 1, "
				      "'extra': 'eA==\\n'}"));
}

TEST(bytes_of_several_pipes)
{
	assert_image(image("PIPES_DATA", entry(num(1, 1), num(2, 1)),
			   hex("'a'"), entry(num(1, 2), num(2, 0)),
			   entry(num(1, 3), num(2, 2)), hex("'bc'")),
		     DOC("PIPES_DATA",
			 "{'pipe_id': 1, 'bytes': 1, 'extra': 'YQ==\\n'}, "
			 "{'pipe_id': 2, 'bytes': 0, 'extra': ''}, "
			 "{'pipe_id': 3, 'bytes': 2, 'extra': 'YmM=\\n'}"));
}

TEST(an_absent_payload_is_an_empty_one)
{
	assert_image_bytes(DOC("PIPES_DATA", "{'pipe_id': 1, 'bytes': 0}"),
			   image("PIPES_DATA", entry(num(1, 1), num(2, 0))));
	assert_document_bad(DOC("PIPES_DATA", "{'pipe_id': 1, 'bytes': 3}"),
			    "! FORMAT entry 0: line 1 column 63: \"extra\" "
			    "has 0 bytes, but \"bytes\" is 3");
}

TEST(a_payload_of_another_length_is_refused)
{
	assert_document_bad(DOC("PIPES_DATA", "{'pipe_id': 1, 'bytes': 2, "
					      "'extra': 'YWJj'}"),
			    "! FORMAT entry 0: line 1 column 80: \"extra\" "
			    "has 3 bytes, but \"bytes\" is 2");
	assert_document_bad(DOC("PIPES_DATA", "{'pipe_id': 1, 'bytes': 4, "
					      "'extra': 'YWJj'}"),
			    "! FORMAT entry 0: line 1 column 80: \"extra\" "
			    "has 3 bytes, but \"bytes\" is 4");
	assert_document_bad(DOC("SK_QUEUES", "{'id_for': 1, 'length': 4, "
					     "'extra': 'YWJj'}"),
			    "! FORMAT entry 0: line 1 column 79: \"extra\" "
			    "has 3 bytes, but \"length\" is 4");
	assert_document_bad(DOC("BPFMAP_DATA",
				"{'map_id': 1, 'keys_bytes': 2, "
				"'values_bytes': 2, 'count': 1, "
				"'extra': 'YWJj'}"),
			    "! FORMAT entry 0: line 1 column 116: \"extra\" "
			    "has 3 bytes, but \"keys_bytes\" + "
			    "\"values_bytes\" is 4");
}

TEST(a_payload_may_stand_before_the_fields)
{
	assert_image_bytes(DOC("PIPES_DATA", "{'extra': 'YWJj', 'bytes': 3, "
					     "'pipe_id': 1}"),
			   image("PIPES_DATA", entry(num(1, 1), num(2, 3)),
				 hex("'abc'")));
	assert_image_bytes(DOC("SK_QUEUES",
			       "{'ucred': {'gid': 2, 'pid': 3, 'uid': 1}, "
			       "'extra': 'YWJj', 'length': 3, "
			       "'scm': [{'rights': [5], 'type': 4}], "
			       "'id_for': 1}"),
			   image("SK_QUEUES",
				 entry(num(1, 1), num(2, 3),
				       len(4, num(1, 4), num(2, 5)),
				       len(128, num(1, 1), num(2, 2),
					   num(3, 3))),
				 hex("'abc'")));
}

TEST(escapes_may_stand_behind_a_payload)
{
	assert_image_bytes(DOC("PIPES_DATA",
			       "{'extra': 'YWJj', 'bytes': 3, "
			       "'@unknown': [{'field': 99, 'varint': 5}], "
			       "'@missing': ['pipe_id']}"),
			   image("PIPES_DATA", entry(num(2, 3), num(99, 5)),
				 hex("'abc'")));
}

TEST(wire_goes_before_a_payload)
{
	assert_image(image("PIPES_DATA", entry(hex("10 03 08 01")),
			   hex("'abc'")),
		     DOC("PIPES_DATA", "{'pipe_id': 1, 'bytes': 3, "
				       "'@wire': 'EAMIAQ==\\n', "
				       "'extra': 'YWJj\\n'}"));
	assert_image_bytes(DOC("PIPES_DATA",
			       "{'extra': 'YWJj', '@wire': 'EAMIAQ==\\n', "
			       "'pipe_id': 1, 'bytes': 3}"),
			   image("PIPES_DATA", entry(hex("10 03 08 01")),
				 hex("'abc'")));
}

TEST(the_last_of_several_lengths_counts)
{
	assert_image(image("PIPES_DATA", entry(hex("08 01 10 01 10 02")),
			   hex("'ab'")),
		     DOC("PIPES_DATA", "{'pipe_id': 1, 'bytes': 2, "
				       "'@wire': 'CAEQARAC\\n', "
				       "'extra': 'YWI=\\n'}"));
}

TEST(a_length_of_33_bits_counts_its_lower_32)
{
	assert_image(image("PIPES_DATA",
			   entry(hex("08 01 10 82 80 80 80 10")), hex("'ab'")),
		     DOC("PIPES_DATA", "{'pipe_id': 1, 'bytes': 2, "
				       "'@wire': 'CAEQgoCAgBA=\\n', "
				       "'extra': 'YWI=\\n'}"));
}

TEST(a_payload_of_another_type_is_refused)
{
	assert_document_bad(DOC("PIPES_DATA", "{'extra': 5}"),
			    "! FORMAT entry 0: extra: line 1 column 47: need "
			    "a string, not '5'");
	assert_document_bad(DOC("PIPES_DATA", "{'extra': 'a'}"),
			    "! FORMAT entry 0: extra: line 1 column 50: "
			    "base64 that is cut off");
	assert_document_bad(DOC("TCP_STREAM", "{'extra': 5}"),
			    "! FORMAT entry 0: extra: line 1 column 47: need "
			    "'{', not '5'");
	assert_document_bad(DOC("IPCNS_SEM", "{'extra': {}}"),
			    "! FORMAT entry 0: extra: line 1 column 46: need "
			    "'[', not '{'");
}

TEST(a_payload_given_twice_is_refused)
{
	assert_document_bad(DOC("PIPES_DATA", "{'extra': '', 'extra': ''}"),
			    "! FORMAT entry 0: line 1 column 59: key "
			    "\"extra\" is there twice");
	assert_document_bad(DOC("PIPES_DATA",
				"{'@padding': '', '@padding': ''}"),
			    "! FORMAT entry 0: line 1 column 65: key "
			    "\"@padding\" is there twice");
}

TEST(padding_where_there_is_none_is_refused)
{
	assert_document_bad(DOC("PIPES_DATA", "{'pipe_id': 1, 'bytes': 0, "
					      "'@padding': 'AQ=='}"),
			    "! FORMAT entry 0: line 1 column 83: "
			    "\"@padding\" has 1 bytes, not 0");
}

TEST(a_payload_longer_than_the_file)
{
	assert_image_bad(image("PIPES_DATA", entry(num(1, 1), num(2, 3)),
			       hex("'ab'")),
			 "! FORMAT entry 0: byte 18: the payload needs 1 "
			 "bytes, have 0");
	assert_image_bad(image("PIPES_DATA",
			       entry(num(1, 1), num(2, 0xffffffff)), hex("")),
			 "! FORMAT entry 0: byte 20: the payload needs 4294967295 "
			 "bytes, have 0");
}

TEST(packets)
{
	assert_image(image("SK_QUEUES",
			   entry(num(1, 5), num(2, 2),
				 len(4, num(1, 1), num(2, 7), num(2, 8))),
			   hex("'hi'")),
		     DOC("SK_QUEUES", "{'id_for': 5, 'length': 2, "
				      "'scm': [{'type': 1, 'rights': [7, 8]}]"
				      ", 'extra': 'aGk=\\n'}"));
}

TEST(keys_and_values_of_a_bpf_map)
{
	assert_image(image("BPFMAP_DATA",
			   entry(num(1, 1), num(2, 2), num(3, 3), num(4, 1)),
			   hex("'kkvvv'")),
		     DOC("BPFMAP_DATA", "{'map_id': 1, 'keys_bytes': 2, "
					"'values_bytes': 3, 'count': 1, "
					"'extra': 'a2t2dnY=\\n'}"));
}

TEST(keys_and_values_whose_sum_has_33_bits)
{
	assert_image_bad(image("BPFMAP_DATA",
			       entry(num(1, 1), num(2, 0xffffffff),
				     num(3, 0xffffffff), num(4, 1)),
			       hex("'kkvvv'")),
			 "! FORMAT entry 0: byte 33: the payload needs 8589934585 "
			 "bytes, have 0");
}

/* Shared memory */

TEST(shared_memory_is_padded_to_four)
{
	assert_image(image("IPCNS_SHM", entry(DESC, num(2, 5)),
			   hex("'abcde' 00 00 00"), entry(DESC, num(2, 4)),
			   hex("'abcd'"), entry(DESC, num(2, 0))),
		     DOC("IPCNS_SHM",
			 "{" DESC_ ", 'size': 5, 'extra': 'YWJjZGU=\\n'}, "
			 "{" DESC_ ", 'size': 4, 'extra': 'YWJjZA==\\n'}, "
			 "{" DESC_ ", 'size': 0, 'extra': ''}"));
}

TEST(shared_memory_in_pagemaps_has_no_payload)
{
	assert_image(image("IPCNS_SHM", entry(DESC, num(2, 4096), num(3, 1)),
			   entry(DESC, num(2, 8192), num(3, 1), num(4, 0)),
			   entry(DESC, num(2, 1), num(3, 0)),
			   hex("'a' 00 00 00"),
			   entry(DESC, num(2, 4096), num(3, 1))),
		     DOC("IPCNS_SHM",
			 "{" DESC_ ", 'size': 4096, 'in_pagemaps': true}, "
			 "{" DESC_ ", 'size': 8192, 'in_pagemaps': true, "
			 "'hugetlb_flag': 0}, "
			 "{" DESC_ ", 'size': 1, 'in_pagemaps': false, "
			 "'extra': 'YQ==\\n'}, "
			 "{" DESC_ ", 'size': 4096, 'in_pagemaps': true}"));
}

TEST(shared_memory_in_pagemaps_with_an_empty_payload)
{
	// What the reference tool writes.
	assert_image_bytes(DOC("IPCNS_SHM", "{" DESC_ ", 'size': 4096, "
					    "'in_pagemaps': true, "
					    "'extra': ''}"),
			   image("IPCNS_SHM",
				 entry(DESC, num(2, 4096), num(3, 1))));
}

TEST(shared_memory_in_pagemaps_with_a_payload_is_refused)
{
	assert_document_bad(DOC("IPCNS_SHM", "{" DESC_ ", 'size': 4, "
					     "'in_pagemaps': true, "
					     "'extra': 'YWJj'}"),
			    "! FORMAT entry 0: line 1 column 167: \"extra\" "
			    "has 3 bytes, but \"in_pagemaps\" says that they "
			    "are elsewhere");
}

TEST(shared_memory_of_another_length_is_refused)
{
	assert_document_bad(DOC("IPCNS_SHM", "{" DESC_ ", 'size': 4, "
					     "'extra': 'YWJj'}"),
			    "! FORMAT entry 0: line 1 column 146: \"extra\" "
			    "has 3 bytes, but \"size\" is 4");
}

TEST(shared_memory_of_sizes_near_64_bits)
{
	assert_image_bad(image("IPCNS_SHM", entry(DESC, num(2, UINT64_MAX)),
			       hex("'abcd'")),
			 "! FORMAT entry 0: byte 43: the payload needs 18446744073709551611 "
			 "bytes, have 0");
	assert_image_bad(image("IPCNS_SHM",
			       entry(DESC, num(2, UINT64_MAX - 2)),
			       hex("'abcd'")),
			 "! FORMAT entry 0: byte 43: the payload needs 18446744073709551609 "
			 "bytes, have 0");
	assert_image_bad(image("IPCNS_SHM", entry(DESC, num(2, 1ull << 63)),
			       hex("'abcd'")),
			 "! FORMAT entry 0: byte 43: the payload needs 9223372036854775804 "
			 "bytes, have 0");
}

TEST(padding_that_is_not_zero_is_kept)
{
	assert_image(image("IPCNS_SHM", entry(DESC, num(2, 2)),
			   hex("'ab' 00 07")),
		     DOC("IPCNS_SHM", "{" DESC_ ", 'size': 2, "
				      "'extra': 'YWI=\\n', "
				      "'@padding': 'AAc=\\n'}"));
	assert_image_bytes(DOC("IPCNS_SHM", "{'@padding': 'AAc=', "
					    "'extra': 'YWI=', " DESC_
					    ", 'size': 2}"),
			   image("IPCNS_SHM", entry(DESC, num(2, 2)),
				 hex("'ab' 00 07")));
}

TEST(padding_of_another_length_is_refused)
{
	assert_document_bad(DOC("IPCNS_SHM", "{" DESC_ ", 'size': 2, "
					     "'extra': 'YWI=', "
					     "'@padding': 'AA=='}"),
			    "! FORMAT entry 0: line 1 column 166: "
			    "\"@padding\" has 1 bytes, not 2");
}

TEST(padding_that_is_cut)
{
	assert_image_bad(image("IPCNS_SHM", entry(DESC, num(2, 2)),
			       hex("'ab' 00")),
			 "! FORMAT entry 0: byte 32: padding needs 2 bytes, "
			 "have 1");
}

/* Semaphores */

TEST(semaphores_are_padded_to_eight)
{
	assert_image(image("IPCNS_SEM", entry(DESC, num(2, 1)),
			   hex("ff ff 00 00 00 00 00 00")),
		     DOC("IPCNS_SEM", "{" DESC_ ", 'nsems': 1, "
				      "'extra': [65535]}"));
	assert_image(image("IPCNS_SEM", entry(DESC, num(2, 5)),
			   hex("01 00 02 00 03 00 04 00"
			       "05 01 00 00 00 00 00 00")),
		     DOC("IPCNS_SEM", "{" DESC_ ", 'nsems': 5, "
				      "'extra': [1, 2, 3, 4, 261]}"));
}

TEST(four_semaphores_need_no_padding)
{
	assert_image(image("IPCNS_SEM", entry(DESC, num(2, 4)),
			   hex("01 00 02 00 03 00 04 00"),
			   entry(DESC, num(2, 0)), entry(DESC, num(2, 1)),
			   hex("07 00 00 00 00 00 00 00")),
		     DOC("IPCNS_SEM",
			 "{" DESC_ ", 'nsems': 4, 'extra': [1, 2, 3, 4]}, "
			 "{" DESC_ ", 'nsems': 0, 'extra': []}, "
			 "{" DESC_ ", 'nsems': 1, 'extra': [7]}"));
}

TEST(padding_of_semaphores_that_is_not_zero_is_kept)
{
	assert_image(image("IPCNS_SEM", entry(DESC, num(2, 3)),
			   hex("01 00 02 00 03 00 09 00")),
		     DOC("IPCNS_SEM", "{" DESC_ ", 'nsems': 3, "
				      "'extra': [1, 2, 3], "
				      "'@padding': 'CQA=\\n'}"));
}

TEST(a_semaphore_out_of_range)
{
	assert_document_bad(DOC("IPCNS_SEM", "{'extra': [1, 65536]}"),
			    "! FORMAT entry 0: extra: [1]: line 1 column 50: 65536 "
			    "is out of range (0 to 65535)");
	assert_document_bad(DOC("IPCNS_SEM", "{'extra': [-1]}"),
			    "! FORMAT entry 0: extra: [0]: line 1 column 47: -1 is "
			    "out of range (0 to 65535)");
}

TEST(another_number_of_semaphores_is_refused)
{
	assert_document_bad(DOC("IPCNS_SEM", "{" DESC_ ", 'nsems': 2, "
					     "'extra': [1]}"),
			    "! FORMAT entry 0: line 1 column 144: \"extra\" "
			    "has 1 semaphores, but \"nsems\" is 2");
	assert_document_bad(DOC("IPCNS_SEM", "{" DESC_ ", 'nsems': 2, "
					     "'extra': [1, 2, 3]}"),
			    "! FORMAT entry 0: line 1 column 150: \"extra\" "
			    "has 3 semaphores, but \"nsems\" is 2");
}

TEST(semaphores_that_are_cut)
{
	assert_image_bad(image("IPCNS_SEM", entry(DESC, num(2, 0xffffffff)),
			       hex("01 00")),
			 "! FORMAT entry 0: byte 36: the payload needs 8589934588 "
			 "bytes, have 0");
	assert_image_bad(image("IPCNS_SEM", entry(DESC, num(2, 1)),
			       hex("01 00")),
			 "! FORMAT entry 0: byte 32: padding needs 6 bytes, "
			 "have 0");
}

/* Message queues */

TEST(messages_are_a_flat_list)
{
	assert_image(image("IPCNS_MSG", entry(DESC, num(2, 16384), num(3, 2)),
			   entry(num(1, 1), num(2, 3)),
			   hex("'abc' 00 00 00 00 00"),
			   entry(num(1, 2), num(2, 8)), hex("'abcdefgh'")),
		     DOC("IPCNS_MSG",
			 "{" DESC_ ", 'qbytes': 16384, 'qnum': 2, 'extra': "
			 "[{'mtype': 1, 'msize': 3}, 'YWJj\\n', "
			 "{'mtype': 2, 'msize': 8}, 'YWJjZGVmZ2g=\\n']}"));
}

TEST(a_queue_may_be_empty_and_so_may_a_message)
{
	assert_image(image("IPCNS_MSG", entry(DESC, num(2, 1), num(3, 0)),
			   entry(DESC, num(2, 1), num(3, 1)),
			   entry(num(1, 5), num(2, 0))),
		     DOC("IPCNS_MSG",
			 "{" DESC_ ", 'qbytes': 1, 'qnum': 0, 'extra': []}, "
			 "{" DESC_ ", 'qbytes': 1, 'qnum': 1, "
			 "'extra': [{'mtype': 5, 'msize': 0}, '']}"));
}

TEST(what_is_unusual_in_a_message_is_kept)
{
	assert_image(image("IPCNS_MSG", entry(DESC, num(2, 1), num(3, 1)),
			   entry(hex("10 01 08 05")),
			   hex("'a' 00 00 00 00 00 00 01")),
		     DOC("IPCNS_MSG",
			 "{" DESC_ ", 'qbytes': 1, 'qnum': 1, "
			 "'extra': [{'mtype': 5, 'msize': 1, "
			 "'@wire': 'EAEIBQ==\\n', "
			 "'@padding': 'AAAAAAAAAQ==\\n'}, 'YQ==\\n']}"));
}

TEST(another_number_of_messages_is_refused)
{
	assert_document_bad(DOC("IPCNS_MSG",
				"{" DESC_ ", 'qbytes': 1, 'qnum': 2, "
				"'extra': [{'mtype': 5, 'msize': 0}, '']}"),
			    "! FORMAT entry 0: line 1 column 183: \"extra\" "
			    "has 1 messages, but \"qnum\" is 2");
}

TEST(a_message_of_another_length_is_refused)
{
	assert_document_bad(DOC("IPCNS_MSG",
				"{'extra': [{'mtype': 5, 'msize': 2}, "
				"'YQ==']}"),
			    "! FORMAT entry 0: extra: message 0: line 1 "
			    "column 79: the text has 1 bytes, but \"msize\" "
			    "is 2");
	assert_document_bad(DOC("IPCNS_MSG",
				"{'extra': [{'mtype': 5, 'msize': 0}, '', "
				"{'mtype': 5, 'msize': 0}, 'YQ==']}"),
			    "! FORMAT entry 0: extra: message 1: line 1 "
			    "column 109: the text has 1 bytes, but \"msize\" "
			    "is 0");
}

TEST(a_message_without_text_is_refused)
{
	assert_document_bad(DOC("IPCNS_MSG",
				"{'extra': [{'mtype': 5, 'msize': 0}]}"),
			    "! FORMAT entry 0: extra: message 0: line 1 "
			    "column 71: need ',', not ']'");
}

TEST(messages_that_are_cut)
{
	assert_image_bad(image("IPCNS_MSG", entry(DESC, num(2, 1), num(3, 1)),
			       hex("04 00")),
			 "! FORMAT entry 0: message 0: byte 32: a message's "
			 "size needs 4 bytes, have 2");
	assert_image_bad(image("IPCNS_MSG", entry(DESC, num(2, 1), num(3, 1)),
			       hex("ff ff ff ff 08 01")),
			 "! FORMAT entry 0: message 0: byte 32: a message's "
			 "head claims 4294967295 bytes");
	assert_image_bad(image("IPCNS_MSG", entry(DESC, num(2, 1), num(3, 1)),
			       entry(num(1, 1), num(2, 8)), hex("'abcdefg'")),
			 "! FORMAT entry 0: message 0: byte 47: a message's "
			 "text needs 1 bytes, have 0");
	assert_image_bad(image("IPCNS_MSG", entry(DESC, num(2, 1), num(3, 1)),
			       entry(num(1, 1), num(2, 7)), hex("'abcdefg'")),
			 "! FORMAT entry 0: message 0: byte 47: padding needs "
			 "1 bytes, have 0");
}

TEST(a_message_larger_than_the_window)
{
	struct bytes img = image(
		"IPCNS_MSG", entry(DESC, num(2, 1), num(3, 2)),
		entry(num(1, 1), num(2, 700000)), fill('x', 700000),
		entry(num(1, 1), num(2, 1)), hex("'a' 00 00 00 00 00 00 02"));
	struct bytes back = cr_test_image_bytes(text(cr_test_image_json(
		img, (struct cr_test_how){ FORMS })));

	ck_assert_uint_eq(back.size, img.size);
	ck_assert_mem_eq(back.p, img.p, img.size);
}

/* Deleted files */

#define GHOST  num(1, 0), num(2, 0), num(3, 0100644)
#define GHOST_ "'uid': 0, 'gid': 0, 'mode': 33188"

TEST(a_deleted_file_reaches_to_the_end)
{
	assert_image(image("GHOST_FILE", entry(GHOST), hex("'text' 00")),
		     DOC("GHOST_FILE",
			 "{" GHOST_ ", 'extra': 'dGV4dAA=\\n'}"));
	assert_image(image("GHOST_FILE", entry(GHOST, num(9, 0)), hex("'x'")),
		     DOC("GHOST_FILE", "{" GHOST_ ", 'chunks': false, "
				       "'extra': 'eA==\\n'}"));
}

TEST(a_deleted_file_of_another_kind_is_empty)
{
	assert_image(image("GHOST_FILE",
			   entry(num(1, 0), num(2, 0), num(3, 0010644),
				 num(4, 0x800001), num(5, 7), num(6, 0x103))),
		     DOC("GHOST_FILE",
			 "{'uid': 0, 'gid': 0, 'mode': 4516, 'dev': '8:1', "
			 "'ino': 7, 'rdev': '1:3', 'extra': ''}"));
}

TEST(a_large_deleted_file)
{
	struct bytes img = image("GHOST_FILE", entry(GHOST),
				 fill(0xa5, 1000000));
	struct bytes back = cr_test_image_bytes(text(cr_test_image_json(
		img, (struct cr_test_how){ FORMS })));

	ck_assert_uint_eq(back.size, img.size);
	ck_assert_mem_eq(back.p, img.p, img.size);
}

TEST(a_deleted_file_in_chunks)
{
	assert_image(image("GHOST_FILE", entry(GHOST, num(9, 1), num(10, 9)),
			   entry(num(1, 2), num(2, 0)), hex("'ab'"),
			   entry(num(1, 0), num(2, 4)),
			   entry(num(1, 1), num(2, 8)), hex("'c'")),
		     DOC("GHOST_FILE",
			 "{" GHOST_ ", 'chunks': true, 'size': 9}, "
			 "{'len': 2, 'off': 0, 'extra': 'YWI=\\n'}, "
			 "{'len': 0, 'off': 4, 'extra': ''}, "
			 "{'len': 1, 'off': 8, 'extra': 'Yw==\\n'}"));
}

TEST(chunks_of_sizes_near_64_bits)
{
	assert_image_bad(image("GHOST_FILE", entry(GHOST, num(9, 1)),
			       entry(num(1, UINT64_MAX), num(2, 0)),
			       hex("'ab'")),
			 "! FORMAT entry 1: byte 41: the payload needs 18446744073709551613 "
			 "bytes, have 0");
}

TEST(more_entries_behind_a_whole_file_are_refused)
{
	assert_document_bad(DOC("GHOST_FILE",
				"{" GHOST_ ", 'extra': 'eA=='}, "
				"{'len': 0, 'off': 0}"),
			    "! FORMAT entry 1: line 1 column 90: the entry "
			    "before holds the rest of the file; more entries "
			    "need \"chunks\" there");
	assert_document_bad(DOC("GHOST_FILE",
				"{" GHOST_ "}, {'len': 0, 'off': 0}"),
			    "! FORMAT entry 1: line 1 column 73: the entry "
			    "before holds the rest of the file; more entries "
			    "need \"chunks\" there");
}

TEST(a_whole_file_beside_chunks_is_refused)
{
	assert_document_bad(DOC("GHOST_FILE", "{" GHOST_ ", 'chunks': true, "
					      "'extra': 'eA=='}"),
			    "! FORMAT entry 0: line 1 column 105: \"extra\" "
			    "has 1 bytes, but \"chunks\" says that they come "
			    "in chunks");
}

TEST(a_chunk_of_another_length_is_refused)
{
	assert_document_bad(DOC("GHOST_FILE",
				"{" GHOST_ ", 'chunks': true}, "
				"{'len': 2, 'off': 0, 'extra': 'eA=='}"),
			    "! FORMAT entry 1: line 1 column 127: \"extra\" "
			    "has 1 bytes, but \"len\" is 2");
}

/* TCP queues */

#define TCP(in, out)                                                      \
	num(1, in), num(2, 0), num(3, out), num(4, 0), num(5, 0x1f),      \
		num(6, 7), num(7, 1460)
#define TCP_(in, out)                                                     \
	"'inq_len': " in ", 'inq_seq': 0, 'outq_len': " out               \
	", 'outq_seq': 0, 'opt_mask': '0x1f', 'snd_wscale': 7, "          \
	"'mss_clamp': 1460"

TEST(the_queues_of_a_tcp_socket)
{
	assert_image(image("TCP_STREAM", entry(TCP(2, 3)), hex("'inout'")),
		     DOC("TCP_STREAM",
			 "{" TCP_("2", "3") ", 'extra': "
					    "{'inq': 'aW4=\\n', "
					    "'outq': 'b3V0\\n'}}"));
	assert_image(image("TCP_STREAM", entry(TCP(0, 0))),
		     DOC("TCP_STREAM",
			 "{" TCP_("0", "0") ", 'extra': "
					    "{'inq': '', 'outq': ''}}"));
}

TEST(the_queues_may_stand_in_any_order)
{
	struct bytes want = image("TCP_STREAM", entry(TCP(2, 3)),
				  hex("'inout'"));

	assert_image_bytes(DOC("TCP_STREAM",
			       "{" TCP_("2", "3") ", 'extra': "
						  "{'outq': 'b3V0', "
						  "'inq': 'aW4='}}"),
			   want);
	assert_image_bytes(DOC("TCP_STREAM",
			       "{'extra': {'outQ': 'b3V0', 'inQ': 'aW4='}, "
			       TCP_("2", "3") "}"),
			   want);
}

TEST(a_queue_of_another_length_is_refused)
{
	assert_document_bad(DOC("TCP_STREAM",
				"{" TCP_("3", "3") ", 'extra': "
						   "{'inq': 'aW4=', "
						   "'outq': 'b3V0'}}"),
			    "! FORMAT entry 0: line 1 column 193: \"extra\" "
			    "has 2 bytes, but \"inq_len\" is 3");
	assert_document_bad(DOC("TCP_STREAM",
				"{" TCP_("2", "2") ", 'extra': "
						   "{'inq': 'aW4=', "
						   "'outq': 'b3V0'}}"),
			    "! FORMAT entry 0: line 1 column 193: \"extra\" "
			    "has 3 bytes, but \"outq_len\" is 2");
}

TEST(queues_that_are_no_two)
{
	assert_document_bad(DOC("TCP_STREAM", "{'extra': {'inq': ''}}"),
			    "! FORMAT entry 0: extra: line 1 column 57: need "
			    "\"inq\" and \"outq\"");
	assert_document_bad(DOC("TCP_STREAM",
				"{'extra': {'inq': '', 'inQ': ''}}"),
			    "! FORMAT entry 0: extra: line 1 column 65: need "
			    "\"inq\" and \"outq\" once, not \"inQ\"");
	assert_document_bad(DOC("TCP_STREAM", "{'extra': {'x': ''}}"),
			    "! FORMAT entry 0: extra: line 1 column 52: need "
			    "\"inq\" and \"outq\" once, not \"x\"");
}

TEST(queues_that_are_cut)
{
	assert_image_bad(image("TCP_STREAM", entry(TCP(2, 3)), hex("'inou'")),
			 "! FORMAT entry 0: byte 29: a queue needs 3 bytes, "
			 "have 2");
}

/* The Go dialect: what is no base64 is JSON in a string. */

TEST(go_writes_queues_as_text)
{
	struct bytes img = image("TCP_STREAM", entry(TCP(2, 3)),
				 hex("'inout'"));
	const char *json =
		"{\"magic\":\"TCP_STREAM\",\"entries\":[{\"inqLen\":2,"
		"\"inqSeq\":0,\"outqLen\":3,\"outqSeq\":0,\"optMask\":31,"
		"\"sndWscale\":7,\"mssClamp\":1460,\"extra\":"
		"\"{\\\"inQ\\\":\\\"aW4=\\\",\\\"outQ\\\":\\\"b3V0\\\"}\"}]}";

	assert_text(cr_test_image_json(img, (struct cr_test_how){ GO }), json);
	assert_image_bytes(json, img);
}

TEST(go_writes_semaphores_as_text)
{
	struct bytes img = image("IPCNS_SEM", entry(num(2, 3)),
				 hex("01 00 02 00 03 00 00 00"));
	const char *json = "{\"magic\":\"IPCNS_SEM\",\"entries\":[{"
			   "\"nsems\":3,\"@missing\":[\"desc\"],"
			   "\"extra\":\"[1,2,3]\"}]}";

	assert_text(cr_test_image_json(img, (struct cr_test_how){ GO }), json);
	assert_image_bytes(json, img);
}

TEST(go_writes_messages_as_text_in_text)
{
	struct bytes img = image("IPCNS_MSG", entry(num(3, 1)),
				 entry(num(1, 1), num(2, 3)),
				 hex("'abc' 00 00 00 00 00"));
	const char *json =
		"{\"magic\":\"IPCNS_MSG\",\"entries\":[{\"qnum\":1,"
		"\"@missing\":[\"desc\",\"qbytes\"],\"extra\":"
		"\"[\\\"{\\\\\\\"mtype\\\\\\\":\\\\\\\"1\\\\\\\","
		"\\\\\\\"msize\\\\\\\":3}\\\",\\\"YWJj\\\"]\"}]}";

	assert_text(cr_test_image_json(img, (struct cr_test_how){ GO }), json);
	assert_image_bytes(json, img);
}

TEST(go_leaves_out_what_is_empty)
{
	assert_image_style(image("PIPES_DATA", entry(num(1, 1), num(2, 0))),
			   GO,
			   "{'magic':'PIPES_DATA','entries':[{'pipeId':1,"
			   "'bytes':0}]}");
}

TEST(text_in_text_must_end_where_the_string_ends)
{
	assert_document_bad(DOC("IPCNS_SEM", "{'extra': '[1] x'}"),
			    "! FORMAT entry 0: extra: line 1 column 53: need "
			    "the end of the text, not 'x'");
	assert_document_bad(DOC("IPCNS_SEM", "{'extra': '[1'}"),
			    "! FORMAT entry 0: extra: line 1 column 50: need "
			    "']', but the text ends");
}

TEST(many_semaphores_in_text)
{
	struct bytes img = image("IPCNS_SEM", entry(num(2, 32000)),
				 fill(0x11, 64000));
	struct bytes back = cr_test_image_bytes(text(cr_test_image_json(
		img, (struct cr_test_how){ GO })));

	ck_assert_uint_eq(back.size, img.size);
	ck_assert_mem_eq(back.p, img.p, img.size);
}

TEST_MAIN("lib/image/payload")
