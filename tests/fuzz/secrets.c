// SPDX-License-Identifier: MIT
/*
 * Secrets in any bytes: what is found lies in them, and it is the same whether
 * they come at once or in windows. The first two bytes are the size of a window.
 */
#include "lib/ops/secrets.h"
#include "tests/fuzz/fuzz.h"

struct found {
	size_t off[256], size[256];
	const char *kind[256];
	unsigned nr;
	size_t base, end; /* of the window, in the input */
};

static struct cr_error *keep(void *arg, const uint8_t *data,
			     const struct cr_secret *s)
{
	struct found *f = arg;
	fuzz_check(s->size && s->off <= f->end - f->base &&
			   s->size <= f->end - f->base - s->off,
		   "found outside");
	if (f->nr == 256)
		return NULL;
	f->kind[f->nr] = s->kind;
	f->off[f->nr] = f->base + s->off;
	f->size[f->nr++] = s->size;
	return NULL;
}

/* The next window, in memory of just its size. */
static void look(const struct cr_secrets *secrets, const uint8_t *data,
		 size_t size, size_t seen, struct found *f)
{
	size_t n = f->end - f->base;
	uint8_t *window = malloc(n ? n : 1);
	memcpy(window, data + f->base, n);
	struct cr_error *err = cr_secrets_find(secrets, window, n, seen,
					       f->end == size, keep, f);
	free(window);
	if (err)
		fuzz_fail("finding fails", err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cr_secrets secrets;
	static struct found all, parts;
	if (size < 2)
		return 0;
	size_t fresh = 1 + (data[0] | data[1] << 8), seen = 0;
	data += 2;
	size -= 2;
	cr_secrets_init(&secrets);
	all = (struct found){ .end = size };
	look(&secrets, data, size, 0, &all);
	parts = (struct found){ .end = 0 };
	while (parts.end < size) {
		parts.base = parts.end - seen;
		parts.end += size - parts.end < fresh ? size - parts.end :
							fresh;
		look(&secrets, data, size, seen, &parts);
		seen = parts.end - parts.base;
		if (seen > CR_SECRETS_OVERLAP)
			seen = CR_SECRETS_OVERLAP;
	}
	if (all.nr == 256)
		return 0;
	fuzz_check(all.nr == parts.nr, "not as many in windows");
	for (unsigned i = 0; i < all.nr; i++)
		fuzz_check(all.off[i] == parts.off[i] &&
				   all.size[i] == parts.size[i] &&
				   all.kind[i] == parts.kind[i],
			   "something else in windows");
	return 0;
}
