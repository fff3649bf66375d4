// SPDX-License-Identifier: MIT
/*
 * A hostile checkpoint, planned to be restored: a byte of options, then its
 * images, each behind a byte that says which it is and two for its size. Magic
 * words are put in front of them; pages are zeroes.
 *
 * Planning comes to an end, makes nothing, and what it says is safe to print.
 */
#include <fcntl.h>

#include "lib/base/utf8.h"
#include "restore/plan.h"
#include "tests/fuzz/fuzz.h"

// clang-format off
static const struct {
	const char *name;
	uint32_t magic; /* 0: none */
} names[] = {
	{ "inventory.img", 0 },
	{ "pstree.img", 0x50273030 },       { "core-1.img", 0x55053847 },
	{ "core-2.img", 0x55053847 },       { "ids-1.img", 0x54432030 },
	{ "ids-2.img", 0x54432030 },        { "mm-1.img", 0x57492820 },
	{ "mm-2.img", 0x57492820 },         { "fs-1.img", 0x51403912 },
	{ "fs-2.img", 0x51403912 },         { "pagemap-1.img", 0x56084025 },
	{ "pagemap-2.img", 0x56084025 },    { "pagemap-shmem-5.img", 0x56084025 },
	{ "files.img", 0x56303138 },        { "fdinfo-2.img", 0x56213732 },
	{ "fdinfo-3.img", 0x56213732 },     { "remap-fpath.img", 0x59133954 },
	{ "memfd.img", 0x48453499 },        { "seccomp.img", 0x64413049 },
	{ "filelocks.img", 0x54323616 },    { "pipes-data.img", 0x56453709 },
	{ "fifo-data.img", 0x56452709 },    { "ghost-file-1.img", 0x52583605 },
};
// clang-format on

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

/* Pages are zeroes. */
static struct cr_error *zero_read(struct cr_file *file, void *data, size_t size,
				  uint64_t off, size_t *n_ret)
{
	size_t left = off < file->size ? (size_t)(file->size - off) : 0;
	*n_ret = left < size ? left : size;
	memset(data, 0, *n_ret);
	return NULL;
}

static struct cr_error *file_read(struct cr_file *file, void *data, size_t size,
				  uint64_t off, size_t *n_ret)
{
	size_t left = off < file->size ? (size_t)(file->size - off) : 0;
	*n_ret = left < size ? left : size;
	if (*n_ret)
		memcpy(data, (const uint8_t *)file->data + off, *n_ret);
	return NULL;
}

static void file_close(struct cr_file *file)
{
}

static const struct cr_file_ops file_ops = { file_read, file_close };
static const struct cr_file_ops zero_ops = { zero_read, file_close };

static struct cr_error *store_open(struct cr_store *store, const char *name,
				   struct cr_file *ret)
{
	for (size_t i = 0; i < NAMES; i++) {
		if (!files[i] || strcmp(names[i].name, name))
			continue;
		ret->ops = &file_ops;
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

static struct cr_error *store_link(struct cr_store *store, const char *name,
				   char **ret)
{
	return cr_error_new(CR_ERR_NOT_FOUND, "no such link");
}

static void store_close(struct cr_store *store)
{
}

static const struct cr_store_ops store_ops = {
	.each = store_each,
	.open = store_open,
	.open_top = store_open,
	.link = store_link,
	.close = store_close,
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

static void print(const struct cr_rplan *plan, bool json)
{
	static int fd = -1;
	if (fd < 0)
		fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct cr_error *err = cr_rplan_print(plan, json, fd);
	if (err)
		fuzz_fail("a plan cannot be printed", err);
}

static void look(struct cr_rplan *plan)
{
	print(plan, false);
	print(plan, true);
	for (size_t i = 0; i < plan->nr_refusals; i++)
		check_text(cr_error_text(plan->refusal[i].err));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	/* No file is there, and no id is asked for. */
	struct cr_options options = {
		.images = "images",
		.root = "/proc/self/fdinfo",
		.plan = true,
		.pidns = true,
		.shell_job = *data & 1,
		.no_verify_files = *data & 2,
	};
	struct cr_rplan plan = { .options = &options };
	plan.set.store = calloc(1, sizeof(*plan.set.store));
	if (!plan.set.store)
		abort();
	*plan.set.store = (struct cr_store){ .ops = &store_ops,
					     .dir_fd = -1,
					     .top_fd = -1 };
	cr_codec_init(&plan.set.codec, (struct cr_style){ 0 });
	take_files(data + 1, size - 1);
	struct cr_error *err = cr_rplan_load(&plan);
	if (!err) {
		look(&plan);
		err = cr_rplan_verdict(&plan);
	}
	if (err)
		check_text(cr_error_text(err));
	cr_error_free(err);
	cr_rplan_deinit(&plan);
	drop_files();
	return 0;
}
