// SPDX-License-Identifier: MIT
/*
 * A hostile checkpoint, upgraded: its images, each behind a byte that says which
 * it is (bit 7: without the common magic) and two for its size.
 *
 * An upgrade that works leaves nothing for another one to do, nor does one back
 * that works; where either fails, it says so.
 */
#include "lib/ops/upgrade.h"
#include "tests/fuzz/fuzz.h"

// clang-format off
static const struct {
	const char *name;
	uint32_t magic; /* 0: none */
} names[] = {
	{ "inventory.img", 0x58313116 },
	{ "pstree.img", 0x50273030 },       { "core-1.img", 0x55053847 },
	{ "core-2.img", 0x55053847 },       { "mm-1.img", 0x57492820 },
	{ "vmas-1.img", 0x54123737 },       { "sigacts-1.img", 0x55344201 },
	{ "creds-1.img", 0x54023547 },      { "itimers-1.img", 0x57464056 },
	{ "posix-timers-1.img", 0x52603957 }, { "rlimit-1.img", 0x57113925 },
	{ "signal-s-1.img", 0x59255647 },   { "signal-p-2.img", 0x59255647 },
	{ "eventpoll.img", 0x45023858 },    { "eventpoll-tfd.img", 0x44433746 },
	{ "inotify.img", 0x48424431 },      { "inotify-wd.img", 0x54562009 },
	{ "fanotify.img", 0x55096122 },     { "fanotify-mark.img", 0x56506035 },
	{ "tty.img", 0x59433025 },          { "fifo.img", 0x58364939 },
	{ "reg-files.img", 0x50363636 },    { "pipes.img", 0x56513555 },
	{ "unixsk.img", 0x54373943 },       { "packetsk.img", 0x60454618 },
	{ "files.img", 0x56303138 },        { "fdinfo-2.img", 0x56213732 },
	{ "sk-queues.img", 0x56264026 },    { "remap-fpath.img", 0x59133954 },
	{ "tcp-stream-1b.img", 0x51465506 }, { "pagemap-1.img", 0x56084025 },
	{ "pages-5.img", 0 },               { "pagemap-shmem-4.img", 0x56084025 },
	{ "ipcns-shm-9.img", 0x46283044 },  { "ghost-file-a.img", 0x52583605 },
	{ "mountpoints-5.img", 0x55563928 }, { "tmpfs-20.img", 0 },
	{ "binfmt-misc-41.img", 0x67343323 }, { "netdev-9.img", 0x57373951 },
	{ "netns-9.img", 0x55933752 },      { "cgroup.img", 0x59383330 },
};
// clang-format on

#define NAMES (sizeof(names) / sizeof(names[0]))

static void drop(struct cr_error *err)
{
	cr_error_free(err);
}

static void put_file(struct cr_change *change, size_t i, bool own,
		     const uint8_t *data, size_t size)
{
	uint32_t words[2] = { 0x54564319, names[i].magic };
	size_t head = !names[i].magic ? 0 : own || !i ? 4 : 8;
	uint8_t *file = malloc(head + size + 1);
	memcpy(file, (uint8_t *)words + (head == 4 ? 4 : 0), head);
	memcpy(file + head, data, size);
	struct cr_error *err =
		cr_change_put(change, names[i].name, file, head + size);
	if (err)
		fuzz_fail("a file is not taken", err);
	free(file);
}

static void put_files(struct cr_change *change, const uint8_t *data,
		      size_t size)
{
	while (size >= 3) {
		size_t n = data[1] | (size_t)data[2] << 8;
		n = n < size - 3 ? n : size - 3;
		put_file(change, (data[0] & 0x7f) % NAMES, data[0] & 0x80,
			 data + 3, n);
		data += 3 + n;
		size -= 3 + n;
	}
}

/* *nr_ret: what it did. False: it failed. */
static bool upgrade(struct cr_change *change, uint32_t to, uint64_t *nr_ret)
{
	struct cr_upgrade_opts opts = { .to = to, .drop = true };
	struct cr_upgrade u;
	struct cr_error *err = cr_upgrade(change, &opts, &u);
	bool ok = !err;
	*nr_ret = u.nr_done;
	cr_upgrade_free(&u);
	drop(err);
	return ok;
}

static void upgrade_twice(struct cr_change *change, uint32_t to)
{
	uint64_t nr;
	if (!upgrade(change, to, &nr))
		return;
	fuzz_check(upgrade(change, to, &nr), "a second time fails");
	fuzz_check(!nr, "a second time does something");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[] = "/tmp/critter-fuzz-XXXXXX";
	struct cr_change_opts opts = { .dry_run = true, .count_only = true };
	struct cr_change *change;
	if (!mkdtemp(path))
		abort();
	struct cr_error *err = cr_change_open(path, &opts, &change);
	if (err)
		fuzz_fail("an empty directory", err);
	put_files(change, data, size);
	upgrade_twice(change, CR_UPGRADE_NEWEST);
	upgrade_twice(change, CR_UPGRADE_OLDEST);
	upgrade_twice(change, CR_UPGRADE_NEWEST);
	cr_change_close(change);
	rmdir(path);
	return 0;
}
