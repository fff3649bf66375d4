// SPDX-License-Identifier: MIT
#include "lib/unwind/cfi.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/cursor.h"

// How a pointer is written: the low half says its size, the high half what it
// is relative to. Linux Standard Base, 10.5.
// clang-format off
enum encoding {
	ENC_SIZE = 0x0f, ENC_ULEB = 1, ENC_U2, ENC_U4, ENC_U8,
	ENC_SLEB = 9, ENC_S2, ENC_S4, ENC_S8,
	ENC_BASE = 0x70, ENC_PCREL = 0x10, ENC_TEXTREL = 0x20, ENC_DATAREL = 0x30,
	ENC_FUNCREL = 0x40, ENC_ALIGNED = 0x50,
	ENC_INDIRECT = 0x80, ENC_OMIT = 0xff,
};

enum instruction {
	CFA_NOP, CFA_SET_LOC, CFA_ADVANCE1, CFA_ADVANCE2, CFA_ADVANCE4,
	CFA_OFFSET_EXTENDED, CFA_RESTORE_EXTENDED, CFA_UNDEFINED, CFA_SAME,
	CFA_REGISTER, CFA_REMEMBER, CFA_RESTORE_STATE, CFA_DEF,
	CFA_DEF_REGISTER, CFA_DEF_OFFSET, CFA_DEF_EXPRESSION, CFA_EXPRESSION,
	CFA_OFFSET_EXTENDED_SF, CFA_DEF_SF, CFA_DEF_OFFSET_SF, CFA_VAL_OFFSET,
	CFA_VAL_OFFSET_SF, CFA_VAL_EXPRESSION,
	CFA_ADVANCE8 = 0x1d,		/* MIPS */
	CFA_NEGATE_WITH_PC = 0x2c,	/* AArch64 */
	CFA_NEGATE = 0x2d,		/* AArch64 */
	CFA_ARGS_SIZE = 0x2e,		/* GNU */
	CFA_NEGATIVE_OFFSET = 0x2f,	/* GNU */
	CFA_ADVANCE = 0x40, CFA_OFFSET = 0x80, CFA_RESTORE = 0xc0, /* and six bits */
};
// clang-format on

static struct cr_error *fault_at(const struct cr_cfi *cfi, size_t off,
				 const char *what)
{
	return cr_error_new(CR_ERR_FORMAT, "%s: byte %zu: %s",
			    cfi->section.is_debug_frame ? ".debug_frame" :
							  ".eh_frame",
			    off, what);
}

static size_t off_of(const struct cr_cfi *cfi, const uint8_t *p)
{
	return (size_t)(p - cfi->section.data);
}

/* ---- pointers ---- */

static uint64_t read_value(struct cr_cursor *c, unsigned encoding,
			   uint8_t address_size)
{
	// clang-format off
	switch (encoding & ENC_SIZE) {
	case 0:        return cr_cursor_uint(c, address_size);
	case ENC_ULEB: return cr_cursor_uleb(c);
	case ENC_U2:   return cr_cursor_uint(c, 2);
	case ENC_U4:   return cr_cursor_uint(c, 4);
	case ENC_U8:   return cr_cursor_uint(c, 8);
	case ENC_SLEB: return (uint64_t)cr_cursor_sleb(c);
	case ENC_S2:   return (uint64_t)cr_cursor_int(c, 2);
	case ENC_S4:   return (uint64_t)cr_cursor_int(c, 4);
	case ENC_S8:   return cr_cursor_uint(c, 8);
	}
	// clang-format on
	cr_cursor_fail(c);
	return 0;
}

static uint64_t read_pointer(const struct cr_cfi *cfi, struct cr_cursor *c,
			     unsigned encoding)
{
	const struct cr_cfi_section *s = &cfi->section;
	uint64_t place = s->vaddr + off_of(cfi, c->p);
	uint64_t value = read_value(c, encoding, s->address_size);

	switch (encoding & (ENC_BASE | ENC_INDIRECT)) {
	case 0:
		value += s->bias;
		break;
	case ENC_PCREL:
		value += place;
		break;
	case ENC_TEXTREL:
		value += s->text;
		break;
	case ENC_DATAREL:
		value += s->table;
		break;
	default:
		cr_cursor_fail(c);
	}
	return s->address_size == 4 ? (uint32_t)value : value;
}

/* ---- entries ---- */

struct entry {
	size_t off; /* of its length */
	size_t end;
	bool is_common;
	size_t common; /* of an own one: where the common one is */
	struct cr_cursor body;
};

/* The entry at off. *has_ret: there is one; none follows a length of zero. */
static struct cr_error *read_entry(const struct cr_cfi *cfi, size_t off,
				   struct entry *ret, bool *has_ret)
{
	const struct cr_cfi_section *s = &cfi->section;
	struct cr_cursor c = cr_cursor_init(s->data, s->size, s->big_endian);
	unsigned word = 4;

	cr_cursor_take(&c, off);
	uint64_t length = cr_cursor_uint(&c, 4);
	*has_ret = length != 0;
	if (!length && !c.failed)
		return NULL;
	if (length == UINT32_MAX) {
		word = 8;
		length = cr_cursor_uint(&c, 8);
	}
	if (c.failed || length > cr_cursor_left(&c))
		return fault_at(cfi, off, "an entry ends beyond the section");
	c.end = c.p + length;
	size_t id_off = cr_cursor_off(&c);
	/* In .eh_frame the number is of four bytes even so. */
	uint64_t id = cr_cursor_uint(&c, s->is_debug_frame ? word : 4);
	if (c.failed)
		return fault_at(cfi, off, "an entry is too short");
	uint64_t common_id = !s->is_debug_frame ? 0 :
			     word == 4		? UINT32_MAX :
						  UINT64_MAX;
	ret->off = off;
	ret->end = (size_t)(c.end - s->data);
	ret->is_common = id == common_id;
	ret->common = (size_t)(s->is_debug_frame ? id : id_off - id);
	ret->body = c;
	return NULL;
}

static void read_augmentation(const struct cr_cfi *cfi, struct cr_cursor *c,
			      const char *aug, size_t size, struct cr_fde *ret)
{
	uint64_t bytes = cr_cursor_uleb(c);
	struct cr_cursor data = *c;
	cr_cursor_take(c, bytes);
	if (!c->failed)
		data.end = c->p;
	for (size_t i = 1; i < size; i++) {
		if (aug[i] == 'R')
			ret->encoding = (uint8_t)cr_cursor_uint(&data, 1);
		else if (aug[i] == 'L')
			cr_cursor_uint(&data, 1);
		else if (aug[i] == 'P')
			read_value(&data, (unsigned)cr_cursor_uint(&data, 1),
				   cfi->section.address_size);
		else if (aug[i] == 'S')
			ret->is_signal = true;
		else if (aug[i] == 'B')
			ret->is_key_b = true;
		else if (aug[i] != 'G') /* memory tagging: not our business */
			break; /* the size says where it ends */
	}
	if (data.failed)
		cr_cursor_fail(c);
}

static struct cr_error *read_common(const struct cr_cfi *cfi, size_t off,
				    struct cr_fde *ret, bool *sized_ret)
{
	struct entry entry;
	bool has;

	struct cr_error *err = read_entry(cfi, off, &entry, &has);
	if (err)
		return err;
	if (!has || !entry.is_common)
		return fault_at(cfi, off, "no common entry there");
	struct cr_cursor *c = &entry.body;
	unsigned version = (unsigned)cr_cursor_uint(c, 1);
	const char *aug = (const char *)c->p;
	size_t aug_size = strnlen(aug, cr_cursor_left(c));
	cr_cursor_take(c, aug_size + 1);
	if (version == 4)
		cr_cursor_take(c, 2); /* sizes of address and segment */
	ret->code_align = cr_cursor_uleb(c);
	ret->data_align = cr_cursor_sleb(c);
	ret->ra_reg = version == 1 ? cr_cursor_uint(c, 1) : cr_cursor_uleb(c);
	*sized_ret = aug_size && aug[0] == 'z';
	if (*sized_ret)
		read_augmentation(cfi, c, aug, aug_size, ret);
	else if (aug_size)
		return fault_at(cfi, off, "unknown augmentation");
	if (c->failed || (version != 1 && version != 3 && version != 4))
		return fault_at(cfi, off, "a broken common entry");
	ret->common.data = c->p;
	ret->common.size = cr_cursor_left(c);
	return NULL;
}

static struct cr_error *read_own(const struct cr_cfi *cfi, struct entry *entry,
				 struct cr_fde *ret)
{
	bool sized;

	*ret = (struct cr_fde){ .off = entry->off };
	if (entry->common >= cfi->section.size)
		return fault_at(cfi, entry->off, "no common entry there");
	struct cr_error *err = read_common(cfi, entry->common, ret, &sized);
	if (err)
		return err;

	struct cr_cursor *c = &entry->body;
	ret->start = read_pointer(cfi, c, ret->encoding);
	uint64_t size = read_value(c, ret->encoding, cfi->section.address_size);
	if (sized)
		cr_cursor_take(c, cr_cursor_uleb(c));
	if (c->failed ||
	    __builtin_add_overflow(ret->start, size, &ret->end))
		return fault_at(cfi, entry->off, "a broken entry");
	ret->own.data = c->p;
	ret->own.size = cr_cursor_left(c);
	return NULL;
}

struct cr_error *cr_cfi_each(struct cr_cfi *cfi,
			     struct cr_error *(*fn)(void *arg,
						    const struct cr_fde *fde),
			     void *arg)
{
	size_t off = 0;

	while (off < cfi->section.size) {
		struct entry entry;
		struct cr_fde fde;
		bool has;
		struct cr_error *err = read_entry(cfi, off, &entry, &has);
		if (err || !has)
			return err;
		off = entry.end;
		if (entry.is_common)
			continue;
		err = read_own(cfi, &entry, &fde);
		if (!err)
			err = fn(arg, &fde);
		if (err)
			return err;
	}
	return NULL;
}

/* ---- finding ---- */

/* Only the form that linkers write: a count of 32 bits, and pairs of signed 32
 * bits relative to the header. */
static void use_header(struct cr_cfi *cfi)
{
	const struct cr_cfi_section *s = &cfi->section;
	struct cr_cursor c =
		cr_cursor_init(s->hdr, s->hdr_size, s->big_endian);
	unsigned version = (unsigned)cr_cursor_uint(&c, 1);
	unsigned section = (unsigned)cr_cursor_uint(&c, 1);
	unsigned count = (unsigned)cr_cursor_uint(&c, 1);
	unsigned table = (unsigned)cr_cursor_uint(&c, 1);

	if (version != 1 || count != ENC_U4 ||
	    table != (ENC_DATAREL | ENC_S4))
		return;
	read_value(&c, section, s->address_size);
	uint64_t nr = cr_cursor_uint(&c, 4);
	if (c.failed || nr > cr_cursor_left(&c) / 8)
		return;
	cfi->table = c.p;
	cfi->nr_table = nr;
}

void cr_cfi_init(struct cr_cfi *cfi, const struct cr_cfi_section *section)
{
	*cfi = (struct cr_cfi){ .section = *section };
	if (section->hdr)
		use_header(cfi);
}

void cr_cfi_deinit(struct cr_cfi *cfi)
{
	free(cfi->place);
	cr_error_free(cfi->fault);
	*cfi = (struct cr_cfi){ 0 };
}

static uint64_t table_address(const struct cr_cfi *cfi, size_t i, unsigned half)
{
	struct cr_cursor c = cr_cursor_init(cfi->table + 8 * i + 4 * half, 4,
					    cfi->section.big_endian);
	return cfi->section.hdr_vaddr + (uint64_t)cr_cursor_int(&c, 4);
}

/* The last entry of the header's table that begins at pc or before. */
static bool search_table(const struct cr_cfi *cfi, uint64_t pc, size_t *off_ret)
{
	size_t low = 0, high = cfi->nr_table;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (table_address(cfi, middle, 0) <= pc)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return false;
	uint64_t off = table_address(cfi, low - 1, 1) - cfi->section.vaddr;
	*off_ret = (size_t)off;
	return off < cfi->section.size;
}

struct collect {
	struct cr_cfi *cfi;
	size_t cap;
};

static struct cr_error *collect(void *arg, const struct cr_fde *fde)
{
	struct collect *c = arg;
	struct cr_cfi *cfi = c->cfi;

	if (fde->start == fde->end)
		return NULL;
	if (cfi->nr_places == c->cap) {
		size_t cap = c->cap ? 2 * c->cap : 64;
		void *more = realloc(cfi->place, cap * sizeof(cfi->place[0]));
		if (!more)
			return cr_enomem;
		cfi->place = more;
		c->cap = cap;
	}
	cfi->place[cfi->nr_places++] = (struct cr_cfi_place){
		fde->start, fde->end, fde->off
	};
	return NULL;
}

static int by_start(const void *a, const void *b)
{
	const struct cr_cfi_place *p = a, *q = b;
	return (p->start > q->start) - (p->start < q->start);
}

/* All entries up to a broken one, which is kept to be told of. */
static struct cr_error *index_places(struct cr_cfi *cfi)
{
	struct collect c = { cfi, 0 };
	struct cr_error *err = cr_cfi_each(cfi, collect, &c);

	if (err == cr_enomem)
		return err;
	cfi->fault = err;
	cfi->has_places = true;
	if (cfi->nr_places)
		qsort(cfi->place, cfi->nr_places, sizeof(cfi->place[0]),
		      by_start);
	return NULL;
}

static bool search_places(const struct cr_cfi *cfi, uint64_t pc,
			  size_t *off_ret)
{
	size_t low = 0, high = cfi->nr_places;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (cfi->place[middle].start <= pc)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || cfi->place[low - 1].end <= pc)
		return false;
	*off_ret = cfi->place[low - 1].off;
	return true;
}

/* The entry at off, if it covers pc. */
static struct cr_error *read_fde(const struct cr_cfi *cfi, size_t off,
				 uint64_t pc, struct cr_fde *ret)
{
	struct entry entry;
	bool has;
	struct cr_error *err = read_entry(cfi, off, &entry, &has);
	if (err)
		return err;
	if (!has || entry.is_common)
		return fault_at(cfi, off, "no entry there");
	err = read_own(cfi, &entry, ret);
	if (!err && (pc < ret->start || pc >= ret->end))
		err = cr_error_new(CR_ERR_NOT_FOUND,
				   "no frame information for 0x%llx",
				   (unsigned long long)pc);
	return err;
}

struct cr_error *cr_cfi_find(struct cr_cfi *cfi, uint64_t pc,
			     struct cr_fde *ret)
{
	size_t off;
	struct cr_error *err;

	if (cfi->table && search_table(cfi, pc, &off)) {
		err = read_fde(cfi, off, pc, ret);
		/* A table that leads nowhere is no use: do without. */
		if (!cr_error_catch(&err, CR_ERR_FORMAT))
			return err;
		cfi->table = NULL;
	}
	if (!cfi->table && !cfi->has_places) {
		err = index_places(cfi);
		if (err)
			return err;
	}
	if (!cfi->table && search_places(cfi, pc, &off))
		return read_fde(cfi, off, pc, ret);
	return cr_error_new(cfi->fault ? CR_ERR_FORMAT : CR_ERR_NOT_FOUND,
			    "no frame information for 0x%llx%s%s",
			    (unsigned long long)pc, cfi->fault ? "; " : "",
			    cfi->fault ? cr_error_text(cfi->fault) : "");
}

/* ---- rows ---- */

#define REMEMBER_DEPTH 16

struct run {
	const struct cr_cfi *cfi;
	const struct cr_fde *fde;
	struct cr_cursor c;
	uint64_t loc, pc;
	struct cr_cfi_row *row;
	const struct cr_cfi_row *initial; /* NULL while that is being made */
	struct cr_cfi_row kept[REMEMBER_DEPTH];
	unsigned nr_kept;
	struct cr_cfi_rule nowhere; /* of registers that do not matter */
	const char *fault;
};

static struct cr_cfi_rule *rule_of(struct run *r, uint64_t reg)
{
	return reg < CR_CFI_NR_REGS ? &r->row->reg[reg] : &r->nowhere;
}

static void set_rule(struct run *r, uint64_t reg, enum cr_cfi_kind kind,
		     int64_t off)
{
	*rule_of(r, reg) = (struct cr_cfi_rule){ .kind = kind, .off = off };
}

/* "DW_CFA_offset" and its like count in units of the data alignment. */
static int64_t scaled(const struct run *r, uint64_t off)
{
	return (int64_t)(off * (uint64_t)r->fde->data_align);
}

static void set_expr(struct run *r, struct cr_cfi_rule *rule,
		     enum cr_cfi_kind kind)
{
	uint64_t size = cr_cursor_uleb(&r->c);
	const uint8_t *data = cr_cursor_take(&r->c, size);
	*rule = (struct cr_cfi_rule){ .kind = kind,
				      .expr = { data, data ? size : 0 } };
}

static void restore(struct run *r, uint64_t reg)
{
	if (!r->initial)
		r->fault = "restores what is not known yet";
	else if (reg < CR_CFI_NR_REGS)
		r->row->reg[reg] = r->initial->reg[reg];
}

static void define_cfa(struct run *r, uint64_t reg, int64_t off)
{
	if (reg >= CR_CFI_NR_REGS)
		r->fault = "takes the frame's address from a strange register";
	r->row->cfa = (struct cr_cfi_rule){ .kind = CR_CFI_IS,
					    .reg = (uint32_t)reg,
					    .off = off };
}

/* Half of what the frame's address is made of. */
static void change_cfa(struct run *r, const uint64_t *reg, const int64_t *off)
{
	const struct cr_cfi_rule *cfa = &r->row->cfa;
	if (cfa->kind != CR_CFI_IS)
		r->fault = "changes a frame's address that is none";
	else
		define_cfa(r, reg ? *reg : cfa->reg, off ? *off : cfa->off);
}

static void remember(struct run *r)
{
	if (r->nr_kept == REMEMBER_DEPTH)
		r->fault = "remembers too much";
	else
		r->kept[r->nr_kept++] = *r->row;
}

static void restore_state(struct run *r)
{
	if (!r->nr_kept)
		r->fault = "restores what was not remembered";
	else
		*r->row = r->kept[--r->nr_kept];
}

static void advance(struct run *r, uint64_t by)
{
	r->loc += by * r->fde->code_align;
}

/* Definitions of the frame's address. */
static void run_cfa(struct run *r, unsigned op)
{
	struct cr_cursor *c = &r->c;
	uint64_t reg;
	int64_t off;

	switch (op) {
	case CFA_DEF:
		reg = cr_cursor_uleb(c);
		return define_cfa(r, reg, (int64_t)cr_cursor_uleb(c));
	case CFA_DEF_SF:
		reg = cr_cursor_uleb(c);
		return define_cfa(r, reg,
				  scaled(r, (uint64_t)cr_cursor_sleb(c)));
	case CFA_DEF_REGISTER:
		reg = cr_cursor_uleb(c);
		return change_cfa(r, &reg, NULL);
	case CFA_DEF_OFFSET:
		off = (int64_t)cr_cursor_uleb(c);
		return change_cfa(r, NULL, &off);
	case CFA_DEF_OFFSET_SF:
		off = scaled(r, (uint64_t)cr_cursor_sleb(c));
		return change_cfa(r, NULL, &off);
	default:
		return set_expr(r, &r->row->cfa, CR_CFI_IS_EXPR);
	}
}

/* Rules of registers, whose number comes first. */
static void run_rule(struct run *r, unsigned op)
{
	struct cr_cursor *c = &r->c;
	uint64_t reg = cr_cursor_uleb(c);

	switch (op) {
	case CFA_OFFSET_EXTENDED:
		return set_rule(r, reg, CR_CFI_AT, scaled(r, cr_cursor_uleb(c)));
	case CFA_OFFSET_EXTENDED_SF:
		return set_rule(r, reg, CR_CFI_AT,
				scaled(r, (uint64_t)cr_cursor_sleb(c)));
	case CFA_NEGATIVE_OFFSET:
		return set_rule(r, reg, CR_CFI_AT,
				scaled(r, 0 - cr_cursor_uleb(c)));
	case CFA_VAL_OFFSET:
		return set_rule(r, reg, CR_CFI_IS, scaled(r, cr_cursor_uleb(c)));
	case CFA_VAL_OFFSET_SF:
		return set_rule(r, reg, CR_CFI_IS,
				scaled(r, (uint64_t)cr_cursor_sleb(c)));
	case CFA_EXPRESSION:
		return set_expr(r, rule_of(r, reg), CR_CFI_AT_EXPR);
	case CFA_VAL_EXPRESSION:
		return set_expr(r, rule_of(r, reg), CR_CFI_IS_EXPR);
	case CFA_UNDEFINED:
		return set_rule(r, reg, CR_CFI_UNDEFINED, 0);
	case CFA_SAME:
		return set_rule(r, reg, CR_CFI_SAME, 0);
	case CFA_RESTORE_EXTENDED:
		return restore(r, reg);
	default: /* CFA_REGISTER */
		*rule_of(r, reg) = (struct cr_cfi_rule){
			.kind = CR_CFI_REG, .reg = (uint32_t)cr_cursor_uleb(c)
		};
	}
}

static void run_extended(struct run *r, unsigned op)
{
	struct cr_cursor *c = &r->c;

	switch (op) {
	case CFA_NOP:
		return;
	case CFA_SET_LOC:
		r->loc = read_pointer(r->cfi, c, r->fde->encoding);
		return;
	case CFA_ADVANCE1:
		return advance(r, cr_cursor_uint(c, 1));
	case CFA_ADVANCE2:
		return advance(r, cr_cursor_uint(c, 2));
	case CFA_ADVANCE4:
		return advance(r, cr_cursor_uint(c, 4));
	case CFA_ADVANCE8:
		return advance(r, cr_cursor_uint(c, 8));
	case CFA_REMEMBER:
		return remember(r);
	case CFA_RESTORE_STATE:
		return restore_state(r);
	case CFA_NEGATE:
		r->row->sign ^= CR_CFI_SIGNED;
		return;
	case CFA_NEGATE_WITH_PC:
		r->row->sign ^= CR_CFI_SIGNED | CR_CFI_WITH_PC;
		r->row->sign_pc = r->loc;
		return;
	case CFA_ARGS_SIZE:
		cr_cursor_uleb(c);
		return;
	case CFA_DEF:
	case CFA_DEF_SF:
	case CFA_DEF_REGISTER:
	case CFA_DEF_OFFSET:
	case CFA_DEF_OFFSET_SF:
	case CFA_DEF_EXPRESSION:
		return run_cfa(r, op);
	case CFA_OFFSET_EXTENDED ... CFA_REGISTER:
	case CFA_EXPRESSION:
	case CFA_OFFSET_EXTENDED_SF:
	case CFA_VAL_OFFSET ... CFA_VAL_EXPRESSION:
	case CFA_NEGATIVE_OFFSET:
		return run_rule(r, op);
	}
	r->fault = "an unknown instruction";
}

static void run_one(struct run *r, unsigned op)
{
	unsigned low = op & 0x3f;

	switch (op & 0xc0) {
	case CFA_ADVANCE:
		return advance(r, low);
	case CFA_OFFSET:
		return set_rule(r, low, CR_CFI_AT,
				scaled(r, cr_cursor_uleb(&r->c)));
	case CFA_RESTORE:
		return restore(r, low);
	}
	run_extended(r, op);
}

/* Up to the instructions that are about code behind pc. */
static struct cr_error *run_code(struct run *r, const struct cr_fde_code *code)
{
	r->c = cr_cursor_init(code->data, code->size,
			      r->cfi->section.big_endian);
	while (r->c.p < r->c.end) {
		size_t off = off_of(r->cfi, r->c.p);
		run_one(r, (unsigned)cr_cursor_uint(&r->c, 1));
		if (r->c.failed)
			r->fault = "an instruction ends early";
		if (r->fault)
			return fault_at(r->cfi, off, r->fault);
		if (r->loc > r->pc)
			return NULL;
	}
	return NULL;
}

struct cr_error *cr_cfi_row(const struct cr_cfi *cfi, const struct cr_fde *fde,
			    uint64_t pc, struct cr_cfi_row *ret)
{
	struct cr_cfi_row row = { 0 }, initial;
	struct run r = { .cfi = cfi, .fde = fde, .pc = pc, .loc = fde->start,
			 .row = &row };
	struct cr_error *err = run_code(&r, &fde->common);
	if (err)
		return err;
	initial = row;
	r.initial = &initial;
	r.loc = fde->start;
	err = run_code(&r, &fde->own);
	if (!err)
		*ret = row;
	return err;
}
