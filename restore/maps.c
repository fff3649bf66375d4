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

static enum cr_area_kind kind_of(const char *name)
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
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t size = strlen(names[i].name);
		if (!strncmp(name, names[i].name, size) &&
		    strchr("\n", name[size]))
			return names[i].kind;
	}
	return CR_AREA_OTHER;
}

/* ---- as text ---- */

// Names of files may hold anything; what is no file has no inode.
static enum cr_area_kind kind_of_line(const char *line)
{
	unsigned long long inode = 1;
	int at = 0;
	if (!strchr(line, '[') ||
	    sscanf(line, "%*x-%*x %*s %*x %*x:%*x %llu %n", &inode, &at) < 1 ||
	    inode)
		return CR_AREA_OTHER;
	return kind_of(line + at);
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
	struct cr_area area = { .prot = prot_of(line), .kind = kind_of_line(line) };
	area.start = strtoull(line, &p, 16);
	area.end = *p == '-' ? strtoull(p + 1, NULL, 16) : 0;
	return area;
}

// Closes fd.
static struct cr_error *read_text(int fd, const char *path, struct cr_maps *maps)
{
	cr_auto_free char *line = NULL;
	size_t size = 0, cap = 0;
	struct cr_error *err = NULL;
	FILE *f = fdopen(fd, "r");
	if (!f) {
		err = cr_error_sys("/proc/%s", path);
		close(fd);
		return err;
	}
	while (!err && getline(&line, &size, f) >= 0)
		err = add(maps, &cap, parse(line));
	if (!err && ferror(f))
		err = cr_error_sys("/proc/%s", path);
	fclose(f);
	return err;
}

/* ---- by questions, which takes a third of the time ---- */

// Of linux/fs.h, which may be older.
struct query {
	uint64_t size, flags, vaddr;
	uint64_t start, end, vma_flags, page_size, off, inode;
	uint32_t dev_major, dev_minor, name_size, build_id_size;
	uint64_t name, build_id;
};

#define PROCMAP_QUERY	   _IOWR('f', 17, struct query)
#define QUERY_THIS_OR_NEXT 0x10
#define VMA_READABLE	   1
#define VMA_WRITABLE	   2
#define VMA_EXECUTABLE	   4

static int prot_of_flags(uint64_t flags)
{
	return (flags & VMA_READABLE ? PROT_READ : 0) |
	       (flags & VMA_WRITABLE ? PROT_WRITE : 0) |
	       (flags & VMA_EXECUTABLE ? PROT_EXEC : 0);
}

// To ask for a name takes longer; nobody writes to what is of the kernel's.
static enum cr_area_kind kind_of_area(int fd, const struct query *found)
{
	char name[64] = "";
	struct query q = { .size = sizeof(q),
			   .vaddr = found->start,
			   .name = (uintptr_t)name,
			   .name_size = sizeof(name) };
	if (found->inode || found->vma_flags & VMA_WRITABLE ||
	    ioctl(fd, PROCMAP_QUERY, &q))
		return CR_AREA_OTHER;
	return kind_of(name);
}

// False if the kernel, before 6.11, does not answer; then nothing is there.
static bool ask(int fd, struct cr_maps *maps, struct cr_error **err_ret)
{
	size_t cap = 0;
	struct cr_error *err = NULL;
	struct query q = { .size = sizeof(q), .flags = QUERY_THIS_OR_NEXT };
	for (; !err && !ioctl(fd, PROCMAP_QUERY, &q); q.vaddr = q.end)
		err = add(maps, &cap,
			  (struct cr_area){
				  .start = q.start,
				  .end = q.end,
				  .prot = prot_of_flags(q.vma_flags),
				  .kind = kind_of_area(fd, &q),
			  });
	*err_ret = err;
	// ENOENT: there are no more.
	return err || (errno == ENOENT && maps->nr);
}

struct cr_error *cr_maps_read(int proc_fd, const char *name,
			      struct cr_maps *ret)
{
	char path[64];
	struct cr_maps maps = { 0 };
	struct cr_error *err = NULL;
	snprintf(path, sizeof(path), "%s/maps", name);
	int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return cr_error_sys("/proc/%s", path);
	if (ask(fd, &maps, &err)) {
		close(fd);
	} else {
		cr_maps_free(&maps);
		err = read_text(fd, path, &maps);
	}
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
