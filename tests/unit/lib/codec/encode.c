// SPDX-License-Identifier: MIT
/*
 * What only the way back has: other spellings, other orders, and what is
 * refused. What decoding writes comes back in the tests of decode.c.
 */
#include "lib/codec/encode.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "images/cgroup.pb-c.h"
#include "images/mnt.pb-c.h"
#include "images/pagemap.pb-c.h"
#include "images/pstree.pb-c.h"
#include "images/sk-inet.pb-c.h"
#include "images/sk-unix.pb-c.h"
#include "images/vma.pb-c.h"
#include "lib/base/base64.h"
#include "tests/support/codec.h"
#include "tests/support/main.h"

#define ALL  &cr_test_all
#define NEED &cr_test_need

/* Order */

TEST(keys_in_any_order_give_ascending_fields)
{
	assert_message_bytes(ALL, "{'u64': 2, 'u32': 1}", hex("08 01 10 02"));
	assert_message_bytes(ALL,
			     "{'far': 5, 'nums': [7, 8], 'text': 'x', "
			     "'u64': 2, 'u32': 1}",
			     cat(num(1, 1), num(2, 2), str(13, "x"),
				 num(16, 7), num(16, 8), num(3000, 5)));
	assert_message_bytes(ALL, "{'text': 'x', 'far': 5, 'u32': 1, 'u64': 2}",
			     cat(num(1, 1), num(2, 2), str(13, "x"),
				 num(3000, 5)));
}

TEST(nested_keys_in_any_order_give_ascending_fields)
{
	assert_message_bytes(ALL,
			     "{'subs': [{'u64': 2, 'u32': 1}], "
			     "'sub': {'text': 'y', 'u32': 3}}",
			     cat(len(15, num(1, 3), str(13, "y")),
				 len(19, num(1, 1), num(2, 2))));
}

TEST(unknown_fields_find_their_places_in_any_order)
{
	assert_message_bytes(ALL,
			     "{'@unknown': [{'field': 99, 'varint': 1}, "
			     "{'field': 27, 'varint': 2}, "
			     "{'field': 99, 'varint': 3}], 'u32': 5}",
			     cat(num(1, 5), num(27, 2), num(99, 1),
				 num(99, 3)));
}

TEST(sorted_keys_of_a_real_message)
{
	assert_message_bytes(&pstree_entry__descriptor,
			     "{'pgid': 3, 'pid': 1, 'ppid': 2, 'sid': 4, "
			     "'threads': [5, 6]}",
			     hex("08 01 10 02 18 03 20 04 28 05 28 06"));
}

/* Spellings */

TEST(white_space_goes_anywhere)
{
	assert_message_bytes(ALL,
			     " \t\r\n{ 'u32' : 1 , 'nums' : [ 1 , 2 ] , "
			     "'sub' : { } } \n",
			     cat(num(1, 1), len(15, hex("")), num(16, 1),
				 num(16, 2)));
	assert_message_bytes(ALL, "{'u32':1,'nums':[1,2],'sub':{}}",
			     cat(num(1, 1), len(15, hex("")), num(16, 1),
				 num(16, 2)));
}

TEST(keys_may_be_in_camel_case)
{
	assert_message_bytes(ALL, "{'packedNums': [1]}", len(17, hex("01")));
	assert_message_bytes(ALL, "{'packed_nums': [1]}", len(17, hex("01")));
	assert_message_bytes(&pagemap_entry__descriptor,
			     "{'vaddr': 1, 'compatNrPages': 2, "
			     "'nrPages': '3'}",
			     cat(num(1, 1), num(2, 2), num(5, 3)));
}

TEST(keys_may_have_escapes)
{
	assert_message_bytes(ALL, "{'u\\u0033\\u0032': 1}", num(1, 1));
}

TEST(integers_may_be_text_in_any_base)
{
	assert_message_bytes(ALL, "{'u32': '42'}", num(1, 42));
	assert_message_bytes(ALL, "{'u32': '0x2A'}", num(1, 42));
	assert_message_bytes(ALL, "{'u32': '0o52'}", num(1, 42));
	assert_message_bytes(ALL, "{'u32': '0b101010'}", num(1, 42));
	assert_message_bytes(ALL, "{'i32': '-0x1'}", num(3, -1));
	assert_message_bytes(ALL, "{'u64': '18446744073709551615'}",
			     num(2, UINT64_MAX));
	assert_message_bytes(ALL, "{'f64': '0xffffffffffffffff'}",
			     f64(10, UINT64_MAX));
}

TEST(minus_zero_is_zero)
{
	assert_message_bytes(ALL, "{'u32': -0}", num(1, 0));
	assert_message_bytes(ALL, "{'u32': '-0'}", num(1, 0));
	assert_message_bytes(ALL, "{'u32': '-0x0'}", num(1, 0));
}

TEST(bools_may_be_numbers)
{
	assert_message_bytes(ALL, "{'flag': 1}", num(7, 1));
	assert_message_bytes(ALL, "{'flag': 0}", num(7, 0));
}

TEST(enums_may_be_numbers)
{
	assert_message_bytes(ALL, "{'lsm': 2}", num(8, 2));
	assert_message_bytes(ALL, "{'lsm': -5}", num(8, -5));
}

TEST(an_empty_list_is_no_field)
{
	assert_message_bytes(ALL, "{'nums': [], 'packed_nums': [ ], "
				  "'subs': [], 'texts': []}",
			     hex(""));
	assert_message_bytes(&inet_sk_entry__descriptor,
			     "{'src_addr': [], '@missing': ['id', 'ino', "
			     "'family', 'type', 'proto', 'state', 'src_port', "
			     "'dst_port', 'flags', 'backlog', 'fown', "
			     "'opts']}",
			     hex(""));
}

TEST(base64_may_be_wrapped_or_not)
{
	struct bytes data = fill(0, 60);
	struct bytes want = len(14, data);
	char wrapped[128], plain[128];

	*cr_base64_put(wrapped, data.p, data.size, true) = 0;
	*cr_base64_put(plain, data.p, data.size, false) = 0;
	assert_message_bytes(ALL, cr_test_format("{'data': '%s'}", wrapped),
			     want);
	assert_message_bytes(ALL, cr_test_format("{'data': '%s'}", plain),
			     want);
}

TEST(bytes_may_be_quoted_printable)
{
	assert_message_bytes(ALL, "{'data': {'@qp': '=00x=FF'}}",
			     len(14, hex("00 'x' ff")));
}

TEST(characters_beyond_ascii_may_stand_as_they_are)
{
	assert_message_bytes(ALL, "{'text': '\u00e9\u20ac\U0001d11e'}",
			     str(13, "\u00e9\u20ac\U0001d11e"));
}

TEST(forms_are_read_whatever_the_style)
{
	assert_message_bytes(&pagemap_entry__descriptor,
			     "{'vaddr': '0x1000', 'compat_nr_pages': 1, "
			     "'flags': 'PE_PRESENT|PE_LAZY'}",
			     cat(num(1, 4096), num(2, 1), num(4, 6)));
	assert_message_bytes(&pagemap_entry__descriptor,
			     "{'vaddr': 4096, 'compat_nr_pages': 1, "
			     "'flags': 6}",
			     cat(num(1, 4096), num(2, 1), num(4, 6)));
}

TEST(an_address_may_be_words)
{
	const char *missing =
		"{'src_addr': %s, '@missing': ['id', 'ino', 'family', 'type', "
		"'proto', 'state', 'src_port', 'dst_port', 'flags', "
		"'backlog', 'fown', 'opts']}";
	struct bytes mapped = cat(num(11, 0), num(11, 0),
				  num(11, 0xffff0000), num(11, 0x0100007f));
	static const char *const texts[] = {
		"['::ffff:127.0.0.1']",
		"['::ffff:7f00:1']",
		"[0, 0, 4294901760, 16777343]",
		"[0, '0x0', '0xffff0000', 16777343]",
	};
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	for (size_t i = 0; i < 4; i++)
		assert_message_bytes(&inet_sk_entry__descriptor,
				     cr_test_format(missing, texts[i]),
				     mapped);
}

TEST(a_socket_name_in_the_go_dialect_is_base64)
{
	const char *entry =
		"{'id': 1, 'ino': 2, 'type': 1, 'state': 7, 'flags': 2, "
		"'uflags': 0, 'backlog': 0, 'peer': 0, "
		"'fown': {'uid': 0, 'euid': 0, 'signum': 0, "
		"'pidType': 0, 'pid': 0}, "
		"'opts': {'soSndbuf': 0, 'soRcvbuf': 0, 'soSndTmoSec': '0', "
		"'soSndTmoUsec': '0', 'soRcvTmoSec': '0', "
		"'soRcvTmoUsec': '0'}, 'name': 'AGJ1cw=='}";
	const char *got = cr_test_message_hex(&unix_sk_entry__descriptor,
					      cr_test_quotes(entry));

	ck_assert_ptr_nonnull(strstr(got, "5a 04 00 62 75 73 "));
}

/* Escapes */

TEST(missing_may_name_what_is_there)
{
	assert_message_bytes(NEED, "{'a': 1, 'b': 2, 'c': '', '@missing': "
				   "['a', 'o']}",
			     cat(num(1, 1), num(2, 2), str(4, "")));
	assert_message_bytes(NEED, "{'a': 1, 'b': 2, 'c': '', '@missing': []}",
			     cat(num(1, 1), num(2, 2), str(4, "")));
}

TEST(missing_may_come_first)
{
	assert_message_bytes(NEED, "{'@missing': ['a', 'c'], 'b': 1}",
			     num(2, 1));
}

TEST(packing_that_is_false_is_as_if_not_there)
{
	assert_message_bytes(ALL, "{'@packed:nums': false, 'nums': [1]}",
			     num(16, 1));
}

TEST(packing_may_be_spelled_in_camel_case)
{
	assert_message_bytes(ALL,
			     "{'@unpacked:packedNums': true, "
			     "'packedNums': [1]}",
			     num(17, 1));
}

TEST(wire_counts_while_the_fields_say_the_same)
{
	assert_message_bytes(ALL,
			     "{'u32': 1, 'u64': 2, '@wire': 'EAIIAQ=='}",
			     hex("10 02 08 01"));
	assert_message_bytes(ALL,
			     "{'@wire': 'EAIIAQ==', 'u64': 2, 'u32': 1}",
			     hex("10 02 08 01"));
}

TEST(an_edit_wins_over_wire)
{
	assert_message_bytes(ALL,
			     "{'u32': 7, 'u64': 2, '@wire': 'EAIIAQ=='}",
			     hex("08 07 10 02"));
	assert_message_bytes(ALL, "{'u32': 1, '@wire': 'EAIIAQ=='}",
			     hex("08 01"));
	assert_message_bytes(ALL,
			     "{'u32': 1, 'u64': 2, 'i32': 3, "
			     "'@wire': 'EAIIAQ=='}",
			     hex("08 01 10 02 18 03"));
}

TEST(an_edit_of_unknown_fields_wins_over_wire)
{
	// CgFh: field 1 as bytes "a"
	assert_message_bytes(ALL,
			     "{'@unknown': [{'field': 1, 'bytes': 'Yg=='}], "
			     "'@wire': 'CgFh'}",
			     hex("0a 01 'b'"));
	assert_message_bytes(ALL, "{'@wire': 'CgFh'}", hex(""));
}

TEST(an_edit_within_wins_over_wire_around)
{
	assert_message_bytes(ALL,
			     "{'sub': {'u32': 9, 'u64': 2}, "
			     "'@wire': 'egIIAXoCEAI='}",
			     hex("7a 04 08 09 10 02"));
}

TEST(wire_may_be_empty)
{
	assert_message_bytes(ALL, "{'@wire': ''}", hex(""));
	assert_message_bytes(ALL, "{'u32': 1, '@wire': ''}", num(1, 1));
}

TEST(wire_in_a_nested_message_counts_there)
{
	assert_message_bytes(ALL,
			     "{'u32': 5, 'sub': {'u32': 1, 'u64': 2, "
			     "'@wire': 'EAIIAQ=='}, 'nums': [1]}",
			     cat(num(1, 5), len(15, hex("10 02 08 01")),
				 num(16, 1)));
}

TEST(broken_wire_is_an_error)
{
	assert_json_bad(ALL, "{'u32': 1, '@wire': 'CA=='}",
			"! FORMAT @wire: byte 1: a varint is cut off");
	assert_json_bad(ALL, "{'u32': 1, '@wire': 'CAE'}",
			"! FORMAT line 1 column 26: base64 that is cut off");
}

/* Out of range */

TEST(uint32_out_of_range)
{
	assert_json_bad(ALL, "{'u32': 4294967296}",
			"! FORMAT u32: line 1 column 9: 4294967296 is out "
			"of range for uint32");
	assert_json_bad(ALL, "{'u32': -1}",
			"! FORMAT u32: line 1 column 9: -1 is out of range "
			"for uint32");
	assert_json_bad(ALL, "{'nums': [1, 4294967296]}",
			"! FORMAT nums: [1]: line 1 column 14: 4294967296 is "
			"out of range for uint32");
	assert_json_bad(ALL, "{'packed_nums': [-1]}",
			"! FORMAT packed_nums: [0]: line 1 column 18: -1 is "
			"out of range for uint32");
}

TEST(uint64_out_of_range)
{
	assert_json_bad(ALL, "{'u64': 18446744073709551616}",
			"! FORMAT u64: line 1 column 9: a number of more "
			"than 64 bits");
	assert_json_bad(ALL, "{'u64': '18446744073709551616'}",
			"! FORMAT u64: line 1 column 9: "
			"\"18446744073709551616\" is not an integer of at "
			"most 64 bits");
	assert_json_bad(ALL, "{'u64': -1}",
			"! FORMAT u64: line 1 column 9: -1 is out of range "
			"for uint64");
}

#define BAD_RANGE(key, value, type)                                        \
	assert_json_bad(ALL, "{'" key "': '" value "'}",                   \
			cr_test_format("! FORMAT %s: line 1 column %zu: %s " \
				       "is out of range for %s",           \
				       key,                                \
				       strlen(key) + 6,    \
				       value, type))

TEST(signed_integers_out_of_range)
{
	BAD_RANGE("i32", "2147483648", "int32");
	BAD_RANGE("i32", "-2147483649", "int32");
	BAD_RANGE("i64", "9223372036854775808", "int64");
	BAD_RANGE("i64", "-9223372036854775809", "int64");
	BAD_RANGE("s32", "2147483648", "sint32");
	BAD_RANGE("s32", "-2147483649", "sint32");
	BAD_RANGE("s64", "9223372036854775808", "sint64");
	BAD_RANGE("s64", "-9223372036854775809", "sint64");
}

TEST(fixed_integers_out_of_range)
{
	BAD_RANGE("f32", "4294967296", "fixed32");
	BAD_RANGE("f32", "-1", "fixed32");
	BAD_RANGE("f64", "-1", "fixed64");
	BAD_RANGE("sf32", "2147483648", "sfixed32");
	BAD_RANGE("sf32", "-2147483649", "sfixed32");
	BAD_RANGE("sf64", "9223372036854775808", "sfixed64");
	BAD_RANGE("sf64", "-9223372036854775809", "sfixed64");
}

TEST(enums_out_of_range)
{
	assert_json_bad(ALL, "{'lsm': 2147483648}",
			"! FORMAT lsm: line 1 column 9: 2147483648 is out "
			"of range for an enum");
	assert_json_bad(ALL, "{'lsm': -2147483649}",
			"! FORMAT lsm: line 1 column 9: -2147483649 is out "
			"of range for an enum");
}

TEST(bools_out_of_range)
{
	assert_json_bad(ALL, "{'flag': 2}",
			"! FORMAT flag: line 1 column 10: need true or "
			"false, not '2'");
}

/* Wrong types */

TEST(a_number_field_of_another_type)
{
	assert_json_bad(ALL, "{'u32': true}",
			"! FORMAT u32: line 1 column 9: need a number, not "
			"'t'");
	assert_json_bad(ALL, "{'u32': null}",
			"! FORMAT u32: line 1 column 9: need a number, not "
			"'n'");
	assert_json_bad(ALL, "{'u32': {}}",
			"! FORMAT u32: line 1 column 9: need a number, not "
			"'{'");
	assert_json_bad(ALL, "{'u32': [1]}",
			"! FORMAT u32: line 1 column 9: need a number, not "
			"'['");
	assert_json_bad(ALL, "{'u32': 'x'}",
			"! FORMAT u32: line 1 column 9: \"x\" is not an "
			"integer of at most 64 bits");
	assert_json_bad(ALL, "{'u32': ''}",
			"! FORMAT u32: line 1 column 9: \"\" is not an "
			"integer of at most 64 bits");
	assert_json_bad(ALL, "{'u32': 1.5}",
			"! FORMAT u32: line 1 column 9: a number with a "
			"fraction or an exponent is no integer");
}

TEST(a_bool_of_another_type)
{
	assert_json_bad(ALL, "{'flag': 'true'}",
			"! FORMAT flag: line 1 column 10: need true or "
			"false, not '\"'");
	assert_json_bad(ALL, "{'flag': null}",
			"! FORMAT flag: line 1 column 10: need true or "
			"false, not 'n'");
	assert_json_bad(ALL, "{'flag': trux}",
			"! FORMAT flag: line 1 column 10: need a value, not "
			"'t'");
}

TEST(an_enum_of_another_type)
{
	assert_json_bad(ALL, "{'lsm': 'SMACK'}",
			"! FORMAT lsm: line 1 column 9: \"SMACK\" is no "
			"value of lsmtype");
	assert_json_bad(ALL, "{'lsm': 'SELINUX\\u0000'}",
			"! FORMAT lsm: line 1 column 9: \"SELINUX\" is no "
			"value of lsmtype");
	assert_json_bad(ALL, "{'lsm': []}",
			"! FORMAT lsm: line 1 column 9: need a number, not "
			"'['");
}

TEST(a_string_of_another_type)
{
	assert_json_bad(ALL, "{'text': 5}",
			"! FORMAT text: line 1 column 10: need a string, not "
			"'5'");
	assert_json_bad(ALL, "{'text': null}",
			"! FORMAT text: line 1 column 10: need a string, not "
			"'n'");
	assert_json_bad(ALL, "{'text': {'qp': ''}}",
			"! FORMAT text: line 1 column 16: \"qp\" is no way to "
			"write text; only \"@qp\" is");
	assert_json_bad(ALL, "{'text': {}}",
			"! FORMAT text: line 1 column 11: need a key, not "
			"'}'");
	assert_json_bad(ALL, "{'text': {'@qp': '', 'x': 1}}",
			"! FORMAT text: line 1 column 20: need '}', not ','");
}

TEST(bytes_of_another_type)
{
	assert_json_bad(ALL, "{'data': 5}",
			"! FORMAT data: line 1 column 10: need a string, not "
			"'5'");
	assert_json_bad(ALL, "{'datas': ['', 5]}",
			"! FORMAT datas: [1]: line 1 column 16: need a "
			"string, not '5'");
}

TEST(a_message_of_another_type)
{
	assert_json_bad(ALL, "{'sub': 5}",
			"! FORMAT sub: line 1 column 9: need '{', not '5'");
	assert_json_bad(ALL, "{'sub': []}",
			"! FORMAT sub: line 1 column 9: need '{', not '['");
	assert_json_bad(ALL, "{'subs': [{}, 'x']}",
			"! FORMAT subs: [1]: line 1 column 15: need '{', not "
			"'\"'");
}

TEST(a_list_of_another_type)
{
	assert_json_bad(ALL, "{'nums': 5}",
			"! FORMAT nums: line 1 column 10: need '[', not '5'");
	assert_json_bad(ALL, "{'subs': {}}",
			"! FORMAT subs: line 1 column 10: need '[', not '{'");
	assert_json_bad(ALL, "{'nums': [1,]}",
			"! FORMAT nums: [1]: line 1 column 13: need a "
			"number, not ']'");
	assert_json_bad(ALL, "{'nums': [1 2]}",
			"! FORMAT nums: line 1 column 13: need ']', not "
			"'2'");
	assert_json_bad(ALL, "{'nums': [[1]]}",
			"! FORMAT nums: [0]: line 1 column 11: need a "
			"number, not '['");
}

TEST(an_address_of_another_type)
{
	const ProtobufCMessageDescriptor *desc = &inet_sk_entry__descriptor;

	assert_json_bad(desc, "{'src_addr': '1.2.3.4'}",
			"! FORMAT src_addr: line 1 column 14: need '[', not "
			"'\"'");
	assert_json_bad(desc, "{'src_addr': ['1.2.3']}",
			"! FORMAT src_addr: line 1 column 15: \"1.2.3\" is "
			"not an IP address");
	assert_json_bad(desc, "{'src_addr': ['1.2.3.4', '::']}",
			"! FORMAT src_addr: line 1 column 24: need ']', not "
			"','");
}

TEST(forms_that_are_none)
{
	const ProtobufCMessageDescriptor *desc = &vma_entry__descriptor;

	assert_json_bad(desc, "{'start': '0x'}",
			"! FORMAT start: line 1 column 11: \"0x\" is not an "
			"integer of at most 64 bits");
	assert_json_bad(desc, "{'prot': 'PROT_READ | PROT_READ'}",
			"! FORMAT prot: line 1 column 10: flag \"PROT_READ\" "
			"is there twice");
	assert_json_bad(desc, "{'prot': 'PROT_FLY'}",
			"! FORMAT prot: line 1 column 10: \"PROT_FLY\" is not "
			"a flag or a number");
	assert_json_bad(&mnt_entry__descriptor, "{'root_dev': '8:1048576'}",
			"! FORMAT root_dev: line 1 column 14: \"8:1048576\" "
			"is not a device number like 8:1");
	assert_json_bad(&mnt_entry__descriptor, "{'root_dev': '4096:0'}",
			"! FORMAT root_dev: line 1 column 14: 4294967296 is "
			"out of range for uint32");
	assert_json_bad(&inet_sk_entry__descriptor, "{'family': 'IPX'}",
			"! FORMAT family: line 1 column 12: \"IPX\" is not a "
			"known name or a number");
}

/* Keys */

TEST(a_key_given_twice_is_refused)
{
	assert_json_bad(ALL, "{'u32': 1, 'u32': 1}",
			"! FORMAT line 1 column 18: key \"u32\" is there "
			"twice");
	assert_json_bad(ALL, "{'nums': [], 'nums': []}",
			"! FORMAT line 1 column 21: key \"nums\" is there "
			"twice");
	assert_json_bad(ALL, "{'packed_nums': [1], 'packedNums': [1]}",
			"! FORMAT line 1 column 35: key \"packed_nums\" is "
			"there twice");
	assert_json_bad(ALL, "{'sub': {'u32': 1, 'u64': 2, 'u32': 1}}",
			"! FORMAT sub: line 1 column 36: key \"u32\" is there "
			"twice");
	assert_json_bad(ALL, "{'@wire': '', '@wire': ''}",
			"! FORMAT line 1 column 23: key \"@wire\" is there "
			"twice");
	assert_json_bad(ALL, "{'@unknown': [], '@unknown': []}",
			"! FORMAT line 1 column 29: key \"@unknown\" is there "
			"twice");
	assert_json_bad(ALL, "{'@missing': [], '@missing': []}",
			"! FORMAT line 1 column 29: key \"@missing\" is there "
			"twice");
}

TEST(an_unknown_key_is_refused)
{
	assert_json_bad(ALL, "{'u32': 1, 'u33': 1}",
			"! FORMAT line 1 column 18: unknown key \"u33\"");
	assert_json_bad(ALL, "{'sub': {'': 1}}",
			"! FORMAT sub: line 1 column 13: unknown key \"\"");
	assert_json_bad(ALL, "{'@wires': 1}",
			"! FORMAT line 1 column 11: unknown key \"@wires\"");
	assert_json_bad(ALL, "{'U32': 1}",
			"! FORMAT line 1 column 8: unknown key \"U32\"");
	assert_json_bad(ALL, "{'u32\\u0000': 1}",
			"! FORMAT line 1 column 14: unknown key \"u32\"");
}

TEST(a_key_that_begins_like_another_is_its_own)
{
	// "f64" and "f64s", "flag" and "flags", "lsm" and "lsms"
	assert_message_bytes(ALL, "{'flags': [true], 'f64s': [1]}",
			     cat(num(22, 1), f64(25, 1)));
	assert_message_bytes(ALL, "{'lsms': [1], 'lsm': 1}",
			     cat(num(8, 1), num(23, 1)));
}

TEST(a_key_of_256_bytes_is_unknown_and_a_longer_one_too_long)
{
	char key[260] = { 0 };

	memset(key, 'k', 256);
	assert_json_bad(ALL, cr_test_format("{'%s': 1}", key),
			cr_test_format("! FORMAT line 1 column 261: unknown "
				       "key \"%s\"",
				       key));
	key[256] = 'k';
	assert_json_bad(ALL, cr_test_format("{'%s': 1}", key),
			"! FORMAT line 1 column 260: a string of more than "
			"256 bytes");
}

TEST(what_is_required_must_be_there_or_named)
{
	assert_json_bad(NEED, "{'a': 1, 'c': ''}",
			"! FORMAT line 1 column 18: required field \"b\" is "
			"missing");
	assert_json_bad(NEED, "{}",
			"! FORMAT line 1 column 3: required field \"a\" is "
			"missing");
	assert_json_bad(NEED, "{'a': 1, 'b': 2, '@missing': ['o']}",
			"! FORMAT line 1 column 36: required field \"c\" is "
			"missing");
	assert_json_bad(ALL, "{'need': {}}",
			"! FORMAT need: line 1 column 12: required field "
			"\"a\" is missing");
}

/* Broken escapes */

TEST(unknown_fields_that_are_none)
{
	assert_json_bad(ALL, "{'@unknown': {}}",
			"! FORMAT line 1 column 14: need '[', not '{'");
	assert_json_bad(ALL, "{'@unknown': [{'varint': 1}]}",
			"! FORMAT line 1 column 25: need \"field\" first");
	assert_json_bad(ALL, "{'@unknown': [{'field': 0, 'varint': 1}]}",
			"! FORMAT line 1 column 26: 0 is no field number");
	assert_json_bad(ALL,
			"{'@unknown': [{'field': 536870912, 'varint': 1}]}",
			"! FORMAT line 1 column 25: 536870912 is out of range "
			"(0 to 536870911)");
	assert_json_bad(ALL, "{'@unknown': [{'field': 99, 'float': 1}]}",
			"! FORMAT line 1 column 37: \"float\" is no kind of "
			"field");
	assert_json_bad(ALL,
			"{'@unknown': [{'field': 99, 'fixed32': "
			"4294967296}]}",
			"! FORMAT line 1 column 40: 4294967296 is out of "
			"range (0 to 4294967295)");
	assert_json_bad(ALL, "{'@unknown': [{'field': 99}]}",
			"! FORMAT line 1 column 27: need ',', not '}'");
	assert_json_bad(ALL,
			"{'@unknown': [{'field': 99, 'varint': 1, "
			"'varint': 2}]}",
			"! FORMAT line 1 column 40: need '}', not ','");
}

TEST(missing_names_no_field)
{
	assert_json_bad(NEED, "{'@missing': ['x']}",
			"! FORMAT line 1 column 18: no field \"x\" in "
			"test_need");
	assert_json_bad(NEED, "{'@missing': 'a'}",
			"! FORMAT line 1 column 14: need '[', not '\"'");
}

TEST(packing_names_no_field_that_can_be_packed)
{
	assert_json_bad(ALL, "{'@packed:u32': true}",
			"! FORMAT line 1 column 16: \"@packed:u32\" goes with "
			"no field of test_all");
	assert_json_bad(ALL, "{'@packed:texts': true}",
			"! FORMAT line 1 column 18: \"@packed:texts\" goes "
			"with no field of test_all");
	assert_json_bad(ALL, "{'@packed:packed_nums': true}",
			"! FORMAT line 1 column 24: \"@packed:packed_nums\" "
			"goes with no field of test_all");
	assert_json_bad(ALL, "{'@unpacked:nums': true}",
			"! FORMAT line 1 column 19: \"@unpacked:nums\" goes "
			"with no field of test_all");
	assert_json_bad(ALL, "{'@packed:': true}",
			"! FORMAT line 1 column 13: \"@packed:\" goes with no "
			"field of test_all");
}

TEST(packing_comes_before_its_field)
{
	assert_json_bad(ALL, "{'nums': [1], '@packed:nums': true}",
			"! FORMAT line 1 column 30: \"@packed:nums\" must "
			"come before its field");
}

TEST(broken_quoted_printable)
{
	assert_json_bad(ALL, "{'text': {'@qp': '=4'}}",
			"! FORMAT text: line 1 column 22: quoted-printable "
			"text that is cut off");
	assert_json_bad(ALL, "{'text': {'@qp': '=XY'}}",
			"! FORMAT text: line 1 column 22: broken "
			"quoted-printable text: '=' is followed by no byte");
}

TEST(broken_base64)
{
	assert_json_bad(ALL, "{'data': 'AA*A'}",
			"! FORMAT data: line 1 column 15: broken base64 in "
			"the text before this");
	assert_json_bad(ALL, "{'data': 'AAA'}",
			"! FORMAT data: line 1 column 15: base64 that is cut "
			"off");
	assert_json_bad(ALL, "{'data': 'AB=='}",
			"! FORMAT data: line 1 column 15: broken base64 in "
			"the text before this");
	assert_json_bad(ALL, "{'data': 'AA==AA=='}",
			"! FORMAT data: line 1 column 19: broken base64 in "
			"the text before this");
}

TEST(text_that_is_not_utf8_is_refused)
{
	assert_json_bad(ALL, "{'text': 'caf\xff'}",
			"! FORMAT text: line 1 column 15: the text is not "
			"UTF-8");
	assert_json_bad(ALL, "{'text': 'caf\xe9'}",
			"! FORMAT text: line 1 column 16: the text is not "
			"UTF-8");
	assert_json_bad(ALL, "{'text': 'caf\xc3'}",
			"! FORMAT text: line 1 column 16: the text is not "
			"UTF-8");
}

/* Lines that are to be found in a document of many. */
TEST(faults_are_named_by_line_and_column)
{
	assert_json_bad(ALL, "{\n  'u32': 1,\n  'sub': {\n    'u64': x\n  }\n}",
			"! FORMAT sub: u64: line 4 column 12: need a number, not "
			"'x'");
}

TEST(documents_that_end_early)
{
	static const char whole[] = "{\"u32\": 1, \"nums\": [1, 2], \"text\": "
				    "\"a\\u00e9\", \"sub\": {\"flag\": true}}";

	for (size_t i = 0; i < sizeof(whole) - 1; i++) {
		const char *got = cr_test_message_hex(
			ALL, cr_test_format("%.*s", (int)i, whole));
		ck_assert_msg(!strncmp(got, "! FORMAT ", 9), "%zu: %s", i, got);
	}
}

/* Depth */

static const char *nested(unsigned nr)
{
	char *got = cr_test_alloc(10 * nr + 3), *p = got;

	for (unsigned i = 0; i < nr; i++)
		p += sprintf(p, "{\"sub\": ");
	p += sprintf(p, "{}");
	for (unsigned i = 0; i < nr; i++)
		*p++ = '}';
	return got;
}

TEST(a_hundred_objects_within_each_other)
{
	ck_assert_int_ne(*cr_test_message_hex(ALL, nested(99)), '!');
}

TEST(a_hundred_and_one_are_refused)
{
	ck_assert_ptr_nonnull(strstr(
		cr_test_message_hex(ALL, nested(100)),
		": line 1 column 801: more than 100 messages within each "
		"other"));
}

/* Lenient */

TEST(lenient_passes_over_unknown_keys)
{
	struct bytes doc = text(
		"{\"magic\": \"PSTREE\", \"x\": {\"y\": [1, {}]}, \"entries\": "
		"[{\"pid\": 1, \"z\": [[\"\\u00e9\\\"]\", null], -1.5e3], "
		"\"ppid\": 0, \"pgid\": 1, \"w\": {\"a\": {}, \"b\": []}, "
		"\"sid\": 1, \"v\": true}]}");

	assert_text(cr_test_image_hex(
				 doc, (struct cr_test_how){ .lenient = true }),
			 cr_test_dump(image("PSTREE",
					    entry(num(1, 1), num(2, 0),
						  num(3, 1), num(4, 1)))));
}

TEST(lenient_is_not_lenient_about_the_rest)
{
	assert_text(
		cr_test_image_hex(text("{\"magic\": \"PSTREE\", \"x\": [1,], "
				       "\"entries\": []}"),
				  (struct cr_test_how){ .lenient = true }),
		"! FORMAT line 1 column 29: need a value, not ']'");
}

/* Lengths */

TEST(lengths_at_the_borders_of_their_bytes)
{
	static const size_t sizes[] = { 0,     1,     127,   128,    129,
					16383, 16384, 16385, 2097151, 2097152 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct bytes body = fill('x', sizes[i]);
		struct bytes got = cr_test_message_bytes(
			ALL, cr_test_format("{\"text\": \"%.*s\"}",
					    (int)body.size, body.p));
		struct bytes want = len(13, body);

		ck_assert_uint_eq(got.size, want.size);
		ck_assert_mem_eq(got.p, want.p, want.size);
	}
}

/* Lengths of messages around much more than is held in memory: each needs room
 * where bytes are parked already. */

static const char *tower(unsigned levels, size_t size, bool sorted)
{
	char *got = cr_test_alloc(size + 64 * (levels + 2)), *p = got;

	// Sorted as jq does it: "sub" stands before "u32", which has to move.
	for (unsigned i = 0; i < levels; i++)
		p += sprintf(p, sorted ? "{\"sub\": " :
					 "{\"u32\": 7, \"sub\": ");
	p += sprintf(p, "{\"text\": \"");
	memset(p, 'x', size);
	p += size;
	p += sprintf(p, "\"}");
	for (unsigned i = 0; i < levels; i++)
		p += sprintf(p, sorted ? ", \"u32\": 7}" : "}");
	return got;
}

static struct bytes tower_bytes(unsigned levels, size_t size)
{
	struct bytes got = len(13, fill('x', size));

	while (levels--)
		got = cat(num(1, 7), len(15, got));
	return got;
}

static void assert_tower(unsigned levels, size_t size, bool sorted)
{
	// From memory to memory, to a file of ours, and to a function.
	struct bytes got = cr_test_message_bytes(ALL,
						 tower(levels, size, sorted));
	struct bytes want = tower_bytes(levels, size);

	ck_assert_uint_eq(got.size, want.size);
	ck_assert_mem_eq(got.p, want.p, want.size);
}

TEST(lengths_go_in_where_bytes_are_parked)
{
	assert_tower(1, CR_OUT_HIGH - 20, false);
	assert_tower(1, CR_OUT_HIGH, false);
	assert_tower(3, 3 * CR_OUT_HIGH + 1, false);
	assert_tower(20, 2500000, false);
}

TEST(late_fields_go_in_where_bytes_are_parked)
{
	assert_tower(1, CR_OUT_HIGH - 20, true);
	assert_tower(3, 3 * CR_OUT_HIGH + 1, true);
	assert_tower(20, 2500000, true);
}

/* The same into a real file of ours and into a pipe. */

static struct cr_error *encode_to(const char *json, int fd, bool ours)
{
	struct cr_codec codec;
	struct cr_encoder e;
	struct cr_reader r;
	struct cr_out out;
	const struct cr_plan *plan;
	uint64_t end;
	struct cr_error *err;

	cr_codec_init(&codec, PLAIN);
	ck_assert_ptr_null(cr_reader_init_mem(&r, json, strlen(json)));
	ck_assert_ptr_null(cr_out_init_fd(&out, fd, ours));
	ck_assert_ptr_null(cr_codec_plan(&codec, ALL, false, &plan));
	cr_encoder_init(&e, &codec, &r, &out);
	err = cr_encode_object(&e, plan, NULL, NULL, &end);
	if (!err)
		err = cr_out_flush(&out);
	cr_out_deinit(&out);
	cr_reader_deinit(&r);
	cr_codec_deinit(&codec);
	return err;
}

static void assert_holds(int fd, struct bytes want)
{
	uint8_t *got = cr_test_alloc(want.size + 1);
	size_t nr = 0;
	ssize_t n;

	while (nr <= want.size &&
	       (n = read(fd, got + nr, want.size + 1 - nr)) > 0)
		nr += (size_t)n;
	ck_assert_uint_eq(nr, want.size);
	ck_assert_mem_eq(got, want.p, nr);
}

TEST(a_file_of_ours_gets_what_a_pipe_gets)
{
	const char *json = tower(3, 700000, true);
	struct bytes want = tower_bytes(3, 700000);
	int fd = open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	int pipe_fds[2];

	if (fd < 0)
		fd = memfd_create("ours", MFD_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_ptr_null(encode_to(json, fd, true));
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	assert_holds(fd, want);
	close(fd);

	ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
	ck_assert_int_ge(fcntl(pipe_fds[1], F_SETPIPE_SZ, 1024 * 1024), 700000);
	ck_assert_ptr_null(encode_to(json, pipe_fds[1], false));
	close(pipe_fds[1]);
	assert_holds(pipe_fds[0], want);
	close(pipe_fds[0]);
}

TEST(wire_of_a_large_message_replaces_parked_bytes)
{
	// Out of order, and larger than what is held in memory.
	struct bytes odd = cat(len(14, fill(0xa5, 200000)), num(1, 5));
	const char *json = cr_test_message_json(ALL, len(15, odd), FORMS);
	struct bytes got = cr_test_message_bytes(ALL, json);

	ck_assert_uint_eq(got.size, len(15, odd).size);
	ck_assert_mem_eq(got.p, len(15, odd).p, got.size);
}

TEST_MAIN("lib/codec/encode")
