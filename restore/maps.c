// SPDX-License-Identifier: MIT
#include "restore/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
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

static struct cr_error *add(struct cr_maps *maps, size_t *cap,
			    struct cr_area area)
{
	if (maps->nr == *cap) {
		*cap = *cap ? *cap * 2 : 64;
		void *more = reallocarray(maps->area, *cap,
					  sizeof(maps->area[0]));
		if (!more)
			return cr_enomem;
		maps->area = more;
	}
	maps->area[maps->nr++] = area;
	return NULL;
}

static struct cr_area parse(const char *line)
{
	char *p;
	struct cr_area area = { .prot = prot_of(line), .kind = kind_of(line) };
	area.start = strtoull(line, &p, 16);
	area.end = *p == '-' ? strtoull(p + 1, NULL, 16) : 0;
	return area;
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
		err = add(&maps, &cap, parse(line));
	if (!err && ferror(f))
		err = cr_error_sys("/proc/%s", path);
	fclose(f);
	if (err)
		cr_maps_free(&maps);
	else
		*ret = maps;
	return err;
}

// Of linux/fs.h, which may be older.
struct query {
	uint64_t size, flags, vaddr;
	uint64_t start, end, vma_flags, page_size, off, inode;
	uint32_t dev_major, dev_minor, name_size, build_id_size;
	uint64_t name, build_id;
};

#define PROCMAP_QUERY	   _IOWR('f', 17, struct query)
#define QUERY_THIS_OR_NEXT 0x10

struct cr_error *cr_maps_ask(int proc_fd, const char *name, uint64_t vdso,
			     uint64_t vdso_end, struct cr_maps *ret)
{
	char path[64];
	size_t cap = 0;
	struct cr_maps maps = { 0 };
	struct cr_error *err = NULL;
	struct query q = { .size = sizeof(q), .flags = QUERY_THIS_OR_NEXT };
	snprintf(path, sizeof(path), "%s/maps", name);
	cr_auto_close int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	for (; !err && fd >= 0 && !ioctl(fd, PROCMAP_QUERY, &q); q.vaddr = q.end) {
		bool is_vdso = q.start >= vdso && q.start < vdso_end;
		err = add(&maps, &cap, (struct cr_area){
			.start = q.start,
			.end = q.end,
			.kind = is_vdso ? CR_AREA_VDSO : CR_AREA_OTHER,
		});
	}
	// ENOENT: there are no more.
	if (!err && errno == ENOENT && maps.nr) {
		*ret = maps;
		return NULL;
	}
	cr_maps_free(&maps);
	return err ?: cr_maps_read(proc_fd, name, ret);
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
