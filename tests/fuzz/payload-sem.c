// SPDX-License-Identifier: MIT
/* Semaphores: a list of numbers. */
#include "tests/fuzz/payload.h"

FUZZ_PAYLOAD("IPCNS_SEM")
