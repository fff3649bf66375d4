// SPDX-License-Identifier: MIT
#include "lib/elf/libelf.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>

#include <libelf.h>

#define SONAME	"libelf.so.1"
#define PACKAGE "libelf1"

static bool is_of_use(unsigned (*version)(unsigned))
{
	return version && version(EV_CURRENT) != EV_NONE;
}

#ifdef CR_STATIC
struct cr_error *cr_libelf_open(void **ret)
{
	*ret = NULL;
	return is_of_use(elf_version) ? NULL : cr_libelf_too_old();
}
#else
struct cr_error *cr_libelf_open(void **ret)
{
	void *lib = dlopen(SONAME, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
	if (!lib)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "ELF files are read and written through "
				    SONAME ", which cannot be loaded (Debian: "
				    "package " PACKAGE ")");
	*ret = lib;
	return is_of_use(CR_LIBELF(lib, elf_version)) ? NULL :
							cr_libelf_too_old();
}
#endif

struct cr_error *cr_libelf_too_old(void)
{
	return cr_error_new(CR_ERR_UNSUPPORTED, SONAME " is too old");
}
