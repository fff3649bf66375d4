// SPDX-License-Identifier: MIT
/* Bytes to JSON, and back to the same bytes. */
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_control c;
	if (!fuzz_control(&c, &data, &size))
		return 0;
	struct fuzz_bytes image = fuzz_input(&c, data, size);
	fuzz_image(image, &c);
	free(image.data);
	return 0;
}
