// SPDX-License-Identifier: MIT
#include "lib/base/num.h"

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
