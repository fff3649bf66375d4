// SPDX-License-Identifier: MIT
#include "lib/ops/core.h"

#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "lib/ops/core/parts.h"

typedef unsigned long long ull;

void cr_dump_found(const struct cr_dump *dump, struct cr_error *err)
{
	if (err)
		dump->core->found(dump->core->arg, err);
}

/* ---- what the images say ---- */

static struct cr_error *load_leader(struct cr_dump *dump, uint32_t pid)
{
	const struct cr_task *task = cr_pstree_find(dump->core->tree, pid);
	if (!task)
		return cr_error_new(CR_ERR_NOT_FOUND,
				    "pstree.img: no process %u", pid);
	dump->task = task->entry;
	struct cr_error *err = cr_message_load(
		dump->core->memory->set, &core_entry__descriptor,
		&dump->leader, "core-%u.img", pid);
	if (err)
		return err;
	if (!dump->leader)
		return cr_error_new(CR_ERR_NOT_FOUND,
				    "core-%u.img: no such file", pid);
	if (cr_core_is_zombie(dump->leader))
		return cr_error_new(CR_ERR_NOT_FOUND,
				    "core-%u.img: was a zombie, which has no "
				    "memory",
				    pid);
	dump->arch = cr_arch_of(dump->leader);
	if (!dump->arch)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "core-%u.img: has no registers of a "
				    "processor that is known (mtype %s)",
				    pid, cr_core_march(dump->leader));
	return NULL;
}

/*
 * The vector up to its end. A 32-bit task's has been saved as if it were
 * one of 64 bits: two words in each number.
 */
static struct cr_error *keep_auxv(struct cr_dump *dump, const uint64_t *v,
				  size_t nr)
{
	bool packed = dump->arch->word == 4 && nr && v[0] > UINT32_MAX;
	dump->auxv = malloc((2 * nr + 2) * sizeof(dump->auxv[0]));
	if (!dump->auxv)
		return cr_enomem;
	for (size_t i = 0; i < nr; i++) {
		uint64_t high = v[i] >> 32, low = v[i] & UINT32_MAX;
		dump->auxv[dump->nr_auxv++] = packed ? low : v[i];
		if (packed)
			dump->auxv[dump->nr_auxv++] = high;
	}
	for (size_t i = 0; i + 1 < dump->nr_auxv; i += 2)
		if (dump->auxv[i] == AT_NULL)
			dump->nr_auxv = i + 2;
	return NULL;
}

static struct cr_error *load_mm(struct cr_dump *dump, uint32_t pid)
{
	MmEntry *mm;
	struct cr_error *err = cr_message_load(
		dump->core->memory->set, &mm_entry__descriptor, &mm,
		"mm-%u.img", pid);
	if (err)
		return err;
	if (!mm)
		return cr_error_new(CR_ERR_NOT_FOUND, "mm-%u.img: no such file",
				    pid);
	dump->arg_start = mm->mm_arg_start;
	dump->arg_end = mm->mm_arg_end;
	err = keep_auxv(dump, mm->mm_saved_auxv, mm->n_mm_saved_auxv);
	cr_message_free(mm);
	dump->hwcap = cr_dump_auxv(dump, AT_HWCAP);
	return err;
}

/* Where the highest mapping of its own ends. */
static uint64_t top_of(const struct cr_space *space)
{
	for (size_t i = space->nr; i > 0; i--)
		if (!(space->vma[i - 1].status & CR_VMA_VSYSCALL))
			return space->vma[i - 1].end;
	return 0;
}

/* The byte order stands in no image, but in the program that the kernel maps
 * into each process. */
static bool is_big(struct cr_dump *dump)
{
	uint8_t ident[EI_NIDENT];
	uint64_t vdso = cr_dump_auxv(dump, AT_SYSINFO_EHDR);
	if (!dump->arch->either || !vdso)
		return dump->arch->big;
	struct cr_error *err =
		cr_pages_read(&dump->pages, vdso, ident, sizeof(ident));
	if (err || memcmp(ident, ELFMAG, SELFMAG)) {
		cr_error_free(err);
		return dump->arch->big;
	}
	return ident[EI_DATA] == ELFDATA2MSB;
}

static struct cr_error *load(struct cr_dump *dump, uint32_t pid)
{
	struct cr_error *err = load_leader(dump, pid);
	if (!err)
		err = load_mm(dump, pid);
	if (!err)
		err = cr_pages_open(&dump->pages, dump->core->memory, pid);
	if (!err)
		err = cr_elf_init(&dump->elf, dump->arch->word == 8,
				  is_big(dump));
	if (err)
		return err;
	dump->va_bits =
		cr_arch_va_bits(dump->arch, top_of(&dump->pages.space));
	dump->buf = malloc(CR_SINK_BUF);
	cr_dump_find_signal(dump);
	return dump->buf ? NULL : cr_enomem;
}

/* ---- headers ---- */

struct layout {
	uint64_t nr; /* program headers */
	uint64_t notes, notes_size;
	uint64_t data;
};

static uint64_t align(uint64_t n, uint64_t to)
{
	return (n + to - 1) & ~(to - 1);
}

static struct cr_error *plan(struct cr_dump *dump, struct layout *ret)
{
	const struct cr_elf *elf = &dump->elf;
	struct cr_sink count = { .fd = -1 };
	struct cr_segments walk = { 0 };
	struct cr_segment seg;
	struct cr_error *err;
	*ret = (struct layout){ .nr = 1 };
	while (!(err = cr_segments_next(&walk, dump, &seg)) && seg.end)
		ret->nr++;
	if (!err)
		err = cr_dump_notes(dump, &count);
	ret->notes = cr_elf_ehdr_size(elf) + ret->nr * cr_elf_phdr_size(elf);
	if (ret->nr >= PN_XNUM)
		ret->notes += cr_elf_shdr_size(elf);
	ret->notes_size = count.off;
	ret->data = align(ret->notes + ret->notes_size,
			  dump->pages.space.page_size);
	return err;
}

static struct cr_error *put_ehdr(struct cr_dump *dump,
				 const struct layout *layout,
				 struct cr_sink *sink)
{
	uint8_t header[CR_ELF_MAX];
	const struct cr_elf *elf = &dump->elf;
	bool many = layout->nr >= PN_XNUM;
	Elf64_Ehdr h = {
		.e_type = ET_CORE,
		.e_machine = dump->arch->machine,
		.e_phoff = cr_elf_ehdr_size(elf),
		.e_flags = dump->arch->flags[elf->big],
		.e_phnum = many ? PN_XNUM : (Elf64_Half)layout->nr,
		.e_shoff = many ? layout->notes - cr_elf_shdr_size(elf) : 0,
		.e_shnum = many,
	};
	struct cr_error *err = cr_elf_ehdr(elf, &h, header);
	return err ? err : cr_sink_put(sink, header, cr_elf_ehdr_size(elf));
}

/* 32-bit files have no room for more than 4 GiB. */
static struct cr_error *check_room(const struct cr_elf *elf,
				   const Elf64_Phdr *h)
{
	const uint64_t max = UINT64_C(1) << 32;
	if (elf->is64)
		return NULL;
	if (h->p_vaddr >= max || h->p_memsz > max - h->p_vaddr)
		return cr_error_new(CR_ERR_FORMAT,
				    "the mapping at 0x%llx is beyond the "
				    "addresses of a 32-bit process",
				    (ull)h->p_vaddr);
	if (h->p_offset >= max || h->p_filesz >= max - h->p_offset)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "the core of a 32-bit process is limited "
				    "to 4 GiB");
	return NULL;
}

static struct cr_error *put_phdr(struct cr_dump *dump, const Elf64_Phdr *phdr,
				 struct cr_sink *sink)
{
	uint8_t header[CR_ELF_MAX];
	const struct cr_elf *elf = &dump->elf;
	struct cr_error *err = check_room(elf, phdr);
	if (!err)
		err = cr_elf_phdr(elf, phdr, header);
	return err ? err : cr_sink_put(sink, header, cr_elf_phdr_size(elf));
}

static uint32_t flags_of(uint32_t prot)
{
	return (prot & PROT_READ ? PF_R : 0) | (prot & PROT_WRITE ? PF_W : 0) |
	       (prot & PROT_EXEC ? PF_X : 0);
}

static struct cr_error *put_phdrs(struct cr_dump *dump,
				  const struct layout *layout,
				  struct cr_sink *sink)
{
	const uint32_t page_size = dump->pages.space.page_size;
	struct cr_segments walk = { 0 };
	struct cr_segment seg;
	uint64_t off = layout->data;
	struct cr_error *err = put_phdr(dump,
					&(Elf64_Phdr){
						.p_type = PT_NOTE,
						.p_offset = layout->notes,
						.p_filesz = layout->notes_size,
						.p_align = 4,
					},
					sink);
	while (!err && !(err = cr_segments_next(&walk, dump, &seg)) &&
	       seg.end) {
		Elf64_Phdr h = {
			.p_type = PT_LOAD,
			.p_flags = flags_of(seg.prot),
			.p_offset = off,
			.p_vaddr = seg.start,
			.p_filesz = seg.filesz,
			.p_memsz = seg.end - seg.start,
			.p_align = page_size,
		};
		err = put_phdr(dump, &h, sink);
		off = align(off + seg.filesz, page_size);
	}
	return err;
}

/* Section 0 says how many program headers there are if e_phnum cannot. */
static struct cr_error *put_shdr(struct cr_dump *dump,
				 const struct layout *layout,
				 struct cr_sink *sink)
{
	uint8_t header[CR_ELF_MAX];
	Elf64_Shdr h = { .sh_size = 1, .sh_info = (Elf64_Word)layout->nr };
	if (layout->nr < PN_XNUM)
		return NULL;
	if (layout->nr > UINT32_MAX)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "%llu segments are more than a core can "
				    "have",
				    (ull)layout->nr);
	struct cr_error *err = cr_elf_shdr(&dump->elf, &h, header);
	return err ? err
		   : cr_sink_put(sink, header, cr_elf_shdr_size(&dump->elf));
}

static struct cr_error *put_memory(struct cr_dump *dump, struct cr_sink *sink)
{
	const uint32_t page_size = dump->pages.space.page_size;
	struct cr_segments walk = { .report = true };
	struct cr_segment seg;
	struct cr_error *err = cr_sink_align(sink, page_size);
	while (!err && !(err = cr_segments_next(&walk, dump, &seg)) &&
	       seg.end) {
		err = cr_segment_write(&seg, dump, sink);
		if (!err)
			err = cr_sink_align(sink, page_size);
	}
	return err;
}

static struct cr_error *write_all(struct cr_dump *dump, struct cr_sink *sink)
{
	struct layout layout;
	struct cr_error *err = plan(dump, &layout);
	if (!err)
		err = put_ehdr(dump, &layout, sink);
	if (!err)
		err = put_phdrs(dump, &layout, sink);
	if (!err)
		err = put_shdr(dump, &layout, sink);
	if (!err)
		err = cr_dump_notes(dump, sink);
	if (!err)
		err = put_memory(dump, sink);
	return err ? err : cr_sink_finish(sink);
}

struct cr_error *cr_core_write(const struct cr_core *core, uint32_t pid, int fd,
			       bool sparse)
{
	struct cr_dump dump = { .core = core };
	struct cr_sink sink = { .fd = fd, .sparse = sparse };
	struct cr_error *err = load(&dump, pid);
	if (!err)
		sink.buf = malloc(CR_SINK_BUF);
	if (!err && !sink.buf)
		err = cr_enomem;
	if (!err)
		err = write_all(&dump, &sink);
	free(sink.buf);
	free(dump.buf);
	free(dump.auxv);
	cr_pages_close(&dump.pages);
	cr_message_free(dump.leader);
	return err;
}
