// SPDX-License-Identifier: MIT
#include "lib/elf/file.h"

#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/bytes.h"
#include "tests/support/files.h"
#include "tests/support/main.h"

static struct bytes u64(uint64_t v)
{
	return cat(word((uint32_t)v), word((uint32_t)(v >> 32)));
}

static struct bytes phdr(uint32_t type, uint32_t flags, uint64_t off,
			 uint64_t vaddr, uint64_t size)
{
	return cat(word(type), word(flags), u64(off), u64(vaddr), u64(vaddr),
		   u64(size), u64(size), u64(4));
}

/* A file of AArch64 with these program headers, and bytes from 0x200 on. */
static struct bytes elf(unsigned nr, struct bytes phdrs, struct bytes rest)
{
	struct bytes head =
		cat(hex("7f 'ELF' 02 01 01 00 0000000000000000 0300 b700"),
		    word(1), u64(0), u64(64), u64(0), word(0),
		    hex("4000 3800"), hex(cr_test_format("%02x00", nr)),
		    hex("4000 0000 0000"), phdrs);
	return cat(head, fill(0, 0x200 - head.size), rest);
}

static struct cr_error *take(struct cr_elf_file *file, struct bytes b)
{
	void *data = malloc(b.size + 1);
	memcpy(data, b.p, b.size);
	return cr_elf_file_take(file, data, b.size);
}

static struct cr_elf_file made(struct bytes b)
{
	struct cr_elf_file file;
	struct cr_error *err = take(&file, b);
	if (err)
		ck_abort_msg("%s", cr_error_text(err));
	return file;
}

TEST(tables_are_found_without_section_headers)
{
	/* The header's table is at 0x1200, 0x210 in the file. */
	struct bytes b = elf(
		2,
		cat(phdr(PT_LOAD, PF_R | PF_X, 0, 0x1000, 0x230),
		    phdr(PT_GNU_EH_FRAME, PF_R, 0x200, 0x1200, 12)),
		cat(hex("01 1b 03 3b"), word(0x0c), word(0), word(0),
		    text("call frames, and so on: up to here")));
	struct cr_elf_file file = made(b);
	ck_assert_uint_eq(file.machine, EM_AARCH64);
	ck_assert(file.is64 && !file.big);
	ck_assert_uint_eq(file.eh_frame_hdr.vaddr, 0x1200);
	ck_assert_uint_eq(file.eh_frame_hdr.size, 12);
	ck_assert_uint_eq(file.eh_frame.vaddr, 0x1210);
	ck_assert_uint_eq(file.eh_frame.size, 0x20);
	ck_assert(!memcmp(file.eh_frame.data, "call frames", 11));
	cr_elf_file_close(&file);
	cr_elf_file_close(&file);
}

static struct bytes shdr(uint32_t name, uint32_t type, uint64_t flags,
			 uint64_t off, uint64_t size)
{
	return cat(word(name), word(type), u64(flags), u64(0), u64(off),
		   u64(size), word(0), word(0), u64(1), u64(0));
}

/* A section of call frames in a stream of zlib that claims to hold a number of
 * bytes: 11 that are stored, and their sum (RFC 1950, RFC 1951, 3.2.4). */
static struct cr_elf_part packed(uint64_t claim)
{
	struct bytes stream = cat(word(ELFCOMPRESS_ZLIB), word(0), u64(claim),
				  u64(1), hex("7801 01 0b00 f4ff"),
				  text("call frames"), hex("18c8043b"));
	struct bytes names = cat(hex("00"), text(".names"), hex("00"),
				 text(".debug_frame"), hex("00"));
	struct bytes headers =
		cat(shdr(0, SHT_NULL, 0, 0, 0),
		    shdr(1, SHT_STRTAB, 0, 0x240, names.size),
		    shdr(8, SHT_PROGBITS, SHF_COMPRESSED, 0x200, stream.size));
	struct bytes b = elf(0, hex(""),
			     cat(stream, fill(0, 0x40 - stream.size), names,
				 fill(0, 0x40 - names.size), headers));
	uint8_t *head = cr_test_alloc(b.size);
	memcpy(head, b.p, b.size);
	head[40] = 0x80; /* e_shoff: 0x280 */
	head[41] = 2;
	head[60] = 3; /* e_shnum */
	head[62] = 1; /* e_shstrndx */
	struct cr_elf_file file;
	const char *name = cr_test_format("%llx", (unsigned long long)claim);
	const char *path = cr_test_file(
		name, (struct bytes){ head, b.size }, 0644);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_ptr_null(cr_elf_file_open(&file, fd));
	close(fd);
	struct cr_elf_part part = file.debug_frame;
	if (part.data)
		part.data = memcpy(cr_test_alloc(part.size), part.data,
				   part.size);
	cr_elf_file_close(&file);
	return part;
}

TEST(sections_that_are_packed_are_expanded)
{
	struct cr_elf_part part = packed(11);
	ck_assert_uint_eq(part.size, 11);
	ck_assert(!memcmp(part.data, "call frames", 11));
}

TEST(what_claims_to_hold_too_much_is_none)
{
	ck_assert_ptr_null(packed(12).data);
	ck_assert_ptr_null(packed(1 << 20).data);
	ck_assert_ptr_null(packed(UINT64_MAX).data);
}

TEST(notes_say_build_id_and_properties)
{
	struct bytes notes =
		cat(word(4), word(6), word(NT_GNU_BUILD_ID), text("GNU"),
		    hex("00 010203040506 0000"), word(4), word(16),
		    word(NT_GNU_PROPERTY_TYPE_0), text("GNU"), hex("00"),
		    word(0xc0000000), word(4), word(3), word(0));
	struct cr_elf_file file = made(
		elf(1, phdr(PT_NOTE, PF_R, 0x200, 0x200, notes.size), notes));
	assert_bytes(((struct bytes){ file.build_id, file.build_id_size }),
		     hex("010203040506"));
	ck_assert_uint_eq(file.features,
			  CR_ELF_AARCH64_BTI | CR_ELF_AARCH64_PAC);
	cr_elf_file_close(&file);
}

TEST(where_a_file_is_follows_from_a_mapping)
{
	/* As linkers have it: data begins in the page where code ends. */
	struct cr_elf_file file = made(
		elf(2,
		    cat(phdr(PT_LOAD, PF_R | PF_X, 0, 0x400000, 0x1300),
			phdr(PT_LOAD, PF_R | PF_W, 0x1300, 0x411300, 0x100)),
		    hex("")));
	uint64_t bias;
	ck_assert(cr_elf_file_bias(&file, 0, 0x500000, true, &bias));
	ck_assert_uint_eq(bias, 0x100000);
	ck_assert(cr_elf_file_bias(&file, 0x1000, 0x501000, true, &bias));
	ck_assert_uint_eq(bias, 0x100000);
	ck_assert(cr_elf_file_bias(&file, 0x1000, 0x511000, false, &bias));
	ck_assert_uint_eq(bias, 0x100000);
	ck_assert(!cr_elf_file_bias(&file, 0x20000, 0x511000, false, &bias));
	cr_elf_file_close(&file);
}

TEST(what_is_no_elf_file)
{
	struct cr_elf_file file;
	struct cr_error *err = take(&file, text("#!/bin/sh"));
	assert_text(cr_error_text(err), "not an ELF file");
	cr_error_free(err);
	err = take(&file, hex(""));
	assert_text(cr_error_text(err), "not an ELF file");
	cr_error_free(err);
	err = take(&file, hex("7f 'ELF' 09 09 09"));
	assert_text(cr_error_text(err), "a broken ELF file");
	cr_error_free(err);
	int fd = open(cr_test_dir(), O_RDONLY | O_CLOEXEC);
	err = cr_elf_file_open(&file, fd);
	assert_text(cr_error_text(err), "not an ELF file");
	cr_error_free(err);
	close(fd);
}

TEST(functions_have_names)
{
	struct cr_elf_file file;
	const struct cr_elf_symbol *symbol, *again = NULL;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	ck_assert_ptr_null(cr_elf_file_open(&file, fd));
	close(fd);
	ck_assert(file.eh_frame.data && file.eh_frame_hdr.data);
	ck_assert_ptr_null(cr_elf_file_symbol(&file, 1, &symbol));
	ck_assert_ptr_null(symbol);
	for (size_t i = 0; i < file.nr_symbols; i++)
		if (!strcmp(file.symbol[i].name, "main"))
			again = &file.symbol[i];
	ck_assert_ptr_nonnull(again);
	ck_assert_ptr_null(cr_elf_file_symbol(&file, again->end - 1, &symbol));
	ck_assert_ptr_eq(symbol, again);
	ck_assert_ptr_null(cr_elf_file_symbol(&file, again->start, &symbol));
	ck_assert_ptr_eq(symbol, again);
	cr_elf_file_close(&file);
}

/* Reads every byte that the file is said to have. */
static void use(struct cr_elf_file *file)
{
	const struct cr_elf_part *parts[] = { &file->eh_frame,
					      &file->eh_frame_hdr,
					      &file->debug_frame };
	const struct cr_elf_symbol *symbol;
	volatile uint8_t sum = 0;
	for (size_t i = 0; i < 3; i++)
		for (size_t j = 0; j < parts[i]->size; j += 64)
			sum ^= parts[i]->data[j];
	ck_assert_ptr_null(cr_elf_file_symbol(file, 0x1000, &symbol));
	for (size_t i = 0; i < file->nr_symbols; i++)
		sum ^= (uint8_t)strlen(file->symbol[i].name);
}

TEST(a_file_that_was_tampered_with_is_read_or_refused)
{
	struct bytes own = cr_test_content("/bin/true");
	uint32_t state = 1;
	for (unsigned i = 0; i < 3000; i++) {
		uint8_t *copy = malloc(own.size);
		struct cr_elf_file file;
		size_t size = own.size;
		memcpy(copy, own.p, size);
		for (unsigned j = 0; j < 1 + i % 8; j++) {
			state = state * 1103515245 + 12345;
			/* Headers at both ends. */
			size_t at = state >> 8 & 0x3ff;
			copy[state & 0x80 ? size - 1 - at * 2 : at] =
				(uint8_t)(state >> 24);
		}
		if (i % 3 == 0)
			size = state % size;
		struct cr_error *err = cr_elf_file_take(&file, copy, size);
		if (!err)
			use(&file);
		else
			cr_error_free(err);
		cr_elf_file_close(&file);
	}
}

TEST_MAIN("lib/elf/file")
