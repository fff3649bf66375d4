// SPDX-License-Identifier: MIT
/* The two queues of a TCP socket. */
#include "tests/fuzz/payload.h"

FUZZ_PAYLOAD("TCP_STREAM")
