// SPDX-License-Identifier: MIT
#include "lib/unwind/slots.h"

#include <endian.h>
#include <string.h>

#include "lib/unwind/stacks.h"
#include "tests/support/main.h"
#include "tests/support/process.h"

/* Memory of the process besides the stack: what a parked stack is in. */
#define HEAP UINT64_C(0x40000000)

/* 0x400: leaf; 0x410: signed from 0x414 on, saved from 0x418 on in a frame of 32
 * bytes, of which the pair is the lower half; 0x420: nobody called it. */
static const char *const code[] = {
	"00", "41 2d 41 0e 20 9d 04 9e 03", "07 1e", NULL,
};

#define INNER (VDSO + 0x41c) /* a return address in the function that signs */
#define OUTER (VDSO + 0x424) /* in that which nobody called */

static const struct cr_pac_scheme usual = { CR_PAC_QARMA5, 48,
					    CR_PAC_TAG_LINUX };
static const struct cr_pac_key key_a = { 0x1111222233334444, 0x5555666677778888 };
static const struct cr_pac_key key_b = { 0x99990000aaaabbbb, 0xccccddddeeeeffff };
static const struct cr_pac_key key_c = { 3, 4 }; /* IA of thread 2 */

static uint8_t stack[4096], heap[4096], text_bytes[4096];

static void set(uint64_t vaddr, uint64_t value)
{
	uint64_t word = htole64(value);
	uint8_t *page = vaddr >= HEAP ? heap : stack;
	memcpy(page + vaddr % 4096, &word, sizeof(word));
}

static uint64_t sign_with(const struct cr_pac_key *key, uint64_t ptr,
			  uint64_t modifier)
{
	return cr_pac_sign(&usual, key, CR_PAC_CODE, ptr, modifier);
}

static uint64_t sign(uint64_t ptr, uint64_t modifier)
{
	return sign_with(&key_a, ptr, modifier);
}

/* Frames of the function at 0x410 from sp on, up to one that nobody called. */
static uint64_t push(uint64_t sp, unsigned nr)
{
	for (; nr; nr--, sp += 32) {
		set(sp, sp + 32);
		set(sp + 8, sign(nr == 1 ? OUTER : INNER, sp + 32));
	}
	return sp;
}

/* Registers in memory. */
static void save(uint64_t at, uint64_t pc, uint64_t sp, uint64_t x29,
		 uint64_t x30)
{
	set(at + 8 * 30, x29);
	set(at + 8 * 31, x30);
	set(at + 8 * 32, sp);
	set(at + 8 * 33, pc);
	set(at + 288, 0x21046508001);
}

static CoreEntry core;
static ThreadCoreEntry thread_core;
static ThreadSasEntry sas;
static ThreadInfoAarch64 info;
static UserAarch64RegsEntry regs;
static PacKeys pac;
static PacAddressKeys keys;
static uint64_t x[31];

/* The thread is in the function at 0x410, at a stack that begins there. */
static void make(uint64_t sp)
{
	core = (CoreEntry)CORE_ENTRY__INIT;
	thread_core = (ThreadCoreEntry)THREAD_CORE_ENTRY__INIT;
	sas = (ThreadSasEntry)THREAD_SAS_ENTRY__INIT;
	info = (ThreadInfoAarch64)THREAD_INFO_AARCH64__INIT;
	regs = (UserAarch64RegsEntry)USER_AARCH64_REGS_ENTRY__INIT;
	pac = (PacKeys)PAC_KEYS__INIT;
	keys = (PacAddressKeys)PAC_ADDRESS_KEYS__INIT;
	core.mtype = CORE_ENTRY__MARCH__AARCH64;
	core.ti_aarch64 = &info;
	core.thread_core = &thread_core;
	info.gpregs = &regs;
	info.pac_keys = &pac;
	pac.pac_address_keys = &keys;
	keys.apiakey_lo = key_a.lo;
	keys.apiakey_hi = key_a.hi;
	keys.apibkey_lo = key_b.lo;
	keys.apibkey_hi = key_b.hi;
	keys.pac_enabled_key = 15;
	regs.n_regs = 31;
	regs.regs = x;
	regs.pc = INNER;
	regs.sp = sp;
	x[29] = sp;
	memset(stack, 0, sizeof(stack));
	memset(heap, 0, sizeof(heap));
}

static void write_images(void)
{
	struct bytes file = vdso(ARM, ARM_COMMON, code);
	memcpy(text_bytes, file.p, sizeof(text_bytes));
	/* Before INNER and OUTER: bl 0x410. */
	memcpy(text_bytes + 0x418, "\xfe\xff\xff\x97", 4);
	memcpy(text_bytes + 0x420, "\xfc\xff\xff\x97", 4);
	put("a/mm-1.img", mm(4096, mapping(VDSO, 1, 5, 0x209),
			     mapping(PLAIN, 1, 5, 0x201),
			     mapping(STACK, 1, 3, 0x201),
			     mapping(HEAP, 1, 3, 0x221)));
	put("a/pagemap-1.img", pagemap(1, run(VDSO, 1, 4), run(PLAIN, 1, 4),
				       run(STACK, 1, 4), run(HEAP, 1, 4)));
	put("a/pages-1.img",
	    cat(((struct bytes){ text_bytes, 4096 }),
		padded(hex("681180d2 010000d4"), 4096),
		((struct bytes){ stack, 4096 }),
		((struct bytes){ heap, 4096 })));
}

static const char *slot_text(const struct cr_slot *slot)
{
	char *text = cr_test_format("%s %s ", cr_slot_origin_name(slot->origin),
				    cr_slot_grade_name(slot->grade));
	if (slot->in_memory)
		text = cr_test_format("%s%llx", text,
				      (unsigned long long)slot->vaddr);
	else
		text = cr_test_format("%sx%u of %u", text, slot->reg,
				      slot->tid);
	if (slot->has_modifier)
		text = cr_test_format("%s %s %llx", text,
				      slot->is_key_b ? "ib" : "ia",
				      (unsigned long long)slot->modifier);
	if (slot->verdict == CR_SIGN_OTHER)
		return cr_test_format("%s keys of %u", text, slot->keys->tid);
	return cr_test_format("%s %s", text,
			      cr_sign_verdict_name(slot->verdict));
}

/* What is found, a slot on a line; "walks" counts those of no thread. */
static const char *find_with(struct cr_signs *signs, bool is_proved)
{
	struct cr_set set_;
	struct cr_memory memory;
	struct cr_pages pages;
	struct cr_unwind u;
	struct cr_slots slots;
	const struct cr_slot_thread thread = { 1, &core };
	char *text = cr_test_format("%s", "");
	write_images();
	signs->is_proved = is_proved;
	signs->scheme = usual;
	ck_assert_ptr_null(cr_signs_add(signs, 1, 1, &core));
	keys.apiakey_lo = key_c.lo;
	keys.apiakey_hi = key_c.hi;
	ck_assert_ptr_null(cr_signs_add(signs, 1, 2, &core));
	keys.apiakey_lo = key_a.lo;
	keys.apiakey_hi = key_a.hi;
	ck_assert_ptr_null(cr_set_open(cr_test_path("a"), &set_));
	ck_assert_ptr_null(cr_memory_init(&memory, &set_, NULL));
	ck_assert_ptr_null(cr_pages_open(&pages, &memory, 1));
	ck_assert_ptr_null(cr_unwind_init(&u, &pages, cr_arch_of(&core)));
	ck_assert_ptr_null(cr_slots_find(&slots, &u, signs, 1, &thread, 1));
	for (size_t i = 0; i < slots.nr; i++)
		text = cr_test_format("%s%s%s", text, i ? "\n" : "",
				      slot_text(&slots.slot[i]));
	if (slots.nr_stale)
		text = cr_test_format("%s\nstale %zu", text, slots.nr_stale);
	for (size_t i = 1; i < slots.nr_walks; i++)
		text = cr_test_format("%s\n%s at %llx: %zu frames, %zu slots",
				      text,
				      cr_slot_origin_name(slots.walk[i].origin),
				      (unsigned long long)slots.walk[i].at,
				      slots.walk[i].nr_frames,
				      slots.walk[i].nr_slots);
	cr_slots_deinit(&slots);
	cr_slots_deinit(&slots);
	cr_unwind_deinit(&u);
	cr_pages_close(&pages);
	cr_memory_deinit(&memory);
	cr_set_close(&set_);
	return text;
}

static const char *find(void)
{
	struct cr_signs signs = { 0 };
	const char *text = find_with(&signs, true);
	cr_signs_deinit(&signs);
	return text;
}

/* The thread's own stack, of two frames. */
#define OWN                                                             \
	"stack exact 30000808 ia 30000820 authenticates\n"              \
	"stack exact 30000828 ia 30000840 authenticates"

static void make_usual(void)
{
	make(STACK + 0x800);
	push(STACK + 0x800, 2);
}

TEST(frames_of_threads_are_exact)
{
	make_usual();
	assert_text(find(), OWN);
	set(STACK + 0x808, sign(INNER, STACK + 0x820) ^ UINT64_C(1) << 50);
	assert_text(find(), "stack exact 30000808 ia 30000820 does not\n"
			    "stack exact 30000828 ia 30000840 authenticates");
}

TEST(without_a_proof_or_keys_nothing_is_told)
{
	struct cr_signs signs = { 0 };
	make_usual();
	push(HEAP + 0x400, 1);
	assert_text(find_with(&signs, false),
		    "stack exact 30000808 ia 30000820 unknown\n"
		    "stack exact 30000828 ia 30000840 unknown\n"
		    "none suspect 40000408 unknown");
	cr_signs_deinit(&signs);
	info.pac_keys = NULL;
	assert_text(find(), "stack exact 30000808 ia 30000820 unknown\n"
			    "stack exact 30000828 ia 30000840 unknown\n"
			    "none suspect 40000408 unknown");
}

TEST(a_disabled_key_signs_nothing)
{
	make_usual();
	set(STACK + 0x808, INNER);
	keys.pac_enabled_key = 14;
	assert_text(find(), "stack exact 30000828 ia 30000840 unknown");
}

TEST(a_signed_address_in_a_register)
{
	make(STACK + 0x800);
	regs.pc = VDSO + 0x414;
	x[30] = sign(OUTER, STACK + 0x800);
	x[5] = x[30];
	assert_text(find(), "stack exact x30 of 1 ia 30000800 authenticates\n"
			    "copy verified x5 of 1 ia 30000800 authenticates");
	x[30] = x[5] = 0;
}

TEST(what_a_signal_interrupted_has_its_slot_in_memory)
{
	/* A handler without a frame, which returns to the trampoline; above its
	 * stack pointer the context, of a function that had signed and not saved
	 * yet. */
	make(STACK + 0x100);
	regs.pc = VDSO + 0x400;
	x[30] = PLAIN;
	save(STACK + 0x100 + 304, VDSO + 0x414, STACK + 0xc00, 0,
	     sign(OUTER, STACK + 0xc00));
	assert_text(find(), "stack exact 30000328 ia 30000c00 authenticates");
	x[30] = 0;
}

TEST(a_parked_context)
{
	make_usual();
	push(HEAP + 0x400, 3);
	save(HEAP + 0x800, INNER, HEAP + 0x400, HEAP + 0x400, 0);
	assert_text(find(), OWN
		    "\ncontext verified 40000408 ia 40000420 authenticates\n"
		    "context verified 40000428 ia 40000440 authenticates\n"
		    "context verified 40000448 ia 40000460 authenticates\n"
		    "context at 40000800: 4 frames, 3 slots");
	/* One bit, and that frame alone fails. */
	set(HEAP + 0x428, sign(INNER, HEAP + 0x440) ^ 2);
	assert_text(find(), OWN
		    "\ncontext verified 40000408 ia 40000420 authenticates\n"
		    "context suspect 40000428 ia 40000440 does not\n"
		    "context verified 40000448 ia 40000460 authenticates\n"
		    "context at 40000800: 4 frames, 3 slots");
}

TEST(a_slot_is_listed_once)
{
	/* The address says now that the function had not saved it yet: it is in
	 * its register, which is in that place. */
	make_usual();
	set(STACK + 0x808, sign(INNER, STACK + 0x820) ^ 4);
	assert_text(find(), "stack exact 30000808 ia 30000820 does not\n"
			    "found verified 30000828 ia 30000840 authenticates");
}

TEST(a_context_as_swapcontext_leaves_it)
{
	make_usual();
	push(HEAP + 0x400, 1);
	save(HEAP + 0x800, VDSO + 0x40c, HEAP + 0x400, HEAP + 0x400,
	     VDSO + 0x40c);
	set(HEAP + 0x800 + 16, INNER);
	assert_text(find(), OWN
		    "\ncontext verified 40000408 ia 40000420 authenticates\n"
		    "context at 40000800: 2 frames, 1 slots");
}

TEST(a_context_that_leads_nowhere_is_none)
{
	make_usual();
	set(HEAP + 0x400, HEAP + 0x420);
	set(HEAP + 0x408, sign(OUTER, HEAP + 0x420) ^ UINT64_C(1) << 53);
	save(HEAP + 0x800, INNER, HEAP + 0x400, HEAP + 0x400, 0);
	assert_text(find(), OWN "\nnone suspect 40000408 unknown");
	/* No code, no stack, not aligned. */
	save(HEAP + 0x800, HEAP, HEAP + 0x400, 0, 0);
	assert_text(find(), OWN "\nnone suspect 40000408 unknown");
	save(HEAP + 0x800, INNER, 0x1000, 0, 0);
	assert_text(find(), OWN "\nnone suspect 40000408 unknown");
	save(HEAP + 0x800, INNER, UINT64_MAX - 15, 0, 0);
	assert_text(find(), OWN "\nnone suspect 40000408 unknown");
}

TEST(a_context_in_a_threads_frames_is_of_no_account)
{
	/* It was saved by a frame that has gone on since. */
	make_usual();
	save(HEAP + 0x800, INNER, STACK + 0x820, STACK + 0x820, 0);
	assert_text(find(), OWN);
	set(STACK + 0x838, sign(INNER, 0));
	save(HEAP + 0x800, INNER, STACK + 0x830, STACK + 0x830, 0);
	assert_text(find(), OWN "\nnone suspect 30000838 unknown");
}

TEST(a_pair_that_returns_into_a_known_frame)
{
	/* No context leads there; it returns into the function at 0x410, and has
	 * the frame pointer of that. */
	make_usual();
	push(HEAP + 0x400, 2);
	assert_text(find(), OWN
		    "\nfound verified 40000408 ia 40000420 authenticates\n"
		    "found verified 40000428 ia 40000440 authenticates\n"
		    "found at 40000408: 2 frames, 1 slots");
	/* Either key may be it. */
	set(HEAP + 0x408, sign_with(&key_b, INNER, HEAP + 0x420));
	assert_text(find(), OWN
		    "\nfound verified 40000408 ib 40000420 authenticates\n"
		    "found verified 40000428 ia 40000440 authenticates\n"
		    "found at 40000408: 2 frames, 1 slots");
}

TEST(the_call_before_tells_who_signed)
{
	/* It returns to where no frame can be told of. */
	make_usual();
	push(HEAP + 0x400, 1);
	set(HEAP + 0x400, 0);
	assert_text(find(), OWN
		    "\nfound verified 40000408 ia 40000420 authenticates");
}

TEST(a_frame_record_leads_to_the_next)
{
	/* The first return address is not signed, and what the second leads to
	 * is in no file. */
	make_usual();
	set(HEAP + 0x400, HEAP + 0x420);
	set(HEAP + 0x408, INNER);
	set(HEAP + 0x428, sign(PLAIN + 12, HEAP + 0x440));
	assert_text(find(), OWN
		    "\nfound verified 40000428 ia 40000440 authenticates\n"
		    "found at 40000428: 2 frames, 1 slots");
	/* One that leads down is none. */
	set(HEAP + 0x400, 0);
	set(HEAP + 0x408, 0);
	set(HEAP + 0x500, HEAP + 0x420);
	set(HEAP + 0x508, INNER);
	assert_text(find(), OWN "\nnone suspect 40000428 unknown");
}

TEST(what_an_earlier_call_left_in_a_frame)
{
	/* Signed with the same stack pointer, in a frame of another shape. */
	make_usual();
	set(STACK + 0x818, sign(INNER - 4, STACK + 0x820));
	assert_text(find(), OWN
		    "\nfound verified 30000818 ia 30000820 authenticates");
}

TEST(copies_are_of_a_slot)
{
	make_usual();
	set(HEAP + 0x700, sign(INNER, STACK + 0x820));
	assert_text(find(), OWN
		    "\ncopy verified 40000700 ia 30000820 authenticates");
}

TEST(below_a_stack_pointer_words_are_stale)
{
	make_usual();
	set(STACK + 0x100, sign(INNER, 1));
	set(STACK + 0x7f8, sign(INNER, 2));
	set(STACK + 0x840, sign(INNER, 3));
	assert_text(find(), OWN "\nnone suspect 30000840 unknown\nstale 2");
	/* An alternate stack that is not in use, up to its last word. */
	make_usual();
	sas.ss_sp = HEAP + 0x200;
	sas.ss_size = 0x200;
	thread_core.sas = &sas;
	set(HEAP + 0x1f8, sign(INNER, 1));
	set(HEAP + 0x200, sign(INNER, 1));
	set(HEAP + 0x3f8, sign(INNER, 1));
	set(HEAP + 0x400, sign(INNER, 1));
	assert_text(find(), OWN "\nnone suspect 400001f8 unknown"
				"\nnone suspect 40000400 unknown\nstale 2");
	/* That of a context, as far as it says where its stack begins. */
	make_usual();
	push(HEAP + 0x400, 1);
	save(HEAP + 0x800, INNER, HEAP + 0x400, HEAP + 0x400, 0);
	set(HEAP + 0x800 - 160, HEAP + 0x300);
	set(HEAP + 0x800 - 144, 0x200);
	set(HEAP + 0x2f8, sign(INNER, 1));
	set(HEAP + 0x300, sign(INNER, 1));
	assert_text(find(), OWN
		    "\ncontext verified 40000408 ia 40000420 authenticates\n"
		    "none suspect 400002f8 unknown\nstale 1\n"
		    "context at 40000800: 2 frames, 1 slots");
}

TEST(keys_of_other_threads_count)
{
	make_usual();
	set(STACK + 0x828, sign_with(&key_c, OUTER, STACK + 0x840));
	set(HEAP + 0x408, sign_with(&key_c, OUTER, HEAP + 0x420));
	assert_text(find(),
		    "stack exact 30000808 ia 30000820 authenticates\n"
		    "stack exact 30000828 ia 30000840 keys of 2\n"
		    "found verified 40000408 ia 40000420 keys of 2");
}

TEST(what_only_looks_signed)
{
	/* A tag, the upper half, no code below, not aligned: not even that. */
	make_usual();
	set(HEAP + 0x100, sign(INNER, 1) | UINT64_C(1) << 56);
	set(HEAP + 0x108, sign(INNER, 1) | UINT64_C(1) << 55);
	set(HEAP + 0x110, sign(HEAP, 1));
	set(HEAP + 0x118, INNER);
	set(HEAP + 0x124, sign(INNER, 1));
	assert_text(find(), OWN);
	set(HEAP, sign(INNER, 1));
	set(HEAP + 0xff8, sign(VDSO + 0xfff, 1));
	assert_text(find(), OWN "\nnone suspect 40000000 unknown"
				"\nnone suspect 40000ff8 unknown");
}

TEST_MAIN("lib/unwind/slots")
