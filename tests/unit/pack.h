/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packs what the library unpacks, with the same libraries. */
#ifndef UNIT_PACK_H
#define UNIT_PACK_H

#include <stddef.h>
#include <stdint.h>

struct bytes {
	uint8_t *data;
	size_t size;
};

/*
 * "gzip", "zstd", "xz", "lzma", "lz4", "bzip2"; "lz4-legacy" as Linux uses it,
 * "lzma-sized" with the size in the header. NULL data where this build has none.
 */
struct bytes pack(const char *format, const void *data, size_t size);

/* @first, then @second; both are gone afterwards. */
struct bytes pack_join(struct bytes first, struct bytes second);

/* Some pseudo-random bytes. */
struct bytes pack_noise(size_t size, uint32_t seed);

/* An Image that can be started: 300000 bytes, image_size 1 MiB. */
struct bytes pack_image(void);

#endif
