// SPDX-License-Identifier: MIT
#include "lib/unwind/modules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "images/regfile.pb-c.h"

/* Of one file, out of memory. */
#define MEMORY_MAX (UINT64_C(256) << 20)

/* A process with more is not asked about the others. */
#define MODULES_MAX 4096

struct cr_error *cr_modules_init(struct cr_modules *modules,
				 struct cr_pages *pages, uint16_t machine)
{
	*modules = (struct cr_modules){ .pages = pages, .machine = machine };
	modules->of = calloc(pages->space.nr + 1, sizeof(modules->of[0]));
	return modules->of ? NULL : cr_enomem;
}

static void destroy(struct cr_module *module)
{
	cr_cfi_deinit(&module->frames[0]);
	cr_cfi_deinit(&module->frames[1]);
	cr_elf_file_close(&module->file);
	cr_error_free(module->fault);
	free(module->name);
	free(module);
}

void cr_modules_deinit(struct cr_modules *modules)
{
	while (modules->all) {
		struct cr_module *next = modules->all->next;
		destroy(modules->all);
		modules->all = next;
	}
	free(modules->of);
	*modules = (struct cr_modules){ 0 };
}

/* ---- the file that was mapped ---- */

static void format_id(char text[2 * CR_ELF_BUILD_ID_MAX + 1], const void *id,
		      size_t size)
{
	const uint8_t *p = id;
	text[0] = 0;
	for (size_t i = 0; i < size && i < CR_ELF_BUILD_ID_MAX; i++)
		sprintf(text + 2 * i, "%02x", p[i]);
}

/* What the image says of it, which may be nothing: opened->msg NULL. */
static struct cr_error *recorded(struct cr_modules *modules,
				 const struct cr_module *module,
				 struct cr_opened *opened)
{
	*opened = (struct cr_opened){ 0 };
	if (module->is_vdso)
		return NULL;
	return cr_files_get(&modules->pages->memory->files, FD_TYPES__REG,
			    (uint32_t)module->id, opened);
}

/* What a file in the sysroot differs in from the one that was mapped. */
static struct cr_error *compare(const struct cr_module *module,
				const RegFileEntry *e)
{
	char have[2 * CR_ELF_BUILD_ID_MAX + 1];
	char want[2 * CR_ELF_BUILD_ID_MAX + 1];
	const struct cr_elf_file *file = &module->file;
	if (e->has_size && e->size != file->size)
		return cr_error_new(CR_ERR_NOT_FOUND,
				    "the file in the sysroot has %zu bytes, "
				    "%llu were mapped",
				    file->size, (unsigned long long)e->size);
	/* CRIU keeps words, the last one filled up. */
	size_t size = file->build_id_size;
	if (!e->n_build_id || !size ||
	    ((size + 3) / 4 == e->n_build_id &&
	     !memcmp(file->build_id, e->build_id, size)))
		return NULL;
	format_id(have, file->build_id, size);
	format_id(want, e->build_id, 4 * e->n_build_id);
	return cr_error_new(CR_ERR_NOT_FOUND,
			    "the file in the sysroot has build-id %s, %s was "
			    "mapped",
			    have, want);
}

/* *ret_found: there is such a file, which need not be the right one. */
static struct cr_error *open_sysroot(struct cr_modules *modules,
				     struct cr_module *module,
				     const struct cr_vma *vma,
				     const RegFileEntry *e, bool *found_ret)
{
	int fd;
	struct cr_error *err =
		cr_memory_open_file(modules->pages->memory, vma, &fd);
	*found_ret = !err && fd >= 0;
	if (!*found_ret)
		return err;
	err = cr_elf_file_open(&module->file, fd);
	close(fd);
	if (!err && module->file.machine != modules->machine)
		err = cr_error_new(CR_ERR_NOT_FOUND,
				   "the file in the sysroot is for another "
				   "processor");
	if (!err && e)
		err = compare(module, e);
	if (err)
		cr_elf_file_close(&module->file);
	return err;
}

/* ---- what memory has of it ---- */

static bool is_of(const struct cr_module *module, const struct cr_vma *vma)
{
	if (module->is_vdso)
		return vma->status & CR_VMA_VDSO;
	return cr_vma_is_file(vma) && vma->shmid == module->id;
}

/* Where a byte of a mapping is in the file. */
static uint64_t off_of(const struct cr_module *module,
		       const struct cr_vma *vma, uint64_t vaddr)
{
	return vaddr - vma->start + (module->is_vdso ? 0 : vma->pgoff);
}

/* Calls fn for each run of a mapping whose bytes the image has. */
static struct cr_error *each_run(struct cr_modules *modules,
				 struct cr_module *module,
				 const struct cr_vma *vma,
				 struct cr_error *(*fn)(
					 struct cr_modules *modules,
					 struct cr_module *module,
					 const struct cr_run *run,
					 uint64_t off, uint64_t size))
{
	uint64_t at = vma->start;
	struct cr_error *err = NULL;
	while (!err && at < vma->end) {
		struct cr_run run;
		err = cr_pages_run(modules->pages, at, &run);
		if (err)
			return err;
		uint64_t end = run.end < vma->end ? run.end : vma->end;
		uint64_t off = off_of(module, vma, at);
		if (run.kind == CR_RUN_DATA && off < MEMORY_MAX &&
		    end - at <= MEMORY_MAX - off)
			err = fn(modules, module, &run, off, end - at);
		at = end;
	}
	return err;
}

static struct cr_error *measure(struct cr_modules *modules,
				struct cr_module *module,
				const struct cr_run *run, uint64_t off,
				uint64_t size)
{
	if (off + size > module->file.size)
		module->file.size = off + size;
	module->is_in_memory |= !off;
	return NULL;
}

static struct cr_error *gather(struct cr_modules *modules,
			       struct cr_module *module,
			       const struct cr_run *run, uint64_t off,
			       uint64_t size)
{
	return cr_pages_fill(modules->pages, run, run->start,
			     (uint8_t *)module->file.owned + off, size);
}

static struct cr_error *
each_mapping(struct cr_modules *modules, struct cr_module *module,
	     struct cr_error *(*fn)(struct cr_modules *modules,
				    struct cr_module *module,
				    const struct cr_run *run, uint64_t off,
				    uint64_t size))
{
	const struct cr_space *space = &modules->pages->space;
	struct cr_error *err = NULL;
	for (size_t i = 0; i < space->nr && !err; i++)
		if (is_of(module, &space->vma[i]))
			err = each_run(modules, module, &space->vma[i], fn);
	return err;
}

/* Only if its header is there. */
static struct cr_error *open_memory(struct cr_modules *modules,
				    struct cr_module *module, bool *found_ret)
{
	struct cr_error *err = each_mapping(modules, module, measure);
	size_t size = module->file.size;
	*found_ret = !err && module->is_in_memory;
	module->file.size = 0;
	if (!*found_ret)
		return err;
	void *data = calloc(1, size);
	if (!data)
		return cr_enomem;
	module->file.owned = data;
	err = each_mapping(modules, module, gather);
	if (err) {
		cr_elf_file_close(&module->file);
		return err;
	}
	return cr_elf_file_take(&module->file, data, size);
}

/* ---- what is held of a deleted file ---- */

static struct cr_error *read_content(struct cr_modules *modules,
				     const struct cr_content *content,
				     uint8_t *data)
{
	struct cr_memory *memory = modules->pages->memory;
	struct cr_file *image;
	struct cr_error *err = cr_contents_file(&memory->contents, memory->set,
						content, &image);
	if (err)
		return err;
	for (size_t i = 0; i < content->nr && !err; i++)
		err = cr_file_read(image, data + content->piece[i].off,
				   content->piece[i].size,
				   content->piece[i].at);
	return err ? cr_error_at(err, "%s", content->image) : NULL;
}

/* All of it: more than what is mapped. */
static struct cr_error *open_ghost(struct cr_modules *modules,
				   struct cr_module *module, bool *found_ret)
{
	struct cr_memory *memory = modules->pages->memory;
	const struct cr_content *content = NULL;
	struct cr_error *err = NULL;
	if (module->id <= UINT32_MAX)
		err = cr_contents_ghost(&memory->contents, memory->set,
					(uint32_t)module->id, &content);
	*found_ret = content && content->size && content->size <= MEMORY_MAX;
	if (err || !*found_ret)
		return err;
	uint8_t *data = calloc(1, content->size);
	if (!data)
		return cr_enomem;
	err = read_content(modules, content, data);
	if (err) {
		free(data);
		return err;
	}
	return cr_elf_file_take(&module->file, data, content->size);
}

/* ---- modules ---- */

static void use_part(struct cr_module *module, struct cr_cfi *cfi,
		     const struct cr_elf_part *part, bool is_debug_frame)
{
	const struct cr_elf_file *file = &module->file;
	if (!part->data)
		return;
	struct cr_cfi_section s = {
		.data = part->data,
		.size = part->size,
		.vaddr = part->vaddr + module->bias,
		.is_debug_frame = is_debug_frame,
		.big_endian = file->big,
		.address_size = file->is64 ? 8 : 4,
		.bias = module->bias,
	};
	if (!is_debug_frame && file->eh_frame_hdr.data) {
		s.hdr = file->eh_frame_hdr.data;
		s.hdr_size = file->eh_frame_hdr.size;
		s.hdr_vaddr = file->eh_frame_hdr.vaddr + module->bias;
	}
	cr_cfi_init(cfi, &s);
}

/* What cannot be found, with its name and build-id. */
static struct cr_error *missing(const struct cr_modules *modules,
				const struct cr_module *module,
				const RegFileEntry *e, const char *why)
{
	char id[2 * CR_ELF_BUILD_ID_MAX + 1];
	format_id(id, e ? e->build_id : NULL, e ? 4 * e->n_build_id : 0);
	return cr_error_new(CR_ERR_NOT_FOUND, "%s%s%s: %s", module->name,
			    *id ? ", build-id " : "", id,
			    why ? why :
			    modules->pages->memory->sysroot_fd < 0 ?
				  "not in the images, and no sysroot was given" :
				  "neither in the sysroot nor in the images");
}

static struct cr_error *find_file(struct cr_modules *modules,
				  struct cr_module *module,
				  const struct cr_vma *vma,
				  const RegFileEntry *e)
{
	bool found = false;
	struct cr_error *err = NULL, *other;
	if (!module->is_vdso)
		err = open_ghost(modules, module, &found);
	if (!module->is_vdso && !found && !err)
		err = open_sysroot(modules, module, vma, e, &found);
	if ((found && !err) || err == cr_enomem)
		return err;
	other = open_memory(modules, module, &found);
	/* Of what was read only, an image may have a page or two. */
	if (!other && found && !module->file.eh_frame.data && !module->is_vdso) {
		cr_elf_file_close(&module->file);
		found = false;
	}
	if (other || found) {
		cr_error_free(err);
		return other;
	}
	other = missing(modules, module, e, err ? cr_error_text(err) : NULL);
	cr_error_free(err);
	return other;
}

static struct cr_error *load(struct cr_modules *modules,
			     struct cr_module *module,
			     const struct cr_vma *vma)
{
	struct cr_opened opened = { 0 };
	struct cr_error *err =
		cr_memory_name(modules->pages->memory, vma, &module->name);
	if (!err)
		err = recorded(modules, module, &opened);
	if (err)
		return err;
	err = find_file(modules, module, vma,
			(const RegFileEntry *)opened.msg);
	cr_opened_free(&opened);
	if (!err && !cr_elf_file_bias(&module->file,
				      off_of(module, vma, vma->start),
				      vma->start, vma->prot & PROT_EXEC,
				      &module->bias))
		err = cr_error_new(CR_ERR_FORMAT,
				   "%s: no segment is what is mapped at 0x%llx",
				   module->name,
				   (unsigned long long)vma->start);
	if (err == cr_enomem)
		return err;
	module->fault = err;
	if (!err) {
		use_part(module, &module->frames[0], &module->file.eh_frame,
			 false);
		use_part(module, &module->frames[1],
			 &module->file.debug_frame, true);
	}
	return NULL;
}

/* A module that the mapping is of, and in the same place. */
static bool is_same(const struct cr_module *module, const struct cr_vma *vma)
{
	uint64_t bias;
	if (!is_of(module, vma))
		return false;
	return module->fault ||
	       (cr_elf_file_bias(&module->file,
				 off_of(module, vma, vma->start), vma->start,
				 vma->prot & PROT_EXEC, &bias) &&
		bias == module->bias);
}

static struct cr_error *find_module(struct cr_modules *modules,
				    const struct cr_vma *vma,
				    struct cr_module **ret)
{
	for (struct cr_module *m = modules->all; m; m = m->next)
		if (is_same(m, vma)) {
			*ret = m;
			return NULL;
		}
	if (modules->nr == MODULES_MAX)
		return NULL;
	struct cr_module *module = calloc(1, sizeof(*module));
	if (!module)
		return cr_enomem;
	module->is_vdso = vma->status & CR_VMA_VDSO;
	module->id = vma->shmid;
	struct cr_error *err = load(modules, module, vma);
	if (err) {
		destroy(module);
		return err;
	}
	module->next = modules->all;
	modules->all = module;
	modules->nr++;
	*ret = module;
	return NULL;
}

const struct cr_vma *cr_modules_vma(const struct cr_modules *modules,
				    uint64_t vaddr)
{
	const struct cr_space *space = &modules->pages->space;
	size_t i = cr_space_find(space, vaddr);
	if (i == space->nr || vaddr < space->vma[i].start)
		return NULL;
	return &space->vma[i];
}

struct cr_error *cr_modules_find(struct cr_modules *modules, uint64_t vaddr,
				 struct cr_module **ret)
{
	const struct cr_vma *vma = cr_modules_vma(modules, vaddr);
	*ret = NULL;
	if (!vma || !(vma->status & CR_VMA_VDSO || cr_vma_is_file(vma)))
		return NULL;
	struct cr_module **of =
		&modules->of[vma - modules->pages->space.vma];
	struct cr_error *err =
		*of ? NULL : find_module(modules, vma, of);
	*ret = *of;
	return err;
}

struct cr_error *cr_module_frames(struct cr_module *module, uint64_t vaddr,
				  struct cr_fde *ret, struct cr_cfi **cfi_ret)
{
	struct cr_error *err = NULL;
	if (module->fault)
		return cr_error_new(CR_ERR_NOT_FOUND, "%s",
				    cr_error_text(module->fault));
	for (int i = 0; i < 2; i++) {
		struct cr_cfi *cfi = &module->frames[i];
		if (!cfi->section.data)
			continue;
		cr_error_free(err);
		*cfi_ret = cfi;
		err = cr_cfi_find(cfi, vaddr, ret);
		if (!err)
			return NULL;
	}
	if (!err)
		err = cr_error_new(CR_ERR_NOT_FOUND, "no call frame tables");
	return cr_error_at(err, "%s", module->name);
}

struct cr_error *cr_module_symbol(struct cr_module *module, uint64_t vaddr,
				  const struct cr_elf_symbol **ret,
				  uint64_t *off_ret)
{
	*ret = NULL;
	if (module->fault)
		return NULL;
	struct cr_error *err = cr_elf_file_symbol(
		&module->file, vaddr - module->bias, ret);
	if (!err && *ret)
		*off_ret = vaddr - module->bias - (*ret)->start;
	return err;
}
