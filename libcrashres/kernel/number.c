/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Implements number.h: each access is checked against the size of the file. */
#include "number.h"

bool crs_read_le(const uint8_t *data, size_t size, uint64_t offset, size_t width, uint64_t *value)
{
	uint64_t v = 0;

	if (offset > size || size - offset < width)
		return false;
	while (width--)
		v = v << 8 | data[offset + width];
	*value = v;
	return true;
}
