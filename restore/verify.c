// SPDX-License-Identifier: MIT
/*
 * --verify of memory: what a process has mapped, with its protection, is what the images
 * say, and so is every byte that they hold. Done before anything of it is registered with
 * the kernel, which writes to such memory.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "restore/inject.h"
#include "restore/maps.h"
#include "restore/steps.h"

typedef unsigned long long ull;

#define CHUNK (1u << 20)

struct check {
	int fd; // its memory
	struct cr_pages *pages;
	uint8_t *want, *have; // CHUNK bytes each
};

static struct cr_error *check_run(struct check *c, const struct cr_run *r)
{
	struct cr_error *err = NULL;
	for (uint64_t at = r->start; !err && at < r->end;) {
		size_t size = r->end - at < CHUNK ? r->end - at : CHUNK;
		err = cr_pages_fill(c->pages, r, at, c->want, size);
		if (!err)
			err = cr_io_pread(c->fd, c->have, size, at);
		if (!err && memcmp(c->want, c->have, size))
			err = cr_error_new(CR_ERR_INTERNAL,
					   "0x%llx: %zu bytes differ from the "
					   "images",
					   (ull)at, size);
		at += size;
	}
	return err;
}

// What cannot be read from outside is left out: memory without PROT_READ.
static struct cr_error *check_mapping(struct check *c,
				      const struct cr_mapping *m)
{
	struct cr_error *err = NULL;
	bool readable = m->vma->prot & 1 && !m->wiped;
	for (uint64_t at = m->vma->start; readable && !err && at < m->vma->end;) {
		struct cr_run r;
		err = cr_pages_run(c->pages, at, &r);
		if (err)
			return err;
		if (r.end > m->vma->end)
			r.end = m->vma->end;
		if (r.kind == CR_RUN_DATA)
			err = check_run(c, &r);
		at = r.end;
	}
	return err;
}

// Neighbours that are alike are one area for the kernel.
static struct cr_error *check_area(const struct cr_maps *maps, size_t *i,
				   const VmaEntry *vma)
{
	uint64_t at = vma->start;
	while (at < vma->end) {
		while (*i < maps->nr && maps->area[*i].end <= at)
			++*i;
		const struct cr_area *a = maps->area + *i;
		if (*i == maps->nr || a->start > at)
			return cr_error_new(CR_ERR_INTERNAL,
					    "0x%llx: nothing is mapped",
					    (ull)at);
		if (a->prot != (int)vma->prot)
			return cr_error_new(CR_ERR_INTERNAL,
					    "0x%llx: protection %d, not %u",
					    (ull)at, a->prot,
					    (unsigned)vma->prot);
		at = a->end;
	}
	return NULL;
}

static struct cr_error *check_all(struct check *c, struct cr_proc *proc,
				  const struct cr_maps *maps)
{
	size_t i = 0;
	struct cr_error *err = NULL;
	for (size_t j = 0; !err && j < proc->nr_mappings; j++) {
		const struct cr_mapping *m = proc->mapping + j;
		err = check_area(maps, &i, m->vma);
		// The jumps in it are ours.
		if (!err && !(m->vma->status & CR_VMA_VDSO))
			err = check_mapping(c, m);
		if (err)
			return cr_error_at(err,
					   "mm-%u.img: entry 0: mapping %zu",
					   (unsigned)proc->vpid, m->i);
	}
	return NULL;
}

struct cr_error *cr_verify_memory(struct cr_restore *run,
				  struct cr_thread *thread)
{
	struct cr_proc *proc = thread->proc;
	struct cr_maps maps;
	char name[24];
	if (!run->options->verify)
		return NULL;
	cr_auto_free uint8_t *buf = malloc(2 * CHUNK);
	if (!buf)
		return cr_enomem;
	// process_vm_readv(2) would end the sharing of pages.
	snprintf(name, sizeof(name), "%d/mem", (int)proc->pid);
	cr_auto_close int fd = openat(run->proc_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return cr_error_sys("/proc/%s", name);
	struct check c = { fd, &proc->pages, buf, buf + CHUNK };
	snprintf(name, sizeof(name), "%d", (int)proc->pid);
	struct cr_error *err = cr_inject_now(thread);
	if (!err)
		err = cr_maps_read(run->proc_fd, name, &maps);
	if (err)
		return err;
	err = check_all(&c, proc, &maps);
	cr_maps_free(&maps);
	return err;
}
