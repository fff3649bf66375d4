// SPDX-License-Identifier: MIT
#include "crit/stream.h"

static struct cr_error *write_out(void *arg, const void *data, size_t size)
{
	fwrite(data, 1, size, arg);
	return NULL;
}

struct cr_error *cr_stream_begin(struct cr_out *out, FILE *stream)
{
	return cr_out_init_fn(out, write_out, stream);
}
