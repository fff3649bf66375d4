// SPDX-License-Identifier: MIT
/*
 * The limit for decoding: what no decoder can do without.
 *
 *	limit IMAGE OUTSIZE > OUT
 *
 * Reads the image, walks every varint of every entry and adds the values up,
 * and writes OUTSIZE bytes, all in pieces that fit the cache. It makes no text.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <unistd.h>

#define PIECE (256 * 1024)

static uint8_t in[PIECE + 16];
static char out[PIECE];

static const uint8_t *varint(const uint8_t *p, uint64_t *ret)
{
	uint64_t v = 0;
	for (unsigned shift = 0;; shift += 7) {
		v |= (uint64_t)(*p & 0x7f) << shift;
		if (*p++ < 0x80)
			break;
	}
	*ret = v;
	return p;
}

/* Entries of scalars only; returns the place of the first that is cut. */
static const uint8_t *walk(const uint8_t *p, const uint8_t *end, uint64_t *sum)
{
	uint32_t size;
	while (end - p >= 4) {
		memcpy(&size, p, 4);
		if ((uint64_t)(end - p - 4) < size)
			break;
		const uint8_t *stop = p + 4 + size;
		for (p += 4; p < stop;) {
			uint64_t tag, v;
			p = varint(p, &tag);
			p = varint(p, &v);
			*sum += tag + v;
		}
	}
	return p;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 1;
	uint64_t sum = 0, left = strtoull(argv[2], NULL, 10);
	uint64_t total = (uint64_t)lseek(fd, 0, SEEK_END), done = 0, put = 0;
	lseek(fd, 8, SEEK_SET);
	size_t kept = 0;
	for (;;) {
		ssize_t n = read(fd, in + kept, PIECE - kept);
		if (n <= 0)
			break;
		done += (uint64_t)n;
		const uint8_t *end = in + kept + n;
		const uint8_t *p = walk(in, end, &sum);
		kept = (size_t)(end - p);
		memmove(in, p, kept);
		/* As much of the output as of the input. */
		uint64_t want = left * done / total;
		while (put < want) {
			size_t piece = want - put < PIECE ?
					       (size_t)(want - put) :
					       PIECE;
			memset(out, (int)sum, 64);
			if (write(1, out, piece) != (ssize_t)piece)
				return 1;
			put += piece;
		}
	}
	fprintf(stderr, "%llu\n", (unsigned long long)sum);
	return 0;
}
