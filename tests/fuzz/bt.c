// SPDX-License-Identifier: MIT
/*
 * A hostile process, unwound: a byte that says which processor, four registers
 * (pc, sp, frame pointer, link) of 8 bytes, then its memory: a vdso of two pages,
 * a page of code without a file, a page of stack, each behind two bytes for its
 * size.
 *
 * A walk comes to an end, says why in text that is safe to print, and says the
 * same each time.
 */
#include "lib/base/utf8.h"
#include "lib/unwind/frame.h"
#include "lib/unwind/sign.h"
#include "tests/fuzz/fuzz.h"

#define VDSO   UINT64_C(0x10000000)
#define PLAIN  UINT64_C(0x20000000)
#define STACK  UINT64_C(0x30000000)
#define PAGES  4
#define FRAMES 300

/* Images that describe that; made by hand, see images/mm.proto, pagemap.proto. */
static uint8_t mm[512], pagemap[256], memory_bytes[PAGES * 4096];
static size_t mm_size, pagemap_size;

static uint8_t *put_varint(uint8_t *o, uint64_t v)
{
	for (; v > 0x7f; v >>= 7)
		*o++ = (uint8_t)(v | 0x80);
	*o++ = (uint8_t)v;
	return o;
}

static uint8_t *put_num(uint8_t *o, unsigned field, uint64_t v)
{
	return put_varint(put_varint(o, field << 3), v);
}

static uint8_t *put_words(uint8_t *o, uint32_t a, uint32_t b)
{
	memcpy(o, &a, 4);
	memcpy(o + 4, &b, 4);
	return o + 8;
}

static uint8_t *put_vma(uint8_t *o, uint64_t start, unsigned nr, unsigned prot,
			unsigned status)
{
	uint8_t body[64], *b = body;
	b = put_num(b, 1, start);
	b = put_num(b, 2, start + nr * 4096);
	b = put_num(b, 3, 0);
	b = put_num(b, 4, 0);
	b = put_num(b, 5, prot);
	b = put_num(b, 6, 0x22);
	b = put_num(b, 7, status);
	b = put_num(b, 8, 0xffffff);
	o = put_varint(put_varint(o, 14 << 3 | 2), (uint64_t)(b - body));
	memcpy(o, body, (size_t)(b - body));
	return o + (b - body);
}

static void make_mm(void)
{
	uint8_t *o = put_words(mm, 0x54564319, 0x57492820), *size = o;
	o += 4;
	for (unsigned i = 1; i <= 12; i++)
		o = put_num(o, i, 0);
	o = put_num(o, 13, 6);
	o = put_num(o, 13, 4096);
	o = put_vma(o, VDSO, 2, 5, 0x209);
	o = put_vma(o, PLAIN, 1, 5, 0x201);
	o = put_vma(o, STACK, 1, 3, 0x201);
	uint32_t n = (uint32_t)(o - size - 4);
	memcpy(size, &n, 4);
	mm_size = (size_t)(o - mm);
}

static uint8_t *put_run(uint8_t *o, uint64_t vaddr, unsigned nr)
{
	uint8_t *size = o;
	o = put_num(o + 4, 1, vaddr);
	o = put_num(put_num(put_num(o, 2, 0), 4, 4), 5, nr);
	uint32_t n = (uint32_t)(o - size - 4);
	memcpy(size, &n, 4);
	return o;
}

static void make_pagemap(void)
{
	uint8_t *o = put_words(pagemap, 0x54564319, 0x56084025), *size = o;
	o = put_num(o + 4, 1, 1);
	uint32_t n = (uint32_t)(o - size - 4);
	memcpy(size, &n, 4);
	o = put_run(o, VDSO, 2);
	o = put_run(o, PLAIN, 1);
	o = put_run(o, STACK, 1);
	pagemap_size = (size_t)(o - pagemap);
}

static struct cr_error *store_each(struct cr_store *store,
				   struct cr_error *(*item)(void *arg,
							    const char *name),
				   void *arg)
{
	return item(arg, "mm-1.img");
}

static struct cr_error *file_read(struct cr_file *file, void *data, size_t size,
				  uint64_t off, size_t *n_ret)
{
	size_t left = off < file->size ? (size_t)(file->size - off) : 0;
	*n_ret = left < size ? left : size;
	if (*n_ret)
		memcpy(data, (const uint8_t *)file->data + off, *n_ret);
	return NULL;
}

static void file_close(struct cr_file *file)
{
}

static const struct cr_file_ops file_ops = { file_read, file_close };

static struct cr_error *store_open(struct cr_store *store, const char *name,
				   struct cr_file *ret)
{
	ret->ops = &file_ops;
	if (!strcmp(name, "mm-1.img")) {
		ret->data = mm;
		ret->size = mm_size;
	} else if (!strcmp(name, "pagemap-1.img")) {
		ret->data = pagemap;
		ret->size = pagemap_size;
	} else if (!strcmp(name, "pages-1.img")) {
		ret->data = memory_bytes;
		ret->size = sizeof(memory_bytes);
	} else {
		return cr_error_new(CR_ERR_NOT_FOUND, "no such file");
	}
	return NULL;
}

static struct cr_error *store_link(struct cr_store *store, const char *name,
				   char **ret)
{
	return cr_error_new(CR_ERR_NOT_FOUND, "no such link");
}

static void store_close(struct cr_store *store)
{
}

static const struct cr_store_ops store_ops = {
	.each = store_each,
	.open = store_open,
	.open_top = store_open,
	.link = store_link,
	.close = store_close,
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

static uint64_t take_word(const uint8_t **data, size_t *size)
{
	uint64_t v = 0;
	size_t n = *size < 8 ? *size : 8;
	memcpy(&v, *data, n);
	*data += n;
	*size -= n;
	return v;
}

/* The parts of memory, each with its size in front. */
static void take_memory(const uint8_t *data, size_t size)
{
	static const struct {
		size_t off, size;
	} parts[] = { { 0, 8192 }, { 8192, 4096 }, { 12288, 4096 } };
	memset(memory_bytes, 0, sizeof(memory_bytes));
	for (unsigned i = 0; i < 3 && size >= 2; i++) {
		size_t n = data[0] | (size_t)data[1] << 8;
		data += 2;
		size -= 2;
		n = n < size ? n : size;
		size_t used = n < parts[i].size ? n : parts[i].size;
		memcpy(memory_bytes + parts[i].off, data, used);
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
	struct cr_store store = { .ops = &store_ops, .dir_fd = -1,
				  .top_fd = -1 };
	struct cr_set set = { .store = &store };
	struct cr_memory memory;
	struct cr_pages pages;
	if (!size)
		return 0;
	bool is_arm = data[0] & 1;
	data++;
	size--;
	uint64_t pc = take_word(&data, &size), sp = take_word(&data, &size);
	x[29] = take_word(&data, &size);
	x[30] = take_word(&data, &size);
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
	make_mm();
	make_pagemap();
	cr_codec_init(&set.codec, (struct cr_style){ 0 });
	struct cr_error *err = cr_memory_init(&memory, &set, NULL);
	if (!err)
		err = cr_pages_open(&pages, &memory, 1);
	if (err)
		fuzz_fail("the process cannot be opened", err);
	uint64_t sum = walk(&pages, &core);
	fuzz_check(sum == walk(&pages, &core), "two walks differ");
	cr_pages_close(&pages);
	cr_memory_deinit(&memory);
	cr_codec_deinit(&set.codec);
	return 0;
}
