// SPDX-License-Identifier: MIT
/* What is in pipes: one run of bytes. */
#include "tests/fuzz/payload.h"

FUZZ_PAYLOAD("PIPES_DATA")
