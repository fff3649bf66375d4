// SPDX-License-Identifier: MIT
#include "lib/store/libarchive.h"

#include <dlfcn.h>
#include <string.h>

#define SONAME	"libarchive.so.13"
#define PACKAGE "libarchive13"

struct cr_error *cr_libarchive_load(const struct cr_libarchive_row *rows,
				    void *functions)
{
	/* Libraries below it do not expect to leave. */
	void *handle = dlopen(SONAME, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
	struct cr_error *err = NULL;
	if (!handle)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "archives are read by " SONAME
				    ", which cannot be loaded (Debian: "
				    "package " PACKAGE ")");
	for (; !err && rows->name; rows++) {
		void *symbol = dlsym(handle, rows->name);
		if (!symbol)
			err = cr_error_new(CR_ERR_UNSUPPORTED,
					   SONAME " has no %s", rows->name);
		else
			memcpy((char *)functions + rows->off, &symbol,
			       sizeof(symbol));
	}
	dlclose(handle);
	return err;
}
