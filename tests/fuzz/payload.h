// SPDX-License-Identifier: MIT
/*
 * A target for the payload of one image type. The beginning is written here, so
 * that the fuzzer works inside. Bit 7 of the control byte: the rest is JSON,
 * the list of entries and what follows it.
 */
#ifndef CR_TESTS_FUZZ_PAYLOAD_H
#define CR_TESTS_FUZZ_PAYLOAD_H

#include "tests/fuzz/fuzz.h"

static inline struct fuzz_bytes fuzz_join(const void *head, size_t head_size,
					  struct fuzz_bytes tail)
{
	struct fuzz_bytes b = { malloc(head_size + tail.size + 1),
				head_size + tail.size };
	if (!b.data)
		abort();
	memcpy(b.data, head, head_size);
	memcpy(b.data + head_size, tail.data, tail.size);
	return b;
}

static inline void fuzz_payload(const char *id, const uint8_t *data,
				size_t size)
{
	const struct cr_image_type *type = cr_image_type_by_id(id, strlen(id));
	struct fuzz_control c;
	fuzz_check(type, "no such type");
	if (!fuzz_control(&c, &data, &size))
		return;
	struct fuzz_bytes rest = fuzz_input(&c, data, size), all;
	if (c.own) {
		char head[96];
		int n = snprintf(head, sizeof(head),
				 "{\"magic\": \"%s\", \"entries\": ", id);
		all = fuzz_join(head, (size_t)n, rest);
		fuzz_json(all, &c, false);
	} else {
		uint32_t head[2] = { CR_MAGIC_COMMON, type->magic };
		all = fuzz_join(head, sizeof(head), rest);
		fuzz_image(all, &c);
	}
	free(all.data);
	free(rest.data);
}

#define FUZZ_PAYLOAD(id)                                            \
	int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) \
	{                                                           \
		fuzz_payload(id, data, size);                       \
		return 0;                                           \
	}

#endif
