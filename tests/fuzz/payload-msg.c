// SPDX-License-Identifier: MIT
/* Message queues: a list of heads and texts. */
#include "tests/fuzz/payload.h"

FUZZ_PAYLOAD("IPCNS_MSG")
