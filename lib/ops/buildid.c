// SPDX-License-Identifier: MIT
#include "lib/ops/buildid.h"

#include <elf.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

static bool read_at(int fd, void *data, size_t size, uint64_t off)
{
	return off <= INT64_MAX &&
	       pread(fd, data, size, (off_t)off) == (ssize_t)size;
}

/* Notes that are looked at in one file: no program has as many, and one made to
 * be long must not be read for hours. */
#define NOTES_MAX 1024

/* Notes: name size, description size, type; each part to four bytes. */
static void find_id(int fd, uint64_t off, uint64_t size, unsigned *left,
		    struct cr_build_id *ret)
{
	uint64_t end;
	Elf64_Nhdr note;
	char name[4];
	if (__builtin_add_overflow(off, size, &end))
		return;
	while (*left && off < end && end - off >= sizeof(note) &&
	       read_at(fd, &note, sizeof(note), off)) {
		uint64_t desc = off + sizeof(note) +
				(((uint64_t)note.n_namesz + 3) & ~3ull);
		uint64_t next = desc + (((uint64_t)note.n_descsz + 3) & ~3ull);
		--*left;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    note.n_descsz && note.n_descsz <= CR_BUILD_ID_MAX &&
		    read_at(fd, name, 4, off + sizeof(note)) &&
		    !memcmp(name, "GNU", 4) &&
		    read_at(fd, ret->bytes, note.n_descsz, desc)) {
			ret->size = note.n_descsz;
			return;
		}
		off = next;
	}
}

/* Where the program headers are. */
struct headers {
	uint64_t off;
	unsigned nr;
	bool is_64;
};

static bool read_headers(int fd, struct headers *ret)
{
	union {
		unsigned char ident[EI_NIDENT];
		Elf32_Ehdr e32;
		Elf64_Ehdr e64;
	} head;
	if (!read_at(fd, &head, sizeof(head.e32), 0) ||
	    memcmp(head.ident, ELFMAG, SELFMAG) ||
	    head.ident[EI_DATA] != ELFDATA2LSB)
		return false;
	if (head.ident[EI_CLASS] == ELFCLASS32) {
		*ret = (struct headers){ head.e32.e_phoff, head.e32.e_phnum,
					 false };
		return true;
	}
	if (head.ident[EI_CLASS] != ELFCLASS64 ||
	    !read_at(fd, &head, sizeof(head.e64), 0))
		return false;
	*ret = (struct headers){ head.e64.e_phoff, head.e64.e_phnum, true };
	return true;
}

void cr_build_id_read(int fd, struct cr_build_id *ret)
{
	struct headers h;
	unsigned left = NOTES_MAX;
	*ret = (struct cr_build_id){ .size = 0 };
	if (!read_headers(fd, &h))
		return;
	for (unsigned i = 0; i < h.nr && left && !ret->size; i++) {
		union {
			Elf32_Word type; /* the first of both */
			Elf32_Phdr p32;
			Elf64_Phdr p64;
		} p;
		size_t size = h.is_64 ? sizeof(p.p64) : sizeof(p.p32);
		if (!read_at(fd, &p, size, h.off + i * (uint64_t)size))
			return;
		if (p.type == PT_NOTE && h.is_64)
			find_id(fd, p.p64.p_offset, p.p64.p_filesz, &left, ret);
		else if (p.type == PT_NOTE)
			find_id(fd, p.p32.p_offset, p.p32.p_filesz, &left, ret);
	}
}
