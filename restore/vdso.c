// SPDX-License-Identifier: MIT
#include "restore/vdso.h"

#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

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

static struct cr_error *compare(struct cr_proc *proc, const void *ours,
				size_t size)
{
	cr_auto_free void *theirs = malloc(size);
	struct cr_error *err = NULL;
	if (!theirs)
		return cr_enomem;
	bool is = proc->vdso_code_size == size;
	if (is)
		err = cr_pages_read(&proc->pages, proc->vdso_code, theirs, size);
	if (err)
		return cr_error_at(err, "the vdso");
	if (is && (is_same(theirs, ours, size) ||
		   (!is_inside(proc) &&
		    cr_vdso_fits(theirs, ours, size, &cr_native.trampoline))))
		return NULL;
	return cr_error_new(CR_ERR_UNSUPPORTED,
			    "its vdso is not that of this kernel, and has its "
			    "functions at other places");
}

static struct cr_error *check(const struct cr_maps *own, struct cr_proc *proc)
{
	uint64_t start, end, size = proc->vdso_end - proc->vdso;
	cr_maps_vdso(own, &start, &end);
	if (size != end - start)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "vvar and vdso have %llu bytes, those of "
				    "this kernel have %llu",
				    (unsigned long long)size,
				    (unsigned long long)(end - start));
	for (size_t i = 0; i < own->nr; i++) {
		const struct cr_area *a = own->area + i;
		if (a->kind == CR_AREA_VDSO)
			return compare(proc, (const void *)(uintptr_t)a->start,
				       a->end - a->start);
	}
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
