// SPDX-License-Identifier: MIT
#include "lib/unwind/frame.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/unwind/expr.h"

/* Rows by where they were looked up: deep stacks are of few functions. */
#define NR_ROWS 256

enum row_kind { ROW_EMPTY, ROW_SIGNAL, ROW_CFI, ROW_NONE };

struct cr_unwind_row {
	enum row_kind kind;
	uint64_t pc;
	bool is_exact;
	struct cr_module *module;
	uint64_t ra_reg;
	bool is_signal, is_key_b;
	struct cr_cfi_row row;
	struct cr_error *why; /* NONE */
};

/* What a walk may cost, in bytes of tables and steps of expressions. Ours need a
 * hundred bytes for each function. */
#define WORK_MAX (UINT64_C(1) << 31)

/* Bytes of the process: a few pages that were read last. */
#define BLOCK	  4096
#define NR_BLOCKS 16

struct cr_unwind_block {
	bool has;
	uint64_t start;
	uint8_t data[BLOCK];
};

static void forget_rows(struct cr_unwind *u)
{
	for (size_t i = 0; u->row && i < NR_ROWS; i++)
		cr_error_free(u->row[i].why);
	free(u->row);
	u->row = NULL;
}

struct cr_error *cr_unwind_init(struct cr_unwind *u, struct cr_pages *pages,
				const struct cr_arch *arch)
{
	const struct cr_space *space = &pages->space;
	uint64_t top = space->nr ? space->vma[space->nr - 1].end : 0;
	*u = (struct cr_unwind){ .pages = pages, .arch = arch };
	if (!arch->frames)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "stacks of %s cannot be unwound",
				    arch->name);
	unsigned va_bits = cr_arch_va_bits(arch, top);
	if (va_bits)
		u->code_mask = cr_arch_pac_mask(va_bits);
	u->row = calloc(NR_ROWS, sizeof(u->row[0]));
	u->block = calloc(NR_BLOCKS, sizeof(u->block[0]));
	struct cr_error *err = cr_enomem;
	if (u->row && u->block)
		err = cr_modules_init(&u->modules, pages, arch->machine);
	if (err)
		cr_unwind_deinit(u);
	return err;
}

void cr_unwind_deinit(struct cr_unwind *u)
{
	forget_rows(u);
	free(u->block);
	cr_modules_deinit(&u->modules);
	cr_error_free(u->why);
	cr_error_free(u->no_rule);
	*u = (struct cr_unwind){ 0 };
}

/* The first reason is the one. */
static void stop(struct cr_unwind *u, enum cr_unwind_end end,
		 struct cr_error *why)
{
	if (why == cr_enomem)
		end = CR_UNWIND_FAILED;
	u->has_next = false;
	u->end = end;
	cr_error_free(u->why);
	u->why = why;
}

/* ---- memory ---- */

static struct cr_error *read_bytes(struct cr_unwind *u, uint64_t vaddr,
				   void *data, size_t size)
{
	uint8_t *to = data;
	while (size) {
		uint64_t start = vaddr & ~(uint64_t)(BLOCK - 1);
		size_t off = vaddr - start;
		size_t n = size < BLOCK - off ? size : BLOCK - off;
		struct cr_unwind_block *b =
			&u->block[start / BLOCK % NR_BLOCKS];
		if (!b->has || b->start != start) {
			struct cr_error *err = cr_pages_read(
				u->pages, start, b->data, BLOCK);
			b->has = !err;
			b->start = start;
			if (err)
				return err;
		}
		memcpy(to, b->data + off, n);
		to += n;
		vaddr += n;
		size -= n;
	}
	return NULL;
}

static struct cr_error *read_word(struct cr_unwind *u, uint64_t vaddr,
				  uint64_t *ret)
{
	uint64_t word;
	struct cr_error *err = read_bytes(u, vaddr, &word, sizeof(word));
	if (!err)
		*ret = le64toh(word);
	return err;
}

static struct cr_error *expr_reg(void *arg, uint64_t nr, uint64_t *ret)
{
	struct cr_unwind *u = arg;
	if (nr >= CR_CFI_NR_REGS || !(u->known >> nr & 1))
		return cr_error_new(CR_ERR_NOT_FOUND,
				    "register %llu is not known",
				    (unsigned long long)nr);
	*ret = u->reg[nr];
	return NULL;
}

static struct cr_error *expr_read(void *arg, uint64_t vaddr, unsigned size,
				  uint64_t *ret)
{
	uint64_t word = 0;
	struct cr_error *err = read_bytes(arg, vaddr, &word, size);
	if (!err)
		*ret = le64toh(word);
	return err;
}

static struct cr_error *run_expr(struct cr_unwind *u,
				 const struct cr_cfi_rule *rule,
				 const uint64_t *first, uint64_t *ret)
{
	u->work += CR_EXPR_STEPS;
	const struct cr_expr_world world = {
		.address_size = 8,
		.reg = expr_reg,
		.read = expr_read,
		.arg = u,
	};
	return cr_expr_run(&world, rule->expr.data, rule->expr.size, first,
			   ret);
}

/* ---- what is known of a place ---- */

static bool is_trampoline(struct cr_unwind *u, uint64_t pc)
{
	const struct cr_arch_frames *f = u->arch->frames;
	uint8_t code[16];
	struct cr_error *err =
		f->trampoline_size ?
			read_bytes(u, pc, code, f->trampoline_size) :
			NULL;
	bool is = f->trampoline_size && !err &&
		  !memcmp(code, f->trampoline, f->trampoline_size);
	cr_error_free(err);
	return is;
}

static struct cr_error *find_rules(struct cr_unwind *u,
				   struct cr_unwind_row *row, uint64_t pc)
{
	struct cr_fde fde;
	struct cr_cfi *cfi;
	struct cr_error *err = cr_module_frames(row->module, pc, &fde, &cfi);
	if (!err) {
		u->work += fde.common.size + fde.own.size;
		err = cr_cfi_row(cfi, &fde, pc, &row->row);
		if (err)
			err = cr_error_at(err, "%s", row->module->name);
	}
	if (!err) {
		row->ra_reg = fde.ra_reg;
		row->is_signal = fde.is_signal;
		row->is_key_b = fde.is_key_b;
	}
	return err;
}

static struct cr_error *fill_row(struct cr_unwind *u,
				 struct cr_unwind_row *row, uint64_t pc,
				 bool is_exact)
{
	uint64_t inside = is_exact ? pc : pc - 1;
	*row = (struct cr_unwind_row){ .pc = pc, .is_exact = is_exact };
	struct cr_error *err =
		cr_modules_find(&u->modules, inside, &row->module);
	if (err)
		return err;
	if (is_trampoline(u, pc)) {
		row->kind = ROW_SIGNAL;
		return NULL;
	}
	if (row->module)
		err = find_rules(u, row, inside);
	else
		err = cr_error_new(CR_ERR_NOT_FOUND,
				   "0x%llx is in no file's mapping",
				   (unsigned long long)inside);
	if (err == cr_enomem)
		return err;
	row->why = err;
	row->kind = err ? ROW_NONE : ROW_CFI;
	return NULL;
}

static struct cr_error *row_of(struct cr_unwind *u, uint64_t pc,
			       bool is_exact, struct cr_unwind_row **ret)
{
	size_t i = (pc >> 2 ^ pc >> 10 ^ pc >> 18) % NR_ROWS;
	struct cr_unwind_row *row = &u->row[i];
	struct cr_error *err = NULL;
	*ret = row;
	if (row->kind != ROW_EMPTY && row->pc == pc &&
	    row->is_exact == is_exact)
		return NULL;
	cr_error_free(row->why);
	err = fill_row(u, row, pc, is_exact);
	if (err)
		row->kind = ROW_EMPTY;
	return err;
}

/* ---- start ---- */

static void set_reg(struct cr_unwind *u, unsigned nr, uint64_t value)
{
	u->reg[nr] = value;
	u->known |= UINT64_C(1) << nr;
}

static uint64_t word_at(const uint8_t *words, unsigned nr)
{
	uint64_t word;
	memcpy(&word, words + 8 * (size_t)nr, sizeof(word));
	return le64toh(word);
}

/* Takes the registers out of words of which a table says which is which. */
static void take_regs(struct cr_unwind *u, const uint8_t *words,
		      const uint8_t *place)
{
	u->known = 0;
	memset(u->at, 0, sizeof(u->at));
	for (unsigned i = 0; i < u->arch->frames->nr_regs; i++)
		if (place[i] != CR_ARCH_NOWHERE)
			set_reg(u, i, word_at(words, place[i]));
}

/* The frame that the registers are in now. */
static void set_next(struct cr_unwind *u, uint64_t pc, enum cr_frame_how how,
		     bool is_exact)
{
	unsigned sp = u->arch->frames->sp;
	u->next = (struct cr_frame){
		.pc = pc,
		.sp = u->reg[sp],
		.has_sp = u->known >> sp & 1,
		.how = how,
		.is_exact = is_exact,
	};
	u->has_next = true;
}

static void forget_guess(struct cr_unwind *u)
{
	cr_error_free(u->no_rule);
	u->no_rule = NULL;
	u->guess = NULL;
}

static void forget_walk(struct cr_unwind *u)
{
	forget_guess(u);
	cr_error_free(u->why);
	u->why = NULL;
	u->end = CR_UNWIND_OUTERMOST;
	u->has_next = false;
	u->nr = 0;
	u->work = 0;
	u->mark.at = 0;
}

struct cr_error *cr_unwind_start(struct cr_unwind *u, const CoreEntry *core)
{
	const struct cr_arch_frames *f = u->arch->frames;
	const struct cr_arch_set *set = &u->arch->general;
	struct cr_arch_task task = { .core = core };
	uint8_t words[CR_ARCH_SET_MAX];
	struct cr_regs to;

	if (cr_arch_of(core) != u->arch)
		return cr_error_new(CR_ERR_FORMAT,
				    "its registers are not those of %s",
				    u->arch->name);
	cr_regs_init(&to, words, set->size, false);
	if (!set->fill(&to, &task))
		return cr_error_new(CR_ERR_FORMAT, "it has no registers");
	forget_walk(u);
	take_regs(u, words, f->general);
	u->floor = u->reg[f->sp];
	set_next(u, word_at(words, f->general_pc), CR_FRAME_TOP, true);
	return NULL;
}

/* Takes registers that the kernel, or what imitates it, saved. */
static struct cr_error *take_saved(struct cr_unwind *u, uint64_t vaddr,
				   enum cr_frame_how how)
{
	const struct cr_arch_frames *f = u->arch->frames;
	uint8_t words[8 * 64];
	size_t nr = f->saved_pc;
	for (unsigned i = 0; i < f->nr_regs; i++)
		if (f->saved[i] != CR_ARCH_NOWHERE && f->saved[i] > nr)
			nr = f->saved[i];
	struct cr_error *err = read_bytes(u, vaddr, words, 8 * (nr + 1));
	if (err)
		return err;
	take_regs(u, words, f->saved);
	for (unsigned i = 0; i < f->nr_regs; i++)
		if (f->saved[i] != CR_ARCH_NOWHERE)
			u->at[i] = vaddr + 8 * (uint64_t)f->saved[i];
	/* It may have been on another stack. */
	u->floor = u->reg[f->sp];
	set_next(u, word_at(words, f->saved_pc), how, true);
	return NULL;
}

struct cr_error *cr_unwind_start_saved(struct cr_unwind *u, uint64_t vaddr)
{
	const struct cr_arch_frames *f = u->arch->frames;
	forget_walk(u);
	struct cr_error *err = take_saved(u, vaddr, CR_FRAME_CONTEXT);
	if (!err && f->swap_ra && u->reg[f->ra] == u->next.pc) {
		u->next.pc = u->reg[f->swap_ra] & ~u->code_mask;
		u->next.is_exact = false;
	}
	return err;
}

void cr_unwind_start_caller(struct cr_unwind *u, uint64_t pc,
			    const uint64_t *sp, const uint64_t *fp)
{
	const struct cr_arch_frames *f = u->arch->frames;
	forget_walk(u);
	u->known = 0;
	memset(u->at, 0, sizeof(u->at));
	if (sp)
		set_reg(u, f->sp, *sp);
	if (fp)
		set_reg(u, f->fp, *fp);
	u->floor = sp ? *sp : fp ? *fp : 0;
	set_next(u, pc, sp ? CR_FRAME_CFI : CR_FRAME_POINTER, false);
}

/* ---- steps ---- */

static bool is_code(const struct cr_unwind *u, uint64_t vaddr)
{
	const struct cr_vma *vma = cr_modules_vma(&u->modules, vaddr);
	return vma && vma->prot & PROT_EXEC;
}

/* The kernel saved every register of what the handler interrupted. */
static void step_signal(struct cr_unwind *u, struct cr_frame *frame)
{
	struct cr_error *err;
	if (frame->has_sp)
		err = take_saved(u, frame->sp + u->arch->frames->context,
				 CR_FRAME_SIGNAL);
	else
		err = cr_error_new(CR_ERR_NOT_FOUND,
				   "where the signal's frame is is not known");
	if (err)
		stop(u, CR_UNWIND_MEMORY, err);
}

static struct cr_error *find_cfa(struct cr_unwind *u,
				 const struct cr_cfi_rule *rule, uint64_t *ret)
{
	uint64_t value;
	if (rule->kind == CR_CFI_IS_EXPR)
		return run_expr(u, rule, NULL, ret);
	if (rule->kind != CR_CFI_IS)
		return cr_error_new(CR_ERR_FORMAT,
				    "the tables do not say where the frame is");
	struct cr_error *err = expr_reg(u, rule->reg, &value);
	if (!err)
		*ret = value + (uint64_t)rule->off;
	return err;
}

/*
 * The frame's address where the stack pointer is not known, because the frame was
 * found by its frame pointer: that points to the pair of it and the return
 * address, and the tables say where below the frame's address that pair is.
 */
static bool guess_cfa(const struct cr_unwind *u, const struct cr_cfi_row *row,
		      struct cr_frame *frame)
{
	const struct cr_arch_frames *f = u->arch->frames;
	const struct cr_cfi_rule *fp = &row->reg[f->fp];
	const struct cr_cfi_rule *ra = &row->reg[f->ra];
	if (frame->how != CR_FRAME_POINTER || !f->links ||
	    row->cfa.kind != CR_CFI_IS || row->cfa.reg != f->sp ||
	    fp->kind != CR_CFI_AT || ra->kind != CR_CFI_AT ||
	    ra->off != fp->off + 8 || !(u->known >> f->fp & 1))
		return false;
	frame->cfa = u->reg[f->fp] - (uint64_t)fp->off;
	frame->sp = frame->cfa - (uint64_t)row->cfa.off;
	frame->has_sp = true;
	return true;
}

/* Where a register of the caller is. */
struct place {
	bool known, in_memory, is_nowhere;
	uint64_t value, slot;
	uint32_t reg; /* not in memory: where it comes from */
};

static struct cr_error *find_value(struct cr_unwind *u, uint32_t nr,
				   const struct cr_cfi_rule *rule,
				   uint64_t cfa, struct place *ret)
{
	uint32_t from = nr;
	*ret = (struct place){ .known = true, .reg = nr };
	switch (rule->kind) {
	case CR_CFI_AT:
		ret->slot = cfa + (uint64_t)rule->off;
		ret->in_memory = true;
		break;
	case CR_CFI_AT_EXPR: {
		struct cr_error *err = run_expr(u, rule, &cfa, &ret->slot);
		if (err)
			return err;
		ret->in_memory = true;
		break;
	}
	case CR_CFI_IS:
		ret->is_nowhere = true;
		ret->value = cfa + (uint64_t)rule->off;
		return NULL;
	case CR_CFI_IS_EXPR:
		ret->is_nowhere = true;
		return run_expr(u, rule, &cfa, &ret->value);
	case CR_CFI_REG:
	case CR_CFI_NONE:
	case CR_CFI_SAME:
		if (rule->kind == CR_CFI_REG)
			from = rule->reg;
		ret->reg = from;
		ret->known = from < CR_CFI_NR_REGS && u->known >> from & 1;
		if (!ret->known)
			return NULL;
		ret->value = u->reg[from];
		ret->slot = u->at[from];
		ret->in_memory = ret->slot;
		return NULL;
	case CR_CFI_UNDEFINED:
		ret->known = false;
		return NULL;
	}
	return read_word(u, ret->slot, &ret->value);
}

/* The return address; false if it cannot be told. */
static bool find_return(struct cr_unwind *u, const struct cr_unwind_row *row,
			struct cr_frame *frame)
{
	struct place ra;
	uint32_t nr = (uint32_t)row->ra_reg;
	if (nr >= CR_CFI_NR_REGS) {
		stop(u, CR_UNWIND_LOST,
		     cr_error_new(CR_ERR_FORMAT,
				  "the tables name a strange register"));
		return false;
	}
	const struct cr_cfi_rule *rule = &row->row.reg[nr];
	struct cr_error *err = find_value(u, nr, rule, frame->cfa, &ra);
	if (!err && !ra.known)
		err = cr_error_new(CR_ERR_NOT_FOUND,
				   "the return address is in register %u, "
				   "which is not known",
				   ra.reg);
	if (err) {
		stop(u, CR_UNWIND_MEMORY,
		     cr_error_at(err, "the return address"));
		return false;
	}
	frame->has_ret = true;
	frame->ret = (struct cr_return){
		.raw = ra.value,
		.in_memory = ra.in_memory,
		.slot = ra.slot,
		.reg = ra.reg,
		.is_nowhere = ra.is_nowhere,
		.sign = row->row.sign,
		.is_key_b = row->is_key_b,
		.sign_pc = row->row.sign_pc,
	};
	return true;
}

/* The caller's registers. */
static struct cr_error *find_regs(struct cr_unwind *u,
				  const struct cr_cfi_row *row, uint64_t cfa)
{
	const struct cr_arch_frames *f = u->arch->frames;
	uint64_t reg[CR_CFI_NR_REGS] = { 0 }, at[CR_CFI_NR_REGS] = { 0 };
	uint64_t known = 0;
	for (unsigned i = 0; i < f->nr_regs; i++) {
		struct place place;
		const struct cr_cfi_rule *rule = &row->reg[i];
		bool is_kept = f->preserved >> i & 1;
		if (rule->kind == CR_CFI_NONE && !is_kept)
			continue;
		struct cr_error *err = find_value(u, i, rule, cfa, &place);
		/* It may not matter. */
		if (err == cr_enomem)
			return err;
		cr_error_free(err);
		if (err || !place.known)
			continue;
		reg[i] = place.value;
		at[i] = place.in_memory ? place.slot : 0;
		known |= UINT64_C(1) << i;
	}
	if (row->reg[f->sp].kind == CR_CFI_NONE) {
		reg[f->sp] = cfa;
		known |= UINT64_C(1) << f->sp;
	}
	memcpy(u->reg, reg, sizeof(reg));
	memcpy(u->at, at, sizeof(at));
	u->known = known;
	return NULL;
}

/* The caller at a return address, its registers being set. */
static void enter_caller(struct cr_unwind *u, uint64_t raw,
			 enum cr_frame_how how, bool is_exact)
{
	uint64_t pc = raw & ~u->code_mask;
	if (!pc) {
		stop(u, CR_UNWIND_OUTERMOST, NULL);
		return;
	}
	set_next(u, pc, how, is_exact);
}

/* The tables say that nobody called it. */
static bool is_outermost(const struct cr_unwind_row *row)
{
	return row->ra_reg < CR_CFI_NR_REGS &&
	       row->row.reg[row->ra_reg].kind == CR_CFI_UNDEFINED;
}

/* True if the frame was left, or the walk ended; false if the rules are of no
 * use, with the reason. */
static bool step_cfi(struct cr_unwind *u, const struct cr_unwind_row *row,
		     struct cr_frame *frame, struct cr_error **why_ret)
{
	struct cr_error *err = NULL;
	if (is_outermost(row)) {
		stop(u, CR_UNWIND_OUTERMOST, NULL);
		return true;
	}
	if (!guess_cfa(u, &row->row, frame))
		err = find_cfa(u, &row->row.cfa, &frame->cfa);
	if (err) {
		*why_ret = cr_error_at(err, "%s", row->module->name);
		return *why_ret == cr_enomem;
	}
	frame->has_cfa = true;
	if (!find_return(u, row, frame))
		return true;
	/* A function that has not touched its stack is at the top, or was
	 * interrupted. */
	bool ascends = frame->cfa > u->floor ||
		       (frame->cfa == u->floor && frame->is_exact);
	if (!ascends && !row->is_signal) {
		stop(u, CR_UNWIND_NO_ASCENT,
		     cr_error_new(CR_ERR_FORMAT,
				  "the frame at 0x%llx is not above 0x%llx",
				  (unsigned long long)frame->cfa,
				  (unsigned long long)u->floor));
		return true;
	}
	err = find_regs(u, &row->row, frame->cfa);
	if (err) {
		stop(u, CR_UNWIND_FAILED, err);
		return true;
	}
	unsigned sp = u->arch->frames->sp;
	u->floor = u->known >> sp & 1 ? u->reg[sp] : frame->cfa;
	enter_caller(u, frame->ret.raw,
		     row->is_signal ? CR_FRAME_SIGNAL : CR_FRAME_CFI,
		     row->is_signal);
	return true;
}

/* A pair in memory: the caller's frame pointer, the return address. */
static bool step_pointer(struct cr_unwind *u, struct cr_frame *frame)
{
	const struct cr_arch_frames *f = u->arch->frames;
	uint64_t at = u->reg[f->fp], fp, raw;
	if (!(u->known >> f->fp & 1) || at % 8 || at < u->floor ||
	    at > UINT64_MAX - 16)
		return false;
	struct cr_error *err = read_word(u, at, &fp);
	if (!err)
		err = read_word(u, at + 8, &raw);
	if (err) {
		cr_error_free(err);
		return false;
	}
	if (raw & ~u->code_mask && !is_code(u, raw & ~u->code_mask))
		return false;
	frame->has_ret = true;
	frame->ret = (struct cr_return){
		.raw = raw, .in_memory = true, .slot = at + 8
	};
	u->known = 0;
	memset(u->at, 0, sizeof(u->at));
	set_reg(u, f->fp, fp);
	/* Where calls leave the address in a register, the pair need not be the
	 * end of the frame. */
	if (!f->links) {
		frame->has_cfa = true;
		frame->cfa = at + 16;
		set_reg(u, f->sp, at + 16);
	}
	u->floor = at + 16;
	enter_caller(u, raw, CR_FRAME_POINTER, false);
	return true;
}

/* Ends the walk where it would go round. */
static void watch(struct cr_unwind *u)
{
	const struct cr_frame *n = &u->next;
	if (!u->has_next)
		return;
	if (u->work > WORK_MAX)
		stop(u, CR_UNWIND_LIMIT,
		     cr_error_new(CR_ERR_FORMAT,
				  "the tables ask for too much work"));
	else if (u->nr >= CR_UNWIND_MAX)
		stop(u, CR_UNWIND_LIMIT,
		     cr_error_new(CR_ERR_FORMAT, "more than %d frames",
				  CR_UNWIND_MAX));
	else if (u->mark.at && n->pc == u->mark.pc && u->floor == u->mark.sp)
		stop(u, CR_UNWIND_CYCLE,
		     cr_error_new(CR_ERR_FORMAT,
				  "the stack leads back to 0x%llx",
				  (unsigned long long)u->floor));
	else if (u->nr >= 2 * u->mark.at) {
		u->mark.pc = n->pc;
		u->mark.sp = u->floor;
		u->mark.at = u->nr;
	}
}

static void step(struct cr_unwind *u, struct cr_frame *frame)
{
	struct cr_unwind_row *row;
	struct cr_error *why = NULL;
	u->has_next = false;
	forget_guess(u);
	struct cr_error *err = row_of(u, frame->pc, frame->is_exact, &row);
	if (err) {
		stop(u, CR_UNWIND_FAILED, err);
		return;
	}
	frame->module = row->module;
	if (row->kind == ROW_SIGNAL) {
		frame->is_signal = true;
		step_signal(u, frame);
		return;
	}
	if (row->kind == ROW_CFI) {
		frame->is_signal = row->is_signal;
		if (step_cfi(u, row, frame, &why)) {
			if (why)
				stop(u, CR_UNWIND_FAILED, why);
			return;
		}
	}
	if (step_pointer(u, frame)) {
		u->no_rule = why;
		u->guess = why ?: row->why;
		return;
	}
	if (!is_code(u, frame->is_exact ? frame->pc : frame->pc - 1)) {
		cr_error_free(why);
		stop(u, CR_UNWIND_NO_CODE,
		     cr_error_new(CR_ERR_FORMAT, "0x%llx is no mapped code",
				  (unsigned long long)frame->pc));
		return;
	}
	if (!why)
		why = cr_error_new(cr_error_code(row->why), "%s",
				   cr_error_text(row->why));
	stop(u, CR_UNWIND_LOST, why);
}

bool cr_unwind_next(struct cr_unwind *u, struct cr_frame *ret)
{
	if (!u->has_next)
		return false;
	struct cr_frame frame = u->next;
	u->nr++;
	step(u, &frame);
	watch(u);
	*ret = frame;
	return true;
}

const char *cr_frame_how_name(enum cr_frame_how how)
{
	static const char *const names[] = {
		[CR_FRAME_TOP] = "registers",
		[CR_FRAME_CFI] = "cfi",
		[CR_FRAME_SIGNAL] = "signal",
		[CR_FRAME_POINTER] = "frame-pointer",
		[CR_FRAME_CONTEXT] = "context",
	};
	return names[how];
}

const char *cr_unwind_end_name(enum cr_unwind_end end)
{
	static const char *const names[] = {
		[CR_UNWIND_OUTERMOST] = "outermost",
		[CR_UNWIND_LOST] = "no caller found",
		[CR_UNWIND_MEMORY] = "memory missing",
		[CR_UNWIND_NO_CODE] = "no code there",
		[CR_UNWIND_NO_ASCENT] = "stack does not ascend",
		[CR_UNWIND_CYCLE] = "cycle",
		[CR_UNWIND_LIMIT] = "too many frames",
		[CR_UNWIND_FAILED] = "failed",
	};
	return names[end];
}
