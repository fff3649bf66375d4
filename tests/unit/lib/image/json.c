// SPDX-License-Identifier: MIT
#include "lib/image/json.h"

#include "tests/support/codec.h"
#include "tests/support/main.h"

#define ONE  entry(num(1, 1), num(2, 0), num(3, 1), num(4, 1))
#define ONE_ "{'pid': 1, 'ppid': 0, 'pgid': 1, 'sid': 1}"

/* Headers */

TEST(an_image_without_entries)
{
	assert_image(image("PSTREE", hex("")),
		     "{'magic': 'PSTREE', 'entries': []}");
}

TEST(an_image_of_several_entries)
{
	assert_image(image("PSTREE", ONE,
			   entry(num(1, 2), num(2, 1), num(3, 1), num(4, 1),
				 num(5, 2), num(5, 3))),
		     "{'magic': 'PSTREE', 'entries': [" ONE_
		     ", {'pid': 2, 'ppid': 1, 'pgid': 1, 'sid': 1, "
		     "'threads': [2, 3]}]}");
}

TEST(each_kind_of_header_is_usual_for_some_type)
{
	assert_image(cat(hex("16 31 31 58"), entry(num(1, 2))),
		     "{'magic': 'INVENTORY', 'entries': "
		     "[{'img_version': 2}]}");
	assert_image(cat(hex("19 43 56 54 30 30 27 50"), ONE),
		     "{'magic': 'PSTREE', 'entries': [" ONE_ "]}");
	assert_image(cat(hex("40 59 10 55 06 33 09 57"), entry(hex(""))),
		     "{'magic': 'STATS', 'entries': [{}]}");
}

TEST(a_header_that_is_not_the_usual_one_is_kept)
{
	assert_image(cat(hex("30 30 27 50"), ONE),
		     "{'magic': 'PSTREE', '@header': 'own', 'entries': [" ONE_
		     "]}");
	assert_image(cat(hex("40 59 10 55 30 30 27 50"), ONE),
		     "{'magic': 'PSTREE', '@header': 'service', 'entries': "
		     "[" ONE_ "]}");
	assert_image(cat(hex("19 43 56 54 16 31 31 58"), entry(num(1, 2))),
		     "{'magic': 'INVENTORY', '@header': 'common', "
		     "'entries': [{'img_version': 2}]}");
	assert_image(cat(hex("40 59 10 55 16 31 31 58"), entry(num(1, 2))),
		     "{'magic': 'INVENTORY', '@header': 'service', "
		     "'entries': [{'img_version': 2}]}");
	assert_image(cat(hex("06 33 09 57"), entry(hex(""))),
		     "{'magic': 'STATS', '@header': 'own', 'entries': [{}]}");
	assert_image(cat(hex("19 43 56 54 06 33 09 57"), entry(hex(""))),
		     "{'magic': 'STATS', '@header': 'common', "
		     "'entries': [{}]}");
}

TEST(a_header_may_be_given_though_usual)
{
	assert_image_bytes("{'magic': 'PSTREE', '@header': 'common', "
			   "'entries': []}",
			   header("PSTREE"));
	assert_image_bytes("{'@header': 'own', 'magic': 'PSTREE', "
			   "'entries': []}",
			   hex("30 30 27 50"));
}

TEST(a_pagemap_has_a_head_and_entries)
{
	assert_image(image("PAGEMAP", entry(num(1, 7)),
			   entry(num(1, 4096), num(2, 0), num(4, 4),
				 num(5, 2)),
			   entry(num(1, 16384), num(2, 1), num(3, 1))),
		     "{'magic': 'PAGEMAP', 'entries': [{'pages_id': 7}, "
		     "{'vaddr': '0x1000', 'compat_nr_pages': 0, "
		     "'flags': 'PE_PRESENT', 'nr_pages': 2}, "
		     "{'vaddr': '0x4000', 'compat_nr_pages': 1, "
		     "'in_parent': true}]}");
}

TEST(blocks_of_compressed_pages)
{
	assert_image(image("PAGEMAP", entry(num(1, 7)),
			   entry(num(1, 4096), num(2, 0), num(4, 4),
				 num(5, 2),
				 len(6, len(1, hex("00 ac 02")), num(2, 300),
				     num(3, 1)))),
		     "{'magic': 'PAGEMAP', 'entries': [{'pages_id': 7}, "
		     "{'vaddr': '0x1000', 'compat_nr_pages': 0, "
		     "'flags': 'PE_PRESENT', 'nr_pages': 2, "
		     "'blocks': {'block_sizes': [0, 300], "
		     "'total_payload_size': 300, 'pages_per_block': 1}}]}");
}

TEST(pretty_documents)
{
	assert_image_style(image("PSTREE", ONE), PRETTY,
			   "{\n"
			   "    'magic': 'PSTREE',\n"
			   "    'entries': [\n"
			   "        {\n"
			   "            'pid': 1,\n"
			   "            'ppid': 0,\n"
			   "            'pgid': 1,\n"
			   "            'sid': 1\n"
			   "        }\n"
			   "    ]\n"
			   "}");
	assert_image_style(header("PSTREE"), PRETTY,
			   "{\n"
			   "    'magic': 'PSTREE',\n"
			   "    'entries': []\n"
			   "}");
}

TEST(documents_in_the_go_dialect)
{
	assert_image_style(image("PSTREE", ONE), GO,
			   "{'magic':'PSTREE','entries':[{'pid':1,'ppid':0,"
			   "'pgid':1,'sid':1}]}");
}

/* Broken images */

TEST(an_error_names_entry_field_and_byte)
{
	assert_image_bad(image("INVENTORY", entry(num(1, 2)),
			       entry(num(1, 2), len(12, hex("62 05 'x'")))),
			 "! FORMAT entry 1: plugins_entry: byte 18: field 12 "
			 "claims 5 bytes, the message has 1 left");
}

TEST(a_message_longer_than_the_file)
{
	assert_image_bad(image("PSTREE", ONE, word(9), num(1, 1)),
			 "! FORMAT entry 1: byte 20: size 9 is more than the "
			 "file has left");
}

TEST(a_size_that_cuts_the_message)
{
	assert_image_bad(image("PSTREE", word(1), hex("08 01 10 00")),
			 "! FORMAT entry 0: byte 13: a varint is cut off");
}

TEST(a_raw_file_is_told_from_an_image)
{
	assert_text(cr_test_image_json(fill(0, 4096),
				       (struct cr_test_how){
					       .name = "x/pages-1.img" }),
		    "! UNSUPPORTED not an image but memory pages without any "
		    "header; which addresses they belong to stands in the "
		    "pagemap image that names this number: crit show "
		    "pagemap-PID.img");
}

/* One image of each kind of payload. */
static struct bytes sample(unsigned i)
{
	struct bytes desc = len(1, num(1, 1), num(2, 2), num(3, 3), num(4, 4),
				num(5, 5), num(6, 6), num(7, 7));

	switch (i) {
	case 0:
		return image("PSTREE", ONE, ONE);
	case 1:
		return image("PIPES_DATA", entry(num(1, 1), num(2, 3)),
			     hex("'abc'"), entry(num(1, 2), num(2, 0)));
	case 2:
		return image("SK_QUEUES", entry(num(1, 1), num(2, 3)),
			     hex("'abc'"), entry(num(1, 2), num(2, 1)),
			     hex("'d'"));
	case 3:
		return image("TCP_STREAM",
			     entry(num(1, 2), num(2, 0), num(3, 1), num(4, 0),
				   num(5, 0), num(6, 0), num(7, 0)),
			     hex("'ab' 'c'"));
	case 4:
		return image("BPFMAP_DATA",
			     entry(num(1, 1), num(2, 2), num(3, 2), num(4, 1)),
			     hex("'kkvv'"));
	case 5:
		return image("IPCNS_SEM", entry(desc, num(2, 3)),
			     hex("01 00 02 00 03 00 00 00"));
	case 6:
		return image("IPCNS_MSG",
			     entry(desc, num(2, 100), num(3, 2)),
			     entry(num(1, 1), num(2, 3)),
			     hex("'abc' 00 00 00 00 00"),
			     entry(num(1, 2), num(2, 8)), hex("'abcdefgh'"));
	case 7:
		return image("IPCNS_SHM", entry(desc, num(2, 5)),
			     hex("'abcde' 00 00 00"),
			     entry(desc, num(2, 4096), num(3, 1)));
	case 8:
		return image("GHOST_FILE",
			     entry(num(1, 0), num(2, 0), num(3, 0100644),
				   num(9, 1), num(10, 5)),
			     entry(num(1, 2), num(2, 0)), hex("'ab'"),
			     entry(num(1, 1), num(2, 4)), hex("'c'"));
	case 9:
		return image("PAGEMAP", entry(num(1, 7)),
			     entry(num(1, 4096), num(2, 1)));
	}
	return image("GHOST_FILE",
		     entry(num(1, 0), num(2, 0), num(3, 0100644)),
		     hex("'text'"));
}

#define NR_SAMPLES 11

TEST(samples_of_every_payload_return)
{
	for (unsigned i = 0; i < NR_SAMPLES; i++) {
		struct bytes img = sample(i);
		const char *json = cr_test_image_json(
			img, (struct cr_test_how){ FORMS });

		assert_text(cr_test_image_hex(text(json),
					      (struct cr_test_how){ 0 }),
			    cr_test_dump(img));
		json = cr_test_image_json(img, (struct cr_test_how){ GO });
		assert_text(cr_test_image_hex(text(json),
					      (struct cr_test_how){ 0 }),
			    cr_test_dump(img));
		json = cr_test_image_json(img, (struct cr_test_how){ PRETTY });
		assert_text(cr_test_image_hex(text(json),
					      (struct cr_test_how){ 0 }),
			    cr_test_dump(img));
	}
}

/* An image cut anywhere is an error, or the image of what is left. */
static void cut_everywhere(struct bytes img)
{
	for (size_t i = 0; i < img.size; i++) {
		struct bytes cut = { cr_test_tail(img.p, i), i };
		const char *json = cr_test_image_json(
			cut, (struct cr_test_how){ FORMS });

		if (*json == '!') {
			ck_assert_msg(!strncmp(json, "! FORMAT ", 9), "%s",
				      json);
			continue;
		}
		assert_text(cr_test_image_hex(text(json),
					      (struct cr_test_how){ 0 }),
			    cr_test_dump(cut));
	}
}

TEST(no_cut_goes_unnoticed)
{
	for (unsigned i = 0; i < NR_SAMPLES; i++)
		cut_everywhere(sample(i));
}

TEST(cuts_within_entries_are_errors)
{
	// All but the borders: after the header, and after each entry.
	struct bytes img = sample(1);
	unsigned nr_fine = 0;

	for (size_t i = 0; i < img.size; i++) {
		struct bytes cut = { cr_test_tail(img.p, i), i };
		nr_fine += *cr_test_image_json(
				   cut, (struct cr_test_how){ FORMS }) != '!';
	}
	ck_assert_uint_eq(nr_fine, 2);
}

TEST(a_byte_too_much_is_an_error)
{
	for (unsigned i = 0; i < NR_SAMPLES - 1; i++) {
		const char *got = cr_test_image_json(
			cat(sample(i), hex("00")),
			(struct cr_test_how){ FORMS });

		ck_assert_ptr_nonnull(strstr(
			got, ": the size word needs 4 bytes, have 1"));
	}
}

/* Every bit of an image flipped: an error, or an image that returns. */
TEST(no_flipped_bit_goes_unnoticed_or_crashes)
{
	for (unsigned i = 0; i < NR_SAMPLES; i++) {
		struct bytes img = sample(i);

		for (size_t bit = 0; bit < 8 * img.size; bit++) {
			uint8_t *got = cr_test_tail(img.p, img.size);
			struct bytes flipped = { got, img.size };
			const char *json;

			got[bit / 8] ^= (uint8_t)(1 << bit % 8);
			json = cr_test_image_json(
				flipped, (struct cr_test_how){ FORMS });
			if (*json == '!')
				continue;
			assert_text(cr_test_image_hex(
					    text(json),
					    (struct cr_test_how){ 0 }),
				    cr_test_dump(flipped));
		}
	}
}

/* Documents */

TEST(entries_may_stand_before_the_magic)
{
	assert_image_bytes("{'entries': [" ONE_ "], 'magic': 'PSTREE'}",
			   image("PSTREE", ONE));
	assert_image_bytes("{'entries': [], '@header': 'own', "
			   "'magic': 'PSTREE'}",
			   hex("30 30 27 50"));
}

TEST(keys_sorted_as_jq_does_it)
{
	assert_image_bytes("{'@header': 'own', 'entries': [{'bytes': 3, "
			   "'extra': 'YWJj', 'pipe_id': 1}], "
			   "'magic': 'PIPES_DATA'}",
			   cat(hex("09 37 45 56"), entry(num(1, 1), num(2, 3)),
			       hex("'abc'")));
}

TEST(errors_after_looking_ahead_have_their_lines)
{
	assert_document_bad("{\n 'entries': [\n  {'pid': x}\n ],\n"
			    " 'magic': 'PSTREE'\n}\n",
			    "! FORMAT line 3 column 11: need a value, not 'x'");
	assert_document_bad("{\n 'entries': [\n  {'pid': 'x'}\n ],\n"
			    " 'magic': 'PSTREE'\n}\n",
			    "! FORMAT entry 0: pid: line 3 column 11: \"x\" is "
			    "not an integer of at most 64 bits");
}

TEST(errors_after_looking_far_ahead_have_their_lines)
{
	const char *doc = cr_test_format(
		"{\n \"entries\": [\n  {\"pid\": x,\n %s %s\n \"y\": 1}\n ],\n"
		" \"magic\": \"PSTREE\"\n}\n",
		cr_test_format("\"z\": \"%.*s\",\n", 300000,
			       (const char *)fill('z', 300000).p),
		"\n\n\n");

	// What is ahead is read, and thrown out of the window, before.
	assert_document_bad(doc, "! FORMAT line 3 column 11: need a value, "
				 "not 'x'");
	doc = cr_test_format(
		"{\n \"entries\": [\n  {\"pid\": \"x\",\n %s %s\n \"y\": 1}\n "
		"],\n \"magic\": \"PSTREE\"\n}\n",
		cr_test_format("\"z\": \"%.*s\",\n", 300000,
			       (const char *)fill('z', 300000).p),
		"\n\n\n");
	assert_document_bad(doc, "! FORMAT entry 0: pid: line 3 column 11: "
				 "\"x\" is not an integer of at most 64 bits");
}

TEST(a_document_must_be_an_object)
{
	assert_document_bad("", "! FORMAT line 1 column 1: need '{', but the "
				"text ends");
	assert_document_bad("[]", "! FORMAT line 1 column 1: need '{', not "
				  "'['");
	assert_document_bad("{}", "! FORMAT line 1 column 2: need a key, not "
				  "'}'");
}

TEST(a_document_must_have_magic_and_entries)
{
	assert_document_bad("{'magic': 'PSTREE'}",
			    "! FORMAT line 1 column 20: key \"entries\" is "
			    "missing");
	assert_document_bad("{'entries': []}",
			    "! FORMAT line 1 column 15: key \"magic\" is "
			    "missing");
	assert_document_bad("{'@header': 'own'}",
			    "! FORMAT line 1 column 19: key \"magic\" is "
			    "missing");
}

TEST(a_key_of_a_document_given_twice)
{
	assert_document_bad("{'magic': 'PSTREE', 'magic': 'PSTREE', "
			    "'entries': []}",
			    "! FORMAT line 1 column 29: key \"magic\" is "
			    "there twice");
	assert_document_bad("{'@header': 'own', '@header': 'own', "
			    "'magic': 'PSTREE', 'entries': []}",
			    "! FORMAT line 1 column 30: key \"@header\" is "
			    "there twice");
	assert_document_bad("{'magic': 'PSTREE', 'entries': [], "
			    "'entries': []}",
			    "! FORMAT line 1 column 46: key \"entries\" is "
			    "there twice");
	assert_document_bad("{'magic': 'PSTREE', 'entries': [], "
			    "'magic': 'MM'}",
			    "! FORMAT line 1 column 44: key \"magic\" is "
			    "there twice");
	assert_document_bad("{'entries': [], 'magic': 'PSTREE', "
			    "'magic': 'PSTREE'}",
			    "! FORMAT line 1 column 44: key \"magic\" is "
			    "there twice");
	assert_document_bad("{'entries': [], 'magic': 'PSTREE', "
			    "'entries': []}",
			    "! FORMAT line 1 column 46: key \"entries\" is "
			    "there twice");
}

TEST(an_unknown_magic)
{
	assert_document_bad("{'magic': 'FOO', 'entries': []}",
			    "! FORMAT line 1 column 16: magic \"FOO\" is "
			    "unknown");
	assert_document_bad("{'magic': 5, 'entries': []}",
			    "! FORMAT magic: line 1 column 11: need a string, "
			    "not '5'");
	assert_document_bad("{'magic': 'pstree', 'entries': []}",
			    "! FORMAT line 1 column 19: magic \"pstree\" is "
			    "unknown");
}

TEST(an_unknown_header)
{
	assert_document_bad("{'magic': 'PSTREE', '@header': 'x', "
			    "'entries': []}",
			    "! FORMAT line 1 column 35: \"@header\" is own, "
			    "common or service, not \"x\"");
}

TEST(a_header_behind_the_entries)
{
	assert_document_bad("{'magic': 'PSTREE', 'entries': [], "
			    "'@header': 'own'}",
			    "! FORMAT line 1 column 46: \"@header\" must come "
			    "before \"entries\"");
}

TEST(an_unknown_key_of_a_document)
{
	assert_document_bad("{'magic': 'PSTREE', 'x': 1, 'entries': []}",
			    "! FORMAT line 1 column 25: unknown key \"x\"");
	assert_document_bad("{'magic': 'PSTREE', 'entries': [], 'x': 1}",
			    "! FORMAT line 1 column 40: unknown key \"x\"");
}

TEST(entries_must_be_a_list_of_objects)
{
	assert_document_bad("{'magic': 'PSTREE', 'entries': {}}",
			    "! FORMAT line 1 column 32: need '[', not '{'");
	assert_document_bad("{'magic': 'PSTREE', 'entries': [1]}",
			    "! FORMAT entry 0: line 1 column 33: need '{', "
			    "not '1'");
	assert_document_bad("{'magic': 'PSTREE', 'entries': [" ONE_ ",]}",
			    "! FORMAT entry 1: line 1 column 76: need '{', "
			    "not ']'");
	assert_document_bad("{'magic': 'PSTREE', 'entries': [" ONE_ "}",
			    "! FORMAT line 1 column 75: need ']', not '}'");
}

TEST(nothing_follows_a_document)
{
	assert_document_bad("{'magic': 'PSTREE', 'entries': []} x",
			    "! FORMAT line 1 column 36: need the end of the "
			    "text, not 'x'");
	assert_document_bad("{'magic': 'PSTREE', 'entries': []}\n{}",
			    "! FORMAT line 2 column 1: need the end of the "
			    "text, not '{'");
}

TEST(what_an_entry_lacks_is_named)
{
	assert_document_bad("{'magic': 'PSTREE', 'entries': [" ONE_ ",\n"
			    "{'pid': 1}]}",
			    "! FORMAT entry 1: line 2 column 11: required "
			    "field \"ppid\" is missing");
}

TEST(a_type_without_payload_has_no_extra)
{
	assert_document_bad("{'magic': 'PSTREE', 'entries': "
			    "[{'extra': ''}]}",
			    "! FORMAT entry 0: line 1 column 42: unknown key "
			    "\"extra\"");
}

TEST(an_unusual_entry_returns)
{
	assert_image(image("PSTREE", entry(hex("10 02 08 01"))),
		     "{'magic': 'PSTREE', 'entries': [{'pid': 1, 'ppid': 2, "
		     "'@missing': ['pgid', 'sid'], '@wire': 'EAIIAQ==\\n'}]}");
}

TEST(a_document_of_many_entries)
{
	struct bytes one = ONE;
	uint8_t *many = cr_test_alloc(20000 * one.size + 1);
	struct bytes img, back;

	for (size_t i = 0; i < 20000; i++)
		memcpy(many + i * one.size, one.p, one.size);
	img = image("PSTREE", (struct bytes){ many, 20000 * one.size });
	back = cr_test_image_bytes(text(cr_test_image_json(
		img, (struct cr_test_how){ PRETTY })));
	ck_assert_uint_eq(back.size, img.size);
	ck_assert_mem_eq(back.p, img.p, img.size);
}

/* Counting */

static const char *info_of(struct bytes b, const char *name)
{
	struct cr_codec codec;
	struct cr_source src;
	struct cr_image_info info;
	struct cr_error *err;

	cr_codec_init(&codec, PLAIN);
	cr_source_init_mem(&src, b.p, b.size);
	err = cr_image_read_info(&codec, &src, name, &info);
	cr_codec_deinit(&codec);
	if (err)
		return cr_test_error(err);
	return cr_test_format("%s %d", info.type->id, (int)info.nr_entries);
}

TEST(counting_passes_over_messages_and_payloads)
{
	static const char *const want[NR_SAMPLES] = {
		"PSTREE 2",	 "PIPES_DATA 2", "SK_QUEUES 2",
		"TCP_STREAM 1",	 "BPFMAP_DATA 1", "IPCNS_SEM 1",
		"IPCNS_MSG 1",	 "IPCNS_SHM 2",	 "GHOST_FILE 3",
		"PAGEMAP 1",	 "GHOST_FILE 1",
	};

	for (unsigned i = 0; i < NR_SAMPLES; i++)
		assert_text(info_of(sample(i), NULL), want[i]);
}

TEST(counting_nothing)
{
	assert_text(info_of(header("PSTREE"), NULL), "PSTREE 0");
	assert_text(info_of(header("PAGEMAP"), NULL), "PAGEMAP 0");
}

TEST(counting_notices_cuts)
{
	assert_text(info_of(image("PSTREE", ONE, hex("00")), NULL),
		    "! FORMAT entry 1: byte 20: the size word needs 4 bytes, "
		    "have 1");
	assert_text(info_of(image("PSTREE", ONE, word(4), hex("08 01")), NULL),
		    "! FORMAT entry 1: byte 20: size 4 is more than the file "
		    "has left");
	assert_text(info_of(image("PIPES_DATA", entry(num(1, 1), num(2, 3)),
				  hex("'ab'")),
			    NULL),
		    "! FORMAT entry 0: byte 18: the payload needs 1 bytes, "
		    "have 0");
	assert_text(info_of(fill(0, 100), "tmpfs-12.img"),
		    "! UNSUPPORTED not an image but a gzipped tar of a tmpfs; "
		    "tar -tzvf lists it");
}

/* --nopl */

static const char *nopl(struct bytes img)
{
	return cr_test_image_json(img, (struct cr_test_how){ .nopl = true });
}

TEST(nopl_gives_sizes)
{
	assert_text(nopl(sample(1)),
		    "{\"magic\": \"PIPES_DATA\", \"entries\": "
		    "[{\"pipe_id\": 1, \"bytes\": 3, \"extra\": "
		    "\"... <3B>\"}, {\"pipe_id\": 2, \"bytes\": 0, "
		    "\"extra\": \"... <0B>\"}]}");
	assert_text(nopl(sample(4)),
		    "{\"magic\": \"BPFMAP_DATA\", \"entries\": "
		    "[{\"map_id\": 1, \"keys_bytes\": 2, "
		    "\"values_bytes\": 2, \"count\": 1, "
		    "\"extra\": \"... <4B>\"}]}");
}

TEST(nopl_leaves_a_deleted_file_out)
{
	assert_text(nopl(sample(8)),
		    "{\"magic\": \"GHOST_FILE\", \"entries\": [{\"uid\": 0, "
		    "\"gid\": 0, \"mode\": 33188, \"chunks\": true, "
		    "\"size\": 5}, {\"len\": 2, \"off\": 0}, "
		    "{\"len\": 1, \"off\": 4}]}");
	assert_text(nopl(sample(10)),
		    "{\"magic\": \"GHOST_FILE\", \"entries\": [{\"uid\": 0, "
		    "\"gid\": 0, \"mode\": 33188}]}");
}

TEST(nopl_gives_sizes_in_units)
{
	assert_text(nopl(image("PIPES_DATA", entry(num(1, 1), num(2, 1536)),
			       fill(0, 1536))),
		    "{\"magic\": \"PIPES_DATA\", \"entries\": "
		    "[{\"pipe_id\": 1, \"bytes\": 1536, "
		    "\"extra\": \"... <1.5KB>\"}]}");
	assert_text(nopl(image("PIPES_DATA", entry(num(1, 1), num(2, 2048)),
			       fill(0, 2048))),
		    "{\"magic\": \"PIPES_DATA\", \"entries\": "
		    "[{\"pipe_id\": 1, \"bytes\": 2048, "
		    "\"extra\": \"... <2KB>\"}]}");
}

TEST(nopl_notices_cuts)
{
	assert_text(nopl(image("PIPES_DATA", entry(num(1, 1), num(2, 9)),
			       hex("'ab'"))),
		    "! FORMAT entry 0: byte 18: the payload needs 7 bytes, "
		    "have 0");
}

TEST(what_nopl_wrote_is_refused)
{
	assert_document_bad("{'magic': 'PIPES_DATA', 'entries': "
			    "[{'pipe_id': 1, 'bytes': 3, "
			    "'extra': '... <3B>'}]}",
			    "! FORMAT entry 0: extra: line 1 column 73: "
			    "\"extra\" was left out by --nopl; decode the "
			    "image without it");
	assert_document_bad("{'magic': 'IPCNS_SEM', 'entries': "
			    "[{'extra': '... <6B>'}]}",
			    "! FORMAT entry 0: extra: line 1 column 46: "
			    "\"extra\" was left out by --nopl; decode the "
			    "image without it");
}

TEST_MAIN("lib/image/json")
