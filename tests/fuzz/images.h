// SPDX-License-Identifier: MIT
/*
 * A checkpoint of a fuzzer's choice: images, each behind a byte that says which
 * it is and two for its size. Magic words are put in front of them. Include it
 * behind a table `names` of what there may be, inventory.img first.
 *
 * Images of pages that are not in the table are zeroes.
 */
#ifndef CR_TESTS_FUZZ_IMAGES_H
#define CR_TESTS_FUZZ_IMAGES_H

#include "lib/base/utf8.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/store.h"

#define NAMES (sizeof(names) / sizeof(names[0]))

static uint8_t *files[NAMES];
static size_t sizes[NAMES];

static struct cr_error *store_each(struct cr_store *store,
				   struct cr_error *(*item)(void *arg,
							    const char *name),
				   void *arg)
{
	struct cr_error *err = NULL;
	for (size_t i = 0; i < NAMES && !err; i++) {
		if (files[i])
			err = item(arg, names[i].name);
	}
	return err;
}

static struct cr_error *zero_read(struct cr_file *file, void *data, size_t size,
				  uint64_t off, size_t *n_ret)
{
	size_t left = off < file->size ? (size_t)(file->size - off) : 0;
	*n_ret = left < size ? left : size;
	memset(data, 0, *n_ret);
	return NULL;
}

static const struct cr_file_ops zero_ops = { zero_read, fuzz_file_close };

static struct cr_error *store_open(struct cr_store *store, const char *name,
				   struct cr_file *ret)
{
	for (size_t i = 0; i < NAMES; i++) {
		if (strcmp(names[i].name, name))
			continue;
		if (!files[i])
			return cr_error_new(CR_ERR_NOT_FOUND, "no such file");
		ret->ops = &fuzz_file_ops;
		ret->size = sizes[i];
		ret->data = files[i];
		return NULL;
	}
	if (!strncmp(name, "pages-", strlen("pages-"))) {
		ret->ops = &zero_ops;
		ret->size = 1ull << 30;
		return NULL;
	}
	return cr_error_new(CR_ERR_NOT_FOUND, "no such file");
}

static const struct cr_store_ops store_ops = {
	.each = store_each,
	.open = store_open,
	.open_top = store_open,
	.link = fuzz_no_link,
	.close = fuzz_store_close,
};

static void take_file(size_t i, const uint8_t *data, size_t size)
{
	uint32_t words[2] = { 0x54564319, names[i].magic };
	uint32_t own = 0x58313116;
	size_t head = names[i].magic ? 8 : i ? 0 : 4;
	if (files[i])
		return;
	sizes[i] = head + size;
	files[i] = malloc(sizes[i] + 1);
	memcpy(files[i], i ? (void *)words : (void *)&own, head);
	memcpy(files[i] + head, data, size);
}

static void take_files(const uint8_t *data, size_t size)
{
	while (size >= 3) {
		size_t n = data[1] | (size_t)data[2] << 8;
		n = n < size - 3 ? n : size - 3;
		take_file(data[0] % NAMES, data + 3, n);
		data += 3 + n;
		size -= 3 + n;
	}
}

static void drop_files(void)
{
	for (size_t i = 0; i < NAMES; i++) {
		free(files[i]);
		files[i] = NULL;
	}
}

static void check_text(const char *text)
{
	fuzz_check(cr_utf8_valid(text, strlen(text)), "a text is not UTF-8");
	for (; *text; text++)
		fuzz_check((unsigned char)*text >= ' ' && *text != 0x7f,
			   "a text has control characters");
}

#endif
