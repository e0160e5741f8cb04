/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats.h"

/* The tables: one row a format. A zboot file and a uki are both PE files: zboot goes first. */
#define CONTAINERS(ROW) \
	ROW(vmlinux) \
	ROW(uimage) \
	ROW(zboot) \
	ROW(uki)

/* lzma goes last, because it has no magic. */
#define COMPRESSIONS(ROW) \
	ROW(gzip) \
	ROW(zstd) \
	ROW(xz) \
	ROW(lz4) \
	ROW(bzip2) \
	ROW(lzma)

#define DECLARE_CONTAINER(name)		extern const struct crs_container crs_container_##name;
#define DECLARE_COMPRESSION(name)	extern const struct crs_compression crs_compression_##name;
#define POINT_TO_CONTAINER(name)	&crs_container_##name,
#define POINT_TO_COMPRESSION(name)	&crs_compression_##name,

CONTAINERS(DECLARE_CONTAINER)
COMPRESSIONS(DECLARE_COMPRESSION)

const struct crs_container *const crs_containers[] = { CONTAINERS(POINT_TO_CONTAINER) NULL };
const struct crs_compression *const crs_compressions[] = {
	COMPRESSIONS(POINT_TO_COMPRESSION) NULL
};
