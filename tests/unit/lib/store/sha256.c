// SPDX-License-Identifier: MIT
#include "lib/store/sha256.h"

#include "tests/support/bytes.h"
#include "tests/support/main.h"

static const char *sha256(struct bytes b, size_t step)
{
	struct cr_sha256 sha;
	char *got = cr_test_alloc(65);

	cr_sha256_init(&sha);
	for (size_t i = 0; i < b.size; i += step)
		cr_sha256_add(&sha, b.p + i,
			      b.size - i < step ? b.size - i : step);
	cr_sha256_end(&sha, got);
	return got;
}

/* FIPS 180-4 examples (NIST, SHA256.pdf) and the vectors for long messages. */
TEST(published_vectors)
{
	const char *two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomno"
			  "pnopq";

	assert_text(sha256(text(""), 1), "e3b0c44298fc1c149afbf4c8996fb92427ae"
					 "41e4649b934ca495991b7852b855");
	assert_text(sha256(text("abc"), 3), "ba7816bf8f01cfea414140de5dae2223b"
					    "00361a396177a9cb410ff61f20015ad");
	assert_text(sha256(text(two), 64), "248d6a61d20638b8e5c026930c3e6039a3"
					   "3ce45964ff2167f6ecedd419db06c1");
	assert_text(sha256(fill('a', 1000000), 4096),
		    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc"
		    "7112cd0");
}

TEST(pieces_of_any_size_give_the_same)
{
	struct bytes b = fill('x', 200);

	for (size_t size = 0; size <= b.size; size++) {
		struct bytes part = { b.p + b.size - size, size };

		for (size_t step = 1; step < 130; step += 9)
			assert_text(sha256(part, step), sha256(part, 200));
	}
}

TEST_MAIN("lib/store/sha256")
