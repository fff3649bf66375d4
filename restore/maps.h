// SPDX-License-Identifier: MIT
/*
 * What a process has mapped, from /proc/PID/maps. Source: man 5 proc_pid_maps;
 * Linux v6.11 include/uapi/linux/fs.h (PROCMAP_QUERY).
 */
#ifndef CR_RESTORE_MAPS_H
#define CR_RESTORE_MAPS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

enum cr_area_kind {
	CR_AREA_OTHER,
	CR_AREA_VDSO,
	CR_AREA_VVAR,	  /* all that lies before the vdso and belongs to it */
	CR_AREA_VSYSCALL, /* of the kernel's half */
};

struct cr_area {
	uint64_t start, end;
	int prot; /* PROT_* */
	enum cr_area_kind kind;
};

struct cr_maps {
	struct cr_area *area; /* ascending */
	size_t nr;
};

/** Of PROC/NAME/maps, name being "self" or a pid. vsyscall, which is the same in
 * all, may be missing. */
struct cr_error *cr_maps_read(int proc_fd, const char *name,
			      struct cr_maps *ret) CR_MUST_CHECK;

/** Accepts zeroed ones. */
void cr_maps_free(struct cr_maps *maps);

/** From the first byte of vvar to the end of the vdso; 0 and 0 if none. */
void cr_maps_vdso(const struct cr_maps *maps, uint64_t *start_ret,
		  uint64_t *end_ret);

#endif
