// SPDX-License-Identifier: MIT
/* Packets in socket queues: one run of bytes. */
#include "tests/fuzz/payload.h"

FUZZ_PAYLOAD("SK_QUEUES")
