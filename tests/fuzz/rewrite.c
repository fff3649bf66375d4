// SPDX-License-Identifier: MIT
/*
 * An archive that is changed: whatever it holds, the new one says what was put
 * into it, and of all else what the old one says. It may be refused.
 */
#include <sys/mman.h>

#include "lib/ops/change/impl.h"
#include "lib/store/store.h"
#include "tests/fuzz/fuzz.h"

/* Enough to say something, and little to wait for. */
#define LIMIT (2 << 20)

static struct cr_store_limits limits = { .nr_members = 2000,
					 .member_size = LIMIT,
					 .total_size = 2 * LIMIT };

static void drop(struct cr_error *err)
{
	if (err && cr_error_code(err) == CR_ERR_INTERNAL)
		fuzz_fail("an internal error", err);
	cr_error_free(err);
}

static bool same_bytes(struct cr_file *a, struct cr_file *b)
{
	uint8_t x[4096], y[4096];
	if (a->size != b->size)
		return false;
	for (uint64_t off = 0; off < a->size;) {
		uint64_t left = a->size - off;
		size_t n = left < sizeof(x) ? (size_t)left : sizeof(x);
		struct cr_error *err = cr_file_read(a, x, n, off);
		/* What cannot be read in the old one need not be in the new. */
		if (err) {
			drop(err);
			return true;
		}
		err = cr_file_read(b, y, n, off);
		if (err)
			fuzz_fail("a file cannot be read", err);
		if (memcmp(x, y, n))
			return false;
		off += n;
	}
	return true;
}

/* Every file that will be is there. */
static struct cr_error *compare(void *arg, const char *name)
{
	struct cr_store **stores = arg;
	struct cr_file a, b;
	struct cr_error *err = cr_store_open_file(stores[0], name, &a);
	if (err) {
		drop(err);
		return NULL;
	}
	err = cr_store_open_file(stores[1], name, &b);
	if (err)
		fuzz_fail("a file is not there", err);
	fuzz_check(same_bytes(&a, &b), "a file has other bytes");
	cr_file_close(&a);
	cr_file_close(&b);
	return NULL;
}

static struct cr_error *make_changes(struct cr_change *change)
{
	struct cr_error *err = cr_change_put(change, "pstree.img", "new", 3);
	if (!err)
		err = cr_change_put(change, "n.img", "n", 1);
	if (!err)
		err = cr_change_put(change, "/config.dump", "{}", 2);
	drop(cr_change_rename(change, "x", "y"));
	drop(cr_change_rename(change, "core-1.img", "core-2.img"));
	drop(cr_change_remove(change, "z"));
	return err;
}

static void check_rewritten(struct cr_change *change, int fd)
{
	struct cr_store *stores[2] = { cr_change_set(change)->store };
	struct cr_store_limits none = { .ratio = UINT64_MAX };
	struct cr_error *err = cr_store_open_fd(fd, "new", &none, &stores[1]);
	if (err)
		fuzz_fail("the new archive is none", err);
	drop(cr_store_each(stores[0], compare, stores));
	cr_store_close(stores[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	struct cr_change *change;
	struct cr_change_opts opts = { .dry_run = true, .limits = &limits };
	int in = memfd_create("fuzz", MFD_CLOEXEC);
	int out = memfd_create("fuzz", MFD_CLOEXEC);
	if (in < 0 || out < 0)
		abort();
	drop(cr_io_write(in, data, size));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", in);
	struct cr_error *err = cr_change_open(path, &opts, &change);
	if (!err) {
		err = make_changes(change);
		if (!err)
			err = cr_rewrite_archive(change, out);
		if (!err)
			check_rewritten(change, out);
		cr_change_close(change);
	}
	drop(err);
	close(in);
	close(out);
	return 0;
}
