// SPDX-License-Identifier: MIT
#include "lib/ops/tree/frame.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/codec/decode.h"

#define WINDOW (64 * 1024)

static struct cr_error *read_on(void *arg, void *data, size_t size,
				size_t *n_ret)
{
	struct cr_tree_image *m = arg;
	struct cr_error *err = m->file.ops->pread(&m->file, data, size, m->off,
						  n_ret);
	if (!err)
		m->off += *n_ret;
	return err;
}

struct cr_error *cr_tree_image_open(struct cr_set *set, const char *name,
				    struct cr_tree_image *ret)
{
	*ret = (struct cr_tree_image){ .file = { .fd = -1 } };
	struct cr_error *err =
		cr_store_open_file(set->store, name, &ret->file);
	if (err)
		return err;
	size_t cap = ret->file.size < WINDOW ? ret->file.size + 512 : WINDOW;
	err = cr_source_init_read(&ret->src, cap, read_on, ret);
	if (!err)
		err = cr_image_read_header(&ret->src, name, &ret->header);
	if (!err)
		return NULL;
	cr_tree_image_close(ret);
	return cr_error_at(err, "%s", name);
}

void cr_tree_image_close(struct cr_tree_image *m)
{
	cr_source_deinit(&m->src);
	if (m->file.ops)
		cr_file_close(&m->file);
	free(m->copy);
	*m = (struct cr_tree_image){ .file = { .fd = -1 } };
}

/* What lies between is not read. */
static void jump(struct cr_tree_image *m, uint64_t off)
{
	uint64_t at = cr_source_tell(&m->src);
	if (off >= at && off - at <= cr_source_left(&m->src)) {
		m->src.p += off - at;
		return;
	}
	m->src.p = m->src.end;
	m->src.end_off = m->off = off;
	m->src.eof = false;
}

static struct cr_error *cut(uint64_t off, const char *what, uint64_t size)
{
	return cr_error_new(CR_ERR_FORMAT,
			    "byte %llu: %s needs %llu bytes, more than the file "
			    "has left",
			    (unsigned long long)off, what,
			    (unsigned long long)size);
}

/* The payload behind the message; the source is there. */
static struct cr_error *pass_payload(struct cr_tree_image *m,
				     const struct cr_payload *p)
{
	struct cr_error *err = NULL;
	uint64_t size;
	m->ended = p->to_end && !m->values.v[0];
	if (m->ended)
		jump(m, m->file.size);
	else
		err = p->skip(p, &m->src, &m->values, &size);
	return err;
}

static struct cr_error *peek(struct cr_tree_image *m, struct cr_tree *t,
			     const struct cr_payload *p, uint32_t size)
{
	const struct cr_plan *plan;
	struct cr_source src;
	struct cr_error *err = cr_tree_plan(t, m->header.type, m->i, &plan);
	cr_source_init_mem(&src, m->msg, size);
	return err ? err : cr_payload_peek(p, plan, &src, size, &m->values);
}

/* The message in one piece: in the window, or in memory of its own where that
 * moves on. */
static struct cr_error *read_message(struct cr_tree_image *m, uint32_t size,
				     bool moves)
{
	struct cr_error *err = NULL;
	if (size <= WINDOW / 2)
		err = cr_source_need(&m->src, size);
	bool here = cr_source_left(&m->src) >= size;
	m->msg = m->src.p;
	if (err || (here && !moves))
		return err;
	free(m->copy);
	m->msg = m->copy = malloc((size_t)size + 1);
	if (!m->copy)
		return cr_enomem;
	if (!here)
		return cr_file_read(&m->file, m->copy, size, m->span.msg);
	memcpy(m->copy, m->src.p, size);
	return NULL;
}

/* Behind the size word. */
static struct cr_error *pass_entry(struct cr_tree_image *m, struct cr_tree *t,
				   bool read, uint32_t size)
{
	const struct cr_payload *p = cr_image_payload(m->header.type, m->i);
	struct cr_error *err = NULL;
	m->span.msg = cr_source_tell(&m->src);
	m->span.payload = m->span.msg + size;
	if (m->span.payload > m->file.size)
		return cut(m->span.msg, "the message", size);
	if (read || p->skip)
		err = read_message(m, size, p->skip);
	if (!err)
		jump(m, m->span.payload);
	if (!err && p->skip)
		err = peek(m, t, p, size);
	if (!err && p->skip)
		err = pass_payload(m, p);
	m->span.end = cr_source_tell(&m->src);
	return err;
}

struct cr_error *cr_tree_image_next(struct cr_tree_image *m, struct cr_tree *t,
				    bool read, bool *end_ret)
{
	uint32_t size = 0;
	bool end = false;
	m->span.start = cr_source_tell(&m->src);
	struct cr_error *err = cr_image_next(&m->src, &size, &end);
	if (!err && !end)
		err = pass_entry(m, t, read, size);
	if (err)
		return cr_error_at(err, "entry %llu", (unsigned long long)m->i);
	*end_ret = end;
	m->i += !end;
	return NULL;
}

struct cr_error *cr_tree_image_go(struct cr_tree_image *m, struct cr_tree *t,
				  const struct cr_tree_span *span, uint64_t i)
{
	bool end;
	jump(m, span->start);
	m->i = i;
	return cr_tree_image_next(m, t, true, &end);
}

struct cr_tree_entry cr_tree_image_entry(struct cr_tree_image *m)
{
	return (struct cr_tree_entry){
		.type = m->header.type,
		.i = m->i - 1,
		.msg = m->msg,
		.size = (size_t)(m->span.payload - m->span.msg),
		.off = m->span.msg,
		.file = &m->file,
		.payload = m->span.payload,
		.end = m->span.end,
	};
}

struct cr_error *cr_tree_image_copy(struct cr_tree_image *m, uint64_t start,
				    uint64_t end, struct cr_out *out)
{
	struct cr_error *err = NULL;
	while (start < end && !err) {
		size_t n = end - start < WINDOW ? (size_t)(end - start) :
						  WINDOW;
		err = cr_out_room(out, n);
		if (!err)
			err = cr_file_read(&m->file, out->cur, n, start);
		if (err)
			break;
		out->cur += n;
		start += n;
		err = cr_out_drain(out);
	}
	return err;
}

/* ---- new bytes of the last entry ---- */

/* The message must go on saying of its payload what it said. */
static struct cr_error *check_aside(const struct cr_tree_image *m,
				    const struct cr_tree_aside *aside)
{
	uint64_t i = m->i - 1;
	const struct cr_payload *p = cr_image_payload(m->header.type, i);
	if (aside->from != i)
		return cr_error_new(CR_ERR_FORMAT, "extra: belongs to entry "
						   "%llu",
				    (unsigned long long)aside->from);
	for (unsigned f = 0; f < CR_PAYLOAD_FIELDS && p->fields[f]; f++)
		if (aside->values.v[f] != m->values.v[f])
			return cr_error_new(
				CR_ERR_FORMAT,
				"%s: must stay %llu, as long as \"extra\" is "
				"not changed with it",
				p->fields[f],
				(unsigned long long)m->values.v[f]);
	return NULL;
}

struct cr_error *cr_tree_image_store(struct cr_tree_image *m, struct cr_tree *t,
				     const json_t *tree, struct cr_out *bytes,
				     bool *aside_ret)
{
	struct cr_tree_aside aside;
	struct cr_error *err = cr_out_cut(bytes, 0);
	if (!err)
		err = cr_tree_store(t, m->header.type, m->i - 1, tree, bytes,
				    &aside);
	if (!err && aside.is)
		err = check_aside(m, &aside);
	*aside_ret = aside.is;
	return err;
}

struct cr_error *cr_tree_image_same(struct cr_tree_image *m,
				    const struct cr_out *bytes, bool aside,
				    bool *ret)
{
	uint64_t end = aside ? m->span.payload : m->span.end;
	const char *p = bytes->buf;
	*ret = cr_out_buffered(bytes) == end - m->span.start;
	for (uint64_t at = m->span.start; at < end && *ret;) {
		char old[4096];
		size_t n = end - at < sizeof(old) ? (size_t)(end - at) :
						    sizeof(old);
		struct cr_error *err = cr_file_read(&m->file, old, n, at);
		if (err)
			return err;
		*ret = !memcmp(p, old, n);
		p += n;
		at += n;
	}
	return NULL;
}

/* How long a payload is, for the list of differences; NULL: there is none. */
static json_t *payload_size(uint64_t size)
{
	char text[48];
	snprintf(text, sizeof(text), "%llu bytes", (unsigned long long)size);
	return size ? json_string(text) : NULL;
}

/* The entry as it is to be shown, its payload by its size. */
static struct cr_error *load_shown(struct cr_tree *t,
				   const struct cr_tree_entry *e, json_t **ret)
{
	struct cr_error *err = cr_tree_load_shown(t, e, false, ret);
	if (!err && json_object_get(*ret, "extra"))
		json_object_del(*ret, "extra");
	return err;
}

/* Says that the payload is another one. */
static void mark_payloads(const struct cr_tree_entry *old,
			  const struct cr_tree_entry *new_, json_t *a,
			  json_t *b)
{
	json_t *was = payload_size(old->end - old->payload);
	json_t *is = payload_size(new_->end - new_->payload);
	/* Of the same length, so that it looks the same. */
	if (was && is && json_equal(was, is)) {
		json_decref(is);
		is = json_string("as many others");
	}
	if (was)
		json_object_set_new(a, "extra", was);
	if (is)
		json_object_set_new(b, "extra", is);
}

static struct cr_error *payload_differs(struct cr_tree_image *m,
					const struct cr_tree_entry *new_,
					const char *bytes, bool *ret)
{
	uint64_t size = m->span.end - m->span.payload;
	*ret = size != new_->end - new_->payload;
	for (uint64_t at = 0; at < size && !*ret;) {
		char old[4096];
		size_t n = size - at < sizeof(old) ? (size_t)(size - at) :
						     sizeof(old);
		struct cr_error *err = cr_file_read(&m->file, old, n,
						    m->span.payload + at);
		if (err)
			return err;
		*ret = memcmp(bytes + at, old, n);
		at += n;
	}
	return NULL;
}

struct cr_error *cr_tree_image_note(struct cr_tree_image *m,
				    struct cr_change *change,
				    const struct cr_rewrite_at *at,
				    const struct cr_out *bytes, bool aside)
{
	struct cr_tree_entry old = cr_tree_image_entry(m), new_ = old;
	json_t *a = NULL, *b = NULL;
	uint32_t size;
	bool differs = false;
	memcpy(&size, bytes->buf, 4);
	new_.msg = bytes->buf + 4;
	new_.size = le32toh(size);
	new_.payload = 4 + new_.size;
	new_.end = cr_out_buffered(bytes);
	struct cr_error *err = load_shown(at->tree, &old, &a);
	if (!err)
		err = load_shown(at->tree, &new_, &b);
	if (!err && !aside)
		err = payload_differs(m, &new_, bytes->buf + new_.payload,
				      &differs);
	if (!err && differs)
		mark_payloads(&old, &new_, a, b);
	if (!err)
		err = cr_tree_note(change, at, a, b);
	json_decref(a);
	json_decref(b);
	return err;
}

struct cr_error *cr_tree_image_gone(struct cr_tree_image *m,
				    struct cr_change *change,
				    const struct cr_rewrite_at *at)
{
	struct cr_tree_entry e = cr_tree_image_entry(m);
	json_t *old = NULL;
	struct cr_error *err = load_shown(at->tree, &e, &old);
	if (!err)
		err = cr_tree_note(change, at, old, NULL);
	json_decref(old);
	return err;
}

struct cr_error *cr_tree_note_bytes(struct cr_change *change,
				    const struct cr_rewrite_at *at,
				    const char *bytes)
{
	uint32_t size;
	json_t *shown = NULL;
	memcpy(&size, bytes, 4);
	struct cr_tree_entry e = { .type = at->type,
				   .i = at->i,
				   .msg = bytes + 4,
				   .size = le32toh(size) };
	struct cr_error *err = load_shown(at->tree, &e, &shown);
	if (!err)
		err = cr_tree_note(change, at, NULL, shown);
	json_decref(shown);
	return err;
}
