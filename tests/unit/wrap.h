/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Builds the files that kernels come in. What is given stays the caller's. */
#ifndef UNIT_WRAP_H
#define UNIT_WRAP_H

#include "pack.h"

struct wrap_section {
	const char *name;
	struct bytes bytes;
	size_t virtual_size;	/* 0: that of the bytes */
};

/* Offsets in what wrap_pe() and wrap_zboot() make. */
#define WRAP_PE_HEADER		64
#define WRAP_PE_OPTIONAL	(WRAP_PE_HEADER + 24)
#define WRAP_PE_SECTIONS	(WRAP_PE_OPTIONAL + 240)
#define WRAP_ZBOOT_PAYLOAD	512

/* An arm64 EFI program; each section starts at a multiple of 512. */
struct bytes wrap_pe(const struct wrap_section *sections, size_t count);

/* @payload is packed with @format and said to be packed with @name. */
struct bytes wrap_zboot(struct bytes payload, const char *format, const char *name);

struct wrap_segment {
	uint64_t address;	/* physical */
	struct bytes bytes;
	uint64_t offset;	/* out: in the file */
};

/* An arm64 ET_EXEC; each PT_LOAD starts at a multiple of 512. */
struct bytes wrap_elf(struct wrap_segment *segments, size_t count);

/* A uImage of @data as it is; @compression is its number. */
struct bytes wrap_uimage(struct bytes data, uint8_t compression);

/* Computes the checksum of its header again. */
void wrap_uimage_sum(struct bytes uimage);

#endif
