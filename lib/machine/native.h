// SPDX-License-Identifier: MIT
/*
 * What a processor's own folder has: the part of a probe that needs code for it.
 * One folder is built, that of the machine built for, or "other".
 */
#ifndef CR_LIB_MACHINE_NATIVE_H
#define CR_LIB_MACHINE_NATIVE_H

#include "lib/machine/machine.h"

/** Fills in the section of the processor; what all have is there already. */
void cr_native_look(struct cr_machine *machine);

/** The same of what trials tell. */
struct cr_error *cr_native_try(struct cr_machine *machine, int limit_ms)
	CR_MUST_CHECK;

#endif
