// SPDX-License-Identifier: MIT
#include "lib/base/num.h"

const char cr_num_pairs[200] __attribute__((nonstring)) =
	"00010203040506070809101112131415161718192021222324"
	"25262728293031323334353637383940414243444546474849"
	"50515253545556575859606162636465666768697071727374"
	"75767778798081828384858687888990919293949596979899";

char *cr_put_hex(char *o, uint64_t v)
{
	static const char digits[16] __attribute__((nonstring)) =
		"0123456789abcdef";
	int nr = v ? (67 - __builtin_clzll(v)) / 4 : 1;

	*o++ = '0';
	*o++ = 'x';
	for (int i = nr - 1; i >= 0; i--)
		*o++ = digits[v >> (4 * i) & 15];
	return o;
}
