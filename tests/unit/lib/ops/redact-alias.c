// SPDX-License-Identifier: MIT
#include "lib/ops/redact/alias.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/bytes.h"
#include "tests/support/main.h"

static struct cr_alias a;

static void start(void)
{
	ck_assert_ptr_null(cr_alias_init(&a));
}

/* The other name of a path, for as long as the next one is not asked for. */
static const char *path(const char *name, size_t size)
{
	static char text[256];
	struct cr_out out;
	ck_assert_ptr_null(cr_out_init_mem(&out));
	ck_assert_ptr_null(cr_alias_parts(&a, CR_ALIAS_NAME, name, size, "/",
					  &out));
	size_t n = cr_out_buffered(&out);
	memcpy(text, out.buf, n);
	text[n] = 0;
	cr_out_deinit(&out);
	return text;
}

static const char *ip(const char *text)
{
	static char to[INET6_ADDRSTRLEN];
	uint8_t data[16];
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;
	ck_assert_int_eq(inet_pton(family, text, data), 1);
	ck_assert_ptr_null(family == AF_INET ? cr_alias_ip4(&a, data) :
					       cr_alias_ip6(&a, data));
	inet_ntop(family, data, to, sizeof(to));
	return to;
}

#define IS(got, want) ck_assert_str_eq(got, want)

TEST(paths_part_by_part)
{
	start();
	IS(path("/home/ada/x", 11), "/n1/n2/n3");
	IS(path("/home/bob/x", 11), "/n1/n4/n3");
	IS(path("ada", 3), "n2");
	IS(path("//./../ada/", 11), "//./../n2/");
	IS(path("", 0), "");
	/* "n1" is a name as any other. */
	IS(path("/n1", 3), "/n5");
	IS(path("/home", 5), "/n1");
	cr_alias_deinit(&a);
}

TEST(names_of_any_bytes)
{
	start();
	ck_assert_mem_eq(path("\0srv/x\0y", 8), "\0n1/n2\0n3", 9);
	IS(path("\xff\xfe", 2), "n4");
	IS(path("=FF=FE", 6), "n5");
	IS(path("\xff\xfe", 2), "n4");
	cr_alias_deinit(&a);
}

TEST(ip4_keeps_networks_together)
{
	start();
	IS(ip("192.168.7.9"), "10.0.0.1");
	IS(ip("192.168.7.3"), "10.0.0.2");
	IS(ip("192.168.7.0"), "10.0.0.0");
	IS(ip("192.168.7.255"), "10.0.0.255");
	IS(ip("8.8.8.8"), "10.0.1.1");
	IS(ip("10.0.0.1"), "10.0.2.1");
	IS(ip("192.168.7.9"), "10.0.0.1");
	cr_alias_deinit(&a);
}

TEST(addresses_that_say_nothing_stay)
{
	static const char *const same[] = { "0.0.0.0",	 "127.0.0.1",
					    "224.0.0.1", "255.255.255.255",
					    "::",	 "::1",
					    "ff02::1",	 "::ffff:127.0.0.1" };
	start();
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		IS(ip(same[i]), same[i]);
	cr_alias_deinit(&a);
}

TEST(ip6_stays_ip6)
{
	start();
	IS(ip("2a01:4f8:1:2::5"), "2001:db8:0:1::1");
	IS(ip("2a01:4f8:1:2:3:4:5:6"), "2001:db8:0:1::2");
	IS(ip("2a01:4f8:1:3::5"), "2001:db8:0:2::1");
	IS(ip("fe80::1234"), "fe80::1");
	IS(ip("::ffff:192.168.7.9"), "::ffff:10.0.0.1");
	IS(ip("192.168.7.9"), "10.0.0.1");
	cr_alias_deinit(&a);
}

/* Every host of some networks, each one once. */
TEST(ip4_one_to_one)
{
	static bool used[1 << 16];
	start();
	for (unsigned i = 0; i < 4 * 256; i++) {
		uint8_t x[4] = { 172, 16, (uint8_t)(i % 4 * 50),
				 (uint8_t)(i / 4 * 37) };
		ck_assert_ptr_null(cr_alias_ip4(&a, x));
		ck_assert_uint_eq(x[0], 10);
		ck_assert_uint_eq(x[1], 0);
		unsigned at = x[2] * 256u + x[3];
		ck_assert_msg(!used[at], "10.0.%u.%u twice", x[2], x[3]);
		used[at] = true;
	}
	cr_alias_deinit(&a);
}

TEST(mac_of_any_length)
{
	uint8_t x[6] = { 0x52, 0x54, 0, 1, 2, 3 }, y[6];
	uint8_t none[6] = { 0 }, all[6], ib[20] = { 1 }, one[1] = { 7 };
	uint8_t large[40] = { 1 };
	start();
	memcpy(y, x, 6);
	ck_assert_ptr_null(cr_alias_mac(&a, x, 6));
	ck_assert_mem_eq(x, "\2\0\0\0\0\1", 6);
	ck_assert_ptr_null(cr_alias_mac(&a, y, 6));
	ck_assert_mem_eq(y, x, 6);
	ck_assert_ptr_null(cr_alias_mac(&a, none, 6));
	ck_assert_mem_eq(none, "\0\0\0\0\0\0", 6);
	memset(all, 0xff, 6);
	ck_assert_ptr_null(cr_alias_mac(&a, all, 6));
	ck_assert_mem_eq(all, "\xff\xff\xff\xff\xff\xff", 6);
	ck_assert_ptr_null(cr_alias_mac(&a, ib, 20));
	ck_assert_uint_eq(ib[0], 2);
	ck_assert_uint_eq(ib[19], 2);
	ck_assert_ptr_null(cr_alias_mac(&a, one, 1));
	ck_assert_uint_eq(one[0], 3);
	ck_assert_ptr_null(cr_alias_mac(&a, large, 40));
	cr_alias_deinit(&a);
}

TEST(the_map)
{
	json_t *map;
	start();
	path("/home/\xff", 7);
	ip("1.2.3.4");
	ck_assert_ptr_null(cr_alias_dump(&a, &map));
	char *text = json_dumps(map, 0);
	IS(text, "{\"names\": {\"home\": \"n1\", \"=FF\": \"n2\"}, "
		 "\"hosts\": {}, \"labels\": {}, \"threads\": {}, "
		 "\"addresses\": {\"1.2.3.4\": \"10.0.0.1\"}}");
	free(text);
	json_decref(map);
	cr_alias_deinit(&a);
}

TEST_MAIN("lib/ops/redact/alias")
