// SPDX-License-Identifier: MIT
/*
 * A hostile process, unwound: a byte that says which processor, four registers
 * (pc, sp, frame pointer, link) of 8 bytes, then its memory: a vdso of two pages,
 * a page of code without a file, a page of stack, each behind two bytes for its
 * size.
 *
 * A walk comes to an end, says why in text that is safe to print, and says the
 * same each time. So does the search for signed pointers, under a scheme whose
 * codes have three bits: many words are right by chance.
 */
#include "lib/base/utf8.h"
#include "lib/unwind/frame.h"
#include "lib/unwind/sign.h"
#include "lib/unwind/slots.h"
#include "tests/fuzz/process.h"

#define VDSO   UINT64_C(0x10000000)
#define PLAIN  UINT64_C(0x20000000)
#define STACK  UINT64_C(0x30000000)
#define FRAMES 300

static const struct fuzz_mapping mappings[] = {
	{ VDSO, 2, 5, 0x209 },
	{ PLAIN, 1, 5, 0x201 },
	{ STACK, 1, 3, 0x201 },
	{ 0 },
};

static void check_text(const char *text)
{
	fuzz_check(cr_utf8_valid(text, strlen(text)), "a text is not UTF-8");
	for (; *text; text++)
		fuzz_check((unsigned char)*text >= ' ' && *text != 0x7f,
			   "a text has control characters");
}

static void look_at(struct cr_signs *signs, const struct cr_frame *frame,
		    uint64_t *sum)
{
	const struct cr_elf_symbol *symbol;
	uint64_t off;
	uint32_t other;
	*sum = *sum * 31 + frame->pc + frame->cfa + frame->ret.raw;
	cr_error_free(cr_signs_sample(signs, frame));
	cr_signs_check(signs, &signs->keys[0], frame, &other);
	if (frame->module)
		cr_error_free(cr_module_symbol(frame->module, frame->pc,
					       &symbol, &off));
}

static uint64_t walk(struct cr_pages *pages, const CoreEntry *core)
{
	struct cr_unwind u;
	struct cr_signs signs = { 0 };
	struct cr_frame frame;
	uint64_t sum = 0;
	struct cr_error *err = cr_unwind_init(&u, pages, cr_arch_of(core));
	if (!err)
		err = cr_unwind_start(&u, core);
	if (!err)
		err = cr_signs_add(&signs, 1, 1, core);
	if (err)
		fuzz_fail("a walk does not begin", err);
	for (unsigned i = 0; i < FRAMES && cr_unwind_next(&u, &frame); i++)
		look_at(&signs, &frame, &sum);
	cr_signs_prove(&signs);
	fuzz_check(!u.why || u.end != CR_UNWIND_OUTERMOST, "an end has a why");
	if (u.why)
		check_text(cr_error_text(u.why));
	sum = sum * 31 + u.end;
	cr_signs_deinit(&signs);
	cr_unwind_deinit(&u);
	return sum;
}

static void check_slot(const struct cr_slots *slots, size_t i)
{
	const struct cr_slot *slot = &slots->slot[i];
	for (size_t j = 0; slot->in_memory && j < i; j++)
		fuzz_check(slot->origin == CR_SLOT_STACK ||
				   !slots->slot[j].in_memory ||
				   slots->slot[j].vaddr != slot->vaddr,
			   "a slot is listed twice");
	fuzz_check(slot->verdict != CR_SIGN_BAD || slot->has_modifier,
		   "a verdict without a modifier");
	fuzz_check(slot->verdict == CR_SIGN_UNKNOWN || slot->keys,
		   "a verdict without keys");
}

static uint64_t find_slots(struct cr_pages *pages, const CoreEntry *core)
{
	struct cr_unwind u;
	struct cr_signs signs = {
		.is_proved = true,
		.scheme = { CR_PAC_QARMA3, 52, CR_PAC_TAG_LINUX },
	};
	struct cr_slots slots;
	const struct cr_slot_thread thread = { 1, core };
	uint64_t sum = 0;
	struct cr_error *err = cr_unwind_init(&u, pages, cr_arch_of(core));
	if (!err)
		err = cr_signs_add(&signs, 1, 1, core);
	if (!err)
		err = cr_slots_find(&slots, &u, &signs, 1, &thread, 1);
	if (err)
		fuzz_fail("slots are not found", err);
	for (size_t i = 0; i < slots.nr; i++) {
		if (i < FRAMES)
			check_slot(&slots, i);
		sum = sum * 31 + slots.slot[i].vaddr + slots.slot[i].verdict;
	}
	for (size_t i = 0; i < slots.nr_walks; i++)
		if (slots.walk[i].why)
			check_text(cr_error_text(slots.walk[i].why));
	sum = sum * 31 + slots.nr_walks + slots.nr_stale;
	cr_slots_deinit(&slots);
	cr_signs_deinit(&signs);
	cr_unwind_deinit(&u);
	return sum;
}

/* The parts of memory, each with its size in front. */
static void take_memory(const uint8_t *data, size_t size)
{
	static const struct {
		size_t off, size;
	} parts[] = { { 0, 8192 }, { 8192, 4096 }, { 12288, 4096 } };
	memset(fuzz_memory, 0, sizeof(fuzz_memory));
	for (unsigned i = 0; i < 3 && size >= 2; i++) {
		size_t n = data[0] | (size_t)data[1] << 8;
		data += 2;
		size -= 2;
		n = n < size ? n : size;
		size_t used = n < parts[i].size ? n : parts[i].size;
		memcpy(fuzz_memory + parts[i].off, data, used);
		data += n;
		size -= n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t x[31] = { 0 };
	CoreEntry core = CORE_ENTRY__INIT;
	ThreadInfoX86 x86 = THREAD_INFO_X86__INIT;
	UserX86RegsEntry x86_regs = USER_X86_REGS_ENTRY__INIT;
	ThreadInfoAarch64 arm = THREAD_INFO_AARCH64__INIT;
	UserAarch64RegsEntry arm_regs = USER_AARCH64_REGS_ENTRY__INIT;
	PacKeys pac = PAC_KEYS__INIT;
	PacAddressKeys keys = PAC_ADDRESS_KEYS__INIT;
	struct fuzz_process process;
	if (!size)
		return 0;
	bool is_arm = data[0] & 1;
	data++;
	size--;
	uint64_t pc = fuzz_word(&data, &size), sp = fuzz_word(&data, &size);
	x[29] = fuzz_word(&data, &size);
	x[30] = fuzz_word(&data, &size);
	take_memory(data, size);
	if (is_arm) {
		core.mtype = CORE_ENTRY__MARCH__AARCH64;
		core.ti_aarch64 = &arm;
		arm.gpregs = &arm_regs;
		arm.pac_keys = &pac;
		pac.pac_address_keys = &keys;
		keys.pac_enabled_key = 15;
		arm_regs.n_regs = 31;
		arm_regs.regs = x;
		arm_regs.pc = pc;
		arm_regs.sp = sp;
	} else {
		core.mtype = CORE_ENTRY__MARCH__X86_64;
		core.thread_info = &x86;
		x86.gpregs = &x86_regs;
		x86_regs.ip = pc;
		x86_regs.sp = sp;
		x86_regs.bp = x[29];
	}
	fuzz_process_open(&process, mappings);
	uint64_t sum = walk(&process.pages, &core);
	fuzz_check(sum == walk(&process.pages, &core), "two walks differ");
	sum = find_slots(&process.pages, &core);
	fuzz_check(sum == find_slots(&process.pages, &core),
		   "two searches differ");
	fuzz_process_close(&process);
	return 0;
}
