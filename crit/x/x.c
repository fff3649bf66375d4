// SPDX-License-Identifier: MIT
#include "crit/x/x.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crit/kept.h"
#include "crit/opts.h"
#include "crit/stream.h"
#include "crit/x/rows.h"
#include "lib/base/cleanup.h"
#include "lib/base/num.h"
#include "lib/base/qp.h"
#include "lib/base/utf8.h"
#include "lib/codec/present.h"

void cr_x_fail(struct cr_x *x, struct cr_error *err)
{
	if (!x->err)
		x->err = err;
	else
		cr_error_free(err);
}

void cr_x_find(struct cr_x *x, struct cr_error *err)
{
	if (!err)
		return;
	if (x->nr_findings++)
		cr_error_free(err);
	else
		x->finding = err;
}

void cr_x_untold(struct cr_x *x, struct cr_error *err)
{
	if (!err)
		return;
	if (x->nr_untold++)
		cr_error_free(err);
	else
		x->untold = err;
}

struct cr_error *cr_x_begin(struct cr_x *x, FILE *out)
{
	x->w = (struct cr_writer){ .out = &x->out };
	return cr_stream_begin(&x->out, out);
}

struct cr_error *cr_x_end(struct cr_x *x)
{
	if (x->json && !x->err)
		cr_x_fail(x, cr_out_put(&x->out, "\n", 1));
	if (!x->err)
		cr_x_fail(x, cr_out_flush(&x->out));
	if (x->err)
		return x->err;
	if (x->finding)
		return cr_error_more(cr_take_ptr(x->finding),
				     x->nr_findings - 1);
	if (!x->untold)
		return NULL;
	return cr_error_more(cr_error_new(CR_ERR_UNTOLD, "cannot tell: %s",
					  cr_error_text(x->untold)),
			     x->nr_untold - 1);
}

void cr_x_deinit(struct cr_x *x)
{
	cr_error_free(x->finding);
	cr_error_free(x->untold);
	cr_out_deinit(&x->out);
	cr_files_free(&x->files);
	cr_pstree_free(&x->tree);
	cr_set_close(&x->set);
	free(x->pids);
}

struct cr_error *cr_x_choose_pids(struct cr_x *x, const char *pids)
{
	struct cr_error *err =
		pids ? cr_opts_pids(pids, &x->pids, &x->nr_pids) : NULL;
	for (size_t i = 0; !err && i < x->nr_pids; i++)
		if (!cr_pstree_find(&x->tree, x->pids[i]))
			err = cr_error_new(CR_ERR_NOT_FOUND,
					   "pstree.img: no process %u",
					   x->pids[i]);
	return err;
}

struct cr_error *cr_x_open_memory(struct cr_x *x,
				  const struct cr_verb_call *call,
				  const char *dir, const char *pids,
				  const char *sysroot, struct cr_memory *memory)
{
	struct cr_error *err = cr_kept_set(call, dir, &x->set);
	if (err)
		return err;
	err = cr_pstree_load(&x->set, &x->tree);
	if (err)
		return cr_error_at(err, "%s", dir);
	err = cr_x_choose_pids(x, pids);
	if (!err)
		err = cr_memory_init(memory, &x->set, sysroot);
	return err ? err : cr_x_begin(x, call->out);
}

bool cr_x_wants(const struct cr_x *x, uint32_t pid)
{
	for (size_t i = 0; i < x->nr_pids; i++) {
		if (x->pids[i] == pid)
			return true;
	}
	return !x->nr_pids;
}

const struct cr_task *cr_x_next(struct cr_x *x, const struct cr_task *task)
{
	size_t i = task ? cr_pstree_entry(&x->tree, task) + 1 : 0;
	for (; i < x->tree.nr; i++) {
		task = &x->tree.task[i];
		if (!cr_x_wants(x, task->entry->pid))
			continue;
		cr_x_find(x, cr_pstree_fault(&x->tree, task));
		return task;
	}
	return NULL;
}

CoreEntry *cr_x_core(struct cr_x *x, uint32_t tid)
{
	CoreEntry *core = NULL;
	struct cr_error *err = cr_message_load(
		&x->set, &core_entry__descriptor, &core, "core-%u.img", tid);
	if (!err && !core)
		err = cr_error_new(CR_ERR_NOT_FOUND,
				   "core-%u.img: no such file", tid);
	cr_x_find(x, err);
	return core;
}

const char *cr_x_comm(const CoreEntry *core)
{
	if (core && core->thread_core && core->thread_core->comm)
		return core->thread_core->comm;
	return core && core->tc ? core->tc->comm : NULL;
}

const char *cr_x_dict(const char *arg, const char *field, uint64_t value)
{
	const struct cr_names *names =
		cr_names_find(CR_FORM_DICT, arg, field);
	for (unsigned i = 0; names && i < names->nr_rows; i++) {
		if (names->rows[i].value == value)
			return names->rows[i].name;
	}
	return NULL;
}

void cr_x_brief(struct cr_x *x, uint32_t pid, struct cr_brief *ret)
{
	cr_x_find(x, cr_brief_load(&x->set, pid, ret));
	if (ret->comm)
		cr_x_bytes(x, "comm", ret->comm, ret->comm_size);
	else
		cr_x_null(x, "comm");
	cr_x_string(x, "state", cr_x_dict("gen", "task_state", ret->state));
}

bool cr_x_open_process(struct cr_x *x, const struct cr_task *task)
{
	struct cr_brief brief;
	cr_x_open(x, NULL, '{');
	cr_x_u64(x, "pid", task->entry->pid);
	cr_x_brief(x, task->entry->pid, &brief);
	cr_x_heading(x, "%u", task->entry->pid);
	if (brief.zombie)
		cr_x_text(x, "\tzombie\n");
	bool zombie = brief.zombie;
	cr_brief_free(&brief);
	return zombie;
}

void cr_x_each_thread(struct cr_x *x, cr_x_thread_fn *fn, void *arg)
{
	cr_x_for_each(task, x) {
		const PstreeEntry *e = task->entry;
		CoreEntry *core = cr_x_core(x, e->pid);
		/* CRIU saves no threads of a zombie, and ids at random. */
		size_t nr = core && cr_core_is_zombie(core) ? 0 : e->n_threads;
		if (core)
			fn(x, arg, task, e->pid, core);
		cr_message_free(core);
		for (size_t i = 0; i < nr && !x->err; i++) {
			if (e->threads[i] == e->pid)
				continue;
			core = cr_x_core(x, e->threads[i]);
			if (core)
				fn(x, arg, task, e->threads[i], core);
			cr_message_free(core);
		}
	}
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

void cr_x_each_ns(struct cr_x *x,
		  uint32_t (*of)(const TaskKobjIdsEntry *ids),
		  void (*show)(struct cr_x *x, uint32_t ns))
{
	size_t nr = 0;
	cr_auto_free uint32_t *ns = calloc(x->tree.nr + 1, sizeof(*ns));
	if (!ns) {
		cr_x_fail(x, cr_enomem);
		return;
	}
	cr_x_for_each(task, x) {
		TaskKobjIdsEntry *ids = NULL;
		cr_x_find(x, cr_process_ids(&x->set, task->entry->pid, &ids));
		if (ids && of(ids))
			ns[nr++] = of(ids);
		cr_message_free(ids);
	}
	qsort(ns, nr, sizeof(*ns), by_number);
	for (size_t i = 0; i < nr && !x->err; i++) {
		if (!i || ns[i] != ns[i - 1])
			show(x, ns[i]);
	}
}

const struct cr_files *cr_x_files(struct cr_x *x)
{
	if (!x->has_files) {
		x->has_files = true;
		cr_x_find(x, cr_files_load(&x->set, &x->files));
	}
	return &x->files;
}

/* ---- text ---- */

static void vtext(struct cr_x *x, const char *fmt, va_list ap)
{
	if (x->json || x->err)
		return;
	cr_x_fail(x, cr_out_drain(&x->out));
	cr_x_fail(x, cr_out_room(&x->out, 1024));
	if (x->err)
		return;
	int n = vsnprintf(x->out.cur, 1024, fmt, ap);
	x->out.cur += n < 1024 ? n : 1023;
}

void cr_x_text(struct cr_x *x, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vtext(x, fmt, ap);
	va_end(ap);
}

void cr_x_heading(struct cr_x *x, const char *fmt, ...)
{
	va_list ap;
	cr_x_text(x, "%s", cr_term_on(x->term, CR_MARK_HEADING));
	va_start(ap, fmt);
	vtext(x, fmt, ap);
	va_end(ap);
	cr_x_text(x, "%s\n", cr_term_off(x->term, CR_MARK_HEADING));
}

char *cr_x_put_safe(char *o, const void *name, size_t size)
{
	const uint8_t *p = name, *end = p + size;
	while (p < end) {
		size_t n = cr_utf8_shown(p, (size_t)(end - p));
		if (n) {
			memcpy(o, p, n);
			o += n;
			p += n;
			continue;
		}
		static const char digits[] = "0123456789abcdef";
		*o++ = '\\';
		*o++ = 'x';
		*o++ = digits[*p >> 4];
		*o++ = digits[*p++ & 15];
	}
	return o;
}

void cr_x_safe(struct cr_x *x, const void *name, size_t size)
{
	if (x->json || x->err)
		return;
	cr_x_fail(x, cr_out_room(&x->out, 4 * size));
	if (!x->err)
		x->out.cur = cr_x_put_safe(x->out.cur, name, size);
}

/* ---- JSON ---- */

static bool begin(struct cr_x *x, const char *key)
{
	if (!x->json || x->err)
		return false;
	if (x->rows) {
		cr_rows_cell(x, key);
		return !x->err;
	}
	cr_x_fail(x, cr_out_drain(&x->out));
	if (!x->err)
		cr_x_fail(x, key ? cr_writer_key(&x->w, key) :
				   cr_writer_item(&x->w));
	return !x->err;
}

void cr_x_open(struct cr_x *x, const char *key, char bracket)
{
	/* The outermost value is no item. */
	bool inner = x->w.depth > 0;
	if (x->rows && !x->err)
		cr_rows_open(x, key, bracket);
	else if (x->json && !x->err && (!inner || begin(x, key)))
		cr_x_fail(x, cr_writer_open(&x->w, bracket));
}

void cr_x_close(struct cr_x *x, char bracket)
{
	if (x->rows && !x->err)
		cr_rows_close(x, bracket);
	else if (x->json && !x->err)
		cr_x_fail(x, cr_writer_close(&x->w, bracket));
}

static void put_text(struct cr_x *x, const char *text, size_t size)
{
	cr_x_fail(x, cr_out_put(&x->out, text, size));
}

void cr_x_u64(struct cr_x *x, const char *key, uint64_t value)
{
	if (begin(x, key))
		cr_x_fail(x, cr_writer_u64(&x->w, value));
}

void cr_x_i64(struct cr_x *x, const char *key, int64_t value)
{
	char text[CR_NUM_MAX];
	if (begin(x, key))
		put_text(x, text, (size_t)(cr_put_i64(text, value) - text));
}

void cr_x_hex(struct cr_x *x, const char *key, uint64_t value)
{
	char text[CR_NUM_MAX + 2] = "\"";
	char *end = cr_put_hex(text + 1, value);
	*end++ = '"';
	if (begin(x, key))
		put_text(x, text, (size_t)(end - text));
}

void cr_x_bool(struct cr_x *x, const char *key, bool value)
{
	if (begin(x, key))
		cr_x_fail(x, cr_writer_raw(&x->w, value ? "true" : "false"));
}

void cr_x_raw(struct cr_x *x, const char *key, const char *json)
{
	if (begin(x, key))
		cr_x_fail(x, cr_writer_raw(&x->w, json));
}

void cr_x_null(struct cr_x *x, const char *key)
{
	cr_x_raw(x, key, "null");
}

static void put_qp(struct cr_x *x, const void *name, size_t size)
{
	cr_auto_free char *text = malloc(cr_qp_room(size));
	if (!text) {
		cr_x_fail(x, cr_enomem);
		return;
	}
	char *end = cr_qp_put_bytes(text, name, size);
	cr_x_fail(x, cr_writer_raw(&x->w, "{\"@qp\": "));
	if (!x->err)
		cr_x_fail(x, cr_writer_string(&x->w, text,
					      (size_t)(end - text)));
	if (!x->err)
		cr_x_fail(x, cr_writer_raw(&x->w, "}"));
}

void cr_x_bytes(struct cr_x *x, const char *key, const void *name, size_t size)
{
	if (!begin(x, key))
		return;
	if (cr_utf8_valid(name, size))
		cr_x_fail(x, cr_writer_string(&x->w, name, size));
	else
		put_qp(x, name, size);
}

void cr_x_string(struct cr_x *x, const char *key, const char *name)
{
	if (name)
		cr_x_bytes(x, key, name, strlen(name));
	else
		cr_x_null(x, key);
}
