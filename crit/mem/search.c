// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "crit/mem/mem.h"
#include "lib/base/cleanup.h"
#include "lib/pages/search.h"

/* Bytes of a match that text shows. */
#define SHOWN 80
#define CONTEXT_MAX (64 * 1024)

static struct cr_search search;

struct cr_error *cr_mem_parse_hex(const char *text, uint8_t *data,
				  size_t *size_ret)
{
	size_t nr = 0;
	for (const char *p = text; *p; p++) {
		if (isspace((unsigned char)*p) || *p == ':')
			continue;
		if (!isxdigit((unsigned char)*p))
			return cr_error_new(CR_ERR_USAGE,
					    "'%s' is not hexadecimal", text);
		unsigned digit = isdigit((unsigned char)*p)
					 ? (unsigned)(*p - '0')
					 : (unsigned)((*p | 0x20) - 'a' + 10);
		data[nr / 2] = (uint8_t)(data[nr / 2] << 4 | digit);
		nr++;
	}
	if (nr % 2)
		return cr_error_new(CR_ERR_USAGE,
				    "'%s' has half a byte too much", text);
	*size_ret = nr / 2;
	return NULL;
}

/* The bytes around a match, as far as they are there. */
struct context {
	uint64_t start;
	size_t size;
	uint8_t data[2 * CONTEXT_MAX + CR_SEARCH_BYTES_MAX];
};

/* Reads what directly follows vaddr, at most size bytes. */
static size_t read_on(struct cr_mem *m, uint64_t vaddr, uint8_t *data,
		      size_t size)
{
	size_t n = 0;
	while (n < size) {
		struct cr_run run;
		struct cr_error *err = cr_pages_run(&m->pages, vaddr + n, &run);
		size_t part = size - n;
		if (!err && run.end - run.start < part)
			part = (size_t)(run.end - run.start);
		if (!err && cr_run_is_readable(&run))
			err = cr_pages_fill(&m->pages, &run, vaddr + n,
					    data + n, part);
		else if (!err)
			part = 0;
		if (err) {
			cr_error_free(err);
			break;
		}
		if (!part)
			break;
		n += part;
	}
	return n;
}

/* Where bytes that reach up to vaddr begin, at most size before it. */
static uint64_t reach_back(struct cr_mem *m, uint64_t vaddr, uint64_t size)
{
	uint64_t at = vaddr < size ? 0 : vaddr - size, start = at;
	while (at < vaddr) {
		struct cr_run run;
		struct cr_error *err = cr_pages_run(&m->pages, at, &run);
		bool readable = !err && cr_run_is_readable(&run);
		cr_error_free(err);
		at = run.end;
		if (!readable)
			start = at < vaddr ? at : vaddr;
	}
	return start;
}

static void put_context(struct cr_mem *m, uint64_t vaddr, size_t size)
{
	static struct context c;
	struct cr_mem_rows rows = { .indent = "    " };
	uint64_t around = m->o->context;
	if (!around)
		return;
	c.start = reach_back(m, vaddr, around);
	size_t want = (size_t)(vaddr - c.start) + size + (size_t)around;
	c.size = read_on(m, c.start, c.data, want);
	cr_mem_put(m, &rows, c.start, c.data, c.size);
	if (!m->x.json)
		return;
	cr_x_open(&m->x, "context", '{');
	cr_x_hex(&m->x, "address", c.start);
	if (!m->x.err)
		cr_x_fail(&m->x, cr_writer_key(&m->x.w, "data"));
	if (!m->x.err)
		cr_x_fail(&m->x, cr_writer_bytes(&m->x.w, c.data, c.size));
	cr_x_close(&m->x, '}');
}

static struct cr_error *found(void *arg, uint64_t vaddr, const void *data,
			      size_t size)
{
	struct cr_mem *m = arg;
	struct cr_x *x = &m->x;
	if (cr_mem_was_seen(m, vaddr, size))
		return NULL;
	cr_x_open(x, NULL, '{');
	cr_mem_place(m, vaddr);
	cr_x_text(x, " ");
	cr_x_safe(x, data, size < SHOWN ? size : SHOWN);
	cr_x_text(x, size < SHOWN ? "\n" : "...\n");
	cr_x_u64(x, "size", size);
	cr_x_bytes(x, "match", data, size);
	put_context(m, vaddr, size);
	cr_x_close(x, '}');
	return x->err ? cr_error_new(CR_ERR_INTERNAL, "stopped") : NULL;
}

static struct cr_error *search_one(struct cr_mem *m)
{
	return cr_search_run(&search, &m->pages, 0, UINT64_MAX, found, m);
}

/* One of PATTERN, --hex and --regex. */
static struct cr_error *start(const struct cr_mem_opts *o, uint8_t *bytes)
{
	size_t size;
	if ((o->args.nr == 1) + !!o->hex + !!o->regex != 1)
		return cr_error_new(CR_ERR_USAGE,
				    "give one of PATTERN, --hex and --regex");
	if (o->context > CONTEXT_MAX)
		return cr_error_new(CR_ERR_USAGE,
				    "option '--context': at most %u bytes",
				    (unsigned)CONTEXT_MAX);
	if (o->regex)
		return cr_search_init_regex(&search, o->regex);
	if (!o->hex)
		return cr_search_init(&search, o->args.word[0],
				      strlen(o->args.word[0]));
	struct cr_error *err = cr_mem_parse_hex(o->hex, bytes, &size);
	return err ? err : cr_search_init(&search, bytes, size);
}

void cr_mem_search(struct cr_mem *m)
{
	const char *hex = m->o->hex ?: "";
	cr_auto_free uint8_t *bytes = calloc(strlen(hex) / 2 + 1, 1);
	struct cr_error *err = bytes ? start(m->o, bytes) : cr_enomem;
	if (err) {
		cr_x_fail(&m->x, err);
		return;
	}
	cr_x_open(&m->x, NULL, '[');
	cr_mem_each(m, search_one);
	cr_x_close(&m->x, ']');
	cr_search_deinit(&search);
}
