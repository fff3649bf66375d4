// SPDX-License-Identifier: MIT
#include "lib/codec/present.h"

#include <arpa/inet.h>
#include <sys/sysmacros.h>

#include "lib/codec/plan.h"
#include "tests/support/codec.h"
#include "tests/support/main.h"

/* A value's text without its quotes. */
static const char *put(enum cr_form form, const struct cr_names *names,
		       uint64_t value, bool is_signed)
{
	char got[CR_PRESENT_MAX];
	char *end = cr_present_put(got, form, names, value, is_signed);

	return cr_test_format("%.*s", (int)(end - got), got);
}

/* A text's value as decimal number, or the error. */
static const char *parse(enum cr_form form, const struct cr_names *names,
			 const char *from)
{
	struct cr_int v;
	struct cr_error *err = cr_present_parse(
		form, names, cr_test_tail(from, strlen(from)), strlen(from),
		&v);

	return err ? cr_test_error(err) :
		     cr_test_format("%s%llu", v.negative ? "-" : "",
				    (unsigned long long)v.magnitude);
}

static const struct cr_names *flags(const char *arg)
{
	const struct cr_names *got = cr_names_find(CR_FORM_FLAGS, arg, "x");

	ck_assert_ptr_nonnull(got);
	return got;
}

static const struct cr_names *dict(const char *arg, const char *field)
{
	const struct cr_names *got = cr_names_find(CR_FORM_DICT, arg, field);

	ck_assert_ptr_nonnull(got);
	return got;
}

#define assert_put(form, names, value, want) \
	assert_text(put(form, names, value, false), want)
#define assert_parse(form, names, from, want) \
	assert_text(parse(form, names, from), want)

/* Hex */

TEST(hex_is_lower_case)
{
	assert_put(CR_FORM_HEX, NULL, 0, "\"0x0\"");
	assert_put(CR_FORM_HEX, NULL, 0xDEADBEEF, "\"0xdeadbeef\"");
	assert_put(CR_FORM_HEX, NULL, UINT64_MAX, "\"0xffffffffffffffff\"");
}

TEST(hex_of_a_negative_number)
{
	assert_text(put(CR_FORM_HEX, NULL, (uint64_t)-1, true), "\"-0x1\"");
	assert_text(put(CR_FORM_HEX, NULL, 1ull << 63, true),
		    "\"-0x8000000000000000\"");
	assert_text(put(CR_FORM_HEX, NULL, 255, true), "\"0xff\"");
}

TEST(numbers_in_every_base)
{
	assert_parse(CR_FORM_HEX, NULL, "0xfF", "255");
	assert_parse(CR_FORM_HEX, NULL, "0XfF", "255");
	assert_parse(CR_FORM_HEX, NULL, "255", "255");
	assert_parse(CR_FORM_HEX, NULL, "0o377", "255");
	assert_parse(CR_FORM_HEX, NULL, "0O377", "255");
	assert_parse(CR_FORM_HEX, NULL, "0b11111111", "255");
	assert_parse(CR_FORM_HEX, NULL, "0B11111111", "255");
	assert_parse(CR_FORM_HEX, NULL, "0", "0");
	assert_parse(CR_FORM_HEX, NULL, "0x0000000000000000000001", "1");
}

TEST(negative_numbers)
{
	assert_parse(CR_FORM_HEX, NULL, "-0x1", "-1");
	assert_parse(CR_FORM_HEX, NULL, "-255", "-255");
	assert_parse(CR_FORM_HEX, NULL, "-0x8000000000000000",
		     "-9223372036854775808");
	assert_parse(CR_FORM_HEX, NULL, "-0", "0");
}

TEST(numbers_at_the_limit)
{
	assert_parse(CR_FORM_HEX, NULL, "0xffffffffffffffff",
		     "18446744073709551615");
	assert_parse(CR_FORM_HEX, NULL, "18446744073709551615",
		     "18446744073709551615");
	assert_parse(CR_FORM_HEX, NULL, "0o1777777777777777777777",
		     "18446744073709551615");
}

TEST(what_is_no_number)
{
	static const char *const bad[] = {
		"",	"-",	"0x",	"0o",	"0b",	"0xg",	"0o8",	"0b2",
		"01",	"00",	"-01",	"08",	"1x",	" 1",	"1 ",	"+1",
		"--1",	"1_0",	"1.0",	"a",	"0x-1",	"x10",
		"18446744073709551616",		"0x10000000000000000",
		"0o2000000000000000000000",	"99999999999999999999",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_parse(CR_FORM_HEX, NULL, bad[i],
			     cr_test_format("! FORMAT \"%s\" is not an "
					    "integer of at most 64 bits",
					    bad[i]));
}

TEST(a_field_without_a_form_reads_numbers)
{
	assert_parse(CR_FORM_NONE, NULL, "0x10", "16");
	assert_parse(CR_FORM_IPADD, NULL, "0x10", "16");
	assert_parse(CR_FORM_CONV, NULL, "10", "10");
}

TEST(long_texts_are_shown_in_part)
{
	const char *sixty = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
			    "xxxxxxxxxx";

	assert_parse(CR_FORM_HEX, NULL, cr_test_format("%sYZ", sixty),
		     cr_test_format("! FORMAT \"%s\" is not an integer of at "
				    "most 64 bits",
				    sixty));
}

/* Flags. The tables stand here once more, as the reference tool has them. */

struct row {
	const char *name;
	uint64_t value;
};

// clang-format off
static const struct row prot[] = {
	{ "PROT_READ", 1 }, { "PROT_WRITE", 2 }, { "PROT_EXEC", 4 }, { 0 } };
static const struct row map[] = {
	{ "MAP_SHARED", 1 }, { "MAP_PRIVATE", 2 }, { "MAP_DROPPABLE", 8 },
	{ "MAP_ANON", 0x20 }, { "MAP_GROWSDOWN", 0x100 }, { 0 } };
static const struct row status[] = {
	{ "VMA_AREA_REGULAR", 1 << 0 }, { "VMA_AREA_STACK", 1 << 1 },
	{ "VMA_AREA_VSYSCALL", 1 << 2 }, { "VMA_AREA_VDSO", 1 << 3 },
	{ "VMA_AREA_HEAP", 1 << 5 }, { "VMA_FILE_PRIVATE", 1 << 6 },
	{ "VMA_FILE_SHARED", 1 << 7 }, { "VMA_ANON_SHARED", 1 << 8 },
	{ "VMA_ANON_PRIVATE", 1 << 9 }, { "VMA_AREA_SYSVIPC", 1 << 10 },
	{ "VMA_AREA_SOCKET", 1 << 11 }, { "VMA_AREA_VVAR", 1 << 12 },
	{ "VMA_AREA_AIORING", 1 << 13 }, { "VMA_AREA_MEMFD", 1 << 14 },
	{ "VMA_AREA_SHSTK", 1 << 15 }, { "VMA_AREA_UPROBES", 1 << 17 },
	{ "VMA_AREA_NOT_ACCOUNTABLE", 1 << 18 },
	{ "VMA_UNSUPP", 0x80000000 }, { 0 } };
static const struct row rfile[] = {
	{ "O_WRONLY", 01 }, { "O_RDWR", 02 }, { "O_CREAT", 0100 },
	{ "O_EXCL", 0200 }, { "O_NOCTTY", 0400 }, { "O_TRUNC", 01000 },
	{ "O_APPEND", 02000 }, { "O_NONBLOCK", 04000 },
	{ "O_DSYNC", 010000 }, { "FASYNC", 020000 },
	{ "O_DIRECT", 040000 }, { "O_LARGEFILE", 0100000 },
	{ "O_DIRECTORY", 0200000 }, { "O_NOFOLLOW", 0400000 },
	{ "O_NOATIME", 01000000 }, { "O_CLOEXEC", 02000000 }, { 0 } };
static const struct row seals[] = {
	{ "F_SEAL_SEAL", 1 }, { "F_SEAL_SHRINK", 2 }, { "F_SEAL_GROW", 4 },
	{ "F_SEAL_WRITE", 8 }, { "F_SEAL_FUTURE_WRITE", 0x10 }, { 0 } };
static const struct row pmap[] = {
	{ "PE_PARENT", 1 }, { "PE_LAZY", 2 }, { "PE_PRESENT", 4 },
	{ "PE_PAYLOAD_ALIGNED", 8 }, { 0 } };
static const struct row state_of_task[] = {
	{ "Alive", 1 }, { "Dead", 2 }, { "Stopped", 3 }, { "Zombie", 6 },
	{ 0 } };
static const struct row family[] = {
	{ "UNIX", 1 }, { "INET", 2 }, { "INET6", 10 }, { "NETLINK", 16 },
	{ "PACKET", 17 }, { 0 } };
static const struct row type[] = {
	{ "STREAM", 1 }, { "DGRAM", 2 }, { "RAW", 3 }, { "SEQPACKET", 5 },
	{ "PACKET", 10 }, { 0 } };
static const struct row state_of_socket[] = {
	{ "ESTABLISHED", 1 }, { "SYN_SENT", 2 }, { "SYN_RECV", 3 },
	{ "FIN_WAIT1", 4 }, { "FIN_WAIT2", 5 }, { "TIME_WAIT", 6 },
	{ "CLOSE", 7 }, { "CLOSE_WAIT", 8 }, { "LAST_ACK", 9 },
	{ "LISTEN", 10 }, { 0 } };
static const struct row proto[] = {
	{ "IP", 0 }, { "TCP", 6 }, { "UDP", 17 }, { "UDPLITE", 136 }, { 0 } };

static const struct {
	enum cr_form form;
	const char *arg, *field;
	const struct row *rows;
} tables[] = {
	{ CR_FORM_FLAGS, "mmap.prot",   "prot",       prot },
	{ CR_FORM_FLAGS, "mmap.flags",  "flags",      map },
	{ CR_FORM_FLAGS, "mmap.status", "status",     status },
	{ CR_FORM_FLAGS, "rfile.flags", "flags",      rfile },
	{ CR_FORM_FLAGS, "seals.flags", "seals",      seals },
	{ CR_FORM_FLAGS, "pmap.flags",  "flags",      pmap },
	{ CR_FORM_DICT,  "gen",         "task_state", state_of_task },
	{ CR_FORM_DICT,  "sk",          "family",     family },
	{ CR_FORM_DICT,  "sk",          "type",       type },
	{ CR_FORM_DICT,  "sk",          "state",      state_of_socket },
	{ CR_FORM_DICT,  "sk",          "proto",      proto },
};
// clang-format on

TEST(every_name_stands_for_its_value_both_ways)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		const struct cr_names *names = cr_names_find(
			tables[i].form, tables[i].arg, tables[i].field);

		ck_assert_msg(names, "%s", tables[i].arg);
		for (const struct row *r = tables[i].rows; r->name; r++) {
			assert_put(tables[i].form, names, r->value,
				   cr_test_format("\"%s\"", r->name));
			assert_parse(tables[i].form, names, r->name,
				     cr_test_format(
					     "%llu",
					     (unsigned long long)r->value));
		}
	}
}

TEST(no_table_has_other_names)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		const struct cr_names *names = cr_names_find(
			tables[i].form, tables[i].arg, tables[i].field);
		unsigned nr = 0;

		while (tables[i].rows[nr].name)
			nr++;
		// VMA_AREA_NONE is read but never written.
		nr += tables[i].rows == status;
		ck_assert_msg(names->nr_rows == nr, "%s", tables[i].arg);
	}
}

TEST(flags_stand_in_the_order_of_their_table)
{
	assert_put(CR_FORM_FLAGS, flags("mmap.prot"), 7,
		   "\"PROT_READ | PROT_WRITE | PROT_EXEC\"");
	assert_put(CR_FORM_FLAGS, flags("rfile.flags"), 0100002,
		   "\"O_RDWR | O_LARGEFILE\"");
}

TEST(bits_without_a_name_stand_last_in_one_number)
{
	assert_put(CR_FORM_FLAGS, flags("mmap.prot"), 0x1000018,
		   "\"0x1000018\"");
	assert_put(CR_FORM_FLAGS, flags("mmap.prot"), 0x11,
		   "\"PROT_READ | 0x10\"");
	assert_put(CR_FORM_FLAGS, flags("mmap.status"), (1 << 16) | (1 << 4) | 1,
		   "\"VMA_AREA_REGULAR | 0x10010\"");
	assert_put(CR_FORM_FLAGS, flags("mmap.status"), 1ull << 63,
		   "\"0x8000000000000000\"");
}

TEST(all_flags_fit_the_room)
{
	const char *got = put(CR_FORM_FLAGS, flags("mmap.status"), UINT64_MAX,
			      false);

	ck_assert_uint_lt(strlen(got), CR_PRESENT_MAX);
	ck_assert_ptr_nonnull(strstr(got, "\"VMA_AREA_REGULAR | "));
	ck_assert_ptr_nonnull(
		strstr(got, " | VMA_UNSUPP | 0xffffffff7ff90010\""));
}

TEST(no_flags_are_an_empty_text)
{
	assert_put(CR_FORM_FLAGS, flags("mmap.prot"), 0, "\"\"");
	assert_put(CR_FORM_FLAGS, flags("mmap.status"), 0, "\"\"");
	assert_parse(CR_FORM_FLAGS, flags("mmap.prot"), "", "0");
}

TEST(vma_area_none_is_read_as_zero)
{
	assert_parse(CR_FORM_FLAGS, flags("mmap.status"), "VMA_AREA_NONE",
		     "0");
	assert_parse(CR_FORM_FLAGS, flags("mmap.status"),
		     "VMA_AREA_NONE | VMA_AREA_STACK", "2");
}

TEST(flags_are_read_with_or_without_blanks)
{
	const struct cr_names *names = flags("mmap.prot");

	assert_parse(CR_FORM_FLAGS, names, "PROT_READ|PROT_EXEC", "5");
	assert_parse(CR_FORM_FLAGS, names, "  PROT_EXEC  |  PROT_READ ", "5");
	assert_parse(CR_FORM_FLAGS, names, "PROT_READ | 0x10 | 0o40 | 64",
		     "113");
	assert_parse(CR_FORM_FLAGS, names, "7", "7");
}

TEST(a_flag_named_twice_is_refused)
{
	const struct cr_names *names = flags("mmap.prot");

	assert_parse(CR_FORM_FLAGS, names, "PROT_READ | PROT_READ",
		     "! FORMAT flag \"PROT_READ\" is there twice");
	assert_parse(CR_FORM_FLAGS, names, "PROT_READ | 0x3",
		     "! FORMAT flag \"0x3\" is there twice");
}

TEST(what_is_no_flag)
{
	const struct cr_names *names = flags("mmap.prot");

	assert_parse(CR_FORM_FLAGS, names, "PROT_NONE",
		     "! FORMAT \"PROT_NONE\" is not a flag or a number");
	assert_parse(CR_FORM_FLAGS, names, "prot_read",
		     "! FORMAT \"prot_read\" is not a flag or a number");
	assert_parse(CR_FORM_FLAGS, names, "PROT_READ,PROT_EXEC",
		     "! FORMAT \"PROT_READ,PROT_EXEC\" is not a flag or a "
		     "number");
	assert_parse(CR_FORM_FLAGS, names, "PROT_READ || PROT_EXEC",
		     "! FORMAT \"\" is not a flag or a number");
	assert_parse(CR_FORM_FLAGS, names, "| PROT_READ",
		     "! FORMAT \"\" is not a flag or a number");
	assert_parse(CR_FORM_FLAGS, names, "-1",
		     "! FORMAT \"-1\" is not a flag or a number");
	assert_parse(CR_FORM_FLAGS, names, " ",
		     "! FORMAT \"\" is not a flag or a number");
}

TEST(a_table_that_does_not_exist)
{
	ck_assert_ptr_null(cr_names_find(CR_FORM_FLAGS, "mmap.x", "flags"));
	ck_assert_ptr_null(cr_names_find(CR_FORM_DICT, "sk", "flags"));
	ck_assert_ptr_null(cr_names_find(CR_FORM_DICT, "mmap.prot", "prot"));
	ck_assert_ptr_null(cr_names_find(CR_FORM_FLAGS, "gen", "task_state"));
}

/* Names of values */

TEST(a_value_without_a_name_is_a_plain_number)
{
	assert_put(CR_FORM_DICT, dict("gen", "task_state"), 4, "4");
	assert_put(CR_FORM_DICT, dict("sk", "state"), 11, "11");
	assert_put(CR_FORM_DICT, dict("sk", "family"), UINT32_MAX,
		   "4294967295");
	assert_text(put(CR_FORM_DICT, dict("sk", "type"), (uint64_t)-1, true),
		    "-1");
}

TEST(one_number_has_names_of_its_own_in_each_field)
{
	assert_put(CR_FORM_DICT, dict("sk", "family"), 1, "\"UNIX\"");
	assert_put(CR_FORM_DICT, dict("sk", "type"), 1, "\"STREAM\"");
	assert_put(CR_FORM_DICT, dict("sk", "state"), 1, "\"ESTABLISHED\"");
	assert_put(CR_FORM_DICT, dict("sk", "proto"), 1, "1");
}

TEST(a_name_or_a_number_is_read)
{
	const struct cr_names *names = dict("sk", "proto");

	assert_parse(CR_FORM_DICT, names, "UDPLITE", "136");
	assert_parse(CR_FORM_DICT, names, "0x88", "136");
	assert_parse(CR_FORM_DICT, names, "-5", "-5");
	assert_parse(CR_FORM_DICT, names, "ICMP",
		     "! FORMAT \"ICMP\" is not a known name or a number");
	assert_parse(CR_FORM_DICT, names, "",
		     "! FORMAT \"\" is not a known name or a number");
}

/* Device numbers */

TEST(kernel_device_numbers_have_20_minor_bits)
{
	assert_put(CR_FORM_DEV, NULL, 0x800001, "\"8:1\"");
	assert_put(CR_FORM_DEV, NULL, 0xfffff, "\"0:1048575\"");
	assert_put(CR_FORM_DEV, NULL, UINT32_MAX, "\"4095:1048575\"");
	assert_put(CR_FORM_DEV, NULL, 0, "\"0:0\"");
	assert_put(CR_FORM_DEV, NULL, UINT64_MAX,
		   "\"17592186044415:1048575\"");
}

TEST(kernel_device_numbers_come_back)
{
	assert_parse(CR_FORM_DEV, NULL, "8:1", "8388609");
	assert_parse(CR_FORM_DEV, NULL, "0:1048575", "1048575");
	assert_parse(CR_FORM_DEV, NULL, "4095:1048575", "4294967295");
	assert_parse(CR_FORM_DEV, NULL, "17592186044415:1048575",
		     "18446744073709551615");
	assert_parse(CR_FORM_DEV, NULL, "0x8:0o1", "8388609");
	assert_parse(CR_FORM_DEV, NULL, "8388609", "8388609");
}

TEST(library_device_numbers)
{
	assert_put(CR_FORM_ODEV, NULL, 0x801, "\"8:1\"");
	assert_put(CR_FORM_ODEV, NULL, makedev(8, 256), "\"8:256\"");
	assert_put(CR_FORM_ODEV, NULL, makedev(4095, 1048575),
		   "\"4095:1048575\"");
	assert_put(CR_FORM_ODEV, NULL, makedev(0xffffffff, 0xffffffff),
		   "\"4294967295:4294967295\"");
}

TEST(library_device_numbers_come_back)
{
	assert_parse(CR_FORM_ODEV, NULL, "8:1", "2049");
	assert_parse(CR_FORM_ODEV, NULL, "8:256", "1050624");
	assert_parse(CR_FORM_ODEV, NULL, "4095:1048575", "4294967295");
	assert_parse(CR_FORM_ODEV, NULL, "4294967295:4294967295",
		     "18446744073709551615");
	assert_parse(CR_FORM_ODEV, NULL, "2049", "2049");
}

TEST(every_library_device_number_comes_back)
{
	for (unsigned i = 0; i < 64; i++) {
		uint64_t v = 1ull << i;
		const char *s = put(CR_FORM_ODEV, NULL, v, false);

		assert_parse(CR_FORM_ODEV, NULL,
			     cr_test_format("%.*s", (int)strlen(s) - 2, s + 1),
			     cr_test_format("%llu", (unsigned long long)v));
	}
}

TEST(what_is_no_device_number)
{
	static const char *const bad[] = { "",	   ":",	    "8:",   ":1",
					   "8:1:2", "a:b",  "-1:0", "0:-1",
					   "08:1",  "8 :1", "0x:1" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *want = cr_test_format(
			"! FORMAT \"%s\" is not a device number like 8:1",
			bad[i]);

		assert_parse(CR_FORM_DEV, NULL, bad[i], want);
		assert_parse(CR_FORM_ODEV, NULL, bad[i], want);
	}
	assert_parse(CR_FORM_DEV, NULL, "0:1048576",
		     "! FORMAT \"0:1048576\" is not a device number like 8:1");
	assert_parse(CR_FORM_DEV, NULL, "17592186044416:0",
		     "! FORMAT \"17592186044416:0\" is not a device number "
		     "like 8:1");
	assert_parse(CR_FORM_ODEV, NULL, "4294967296:0",
		     "! FORMAT \"4294967296:0\" is not a device number like "
		     "8:1");
	assert_parse(CR_FORM_ODEV, NULL, "0:4294967296",
		     "! FORMAT \"0:4294967296\" is not a device number like "
		     "8:1");
}

/* Addresses */

static const char *address(uint32_t a, uint32_t b, uint32_t c, uint32_t d,
			   bool dotted)
{
	uint32_t words[] = { htonl(a), htonl(b), htonl(c), htonl(d) };
	char got[64];
	char *end = cr_present_address(got, words, 4, dotted);

	ck_assert_int_le(end - got, 48);
	return cr_test_format("%.*s", (int)(end - got), got);
}

static const char *parse_address(const char *from)
{
	uint32_t w[4];
	unsigned nr;
	struct cr_error *err = cr_present_parse_address(
		cr_test_tail(from, strlen(from)), strlen(from), w, &nr);

	if (err)
		return cr_test_error(err);
	return nr == 1 ? cr_test_format("%08x", ntohl(w[0])) :
			 cr_test_format("%08x %08x %08x %08x", ntohl(w[0]),
					ntohl(w[1]), ntohl(w[2]), ntohl(w[3]));
}

TEST(ipv4_addresses)
{
	uint32_t words[] = { htonl(0x7f000001), htonl(0xffffffff), 0 };
	char got[64];

	for (int i = 0; i < 3; i++) {
		static const char *const want[] = { "\"127.0.0.1\"",
						    "\"255.255.255.255\"",
						    "\"0.0.0.0\"" };
		char *end = cr_present_address(got, &words[i], 1, i);

		*end = 0;
		assert_text(got, want[i]);
	}
}

TEST(ipv6_addresses_are_short)
{
	assert_text(address(0, 0, 0, 0, false), "\"::\"");
	assert_text(address(0, 0, 0, 1, false), "\"::1\"");
	assert_text(address(0x00010000, 0, 0, 0, false), "\"1::\"");
	assert_text(address(0x20010db8, 0, 0, 1, false), "\"2001:db8::1\"");
	assert_text(address(0x20010db8, 0x00010002, 0x00030004, 0x00050006,
			    false),
		    "\"2001:db8:1:2:3:4:5:6\"");
	assert_text(address(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff,
			    false),
		    "\"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\"");
}

TEST(the_first_longest_run_of_zeros_is_left_out)
{
	// RFC 5952, 4.2
	assert_text(address(0x20010db8, 0x00000001, 0x00000000, 0x00000001,
			    false),
		    "\"2001:db8:0:1::1\"");
	assert_text(address(0x20010000, 0x00000001, 0x00010000, 0x00000001,
			    false),
		    "\"2001::1:1:0:0:1\"");
	assert_text(address(0x20010db8, 0x00010001, 0x00010001, 0x00000001,
			    false),
		    "\"2001:db8:1:1:1:1:0:1\"");
	assert_text(address(0x00000001, 0x00010001, 0x00010001, 0x00010000,
			    false),
		    "\"0:1:1:1:1:1:1:0\"");
}

TEST(mapped_addresses_have_two_forms)
{
	assert_text(address(0, 0, 0xffff, 0x7f000001, false),
		    "\"::ffff:7f00:1\"");
	assert_text(address(0, 0, 0xffff, 0x7f000001, true),
		    "\"::ffff:127.0.0.1\"");
	assert_text(address(0, 0, 0xfffe, 0x7f000001, true),
		    "\"::fffe:7f00:1\"");
	assert_text(address(0, 0, 0, 0x7f000001, true), "\"::7f00:1\"");
}

TEST(addresses_come_back)
{
	assert_text(parse_address("127.0.0.1"), "7f000001");
	assert_text(parse_address("255.255.255.255"), "ffffffff");
	assert_text(parse_address("::"),
		    "00000000 00000000 00000000 00000000");
	assert_text(parse_address("2001:DB8::1"),
		    "20010db8 00000000 00000000 00000001");
	assert_text(parse_address("::ffff:127.0.0.1"),
		    "00000000 00000000 0000ffff 7f000001");
	assert_text(parse_address("::ffff:7f00:1"),
		    "00000000 00000000 0000ffff 7f000001");
}

TEST(what_is_no_address)
{
	static const char *const bad[] = {
		"", "1.2.3", "1.2.3.4.5", "256.0.0.1", "1.2.3.4 ", ":",
		":::", "1::2::3", "g::", "fe80::1%eth0", "localhost",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"0000:0000:0000:0000:0000:ffff:255.255.255.255x",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_text(parse_address(bad[i]),
			    cr_test_format("! FORMAT \"%s\" is not an IP "
					   "address",
					   bad[i]));
}

TEST(an_address_with_a_nul_is_none)
{
	uint32_t w[4];
	unsigned nr;

	assert_text(cr_test_error(cr_present_parse_address("::1\0", 4, w, &nr)),
		    "! FORMAT \"::1\" is not an IP address");
}

TEST_MAIN("lib/codec/present")
