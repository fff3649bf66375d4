// SPDX-License-Identifier: MIT
/*
 * QARMA-64, the tweakable block cipher that pointer authentication is made of.
 * Pure functions over values; not constant-time, for what is computed here is
 * computed by whoever holds the keys anyway.
 *
 * Facts: Avanzi, "The QARMA Block Cipher Family", ToSC 2017(1), ePrint
 * 2016/444; Arm ARM, ComputePAC(), for which forms processors use.
 */
#ifndef CR_LIB_PAC_QARMA_H
#define CR_LIB_PAC_QARMA_H

#include <stdint.h>

/* The paper's three substitution boxes. */
enum cr_qarma_box { CR_QARMA_SIGMA0, CR_QARMA_SIGMA1, CR_QARMA_SIGMA2 };

#define CR_QARMA_ROUNDS_MAX 7

/**
 * Enciphers one block. w0 and k0 are the two halves of the key, the whitening
 * and the core key; the reflector's key is k0. rounds: forward rounds, at most
 * CR_QARMA_ROUNDS_MAX.
 */
uint64_t cr_qarma64(uint64_t block, uint64_t tweak, uint64_t w0, uint64_t k0,
		    enum cr_qarma_box box, unsigned rounds);

#endif
