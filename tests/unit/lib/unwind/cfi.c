// SPDX-License-Identifier: MIT
#include "lib/unwind/cfi.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/bytes.h"
#include "tests/support/main.h"

/* ---- tables built by hand ---- */

/* A common entry of `code` (aug "zR", pcrel 32 bits, ra 30, data -8). */
#define COMMON "0d 00 00 00 00 00 00 00 01 'zR' 00 04 78 1e 01 1b"

static struct cr_cfi section_of(struct bytes b)
{
	struct cr_cfi cfi;
	struct cr_cfi_section s = { .data = b.p, .size = b.size,
				    .vaddr = 0x1000, .address_size = 8 };
	cr_cfi_init(&cfi, &s);
	return cfi;
}

static const char *rule_text(const struct cr_cfi_rule *rule)
{
	switch (rule->kind) {
	case CR_CFI_NONE:
	case CR_CFI_UNDEFINED:
		return "u";
	case CR_CFI_SAME:
		return "s";
	case CR_CFI_AT:
		return cr_test_format("c%+" PRId64, rule->off);
	case CR_CFI_IS:
		return cr_test_format("v%+" PRId64, rule->off);
	case CR_CFI_REG:
		return cr_test_format("r%u", rule->reg);
	case CR_CFI_AT_EXPR:
		return "exp";
	case CR_CFI_IS_EXPR:
		return "vexp";
	}
	return "?";
}

/* The frame's address, the rules that there are, and what is signed. */
static const char *row_text(struct bytes b, uint64_t pc)
{
	struct cr_cfi cfi = section_of(b);
	struct cr_fde fde;
	struct cr_cfi_row row;
	struct cr_error *err = cr_cfi_find(&cfi, pc, &fde);
	if (!err)
		err = cr_cfi_row(&cfi, &fde, pc, &row);
	cr_cfi_deinit(&cfi);
	if (err) {
		char *text = cr_test_format("%s", cr_error_text(err));
		cr_error_free(err);
		return text;
	}
	char *text = row.cfa.kind == CR_CFI_IS ?
			     cr_test_format("%u%+" PRId64, row.cfa.reg,
					    row.cfa.off) :
			     cr_test_format("%s", rule_text(&row.cfa));
	for (unsigned i = 0; i < CR_CFI_NR_REGS; i++)
		if (row.reg[i].kind != CR_CFI_NONE)
			text = cr_test_format("%s %u:%s", text, i,
					      rule_text(&row.reg[i]));
	if (row.sign)
		text = cr_test_format("%s signed%s", text,
				      row.sign & CR_CFI_WITH_PC ? " with pc" :
								  "");
	return text;
}

/* An entry for [0x400000, 0x400100) behind COMMON, which is 17 bytes long. */
static struct bytes with(const char *code)
{
	struct bytes common = hex(COMMON), insns = hex(code);
	uint32_t size = (uint32_t)(13 + insns.size);
	uint32_t back = (uint32_t)common.size + 4;
	uint32_t start = 0x400000 - (0x1000 + (uint32_t)common.size + 8);
	return cat(common, word(size), word(back), word(start), word(0x100),
		   hex("00"), insns, word(0));
}

TEST(rules_up_to_the_address)
{
	/* def_cfa sp+0; advance 4; offset def 32, x29 at -32, x30 at -24;
	 * advance 8: x19 at -16 */
	const char *code = "0c 1f 00 41 0e 20 9d 04 9e 03 42 93 02";

	assert_text(row_text(with(code), 0x400000), "31+0");
	assert_text(row_text(with(code), 0x400003), "31+0");
	assert_text(row_text(with(code), 0x400004), "31+32 29:c-32 30:c-24");
	assert_text(row_text(with(code), 0x40000b), "31+32 29:c-32 30:c-24");
	assert_text(row_text(with(code), 0x40000c),
		    "31+32 19:c-16 29:c-32 30:c-24");
	assert_text(row_text(with(code), 0x4000ff),
		    "31+32 19:c-16 29:c-32 30:c-24");
	assert_text(row_text(with(code), 0x400100),
		    "no frame information for 0x400100");
	assert_text(row_text(with(code), 0x3fffff),
		    "no frame information for 0x3fffff");
}

TEST(every_kind_of_rule)
{
	assert_text(row_text(with("0c 07 08 05 03 02"), 0x400000),
		    "7+8 3:c-16");
	assert_text(row_text(with("12 07 7f 11 03 7e"), 0x400000),
		    "7+8 3:c+16");
	assert_text(row_text(with("0c 07 08 0d 06 0e 10"), 0x400000), "6+16");
	assert_text(row_text(with("0c 07 08 13 7e"), 0x400000), "7+16");
	assert_text(row_text(with("0f 02 77 08 10 06 01 30 16 03 01 31"),
			     0x400000),
		    "vexp 3:vexp 6:exp");
	assert_text(row_text(with("0c 07 08 07 03 08 04 09 05 06"), 0x400000),
		    "7+8 3:u 4:s 5:r6");
	assert_text(row_text(with("0c 07 08 14 03 02 15 04 7e"), 0x400000),
		    "7+8 3:v-16 4:v+16");
	assert_text(row_text(with("0c 07 08 2f 03 02 2e 10 00"), 0x400000),
		    "7+8 3:c+16");
	/* far advances, of 1, 2, 4 bytes */
	assert_text(row_text(with("0c 07 08 02 01 0e 10"), 0x400004), "7+16");
	assert_text(row_text(with("0c 07 08 03 01 00 0e 10"), 0x400004),
		    "7+16");
	assert_text(row_text(with("0c 07 08 04 01 00 00 00 0e 10"), 0x400003),
		    "7+8");
	/* registers that do not matter */
	assert_text(row_text(with("0c 07 08 05 40 02 a8 01"), 0x400000),
		    "7+8");
}

TEST(signed_return_addresses)
{
	assert_text(row_text(with("0c 1f 00 41 2d"), 0x400000), "31+0");
	assert_text(row_text(with("0c 1f 00 41 2d"), 0x400004), "31+0 signed");
	assert_text(row_text(with("0c 1f 00 2d 41 2d"), 0x400004), "31+0");
	assert_text(row_text(with("0c 1f 00 2c"), 0x400000),
		    "31+0 signed with pc");
	/* remembered and restored like the rest */
	assert_text(row_text(with("0c 1f 00 41 2d 0a 41 2d 41 0b"), 0x400008),
		    "31+0");
	assert_text(row_text(with("0c 1f 00 41 2d 0a 41 2d 41 0b"), 0x40000c),
		    "31+0 signed");
}

TEST(restore_goes_back_to_the_common_rules)
{
	/* x19 at -8 is in no common entry: nothing is said of it again. */
	assert_text(row_text(with("0c 1f 00 93 01 41 d3"), 0x400000),
		    "31+0 19:c-8");
	assert_text(row_text(with("0c 1f 00 93 01 41 d3"), 0x400004), "31+0");
	assert_text(row_text(with("0c 1f 00 93 01 41 06 13"), 0x400004),
		    "31+0");
}

TEST(hostile_instructions)
{
	assert_text(row_text(with("0b"), 0x400000),
		    ".eh_frame: byte 34: restores what was not remembered");
	assert_text(row_text(with("0e 08"), 0x400000),
		    ".eh_frame: byte 34: changes a frame's address that is "
		    "none");
	assert_text(row_text(with("0c ff 01 00"), 0x400000),
		    ".eh_frame: byte 34: takes the frame's address from a "
		    "strange register");
	assert_text(row_text(with("3f"), 0x400000),
		    ".eh_frame: byte 34: an unknown instruction");
	assert_text(row_text(with("0c 07"), 0x400000),
		    ".eh_frame: byte 34: an instruction ends early");
	assert_text(row_text(with("0f 7f 00"), 0x400000),
		    ".eh_frame: byte 34: an instruction ends early");
	assert_text(row_text(with("0a 0a 0a 0a 0a 0a 0a 0a 0a 0a 0a 0a 0a 0a "
				  "0a 0a 0a"), 0x400000),
		    ".eh_frame: byte 50: remembers too much");
}

TEST(hostile_entries)
{
	assert_text(row_text(hex("ff ff ff 7f 00 00 00 00"), 1),
		    "no frame information for 0x1; .eh_frame: byte 0: an entry "
		    "ends beyond the section");
	assert_text(row_text(hex("02 00 00 00 00 00"), 1),
		    "no frame information for 0x1; .eh_frame: byte 0: an entry "
		    "is too short");
	assert_text(row_text(hex("04 00 00 00 ff ff ff 7f"), 1),
		    "no frame information for 0x1; .eh_frame: byte 0: no "
		    "common entry there");
	assert_text(row_text(hex("04 00 00 00 04 00 00 00"), 1),
		    "no frame information for 0x1; .eh_frame: byte 0: no "
		    "common entry there");
	assert_text(row_text(hex(""), 1), "no frame information for 0x1");
}

/* ---- a real program: what readelf says of every row ---- */

struct object {
	struct cr_cfi with_header, without;
};

static struct object open_object(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ck_assert_msg(fd >= 0 && !fstat(fd, &st), "%s", path);
	const uint8_t *p = mmap(NULL, (size_t)st.st_size, PROT_READ,
				MAP_PRIVATE, fd, 0);
	ck_assert_ptr_ne(p, MAP_FAILED);
	close(fd);
	const Elf64_Ehdr *e = (const void *)p;
	const Elf64_Shdr *sh = (const void *)(p + e->e_shoff);
	const char *names = (const char *)p + sh[e->e_shstrndx].sh_offset;
	struct cr_cfi_section s = { .address_size = 8 };
	for (unsigned i = 0; i < e->e_shnum; i++) {
		if (!strcmp(names + sh[i].sh_name, ".eh_frame")) {
			s.data = p + sh[i].sh_offset;
			s.size = sh[i].sh_size;
			s.vaddr = sh[i].sh_addr;
		} else if (!strcmp(names + sh[i].sh_name, ".eh_frame_hdr")) {
			s.hdr = p + sh[i].sh_offset;
			s.hdr_size = sh[i].sh_size;
			s.hdr_vaddr = sh[i].sh_addr;
		}
	}
	struct object object;
	cr_cfi_init(&object.with_header, &s);
	ck_assert_ptr_nonnull(object.with_header.table);
	s.hdr = NULL;
	cr_cfi_init(&object.without, &s);
	return object;
}

/* The DWARF number of a register as readelf names it: of x86-64 or AArch64. */
static unsigned reg_number(const char *name)
{
	static const char *const x86[] = { "rax", "rdx", "rcx", "rbx", "rsi",
					   "rdi", "rbp", "rsp", "r8", "r9",
					   "r10", "r11", "r12", "r13", "r14",
					   "r15" };
	for (unsigned i = 0; i < 16; i++)
		if (!strcmp(name, x86[i]))
			return i;
	if (!strcmp(name, "sp"))
		return 31;
	if (*name == 'v') /* v8, vg */
		return CR_CFI_NR_REGS;
	ck_assert_msg(name[0] == 'x', "register %s", name);
	return (unsigned)atoi(name + 1);
}

#define COLUMN_RA UINT_MAX /* by its number */

struct heading {
	unsigned reg[64], nr;
};

/* "   LOC           CFA      rbx   rbp   ra" */
static void read_heading(char *line, struct heading *h)
{
	h->nr = 0;
	for (char *save, *w = strtok_r(line, " \n", &save); w;
	     w = strtok_r(NULL, " \n", &save))
		if (!strcmp(w, "ra"))
			h->reg[h->nr++] = COLUMN_RA;
		else if (strcmp(w, "LOC") && strcmp(w, "CFA"))
			h->reg[h->nr++] = reg_number(w);
}

static void check_cfa(const struct cr_cfi_row *row, const char *want)
{
	if (!strcmp(want, "exp")) {
		ck_assert_int_eq(row->cfa.kind, CR_CFI_IS_EXPR);
		return;
	}
	char name[8] = "";
	int off;
	ck_assert_int_eq(sscanf(want, "%7[a-z0-9]%d", name, &off), 2);
	ck_assert_int_eq(row->cfa.kind, CR_CFI_IS);
	ck_assert_uint_eq(row->cfa.reg, reg_number(name));
	ck_assert_int_eq(row->cfa.off, off);
}

/* The next column; a register has its name in brackets behind it. */
static const char *column(char **save)
{
	const char *w = strtok_r(NULL, " \n", save);
	return w && *w == '(' ? column(save) : w;
}

/* "0000000000002026 rsp+24   u   c-8" */
static bool check_line(struct object *o, char *line, const struct heading *h)
{
	char *end, *save;
	uint64_t loc = strtoull(line, &end, 16);
	if (end != line + 16 || *end != ' ')
		return false;
	struct cr_cfi *both[] = { &o->with_header, &o->without };
	for (unsigned i = 0; i < 2; i++) {
		struct cr_fde fde;
		struct cr_cfi_row row;
		char copy[512];
		ck_assert_ptr_null(cr_cfi_find(both[i], loc, &fde));
		ck_assert_ptr_null(cr_cfi_row(both[i], &fde, loc, &row));
		snprintf(copy, sizeof(copy), "%s", end);
		check_cfa(&row, strtok_r(copy, " \n", &save));
		for (unsigned k = 0; k < h->nr; k++) {
			unsigned reg = h->reg[k] == COLUMN_RA ?
					       (unsigned)fde.ra_reg :
					       h->reg[k];
			const char *want = column(&save);
			if (reg < CR_CFI_NR_REGS)
				assert_text(rule_text(&row.reg[reg]), want);
		}
	}
	return true;
}

static unsigned check_object(const char *path)
{
	struct object o = open_object(path);
	FILE *f = popen(cr_test_format("readelf -wF %s", path), "re");
	char line[512];
	struct heading h = { .nr = 0 };
	unsigned nr = 0;
	bool own = false;

	while (fgets(line, sizeof(line), f)) {
		if (strstr(line, " CIE ") || strstr(line, " FDE "))
			own = strstr(line, " FDE ");
		else if (strstr(line, "LOC"))
			read_heading(line, &h);
		else if (own)
			nr += check_line(&o, line, &h);
	}
	pclose(f); /* readelf counts its warnings as failures */
	ck_assert_ptr_nonnull(o.with_header.table);
	cr_cfi_deinit(&o.with_header);
	cr_cfi_deinit(&o.without);
	return nr;
}

TEST(readelf_says_the_same)
{
	Dl_info libc;
	ck_assert(dladdr((void *)(uintptr_t)qsort, &libc));
	ck_assert_uint_gt(check_object(libc.dli_fname), 10000);
}

TEST_MAIN("lib/unwind/cfi")
