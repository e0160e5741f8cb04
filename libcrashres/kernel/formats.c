/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists all formats. Each row becomes a declaration and an entry of a table. */
#include "formats.h"

/*
 * The order matters: the first format that matches wins. A zboot file and a UKI are both
 * PE files, and the zboot magic is more specific, so zboot comes before uki.
 */
#define CONTAINERS(ROW) \
	ROW(vmlinux) \
	ROW(uimage) \
	ROW(zboot) \
	ROW(uki)

/* lzma comes last, because it has no magic: its probe only checks for plausible values. */
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
