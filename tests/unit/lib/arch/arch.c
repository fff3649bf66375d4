// SPDX-License-Identifier: MIT
#include "lib/arch/arch.h"

#include <elf.h>
#include <stdio.h>

#include "tests/support/bytes.h"
#include "tests/support/main.h"

#undef fill /* a member here */

/* A core with the registers of every processor; lists are empty. */
struct made {
	CoreEntry core;
};

/* Fills every message below msg with empty messages. */
static void fill_in(ProtobufCMessage *msg)
{
	const ProtobufCMessageDescriptor *desc = msg->descriptor;
	for (unsigned i = 0; i < desc->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &desc->fields[i];
		const ProtobufCMessageDescriptor *sub = f->descriptor;
		if (f->type != PROTOBUF_C_TYPE_MESSAGE ||
		    f->label == PROTOBUF_C_LABEL_REPEATED)
			continue;
		ProtobufCMessage *new = cr_test_alloc(sub->sizeof_message);
		protobuf_c_message_init(sub, new);
		memcpy((char *)msg + f->offset, &new, sizeof(new));
		fill_in(new);
	}
}

/* The core entry of a row. */
static CoreEntry *make(struct made *m, const struct cr_arch *arch)
{
	core_entry__init(&m->core);
	fill_in(&m->core.base);
	m->core.mtype = arch->march;
	if (arch->machine == EM_386) {
		m->core.thread_info->gpregs->has_mode = true;
		m->core.thread_info->gpregs->mode =
			USER_X86_REGS_MODE__COMPAT;
	}
	return &m->core;
}

static const struct cr_arch_set *find_set(const struct cr_arch *arch,
					  uint32_t type)
{
	for (const struct cr_arch_set *s = arch->sets; s->fill; s++)
		if (s->type == type)
			return s;
	return NULL;
}

static const char *digits(const uint8_t *p, size_t size)
{
	char *text = cr_test_alloc(2 * size + 1);
	for (size_t i = 0; i < size; i++)
		sprintf(text + 2 * i, "%02x", p[i]);
	return text;
}

/* A set as hex digits; "none" if the image lacks it. */
static const char *set_of(const struct cr_arch_set *set,
			  const struct cr_arch_task *task, bool big)
{
	struct cr_regs to;
	uint8_t *buf = cr_test_alloc(set->size);
	cr_regs_init(&to, buf, set->size, big);
	if (!set->fill(&to, task))
		return "none";
	return digits(buf, cr_regs_size(&to));
}

TEST(every_row_is_found_by_its_core)
{
	for (const struct cr_arch *const *a = cr_arches; *a; a++) {
		struct made m;
		ck_assert_ptr_eq(cr_arch_of(make(&m, *a)), *a);
	}
}

TEST(a_core_without_its_registers_has_no_row)
{
	CoreEntry core = CORE_ENTRY__INIT;
	ck_assert_ptr_null(cr_arch_of(&core));
	for (int i = 0; i < 12; i++) {
		core.mtype = (CoreEntry__March)i;
		ck_assert_ptr_null(cr_arch_of(&core));
	}
}

TEST(sets_are_as_large_as_the_table_says)
{
	for (const struct cr_arch *const *a = cr_arches; *a; a++) {
		struct made m;
		struct cr_arch_task task = { .core = make(&m, *a),
					     .hwcap = UINT64_MAX,
					     .va_bits = 48 };
		const char *text = set_of(&(*a)->general, &task, (*a)->big);
		ck_assert_uint_eq(strlen(text), 2 * (*a)->general.size);
		for (const struct cr_arch_set *s = (*a)->sets; s->fill; s++) {
			ck_assert_uint_le(s->size, CR_ARCH_SET_MAX);
			if (s->type == NT_X86_XSTATE || s->type == NT_386_TLS)
				continue; /* as large as what is there */
			text = set_of(s, &task, (*a)->big);
			ck_assert_msg(strlen(text) == 2 * s->size,
				      "%s 0x%x: %zu", (*a)->name, s->type,
				      strlen(text) / 2);
		}
	}
}

TEST(sets_are_as_large_as_the_kernels)
{
	// clang-format off
	static const struct {
		const struct cr_arch *arch;
		uint32_t general, fp;
	} want[] = {
		{ &cr_arch_x86_64, 216, 512 }, { &cr_arch_i386, 68, 108 },
		{ &cr_arch_aarch64, 272, 528 }, { &cr_arch_arm, 72, 0 },
		{ &cr_arch_ppc64, 384, 264 }, { &cr_arch_s390x, 216, 136 },
		{ &cr_arch_mips64, 360, 264 }, { &cr_arch_riscv64, 256, 264 },
		{ &cr_arch_loongarch64, 360, 268 },
	};
	// clang-format on
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		const struct cr_arch_set *fp =
			find_set(want[i].arch, NT_FPREGSET);
		ck_assert_uint_eq(want[i].arch->general.size, want[i].general);
		ck_assert_uint_eq(fp ? fp->size : 0, want[i].fp);
	}
}

TEST(the_byte_order_is_the_callers)
{
	struct made m;
	struct cr_arch_task task = { .core = make(&m, &cr_arch_mips64) };
	m.core.ti_mips->gpregs->r0 = 0x0102030405060708;
	const char *text = set_of(&cr_arch_mips64.general, &task, false);
	ck_assert_int_eq(strncmp(text, "0807060504030201", 16), 0);
	text = set_of(&cr_arch_mips64.general, &task, true);
	ck_assert_int_eq(strncmp(text, "0102030405060708", 16), 0);
}

TEST(registers_too_many_are_cut_off_and_those_missing_are_zero)
{
	struct made m;
	uint64_t words[100];
	memset(words, 0xff, sizeof(words));
	struct cr_arch_task task = { .core = make(&m, &cr_arch_aarch64) };
	UserAarch64RegsEntry *r = m.core.ti_aarch64->gpregs;
	r->regs = words;
	r->n_regs = 100;
	r->sp = 1;
	const char *text = set_of(&cr_arch_aarch64.general, &task, false);
	ck_assert_int_eq(strncmp(text + 30 * 16,
				 "ffffffffffffffff0100000000000000", 32),
			 0);
	r->n_regs = 1;
	text = set_of(&cr_arch_aarch64.general, &task, false);
	ck_assert_int_eq(strncmp(text, "ffffffffffffffff0000000000000000", 32),
			 0);
}

TEST(address_widths_are_rounded_up_to_one_that_is)
{
	const struct cr_arch *arm64 = &cr_arch_aarch64;
	ck_assert_uint_eq(cr_arch_va_bits(arm64, 0x7ffffff000), 39);
	ck_assert_uint_eq(cr_arch_va_bits(arm64, 0x8000000000), 39);
	ck_assert_uint_eq(cr_arch_va_bits(arm64, 0x8000000001), 42);
	ck_assert_uint_eq(cr_arch_va_bits(arm64, 0xfffffffff000), 48);
	ck_assert_uint_eq(cr_arch_va_bits(arm64, 0x1000000000000), 48);
	ck_assert_uint_eq(cr_arch_va_bits(arm64, UINT64_MAX), 52);
	ck_assert_uint_eq(cr_arch_va_bits(&cr_arch_x86_64, 1), 0);
}

/* What ptrace(2) said on machines with addresses of 48 and 52 bits. */
TEST(the_pac_mask_is_the_kernels)
{
	ck_assert_uint_eq(cr_arch_pac_mask(48), 0x007f000000000000);
	ck_assert_uint_eq(cr_arch_pac_mask(52), 0x0070000000000000);
	ck_assert_uint_eq(cr_arch_pac_mask(39), 0x007fff8000000000);
}

TEST(a_processor_without_pac_has_no_mask)
{
	struct made m;
	struct cr_arch_task task = { .core = make(&m, &cr_arch_aarch64),
				     .va_bits = 48 };
	const struct cr_arch_set *mask =
		find_set(&cr_arch_aarch64, NT_ARM_PAC_MASK);
	assert_text(set_of(mask, &task, false), "none");
	task.hwcap = 1 << 30;
	assert_text(set_of(mask, &task, false),
		    "0000000000007f000000000000007f00");
}

TEST(keys_are_secret_and_nothing_else_is)
{
	for (const struct cr_arch *const *a = cr_arches; *a; a++)
		for (const struct cr_arch_set *s = (*a)->sets; s->fill; s++)
			ck_assert_int_eq(s->secret,
					 *a == &cr_arch_aarch64 &&
						 (s->type == NT_ARM_PACA_KEYS ||
						  s->type == NT_ARM_PACG_KEYS));
}

/* XCR0 names what the image has; what follows the last of it is left out. */
TEST(xstate_ends_with_its_last_component)
{
	struct made m;
	uint32_t ymmh[64] = { [63] = 0x11223344 };
	uint32_t pkru[2] = { 0x55555554 };
	struct cr_arch_task task = { .core = make(&m, &cr_arch_x86_64) };
	const struct cr_arch_set *set =
		find_set(&cr_arch_x86_64, NT_X86_XSTATE);
	UserX86XsaveEntry *x = m.core.thread_info->fpregs->xsave;
	const char *text = set_of(set, &task, false);
	ck_assert_uint_eq(strlen(text), 2 * 576);
	x->xstate_bv = 0xffffffff;
	x->ymmh_space = ymmh;
	x->n_ymmh_space = 64;
	text = set_of(set, &task, false);
	ck_assert_uint_eq(strlen(text), 2 * 832);
	ck_assert_int_eq(strncmp(text + 2 * 464, "0700000000000000", 16), 0);
	ck_assert_int_eq(strncmp(text + 2 * 512, "0700000000000000", 16), 0);
	assert_text(text + 2 * 828, "44332211");
	x->pkru = pkru;
	x->n_pkru = 2;
	text = set_of(set, &task, false);
	ck_assert_uint_eq(strlen(text), 2 * 2696);
	ck_assert_int_eq(strncmp(text + 2 * 464, "0702000000000000", 16), 0);
	assert_text(text + 2 * 2688, "5455555500000000");
	m.core.thread_info->fpregs->xsave = NULL;
	assert_text(set_of(set, &task, false), "none");
}

/* Empty, valid, zero, special: Intel SDM volume 1, 8.1.7. */
TEST(the_tag_word_of_fsave_is_made_from_registers)
{
	struct made m;
	uint32_t st[32] = {
		0, 0x80000000, 0x3fff, 0, /* 1.0 */
		0, 0,	       0,      0, /* 0.0 */
		0, 0x80000000, 0x7fff, 0, /* infinity */
	};
	struct cr_arch_task task = { .core = make(&m, &cr_arch_i386) };
	UserX86FpregsEntry *f = m.core.thread_info->fpregs;
	f->st_space = st;
	f->n_st_space = 32;
	f->swd = 5 << 11; /* ST0 is the register 5 */
	f->twd = 0xe0;
	const char *text =
		set_of(find_set(&cr_arch_i386, NT_FPREGSET), &task, false);
	// 7: special 2, 6: zero 1, 5: valid 0, others empty
	ck_assert_int_eq(strncmp(text + 16, "ff93ffff", 8), 0);
}

/* Inside a transaction the image has the two states the other way round. */
TEST(ppc64_registers_are_those_of_the_transaction)
{
	struct made m;
	struct cr_arch_task task = { .core = make(&m, &cr_arch_ppc64) };
	ThreadInfoPpc64 *t = m.core.ti_ppc64;
	uint64_t before = 0x11, now = 0x22;
	t->gpregs->gpr = &before;
	t->tmstate->gpregs->gpr = &now;
	t->gpregs->n_gpr = t->tmstate->gpregs->n_gpr = 1;
	const struct cr_arch_set *spare =
		find_set(&cr_arch_ppc64, NT_PPC_TM_CGPR);
	ck_assert_int_eq(strncmp(set_of(&cr_arch_ppc64.general, &task, false),
				 "22", 2),
			 0);
	ck_assert_int_eq(strncmp(set_of(spare, &task, false), "11", 2), 0);
	t->tmstate = NULL;
	ck_assert_int_eq(strncmp(set_of(&cr_arch_ppc64.general, &task, false),
				 "11", 2),
			 0);
	assert_text(set_of(spare, &task, false), "none");
}

TEST_MAIN("lib/arch/arch")
