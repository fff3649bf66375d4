// SPDX-License-Identifier: MIT
#include "lib/pages/reader.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/pages/lz4.h"

typedef unsigned long long ull;

struct cr_error *cr_pages_open(struct cr_pages *pages, struct cr_memory *memory,
			       uint32_t pid)
{
	*pages = (struct cr_pages){ .memory = memory, .file_fd = -1 };
	struct cr_error *err = cr_space_init(&pages->space, memory->set, pid);
	if (err)
		return err;
	const struct cr_pagemap *map;
	if (pages->space.no_vmas && memory->page_guess)
		pages->space.page_size = memory->page_guess;
	memory->page_size = pages->space.page_size;
	cr_object_init(&pages->own, "pagemap", pid, pages->space.page_size);
	err = cr_object_map(&pages->own, memory, 0, &map);
	if (err)
		cr_pages_close(pages);
	return err;
}

/* Objects do not say what a page is: any process does. */
static struct cr_error *need_page_size(struct cr_memory *memory)
{
	struct cr_memory_ids pids;
	struct cr_space space;
	if (memory->page_size)
		return NULL;
	memory->page_size = CR_SPACE_PAGE_SIZE;
	struct cr_error *err = cr_memory_pids(memory, &pids);
	if (err)
		return err;
	if (pids.nr) {
		err = cr_space_init(&space, memory->set, pids.id[0]);
		if (!err) {
			memory->page_size = space.page_size;
			cr_space_deinit(&space);
		}
	}
	free(pids.id);
	return err;
}

struct cr_error *cr_pages_open_object(struct cr_pages *pages,
				      struct cr_memory *memory, uint32_t id)
{
	const struct cr_pagemap *map = NULL;
	*pages = (struct cr_pages){ .memory = memory, .file_fd = -1 };
	struct cr_error *err = need_page_size(memory);
	if (!err)
		err = cr_memory_shared(memory, id, memory->page_size,
				       &pages->object);
	if (!err)
		err = cr_object_map(pages->object, memory, 0, &map);
	if (err)
		return err;
	if (!map)
		return cr_error_new(CR_ERR_NOT_FOUND, "%s: no such file",
				    pages->object->name);
	pages->space.page_size = memory->page_size;
	pages->space.no_vmas = true;
	return NULL;
}

void cr_pages_close(struct cr_pages *pages)
{
	if (!pages->memory)
		return;
	cr_object_deinit(&pages->own);
	cr_space_deinit(&pages->space);
	free(pages->plain);
	free(pages->packed);
	if (pages->file_fd >= 0)
		close(pages->file_fd);
	*pages = (struct cr_pages){ .file_fd = -1 };
}

/* ---- runs ---- */

static void cut(struct cr_run *run, uint64_t end)
{
	if (run->end > end)
		run->end = end;
}

static struct cr_error *not_in_parent(struct cr_pages *pages,
				      const struct cr_run *run, unsigned layer,
				      const char *why)
{
	struct cr_error *err =
		cr_error_new(CR_ERR_FORMAT,
			     "%s: the page at 0x%llx is said to be in the "
			     "parent, %s",
			     run->object->name, (ull)run->vaddr, why);
	return cr_chain_at(&pages->memory->chain, layer - 1, err);
}

/*
 * Looks for run->vaddr in run->object, from layer 0 on; its end is cut to what
 * has the same story. *hole_ret: the first layer has nothing there, and
 * run->end is where it has.
 */
static struct cr_error *resolve(struct cr_pages *pages, struct cr_run *run,
				bool *hole_ret)
{
	uint64_t vaddr = run->vaddr;
	for (unsigned layer = 0;; layer++) {
		const struct cr_pagemap *map = NULL;
		struct cr_error *err =
			cr_object_map(run->object, pages->memory, layer, &map);
		if (layer && err && cr_error_code(err) == CR_ERR_NOT_FOUND) {
			cr_error_free(err);
			return not_in_parent(pages, run, layer,
					     "and there is none");
		}
		if (err)
			return err;
		size_t i = map ? cr_pagemap_find(map, vaddr) : 0;
		const struct cr_range *r =
			map && i < map->nr ? &map->range[i] : NULL;
		bool here = r && r->start <= vaddr;
		if (!here && layer)
			return not_in_parent(pages, run, layer,
					     "which has none there");
		if (!here) {
			if (r && r->start - vaddr < run->end - run->start)
				run->end = run->start + (r->start - vaddr);
			*hole_ret = true;
			return NULL;
		}
		uint64_t left = cr_range_end(map, r) - vaddr;
		if (left < run->end - run->start)
			run->end = run->start + left;
		if (r->flags & CR_RANGE_PARENT)
			continue;
		run->layer = layer;
		run->pages_id = map->pages_id;
		run->range = i;
		run->off = r->off + (vaddr - r->start);
		run->kind = r->flags & CR_RANGE_PRESENT ? CR_RUN_DATA
			    : r->flags & CR_RANGE_LAZY	? CR_RUN_LAZY
							: CR_RUN_ZERO;
		if (run->kind == CR_RUN_DATA && r->flags & CR_RANGE_BLOCKS) {
			struct cr_block block;
			cr_pagemap_block(map, i, vaddr, &block);
			run->off = block.off;
			left = block.start + block.plain_size - vaddr;
			if (left < run->end - run->start)
				run->end = run->start + left;
		}
		*hole_ret = false;
		return NULL;
	}
}

/* Where a mapping begins to show its file or object from run->start on. */
static uint64_t offset_of(const struct cr_run *run)
{
	uint64_t off;
	if (__builtin_add_overflow(run->vma->pgoff,
				   run->start - run->vma->start, &off))
		return UINT64_MAX;
	return off;
}

/* What an image holds of it. */
static void run_content(struct cr_run *run, const struct cr_content *content)
{
	uint64_t off = offset_of(run), end;
	run->kind = CR_RUN_ZERO;
	run->content = content;
	if (off >= content->size)
		return;
	if (cr_content_find(content, off, &run->off, &end))
		run->kind = CR_RUN_CONTENT;
	if (end - off < run->end - run->start)
		run->end = run->start + (end - off);
}

/* A shared object without a pagemap: before CRIU 3.0, segments had none. */
static struct cr_error *run_segment(struct cr_pages *pages, struct cr_run *run,
				    uint32_t id)
{
	const struct cr_content *content = NULL;
	struct cr_error *err = NULL;
	run->kind = CR_RUN_MISSING;
	if (run->vma->status & CR_VMA_SYSVIPC)
		err = cr_contents_segment(&pages->memory->contents,
					  pages->memory->set, id, &content);
	if (!err && content)
		run_content(run, content);
	return err;
}

/* What a mapping shows where its process has no page of its own. */
static struct cr_error *run_shared(struct cr_pages *pages, struct cr_run *run,
				   uint32_t id)
{
	uint32_t page_size = pages->space.page_size;
	const struct cr_pagemap *map = NULL;
	bool hole = false;
	struct cr_error *err =
		cr_memory_shared(pages->memory, id, page_size, &run->object);
	if (!err)
		err = cr_object_map(run->object, pages->memory, 0, &map);
	if (err)
		return err;
	run->vaddr = offset_of(run);
	if (!map)
		return run_segment(pages, run, id);
	run->kind = CR_RUN_ZERO;
	return run->vaddr == UINT64_MAX ? NULL : resolve(pages, run, &hole);
}

static struct cr_error *need_file(struct cr_pages *pages,
				  const struct cr_vma *vma)
{
	struct stat st;
	if (pages->file_known && pages->file_id == vma->shmid)
		return NULL;
	if (pages->file_fd >= 0)
		close(pages->file_fd);
	pages->file_fd = -1;
	pages->file_known = false;
	struct cr_error *err =
		cr_memory_open_file(pages->memory, vma, &pages->file_fd);
	if (err)
		return err;
	if (pages->file_fd >= 0 && fstat(pages->file_fd, &st))
		return cr_error_sys("fstat");
	pages->file_size = pages->file_fd >= 0 ? (uint64_t)st.st_size : 0;
	pages->file_id = vma->shmid;
	pages->file_known = true;
	return NULL;
}

static struct cr_error *run_file(struct cr_pages *pages, struct cr_run *run)
{
	const struct cr_content *ghost = NULL;
	struct cr_memory *memory = pages->memory;
	struct cr_error *err = NULL;
	uint64_t off = offset_of(run);
	run->kind = CR_RUN_MISSING;
	/* Another file may have the name of a deleted one by now. */
	if (run->vma->shmid <= UINT32_MAX)
		err = cr_contents_ghost(&memory->contents, memory->set,
					(uint32_t)run->vma->shmid, &ghost);
	if (!err && ghost)
		run_content(run, ghost);
	if (!err && !ghost)
		err = need_file(pages, run->vma);
	if (err || ghost || pages->file_fd < 0)
		return err;
	run->kind = CR_RUN_ZERO;
	if (off >= pages->file_size)
		return NULL;
	run->kind = CR_RUN_FILE;
	run->off = off;
	if (pages->file_size - off < run->end - run->start)
		run->end = run->start + (pages->file_size - off);
	return NULL;
}

static struct cr_error *run_of_vma(struct cr_pages *pages, struct cr_run *run)
{
	const uint32_t by_kernel = CR_VMA_VDSO | CR_VMA_VVAR | CR_VMA_VSYSCALL |
				   CR_VMA_SOCKET | CR_VMA_AIORING |
				   CR_VMA_UPROBES;
	bool is_shared = false;
	uint32_t id = 0;
	struct cr_error *err =
		cr_memory_shmid(pages->memory, run->vma, &is_shared, &id);
	if (err)
		return err;
	if (is_shared)
		return run_shared(pages, run, id);
	if (cr_vma_is_file(run->vma))
		return run_file(pages, run);
	run->kind = run->vma->status & (by_kernel | CR_VMA_MEMFD)
			    ? CR_RUN_MISSING
			    : CR_RUN_ZERO;
	return NULL;
}

struct cr_error *cr_pages_run(struct cr_pages *pages, uint64_t vaddr,
			      struct cr_run *ret)
{
	const struct cr_space *space = &pages->space;
	size_t i = cr_space_find(space, vaddr);
	const struct cr_vma *next = i < space->nr ? &space->vma[i] : NULL;
	bool inside = next && next->start <= vaddr;
	bool hole = true;
	*ret = (struct cr_run){
		.start = vaddr,
		.end = UINT64_MAX,
		.vma = inside ? next : NULL,
		.object = pages->object ?: &pages->own,
		.vaddr = vaddr,
	};
	if (next)
		cut(ret, inside ? next->end : next->start);
	struct cr_error *err = resolve(pages, ret, &hole);
	if (!err && hole) {
		ret->object = NULL;
		err = inside ? run_of_vma(pages, ret) : NULL;
	}
	if (err)
		ret->kind = CR_RUN_MISSING;
	return err;
}

/* ---- bytes ---- */

static struct cr_error *need_buffers(struct cr_pages *pages)
{
	if (!pages->plain)
		pages->plain = malloc(CR_BLOCK_MAX);
	if (!pages->packed)
		pages->packed = malloc(CR_BLOCK_MAX);
	return pages->plain && pages->packed ? NULL : cr_enomem;
}

static struct cr_error *expand_to(struct cr_pages *pages, struct cr_file *file,
				  const struct cr_block *block, void *plain)
{
	struct cr_error *err =
		cr_file_read(file, pages->packed, block->size, block->off);
	return err ? err :
		     cr_lz4_expand(pages->packed, block->size, plain,
				   block->plain_size);
}

static struct cr_error *expand(struct cr_pages *pages, const struct cr_run *run,
			       struct cr_file *file,
			       const struct cr_block *block)
{
	if (pages->last.object == run->object &&
	    pages->last.layer == run->layer &&
	    pages->last.block.off == block->off &&
	    pages->last.block.start == block->start)
		return NULL;
	pages->last.object = NULL;
	struct cr_error *err = expand_to(pages, file, block, pages->plain);
	if (err)
		return err;
	pages->last.object = run->object;
	pages->last.layer = run->layer;
	pages->last.block = *block;
	return NULL;
}

/* size bytes of one block, from `at` on. */
static struct cr_error *fill_block(struct cr_pages *pages,
				   const struct cr_run *run,
				   struct cr_file *file,
				   const struct cr_block *block, uint64_t at,
				   void *data, size_t size)
{
	if (!block->size) {
		memset(data, 0, size);
		return NULL;
	}
	if (block->size == block->plain_size)
		return cr_file_read(file, data, size, block->off + at);
	struct cr_error *err = need_buffers(pages);
	if (!err && size == block->plain_size)
		return expand_to(pages, file, block, data);
	if (!err)
		err = expand(pages, run, file, block);
	if (!err)
		memcpy(data, pages->plain + at, size);
	return err;
}

static struct cr_error *fill_blocks(struct cr_pages *pages,
				    const struct cr_run *run,
				    struct cr_file *file, uint64_t vaddr,
				    uint8_t *data, size_t size)
{
	const struct cr_pagemap *map = &run->object->layer[run->layer].map;
	while (size) {
		struct cr_block block;
		cr_pagemap_block(map, run->range, vaddr, &block);
		uint64_t at = vaddr - block.start;
		size_t n = block.plain_size - (size_t)at;
		if (n > size)
			n = size;
		struct cr_error *err =
			fill_block(pages, run, file, &block, at, data, n);
		if (err)
			return cr_error_at(
				err, "%s: pages from 0x%llx on: block %llu",
				run->object->name,
				(ull)map->range[run->range].start,
				(ull)block.nr);
		vaddr += n;
		data += n;
		size -= n;
	}
	return NULL;
}

static struct cr_error *fill_data(struct cr_pages *pages,
				  const struct cr_run *run, uint64_t vaddr,
				  void *data, size_t size)
{
	const struct cr_pagemap *map = &run->object->layer[run->layer].map;
	struct cr_chain *chain = &pages->memory->chain;
	struct cr_file *file;
	struct cr_error *err =
		cr_chain_pages(chain, run->layer, run->pages_id, &file);
	if (err)
		return err;
	if (map->range[run->range].flags & CR_RANGE_BLOCKS)
		err = fill_blocks(pages, run, file,
				  run->vaddr + (vaddr - run->start), data,
				  size);
	else
		err = cr_file_read(file, data, size,
				   run->off + (vaddr - run->start));
	if (err)
		err = cr_error_at(err, "pages-%u.img", (unsigned)run->pages_id);
	return err ? cr_chain_at(chain, run->layer, err) : NULL;
}

/* A file that has become shorter reads as zeros behind its end. */
static struct cr_error *fill_file(struct cr_pages *pages,
				  const struct cr_run *run, uint64_t vaddr,
				  void *data, size_t size)
{
	struct cr_error *err = need_file(pages, run->vma);
	if (!err && pages->file_fd >= 0)
		err = cr_io_pread(pages->file_fd, data, size,
				  run->off + (vaddr - run->start));
	return err;
}

/* The image of the run's content, open. */
static struct cr_error *open_content(struct cr_pages *pages,
				     const struct cr_run *run,
				     struct cr_file **ret)
{
	struct cr_memory *memory = pages->memory;
	return cr_contents_file(&memory->contents, memory->set, run->content,
				ret);
}

static struct cr_error *fill_content(struct cr_pages *pages,
				     const struct cr_run *run, uint64_t vaddr,
				     void *data, size_t size)
{
	struct cr_file *file;
	struct cr_error *err = open_content(pages, run, &file);
	if (err)
		return err;
	err = cr_file_read(file, data, size, run->off + (vaddr - run->start));
	return err ? cr_error_at(err, "%s", run->content->image) : NULL;
}

struct cr_error *cr_pages_fill(struct cr_pages *pages, const struct cr_run *run,
			       uint64_t vaddr, void *data, size_t size)
{
	switch (run->kind) {
	case CR_RUN_DATA:
		return fill_data(pages, run, vaddr, data, size);
	case CR_RUN_FILE:
		return fill_file(pages, run, vaddr, data, size);
	case CR_RUN_CONTENT:
		return fill_content(pages, run, vaddr, data, size);
	case CR_RUN_ZERO:
		memset(data, 0, size);
		return NULL;
	default:
		return cr_pages_why(pages, run, vaddr);
	}
}

struct cr_error *cr_pages_fd(struct cr_pages *pages, const struct cr_run *run,
			     uint64_t vaddr, int *fd_ret, uint64_t *off_ret)
{
	struct cr_error *err = NULL;
	struct cr_file *file;
	*fd_ret = -1;
	*off_ret = run->off + (vaddr - run->start);
	if (run->kind == CR_RUN_FILE) {
		err = need_file(pages, run->vma);
		*fd_ret = pages->file_fd;
	} else if (run->kind == CR_RUN_CONTENT) {
		err = open_content(pages, run, &file);
		if (!err)
			*fd_ret = file->fd;
	} else if (run->kind == CR_RUN_DATA) {
		const struct cr_pagemap *map =
			&run->object->layer[run->layer].map;
		if (map->range[run->range].flags & CR_RANGE_BLOCKS)
			return NULL;
		err = cr_chain_pages(&pages->memory->chain, run->layer,
				     run->pages_id, &file);
		if (!err)
			*fd_ret = file->fd;
	}
	return err;
}

struct cr_error *cr_pages_read(struct cr_pages *pages, uint64_t vaddr,
			       void *data, size_t size)
{
	uint8_t *p = data;
	while (size) {
		struct cr_run run;
		struct cr_error *err = cr_pages_run(pages, vaddr, &run);
		if (err)
			return err;
		uint64_t left = run.end - vaddr;
		size_t n = left < size ? (size_t)left : size;
		if (!left)
			return cr_pages_why(pages, &run, vaddr);
		err = cr_pages_fill(pages, &run, vaddr, p, n);
		if (err)
			return err;
		vaddr += n;
		p += n;
		size -= n;
	}
	return NULL;
}

struct cr_error *cr_pages_why(struct cr_pages *pages, const struct cr_run *run,
			      uint64_t vaddr)
{
	const struct cr_vma *vma = run->vma;
	cr_auto_free char *name = NULL;
	if (run->kind == CR_RUN_LAZY)
		return cr_error_new(CR_ERR_NOT_FOUND,
				    "0x%llx: was left to be sent later (lazy)",
				    (ull)vaddr);
	if (!vma)
		return cr_error_new(CR_ERR_NOT_FOUND,
				    "0x%llx: nothing is mapped there",
				    (ull)vaddr);
	struct cr_error *err = cr_memory_name(pages->memory, vma, &name);
	if (err)
		return err;
	if (cr_vma_is_file(vma))
		return cr_error_new(
			CR_ERR_NOT_FOUND,
			"0x%llx: is at 0x%llx in %s, which is not in the "
			"%s",
			(ull)vaddr, (ull)(vma->pgoff + (vaddr - vma->start)),
			name,
			pages->memory->sysroot_fd < 0 ? "checkpoint"
						      : "sysroot");
	return cr_error_new(CR_ERR_NOT_FOUND,
			    "0x%llx: is in %s, whose pages are not in the "
			    "checkpoint",
			    (ull)vaddr, name);
}
