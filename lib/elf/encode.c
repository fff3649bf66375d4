// SPDX-License-Identifier: MIT
#include "lib/elf/encode.h"

#include <dlfcn.h>
#include <string.h>

#include <libelf.h>

#include "lib/elf/libelf.h"

typedef __typeof__(elf64_xlatetom) xlate_fn;

struct cr_error *cr_elf_init(struct cr_elf *elf, bool is64, bool big)
{
	void *lib;
	struct cr_error *err = cr_libelf_open(&lib);
	if (err)
		return err;
	*elf = (struct cr_elf){ .is64 = is64, .big = big };
	elf->xlate = (void *)(is64 ? CR_LIBELF(lib, elf64_xlatetom) :
				     CR_LIBELF(lib, elf32_xlatetom));
	return elf->xlate ? NULL : cr_libelf_too_old();
}

size_t cr_elf_ehdr_size(const struct cr_elf *elf)
{
	return elf->is64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
}

size_t cr_elf_phdr_size(const struct cr_elf *elf)
{
	return elf->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
}

size_t cr_elf_shdr_size(const struct cr_elf *elf)
{
	return elf->is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
}

static struct cr_error *xlate(const struct cr_elf *elf, Elf_Type type,
			      void *data, size_t size, void *ret)
{
	Elf_Data from = { .d_buf = data, .d_type = type, .d_size = size,
			  .d_version = EV_CURRENT };
	Elf_Data to = { .d_buf = ret, .d_type = type, .d_size = size,
			.d_version = EV_CURRENT };
	unsigned encode = elf->big ? ELFDATA2MSB : ELFDATA2LSB;
	if (!((xlate_fn *)elf->xlate)(&to, &from, encode))
		return cr_error_new(CR_ERR_INTERNAL,
				    "libelf cannot encode a header");
	return NULL;
}

struct cr_error *cr_elf_ehdr(const struct cr_elf *elf, const Elf64_Ehdr *ehdr,
			     void *ret)
{
	Elf64_Ehdr h = *ehdr;
	memcpy(h.e_ident, ELFMAG, SELFMAG);
	h.e_ident[EI_CLASS] = elf->is64 ? ELFCLASS64 : ELFCLASS32;
	h.e_ident[EI_DATA] = elf->big ? ELFDATA2MSB : ELFDATA2LSB;
	h.e_ident[EI_VERSION] = EV_CURRENT;
	h.e_version = EV_CURRENT;
	h.e_ehsize = (Elf64_Half)cr_elf_ehdr_size(elf);
	h.e_phentsize = (Elf64_Half)cr_elf_phdr_size(elf);
	h.e_shentsize = h.e_shoff ? (Elf64_Half)cr_elf_shdr_size(elf) : 0;
	if (elf->is64)
		return xlate(elf, ELF_T_EHDR, &h, sizeof(h), ret);
	Elf32_Ehdr h32 = {
		.e_type = h.e_type,
		.e_machine = h.e_machine,
		.e_version = h.e_version,
		.e_entry = (Elf32_Addr)h.e_entry,
		.e_phoff = (Elf32_Off)h.e_phoff,
		.e_shoff = (Elf32_Off)h.e_shoff,
		.e_flags = h.e_flags,
		.e_ehsize = h.e_ehsize,
		.e_phentsize = h.e_phentsize,
		.e_phnum = h.e_phnum,
		.e_shentsize = h.e_shentsize,
		.e_shnum = h.e_shnum,
		.e_shstrndx = h.e_shstrndx,
	};
	memcpy(h32.e_ident, h.e_ident, sizeof(h.e_ident));
	return xlate(elf, ELF_T_EHDR, &h32, sizeof(h32), ret);
}

struct cr_error *cr_elf_phdr(const struct cr_elf *elf, const Elf64_Phdr *phdr,
			     void *ret)
{
	Elf64_Phdr h = *phdr;
	if (elf->is64)
		return xlate(elf, ELF_T_PHDR, &h, sizeof(h), ret);
	Elf32_Phdr h32 = {
		.p_type = h.p_type,
		.p_offset = (Elf32_Off)h.p_offset,
		.p_vaddr = (Elf32_Addr)h.p_vaddr,
		.p_paddr = (Elf32_Addr)h.p_paddr,
		.p_filesz = (Elf32_Word)h.p_filesz,
		.p_memsz = (Elf32_Word)h.p_memsz,
		.p_flags = h.p_flags,
		.p_align = (Elf32_Word)h.p_align,
	};
	return xlate(elf, ELF_T_PHDR, &h32, sizeof(h32), ret);
}

struct cr_error *cr_elf_shdr(const struct cr_elf *elf, const Elf64_Shdr *shdr,
			     void *ret)
{
	Elf64_Shdr h = *shdr;
	if (elf->is64)
		return xlate(elf, ELF_T_SHDR, &h, sizeof(h), ret);
	Elf32_Shdr h32 = {
		.sh_name = h.sh_name,
		.sh_type = h.sh_type,
		.sh_flags = (Elf32_Word)h.sh_flags,
		.sh_addr = (Elf32_Addr)h.sh_addr,
		.sh_offset = (Elf32_Off)h.sh_offset,
		.sh_size = (Elf32_Word)h.sh_size,
		.sh_link = h.sh_link,
		.sh_info = h.sh_info,
		.sh_addralign = (Elf32_Word)h.sh_addralign,
		.sh_entsize = (Elf32_Word)h.sh_entsize,
	};
	return xlate(elf, ELF_T_SHDR, &h32, sizeof(h32), ret);
}

struct cr_error *cr_elf_nhdr(const struct cr_elf *elf, const Elf64_Nhdr *nhdr,
			     void *ret)
{
	Elf64_Nhdr h = *nhdr;
	return xlate(elf, ELF_T_WORD, &h, sizeof(h), ret);
}
