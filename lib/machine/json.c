// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/num.h"
#include "lib/codec/reader.h"
#include "lib/codec/writer.h"
#include "lib/machine/machine.h"

#define VERSION_KEY "critter_machine"

/* Where a fact is in the file, and where in the struct. */
enum kind { TEXT, NUMBER, MASK, TRIAL, PAC, LENGTHS, COMPONENTS };

struct fact {
	const char *key;
	enum kind kind;
	size_t off;
	size_t room; /* TEXT: bytes, with the NUL */
};

#define AT(member) offsetof(struct cr_machine, member)
#define SIZE(member) sizeof(((struct cr_machine *)0)->member)

// clang-format off
static const struct fact common[] = {
	{ "arch",         TEXT,   AT(arch),   SIZE(arch) },
	{ "kernel",       TEXT,   AT(kernel), SIZE(kernel) },
	{ "cpu",          TEXT,   AT(cpu),    SIZE(cpu) },
	{ "page_size",    NUMBER, AT(page_size) },
	{ "signal_stack", NUMBER, AT(signal_stack) },
	{ "hwcap",        MASK,   AT(hwcap) },
	{ "hwcap2",       MASK,   AT(hwcap2) },
	{ 0 },
};

static const struct fact x86[] = {
	{ "vendor",         TEXT,       AT(x86.vendor), SIZE(x86.vendor) },
	{ "family",         NUMBER,     AT(x86.family) },
	{ "model",          NUMBER,     AT(x86.model) },
	{ "stepping",       NUMBER,     AT(x86.stepping) },
	{ "features",       MASK,       AT(x86.features) },
	{ "size",           NUMBER,     AT(x86.size) },
	{ "frame_size",     NUMBER,     AT(x86.frame_size) },
	{ "frame_features", MASK,       AT(x86.frame_features) },
	{ "short_frames",   TRIAL,      AT(x86.short_frames) },
	{ "long_frames",    TRIAL,      AT(x86.long_frames) },
	{ "shadow_stacks",  TRIAL,      AT(x86.shadow_stacks) },
	{ "components",     COMPONENTS, AT(x86.component) },
	{ 0 },
};

static const struct fact aarch64[] = {
	{ "midr",       MASK,    AT(aarch64.midr) },
	{ "pac",        PAC,     AT(aarch64.pac) },
	{ "pac_proved", TRIAL,   AT(aarch64.pac_proved) },
	{ "pac_keys",   TRIAL,   AT(aarch64.pac_keys) },
	{ "pac_level",  NUMBER,  AT(aarch64.pac_level) },
	{ "va_bits",    NUMBER,  AT(aarch64.va_bits) },
	{ "generic",    TRIAL,   AT(aarch64.generic) },
	{ "gcs",        TRIAL,   AT(aarch64.gcs) },
	{ "sve",        LENGTHS, AT(aarch64.sve) },
	{ "sme",        LENGTHS, AT(aarch64.sme) },
	{ "sme2",       TRIAL,   AT(aarch64.sme2) },
	{ "fpmr",       TRIAL,   AT(aarch64.fpmr) },
	{ "poe",        TRIAL,   AT(aarch64.poe) },
	{ 0 },
};

/* Of the processors that have more; a file has the section of its own. */
static const struct section {
	const char *key;
	bool (*is)(const struct cr_machine *machine);
	const struct fact *facts;
} sections[] = {
	{ "x86",     cr_machine_is_x86,     x86 },
	{ "aarch64", cr_machine_is_aarch64, aarch64 },
	{ 0 },
};
// clang-format on

/* ---- writing ---- */

/* The first error is kept; what follows does nothing. */
struct put {
	struct cr_writer w;
	struct cr_error *err;
};

static void put_open(struct put *p, char bracket)
{
	if (!p->err)
		p->err = cr_writer_open(&p->w, bracket);
}

static void put_close(struct put *p, char bracket)
{
	if (!p->err)
		p->err = cr_writer_close(&p->w, bracket);
}

static void put_key(struct put *p, const char *key)
{
	if (!p->err)
		p->err = cr_writer_key(&p->w, key);
}

static void put_item(struct put *p)
{
	if (!p->err)
		p->err = cr_writer_item(&p->w);
}

static void put_u64(struct put *p, uint64_t value)
{
	if (!p->err)
		p->err = cr_writer_u64(&p->w, value);
}

/* NULL: null. */
static void put_text(struct put *p, const char *text)
{
	if (!p->err)
		p->err = text ? cr_writer_string(&p->w, text, strlen(text)) :
				cr_writer_raw(&p->w, "null");
}

static void put_mask(struct put *p, uint64_t value)
{
	char text[CR_NUM_MAX];
	*cr_put_hex(text, value) = 0;
	put_text(p, text);
}

static void put_trial(struct put *p, enum cr_trial trial)
{
	static const char *const names[] = {
		[CR_TRIAL_UNKNOWN] = "null",
		[CR_TRIAL_NO] = "false",
		[CR_TRIAL_YES] = "true",
	};
	if (!p->err)
		p->err = cr_writer_raw(&p->w, names[trial]);
}

static void put_lengths(struct put *p, const struct cr_lengths *l)
{
	put_open(p, '{');
	put_key(p, "usual");
	put_u64(p, l->usual);
	put_key(p, "lengths");
	put_open(p, '[');
	for (uint32_t i = 0; i < l->nr; i++) {
		put_item(p);
		put_u64(p, l->length[i]);
	}
	put_close(p, ']');
	put_close(p, '}');
}

static void put_component(struct put *p, unsigned bit,
			  const struct cr_machine_component *c)
{
	put_item(p);
	put_open(p, '{');
	put_key(p, "bit");
	put_u64(p, bit);
	put_key(p, "name");
	put_text(p, cr_xstate_name(bit));
	put_key(p, "offset");
	put_u64(p, c->off);
	put_key(p, "size");
	put_u64(p, c->size);
	put_close(p, '}');
}

static void put_components(struct put *p, const struct cr_machine_x86 *x)
{
	put_open(p, '[');
	for (unsigned i = 0; i < CR_NR_XSTATE; i++)
		if (x->features >> i & 1)
			put_component(p, i, &x->component[i]);
	put_close(p, ']');
}

static void put_fact(struct put *p, const struct cr_machine *m,
		     const struct fact *f)
{
	const void *from = (const char *)m + f->off;
	put_key(p, f->key);
	switch (f->kind) {
	case TEXT:
		put_text(p, from);
		break;
	case NUMBER:
		put_u64(p, *(const uint32_t *)from);
		break;
	case MASK:
		put_mask(p, *(const uint64_t *)from);
		break;
	case TRIAL:
		put_trial(p, *(const enum cr_trial *)from);
		break;
	case PAC:
		put_text(p, cr_machine_pac_name(
				    *(const enum cr_machine_pac *)from));
		break;
	case LENGTHS:
		put_lengths(p, from);
		break;
	case COMPONENTS:
		put_components(p, &m->x86);
		break;
	}
}

static void put_facts(struct put *p, const struct cr_machine *m,
		      const struct fact *facts)
{
	for (const struct fact *f = facts; f->key; f++)
		put_fact(p, m, f);
}

struct cr_error *cr_machine_write(const struct cr_machine *m,
				  struct cr_out *out)
{
	struct put p = { .w = { .out = out, .style = { .indent = true } } };
	put_open(&p, '{');
	put_key(&p, VERSION_KEY);
	put_u64(&p, CR_MACHINE_VERSION);
	put_facts(&p, m, common);
	for (const struct section *s = sections; s->key; s++) {
		if (!s->is(m))
			continue;
		put_key(&p, s->key);
		put_open(&p, '{');
		put_facts(&p, m, s->facts);
		put_close(&p, '}');
	}
	put_close(&p, '}');
	return p.err ? p.err : cr_out_put(out, "\n", 1);
}

/* ---- reading ---- */

/* Reads the value of a key; one that is not known it passes over. */
typedef struct cr_error *member_fn(struct cr_reader *r, void *arg,
				   const char *key);

static struct cr_error *read_member(struct cr_reader *r, member_fn *member,
				    void *arg)
{
	char key[CR_READER_KEY_MAX + 1];
	const char *name = NULL;
	size_t size = 0;
	struct cr_error *err = cr_reader_ready(r);
	if (!err)
		err = cr_reader_key(r, &name, &size);
	if (err)
		return err;
	memcpy(key, name, size);
	key[size] = 0;
	err = member(r, arg, key);
	return err ? err : cr_reader_ready(r);
}

static struct cr_error *read_object(struct cr_reader *r, member_fn *member,
				    void *arg)
{
	bool empty = false, more = true;
	struct cr_error *err = cr_reader_expect(r, '{');
	if (!err)
		err = cr_reader_accept(r, '}', &empty);
	if (err || empty)
		return err;
	while (!err && more) {
		err = read_member(r, member, arg);
		if (!err)
			err = cr_reader_accept(r, ',', &more);
	}
	return err ? err : cr_reader_expect(r, '}');
}

/* It may be null; *has_ret: it is not. */
static struct cr_error *read_text(struct cr_reader *r, char *to, size_t room,
				  bool *has_ret)
{
	char c;
	size_t size = 0;
	struct cr_error *err = cr_reader_peek(r, &c);
	*has_ret = !err && c != 'n';
	if (!err && *has_ret)
		err = cr_reader_text(r, to, room - 1, &size);
	else if (!err)
		err = cr_reader_skip(r);
	to[size] = 0;
	return err;
}

static struct cr_error *read_trial(struct cr_reader *r, enum cr_trial *ret)
{
	char c;
	bool value;
	struct cr_error *err = cr_reader_peek(r, &c);
	*ret = CR_TRIAL_UNKNOWN;
	if (!err && c == 'n')
		return cr_reader_skip(r);
	if (!err)
		err = cr_reader_bool(r, &value);
	if (!err)
		*ret = value ? CR_TRIAL_YES : CR_TRIAL_NO;
	return err;
}

static struct cr_error *read_u32(struct cr_reader *r, uint32_t *ret)
{
	uint64_t value;
	struct cr_error *err = cr_reader_u64(r, UINT32_MAX, &value);
	if (!err)
		*ret = (uint32_t)value;
	return err;
}

static struct cr_error *read_mask(struct cr_reader *r, uint64_t *ret)
{
	char text[2 + 16 + 1], *end;
	bool has;
	struct cr_error *err = read_text(r, text, sizeof(text), &has);
	if (err)
		return err;
	if (strncmp(text, "0x", 2) || !strspn(text + 2, "0123456789abcdef"))
		return cr_reader_error(r, "a mask is text like \"0x7\"");
	*ret = strtoull(text, &end, 16);
	return *end ? cr_reader_error(r, "a mask is text like \"0x7\"") :
		      NULL;
}

static struct cr_error *read_pac(struct cr_reader *r, enum cr_machine_pac *ret)
{
	char text[16];
	bool has;
	struct cr_error *err = read_text(r, text, sizeof(text), &has);
	*ret = CR_MACHINE_PAC_UNKNOWN;
	for (enum cr_machine_pac i = CR_MACHINE_PAC_NONE;
	     !err && i <= CR_MACHINE_PAC_IMPDEF; i++)
		if (!strcmp(text, cr_machine_pac_name(i)))
			*ret = i;
	return err;
}

struct list {
	struct cr_reader *r;
	void *to;
};

static struct cr_error *read_length(void *arg, uint64_t i)
{
	struct list *list = arg;
	struct cr_lengths *l = list->to;
	if (i >= CR_NR_LENGTHS)
		return cr_reader_error(list->r, "more than %d lengths",
				       CR_NR_LENGTHS);
	l->nr = (uint32_t)i + 1;
	return read_u32(list->r, &l->length[i]);
}

static struct cr_error *lengths_member(struct cr_reader *r, void *arg,
				       const char *key)
{
	struct cr_lengths *l = arg;
	struct list list = { r, l };
	if (!strcmp(key, "usual"))
		return read_u32(r, &l->usual);
	if (strcmp(key, "lengths"))
		return cr_reader_skip(r);
	l->nr = 0;
	return cr_reader_list(r, read_length, &list);
}

struct component {
	uint32_t bit, off, size;
};

static struct cr_error *component_member(struct cr_reader *r, void *arg,
					 const char *key)
{
	struct component *c = arg;
	if (!strcmp(key, "bit"))
		return read_u32(r, &c->bit);
	if (!strcmp(key, "offset"))
		return read_u32(r, &c->off);
	if (!strcmp(key, "size"))
		return read_u32(r, &c->size);
	return cr_reader_skip(r);
}

static struct cr_error *read_component(void *arg, uint64_t i)
{
	struct list *list = arg;
	struct component c = { .bit = CR_NR_XSTATE };
	struct cr_machine_component *to = list->to;
	(void)i;
	struct cr_error *err = cr_reader_ready(list->r);
	if (!err)
		err = read_object(list->r, component_member, &c);
	if (!err && c.bit >= CR_NR_XSTATE)
		err = cr_reader_error(list->r,
				      "a component without bit, or above %d",
				      CR_NR_XSTATE - 1);
	if (!err)
		to[c.bit] = (struct cr_machine_component){ c.off, c.size };
	return err;
}

static struct cr_error *read_fact(struct cr_reader *r, struct cr_machine *m,
				  const struct fact *f)
{
	void *to = (char *)m + f->off;
	struct list list = { r, to };
	bool has;
	switch (f->kind) {
	case TEXT:
		return read_text(r, to, f->room, &has);
	case NUMBER:
		return read_u32(r, to);
	case MASK:
		return read_mask(r, to);
	case TRIAL:
		return read_trial(r, to);
	case PAC:
		return read_pac(r, to);
	case LENGTHS:
		return read_object(r, lengths_member, to);
	case COMPONENTS:
		return cr_reader_list(r, read_component, &list);
	}
	return NULL;
}

/* What is being read. */
struct reading {
	struct cr_machine *m;
	const struct fact *facts;
	bool is_whole; /* the file, not a section */
	uint32_t version;
};

static struct cr_error *machine_member(struct cr_reader *r, void *arg,
				       const char *key)
{
	struct reading *reading = arg;
	for (const struct fact *f = reading->facts; f->key; f++)
		if (!strcmp(f->key, key))
			return read_fact(r, reading->m, f);
	if (!reading->is_whole)
		return cr_reader_skip(r);
	if (!strcmp(key, VERSION_KEY))
		return read_u32(r, &reading->version);
	for (const struct section *s = sections; s->key; s++) {
		struct reading inner = { .m = reading->m, .facts = s->facts };
		if (!strcmp(s->key, key))
			return read_object(r, machine_member, &inner);
	}
	return cr_reader_skip(r);
}

static struct cr_error *read_file(struct cr_reader *r, struct cr_machine *ret)
{
	struct cr_machine m = { 0 };
	struct reading reading = { .m = &m, .facts = common, .is_whole = true };
	struct cr_error *err = cr_reader_ready(r);
	if (!err)
		err = read_object(r, machine_member, &reading);
	if (!err)
		err = cr_reader_end(r);
	if (!err && !reading.version)
		err = cr_error_new(CR_ERR_FORMAT,
				   "no key \"" VERSION_KEY "\": not written "
				   "by a probe");
	if (!err && reading.version > CR_MACHINE_VERSION)
		err = cr_error_new(CR_ERR_UNSUPPORTED,
				   "version %u, known is %d", reading.version,
				   CR_MACHINE_VERSION);
	if (!err)
		*ret = m;
	return err;
}

struct cr_error *cr_machine_read(struct cr_machine *ret, int fd)
{
	struct cr_reader r;
	struct cr_error *err = cr_reader_init_fd(&r, fd);
	if (!err)
		err = read_file(&r, ret);
	cr_reader_deinit(&r);
	return err;
}

struct cr_error *cr_machine_parse(struct cr_machine *ret, const void *data,
				  size_t size)
{
	struct cr_reader r;
	struct cr_error *err = cr_reader_init_mem(&r, data, size);
	if (!err)
		err = read_file(&r, ret);
	cr_reader_deinit(&r);
	return err;
}
