/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads numbers from kernel files, of any format. All offsets and bytes are hostile. */
#ifndef CRS_NUMBER_H
#define CRS_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads a little-endian number of @width bytes, at most 8, at @offset. Returns false if
 * these bytes do not lie in the @size bytes at @data; *value stays as it was.
 */
bool crs_read_le(const uint8_t *data, size_t size, uint64_t offset, size_t width, uint64_t *value);

#endif
