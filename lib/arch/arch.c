// SPDX-License-Identifier: MIT
#include "lib/arch/arch.h"

const struct cr_arch *const cr_arches[] = {
	&cr_arch_x86_64,  &cr_arch_i386,   &cr_arch_aarch64,
	&cr_arch_arm,	  &cr_arch_ppc64,  &cr_arch_s390x,
	&cr_arch_mips64,  &cr_arch_riscv64, &cr_arch_loongarch64,
	NULL,
};

#define BIT(signal) (UINT64_C(1) << ((signal) - 1))

/* SIGCHLD, CONT, STOP, TSTP, TTIN, TTOU, URG, WINCH */
const struct cr_arch_signals cr_arch_signals = {
	.harmless = BIT(17) | BIT(18) | BIT(19) | BIT(20) | BIT(21) | BIT(22) |
		    BIT(23) | BIT(28),
	.stop = 19,
};

const struct cr_arch *cr_arch_of(const CoreEntry *core)
{
	for (const struct cr_arch *const *a = cr_arches; *a; a++)
		if ((*a)->march == core->mtype && (*a)->is(core))
			return *a;
	return NULL;
}

unsigned cr_arch_va_bits(const struct cr_arch *arch, uint64_t top)
{
	const uint8_t *bits = arch->va_bits;
	if (!bits)
		return 0;
	while (bits[1] && top > UINT64_C(1) << bits[0])
		bits++;
	return bits[0];
}
