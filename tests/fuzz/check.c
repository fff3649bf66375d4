// SPDX-License-Identifier: MIT
/*
 * A hostile checkpoint, checked: its images, each behind a byte that says which
 * it is and two for its size. Magic words are put in front of them.
 *
 * A check comes to an end, never fails, says the same each time, and its texts
 * are safe to print.
 */
#include "lib/base/utf8.h"
#include "lib/ops/check.h"
#include "tests/fuzz/fuzz.h"

// clang-format off
static const struct {
	const char *name;
	uint32_t magic; /* 0: none */
} names[] = {
	{ "inventory.img", 0 },
	{ "pstree.img", 0x50273030 },      { "core-1.img", 0x55053847 },
	{ "core-2.img", 0x55053847 },      { "ids-1.img", 0x54432030 },
	{ "mm-1.img", 0x57492820 },        { "fs-1.img", 0x51403912 },
	{ "pagemap-1.img", 0x56084025 },   { "pages-1.img", 0 },
	{ "files.img", 0x56303138 },       { "fdinfo-2.img", 0x56213732 },
	{ "remap-fpath.img", 0x59133954 }, { "ghost-file-1.img", 0x52583605 },
	{ "memfd.img", 0x48453499 },       { "pagemap-shmem-5.img", 0x56084025 },
	{ "mountpoints-9.img", 0x55563928 }, { "cgroup.img", 0x59383330 },
	{ "seccomp.img", 0x64413049 },     { "filelocks.img", 0x54323616 },
	{ "sk-queues.img", 0x56264026 },   { "pipes-data.img", 0x56453709 },
	{ "tty-info.img", 0x59453036 },    { "vmas-1.img", 0x54123737 },
	{ "ipcns-shm-9.img", 0x46283044 }, { "reg-files.img", 0x50363636 },
	{ "new\033.img", 0 },
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

static struct cr_error *check_finding(void *arg, const struct cr_finding *f)
{
	uint64_t *sum = arg;
	check_text(f->message);
	if (f->image)
		check_text(f->image);
	for (const char *p = f->message; *p; p++)
		*sum = *sum * 31 + (unsigned char)*p;
	*sum += f->entry;
	return NULL;
}

static uint64_t check(struct cr_set *set, const struct cr_check_opts *opts,
		      struct cr_check_result *ret)
{
	uint64_t sum = 0;
	struct cr_error *err = cr_check(set, opts, check_finding, &sum, ret);
	if (err)
		fuzz_fail("a check fails", err);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t pids[] = { 1, 2 };
	struct cr_host host = { .pid = pids, .nr_pids = 2, .pid_max = 100 };
	struct cr_check_opts opts = { .host = &host };
	struct cr_store store = { .ops = &store_ops, .dir_fd = -1, .top_fd = -1 };
	struct cr_set set = { .store = &store };
	struct cr_check_result first, second;
	take_files(data, size);
	cr_codec_init(&set.codec, (struct cr_style){ 0 });
	uint64_t sum = check(&set, &opts, &first);
	fuzz_check(sum == check(&set, &opts, &second), "two checks differ");
	opts.quick = true;
	check(&set, &opts, &second);
	fuzz_check(second.nr[CR_RULE_PAGE_NO_VMA] == 0, "quick looks at pages");
	cr_codec_deinit(&set.codec);
	drop_files();
	return 0;
}
