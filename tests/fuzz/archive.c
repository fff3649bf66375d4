// SPDX-License-Identifier: MIT
/*
 * A container checkpoint's archive: opens it, and reads what is in it and what
 * it names. No name leads out, so that nothing here may open a file of the
 * system; a member reads the same forward and backward.
 */
#include <sys/mman.h>

#include "lib/store/store.h"
#include "tests/fuzz/fuzz.h"

/* Enough to say something, and little to wait for. */
#define LIMIT (2 << 20)

static void drop(struct cr_error *err)
{
	if (err && cr_error_code(err) == CR_ERR_INTERNAL)
		fuzz_fail("an internal error", err);
	cr_error_free(err);
}

static void read_both_ways(struct cr_file *file)
{
	size_t size = (size_t)file->size, step = size / 5 + 1;
	struct fuzz_bytes there = { malloc(size + 1), size };
	struct fuzz_bytes back = { malloc(size + 1), size };
	if (!there.data || !back.data)
		abort();
	struct cr_error *err = cr_file_read(file, there.data, size, 0);
	for (size_t end = size; !err && end;) {
		size_t n = end < step ? end : step;
		end -= n;
		err = cr_file_read(file, back.data + end, n, end);
	}
	fuzz_check(err || fuzz_same(there, back),
		   "a member reads otherwise backward");
	drop(err);
	free(there.data);
	free(back.data);
}

static struct cr_error *visit(void *arg, const char *name)
{
	struct cr_store *store = arg, *parent;
	struct cr_file file;
	char *link;
	struct cr_error *err = cr_store_open_file(store, name, &file);
	if (!err) {
		read_both_ways(&file);
		cr_file_close(&file);
	}
	drop(err);
	err = cr_store_open_parent(store, name, &parent);
	if (!err)
		cr_store_close(parent);
	drop(err);
	err = cr_store_read_link(store, name, &link);
	if (!err)
		free(link);
	drop(err);
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	struct cr_store *store;
	struct cr_file file;
	struct cr_store_limits limits = { .nr_members = 2000,
					  .member_size = LIMIT,
					  .total_size = 2 * LIMIT };
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd < 0)
		abort();
	drop(cr_io_write(fd, data, size));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	struct cr_error *err = cr_store_open_limited(path, &limits, &store);
	close(fd);
	if (err) {
		drop(err);
		return 0;
	}
	drop(cr_store_each(store, visit, store));
	fuzz_check((err = cr_store_open_top(store, "../etc/passwd", &file)) !=
			   NULL,
		   "a name leads out");
	drop(err);
	cr_store_close(store);
	return 0;
}
