// SPDX-License-Identifier: MIT
#include "lib/unwind/text.h"

#include <endian.h>
#include <string.h>

#include "lib/pages/scan.h"

struct count {
	struct cr_modules *modules;
	struct cr_text_use *use;
};

static struct cr_error *is_elsewhere(struct cr_modules *modules,
				     uint64_t vaddr, bool *is_ret)
{
	struct cr_module *module;
	struct cr_fde fde;
	struct cr_cfi *cfi;
	*is_ret = false;
	struct cr_error *err = cr_modules_find(modules, vaddr, &module);
	if (err || !module || module->fault ||
	    !(module->file.eh_frame.size || module->file.debug_frame.size))
		return err;
	err = cr_module_frames(module, vaddr, &fde, &cfi);
	*is_ret = cr_error_catch(&err, CR_ERR_NOT_FOUND);
	/* Tables that are broken do not tell. */
	cr_error_catch(&err, CR_ERR_FORMAT);
	return err;
}

static struct cr_error *take(const struct count *c, enum cr_pac_code code,
			     uint64_t vaddr)
{
	bool is_any = code == CR_PAC_CODE_REGISTER ||
		      code == CR_PAC_CODE_GENERIC;
	bool elsewhere = false;
	struct cr_error *err =
		is_any ? is_elsewhere(c->modules, vaddr, &elsewhere) : NULL;
	c->use->nr[code] += !elsewhere;
	c->use->nr_elsewhere += elsewhere;
	if (is_any && !elsewhere && !c->use->first)
		c->use->first = vaddr;
	return err;
}

static struct cr_error *count(void *arg, const struct cr_window *window)
{
	const struct count *c = arg;
	struct cr_error *err = NULL;
	c->use->size += window->size;
	for (size_t i = 0; !err && i + 4 <= window->size; i += 4) {
		uint32_t insn;
		memcpy(&insn, window->data + i, sizeof(insn));
		enum cr_pac_code code = cr_pac_code_of(le32toh(insn));
		if (code != CR_PAC_CODE_NONE)
			err = take(c, code, window->vaddr + i);
	}
	return err;
}

struct cr_error *cr_text_count(struct cr_modules *modules,
			       const struct cr_vma *vma,
			       struct cr_text_use *ret)
{
	struct count c = { modules, ret };
	*ret = (struct cr_text_use){ 0 };
	return cr_scan(modules->pages, vma->start, vma->end, 0, count, &c);
}
