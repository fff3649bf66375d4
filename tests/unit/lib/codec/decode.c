// SPDX-License-Identifier: MIT
#include "lib/codec/decode.h"

#include "images/cgroup.pb-c.h"
#include "images/pagemap.pb-c.h"
#include "images/regfile.pb-c.h"
#include "images/sk-inet.pb-c.h"
#include "images/sk-unix.pb-c.h"
#include "images/vma.pb-c.h"
#include "tests/support/codec.h"
#include "tests/support/main.h"

#define ALL  &cr_test_all
#define NEED &cr_test_need

/* What is usual, both ways */

TEST(an_empty_message_is_an_empty_object)
{
	assert_message(ALL, hex(""), "{}");
}

TEST(a_nested_empty_message_is_an_empty_object)
{
	assert_message(ALL, hex("7a 00"), "{'sub': {}}");
}

TEST(uint32_goes_up_to_its_maximum)
{
	assert_message(ALL, hex("08 ff ff ff ff 0f"), "{'u32': 4294967295}");
}

TEST(uint64_goes_up_to_its_maximum)
{
	assert_message(ALL, hex("10 ff ff ff ff ff ff ff ff ff 01"),
		       "{'u64': 18446744073709551615}");
}

TEST(a_zero_that_is_written_out_stays)
{
	assert_message(ALL, hex("08 00 10 00 38 00 6a 00 72 00"),
		       "{'u32': 0, 'u64': 0, 'flag': false, 'text': '', "
		       "'data': ''}");
}

TEST(negative_int32_has_ten_bytes)
{
	assert_message(ALL, hex("18 ff ff ff ff ff ff ff ff ff 01"),
		       "{'i32': -1}");
}

TEST(int32_has_its_whole_range)
{
	assert_message(ALL, hex("18 80 80 80 80 f8 ff ff ff ff 01"),
		       "{'i32': -2147483648}");
	assert_message(ALL, hex("18 ff ff ff ff 07"), "{'i32': 2147483647}");
}

TEST(int64_has_its_whole_range)
{
	assert_message(ALL, hex("20 80 80 80 80 80 80 80 80 80 01"),
		       "{'i64': -9223372036854775808}");
	assert_message(ALL, hex("20 ff ff ff ff ff ff ff ff 7f"),
		       "{'i64': 9223372036854775807}");
}

TEST(sint32_is_zigzag)
{
	assert_message(ALL, hex("28 00"), "{'s32': 0}");
	assert_message(ALL, hex("28 01"), "{'s32': -1}");
	assert_message(ALL, hex("28 02"), "{'s32': 1}");
	assert_message(ALL, hex("28 ff ff ff ff 0f"), "{'s32': -2147483648}");
	assert_message(ALL, hex("28 fe ff ff ff 0f"), "{'s32': 2147483647}");
}

TEST(sint64_is_zigzag)
{
	assert_message(ALL, hex("30 01"), "{'s64': -1}");
	assert_message(ALL, hex("30 ff ff ff ff ff ff ff ff ff 01"),
		       "{'s64': -9223372036854775808}");
	assert_message(ALL, hex("30 fe ff ff ff ff ff ff ff ff 01"),
		       "{'s64': 9223372036854775807}");
}

TEST(fixed_fields_are_little_endian)
{
	assert_message(ALL, hex("4d 78 56 34 12"), "{'f32': 305419896}");
	assert_message(ALL, hex("4d ff ff ff ff"), "{'f32': 4294967295}");
	assert_message(ALL, hex("51 01 00 00 00 00 00 00 80"),
		       "{'f64': 9223372036854775809}");
	assert_message(ALL, hex("5d ff ff ff ff"), "{'sf32': -1}");
	assert_message(ALL, hex("5d 00 00 00 80"), "{'sf32': -2147483648}");
	assert_message(ALL, hex("61 00 00 00 00 00 00 00 80"),
		       "{'sf64': -9223372036854775808}");
}

TEST(bools_are_words)
{
	assert_message(ALL, hex("38 01"), "{'flag': true}");
	assert_message(ALL, hex("38 00"), "{'flag': false}");
}

TEST(enums_are_names)
{
	assert_message(ALL, hex("40 01"), "{'lsm': 'SELINUX'}");
}

TEST(an_enum_number_without_a_name_is_a_number)
{
	assert_message(ALL, hex("40 63"), "{'lsm': 99}");
	assert_message(ALL, hex("40 ff ff ff ff ff ff ff ff ff 01"),
		       "{'lsm': -1}");
}

TEST(strings_are_ascii_with_escapes)
{
	assert_message(ALL, str(13, "a\tb\\c/d\x7f"),
		       "{'text': 'a\\tb\\\\c/d\\u007f'}");
	assert_message(ALL, hex("6a 02 22 0a"), "{'text': '\\\"\\n'}");
}

TEST(characters_beyond_ascii_are_units_in_lower_case)
{
	assert_message(ALL, str(13, "\u00e9\u20ac\U0001d11e"),
		       "{'text': '\\u00e9\\u20ac\\ud834\\udd1e'}");
}

TEST(a_nul_in_a_string_is_kept)
{
	assert_message(ALL, hex("6a 03 61 00 62"), "{'text': 'a\\u0000b'}");
}

TEST(text_that_is_not_utf8_is_quoted)
{
	assert_message(ALL, hex("6a 05 'caf' e9 '='"),
		       "{'text': {'@qp': 'caf=E9=3D'}}");
}

TEST(a_surrogate_in_utf8_clothes_is_quoted)
{
	assert_message(ALL, hex("6a 03 ed a0 80"),
		       "{'text': {'@qp': '=ED=A0=80'}}");
}

TEST(bytes_are_base64_in_lines)
{
	assert_message(ALL, hex("72 03 00 01 02"), "{'data': 'AAEC\\n'}");
	assert_message(ALL, len(14, fill(0, 58)),
		       "{'data': 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		       "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\\nAA==\\n'}");
}

TEST(a_list_is_a_run_of_records)
{
	assert_message(ALL, hex("80 01 01 80 01 02 80 01 ac 02"),
		       "{'nums': [1, 2, 300]}");
}

TEST(a_packed_list_is_one_record)
{
	assert_message(ALL, hex("8a 01 04 01 02 ac 02"),
		       "{'packed_nums': [1, 2, 300]}");
	assert_message(ALL, hex("a2 01 08 01 00 00 00 ff ff ff ff"),
		       "{'packed_f32': [1, 4294967295]}");
	assert_message(ALL, hex("d2 01 0b ff ff ff ff ff ff ff ff ff 01 07"),
		       "{'packed_i32': [-1, 7]}");
}

TEST(lists_of_every_kind)
{
	assert_message(ALL, cat(str(18, "a"), str(18, ""), str(18, "b")),
		       "{'texts': ['a', '', 'b']}");
	assert_message(ALL, cat(len(19, hex("")), len(19, num(1, 5))),
		       "{'subs': [{}, {'u32': 5}]}");
	assert_message(ALL, cat(num(21, 1), num(21, 2)), "{'s32s': [-1, 1]}");
	assert_message(ALL, cat(num(22, 1), num(22, 0)),
		       "{'flags': [true, false]}");
	assert_message(ALL, cat(num(23, 2), num(23, 7)),
		       "{'lsms': ['APPARMOR', 7]}");
	assert_message(ALL, cat(len(24, hex("")), len(24, hex("ff"))),
		       "{'datas': ['', '/w==\\n']}");
	assert_message(ALL, cat(f64(25, 1), f64(25, UINT64_MAX)),
		       "{'f64s': [1, 18446744073709551615]}");
}

TEST(text_in_a_list_may_be_quoted)
{
	assert_message(ALL, cat(str(18, "a"), str(18, "\xff")),
		       "{'texts': ['a', {'@qp': '=FF'}]}");
}

TEST(fields_stand_in_the_order_of_their_numbers)
{
	assert_message(ALL, cat(num(1, 1), num(2, 2), str(13, "x"), num(16, 3)),
		       "{'u32': 1, 'u64': 2, 'text': 'x', 'nums': [3]}");
}

TEST(a_field_number_may_need_a_tag_of_three_bytes)
{
	assert_message(ALL, hex("08 01 c0 bb 01 07"), "{'u32': 1, 'far': 7}");
}

TEST(a_default_is_written_if_and_only_if_it_is_there)
{
	struct bytes fown = len(5, num(1, 0), num(2, 0), num(3, 0), num(4, 0),
				num(5, 0));
	struct bytes start = cat(num(1, 1), num(2, 0), num(3, 0), fown,
				 str(6, "/"));
	const ProtobufCMessageDescriptor *desc = &reg_file_entry__descriptor;
#define REG_FILE                                                              \
	"{'id': 1, 'flags': '', 'pos': 0, 'fown': {'uid': 0, 'euid': 0, "     \
	"'signum': 0, 'pid_type': 0, 'pid': 0}, 'name': '/'"

	assert_message(desc, start, REG_FILE "}");
	assert_message(desc, cat(start, hex("38 01")),
		       REG_FILE ", 'mnt_id': -1}");
}

/* Forms */

TEST(forms_are_texts_and_plain_style_has_numbers)
{
	struct bytes vma = cat(num(1, 0x400000), num(2, 0x401000), num(3, 0),
			       num(4, 1), num(5, 5), num(6, 0x42), num(7, 65),
			       num(8, 1), num(9, 0));

	assert_message(&vma_entry__descriptor, vma,
		       "{'start': '0x400000', 'end': '0x401000', 'pgoff': 0, "
		       "'shmid': 1, 'prot': 'PROT_READ | PROT_EXEC', "
		       "'flags': 'MAP_PRIVATE | 0x40', "
		       "'status': 'VMA_AREA_REGULAR | VMA_FILE_PRIVATE', "
		       "'fd': -1, 'madv': '0x0'}");
	assert_message_style(&vma_entry__descriptor, vma, PLAIN,
			     "{'start': 4194304, 'end': 4198400, 'pgoff': 0, "
			     "'shmid': 1, 'prot': 5, 'flags': 66, "
			     "'status': 65, 'fd': -1, 'madv': 0}");
}

TEST(pretty_text_is_indented_by_four)
{
	assert_message_style(ALL,
			     cat(num(1, 1), len(15, num(16, 5), num(16, 6)),
				 len(19, hex(""))),
			     PRETTY,
			     "{\n"
			     "    'u32': 1,\n"
			     "    'sub': {\n"
			     "        'nums': [\n"
			     "            5,\n"
			     "            6\n"
			     "        ]\n"
			     "    },\n"
			     "    'subs': [\n"
			     "        {}\n"
			     "    ]\n"
			     "}");
}

TEST(the_go_dialect_has_camel_case_and_text_for_64_bits)
{
	assert_message_style(ALL,
			     cat(num(1, 1), num(2, 2), num(4, -3),
				 str(13, "\u00e9<"), str(14, "xy"),
				 len(17, hex("01"))),
			     GO,
			     "{'u32':1,'u64':'2','i64':'-3','text':"
			     "'\u00e9\\u003c','data':'eHk=','packedNums':[1]}");
}

TEST(the_go_dialect_has_names_in_base64_and_no_forms)
{
	assert_message_style(&pagemap_entry__descriptor,
			     cat(num(1, 4096), num(2, 1), num(3, 1), num(4, 4)),
			     GO,
			     "{'vaddr':'4096','compatNrPages':1,"
			     "'inParent':true,'flags':4}");
}

static struct bytes inet_sk(struct bytes addresses)
{
	return cat(num(1, 1), num(2, 2), num(3, 2), num(4, 1), num(5, 6),
		   num(6, 10), num(7, 80), num(8, 0), num(9, 2), num(10, 5),
		   addresses);
}

#define INET_SK                                                              \
	"{'id': 1, 'ino': 2, 'family': 'INET', 'type': 'STREAM', "           \
	"'proto': 'TCP', 'state': 'LISTEN', 'src_port': 80, 'dst_port': 0, " \
	"'flags': '0x2', 'backlog': 5, "
#define NO_FOWN ", '@missing': ['fown', 'opts']}"

TEST(one_word_is_an_ipv4_address)
{
	assert_message(&inet_sk_entry__descriptor,
		       inet_sk(cat(num(11, 0x0100007f), num(12, 0))),
		       INET_SK "'src_addr': ['127.0.0.1'], "
			       "'dst_addr': ['0.0.0.0']" NO_FOWN);
}

TEST(four_words_are_an_ipv6_address)
{
	assert_message(&inet_sk_entry__descriptor,
		       inet_sk(cat(num(11, 0xb80d0120), num(11, 0), num(11, 0),
				   num(11, 0x01000000))),
		       INET_SK "'src_addr': ['2001:db8::1']" NO_FOWN);
}

TEST(other_numbers_of_words_are_words)
{
	const ProtobufCMessageDescriptor *desc = &inet_sk_entry__descriptor;

	assert_message(desc, inet_sk(cat(num(11, 1), num(11, 2))),
		       INET_SK "'src_addr': [1, 2]" NO_FOWN);
	assert_message(desc,
		       inet_sk(cat(num(11, 1), num(11, 2), num(11, 3))),
		       INET_SK "'src_addr': [1, 2, 3]" NO_FOWN);
	assert_message(desc,
		       inet_sk(cat(num(11, 1), num(11, 2), num(11, 3),
				   num(11, 4), num(11, 5), num(11, 6))),
		       INET_SK "'src_addr': [1, 2, 3, 4, 5, 6]" NO_FOWN);
}

TEST(a_packed_address_says_so)
{
	assert_message(&inet_sk_entry__descriptor,
		       inet_sk(len(11, hex("ff 80 80 08"))),
		       INET_SK "'@packed:src_addr': true, "
			       "'src_addr': ['127.0.0.1']" NO_FOWN);
}

static struct bytes unix_sk(struct bytes name)
{
	return cat(num(1, 1), num(2, 2), num(3, 1), num(4, 7), num(5, 2),
		   num(6, 0), num(7, 0), num(8, 0),
		   len(9, num(1, 0), num(2, 0), num(3, 0), num(4, 0),
		       num(5, 0)),
		   len(10, num(1, 0), num(2, 0), num(3, 0), num(4, 0),
		       num(5, 0), num(6, 0)),
		   len(11, name));
}

#define UNIX_SK(name)                                                        \
	"{'id': 1, 'ino': 2, 'type': 'STREAM', 'state': 'CLOSE', "           \
	"'flags': '0x2', 'uflags': '0x0', 'backlog': 0, 'peer': 0, "         \
	"'fown': {'uid': 0, 'euid': 0, 'signum': 0, 'pid_type': 0, "         \
	"'pid': 0}, 'opts': {'so_sndbuf': 0, 'so_rcvbuf': 0, "               \
	"'so_snd_tmo_sec': 0, 'so_snd_tmo_usec': 0, 'so_rcv_tmo_sec': 0, "   \
	"'so_rcv_tmo_usec': 0}, 'name': " name "}"

TEST(a_socket_name_is_quoted_printable)
{
	const ProtobufCMessageDescriptor *desc = &unix_sk_entry__descriptor;

	assert_message(desc, unix_sk(hex("")), UNIX_SK("''"));
	assert_message(desc, unix_sk(text("/run/x=1 ")),
		       UNIX_SK("'/run/x=3D1=20'"));
	assert_message(desc, unix_sk(hex("00 'bus' 00")),
		       UNIX_SK("'=00bus=00'"));
	assert_message(desc, unix_sk(hex("'a' 0a 'b'")), UNIX_SK("'a\\nb'"));
}

TEST(a_socket_name_in_mixed_line_ends_is_kept_whole)
{
	assert_message(&unix_sk_entry__descriptor,
		       unix_sk(hex("'a' 0d 0a 'b' 0a 'c'")),
		       UNIX_SK("{'@qp': 'a=0D=0Ab=0Ac'}"));
}

TEST(a_socket_name_of_77_characters_is_folded)
{
	assert_message(&unix_sk_entry__descriptor, unix_sk(fill('x', 77)),
		       UNIX_SK("'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
			       "xxxxxxxxxxxxxxxxxxxxxxxxxxxxx=\\nxx'"));
}

/* Unknown fields */

TEST(an_unknown_field_of_each_wire_type_is_kept)
{
	assert_message(ALL, hex("98 06 05"),
		       "{'@unknown': [{'field': 99, 'varint': 5}]}");
	assert_message(ALL, hex("99 06 01 00 00 00 00 00 00 80"),
		       "{'@unknown': [{'field': 99, "
		       "'fixed64': 9223372036854775809}]}");
	assert_message(ALL, hex("9a 06 02 'xy'"),
		       "{'@unknown': [{'field': 99, 'bytes': 'eHk=\\n'}]}");
	assert_message(ALL, hex("9d 06 ff ff ff ff"),
		       "{'@unknown': [{'field': 99, "
		       "'fixed32': 4294967295}]}");
}

TEST(an_unknown_varint_may_have_64_bits)
{
	assert_message(ALL, num(99, UINT64_MAX),
		       "{'@unknown': [{'field': 99, "
		       "'varint': 18446744073709551615}]}");
}

TEST(unknown_fields_between_known_ones_return_to_their_places)
{
	assert_message(NEED,
		       cat(num(1, 1), num(2, 2), str(4, "x"), num(5, 7),
			   num(5, 8), str(6, "")),
		       "{'a': 1, 'b': 2, 'c': 'x', '@unknown': "
		       "[{'field': 5, 'varint': 7}, "
		       "{'field': 5, 'varint': 8}, "
		       "{'field': 6, 'bytes': ''}]}");
	assert_message(ALL, cat(num(1, 1), num(27, 7), num(3000, 2)),
		       "{'u32': 1, 'far': 2, "
		       "'@unknown': [{'field': 27, 'varint': 7}]}");
}

TEST(unknown_fields_of_nested_messages_stay_there)
{
	assert_message(ALL,
		       cat(len(15, num(1, 1), num(99, 2)),
			   len(19, num(98, 3)), num(97, 4)),
		       "{'sub': {'u32': 1, '@unknown': "
		       "[{'field': 99, 'varint': 2}]}, "
		       "'subs': [{'@unknown': [{'field': 98, 'varint': 3}]}], "
		       "'@unknown': [{'field': 97, 'varint': 4}]}");
}

TEST(the_highest_field_number_is_kept)
{
	assert_message(ALL, num(0x1fffffff, 1),
		       "{'@unknown': [{'field': 536870911, 'varint': 1}]}");
}

/* What is missing */

TEST(required_fields_that_are_not_there_are_named)
{
	assert_message(NEED, num(2, 5), "{'b': 5, '@missing': ['a', 'c']}");
	assert_message(NEED, hex(""), "{'@missing': ['a', 'b', 'c']}");
	assert_message(ALL, len(28, num(1, 1), num(2, 2)),
		       "{'need': {'a': 1, 'b': 2, '@missing': ['c']}}");
}

/* Packing */

TEST(a_list_packed_against_its_schema_says_so)
{
	assert_message(ALL, len(16, hex("01 02")),
		       "{'@packed:nums': true, 'nums': [1, 2]}");
	assert_message(ALL, len(21, hex("01 02")),
		       "{'@packed:s32s': true, 's32s': [-1, 1]}");
	assert_message(ALL, len(22, hex("01 00")),
		       "{'@packed:flags': true, 'flags': [true, false]}");
}

TEST(a_list_unpacked_against_its_schema_says_so)
{
	assert_message(ALL, cat(num(17, 1), num(17, 2)),
		       "{'@unpacked:packed_nums': true, "
		       "'packed_nums': [1, 2]}");
	assert_message(ALL, cat(f32(20, 5)),
		       "{'@unpacked:packed_f32': true, 'packed_f32': [5]}");
}

/* @wire: what no writer in use makes. The assertions show that the bytes come
 * back; the JSON shows how they are understood. */

TEST(fields_out_of_order_are_sorted)
{
	assert_message(ALL, hex("10 02 08 01"),
		       "{'u32': 1, 'u64': 2, '@wire': 'EAIIAQ==\\n'}");
}

TEST(of_a_field_given_twice_the_last_counts)
{
	assert_message(ALL, hex("08 01 08 02"),
		       "{'u32': 2, '@wire': 'CAEIAg==\\n'}");
	assert_message(ALL, hex("6a 01 'a' 6a 01 'b'"),
		       "{'text': 'b', '@wire': 'agFhagFi\\n'}");
}

TEST(a_message_given_twice_is_merged)
{
	assert_message(ALL, hex("7a 02 08 01 7a 02 10 02"),
		       "{'sub': {'u32': 1, 'u64': 2}, "
		       "'@wire': 'egIIAXoCEAI=\\n'}");
}

TEST(merging_goes_inside)
{
	assert_message(ALL, hex("7a 02 08 01 7a 02 08 02"),
		       "{'sub': {'u32': 2, '@wire': 'CAEIAg==\\n'}, "
		       "'@wire': 'egIIAXoCCAI=\\n'}");
}

TEST(varints_longer_than_need_be_are_kept)
{
	assert_message(ALL, hex("08 81 00"),
		       "{'u32': 1, '@wire': 'CIEA\\n'}");
	assert_message(ALL, hex("08 80 80 80 80 80 80 80 80 80 00"),
		       "{'u32': 0, '@wire': 'CICAgICAgICAgAA=\\n'}");
}

TEST(a_tag_longer_than_need_be_is_kept)
{
	assert_message(ALL, hex("88 00 01"),
		       "{'u32': 1, '@wire': 'iAAB\\n'}");
	assert_message(ALL, hex("88 80 80 80 80 00 01"),
		       "{'u32': 1, '@wire': 'iICAgIAAAQ==\\n'}");
}

TEST(a_length_longer_than_need_be_is_kept)
{
	assert_message(ALL, hex("6a 81 00 'a'"),
		       "{'text': 'a', '@wire': 'aoEAYQ==\\n'}");
}

TEST(a_tenth_byte_with_too_many_bits_is_kept)
{
	assert_message(ALL, hex("10 ff ff ff ff ff ff ff ff ff 7f"),
		       "{'u64': 18446744073709551615, "
		       "'@wire': 'EP///////////38=\\n'}");
}

TEST(a_uint32_of_33_bits_loses_the_highest)
{
	assert_message(ALL, hex("08 85 80 80 80 10"),
		       "{'u32': 5, '@wire': 'CIWAgIAQ\\n'}");
}

TEST(a_sint32_of_33_bits_loses_the_highest)
{
	assert_message(ALL, hex("28 81 80 80 80 10"),
		       "{'s32': -1, '@wire': 'KIGAgIAQ\\n'}");
}

TEST(a_bool_of_two_is_true)
{
	assert_message(ALL, hex("38 02"), "{'flag': true, '@wire': 'OAI=\\n'}");
}

TEST(a_negative_int32_of_five_bytes_is_kept)
{
	assert_message(ALL, hex("18 ff ff ff ff 0f"),
		       "{'i32': -1, '@wire': 'GP////8P\\n'}");
}

TEST(a_negative_enum_of_five_bytes_is_kept)
{
	assert_message(ALL, hex("40 ff ff ff ff 0f"),
		       "{'lsm': -1, '@wire': 'QP////8P\\n'}");
}

TEST(an_empty_packed_chunk_is_kept)
{
	assert_message(ALL, hex("8a 01 00"),
		       "{'@wire': 'igEA\\n'}");
	assert_message(ALL, hex("82 01 00"),
		       "{'@wire': 'ggEA\\n'}");
}

TEST(an_empty_packed_chunk_among_others_is_kept)
{
	assert_message(ALL, hex("8a 01 00 8a 01 01 05"),
		       "{'packed_nums': [5], '@wire': 'igEAigEBBQ==\\n'}");
	assert_message(ALL, hex("8a 01 01 05 8a 01 00 92 01 00"),
		       "{'packed_nums': [5], 'texts': [''], "
		       "'@wire': 'igEBBYoBAJIBAA==\\n'}");
}

TEST(packed_chunks_are_one_list)
{
	assert_message(ALL, hex("8a 01 01 01 8a 01 02 02 03"),
		       "{'packed_nums': [1, 2, 3], "
		       "'@wire': 'igEBAYoBAgID\\n'}");
}

TEST(packed_and_single_records_are_one_list)
{
	assert_message(ALL, hex("80 01 01 82 01 02 02 03 80 01 04"),
		       "{'nums': [1, 2, 3, 4], "
		       "'@wire': 'gAEBggECAgOAAQQ=\\n'}");
}

TEST(a_packed_value_out_of_range_is_kept)
{
	assert_message(ALL, hex("8a 01 05 81 80 80 80 10"),
		       "{'packed_nums': [1], '@wire': 'igEFgYCAgBA=\\n'}");
	assert_message(ALL, hex("8a 01 02 81 00"),
		       "{'packed_nums': [1], '@wire': 'igECgQA=\\n'}");
}

TEST(a_list_with_something_between_is_one_list)
{
	assert_message(ALL, hex("80 01 01 08 05 80 01 02"),
		       "{'u32': 5, 'nums': [1, 2], "
		       "'@wire': 'gAEBCAWAAQI=\\n'}");
}

TEST(a_known_field_of_another_wire_type_is_unknown)
{
	assert_message(ALL, hex("0a 01 'a'"),
		       "{'@unknown': [{'field': 1, 'bytes': 'YQ==\\n'}], "
		       "'@wire': 'CgFh\\n'}");
	assert_message(ALL, hex("0d 01 00 00 00 08 05"),
		       "{'u32': 5, '@unknown': [{'field': 1, 'fixed32': 1}], "
		       "'@wire': 'DQEAAAAIBQ==\\n'}");
	assert_message(ALL, hex("68 05"),
		       "{'@unknown': [{'field': 13, 'varint': 5}], "
		       "'@wire': 'aAU=\\n'}");
}

TEST(unknown_fields_out_of_order_are_sorted)
{
	assert_message(ALL, hex("98 06 02 90 06 01 08 05"),
		       "{'u32': 5, '@unknown': [{'field': 98, 'varint': 1}, "
		       "{'field': 99, 'varint': 2}], "
		       "'@wire': 'mAYCkAYBCAU=\\n'}");
}

TEST(what_is_unusual_within_is_said_there)
{
	assert_message(ALL, hex("7a 04 10 02 08 01"),
		       "{'sub': {'u32': 1, 'u64': 2, "
		       "'@wire': 'EAIIAQ==\\n'}}");
}

TEST(what_is_missing_and_unusual_says_both)
{
	assert_message(NEED, hex("10 02 08 01"),
		       "{'a': 1, 'b': 2, '@missing': ['c'], "
		       "'@wire': 'EAIIAQ==\\n'}");
}

/* Errors */

TEST(a_message_that_ends_in_a_tag)
{
	assert_message_bad(ALL, hex("08 01 80"),
			   "! FORMAT byte 2: a field's tag is cut off");
}

TEST(a_message_that_ends_after_a_tag)
{
	assert_message_bad(ALL, hex("08 01 10"),
			   "! FORMAT byte 3: a varint is cut off");
}

TEST(a_message_that_ends_in_a_varint)
{
	assert_message_bad(ALL, hex("08 ff ff"),
			   "! FORMAT byte 1: a varint is cut off");
}

TEST(a_varint_of_eleven_bytes)
{
	assert_message_bad(ALL, hex("08 80 80 80 80 80 80 80 80 80 80 01"),
			   "! FORMAT byte 1: a varint is longer than 10 bytes");
}

TEST(a_tag_of_eleven_bytes)
{
	assert_message_bad(ALL, hex("88 80 80 80 80 80 80 80 80 80 80 01"),
			   "! FORMAT byte 0: a field's tag is longer than "
			   "10 bytes");
}

TEST(a_length_beyond_the_message)
{
	assert_message_bad(ALL, hex("08 01 6a 05 'abcd'"),
			   "! FORMAT byte 2: field 13 claims 5 bytes, the "
			   "message has 4 left");
	assert_message_bad(ALL, hex("6a ff ff ff ff ff ff ff ff ff 01 'a'"),
			   "! FORMAT byte 0: field 13 claims "
			   "18446744073709551615 bytes, the message has 1 "
			   "left");
}

TEST(fixed_fields_that_are_cut)
{
	assert_message_bad(ALL, hex("4d 01 02 03"),
			   "! FORMAT byte 1: need 4 bytes, have 3");
	assert_message_bad(ALL, hex("51 01 02 03 04 05 06 07"),
			   "! FORMAT byte 1: need 8 bytes, have 7");
}

TEST(packed_values_that_are_cut)
{
	assert_message_bad(ALL, hex("8a 01 02 01 80"),
			   "! FORMAT packed_nums: byte 4: a varint is cut "
			   "off");
	assert_message_bad(ALL, hex("a2 01 05 01 02 03 04 05"),
			   "! FORMAT packed_f32: byte 7: need 4 bytes, have "
			   "1");
}

TEST(a_value_does_not_reach_into_the_next_field)
{
	// The packed list ends in a varint that the next tag would complete.
	assert_message_bad(ALL, hex("8a 01 01 80 08 01"),
			   "! FORMAT packed_nums: byte 3: a varint is cut "
			   "off");
	assert_message_bad(ALL, hex("7a 02 08 80 08 01"),
			   "! FORMAT sub: byte 3: a varint is cut off");
}

TEST(field_number_zero)
{
	assert_message_bad(ALL, hex("00 01"),
			   "! FORMAT byte 0: 0 is no field number");
}

TEST(a_field_number_beyond_29_bits)
{
	assert_message_bad(ALL, hex("80 80 80 80 10 01"),
			   "! FORMAT byte 0: 536870912 is no field number");
}

TEST(groups_are_refused)
{
	assert_message_bad(ALL, hex("0b 0c"),
			   "! FORMAT byte 0: field 1 has wire type 3, which "
			   "no image uses");
	assert_message_bad(ALL, hex("9c 06"),
			   "! FORMAT byte 0: field 99 has wire type 4, which "
			   "no image uses");
}

TEST(wire_types_that_do_not_exist_are_refused)
{
	assert_message_bad(ALL, hex("0e 00"),
			   "! FORMAT byte 0: field 1 has wire type 6, which "
			   "no image uses");
	assert_message_bad(ALL, hex("0f 00"),
			   "! FORMAT byte 0: field 1 has wire type 7, which "
			   "no image uses");
}

TEST(errors_name_fields_from_the_outside_in)
{
	assert_message_bad(ALL, len(15, len(19, num(1, 1)), len(19, hex("08"))),
			   "! FORMAT sub: subs: byte 11: a varint is cut off");
}

/* Every cut of a message with all kinds of fields is an error or a message. */
TEST(no_cut_goes_unnoticed_or_crashes)
{
	struct bytes whole = cat(
		num(1, 300), num(3, -1), num(7, 1), f32(9, 1), f64(10, 2),
		str(13, "text"), len(14, hex("00 ff")),
		len(15, num(1, 5), len(15, str(13, "in"))), num(16, 1),
		num(16, 2), len(17, hex("01 02 ac 02")), num(99, 5));

	for (size_t i = 0; i < whole.size; i++) {
		struct bytes cut = { cr_test_tail(whole.p, i), i };
		const char *json = cr_test_message_json(ALL, cut, FORMS);

		if (*json == '!')
			continue;
		assert_text(cr_test_message_hex(ALL, json),
				 cr_test_dump(cut));
	}
}

/* Nesting */

static struct bytes nested(unsigned nr)
{
	struct bytes got = hex("");

	while (nr--)
		got = len(15, got);
	return got;
}

TEST(a_hundred_messages_within_each_other)
{
	struct bytes deep = nested(99);
	const char *json = cr_test_message_json(ALL, deep, FORMS);

	ck_assert_int_ne(*json, '!');
	assert_text(cr_test_message_hex(ALL, json), cr_test_dump(deep));
}

TEST(a_hundred_and_one_are_refused)
{
	const char *got = cr_test_message_json(ALL, nested(100), FORMS);

	ck_assert_ptr_nonnull(
		strstr(got, ": more than 100 messages within each other"));
}

/* Each level is found unusual only after what is within it has been written:
 * what is done twice at each of them is done 2^n times in the end. */
TEST(time_does_not_double_with_each_level)
{
	struct bytes got = num(99, 1);

	for (int i = 0; i < 90; i++)
		got = cat(len(15, got), num(99, 1));
	assert_text(
		cr_test_message_hex(
			ALL, cr_test_message_json(ALL, got, FORMS)),
		cr_test_dump(got));
}

TEST(time_does_not_double_with_each_list)
{
	struct bytes got = hex("");

	for (int i = 0; i < 90; i++)
		got = cat(len(19, got), hex("08 01"));
	assert_text(
		cr_test_message_hex(
			ALL, cr_test_message_json(ALL, got, FORMS)),
		cr_test_dump(got));
}

/* Large messages: beyond what is looked at in one piece, beyond the window, and
 * beyond what is held before it is written. */

static void assert_returns(struct bytes message)
{
	const char *json = cr_test_message_json(ALL, message, FORMS);
	struct bytes back;

	ck_assert_msg(*json != '!', "%s", json);
	back = cr_test_message_bytes(ALL, json);
	ck_assert_uint_eq(back.size, message.size);
	ck_assert_mem_eq(back.p, message.p, back.size);
}

static struct bytes repeat(struct bytes b, size_t nr)
{
	uint8_t *got = cr_test_alloc(b.size * nr + 1);

	for (size_t i = 0; i < nr; i++)
		memcpy(got + i * b.size, b.p, b.size);
	return cat((struct bytes){ got, b.size * nr });
}

static const size_t sizes[] = { 16 * 1024 - 4, 16 * 1024, 16 * 1024 + 1,
				100000, 300000 };
#define NR_SIZES (sizeof(sizes) / sizeof(sizes[0]))
#define for_each_size(size)                                              \
	for (size_t at = 0, size; at < NR_SIZES && (size = sizes[at], 1); \
	     at++)

TEST(many_fields)
{
	for_each_size(size)
		assert_returns(repeat(hex("80 01 ac 02"), size / 4));
}

TEST(many_fields_out_of_order)
{
	for_each_size(size)
		assert_returns(cat(repeat(hex("80 01 ac 02"), size / 4),
				   num(1, 1)));
}

TEST(many_packed_values)
{
	for_each_size(size)
		assert_returns(len(17, repeat(hex("01 ac 02"), size / 3)));
}

TEST(many_packed_values_against_the_schema)
{
	for_each_size(size)
		assert_returns(len(16, repeat(hex("01 ac 02"), size / 3)));
}

TEST(a_huge_string)
{
	for_each_size(size)
		assert_returns(len(13, fill('x', size)));
}

TEST(a_huge_string_of_wide_characters)
{
	// The offset moves the piece borders through the characters.
	for (size_t i = 0; i < 4; i++)
		assert_returns(len(13, fill('x', i),
				   repeat(text("\u00e9\u20ac\U0001d11e"),
					  30000)));
}

TEST(a_huge_string_that_is_not_utf8)
{
	for_each_size(size)
		assert_returns(len(13, fill('x', size), hex("ff")));
}

TEST(a_huge_string_that_ends_in_a_character)
{
	for_each_size(size)
		assert_returns(len(13, fill('x', size), hex("e2 82")));
}

TEST(huge_bytes)
{
	for_each_size(size)
		assert_returns(len(14, fill(0xa5, size)));
}

TEST(huge_unknown_bytes)
{
	for_each_size(size)
		assert_returns(cat(num(1, 1), len(99, fill(0xa5, size))));
}

TEST(a_huge_message_within_messages)
{
	for_each_size(size)
		assert_returns(len(15, len(15, num(1, 1),
					   repeat(len(19, num(1, 1)), size / 5)),
				   num(16, 1)));
}

TEST(a_huge_message_given_twice)
{
	for_each_size(size)
		assert_returns(cat(len(15, fill(0, 0), repeat(num(16, 1),
							      size / 3)),
				   len(15, num(1, 1))));
}

TEST(a_huge_message_with_required_fields_missing)
{
	assert_returns(cat(len(14, fill(1, 300000)), len(28, num(2, 5))));
}

TEST(a_huge_socket_name)
{
	const ProtobufCMessageDescriptor *desc = &unix_sk_entry__descriptor;

	for_each_size(size) {
		struct bytes sk = unix_sk(fill('=', size));
		const char *json = cr_test_message_json(desc, sk, FORMS);

		ck_assert_uint_eq(cr_test_message_bytes(desc, json).size,
				  sk.size);
	}
}

TEST(a_huge_cut_message_is_an_error)
{
	struct bytes long_list = repeat(hex("80 01 ac 02"), 100000);

	long_list.size--;
	assert_message_bad(ALL, cat(long_list),
			   "! FORMAT byte 399998: a varint is cut off");
}

/* Tests of cr_decode_peek(), which the helpers do not reach. */

static struct cr_error *peek(struct bytes b, uint64_t values[2])
{
	static const uint32_t numbers[] = { 1, 3 };
	struct cr_source src;
	struct cr_error *err;

	cr_source_init_mem(&src, b.p, b.size);
	err = cr_decode_peek(&src, b.size, numbers, values, 2);
	if (!err)
		ck_assert_uint_eq(cr_source_tell(&src), 0);
	return err;
}

TEST(peek_finds_the_last_varints)
{
	uint64_t v[] = { 77, 88 };

	ck_assert_ptr_null(peek(cat(num(1, 5), str(2, "x"), num(1, 6)), v));
	ck_assert_uint_eq(v[0], 6);
	ck_assert_uint_eq(v[1], 88);
}

TEST(peek_passes_over_other_wire_types)
{
	uint64_t v[] = { 77, 88 };

	ck_assert_ptr_null(peek(cat(str(1, "x"), f64(3, 5)), v));
	ck_assert_uint_eq(v[0], 77);
	ck_assert_uint_eq(v[1], 88);
}

TEST(peek_reports_what_is_cut)
{
	uint64_t v[2];

	assert_text(cr_test_error(peek(hex("08 01 12 05 'x'"), v)),
			 "! FORMAT byte 2: field 2 claims 5 bytes, the "
			 "message has 1 left");
}

TEST_MAIN("lib/codec/decode")
