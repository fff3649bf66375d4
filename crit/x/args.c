// SPDX-License-Identifier: MIT
/*
 * What a process was started with: its arguments and its environment. Both are
 * in its memory, where the mm image says, and are what the process has made of
 * them since.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crit/x/table.h"
#include "crit/x/views.h"
#include "lib/base/cleanup.h"
#include "lib/pages/reader.h"

// clang-format off
static const struct cr_column cmd_columns[] = {
	{ "pid", true }, { "comm" }, { "cmd" }, { 0 },
};

static const struct cr_column env_columns[] = {
	{ "pid", true }, { "name" }, { "value" }, { 0 },
};
// clang-format on

/* More than the kernel lets exec(2) have: 3/4 of the 8 MiB of a usual stack. */
#define AREA_MAX (6u << 20)
#define CHUNK (64u << 10)

/* Bytes of a process. */
struct area {
	uint64_t start, end;
	char *data;
	size_t size;
};

/* Reads as much of an area as there is. */
static struct cr_error *read_area(struct cr_pages *pages, struct area *a)
{
	uint64_t want = a->end > a->start ? a->end - a->start : 0;
	if (want > AREA_MAX)
		return cr_error_new(CR_ERR_FORMAT,
				    "%llu bytes of arguments or environment "
				    "are more than a process can have",
				    (unsigned long long)want);
	while (a->size < want) {
		size_t n = want - a->size < CHUNK ? want - a->size : CHUNK;
		char *more = realloc(a->data, a->size + n);
		if (!more)
			return cr_enomem;
		a->data = more;
		struct cr_error *err = cr_pages_read(
			pages, a->start + a->size, a->data + a->size, n);
		if (err)
			return err;
		a->size += n;
	}
	return NULL;
}

/* The area of one process. False for one without memory. */
static bool load_area(struct cr_x *x, struct cr_memory *memory, uint32_t pid,
		      bool env, struct area *ret)
{
	struct cr_pages pages = { 0 };
	struct cr_mm mm = { 0 };
	*ret = (struct area){ 0 };
	cr_x_find(x, cr_mm_load(&x->set, pid, &mm));
	if (!mm.entry)
		return false;
	ret->start = env ? mm.entry->mm_env_start : mm.entry->mm_arg_start;
	ret->end = env ? mm.entry->mm_env_end : mm.entry->mm_arg_end;
	cr_mm_free(&mm);
	struct cr_error *err = cr_pages_open(&pages, memory, pid);
	if (!err)
		err = read_area(&pages, ret);
	cr_pages_close(&pages);
	if (err)
		cr_x_find(x, cr_error_at(err, "process %u", pid));
	return true;
}

static void show_env(struct cr_x *x, uint32_t pid, const struct area *a)
{
	for (size_t at = 0; a && at < a->size && !x->err;) {
		const char *word = a->data + at;
		size_t size = strnlen(word, a->size - at);
		const char *sign = memchr(word, '=', size);
		at += size + 1;
		if (!size)
			continue;
		cr_cell_u64(x, pid);
		if (sign) {
			size_t name = (size_t)(sign - word);
			cr_cell_bytes(x, word, name);
			cr_cell_bytes(x, sign + 1, size - name - 1);
		} else {
			cr_cell_bytes(x, word, size);
			cr_cell_none(x);
		}
	}
}

static void show_cmd(struct cr_x *x, uint32_t pid, const struct area *a)
{
	struct cr_brief brief;
	cr_x_find(x, cr_brief_load(&x->set, pid, &brief));
	cr_cell_u64(x, pid);
	if (brief.comm)
		cr_cell_bytes(x, brief.comm, brief.comm_size);
	else
		cr_cell_none(x);
	if (a)
		cr_cell_words(x, a->data, a->size);
	else
		cr_cell_none(x);
	cr_brief_free(&brief);
}

/* Calls show for each process, with NULL for one without memory. */
static void show_each(struct cr_x *x, const struct cr_column *columns, bool env,
		      void (*show)(struct cr_x *, uint32_t,
				   const struct area *))
{
	struct cr_memory memory;
	struct area area;
	struct cr_error *err = cr_memory_init(&memory, &x->set, NULL);
	if (err) {
		cr_x_fail(x, err);
		return;
	}
	cr_table_begin(x, columns);
	cr_x_for_each(task, x) {
		uint32_t pid = task->entry->pid;
		bool has = load_area(x, &memory, pid, env, &area);
		show(x, pid, has ? &area : NULL);
		free(area.data);
	}
	cr_table_end(x);
	cr_memory_deinit(&memory);
}

void cr_x_view_env(struct cr_x *x)
{
	show_each(x, env_columns, true, show_env);
}

void cr_x_view_cmd(struct cr_x *x)
{
	show_each(x, cmd_columns, false, show_cmd);
}
