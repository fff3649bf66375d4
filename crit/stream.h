// SPDX-License-Identifier: MIT
/*
 * Output to a stream in large pieces. Owns nothing; what goes wrong in writing
 * stays with the stream, which the frame asks in the end.
 */
#ifndef CR_CRIT_STREAM_H
#define CR_CRIT_STREAM_H

#include <stdio.h>

#include "lib/base/error.h"
#include "lib/base/out.h"

/** Begins it; cr_out_flush and cr_out_deinit end it. */
struct cr_error *cr_stream_begin(struct cr_out *out, FILE *stream)
	CR_MUST_CHECK;

#endif
