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

#endif
