/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parses PE files. crs_read_le() checks each access against the size of the file. */
#include <string.h>

#include "number.h"
#include "pe.h"

#define SIGNATURE		0x4550		/* "PE\0\0" */
#define HEADER_SIZE		24		/* bytes of signature and COFF header */
#define SECTION_SIZE		40		/* bytes of an entry of the section table */
#define MAGIC_PE32		0x10b
#define MAGIC_PE32_PLUS		0x20b
#define SIGNATURES_DIRECTORY	4		/* index; contains a file offset, not an address */

bool crs_pe_parse(const void *data, size_t size, struct crs_pe *pe)
{
	uint64_t offset, signature, machine, sections, optional;

	if (size < 2 || memcmp(data, "MZ", 2) || !crs_read_le(data, size, 60, 4, &offset) ||
	    !crs_read_le(data, size, offset, 4, &signature) || signature != SIGNATURE ||
	    !crs_read_le(data, size, offset + 4, 2, &machine) ||
	    !crs_read_le(data, size, offset + 6, 2, &sections) ||
	    !crs_read_le(data, size, offset + 20, 2, &optional))
		return false;
	*pe = (struct crs_pe){
		.data = data,
		.size = size,
		.machine = (uint16_t)machine,
		.section_count = (uint16_t)sections,
		.section_table = offset + HEADER_SIZE + optional,
		.optional_header = offset + HEADER_SIZE,
		.optional_size = (uint16_t)optional,
	};
	return true;
}

/* Entry: name at 0, virtual size at 8, address at 12, raw size at 16, raw offset at 20. */
bool crs_pe_section(const struct crs_pe *pe, unsigned int index, struct crs_pe_section *section)
{
	uint64_t offset = pe->section_table + (uint64_t)index * SECTION_SIZE;
	uint64_t virtual_size, address, raw_size, raw_offset, last_byte;

	if (!crs_read_le(pe->data, pe->size, offset + 8, 4, &virtual_size) ||
	    !crs_read_le(pe->data, pe->size, offset + 12, 4, &address) ||
	    !crs_read_le(pe->data, pe->size, offset + 16, 4, &raw_size) ||
	    !crs_read_le(pe->data, pe->size, offset + 20, 4, &raw_offset) ||
	    !crs_read_le(pe->data, pe->size, offset + SECTION_SIZE - 1, 1, &last_byte))
		return false;
	*section = (struct crs_pe_section){
		.virtual_size = (uint32_t)virtual_size,
		.virtual_address = (uint32_t)address,
		.raw_size = (uint32_t)raw_size,
		.raw_offset = (uint32_t)raw_offset,
	};
	memcpy(section->name, pe->data + offset, sizeof(section->name) - 1);
	return true;
}

uint64_t crs_pe_sections_end(const struct crs_pe *pe)
{
	uint64_t needed = 0;

	for (unsigned int i = 0; i < pe->section_count; i++) {
		struct crs_pe_section section;
		uint64_t end;

		if (!crs_pe_section(pe, i, &section))
			/* The table is truncated. The file must contain at least this entry. */
			return pe->section_table + (i + 1ULL) * SECTION_SIZE;
		end = (uint64_t)section.raw_offset + section.raw_size;
		if (section.raw_size && end > needed)
			needed = end;
	}
	return needed;
}

/*
 * Optional header of PE32: 96 bytes of fields, of PE32+: 112. Data directories of 8 bytes
 * (offset, size) follow; the last field before them is their number. In both, SizeOfHeaders is
 * at 60 and CheckSum at 64.
 */
bool crs_pe_read_table(const struct crs_pe *pe, struct crs_pe_table *table)
{
	const uint64_t start = pe->optional_header;
	uint64_t magic, fields, count;

	if (!crs_read_le(pe->data, pe->size, start, 2, &magic) ||
	    (magic != MAGIC_PE32 && magic != MAGIC_PE32_PLUS))
		return false;
	fields = magic == MAGIC_PE32 ? 96 : 112;
	table->directory = start + fields + 8 * SIGNATURES_DIRECTORY;
	table->checksum = start + 64;
	if (pe->optional_size < fields + 8 * (SIGNATURES_DIRECTORY + 1) ||
	    !crs_read_le(pe->data, pe->size, start + fields - 4, 4, &count) ||
	    !crs_read_le(pe->data, pe->size, start + 60, 4, &table->headers_size) ||
	    !crs_read_le(pe->data, pe->size, table->directory, 4, &table->offset) ||
	    !crs_read_le(pe->data, pe->size, table->directory + 4, 4, &table->size))
		return false;
	table->directories_end = start + fields + 8 * count;
	return count > SIGNATURES_DIRECTORY && table->size;
}

bool crs_pe_find_table(const struct crs_pe *pe, struct crs_pe_table *table)
{
	return crs_pe_read_table(pe, table) && table->offset + table->size <= pe->size;
}

uint64_t crs_pe_signatures_end(const struct crs_pe *pe)
{
	struct crs_pe_table table;

	return crs_pe_find_table(pe, &table) ? table.offset + table.size : 0;
}

enum crs_pe_signatures crs_pe_find_signatures(const void *data, size_t size)
{
	struct crs_pe_table table;
	struct crs_pe pe;

	if (!crs_pe_parse(data, size, &pe) || !crs_pe_read_table(&pe, &table))
		return CRS_PE_SIGNATURES_NONE;
	return crs_pe_signatures_end(&pe) ? CRS_PE_SIGNATURES_PRESENT : CRS_PE_SIGNATURES_CUT;
}
