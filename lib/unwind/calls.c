// SPDX-License-Identifier: MIT
#include "lib/unwind/calls.h"

#include <endian.h>
#include <stdlib.h>

#include "lib/pac/code.h"

/* What all calls together may cost, in bytes of tables. */
#define WORK_MAX (UINT64_C(1) << 30)

/* Places in a function where its rules are looked at: the prologue, and some
 * behind it for those that save late. */
#define NR_FIRST  64
#define NR_SPREAD 32

struct cr_error *cr_calls_init(struct cr_calls *calls,
			       struct cr_unwind *unwind)
{
	*calls = (struct cr_calls){ .unwind = unwind };
	calls->kept = calloc(CR_CALLS_KEPT, sizeof(calls->kept[0]));
	return calls->kept ? NULL : cr_enomem;
}

void cr_calls_deinit(struct cr_calls *calls)
{
	free(calls->kept);
	*calls = (struct cr_calls){ 0 };
}

static void add_place(struct cr_call *call, const struct cr_call_place *new)
{
	for (unsigned i = 0; i < call->nr; i++) {
		const struct cr_call_place *old = &call->place[i];
		if (old->ra == new->ra && old->with_pc == new->with_pc &&
		    old->sign_pc == new->sign_pc)
			return;
	}
	if (call->nr < CR_CALL_PLACES)
		call->place[call->nr++] = *new;
}

/* Where the return address is at pc, if it is signed and in memory there. */
static void look_at(struct cr_calls *calls, struct cr_call *call,
		    struct cr_cfi *cfi, const struct cr_fde *fde, uint64_t pc)
{
	const struct cr_arch_frames *f = calls->unwind->arch->frames;
	struct cr_cfi_row row;
	struct cr_error *err = cr_cfi_row(cfi, fde, pc, &row);
	calls->work += fde->common.size + fde->own.size + 64;
	if (err) {
		cr_error_free(err);
		return;
	}
	const struct cr_cfi_rule *ra = &row.reg[f->ra], *fp = &row.reg[f->fp];
	if (!(row.sign & CR_CFI_SIGNED) || ra->kind != CR_CFI_AT)
		return;
	bool with_pc = row.sign & CR_CFI_WITH_PC;
	add_place(call, &(struct cr_call_place){
				.ra = ra->off,
				.fp = fp->kind == CR_CFI_AT ? fp->off : 0,
				.with_pc = with_pc,
				.sign_pc = with_pc ? row.sign_pc : 0,
			});
}

static void look_through(struct cr_calls *calls, struct cr_call *call,
			 struct cr_cfi *cfi, const struct cr_fde *fde)
{
	uint64_t size = fde->end - fde->start, step = size / NR_SPREAD & ~UINT64_C(3);
	call->is_key_b = fde->is_key_b;
	for (unsigned i = 0; i < NR_FIRST && 4 * i < size; i++)
		look_at(calls, call, cfi, fde, fde->start + 4 * i);
	for (unsigned i = 1; size > 4 * NR_FIRST && i < NR_SPREAD; i++)
		look_at(calls, call, cfi, fde, fde->start + i * step);
}

/* A linker's stub is passed through. */
static struct cr_error *follow_stub(struct cr_calls *calls, uint64_t *target)
{
	uint32_t insn[4];
	uint64_t slot, word;
	struct cr_pages *pages = calls->unwind->pages;
	struct cr_error *err =
		cr_pages_read(pages, *target, insn, sizeof(insn));
	for (unsigned i = 0; !err && i < 4; i++)
		insn[i] = le32toh(insn[i]);
	if (!err && cr_pac_code_stub(insn, *target, &slot)) {
		err = cr_pages_read(pages, slot, &word, sizeof(word));
		if (!err)
			*target = le64toh(word);
	}
	return err;
}

static struct cr_error *fill(struct cr_calls *calls, struct cr_call *call,
			     uint64_t target)
{
	struct cr_module *module;
	struct cr_fde fde;
	struct cr_cfi *cfi;
	*call = (struct cr_call){ .target = target };
	struct cr_error *err = follow_stub(calls, &target);
	if (!err)
		err = cr_modules_find(&calls->unwind->modules, target,
				      &module);
	if (err || !module)
		return err;
	err = cr_module_frames(module, target, &fde, &cfi);
	if (!err)
		look_through(calls, call, cfi, &fde);
	return err;
}

struct cr_error *cr_calls_before(struct cr_calls *calls, uint64_t pc,
				 const struct cr_call **ret)
{
	uint32_t insn;
	uint64_t target;
	*ret = NULL;
	if (calls->work > WORK_MAX || pc < 4)
		return NULL;
	struct cr_error *err = cr_pages_read(calls->unwind->pages, pc - 4,
					     &insn, sizeof(insn));
	if (!err && cr_pac_code_call(le32toh(insn), pc - 4, &target) &&
	    target) {
		struct cr_call *call =
			&calls->kept[target / 4 % CR_CALLS_KEPT];
		if (call->target != target)
			err = fill(calls, call, target);
		*ret = call;
	}
	/* What is missing cannot be told. */
	if (err == cr_enomem) {
		*ret = NULL;
		return err;
	}
	cr_error_free(err);
	return NULL;
}
