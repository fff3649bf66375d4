// SPDX-License-Identifier: MIT
#include "lib/ops/secrets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/bytes.h"
#include "tests/support/main.h"

static struct cr_secrets secrets;
static char said[4096];

static struct cr_error *tell(void *arg, const uint8_t *data,
			     const struct cr_secret *s)
{
	size_t at = strlen(said);
	const uint64_t *base = arg;
	snprintf(said + at, sizeof(said) - at, "%s%s@%llu+%zu",
		 at ? " " : "", s->kind,
		 (unsigned long long)(*base + s->off), s->size);
	return NULL;
}

/* Behind it, a page that may not be touched. */
static const char *find(struct bytes b)
{
	uint64_t base = 0;
	said[0] = 0;
	cr_secrets_init(&secrets);
	ck_assert_ptr_null(cr_secrets_find(&secrets, cr_test_tail(b.p, b.size),
					   b.size, 0, true, tell, &base));
	return said;
}

static const char *find_text(const char *t)
{
	return find(text(t));
}

#define IS(got, want) ck_assert_str_eq(got, want)
#define A16 "ABCDEFGHIJKLMNOP"
#define A20 A16 "1234"
#define A36 A16 A20

TEST(tokens)
{
	IS(find_text("key AKIA" A16), "AWS key id@4+20");
	IS(find_text("key AKIA" A16 "Q"), "");
	IS(find_text("key XAKIA" A16), "");
	IS(find_text("AKIAABCDEFGHIJKLMNO"), "");
	IS(find_text("ghp_" A36 " ghx_" A36), "GitHub token@0+40");
	IS(find_text("\nglpat-" A20), "GitLab token@1+26");
	IS(find_text("xoxb-12345-67890-ab xoxz-12345-67890-ab"),
	   "Slack token@0+19");
	IS(find_text("Authorization: Bearer " A20 "\r\n"),
	   "bearer token@15+27");
	IS(find_text("Bearer of news"), "");
}

TEST(web_tokens)
{
	IS(find_text("eyJhbGciOiJI.eyJzdWIiOiIx.c2ln"),
	   "JSON web token@0+30");
	IS(find_text("eyJhbGciOiJI.eyJzdWIiOiIx."), "JSON web token@0+26");
	IS(find_text("eyJhbGciOiJI.abc"), "");
	IS(find_text("eyJhbGciOiJI"), "");
	IS(find_text("eyJ"), "");
	IS(find_text("ey"), "");
}

TEST(private_keys)
{
	IS(find_text("-----BEGIN RSA PRIVATE KEY-----\n" A36 A36
		     "\n-----END RSA PRIVATE KEY-----"),
	   "private key@0+105");
	/* What a program that reads them has. */
	IS(find_text("-----BEGIN PRIVATE KEY-----"), "");
	IS(find_text("-----BEGIN CERTIFICATE-----" A36 A36), "");
	IS(find(cat(text("openssh-key-v1"), hex("00 00000004"),
		    text("none"))),
	   "private key@0+23");
	IS(find(cat(text("openssh-key-v1"), hex("00"), text("auth-magic"))),
	   "");
}

TEST(password_hashes)
{
	IS(find_text("root:$6$salt$" A36 A36 A16 ":1"),
	   "password hash@5+96");
	IS(find_text("$2b$10$" A36 A16 "A"), "password hash@0+60");
	IS(find_text("$1$x $6$ $y$"), "");
}

TEST(telling_names)
{
	IS(find_text("DB_PASSWORD=abcd"), "telling name@0+16");
	IS(find(cat(text("X=1"), hex("00"), text("MY_TOKEN=t0ps"))),
	   "telling name@4+13");
	IS(find_text("PASSWORD=abc"), "");
	IS(find_text("PASSWORD=%s %s"), "");
	IS(find_text("PASSWORD=$OTHER"), "");
	IS(find_text("PASSWORD=xxxxxxxx"), "");
}

/* A mark at every place of a window, and over the borders of windows. */
TEST(wherever_it_is)
{
	enum { SIZE = 3 * CR_SECRETS_OVERLAP };
	static uint8_t data[SIZE + 1];
	static const char mark[] = "AKIA" A16;
	cr_secrets_init(&secrets);
	for (size_t at = 1; at + 21 < SIZE; at += at % 97 ? 1 : 13) {
		char want[64];
		memset(data, ' ', SIZE);
		memcpy(data + at, mark, 20);
		snprintf(want, sizeof(want), "AWS key id@%zu+20", at);
		said[0] = 0;
		for (size_t off = 0, end = 0, seen = 0; end < SIZE;
		     off = end - seen) {
			uint64_t base = off;
			size_t fresh = CR_SECRETS_OVERLAP / 2 + 5;
			end = end + fresh < SIZE ? end + fresh : SIZE;
			ck_assert_ptr_null(cr_secrets_find(
				&secrets, data + off, end - off, seen,
				end == SIZE, tell, &base));
			seen = end - off < CR_SECRETS_OVERLAP ?
				       end - off :
				       CR_SECRETS_OVERLAP;
		}
		IS(said, want);
	}
}

TEST(kinds_are_told_once)
{
	unsigned i = 0;
	for (; cr_secrets_kind(i); i++)
		for (unsigned k = 0; k < i; k++)
			ck_assert_str_ne(cr_secrets_kind(i),
					 cr_secrets_kind(k));
	ck_assert_uint_gt(i, 8);
}

TEST_MAIN("lib/ops/secrets")
