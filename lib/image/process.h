// SPDX-License-Identifier: MIT
/*
 * What the images of one process hold, wherever the version of CRIU that wrote
 * them put it. A zombie has a core image and nothing else; what is absent is
 * NULL here and no error.
 *
 * Facts: CRIU criu/cr-dump.c and criu/image-desc.c, v4.2; man 3 getauxval.
 */
#ifndef CR_LIB_IMAGE_PROCESS_H
#define CR_LIB_IMAGE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "images/core.pb-c.h"
#include "images/fs.pb-c.h"
#include "images/mm.pb-c.h"
#include "lib/base/error.h"
#include "lib/image/set.h"

/**
 * The first message of an image, named as printf(3) does. *ret is NULL if there
 * is no such file; FORMAT if the file has no entry. The caller frees it with
 * cr_message_free().
 */
struct cr_error *cr_message_load(struct cr_set *set,
				 const ProtobufCMessageDescriptor *desc,
				 void *ret, const char *fmt, ...)
	CR_PRINTF(4, 5) CR_MUST_CHECK;

/** Accepts NULL. */
void cr_message_free(void *msg);

/* What a list of processes needs. */
struct cr_brief {
	bool has_task;	/* as every core image of a leader has */
	uint32_t state; /* task_core_entry.task_state */
	char *comm;	/* not only up to a NUL; ends with one */
	size_t comm_size;
	bool zombie; /* dead, or a zombie */
};

/**
 * Reads no more of core-PID.img than that, which is several times faster than
 * all of it. NOT_FOUND if there is no such image; FORMAT. Free with
 * cr_brief_free().
 */
struct cr_error *cr_brief_load(struct cr_set *set, uint32_t pid,
			       struct cr_brief *ret) CR_MUST_CHECK;

/** Accepts a zeroed one. */
void cr_brief_free(struct cr_brief *brief);

/** True if the task was dead or a zombie. */
bool cr_core_is_zombie(const CoreEntry *core);

/** "x86-64"; "unknown" for a number without a name. */
const char *cr_core_march(const CoreEntry *core);

/** A thread's credentials, or NULL; since 2.0 in its core image. */
const CredsEntry *cr_core_creds(const CoreEntry *core);

/** What personality(2) takes. CRIU (4.2 at least) reads the hexadecimal text of
 * /proc/PID/personality as a decimal number: 00240000 is 240000 in the image, not
 * 0x240000, and what follows a letter is lost. Images are shown as they are. */
uint32_t cr_core_personality(const TaskCoreEntry *tc);

/** Which objects a process shares: ids-PID.img, or what its core image says.
 * The caller frees it, not the core. */
struct cr_error *cr_process_ids(struct cr_set *set, uint32_t pid,
				TaskKobjIdsEntry **ret) CR_MUST_CHECK;

/* An address space. */
struct cr_mm {
	MmEntry *entry; /* NULL: it has none */
	VmaEntry **vma; /* of the entry or of vmas-PID.img (before 1.2) */
	size_t nr_vmas;
	unsigned page_shift; /* of AT_PAGESZ; 12 if that is missing or absurd */
	struct cr_messages old;
};

/** Loads mm-PID.img, if there is one, and vmas-PID.img if that has no VMAs. */
struct cr_error *cr_mm_load(struct cr_set *set, uint32_t pid, struct cr_mm *ret)
	CR_MUST_CHECK;

/** Accepts a zeroed mm. */
void cr_mm_free(struct cr_mm *mm);

#endif
