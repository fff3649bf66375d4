// SPDX-License-Identifier: MIT
#include "restore/fd/build-id.h"

#include <elf.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/main.h"

/* An ELF file with a segment of notes. */
struct file {
	Elf64_Ehdr e;
	Elf64_Phdr p[2];
	struct {
		Elf64_Nhdr n;
		char name[8];
		uint8_t desc[4];
	} other;
	struct {
		Elf64_Nhdr n;
		char name[4];
		uint8_t desc[20];
	} id;
};

static struct file file(void)
{
	struct file f = {
		.e = { .e_phoff = offsetof(struct file, p),
		       .e_phentsize = sizeof(Elf64_Phdr),
		       .e_phnum = 2 },
		.p[1] = { .p_type = PT_NOTE,
			  .p_offset = offsetof(struct file, other),
			  .p_filesz = sizeof(f.other) + sizeof(f.id) },
		.other = { { 6, 4, NT_GNU_BUILD_ID }, "OTHER", { 0 } },
		.id = { { 4, 20, NT_GNU_BUILD_ID }, "GNU", { 0 } },
	};
	memcpy(f.e.e_ident, ELFMAG, SELFMAG);
	f.e.e_ident[EI_CLASS] = ELFCLASS64;
	memset(f.id.desc, 0x5a, sizeof(f.id.desc));
	return f;
}

static size_t id_of(const void *data, size_t size, uint8_t *ret)
{
	int fd = memfd_create("elf", MFD_CLOEXEC);
	ck_assert_int_eq(write(fd, data, size), (ssize_t)size);
	size_t got = cr_build_id(fd, ret);
	close(fd);
	return got;
}

TEST(it_is_the_note_of_gnu)
{
	uint8_t id[CR_BUILD_ID_MAX];
	struct file f = file();
	ck_assert_uint_eq(id_of(&f, sizeof(f), id), 20);
	ck_assert_mem_eq(id, f.id.desc, 20);
	ck_assert_uint_eq(id[20], 0);
}

TEST(a_file_without_one)
{
	uint8_t id[CR_BUILD_ID_MAX];
	struct file f = file();
	f.id.n.n_type = 1;
	ck_assert_uint_eq(id_of(&f, sizeof(f), id), 0);
	ck_assert_uint_eq(id_of("#!/bin/sh\n", 10, id), 0);
	ck_assert_uint_eq(id_of("", 0, id), 0);
}

TEST(every_shorter_file_is_refused)
{
	uint8_t id[CR_BUILD_ID_MAX];
	struct file f = file();
	size_t end = offsetof(struct file, id) + sizeof(f.id);
	for (size_t size = 0; size < end; size++)
		ck_assert_uint_eq(id_of(&f, size, id), 0);
}

TEST(sizes_that_lie)
{
	uint8_t id[CR_BUILD_ID_MAX];
	struct file f = file();
	f.id.n.n_descsz = UINT32_MAX;
	ck_assert_uint_eq(id_of(&f, sizeof(f), id), 0);
	f = file();
	f.other.n.n_namesz = UINT32_MAX;
	ck_assert_uint_eq(id_of(&f, sizeof(f), id), 0);
	f = file();
	f.id.n.n_descsz = 21;
	ck_assert_uint_eq(id_of(&f, sizeof(f), id), 0);
	f = file();
	f.p[1].p_offset = UINT64_MAX;
	ck_assert_uint_eq(id_of(&f, sizeof(f), id), 0);
	f = file();
	f.e.e_phoff = UINT64_MAX;
	ck_assert_uint_eq(id_of(&f, sizeof(f), id), 0);
	f = file();
	f.e.e_phentsize = 1;
	ck_assert_uint_eq(id_of(&f, sizeof(f), id), 0);
}

TEST_MAIN("restore/fd/build-id")
