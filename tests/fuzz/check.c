// SPDX-License-Identifier: MIT
/*
 * A hostile checkpoint, checked: its images, each behind a byte that says which
 * it is and two for its size. Magic words are put in front of them.
 *
 * A check comes to an end, never fails, says the same each time, and its texts
 * are safe to print.
 */
#include "lib/ops/check.h"

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

#include "tests/fuzz/images.h"

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
