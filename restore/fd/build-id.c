// SPDX-License-Identifier: MIT
#include "restore/fd/build-id.h"

#include <elf.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define NR_HEADERS 256
#define NOTES_MAX  4096

/* A segment of notes. */
struct notes {
	uint64_t off, size;
};

static bool read_at(int fd, void *data, size_t size, uint64_t off)
{
	return off <= INT64_MAX &&
	       pread(fd, data, size, (off_t)off) == (ssize_t)size;
}

static size_t padded(uint32_t size)
{
	return ((size_t)size + 3) & ~(size_t)3;
}

// Size of the build-id among some notes, or 0. Both classes have notes alike.
static size_t find(const uint8_t *p, size_t left, uint8_t ret[CR_BUILD_ID_MAX])
{
	Elf64_Nhdr n;
	while (left >= sizeof(n)) {
		memcpy(&n, p, sizeof(n));
		p += sizeof(n);
		left -= sizeof(n);
		size_t name = padded(n.n_namesz), desc = padded(n.n_descsz);
		if (name > left || n.n_descsz > left - name)
			return 0;
		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == 4 &&
		    !memcmp(p, "GNU", 4) && n.n_descsz <= CR_BUILD_ID_MAX) {
			memcpy(ret, p + name, n.n_descsz);
			return n.n_descsz;
		}
		if (desc > left - name)
			return 0;
		p += name + desc;
		left -= name + desc;
	}
	return 0;
}

static size_t read_notes(int fd, struct notes at, uint8_t ret[CR_BUILD_ID_MAX])
{
	uint8_t notes[NOTES_MAX];
	size_t size = at.size < sizeof(notes) ? at.size : sizeof(notes);
	return read_at(fd, notes, size, at.off) ? find(notes, size, ret) : 0;
}

static bool notes64(int fd, const Elf64_Ehdr *e, unsigned i, struct notes *ret)
{
	Elf64_Phdr p;
	if (e->e_phentsize != sizeof(p) || e->e_phoff > INT64_MAX / 2 ||
	    !read_at(fd, &p, sizeof(p), e->e_phoff + i * sizeof(p)))
		return false;
	*ret = (struct notes){ p.p_offset, p.p_filesz };
	return p.p_type == PT_NOTE;
}

static bool notes32(int fd, const Elf32_Ehdr *e, unsigned i, struct notes *ret)
{
	Elf32_Phdr p;
	if (e->e_phentsize != sizeof(p) ||
	    !read_at(fd, &p, sizeof(p), e->e_phoff + i * sizeof(p)))
		return false;
	*ret = (struct notes){ p.p_offset, p.p_filesz };
	return p.p_type == PT_NOTE;
}

size_t cr_build_id(int fd, uint8_t ret[CR_BUILD_ID_MAX])
{
	union {
		unsigned char ident[EI_NIDENT];
		Elf64_Ehdr e64;
		Elf32_Ehdr e32;
	} h;
	memset(ret, 0, CR_BUILD_ID_MAX);
	if (!read_at(fd, &h, sizeof(h.e32), 0) ||
	    memcmp(h.ident, ELFMAG, SELFMAG))
		return 0;
	bool wide = h.ident[EI_CLASS] == ELFCLASS64;
	if (wide && !read_at(fd, &h, sizeof(h.e64), 0))
		return 0;
	unsigned nr = wide ? h.e64.e_phnum : h.e32.e_phnum;
	for (unsigned i = 0; i < nr && i < NR_HEADERS; i++) {
		struct notes at;
		bool is = wide ? notes64(fd, &h.e64, i, &at) :
				 notes32(fd, &h.e32, i, &at);
		size_t size = is ? read_notes(fd, at, ret) : 0;
		if (size)
			return size;
	}
	return 0;
}
