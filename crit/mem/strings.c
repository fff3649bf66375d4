// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <string.h>

#include "crit/mem/mem.h"
#include "lib/pages/scan.h"

/* A longer string is shown in several. */
#define LONGEST (16 * 1024)
#define SHORTEST 4

struct strings {
	struct cr_mem *m;
	size_t min;
	uint64_t vaddr;
	size_t size;
	bool shown; /* a part of it, so the rest counts whatever its size */
	char text[LONGEST];
};

static bool is_text(uint8_t byte)
{
	return (byte >= ' ' && byte < 0x7f) || byte == '\t';
}

static void put(struct strings *s)
{
	struct cr_x *x = &s->m->x;
	if (cr_mem_was_seen(s->m, s->vaddr, s->size))
		return;
	cr_x_text(x, s->m->is_object ? "shm:%u" : "%u", (unsigned)s->m->id);
	cr_x_text(x, " 0x%" PRIx64 " ", s->vaddr);
	if (!x->json && !x->err) {
		cr_x_fail(x, cr_out_put(&x->out, s->text, s->size));
		cr_x_text(x, "\n");
	}
	cr_x_open(x, NULL, '{');
	cr_x_u64(x, s->m->is_object ? "shmid" : "pid", s->m->id);
	cr_x_hex(x, "address", s->vaddr);
	cr_x_bytes(x, "text", s->text, s->size);
	cr_x_close(x, '}');
}

static void end(struct strings *s)
{
	if (s->size && (s->shown || s->size >= s->min))
		put(s);
	s->size = 0;
	s->shown = false;
}

static void add(struct strings *s, uint64_t vaddr, const uint8_t *data,
		size_t size)
{
	while (size) {
		if (s->size == LONGEST) {
			put(s);
			s->size = 0;
			s->shown = true;
		}
		if (!s->size)
			s->vaddr = vaddr;
		size_t n = LONGEST - s->size < size ? LONGEST - s->size : size;
		memcpy(s->text + s->size, data, n);
		s->size += n;
		vaddr += n;
		data += n;
		size -= n;
	}
}

static struct cr_error *look(void *arg, const struct cr_window *w)
{
	struct strings *s = arg;
	size_t i = w->seen;
	while (i < w->size) {
		size_t start = i;
		while (i < w->size && is_text(w->data[i]))
			i++;
		/* Short ones between other bytes are most of what there is. */
		if (i > start &&
		    (s->size || i - start >= s->min || i == w->size))
			add(s, w->vaddr + start, w->data + start, i - start);
		if (i < w->size)
			end(s);
		while (i < w->size && !is_text(w->data[i]))
			i++;
	}
	if (w->ends)
		end(s);
	return s->m->x.err ? cr_error_new(CR_ERR_INTERNAL, "stopped") : NULL;
}

static struct cr_error *strings(struct cr_mem *m)
{
	static struct strings s;
	s = (struct strings){ .m = m, .min = m->o->min ?: SHORTEST };
	return cr_scan(&m->pages, 0, UINT64_MAX, 0, look, &s);
}

void cr_mem_strings(struct cr_mem *m)
{
	cr_x_open(&m->x, NULL, '[');
	cr_mem_each(m, strings);
	cr_x_close(&m->x, ']');
}
