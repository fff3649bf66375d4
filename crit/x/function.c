// SPDX-License-Identifier: MIT
#include "crit/x/function.h"

void cr_cell_function(struct cr_x *x, struct cr_modules *modules, uint64_t pc,
		      bool is_exact)
{
	struct cr_module *module = NULL;
	const struct cr_elf_symbol *symbol = NULL;
	uint64_t off = 0, back = is_exact ? 0 : 1;
	if (pc)
		cr_x_fail(x, cr_modules_find(modules, pc - back, &module));
	if (module)
		cr_x_fail(x, cr_module_symbol(module, pc - back, &symbol,
					      &off));
	if (symbol)
		cr_cell_text(x, "%s+0x%llx", symbol->name,
			     (unsigned long long)(off + back));
	else if (pc)
		cr_cell_hex(x, pc);
	else
		cr_cell_none(x);
}

void cr_x_missing(struct cr_x *x, const struct cr_modules *modules,
		  uint32_t pid)
{
	for (const struct cr_module *m = modules->all; m; m = m->next)
		if (m->fault)
			cr_x_untold(x, cr_error_new(cr_error_code(m->fault),
						    "process %u: %s", pid,
						    cr_error_text(m->fault)));
}

void cr_x_scheme(struct cr_x *x, const struct cr_signs *signs)
{
	if (!signs->is_proved) {
		cr_x_null(x, "scheme");
		return;
	}
	cr_x_open(x, "scheme", '{');
	cr_x_string(x, "algorithm",
		    cr_pac_algorithm_name(signs->scheme.algorithm));
	cr_x_u64(x, "va_bits", signs->scheme.va_bits);
	cr_x_u64(x, "samples", signs->nr_samples);
	cr_x_u64(x, "matched", signs->nr_matched);
	cr_x_u64(x, "evidence", signs->evidence);
	cr_x_close(x, '}');
}

void cr_x_scheme_line(struct cr_x *x, const struct cr_signs *signs)
{
	cr_x_text(x,
		  "signed with %s, addresses of %u bits: so are %zu of %zu "
		  "samples, by chance once in 2^%u\n",
		  cr_pac_algorithm_name(signs->scheme.algorithm),
		  signs->scheme.va_bits, signs->nr_matched, signs->nr_samples,
		  signs->evidence);
}
