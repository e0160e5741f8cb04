/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * string.c: the four functions that a compiler can call in any code (GCC manual,
 * "Standards": a freestanding environment must provide them).
 *
 * Built with -fno-tree-loop-distribute-patterns and -fno-builtin. Without these options
 * a compiler can replace the loop in memcpy by a call of memcpy.
 */
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	uint8_t *out = to;
	const uint8_t *in = from;

	while (size--)
		*out++ = *in++;
	return to;
}

void *memmove(void *to, const void *from, size_t size)
{
	uint8_t *out = to;
	const uint8_t *in = from;

	if ((uintptr_t)to <= (uintptr_t)from)
		return memcpy(to, from, size);
	while (size--)
		out[size] = in[size];
	return to;
}

void *memset(void *to, int byte, size_t size)
{
	uint8_t *out = to;

	while (size--)
		*out++ = (uint8_t)byte;
	return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
	const uint8_t *left = a, *right = b;

	for (size_t i = 0; i < size; i++)
		if (left[i] != right[i])
			return left[i] - right[i];
	return 0;
}

#pragma GCC visibility pop
