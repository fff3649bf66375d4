// SPDX-License-Identifier: MIT
/*
 * Huge pages of the kernel's pools, which are as many as the administrator wants:
 * whether there are enough for what is mapped and for files of memory.
 *
 * Facts: Linux Documentation/admin-guide/mm/hugetlbpage.rst.
 */
#include "restore/hugetlb.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "restore/steps.h"

#define SIZE_SHIFT 26 // of a size's logarithm in flags of mmap(2)
#define SIZE_MASK  63

static bool read_text(const char *path, char *text, size_t size)
{
	cr_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);
	text[n < 0 ? 0 : n] = 0;
	return n >= 0;
}

// The logarithm of the size that is used if none is asked for; 0: not known.
static unsigned usual_size(void)
{
	char text[4096];
	static const char key[] = "Hugepagesize:";
	const char *p = read_text("/proc/meminfo", text, sizeof(text)) ?
				strstr(text, key) :
				NULL;
	unsigned long kib = p ? strtoul(p + sizeof(key) - 1, NULL, 10) : 0;
	return kib ? 63u - (unsigned)__builtin_clzll(kib * 1024) : 0;
}

static uint64_t number(unsigned shift, const char *name)
{
	char path[120], text[32];
	snprintf(path, sizeof(path),
		 "/sys/kernel/mm/hugepages/hugepages-%llukB/%s",
		 (1ull << shift) / 1024, name);
	return read_text(path, text, sizeof(text)) ? strtoull(text, NULL, 10) :
						     0;
}

void cr_huge_add(struct cr_huge *huge, uint64_t flags, uint64_t size)
{
	unsigned shift = flags >> SIZE_SHIFT & SIZE_MASK;
	shift = shift ?: usual_size();
	if (shift)
		huge->nr[shift] += size >> shift;
}

// What is free and not promised, and what may be added.
static uint64_t available(unsigned shift)
{
	uint64_t free = number(shift, "free_hugepages");
	uint64_t promised = number(shift, "resv_hugepages");
	uint64_t more = number(shift, "nr_overcommit_hugepages");
	uint64_t added = number(shift, "surplus_hugepages");
	return (free > promised ? free - promised : 0) +
	       (more > added ? more - added : 0);
}

static struct cr_error *check(struct cr_rplan *plan, const struct cr_proc *proc,
			      const struct cr_huge *huge)
{
	struct cr_error *err = NULL;
	uint64_t copies = plan->options->clones ?: 1;
	for (unsigned shift = 1; !err && shift <= SIZE_MASK; shift++) {
		uint64_t have = huge->nr[shift] ? available(shift) : 0;
		if (huge->nr[shift] <= have / copies)
			continue;
		err = cr_rplan_lacks(
			plan,
			cr_error_new(CR_ERR_UNSUPPORTED,
				     "mm-%u.img: entry 0: %llu huge pages of "
				     "%llu kB are needed, this kernel has %llu "
				     "to give",
				     (unsigned)proc->vpid,
				     (unsigned long long)(huge->nr[shift] *
							  copies),
				     (1ull << shift) / 1024,
				     (unsigned long long)have));
	}
	return err;
}

static void add_mappings(struct cr_huge *huge, const struct cr_proc *proc)
{
	for (size_t i = 0; i < proc->nr_mappings; i++) {
		const VmaEntry *vma = proc->mapping[i].vma;
		// What is shared is a file of memory.
		if (vma->flags & MAP_HUGETLB && vma->flags & MAP_PRIVATE &&
		    !proc->mapping[i].file)
			cr_huge_add(huge, vma->flags, vma->end - vma->start);
	}
}

// All processes take from the same pools.
struct cr_error *cr_hugetlb_plan(struct cr_rplan *plan, struct cr_proc *proc)
{
	struct cr_huge huge = { 0 };
	if (proc->i || plan->options->any_host)
		return NULL;
	cr_rplan_each_proc(p, plan)
		add_mappings(&huge, p);
	cr_memfds_add_huge(plan, &huge);
	return check(plan, proc, &huge);
}
