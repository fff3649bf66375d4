// SPDX-License-Identifier: MIT
/*
 * What the fuzz targets share: sources and sinks of awkward shapes, the two
 * directions between image and JSON, and the properties that must hold.
 *
 * A broken property ends the process, which is what libFuzzer looks for. An
 * error that the library reports is a fine answer to hostile bytes. Buffers are
 * as small as they may be, so that AddressSanitizer sees a byte too many.
 *
 * Every input begins with two control bytes:
 *
 *	first	bits 0-1: style; 2: also read in small bites; 3: read the JSON
 *		through the smallest window; 4: the rest is a program that makes
 *		the input (see fuzz_expand()); 5-6: where output goes; 7: the
 *		target's own
 *	second	the size of the bites; 0x77: a program may make a lot
 */
#ifndef CR_TESTS_FUZZ_FUZZ_H
#define CR_TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/out.h"
#include "lib/base/source.h"
#include "lib/codec/plan.h"
#include "lib/codec/reader.h"
#include "lib/image/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** A property does not hold: says so, with the error if there is one. */
static inline _Noreturn void fuzz_fail(const char *what, struct cr_error *err)
{
	fprintf(stderr, "fuzz: %s%s%s\n", what, err ? ": " : "",
		err ? cr_error_text(err) : "");
	abort();
}

static inline void fuzz_check(bool holds, const char *what)
{
	if (!holds)
		fuzz_fail(what, NULL);
}

/* Control */

struct fuzz_control {
	unsigned style; /* index of fuzz_codec() */
	bool bites, window, program, own;
	unsigned sink; /* enum fuzz_sink_kind */
	uint8_t bite;
};

/** Takes the control bytes; false if they are not there. */
static inline bool fuzz_control(struct fuzz_control *c, const uint8_t **data,
				size_t *size)
{
	if (*size < 2)
		return false;
	uint8_t a = (*data)[0];
	*c = (struct fuzz_control){
		.style = a & 3,
		.bites = a & 4,
		.window = a & 8,
		.program = a & 16,
		.sink = a >> 5 & 3,
		.own = a & 128,
		.bite = (*data)[1],
	};
	*data += 2;
	*size -= 2;
	return true;
}

/** A codec of one of four styles; its plans are kept from run to run. */
static inline struct cr_codec *fuzz_codec(unsigned style)
{
	static const struct cr_style styles[4] = {
		{ 0 },
		{ .indent = true, .forms = true },
		{ .go = true },
		{ .forms = true, .dotted = true },
	};
	static struct cr_codec codecs[4];
	static bool ready;
	for (int i = 0; i < 4 && !ready; i++)
		cr_codec_init(&codecs[i], styles[i]);
	ready = true;
	return &codecs[style];
}

/* Bytes of the harness's own. */
struct fuzz_bytes {
	uint8_t *data;
	size_t size;
};

/** An exact copy, so that what lies behind it is out of bounds. */
static inline struct fuzz_bytes fuzz_copy(const void *data, size_t size)
{
	struct fuzz_bytes b = { malloc(size ? size : 1), size };
	if (!b.data)
		abort();
	if (size)
		memcpy(b.data, data, size);
	return b;
}

static inline bool fuzz_same(struct fuzz_bytes a, struct fuzz_bytes b)
{
	return a.size == b.size && !memcmp(a.data, b.data, a.size);
}

/* Programs: short inputs that make long ones with the lengths right */

#define FUZZ_LONG_MAX (320 * 1024) /* more than every buffer of the library */
#define FUZZ_MOST_MAX (32 * 1024)  /* more than what it looks at in one piece */
#define FUZZ_OPEN_MAX 128

struct fuzz_program {
	uint8_t *out;
	size_t size, max;
	struct {
		size_t pos;
		bool word;
	} open[FUZZ_OPEN_MAX];
	unsigned depth;
};

static inline void fuzz_append(struct fuzz_program *g, const uint8_t *p,
			       size_t n)
{
	size_t room = g->size < g->max ? g->max - g->size : 0;
	if (n > room)
		n = room;
	memmove(g->out + g->size, p, n);
	g->size += n;
}

static inline void fuzz_close(struct fuzz_program *g)
{
	size_t pos = g->open[--g->depth].pos, body = g->size - pos, v = body;
	uint8_t length[10];
	size_t n = 0;
	if (g->open[g->depth].word) {
		for (; n < 4; n++, v >>= 8)
			length[n] = (uint8_t)v;
	} else {
		for (; v >= 0x80; v >>= 7)
			length[n++] = (uint8_t)(v | 0x80);
		length[n++] = (uint8_t)v;
	}
	memmove(g->out + pos + n, g->out + pos, body);
	memcpy(g->out + pos, length, n);
	g->size += n;
}

/* [back] [times]: the last bytes once more, and again. */
static inline void fuzz_repeat(struct fuzz_program *g, size_t back,
			       size_t times)
{
	if (back > g->size)
		back = g->size;
	while (times-- && back && g->size < g->max)
		fuzz_append(g, g->out + g->size - back, back);
}

/**
 * Runs a program: 0x00-0x7f: that many bytes as they are; 0x80-0x8f BACK TIMES:
 * the last BACK bytes TIMES << (op & 15) times more; 0x90: opens what a varint
 * counts; 0x91: opens what a size word counts; 0x92: closes it.
 */
static inline struct fuzz_bytes fuzz_expand(const uint8_t *p, size_t size,
					    size_t max)
{
	static struct fuzz_program g;
	const uint8_t *end = p + size;
	if (!g.out)
		g.out = malloc(FUZZ_LONG_MAX + 10 * FUZZ_OPEN_MAX);
	if (!g.out)
		abort();
	g.size = g.depth = 0;
	g.max = max;
	while (p < end) {
		uint8_t op = *p++;
		if (op < 0x80) {
			size_t n = op < end - p ? op : (size_t)(end - p);
			fuzz_append(&g, p, n);
			p += n;
		} else if (op < 0x90 && end - p >= 2) {
			fuzz_repeat(&g, p[0] + 1u, (size_t)p[1] << (op & 15));
			p += 2;
		} else if (op < 0x92 && g.depth < FUZZ_OPEN_MAX &&
			   g.size < max) {
			g.open[g.depth].word = op == 0x91;
			g.open[g.depth++].pos = g.size;
		} else if (op == 0x92 && g.depth) {
			fuzz_close(&g);
		}
	}
	while (g.depth)
		fuzz_close(&g);
	return fuzz_copy(g.out, g.size);
}

/** What the control bytes say of the input that follows them. */
static inline struct fuzz_bytes fuzz_input(const struct fuzz_control *c,
					   const uint8_t *data, size_t size)
{
	if (!c->program)
		return fuzz_copy(data, size);
	return fuzz_expand(data, size,
			   c->bite == 0x77 ? FUZZ_LONG_MAX : FUZZ_MOST_MAX);
}

/* Input in small bites */

struct fuzz_feed {
	const uint8_t *p;
	size_t left;
	uint8_t bite;
	unsigned turn;
};

static inline struct cr_error *fuzz_read(void *arg, void *data, size_t size,
					 size_t *n_ret)
{
	static const unsigned steps[] = { 1, 2, 3, 5, 7, 13, 17, 61,
					  250, 511, 1021, 4093, 16381 };
	struct fuzz_feed *f = arg;
	unsigned nr = sizeof(steps) / sizeof(steps[0]);
	/* The odd turns are of another size than the even ones. */
	size_t n = steps[(f->turn++ & 1 ? f->bite >> 4 : f->bite) % nr];
	if (f->left > 64 * 1024)
		n *= 7;
	if (n > size)
		n = size;
	if (n > f->left)
		n = f->left;
	memcpy(data, f->p, n);
	f->p += n;
	f->left -= n;
	*n_ret = n;
	return NULL;
}

static inline struct fuzz_feed fuzz_feed(struct fuzz_bytes in, uint8_t bite)
{
	return (struct fuzz_feed){ .p = in.data, .left = in.size, .bite = bite };
}

/* Output */

enum fuzz_sink_kind { FUZZ_MEM, FUZZ_FN, FUZZ_OURS, FUZZ_TIGHT };

struct fuzz_sink {
	struct cr_out out;
	enum fuzz_sink_kind kind;
	struct cr_out done; /* what FUZZ_FN was given */
	int fd;
};

/* An output in memory that has no byte to spare. */
static inline void fuzz_tight(struct cr_out *out, size_t cap)
{
	*out = (struct cr_out){ .fd = -1, .spool = -1, .buf = malloc(cap) };
	if (!out->buf)
		abort();
	out->cur = out->buf;
	out->lim = out->buf + cap;
}

static inline struct cr_error *fuzz_sink_write(void *arg, const void *data,
					       size_t size)
{
	struct fuzz_sink *s = arg;
	return cr_out_put(&s->done, data, size);
}

static inline void fuzz_sink_open(struct fuzz_sink *s, unsigned kind)
{
	*s = (struct fuzz_sink){ .kind = (enum fuzz_sink_kind)kind, .fd = -1 };
	fuzz_tight(&s->out, kind == FUZZ_TIGHT ? 1 : 2048);
	if (kind == FUZZ_FN) {
		s->out.write = fuzz_sink_write;
		s->out.write_arg = s;
		fuzz_tight(&s->done, 1);
	} else if (kind == FUZZ_OURS) {
		s->fd = memfd_create("fuzz", MFD_CLOEXEC);
		s->out.fd = s->fd;
		s->out.ours = true;
		if (s->fd < 0)
			abort();
	}
}

/** Everything that was written; the caller frees it. */
static inline struct fuzz_bytes fuzz_sink_close(struct fuzz_sink *s)
{
	struct cr_error *err = cr_out_flush(&s->out);
	if (err)
		fuzz_fail("flush", err);
	struct cr_out *from = s->kind == FUZZ_FN ? &s->done : &s->out;
	struct fuzz_bytes b;
	if (s->kind == FUZZ_OURS) {
		b = (struct fuzz_bytes){ malloc(s->out.base + 1), s->out.base };
		err = cr_io_pread(s->fd, b.data, b.size, 0);
		close(s->fd);
	} else {
		b = fuzz_copy(from->buf, cr_out_buffered(from));
	}
	if (err)
		fuzz_fail("reading the output", err);
	if (s->kind == FUZZ_FN)
		cr_out_deinit(&s->done);
	cr_out_deinit(&s->out);
	return b;
}

/* Image to JSON and back */

/** A reader of text, by the smallest window and small bites if asked to. */
static inline void fuzz_reader(struct cr_reader *r, struct fuzz_feed *feed,
			       struct fuzz_bytes text,
			       const struct fuzz_control *c)
{
	struct cr_error *err;
	if (c->window) {
		*feed = fuzz_feed(text, c->bite);
		*r = (struct cr_reader){ 0 };
		err = cr_source_init_read(&r->src, CR_READER_AHEAD, fuzz_read,
					  feed);
		r->src.count_lines = true;
	} else {
		err = cr_reader_init_mem(r, text.data, text.size);
	}
	if (err)
		fuzz_fail("a reader", err);
}

/** Image to JSON; NULL and the text, or the library's error. bites: not from
 * memory but through a callback, like a pipe. */
static inline struct cr_error *fuzz_to_json(struct fuzz_bytes image,
					    const struct fuzz_control *c,
					    bool bites, bool nopl,
					    struct fuzz_bytes *ret)
{
	struct fuzz_feed feed = fuzz_feed(image, c->bite);
	struct fuzz_sink sink;
	struct cr_source src;
	struct cr_error *err = NULL;
	fuzz_sink_open(&sink, c->sink);
	if (bites)
		err = cr_source_init_read(&src, CR_SOURCE_CAP, fuzz_read,
					  &feed);
	else
		cr_source_init_mem(&src, image.data, image.size);
	if (!err)
		err = cr_image_to_json(fuzz_codec(c->style), &src, NULL, nopl,
				       &sink.out);
	cr_source_deinit(&src);
	*ret = fuzz_sink_close(&sink);
	return err;
}

/** JSON to image, the same way. */
static inline struct cr_error *fuzz_from_json(struct fuzz_bytes text,
					      const struct fuzz_control *c,
					      bool lenient,
					      struct fuzz_bytes *ret)
{
	struct fuzz_feed feed;
	struct fuzz_sink sink;
	struct cr_reader r;
	fuzz_reader(&r, &feed, text, c);
	fuzz_sink_open(&sink, c->sink);
	struct cr_error *err =
		cr_image_from_json(fuzz_codec(0), &r, lenient, &sink.out);
	cr_reader_deinit(&r);
	*ret = fuzz_sink_close(&sink);
	return err;
}

/* The text is the image: it comes back from it. */
static inline void fuzz_comes_back(struct fuzz_bytes image,
				   struct fuzz_bytes text,
				   const struct fuzz_control *c)
{
	struct fuzz_bytes back;
	struct cr_error *err = fuzz_from_json(text, c, false, &back);
	if (err)
		fuzz_fail("our own JSON is refused", err);
	fuzz_check(fuzz_same(image, back), "the bytes do not come back");
	free(back.data);
}

/* What else reads images agrees. */
static inline void fuzz_other_readers(struct fuzz_bytes image,
				      const struct fuzz_control *c,
				      struct cr_error *said)
{
	struct cr_image_info info;
	struct fuzz_bytes text;
	struct cr_source src;
	cr_source_init_mem(&src, image.data, image.size);
	struct cr_error *err =
		cr_image_read_info(fuzz_codec(0), &src, NULL, &info);
	if (err && !said)
		fuzz_fail("counting refuses what decoding takes", err);
	cr_error_free(err);
	err = fuzz_to_json(image, c, false, true, &text);
	if (err && !said)
		fuzz_fail("nopl refuses what decoding takes", err);
	cr_error_free(err);
	free(text.data);
}

/** Every property of an image that may be hostile. */
static inline void fuzz_image(struct fuzz_bytes image,
			      const struct fuzz_control *c)
{
	struct fuzz_bytes text, again;
	struct cr_error *err = fuzz_to_json(image, c, false, false, &text);
	if (c->bites) {
		struct cr_error *other =
			fuzz_to_json(image, c, true, false, &again);
		if (other && !err)
			fuzz_fail("a pipe is refused, not memory", other);
		fuzz_check(other || !err, "memory is refused, not a pipe");
		fuzz_check(err || fuzz_same(text, again),
			   "a pipe says something else than memory");
		cr_error_free(other);
		free(again.data);
	}
	fuzz_other_readers(image, c, err);
	if (!err)
		fuzz_comes_back(image, text, c);
	cr_error_free(err);
	free(text.data);
}

/* Short cuts and windows change nothing: the other kind of reader agrees. */
static inline void fuzz_other_window(struct fuzz_bytes text,
				     const struct fuzz_control *c, bool lenient,
				     const struct cr_error *said,
				     struct fuzz_bytes image)
{
	struct fuzz_control other = *c;
	struct fuzz_bytes again;
	other.window = !c->window;
	other.sink = c->sink == FUZZ_TIGHT ? FUZZ_MEM : FUZZ_TIGHT;
	struct cr_error *err = fuzz_from_json(text, &other, lenient, &again);
	if (err && !said)
		fuzz_fail("another window refuses", err);
	fuzz_check(err || !said, "another window takes what is refused");
	fuzz_check(said || fuzz_same(image, again),
		   "another window reads something else");
	cr_error_free(err);
	free(again.data);
}

/** Every property of a JSON document that may be hostile. */
static inline void fuzz_json(struct fuzz_bytes text,
			     const struct fuzz_control *c, bool lenient)
{
	struct fuzz_bytes image, shown;
	struct cr_error *err = fuzz_from_json(text, c, lenient, &image);
	if (c->bites)
		fuzz_other_window(text, c, lenient, err, image);
	if (!err) {
		err = fuzz_to_json(image, c, c->bites, false, &shown);
		if (err)
			fuzz_fail("our own image is refused", err);
		fuzz_comes_back(image, shown, c);
		free(shown.data);
	}
	cr_error_free(err);
	free(image.data);
}

#endif
