// SPDX-License-Identifier: MIT
#include "crit/mem/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* ---- address spaces ---- */

static void forget(struct cr_mem *m)
{
	cr_pages_close(&m->pages);
	free(m->name);
	m->name = NULL;
	m->named = NULL;
}

static struct cr_error *open_process(struct cr_mem *m, uint32_t pid)
{
	forget(m);
	m->is_object = false;
	m->id = pid;
	return cr_pages_open(&m->pages, &m->memory, pid);
}

/* Remembers which parts of shared objects the open process shows. */
static struct cr_error *note_parts(struct cr_mem *m)
{
	for (size_t i = 0; i < m->pages.space.nr; i++) {
		const struct cr_vma *vma = &m->pages.space.vma[i];
		struct cr_mem_part part = { .start = vma->pgoff };
		bool is;
		struct cr_error *err =
			cr_memory_shmid(&m->memory, vma, &is, &part.id);
		if (err)
			return err;
		if (!is ||
		    __builtin_add_overflow(part.start, vma->end - vma->start,
					   &part.end))
			continue;
		if (m->nr_parts == m->cap_parts) {
			size_t cap = m->cap_parts ? 2 * m->cap_parts : 16;
			void *more = realloc(m->part, cap * sizeof(part));
			if (!more)
				return cr_enomem;
			m->part = more;
			m->cap_parts = cap;
		}
		m->part[m->nr_parts++] = part;
	}
	return NULL;
}

static int by_id_and_start(const void *a, const void *b)
{
	const struct cr_mem_part *x = a, *y = b;
	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

/* Sorts the parts and joins those that overlap, so that one tells. */
static void join_parts(struct cr_mem *m)
{
	size_t nr = 0;
	if (m->nr_parts)
		qsort(m->part, m->nr_parts, sizeof(m->part[0]),
		      by_id_and_start);
	for (size_t i = 0; i < m->nr_parts; i++) {
		struct cr_mem_part *last = nr ? &m->part[nr - 1] : NULL;
		const struct cr_mem_part *part = &m->part[i];
		if (!last || last->id != part->id || last->end < part->start)
			m->part[nr++] = *part;
		else if (part->end > last->end)
			last->end = part->end;
	}
	m->nr_parts = nr;
}

bool cr_mem_was_seen(const struct cr_mem *m, uint64_t vaddr, uint64_t size)
{
	size_t low = 0, high = m->nr_parts;
	struct cr_mem_part key = { .id = m->id, .start = vaddr };
	if (!m->is_object)
		return false;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (by_id_and_start(&m->part[mid], &key) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low && m->part[low - 1].id == m->id &&
	       m->part[low - 1].end - vaddr >= size &&
	       m->part[low - 1].end > vaddr;
}

/* Whether processes have shown all there is. */
static struct cr_error *is_all_seen(struct cr_mem *m, bool *ret)
{
	const struct cr_pagemap *map;
	struct cr_error *err =
		cr_object_map(m->pages.object, &m->memory, 0, &map);
	if (err)
		return err;
	*ret = !map->nr;
	if (map->nr) {
		uint64_t start = map->range[0].start;
		uint64_t end = cr_range_end(map, &map->range[map->nr - 1]);
		*ret = cr_mem_was_seen(m, start, end - start);
	}
	return NULL;
}

static void each_object(struct cr_mem *m,
			struct cr_error *(*fn)(struct cr_mem *m))
{
	struct cr_memory_ids ids;
	struct cr_error *err = cr_memory_objects(&m->memory, &ids);
	if (err) {
		cr_x_fail(&m->x, err);
		return;
	}
	if (!ids.nr && !m->pids.nr)
		cr_x_fail(&m->x, cr_error_new(CR_ERR_NOT_FOUND,
					      "%s: no memory of any process",
					      m->o->dir));
	join_parts(m);
	for (size_t i = 0; i < ids.nr && !m->x.err; i++) {
		bool seen = false;
		forget(m);
		m->is_object = true;
		m->id = ids.id[i];
		err = cr_pages_open_object(&m->pages, &m->memory, m->id);
		if (!err)
			err = is_all_seen(m, &seen);
		if (!err && !seen)
			err = fn(m);
		cr_x_find(&m->x, err);
	}
	free(ids.id);
}

void cr_mem_each(struct cr_mem *m, struct cr_error *(*fn)(struct cr_mem *m))
{
	for (size_t i = 0; i < m->pids.nr && !m->x.err; i++) {
		struct cr_error *err = open_process(m, m->pids.id[i]);
		if (!err && !m->o->pids)
			err = note_parts(m);
		if (!err)
			err = fn(m);
		cr_x_find(&m->x, err);
	}
	if (!m->o->pids && !m->x.err)
		each_object(m, fn);
	forget(m);
}

struct cr_error *cr_mem_open_one(struct cr_mem *m)
{
	if (m->pids.nr > 1)
		return cr_error_new(CR_ERR_USAGE,
				    "there are %zu processes: -p PID says "
				    "which",
				    m->pids.nr);
	if (!m->pids.nr)
		return cr_error_new(CR_ERR_NOT_FOUND,
				    "%s: no process with memory", m->o->dir);
	return open_process(m, m->pids.id[0]);
}

/* ---- places ---- */

const char *cr_mem_name(struct cr_mem *m, const struct cr_vma *vma)
{
	if (!vma)
		return "";
	if (m->named == vma)
		return m->name;
	free(m->name);
	m->name = NULL;
	m->named = NULL;
	struct cr_error *err = cr_memory_name(&m->memory, vma, &m->name);
	if (err) {
		cr_x_find(&m->x, err);
		return "";
	}
	m->named = vma;
	return m->name;
}

void cr_mem_perms(const struct cr_vma *vma, char *ret)
{
	ret[0] = vma->prot & PROT_READ ? 'r' : '-';
	ret[1] = vma->prot & PROT_WRITE ? 'w' : '-';
	ret[2] = vma->prot & PROT_EXEC ? 'x' : '-';
	ret[3] = vma->flags & MAP_SHARED ? 's' : 'p';
	ret[4] = 0;
}

/* Where the byte is in what is mapped: in the file or object, else from the
 * mapping's start. */
static uint64_t offset_in(const struct cr_vma *vma, uint64_t vaddr)
{
	const uint32_t backed = CR_VMA_FILE_PRIVATE | CR_VMA_FILE_SHARED |
				CR_VMA_ANON_SHARED | CR_VMA_SYSVIPC;
	return vaddr - vma->start + (vma->status & backed ? vma->pgoff : 0);
}

static void put_mapping(struct cr_mem *m, const struct cr_vma *vma,
			uint64_t vaddr)
{
	struct cr_x *x = &m->x;
	const char *name = cr_mem_name(m, vma);
	char perms[5];
	cr_mem_perms(vma, perms);
	cr_x_text(x, " 0x%" PRIx64 "-0x%" PRIx64 " %s ", vma->start, vma->end,
		  perms);
	cr_x_safe(x, *name ? name : "anon", strlen(*name ? name : "anon"));
	cr_x_text(x, "+0x%" PRIx64, offset_in(vma, vaddr));
	cr_x_open(x, "vma", '{');
	cr_x_hex(x, "start", vma->start);
	cr_x_hex(x, "end", vma->end);
	cr_x_string(x, "perms", perms);
	cr_x_string(x, "name", *name ? name : NULL);
	cr_x_hex(x, "offset", offset_in(vma, vaddr));
	cr_x_close(x, '}');
}

static void put_image(struct cr_mem *m, const struct cr_run *run)
{
	struct cr_x *x = &m->x;
	char name[48];
	if (run->kind == CR_RUN_CONTENT)
		snprintf(name, sizeof(name), "%s", run->content->image);
	else
		snprintf(name, sizeof(name), "pages-%u.img",
			 (unsigned)run->pages_id);
	cr_x_text(x, " ");
	for (unsigned i = 0; i < run->layer; i++)
		cr_x_text(x, "parent/");
	cr_x_text(x, "%s+0x%" PRIx64, name, run->off);
	cr_x_string(x, "image", name);
	cr_x_u64(x, "parents", run->layer);
	cr_x_hex(x, "image_offset", run->off);
}

void cr_mem_place(struct cr_mem *m, uint64_t vaddr)
{
	struct cr_x *x = &m->x;
	struct cr_run run;
	struct cr_error *err = cr_pages_run(&m->pages, vaddr, &run);
	if (err) {
		cr_x_fail(x, err);
		return;
	}
	cr_x_text(x, m->is_object ? "shm:%u" : "%u", (unsigned)m->id);
	cr_x_text(x, " 0x%" PRIx64, vaddr);
	cr_x_u64(x, m->is_object ? "shmid" : "pid", m->id);
	cr_x_hex(x, "address", vaddr);
	if (run.vma) {
		put_mapping(m, run.vma, vaddr);
	} else {
		cr_x_text(x, " - - -");
		cr_x_null(x, "vma");
	}
	if (run.kind == CR_RUN_DATA || run.kind == CR_RUN_CONTENT) {
		put_image(m, &run);
	} else {
		cr_x_text(x, " -");
		cr_x_null(x, "image");
	}
}

struct cr_error *cr_mem_range(struct cr_mem *m, size_t i, uint64_t *vaddr_ret,
			      uint64_t *size_ret)
{
	uint64_t end;
	struct cr_error *err = cr_opts_number(m->o->args.word[i], vaddr_ret);
	if (err)
		return cr_error_at(err, "ADDR");
	err = cr_opts_size(m->o->args.word[i + 1], size_ret);
	if (err)
		return cr_error_at(err, "LEN");
	if (__builtin_add_overflow(*vaddr_ret, *size_ret, &end))
		return cr_error_new(CR_ERR_USAGE,
				    "0x%" PRIx64 " and %" PRIu64 " bytes are "
				    "more than there are addresses",
				    *vaddr_ret, *size_ret);
	return NULL;
}

/* ---- hexdump ---- */

static char *put_hex_columns(char *o, const uint8_t *data, size_t size,
			     size_t wide)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < wide; i++) {
		*o++ = ' ';
		if (i == 8)
			*o++ = ' ';
		*o++ = i < size ? digits[data[i] >> 4] : ' ';
		*o++ = i < size ? digits[data[i] & 15] : ' ';
	}
	return o;
}

void cr_mem_hex(char ret[CR_MEM_HEX_MAX], uint64_t vaddr, const uint8_t *data,
		size_t size, size_t wide)
{
	char *o = ret + sprintf(ret, "%012" PRIx64 " ", vaddr);
	o = put_hex_columns(o, data, size, wide);
	memcpy(o, "  |", 3);
	o += 3;
	for (size_t i = 0; i < size; i++)
		*o++ = data[i] >= ' ' && data[i] < 0x7f ? (char)data[i] : '.';
	*o++ = '|';
	*o = 0;
}

size_t cr_mem_wide(const struct cr_term *term, size_t indent)
{
	/* "ADDRESS ", " xx" each and one blank more, "  |", text, "|". */
	size_t columns = indent + 13 + 3 * 16 + 1 + 3 + 16 + 1;
	return term && term->columns && term->columns < columns ? 8 : 16;
}

static void put_row(struct cr_mem *m, struct cr_mem_rows *rows, uint64_t vaddr,
		    const uint8_t *data, size_t size, size_t wide)
{
	char text[CR_MEM_HEX_MAX];
	bool same = rows->has_last && size == wide &&
		    !memcmp(rows->last, data, wide);
	if (same && !rows->starred)
		cr_x_text(&m->x, "%s*\n", rows->indent);
	rows->starred = same;
	if (same)
		return;
	rows->has_last = size == wide;
	if (size == wide)
		memcpy(rows->last, data, wide);
	cr_mem_hex(text, vaddr, data, size, wide);
	cr_x_text(&m->x, "%s%s\n", rows->indent, text);
}

void cr_mem_put(struct cr_mem *m, struct cr_mem_rows *rows, uint64_t vaddr,
		const uint8_t *data, size_t size)
{
	size_t wide = cr_mem_wide(m->x.term, strlen(rows->indent));
	for (size_t i = 0; i < size; i += wide)
		put_row(m, rows, vaddr + i, data + i,
			size - i < wide ? size - i : wide, wide);
}
