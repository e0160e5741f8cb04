/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Parses PE, the format of EFI programs (Microsoft, "PE Format"). A kernel with an EFI
 * stub, a zboot file and a UKI are PE files. Only the parts that kernels use are parsed:
 *
 *   offset                size  field
 *   0                        2  "MZ"
 *   60                       4  P: offset of the PE header
 *   P                        4  "PE\0\0"
 *   P + 4                   20  COFF header: machine, number of sections, size of the
 *                               optional header ...
 *   P + 24                   O  optional header, with the data directories at its end
 *   P + 24 + O          40 * N  section table
 *
 * All numbers are little-endian, and all are hostile.
 */
#ifndef CRS_PE_H
#define CRS_PE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CRS_PE_ARM64 0xaa64	/* IMAGE_FILE_MACHINE_ARM64 */

/* Offsets are bytes from the start of the file. They can lie after its end. */
struct crs_pe {
	const uint8_t *data;		/* borrowed */
	size_t size;			/* bytes of the file */
	uint16_t machine;		/* IMAGE_FILE_MACHINE_... */
	uint16_t section_count;		/* from the header; the file can be too short for them */
	uint64_t section_table;		/* offset */
	uint64_t optional_header;	/* offset */
	uint16_t optional_size;		/* bytes */
};

struct crs_pe_section {
	char name[9];			/* NUL-terminated */
	uint32_t virtual_size;		/* bytes in memory */
	uint32_t virtual_address;	/* offset in memory from the start of the program */
	uint32_t raw_size;		/* bytes in the file, padded */
	uint32_t raw_offset;		/* bytes from the start of the file */
};

/* Parses the headers. @pe borrows @data. Returns false if @data is not a PE file. */
bool crs_pe_parse(const void *data, size_t size, struct crs_pe *pe);

/*
 * Reads the header of section @index. Returns false if that header does not lie completely
 * in the file. Does not check where the content of the section lies.
 */
bool crs_pe_section(const struct crs_pe *pe, unsigned int index, struct crs_pe_section *section);

/*
 * Returns the number of bytes that the file needs at least: the end of the section table
 * or of the last section. A result greater than the size of the file means that the file
 * is truncated.
 */
uint64_t crs_pe_sections_end(const struct crs_pe *pe);

/* The certificate table. A signer writes it to the end of the file, at a multiple of 8 bytes. */
struct crs_pe_table {
	uint64_t offset;		/* bytes from the start of the file */
	uint64_t size;			/* bytes; not 0 */
	uint64_t directory;		/* offset of the 8 bytes that point to the table; before
					   section_table */
	uint64_t directories_end;	/* offset of the first byte after all directory entries */
	uint64_t checksum;		/* offset of the field CheckSum, 4 bytes */
	uint64_t headers_size;		/* bytes; the field SizeOfHeaders */
};

#define CRS_PE_TABLE_ALIGNMENT 8

/*
 * Reads the directory entry of the certificate table and the fields around it. Returns false if
 * the headers name no table; @table can then have any value. The table can lie anywhere.
 */
bool crs_pe_read_table(const struct crs_pe *pe, struct crs_pe_table *table);

/*
 * Finds the certificate table. Returns false if the file has no signatures or if they do not
 * lie completely in the file; @table can then have any value. The table can still overlap headers
 * and sections.
 */
bool crs_pe_find_table(const struct crs_pe *pe, struct crs_pe_table *table);

/*
 * Returns the offset of the end of the signatures (certificate table). Returns 0 if the
 * file has no signatures or if they do not lie completely in the file.
 */
uint64_t crs_pe_signatures_end(const struct crs_pe *pe);

/* The state of the signatures of a file. */
enum crs_pe_signatures {
	CRS_PE_SIGNATURES_NONE = 0,	/* no certificate table, or not a PE file */
	CRS_PE_SIGNATURES_CUT,		/* the file ends before its certificate table does */
	CRS_PE_SIGNATURES_PRESENT,	/* says nothing about whether they are valid */
};

/* Finds out from the headers whether the file at @data has PE signatures. */
enum crs_pe_signatures crs_pe_find_signatures(const void *data, size_t size);

#endif
