// SPDX-License-Identifier: MIT
#include "restore/maps.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/files.h"
#include "tests/support/main.h"

static struct cr_maps read_maps(const char *text)
{
	struct cr_maps maps = { 0 };
	int dir = open(cr_test_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dir, 0);
	ck_assert_int_eq(mkdirat(dir, "1", 0700), 0);
	int fd = openat(dir, "1/maps", O_WRONLY | O_CREAT, 0600);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	ck_assert_ptr_null(cr_maps_read(dir, "1", &maps));
	close(dir);
	return maps;
}

TEST(areas_have_place_protection_and_kind)
{
	struct cr_maps maps = read_maps(
		"00400000-00401000 r-xp 00000000 08:01 5    /bin/x [vdso] y\n"
		"7ffc0000-7ffc4000 r--p 00000000 00:00 0    [vvar]\n"
		"7ffc4000-7ffc6000 r--p 00000000 00:00 0    [vvar_vclock]\n"
		"7ffc6000-7ffc8000 r-xp 00000000 00:00 0    [vdso]\n"
		"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 "
		"[vsyscall]\n");
	uint64_t start, end;
	ck_assert_uint_eq(maps.nr, 5);
	ck_assert_uint_eq(maps.area[0].start, 0x400000);
	ck_assert_uint_eq(maps.area[0].end, 0x401000);
	ck_assert_int_eq(maps.area[0].prot, PROT_READ | PROT_EXEC);
	ck_assert_int_eq(maps.area[1].prot, PROT_READ);
	ck_assert_int_eq(maps.area[2].kind, CR_AREA_VVAR);
	ck_assert_int_eq(maps.area[3].kind, CR_AREA_VDSO);
	ck_assert_int_eq(maps.area[4].kind, CR_AREA_VSYSCALL);
	ck_assert_uint_eq(maps.area[4].start, 0xffffffffff600000);
	cr_maps_vdso(&maps, &start, &end);
	ck_assert_uint_eq(start, 0x7ffc0000);
	ck_assert_uint_eq(end, 0x7ffc8000);
	cr_maps_free(&maps);
}

// A file may have any name: that of the vdso is no vdso.
TEST(a_file_is_no_vdso)
{
	struct cr_maps maps = read_maps(
		"1000-2000 r--p 00000000 08:01 5    /tmp/[vdso]\n"
		"3000-4000 r--p 00000000 08:01 5    /tmp/a [vvar]\n"
		"4000-5000 r--p 00000000 08:01 5    /a 00:00 0 [vdso]\n"
		"5000-6000 r--p 00000000 00:00 0    [vdso]2\n"
		"7000-8000 r--p 00000000 00:00 0\n");
	uint64_t start, end;
	ck_assert_uint_eq(maps.nr, 5);
	for (size_t i = 0; i < 5; i++)
		ck_assert_int_eq(maps.area[i].kind, CR_AREA_OTHER);
	cr_maps_vdso(&maps, &start, &end);
	ck_assert_uint_eq(start, 0);
	ck_assert_uint_eq(end, 0);
	cr_maps_free(&maps);
}

TEST(no_such_process)
{
	struct cr_maps maps;
	int dir = open(cr_test_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct cr_error *err = cr_maps_read(dir, "2", &maps);
	ck_assert_ptr_nonnull(err);
	ck_assert_str_eq(cr_error_text(err),
			 "/proc/2/maps: No such file or directory");
	cr_error_free(err);
	close(dir);
}

// Of ourselves, by the way that the kernel has: as /proc/self/maps has them.
TEST(areas_of_a_process_are_those_of_its_text)
{
	struct cr_maps maps, other;
	unsigned long long start, end;
	char line[4096], prot[8];
	size_t i = 0, nr = 0;
	char *own = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			 0);
	int dir = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FILE *text = fopen("/proc/self/maps", "re");
	ck_assert_ptr_nonnull(text);
	ck_assert_ptr_null(cr_maps_read(dir, "self", &maps));
	while (fgets(line, sizeof(line), text)) {
		ck_assert_int_eq(sscanf(line, "%llx-%llx %7s", &start, &end, prot),
				 3);
		// Others may grow meanwhile.
		bool is_own = start <= (uintptr_t)own && (uintptr_t)own < end;
		bool is_code = start <= (uintptr_t)read_maps &&
			       (uintptr_t)read_maps < end;
		if (!is_own && !is_code && !strstr(line, "[v"))
			continue;
		if (strstr(line, "[vsyscall]"))
			continue;
		while (i < maps.nr && maps.area[i].start < start)
			i++;
		ck_assert_uint_lt(i, maps.nr);
		const struct cr_area *a = maps.area + i;
		ck_assert_uint_eq(a->start, start);
		ck_assert_int_eq(a->prot,
				 (prot[0] == 'r' ? PROT_READ : 0) |
					 (prot[1] == 'w' ? PROT_WRITE : 0) |
					 (prot[2] == 'x' ? PROT_EXEC : 0));
		ck_assert_int_eq(a->kind == CR_AREA_VDSO,
				 strstr(line, "[vdso]") != NULL);
		ck_assert_int_eq(a->kind == CR_AREA_VVAR,
				 strstr(line, "[vvar") != NULL);
		nr += is_own + is_code + (a->kind == CR_AREA_VDSO);
	}
	ck_assert_uint_eq(nr, 3);
	struct cr_error *err = cr_maps_read(dir, "nobody", &other);
	ck_assert_ptr_nonnull(err);
	cr_error_free(err);
	cr_maps_free(&maps);
	fclose(text);
	close(dir);
	munmap(own, 4096);
}

TEST_MAIN("restore/maps")
