// SPDX-License-Identifier: MIT
/* Keys and values of a BPF map: one run, two lengths. */
#include "tests/fuzz/payload.h"

FUZZ_PAYLOAD("BPFMAP_DATA")
