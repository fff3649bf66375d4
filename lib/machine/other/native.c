// SPDX-License-Identifier: MIT
#include "lib/machine/native.h"

void cr_native_look(struct cr_machine *machine)
{
	(void)machine;
}

struct cr_error *cr_native_try(struct cr_machine *machine, int limit_ms)
{
	(void)machine;
	(void)limit_ms;
	return NULL;
}
