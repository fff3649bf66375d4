// SPDX-License-Identifier: MIT
/*
 * Whether a vdso of another build does: its functions are where they were, so
 * that pointers to them hold. Nobody points to the signal trampoline, but frames
 * of signal handlers return to where it was: it may have moved up, if what is in
 * its old place does nothing.
 *
 * The one from the image is hostile. Facts: man 5 elf; Linux v6.13
 * arch/arm64/kernel/vdso/{vdso.lds,sigreturn}.S.
 */
#include <elf.h>
#include <string.h>

#include "restore/arch/aarch64/native.h"

#define NOP	   0xd503201fu
#define TRAMPOLINE "__kernel_rt_sigreturn"

// Symbols, in bounds of the bytes.
struct symbols {
	const uint8_t *elf;
	size_t size;
	size_t off, nr; // of the table
	size_t names, names_size;
};

static bool read_at(const struct symbols *s, size_t off, void *to, size_t size)
{
	if (off > s->size || size > s->size - off)
		return false;
	memcpy(to, s->elf + off, size);
	return true;
}

static bool section(const struct symbols *s, const Elf64_Ehdr *e, unsigned i,
		    Elf64_Shdr *ret)
{
	return i < e->e_shnum && e->e_shoff < s->size &&
	       read_at(s, e->e_shoff + i * sizeof(*ret), ret, sizeof(*ret)) &&
	       ret->sh_offset <= s->size &&
	       ret->sh_size <= s->size - ret->sh_offset;
}

static bool find_symbols(const void *elf, size_t size, struct symbols *s)
{
	Elf64_Ehdr e;
	Elf64_Shdr table, names;
	*s = (struct symbols){ .elf = elf, .size = size };
	if (!read_at(s, 0, &e, sizeof(e)) ||
	    memcmp(e.e_ident, ELFMAG, SELFMAG))
		return false;
	for (unsigned i = 0; i < e.e_shnum; i++) {
		if (!section(s, &e, i, &table) || table.sh_type != SHT_DYNSYM)
			continue;
		if (!section(s, &e, table.sh_link, &names))
			return false;
		s->off = table.sh_offset;
		s->nr = table.sh_size / sizeof(Elf64_Sym);
		s->names = names.sh_offset;
		s->names_size = names.sh_size;
		return true;
	}
	return false;
}

// The i-th one that is defined: false if it is not.
static bool symbol(const struct symbols *s, size_t i, const char **name_ret,
		   uint64_t *value_ret)
{
	Elf64_Sym sym;
	if (!read_at(s, s->off + i * sizeof(sym), &sym, sizeof(sym)) ||
	    sym.st_shndx == SHN_UNDEF || sym.st_shndx >= SHN_LORESERVE ||
	    sym.st_name >= s->names_size)
		return false;
	const char *name = (const char *)s->elf + s->names + sym.st_name;
	if (!memchr(name, 0, s->names_size - sym.st_name))
		return false;
	*name_ret = name;
	*value_ret = sym.st_value;
	return true;
}

static bool find(const struct symbols *s, const char *name, uint64_t *ret)
{
	const char *is;
	for (size_t i = 0; i < s->nr; i++) {
		if (symbol(s, i, &is, ret) && !strcmp(is, name))
			return true;
	}
	return false;
}

static bool leads_to(const struct symbols *s, uint64_t from, uint64_t to)
{
	uint32_t code;
	if (from % 4)
		return false;
	for (; from < to; from += 4) {
		if (!read_at(s, from, &code, sizeof(code)) || code != NOP)
			return false;
	}
	return from == to;
}

bool cr_vdso_fits(const void *theirs, const void *ours, size_t size)
{
	struct symbols a, b;
	const char *name;
	uint64_t was, is;
	if (!find_symbols(theirs, size, &a) || !find_symbols(ours, size, &b))
		return false;
	for (size_t i = 0; i < a.nr; i++) {
		if (!symbol(&a, i, &name, &was))
			continue;
		if (!find(&b, name, &is))
			return false;
		if (was != is &&
		    (strcmp(name, TRAMPOLINE) || !leads_to(&b, was, is)))
			return false;
	}
	return true;
}
