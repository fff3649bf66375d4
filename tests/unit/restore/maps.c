// SPDX-License-Identifier: MIT
#include "restore/maps.h"

#include <fcntl.h>
#include <stdbool.h>
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

// Of ourselves, by whichever way the kernel has.
TEST(areas_that_are_asked_for_are_those_that_are_read)
{
	struct cr_maps read, asked;
	uint64_t start, end, ours = (uintptr_t)&read;
	size_t found = 0;
	int dir = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_ptr_null(cr_maps_read(dir, "self", &read));
	cr_maps_vdso(&read, &start, &end);
	ck_assert_ptr_null(cr_maps_ask(dir, "self", start, end, &asked));
	for (size_t i = 0; i < asked.nr; i++) {
		const struct cr_area *a = asked.area + i;
		ck_assert(a->start < a->end);
		ck_assert(!i || a[-1].end <= a->start);
		bool is_vdso = a->start >= start && a->end <= end;
		ck_assert_int_eq(a->kind == CR_AREA_VDSO ||
					 a->kind == CR_AREA_VVAR,
				 is_vdso);
		found += is_vdso + 10 * (a->start <= ours && ours < a->end);
	}
	ck_assert_uint_gt(found, 10);
	ck_assert_uint_lt(found, 20);
	ck_assert_ptr_nonnull(cr_maps_ask(dir, "nobody", 0, 0, &asked));
	cr_maps_free(&read);
	cr_maps_free(&asked);
	close(dir);
}

TEST_MAIN("restore/maps")
