// SPDX-License-Identifier: MIT
/* Deleted files: whole, or in chunks. */
#include "tests/fuzz/payload.h"

FUZZ_PAYLOAD("GHOST_FILE")
