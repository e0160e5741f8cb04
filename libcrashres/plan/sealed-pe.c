/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sealed-pe.c: makes the PE header of a sealed Image. */
#include <endian.h>
#include <stddef.h>
#include <string.h>

#include "../kernel/pe.h"
#include "sealed-pe.h"

#define MAGIC_PE32_PLUS		0x20b
#define FILE_FLAGS		0x206		/* EXECUTABLE_IMAGE, no line numbers, no debug data */
#define SECTION_FLAGS		0x60000020U	/* CNT_CODE, MEM_EXECUTE, MEM_READ */
#define SUBSYSTEM_EFI		10		/* EFI application */
#define NX_COMPAT		0x100		/* no code in data, no data written in code */
#define SECTION_ALIGNMENT	4096		/* bytes; the page size of EFI */
#define FILE_ALIGNMENT		512		/* bytes; the smallest that is allowed */
#define DIRECTORIES		6		/* up to the base relocations, all of them empty */

/* A data directory: where a table is. All tables are missing. */
struct directory {
	uint32_t address;
	uint32_t size;
};

/* All numbers are little-endian. The names are those of Microsoft's "PE Format". */
struct pe_header {
	uint8_t signature[4];		/* "PE\0\0" */
	/* COFF header */
	uint16_t machine;
	uint16_t number_of_sections;
	uint32_t time_date_stamp;
	uint32_t pointer_to_symbol_table;
	uint32_t number_of_symbols;
	uint16_t size_of_optional_header;
	uint16_t characteristics;
	/* optional header */
	uint16_t magic;
	uint8_t linker_version[2];
	uint32_t size_of_code;
	uint32_t size_of_initialized_data;
	uint32_t size_of_uninitialized_data;
	uint32_t address_of_entry_point;
	uint32_t base_of_code;
	uint64_t image_base;
	uint32_t section_alignment;
	uint32_t file_alignment;
	uint16_t operating_system_version[2];
	uint16_t image_version[2];
	uint16_t subsystem_version[2];
	uint32_t win32_version_value;
	uint32_t size_of_image;
	uint32_t size_of_headers;
	uint32_t check_sum;		/* 0: not computed; EFI does not check it */
	uint16_t subsystem;
	uint16_t dll_characteristics;
	uint64_t stack_and_heap[4];	/* sizes; EFI ignores them */
	uint32_t loader_flags;
	uint32_t number_of_rva_and_sizes;
	struct directory directories[DIRECTORIES];
	/* section table */
	uint8_t name[8];
	uint32_t virtual_size;
	uint32_t virtual_address;
	uint32_t size_of_raw_data;
	uint32_t pointer_to_raw_data;
	uint32_t pointer_to_relocations;
	uint32_t pointer_to_linenumbers;
	uint16_t number_of_relocations;
	uint16_t number_of_linenumbers;
	uint32_t section_characteristics;
};

_Static_assert(sizeof(struct pe_header) == CRS_SEALED_PE_SIZE, "the struct has no padding");
_Static_assert(offsetof(struct pe_header, magic) == 24, "PE Format");
_Static_assert(offsetof(struct pe_header, check_sum) == 24 + 64, "PE Format");
_Static_assert(offsetof(struct pe_header, directories) == 24 + 112, "PE Format");

/* The optional header lies between the COFF header and the section table. */
#define OPTIONAL_HEADER_SIZE \
	(offsetof(struct pe_header, name) - offsetof(struct pe_header, magic))

void crs_sealed_pe_make(uint32_t headers_size, uint32_t file_size, uint32_t entry,
			uint8_t header[CRS_SEALED_PE_SIZE])
{
	const uint32_t section_size = htole32(file_size - headers_size);
	const struct pe_header made = {
		.signature = "PE\0",
		.machine = htole16(CRS_PE_ARM64),
		.number_of_sections = htole16(1),
		.size_of_optional_header = htole16(OPTIONAL_HEADER_SIZE),
		.characteristics = htole16(FILE_FLAGS),
		.magic = htole16(MAGIC_PE32_PLUS),
		.size_of_code = section_size,
		.address_of_entry_point = htole32(entry),
		.base_of_code = htole32(headers_size),
		.section_alignment = htole32(SECTION_ALIGNMENT),
		.file_alignment = htole32(FILE_ALIGNMENT),
		.size_of_image = htole32(file_size),
		.size_of_headers = htole32(headers_size),
		.subsystem = htole16(SUBSYSTEM_EFI),
		.dll_characteristics = htole16(NX_COMPAT),
		.number_of_rva_and_sizes = htole32(DIRECTORIES),
		.name = ".text",
		.virtual_size = section_size,
		.virtual_address = htole32(headers_size),
		.size_of_raw_data = section_size,
		.pointer_to_raw_data = htole32(headers_size),
		.section_characteristics = htole32(SECTION_FLAGS),
	};

	memcpy(header, &made, sizeof(made));
}

void crs_sealed_pe_stub(uint8_t stub[CRS_SEALED_STUB_SIZE])
{
	/* EFI_UNSUPPORTED is 0x8000000000000003 (UEFI specification, appendix D). */
	static const uint32_t code[] = {
		0xd503245f,		/* bti c: firmware can guard its branches */
		0xd2f00000,		/* mov x0, #0x8000000000000000 */
		0xb2400400,		/* orr x0, x0, #3 */
		0xd65f03c0,		/* ret */
	};

	_Static_assert(sizeof(code) == CRS_SEALED_STUB_SIZE, "four instructions");
	for (int i = 0; i < CRS_SEALED_STUB_SIZE; i++)
		stub[i] = (uint8_t)(code[i / 4] >> 8 * (i % 4));
}
