// SPDX-License-Identifier: MIT
/*
 * A hostile file about a machine: it is refused with a text that is safe to print,
 * or what it says is the same after it has been written and read again.
 */
#include "lib/base/utf8.h"
#include "lib/machine/machine.h"
#include "tests/fuzz/fuzz.h"

static struct fuzz_bytes written(const struct cr_machine *machine)
{
	struct cr_out out;
	struct cr_error *err = cr_out_init_mem(&out);
	if (!err)
		err = cr_machine_write(machine, &out);
	if (err)
		fuzz_fail("it cannot be written", err);
	struct fuzz_bytes text = fuzz_copy(out.buf, cr_out_buffered(&out));
	cr_out_deinit(&out);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cr_machine machine, again;
	struct cr_error *err = cr_machine_parse(&machine, data, size);
	if (err) {
		const char *text = cr_error_text(err);
		fuzz_check(cr_utf8_valid(text, strlen(text)),
			   "a text is not UTF-8");
		cr_error_free(err);
		return 0;
	}
	/* Text in it that is not UTF-8 is none that can be written. */
	if (!cr_utf8_valid(machine.arch, strlen(machine.arch)) ||
	    !cr_utf8_valid(machine.kernel, strlen(machine.kernel)) ||
	    !cr_utf8_valid(machine.cpu, strlen(machine.cpu)) ||
	    !cr_utf8_valid(machine.x86.vendor, strlen(machine.x86.vendor)))
		return 0;
	struct fuzz_bytes first = written(&machine);
	err = cr_machine_parse(&again, first.data, first.size);
	if (err)
		fuzz_fail("our own file is refused", err);
	struct fuzz_bytes second = written(&again);
	fuzz_check(fuzz_same(first, second), "it comes back as something else");
	free(first.data);
	free(second.data);
	return 0;
}
