/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Builds the container files of kernels: PE, zboot, ELF and uImage. All functions copy their
 * arguments; the caller keeps them and frees the result.
 */
#ifndef UNIT_WRAP_H
#define UNIT_WRAP_H

#include "pack.h"

/* A section of a PE file. Names have at most 8 bytes. */
struct wrap_section {
	const char *name;
	struct bytes bytes;
	size_t virtual_size;	/* bytes in memory; 0: the size of @bytes */
};

/* Byte offsets in the files of wrap_pe() and wrap_zboot(). */
#define WRAP_PE_HEADER		64
#define WRAP_PE_OPTIONAL	(WRAP_PE_HEADER + 24)
#define WRAP_PE_SECTIONS	(WRAP_PE_OPTIONAL + 240)
#define WRAP_ZBOOT_PAYLOAD	512

/* Returns an arm64 PE32+ file. Each section starts at a multiple of 512 bytes. */
struct bytes wrap_pe(const struct wrap_section *sections, size_t count);

/*
 * Returns a zboot file. The payload is compressed with @format (see pack()); the header claims
 * the compression @name. Except for gzip, the unpacked size follows the payload, as Linux
 * writes it.
 */
struct bytes wrap_zboot(struct bytes payload, const char *format, const char *name);

/* A PT_LOAD segment of an ELF file. */
struct wrap_segment {
	uint64_t address;	/* physical */
	struct bytes bytes;
	uint64_t offset;	/* out: byte offset in the file */
};

/* Returns an arm64 ET_EXEC file. Each PT_LOAD starts at a multiple of 512 bytes. */
struct bytes wrap_elf(struct wrap_segment *segments, size_t count);

/* Returns a uImage that holds @data unchanged. @compression is the number in the header. */
struct bytes wrap_uimage(struct bytes data, uint8_t compression);

/* Writes the correct checksum of the header (CRC-32 over 64 bytes, checksum field 0). */
void wrap_uimage_sum(struct bytes uimage);

#endif
