// SPDX-License-Identifier: MIT
#include "lib/elf/libelf.h"

#include <dlfcn.h>
#include <stddef.h>

#include <libelf.h>

#define SONAME	"libelf.so.1"
#define PACKAGE "libelf1"

struct cr_error *cr_libelf_open(void **ret)
{
	__typeof__(elf_version) *version;
	void *lib = dlopen(SONAME, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
	if (!lib)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "ELF files are read and written through "
				    SONAME ", which cannot be loaded (Debian: "
				    "package " PACKAGE ")");
	version = dlsym(lib, "elf_version");
	if (!version || version(EV_CURRENT) == EV_NONE)
		return cr_libelf_too_old();
	*ret = lib;
	return NULL;
}

struct cr_error *cr_libelf_too_old(void)
{
	return cr_error_new(CR_ERR_UNSUPPORTED, SONAME " is too old");
}
