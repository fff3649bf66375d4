// SPDX-License-Identifier: MIT
#include "restore/vdso.h"

#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/base/cleanup.h"
#include "restore/arch/arch.h"
#include "restore/maps.h"
#include "restore/steps.h"

/* ---- another build ---- */

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

static bool leads_to(const struct symbols *s, uint64_t from, uint64_t to,
		     const struct cr_trampoline *t)
{
	uint8_t code[sizeof(t->nop)];
	while (from < to && read_at(s, from, code, t->nop_size) &&
	       !memcmp(code, t->nop, t->nop_size))
		from += t->nop_size;
	return from == to;
}

bool cr_vdso_fits(const void *theirs, const void *ours, size_t size,
		  const struct cr_trampoline *t)
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
		if (was == is)
			continue;
		if (!t->name || strcmp(name, t->name) ||
		    !leads_to(&b, was, is, t))
			return false;
	}
	return true;
}

/* ---- jumps ---- */

static bool is_near(const struct cr_vdso_jump *jump, size_t nr, size_t size)
{
	for (size_t i = 0; i < nr; i++) {
		for (size_t j = 0; j < nr; j++) {
			if (jump[i].to != CR_VDSO_STAYS &&
			    jump[j].from > jump[i].from &&
			    jump[j].from - jump[i].from < size)
				return true;
		}
	}
	return false;
}

bool cr_vdso_jumps(const void *theirs, size_t size, const void *ours,
		   size_t our_size, size_t jump_size,
		   const struct cr_trampoline *t,
		   struct cr_vdso_jump ret[CR_VDSO_JUMPS_MAX], size_t *nr_ret)
{
	struct symbols a, b;
	struct cr_vdso_jump jump;
	const char *name;
	size_t nr = 0;
	if (!find_symbols(theirs, size, &a) || !find_symbols(ours, our_size, &b))
		return false;
	for (size_t i = 0; i < a.nr; i++) {
		if (!symbol(&a, i, &name, &jump.from))
			continue;
		if (nr == CR_VDSO_JUMPS_MAX || jump.from > size ||
		    size - jump.from < jump_size)
			return false;
		if (t->name && !strcmp(name, t->name))
			jump.to = CR_VDSO_STAYS;
		else if (!find(&b, name, &jump.to) || jump.to >= our_size)
			return false;
		ret[nr++] = jump;
	}
	*nr_ret = nr;
	return nr && !is_near(ret, nr, jump_size);
}

/* ---- that of a process ---- */

// The build id of an ELF image, or NULL.
static const void *build_id(const void *elf, size_t size)
{
	static const uint8_t note[] = {
		4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0, 'G', 'N', 'U', 0
	};
	const uint8_t *p = memmem(elf, size, note, sizeof(note));
	const uint8_t *end = (const uint8_t *)elf + size;
	if (!p || (size_t)(end - p) < sizeof(note) + 20)
		return NULL;
	return p + sizeof(note);
}

static bool is_same(const void *theirs, const void *ours, size_t size)
{
	const void *a = build_id(theirs, size), *b = build_id(ours, size);
	return a && b && !memcmp(a, b, 20);
}

// Whether a thread is in the vdso, of which only its functions' places are known.
static bool is_inside(const struct cr_proc *proc)
{
	cr_proc_each_thread(thread, proc) {
		uint64_t ip = cr_native.ip(thread->core);
		if (ip >= proc->vdso_code &&
		    ip - proc->vdso_code < proc->vdso_code_size)
			return true;
	}
	return false;
}

// Its vdso as a plain mapping, at its place among the others.
static void add_mapping(struct cr_proc *proc)
{
	size_t at = 0, i = 0;
	while (proc->mm.vma[i]->start != proc->vdso_code)
		i++;
	while (at < proc->nr_mappings &&
	       proc->mapping[at].vma->start < proc->vdso_code)
		at++;
	memmove(proc->mapping + at + 1, proc->mapping + at,
		(proc->nr_mappings - at) * sizeof(proc->mapping[0]));
	proc->mapping[at] = (struct cr_mapping){ .vma = proc->mm.vma[i],
						 .i = i,
						 .filled = true };
	proc->nr_mappings++;
}

static const struct cr_area *code_of(const struct cr_maps *own)
{
	for (size_t i = 0; i < own->nr; i++) {
		if (own->area[i].kind == CR_AREA_VDSO)
			return own->area + i;
	}
	return NULL;
}

// Whatever an image says; that of a kernel has two or three pages.
#define SIZE_MAX_OF_THEIRS 0x40000

static bool can_lead(const void *theirs, size_t size, const void *ours,
		     size_t our_size)
{
	struct cr_vdso_jump jump[CR_VDSO_JUMPS_MAX];
	size_t nr;
	return cr_native.jump_size &&
	       cr_vdso_jumps(theirs, size, ours, our_size, cr_native.jump_size,
			     &cr_native.trampoline, jump, &nr);
}

static struct cr_error *check(const struct cr_maps *own, struct cr_proc *proc)
{
	uint64_t start, end;
	size_t size = proc->vdso_code_size;
	const struct cr_area *area = code_of(own);
	if (!area || !size || size > SIZE_MAX_OF_THEIRS)
		return cr_error_new(CR_ERR_UNSUPPORTED, "%s has no vdso",
				    area ? "it" : "this kernel");
	const void *ours = (const void *)(uintptr_t)area->start; // NOLINT
	size_t our_size = area->end - area->start;
	cr_auto_free void *theirs = malloc(size);
	if (!theirs)
		return cr_enomem;
	struct cr_error *err =
		cr_pages_read(&proc->pages, proc->vdso_code, theirs, size);
	if (err)
		return cr_error_at(err, "the vdso");
	cr_maps_vdso(own, &start, &end);
	bool alike = proc->vdso_end - proc->vdso == end - start &&
		     size == our_size;
	if (alike && is_same(theirs, ours, size))
		return NULL;
	if (is_inside(proc))
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "its vdso is not that of this kernel, and a "
				    "thread is inside of it");
	if (alike && cr_vdso_fits(theirs, ours, size, &cr_native.trampoline))
		return NULL;
	if (!can_lead(theirs, size, ours, our_size))
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "its vdso is not that of this kernel, and "
				    "its functions cannot be led there");
	add_mapping(proc);
	proc->vdso_leads = true;
	return NULL;
}

struct cr_error *cr_vdso_lead(struct cr_restore *run, struct cr_proc *proc)
{
	struct cr_vdso_jump jump[CR_VDSO_JUMPS_MAX];
	size_t nr = 0, size = proc->vdso_code_size;
	uint8_t *theirs = (uint8_t *)(uintptr_t)proc->vdso_code; // NOLINT
	const struct cr_area *area = code_of(run->plan->own);
	const void *ours = (const void *)(uintptr_t)area->start; // NOLINT
	if (!cr_vdso_jumps(theirs, size, ours, area->end - area->start,
			   cr_native.jump_size, &cr_native.trampoline, jump,
			   &nr))
		return cr_error_new(CR_ERR_INTERNAL, "no way to our vdso");
	if (mprotect(theirs, size, PROT_READ | PROT_WRITE))
		return cr_error_sys("write to its vdso");
	for (size_t i = 0; i < nr; i++) {
		if (jump[i].to != CR_VDSO_STAYS)
			cr_native.jump(theirs + jump[i].from,
				       area->start + jump[i].to);
	}
	if (mprotect(theirs, size, PROT_READ | PROT_EXEC))
		return cr_error_sys("protect its vdso");
	__builtin___clear_cache((char *)theirs, (char *)theirs + size);
	return NULL;
}

static struct cr_error *look(struct cr_rplan *plan)
{
	plan->own = calloc(1, sizeof(*plan->own));
	if (!plan->own)
		return cr_enomem;
	cr_auto_close int proc_fd =
		open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc_fd < 0)
		return cr_error_sys("/proc");
	return cr_maps_read(proc_fd, "self", plan->own);
}

struct cr_error *cr_vdso_plan(struct cr_rplan *plan, struct cr_proc *proc)
{
	if (!plan->own) {
		struct cr_error *err = look(plan);
		if (err)
			return cr_rplan_lacks(plan, err);
	}
	if (proc->zombie || plan->options->any_host)
		return NULL;
	struct cr_error *err = check(plan->own, proc);
	if (err)
		err = cr_error_at(err, "mm-%u.img: entry 0",
				  (unsigned)proc->vpid);
	return cr_rplan_lacks(plan, err);
}
