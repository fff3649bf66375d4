// SPDX-License-Identifier: MIT
/*
 * What `crit host-probe` writes, as a program that needs no libraries: for
 * machines that are emulated.
 */
#include <stdio.h>

#include "lib/machine/machine.h"

int main(void)
{
	struct cr_machine machine;
	struct cr_out out;
	struct cr_error *err = cr_machine_probe(&machine, 20000);
	if (!err)
		err = cr_out_init_mem(&out);
	if (!err)
		err = cr_machine_write(&machine, &out);
	if (err) {
		fprintf(stderr, "%s\n", cr_error_text(err));
		return 1;
	}
	return fwrite(out.buf, cr_out_buffered(&out), 1, stdout) != 1;
}
