// SPDX-License-Identifier: MIT
#include "restore/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/base/cleanup.h"

static enum cr_area_kind kind_of(const char *line)
{
	static const struct {
		const char *name;
		enum cr_area_kind kind;
	} names[] = {
		{ "[vdso]", CR_AREA_VDSO },
		{ "[vvar]", CR_AREA_VVAR },
		{ "[vvar_vclock]", CR_AREA_VVAR },
		{ "[vsyscall]", CR_AREA_VSYSCALL },
	};
	unsigned long long inode = 1;
	int at = 0;
	// Names of files may hold anything; these have no inode.
	if (!strchr(line, '[') ||
	    sscanf(line, "%*x-%*x %*s %*x %*x:%*x %llu %n", &inode, &at) < 1 ||
	    inode)
		return CR_AREA_OTHER;
	const char *name = line + at;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t size = strlen(names[i].name);
		if (!strncmp(name, names[i].name, size) &&
		    strchr("\n", name[size]))
			return names[i].kind;
	}
	return CR_AREA_OTHER;
}

static int prot_of(const char *line)
{
	const char *p = strchr(line, ' ');
	if (!p || strlen(p) < 4)
		return PROT_NONE;
	return (p[1] == 'r' ? PROT_READ : 0) | (p[2] == 'w' ? PROT_WRITE : 0) |
	       (p[3] == 'x' ? PROT_EXEC : 0);
}

static struct cr_error *add(struct cr_maps *maps, size_t *cap, const char *line)
{
	char *p;
	if (maps->nr == *cap) {
		*cap = *cap ? *cap * 2 : 64;
		void *more = reallocarray(maps->area, *cap,
					  sizeof(maps->area[0]));
		if (!more)
			return cr_enomem;
		maps->area = more;
	}
	struct cr_area *area = maps->area + maps->nr++;
	area->start = strtoull(line, &p, 16);
	area->end = *p == '-' ? strtoull(p + 1, NULL, 16) : 0;
	area->prot = prot_of(line);
	area->kind = kind_of(line);
	return NULL;
}

struct cr_error *cr_maps_read(int proc_fd, const char *name,
			      struct cr_maps *ret)
{
	char path[64];
	cr_auto_free char *line = NULL;
	size_t size = 0, cap = 0;
	struct cr_maps maps = { 0 };
	struct cr_error *err = NULL;
	snprintf(path, sizeof(path), "%s/maps", name);
	int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	if (!f) {
		err = cr_error_sys("/proc/%s", path);
		if (fd >= 0)
			close(fd);
		return err;
	}
	while (!err && getline(&line, &size, f) >= 0)
		err = add(&maps, &cap, line);
	if (!err && ferror(f))
		err = cr_error_sys("/proc/%s", path);
	fclose(f);
	if (err)
		cr_maps_free(&maps);
	else
		*ret = maps;
	return err;
}

void cr_maps_free(struct cr_maps *maps)
{
	free(maps->area);
	*maps = (struct cr_maps){ 0 };
}

void cr_maps_vdso(const struct cr_maps *maps, uint64_t *start_ret,
		  uint64_t *end_ret)
{
	uint64_t start = 0, end = 0;
	for (size_t i = 0; i < maps->nr; i++) {
		const struct cr_area *area = maps->area + i;
		if (area->kind != CR_AREA_VDSO && area->kind != CR_AREA_VVAR)
			continue;
		start = start ? start : area->start;
		end = area->end;
	}
	*start_ret = start;
	*end_ret = end;
}
