// SPDX-License-Identifier: MIT
/* JSON to an image, which then keeps its bytes. Bit 7 of the control byte:
 * unknown keys are passed over. */
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_control c;
	if (!fuzz_control(&c, &data, &size))
		return 0;
	struct fuzz_bytes text = fuzz_input(&c, data, size);
	fuzz_json(text, &c, c.own);
	free(text.data);
	return 0;
}
