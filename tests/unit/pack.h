/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Compresses test data with the libraries that libcrashres uses to unpack it. */
#ifndef UNIT_PACK_H
#define UNIT_PACK_H

#include <stddef.h>
#include <stdint.h>

/* A heap buffer. The receiver of a struct bytes frees data. */
struct bytes {
	uint8_t *data;
	size_t size;
};

/*
 * Returns @data compressed. @format is a name in packers[] of pack.c, such as "gzip". Member
 * data is NULL if this build lacks the library of the format.
 */
struct bytes pack(const char *format, const void *data, size_t size);

/* Returns the bytes of @first followed by those of @second, and frees both. */
struct bytes pack_join(struct bytes first, struct bytes second);

/* Returns @size pseudo-random bytes, the same for the same @seed. */
struct bytes pack_noise(size_t size, uint32_t seed);

/* Returns a valid arm64 Image: 300000 bytes, image_size 1 MiB, 4 KiB pages, no EFI stub. */
struct bytes pack_image(void);

#endif
