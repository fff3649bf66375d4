// SPDX-License-Identifier: MIT
/* Shared memory: one run of bytes, or nothing. */
#include "tests/fuzz/payload.h"

FUZZ_PAYLOAD("IPCNS_SHM")
