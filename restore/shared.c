// SPDX-License-Identifier: MIT
#include "restore/shared.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "restore/early.h"
#include "restore/fd/kind.h"
#include "restore/fill.h"
#include "restore/steps.h"

static struct cr_shared *find(const struct cr_rplan *plan, uint32_t shmid)
{
	for (size_t i = 0; i < plan->nr_shared; i++) {
		if (plan->shared[i].shmid == shmid)
			return plan->shared + i;
	}
	return NULL;
}

struct cr_error *cr_shared_add(struct cr_rplan *plan, uint32_t shmid,
			       uint64_t size)
{
	struct cr_shared *shared = find(plan, shmid);
	if (!shared) {
		shared = reallocarray(plan->shared, plan->nr_shared + 1,
				      sizeof(*shared));
		if (!shared)
			return cr_enomem;
		plan->shared = shared;
		shared += plan->nr_shared++;
		*shared = (struct cr_shared){ .shmid = shmid, .fd = -1 };
	}
	if (size > shared->size)
		shared->size = size;
	return NULL;
}

int cr_shared_fd(const struct cr_rplan *plan, uint32_t shmid)
{
	const struct cr_shared *shared = find(plan, shmid);
	return shared ? shared->fd : -1;
}

struct cr_error *cr_shared_anonymous(struct cr_restore *run, uint64_t size,
				     int flags, int *fd_ret)
{
	char path[80];
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | flags, -1, 0);
	if (p == MAP_FAILED)
		return cr_error_sys("map %llu bytes of shared memory",
				    (unsigned long long)size);
	uint64_t start = (uintptr_t)p;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t end = start + (size + page - 1) / page * page;
	snprintf(path, sizeof(path), "self/map_files/%llx-%llx",
		 (unsigned long long)start, (unsigned long long)end);
	int fd = openat(run->proc_fd, path, O_RDWR | O_CLOEXEC);
	struct cr_error *err =
		fd < 0 ? cr_error_sys("/proc/%s", path) : cr_fds_stash(run, &fd);
	munmap(p, size);
	if (!err)
		*fd_ret = fd;
	return err;
}

static struct cr_error *fill_from(struct cr_pages *pages, struct cr_fill *fill,
				  uint64_t size, char *data)
{
	struct cr_error *err = NULL;
	for (uint64_t at = 0; !err && at < size;) {
		struct cr_run r;
		err = cr_pages_run(pages, at, &r);
		if (err)
			return err;
		if (r.kind == CR_RUN_LAZY)
			return cr_error_new(CR_ERR_UNSUPPORTED,
					    "pages were left to be sent later");
		if (r.end > size)
			r.end = size;
		if (r.kind == CR_RUN_DATA)
			err = cr_fill_run(fill, pages, &r, data + r.start);
		at = r.end;
	}
	return err ?: cr_fill(fill);
}

static struct cr_error *map(uint64_t size, int fd, void **ret)
{
	*ret = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return *ret == MAP_FAILED ? cr_error_sys("map shared memory") : NULL;
}

static struct cr_error *fill_early(const struct cr_early *early, uint64_t size,
				   int fd)
{
	void *data;
	struct cr_error *err = map(size, fd, &data);
	if (err)
		return err;
	cr_early_copy(early, 0, size, data, 0);
	munmap(data, size);
	return NULL;
}

struct cr_error *cr_shared_fill(struct cr_restore *run, uint32_t shmid,
				uint64_t size, int fd)
{
	const struct cr_early *early = cr_early_object(run->plan, shmid);
	struct cr_pages pages = { .file_fd = -1 };
	void *data;
	if (!size)
		return NULL;
	if (early)
		return fill_early(early, size, fd);
	cr_auto_free struct cr_fill *fill = calloc(1, sizeof(*fill));
	if (!fill)
		return cr_enomem;
	struct cr_error *err =
		cr_pages_open_object(&pages, &run->plan->memory, shmid);
	if (cr_error_catch(&err, CR_ERR_NOT_FOUND))
		return NULL; // never touched
	if (err)
		return err;
	err = map(size, fd, &data);
	if (!err) {
		err = fill_from(&pages, fill, size, data);
		munmap(data, size);
	}
	cr_pages_close(&pages);
	return err;
}

struct cr_error *cr_shared_open(struct cr_restore *run)
{
	for (size_t i = 0; i < run->plan->nr_shared; i++) {
		struct cr_shared *s = run->plan->shared + i;
		struct cr_error *err =
			cr_shared_anonymous(run, s->size, MAP_NORESERVE,
					    &s->fd);
		if (!err)
			err = cr_shared_fill(run, s->shmid, s->size, s->fd);
		if (err)
			return cr_error_at(err, "pagemap-shmem-%u.img",
					   (unsigned)s->shmid);
	}
	return NULL;
}
