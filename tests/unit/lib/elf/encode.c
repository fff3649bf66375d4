// SPDX-License-Identifier: MIT
#include "lib/elf/encode.h"

#include "tests/support/bytes.h"
#include "tests/support/main.h"

static struct cr_elf form(bool is64, bool big)
{
	struct cr_elf elf;
	ck_assert_ptr_null(cr_elf_init(&elf, is64, big));
	return elf;
}

static struct bytes ehdr(bool is64, bool big)
{
	struct cr_elf elf = form(is64, big);
	uint8_t *buf = cr_test_alloc(CR_ELF_MAX);
	Elf64_Ehdr h = { .e_type = ET_CORE,
			 .e_machine = 0x1234,
			 .e_phoff = 0x40,
			 .e_flags = 0x5,
			 .e_phnum = 3 };
	ck_assert_ptr_null(cr_elf_ehdr(&elf, &h, buf));
	return (struct bytes){ buf, cr_elf_ehdr_size(&elf) };
}

TEST(a_file_header_has_its_class_and_byte_order)
{
	assert_bytes(ehdr(true, false),
		     hex("7f454c46 02010100 0000000000000000 0400 3412 01000000"
			 "0000000000000000 4000000000000000 0000000000000000"
			 "05000000 4000 3800 0300 0000 0000 0000"));
	assert_bytes(ehdr(false, true),
		     hex("7f454c46 01020100 0000000000000000 0004 1234 00000001"
			 "00000000 00000040 00000000"
			 "00000005 0034 0020 0003 0000 0000 0000"));
}

TEST(a_program_header_is_narrowed)
{
	struct cr_elf elf = form(false, false);
	uint8_t *buf = cr_test_alloc(CR_ELF_MAX);
	Elf64_Phdr h = { .p_type = PT_LOAD,
			 .p_flags = PF_R,
			 .p_offset = 2,
			 .p_vaddr = 3,
			 .p_filesz = 4,
			 .p_memsz = 5,
			 .p_align = 6 };
	ck_assert_uint_eq(cr_elf_phdr_size(&elf), 32);
	ck_assert_ptr_null(cr_elf_phdr(&elf, &h, buf));
	assert_bytes(((struct bytes){ buf, 32 }),
		     hex("01000000 02000000 03000000 00000000 04000000"
			 "05000000 04000000 06000000"));
}

TEST(a_note_header_has_words_of_32_bits_in_either_class)
{
	struct cr_elf elf = form(true, true);
	uint8_t *buf = cr_test_alloc(CR_ELF_MAX);
	Elf64_Nhdr h = { 5, 6, 7 };
	ck_assert_ptr_null(cr_elf_nhdr(&elf, &h, buf));
	assert_bytes(((struct bytes){ buf, 12 }),
		     hex("00000005 00000006 00000007"));
}

TEST(a_section_header_carries_the_number_of_segments)
{
	struct cr_elf elf = form(false, true);
	uint8_t *buf = cr_test_alloc(CR_ELF_MAX);
	Elf64_Shdr h = { .sh_size = 1, .sh_info = 70001 };
	ck_assert_ptr_null(cr_elf_shdr(&elf, &h, buf));
	ck_assert_uint_eq(cr_elf_shdr_size(&elf), 40);
	assert_bytes(((struct bytes){ buf + 20, 4 }), hex("00000001"));
	assert_bytes(((struct bytes){ buf + 28, 4 }), hex("00011171"));
}

TEST_MAIN("lib/elf/encode")
