// SPDX-License-Identifier: MIT
/*
 * Overwrites what secrets may have left behind in memory that nobody owns any
 * more. Who holds a secret wipes it itself; this is for the copies that libraries
 * and decoders made of it and freed.
 *
 * What is still allocated is not touched, nor are registers, the kernel's buffers
 * and files. Calls free(3) and malloc(3) of glibc, in a process of one thread.
 *
 * Source of facts: man 3 mallopt, mallinfo2, malloc_trim; glibc 2.36 malloc/malloc.c:
 * M_PERTURB overwrites what is freed, but neither what is kept for the thread
 * (tcache) nor the last word of a chunk.
 */
#ifndef CR_LIB_BASE_WIPE_H
#define CR_LIB_BASE_WIPE_H

/** Overwrites all memory that is free, and gives the most of it back. Takes time
 * with the number of its pieces: for the end of a program. */
void cr_wipe_freed(void);

/** Overwrites CR_WIPE_STACK bytes of the stack below the caller. */
void cr_wipe_stack(void);

#define CR_WIPE_STACK (256 * 1024)

#endif
