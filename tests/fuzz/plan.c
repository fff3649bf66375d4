// SPDX-License-Identifier: MIT
/*
 * A hostile checkpoint, planned to be restored: a byte of options, then its
 * images, each behind a byte that says which it is and two for its size. Magic
 * words are put in front of them; pages are zeroes.
 *
 * Planning comes to an end, makes nothing, and what it says is safe to print.
 */
#include <fcntl.h>

#include "restore/plan.h"

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
	{ "tty-info.img", 0x59453036 },     { "tty-data.img", 0x59413026 },
	{ "eventpoll-tfd.img", 0x44433746 },
};
// clang-format on

#include "tests/fuzz/images.h"

static void print(struct cr_rplan *plan, bool json)
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
		.clones = *data & 4 ? 2 : 0,
		.wipe_on_fork = *data & 8,
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
