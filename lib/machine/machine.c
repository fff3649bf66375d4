// SPDX-License-Identifier: MIT
#include "lib/machine/machine.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/machine/native.h"

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

static void copy(char *to, size_t room, const char *from)
{
	size_t size = strnlen(from, room - 1);
	memcpy(to, from, size);
	to[size] = 0;
}

/* The kernel's words: getauxval(3) gives those of the C library's own. */
static void look_auxv(struct cr_machine *m)
{
	unsigned long pair[2];
	FILE *f = fopen("/proc/self/auxv", "re");
	while (f && fread(pair, sizeof(pair), 1, f) == 1) {
		if (pair[0] == AT_HWCAP)
			m->hwcap = pair[1];
		else if (pair[0] == AT_HWCAP2)
			m->hwcap2 = pair[1];
		else if (pair[0] == AT_MINSIGSTKSZ)
			m->signal_stack = (uint32_t)pair[1];
	}
	if (f)
		fclose(f);
}

void cr_machine_look(struct cr_machine *ret)
{
	struct utsname name;
	*ret = (struct cr_machine){ 0 };
	if (!uname(&name)) {
		copy(ret->arch, sizeof(ret->arch), name.machine);
		copy(ret->kernel, sizeof(ret->kernel), name.release);
	}
	ret->page_size = (uint32_t)sysconf(_SC_PAGESIZE);
	look_auxv(ret);
	cr_native_look(ret);
}

struct cr_error *cr_machine_probe(struct cr_machine *ret, int limit_ms)
{
	cr_machine_look(ret);
	return cr_native_try(ret, limit_ms);
}

bool cr_machine_is_x86(const struct cr_machine *m)
{
	return !strcmp(m->arch, "x86_64");
}

bool cr_machine_is_aarch64(const struct cr_machine *m)
{
	return !strcmp(m->arch, "aarch64");
}

bool cr_lengths_has(const struct cr_lengths *lengths, uint32_t length)
{
	for (uint32_t i = 0; i < lengths->nr; i++)
		if (lengths->length[i] == length)
			return true;
	return false;
}

const char *cr_machine_pac_name(enum cr_machine_pac pac)
{
	static const char *const names[] = {
		[CR_MACHINE_PAC_NONE] = "none",
		[CR_MACHINE_PAC_QARMA5] = "qarma5",
		[CR_MACHINE_PAC_QARMA3] = "qarma3",
		[CR_MACHINE_PAC_IMPDEF] = "impdef",
	};
	return names[pac];
}

/* Linux arch/x86/include/asm/fpu/types.h, enum xfeature */
const char *cr_xstate_name(unsigned bit)
{
	static const char *const names[] = {
		"x87",	  "sse",      "avx",	    "bndregs",
		"bndcsr", "opmask",   "zmm_hi256",  "hi16_zmm",
		"pt",	  "pkru",     "pasid",	    "cet_user",
		"cet_kernel", "hdc",  "uintr",	    "lbr",
		"hwp",	  "amx_tilecfg", "amx_tiledata", "apx",
	};
	return bit < sizeof(names) / sizeof(names[0]) ? names[bit] : NULL;
}
