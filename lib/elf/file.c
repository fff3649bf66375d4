// SPDX-License-Identifier: MIT
#include "lib/elf/file.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <gelf.h>
#include <libelf.h>

#include "lib/base/cursor.h"
#include "lib/elf/libelf.h"

#ifndef GNU_PROPERTY_AARCH64_FEATURE_1_AND
#define GNU_PROPERTY_AARCH64_FEATURE_1_AND 0xc0000000
#endif
#ifndef GNU_PROPERTY_X86_FEATURE_1_AND
#define GNU_PROPERTY_X86_FEATURE_1_AND 0xc0000002
#endif

#define MAX_SEGMENTS 4096

// What is called of libelf.
// clang-format off
#define CALLS(_) _(elf_memory) _(elf_end) _(gelf_getehdr) _(elf_getphdrnum) \
	_(gelf_getphdr) _(elf_getshdrstrndx) _(elf_nextscn) _(elf_getscn) \
	_(gelf_getshdr) _(elf_getdata) _(gelf_getsym) _(elf_strptr) \
	_(gelf_getchdr) _(elf_compress)
// clang-format on

struct cr_elf_calls {
#define MEMBER(name) __typeof__(name) *name;
	CALLS(MEMBER)
#undef MEMBER
};

static struct cr_error *find_calls(struct cr_elf_file *file)
{
	void *lib;
	struct cr_error *err = cr_libelf_open(&lib);
	if (err)
		return err;
	struct cr_elf_calls *calls = calloc(1, sizeof(*calls));
	if (!calls)
		return cr_enomem;
	file->calls = calls;
#define FIND(name)                          \
	calls->name = CR_LIBELF(lib, name); \
	if (!calls->name)                   \
		return cr_libelf_too_old();
	CALLS(FIND)
#undef FIND
	return NULL;
}

/* Bytes of the file from off on; NULL if it does not have them all. */
static const uint8_t *bytes_at(const struct cr_elf_file *file, uint64_t off,
			       uint64_t size)
{
	if (off > file->size || size > file->size - off)
		return NULL;
	return file->data + off;
}

static struct cr_elf_part part_at(const struct cr_elf_file *file, uint64_t off,
				  uint64_t size, uint64_t vaddr)
{
	const uint8_t *data = bytes_at(file, off, size);
	return (struct cr_elf_part){ data, data ? (size_t)size : 0, vaddr };
}

/* ---- notes ---- */

/* The property that counts, of a list of type, size and value. */
static void read_properties(struct cr_elf_file *file, const uint8_t *data,
			    size_t size)
{
	struct cr_cursor c = cr_cursor_init(data, size, file->big);
	uint32_t wanted = file->machine == EM_AARCH64 ?
				  GNU_PROPERTY_AARCH64_FEATURE_1_AND :
				  GNU_PROPERTY_X86_FEATURE_1_AND;
	unsigned align = file->is64 ? 8 : 4;
	while (cr_cursor_left(&c) >= 8) {
		uint64_t type = cr_cursor_uint(&c, 4);
		uint64_t n = cr_cursor_uint(&c, 4);
		struct cr_cursor value = c;
		cr_cursor_take(&c, n);
		cr_cursor_take(&c, -n % align);
		if (type == wanted && n == 4)
			file->features = (uint32_t)cr_cursor_uint(&value, 4);
	}
}

static void read_notes(struct cr_elf_file *file, const uint8_t *data,
		       size_t size, uint64_t align)
{
	struct cr_cursor c = cr_cursor_init(data, size, file->big);
	align = align == 8 ? 8 : 4;
	while (cr_cursor_left(&c) >= 12) {
		uint64_t name_size = cr_cursor_uint(&c, 4);
		uint64_t n = cr_cursor_uint(&c, 4);
		uint64_t type = cr_cursor_uint(&c, 4);
		const uint8_t *name = cr_cursor_take(&c, name_size);
		cr_cursor_take(&c, -(12 + name_size) % align);
		const uint8_t *desc = cr_cursor_take(&c, n);
		bool is_gnu = desc && name && name_size == 4 &&
			      !memcmp(name, "GNU", 4);
		if (is_gnu && type == NT_GNU_BUILD_ID && n &&
		    n <= CR_ELF_BUILD_ID_MAX && !file->build_id_size) {
			memcpy(file->build_id, desc, n);
			file->build_id_size = n;
		} else if (is_gnu && type == NT_GNU_PROPERTY_TYPE_0) {
			read_properties(file, desc, n);
		}
		/* What ends the section may lack its padding. */
		if (cr_cursor_left(&c) >= -n % align)
			cr_cursor_take(&c, -n % align);
	}
}

/* ---- headers ---- */

static void use_segment(struct cr_elf_file *file, const GElf_Phdr *p)
{
	struct cr_elf_part part =
		part_at(file, p->p_offset, p->p_filesz, p->p_vaddr);
	if (p->p_type == PT_LOAD)
		file->segment[file->nr_segments++] = (struct cr_elf_segment){
			p->p_offset, p->p_vaddr, p->p_filesz,
			p->p_flags & PF_X
		};
	if (p->p_type == PT_NOTE && part.data)
		read_notes(file, part.data, part.size, p->p_align);
	if (p->p_type == PT_GNU_EH_FRAME)
		file->eh_frame_hdr = part;
}

static struct cr_error *read_segments(struct cr_elf_file *file)
{
	size_t nr;
	if (file->calls->elf_getphdrnum(file->elf, &nr))
		nr = 0;
	if (nr > MAX_SEGMENTS)
		return cr_error_new(CR_ERR_FORMAT, "%zu program headers", nr);
	file->segment = calloc(nr + 1, sizeof(file->segment[0]));
	if (!file->segment)
		return cr_enomem;
	for (size_t i = 0; i < nr; i++) {
		GElf_Phdr p;
		if (file->calls->gelf_getphdr(file->elf, (int)i, &p))
			use_segment(file, &p);
	}
	return NULL;
}

/* A section that is packed, as linkers of Go do it. It may not claim to be out of
 * all proportion; libelf keeps what comes of it until its end. */
static struct cr_elf_part expand(const struct cr_elf_file *file, Elf_Scn *scn,
				 const GElf_Shdr *s)
{
	const uint64_t ratio_max = 64, size_max = 64u << 20;
	const struct cr_elf_calls *calls = file->calls;
	struct cr_elf_part none = { 0 };
	GElf_Chdr c;
	if (!bytes_at(file, s->sh_offset, s->sh_size) ||
	    !calls->gelf_getchdr(scn, &c) || c.ch_size > size_max ||
	    c.ch_size / ratio_max > s->sh_size ||
	    calls->elf_compress(scn, 0, 0) < 0)
		return none;
	Elf_Data *data = calls->elf_getdata(scn, NULL);
	if (!data || !data->d_buf)
		return none;
	return (struct cr_elf_part){ data->d_buf, data->d_size, s->sh_addr };
}

static void use_section(struct cr_elf_file *file, const char *name,
			Elf_Scn *scn, const GElf_Shdr *s)
{
	struct cr_elf_part *part =
		!strcmp(name, ".eh_frame")     ? &file->eh_frame :
		!strcmp(name, ".eh_frame_hdr") ? &file->eh_frame_hdr :
		!strcmp(name, ".debug_frame")  ? &file->debug_frame :
						 NULL;
	if (!part || s->sh_type == SHT_NOBITS)
		return;
	if (s->sh_flags & SHF_COMPRESSED)
		*part = expand(file, scn, s);
	else
		*part = part_at(file, s->sh_offset, s->sh_size, s->sh_addr);
}

static void read_sections(struct cr_elf_file *file)
{
	const struct cr_elf_calls *calls = file->calls;
	size_t names;
	if (calls->elf_getshdrstrndx(file->elf, &names))
		return;
	for (Elf_Scn *scn = NULL;
	     (scn = calls->elf_nextscn(file->elf, scn));) {
		GElf_Shdr s;
		const char *name = NULL;
		if (calls->gelf_getshdr(scn, &s))
			name = calls->elf_strptr(file->elf, names, s.sh_name);
		if (name)
			use_section(file, name, scn, &s);
	}
}

/* The table that the header of PT_GNU_EH_FRAME leads to; it ends where its
 * segment does, or at its own mark before. */
static void follow_header(struct cr_elf_file *file)
{
	const struct cr_elf_part *hdr = &file->eh_frame_hdr;
	const unsigned pcrel_sdata4 = 0x1b;
	if (!hdr->data)
		return;
	struct cr_cursor c = cr_cursor_init(hdr->data, hdr->size, file->big);
	if (cr_cursor_uint(&c, 1) != 1 ||
	    cr_cursor_uint(&c, 1) != pcrel_sdata4 || !cr_cursor_take(&c, 2))
		return;
	uint64_t vaddr = hdr->vaddr + 4 + (uint64_t)cr_cursor_int(&c, 4);
	for (size_t i = 0; i < file->nr_segments && !c.failed; i++) {
		const struct cr_elf_segment *s = &file->segment[i];
		uint64_t at = vaddr - s->vaddr, off;
		if (vaddr < s->vaddr || at >= s->file_size ||
		    __builtin_add_overflow(s->off, at, &off))
			continue;
		uint64_t size = s->file_size - at;
		/* What the process's memory had of it may be less. */
		if (off < file->size && size > file->size - off)
			size = file->size - off;
		file->eh_frame = part_at(file, off, size, vaddr);
	}
}

static struct cr_error *read_headers(struct cr_elf_file *file)
{
	GElf_Ehdr h;
	if (file->size < SELFMAG || memcmp(file->data, ELFMAG, SELFMAG))
		return cr_error_new(CR_ERR_FORMAT, "not an ELF file");
	struct cr_error *err = find_calls(file);
	if (err)
		return err;
	file->elf = file->calls->elf_memory((char *)(uintptr_t)file->data,
					    file->size);
	if (!file->elf || !file->calls->gelf_getehdr(file->elf, &h))
		return cr_error_new(CR_ERR_FORMAT, "a broken ELF file");
	file->machine = h.e_machine;
	file->is64 = h.e_ident[EI_CLASS] == ELFCLASS64;
	file->big = h.e_ident[EI_DATA] == ELFDATA2MSB;
	err = read_segments(file);
	if (err)
		return err;
	read_sections(file);
	if (!file->eh_frame.data)
		follow_header(file);
	return NULL;
}

/* ---- open, close ---- */

static struct cr_error *map(struct cr_elf_file *file, int fd)
{
	struct stat st;
	if (fstat(fd, &st))
		return cr_error_sys("stat");
	if (!S_ISREG(st.st_mode) || st.st_size <= 0)
		return cr_error_new(CR_ERR_FORMAT, "not an ELF file");
	/* libelf writes to the header of a section that it expands. */
	void *data = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return cr_error_sys("mmap");
	file->data = data;
	file->size = (size_t)st.st_size;
	file->is_mapped = true;
	return NULL;
}

static struct cr_error *or_close(struct cr_elf_file *file,
				 struct cr_error *err)
{
	if (err)
		cr_elf_file_close(file);
	return err;
}

struct cr_error *cr_elf_file_open(struct cr_elf_file *file, int fd)
{
	*file = (struct cr_elf_file){ 0 };
	struct cr_error *err = map(file, fd);
	return or_close(file, err ? err : read_headers(file));
}

struct cr_error *cr_elf_file_take(struct cr_elf_file *file, void *data,
				  size_t size)
{
	*file = (struct cr_elf_file){ .data = data, .size = size,
				      .owned = data };
	return or_close(file, read_headers(file));
}

void cr_elf_file_close(struct cr_elf_file *file)
{
	if (file->elf)
		file->calls->elf_end(file->elf);
	if (file->is_mapped)
		munmap((void *)(uintptr_t)file->data, file->size);
	free((void *)(uintptr_t)file->calls);
	free(file->owned);
	free(file->segment);
	free(file->symbol);
	*file = (struct cr_elf_file){ 0 };
}

/* ---- addresses ---- */

/* How well a segment explains that the byte at off is mapped. Mappings are of
 * whole pages: what stands before a segment is mapped with it. */
static unsigned fits(const struct cr_elf_segment *s, uint64_t off, bool is_code)
{
	const uint64_t page = 65536; /* the largest there is */
	bool is_in = off >= s->off && off - s->off < s->file_size;
	bool is_before = off < s->off && s->off - off < page;
	if (!s->file_size || (!is_in && !is_before))
		return 0;
	return 1 + is_in + 2 * (s->is_code == is_code);
}

bool cr_elf_file_bias(const struct cr_elf_file *file, uint64_t off,
		      uint64_t vaddr, bool is_code, uint64_t *ret)
{
	unsigned best = 0;
	for (size_t i = 0; i < file->nr_segments; i++) {
		const struct cr_elf_segment *s = &file->segment[i];
		unsigned fit = fits(s, off, is_code);
		if (fit > best)
			*ret = vaddr - off + s->off - s->vaddr;
		best = fit > best ? fit : best;
	}
	return best > 0;
}

/* ---- symbols ---- */

static int by_start(const void *a, const void *b)
{
	const struct cr_elf_symbol *x = a, *y = b;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->is_sized != y->is_sized)
		return x->is_sized ? -1 : 1;
	if (x->end != y->end)
		return x->end > y->end ? -1 : 1;
	return strcmp(x->name, y->name);
}

static struct cr_error *add_table(struct cr_elf_file *file, Elf_Scn *scn,
				  const GElf_Shdr *s)
{
	const struct cr_elf_calls *calls = file->calls;
	Elf_Data *data = calls->elf_getdata(scn, NULL);
	size_t entry = file->is64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	size_t nr = data && data->d_buf ? data->d_size / entry : 0;
	void *more = realloc(file->symbol, (file->nr_symbols + nr + 1) *
						   sizeof(file->symbol[0]));
	if (!more)
		return cr_enomem;
	file->symbol = more;
	for (size_t i = 0; i < nr; i++) {
		GElf_Sym sym;
		if (!calls->gelf_getsym(data, (int)i, &sym) ||
		    sym.st_shndx == SHN_UNDEF || !sym.st_value)
			continue;
		unsigned type = GELF_ST_TYPE(sym.st_info);
		if (type != STT_FUNC && type != STT_GNU_IFUNC &&
		    (type != STT_NOTYPE || sym.st_shndx >= SHN_LORESERVE))
			continue;
		const char *name =
			calls->elf_strptr(file->elf, s->sh_link, sym.st_name);
		/* "$x": where code begins, of AArch64 */
		if (!name || !*name || *name == '$')
			continue;
		file->symbol[file->nr_symbols++] = (struct cr_elf_symbol){
			sym.st_value, sym.st_value + sym.st_size, name,
			sym.st_size && sym.st_value + sym.st_size > sym.st_value
		};
	}
	return NULL;
}

/* One name an address; what has no size reaches to the next. */
static void settle(struct cr_elf_file *file)
{
	struct cr_elf_symbol *s = file->symbol;
	size_t nr = 0;
	if (file->nr_symbols)
		qsort(s, file->nr_symbols, sizeof(*s), by_start);
	for (size_t i = 0; i < file->nr_symbols; i++)
		if (!nr || s[nr - 1].start != s[i].start)
			s[nr++] = s[i];
	file->nr_symbols = nr;
	for (size_t i = 0; i < nr; i++)
		if (!s[i].is_sized)
			s[i].end = i + 1 < nr ? s[i + 1].start : s[i].start + 1;
}

static struct cr_error *load_symbols(struct cr_elf_file *file)
{
	const struct cr_elf_calls *calls = file->calls;
	struct cr_error *err = NULL;
	for (Elf_Scn *scn = NULL;
	     !err && (scn = calls->elf_nextscn(file->elf, scn));) {
		GElf_Shdr s;
		if (calls->gelf_getshdr(scn, &s) &&
		    (s.sh_type == SHT_SYMTAB || s.sh_type == SHT_DYNSYM))
			err = add_table(file, scn, &s);
	}
	file->has_symbols = !err;
	settle(file);
	return err;
}

struct cr_error *cr_elf_file_symbol(struct cr_elf_file *file, uint64_t vaddr,
				    const struct cr_elf_symbol **ret)
{
	struct cr_error *err =
		file->has_symbols ? NULL : load_symbols(file);
	size_t low = 0, high = file->nr_symbols;
	*ret = NULL;
	while (!err && low < high) {
		size_t middle = low + (high - low) / 2;
		if (file->symbol[middle].start <= vaddr)
			low = middle + 1;
		else
			high = middle;
	}
	if (!err && low && vaddr < file->symbol[low - 1].end)
		*ret = &file->symbol[low - 1];
	return err;
}
