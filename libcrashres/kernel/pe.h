/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PE, the format of EFI programs: the parts that kernels use (Microsoft, "PE Format"). */
#ifndef CRS_PE_H
#define CRS_PE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CRS_PE_ARM64 0xaa64

struct crs_pe {
	const uint8_t *data;
	size_t size;
	uint16_t machine;
	uint16_t section_count;		/* as the header says, whether they fit or not */
	uint64_t section_table;		/* offset */
	uint64_t optional_header;	/* offset */
	uint16_t optional_size;
};

struct crs_pe_section {
	char name[9];
	uint32_t virtual_size;
	uint32_t raw_size;
	uint32_t raw_offset;
};

/* False where @data is no PE file. @pe borrows @data. */
bool crs_pe_parse(const void *data, size_t size, struct crs_pe *pe);

/* False where the header of section @index is not all inside the file. */
bool crs_pe_section(const struct crs_pe *pe, unsigned int index, struct crs_pe_section *section);

/* Where the file ends at the earliest, going by its sections. */
uint64_t crs_pe_sections_end(const struct crs_pe *pe);

/* Where its signatures (certificate table) end, if it has any and they are in the file; else 0. */
uint64_t crs_pe_signatures_end(const struct crs_pe *pe);

/* Little-endian number of @width bytes. False where it is not all inside. */
bool crs_read_le(const uint8_t *data, size_t size, uint64_t offset, size_t width, uint64_t *value);

#endif
