/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sealed-pe.h: the PE header of a sealed Image, so that tools for EFI programs can sign it.
 *
 * The kernel checks the signature of a PE file (KEXEC_IMAGE_VERIFY_SIG, verify_pefile.c), and
 * sbsign, pesign, osslsigncode and systemd-sbsign write one. The signature covers the whole
 * file except the checksum, the entry of the certificate table, and that table itself
 * (Microsoft, "Windows Authenticode Portable Executable Signature Format").
 *
 *   offset  bytes  part
 *   0       4096   the headers (SizeOfHeaders): Image header, seal header, PE header
 *   512     24     "PE\0\0" and the COFF header
 *   536     160    optional header (PE32+) with 6 data directories
 *   696     40     section table: one section, .text
 *   4096    ..     .text, up to the end of the file; the same offsets in memory
 *
 * The signer appends the certificate table at a multiple of 8 bytes. Source: Microsoft, "PE
 * Format"; the values are those of an arm64 kernel with EFI stub.
 *
 * A firmware can load the file, but no EFI program is in it: the entry point is a stub that
 * returns EFI_UNSUPPORTED. The stub lies in .text, because firmware can map the headers as
 * data, and shim demands an entry point in a section.
 */
#ifndef CRS_SEALED_PE_H
#define CRS_SEALED_PE_H

#include <stdint.h>

#define CRS_SEALED_PE_OFFSET	512	/* of the PE header in the file, bytes */
#define CRS_SEALED_PE_SIZE	224	/* of the PE header with the section table, bytes */
#define CRS_SEALED_STUB_SIZE	16	/* of the entry stub, bytes */

/*
 * Writes the PE header of a file of @file_size bytes, a multiple of 4096 below 4 GiB.
 * @headers_size: bytes before .text, 4096. @entry: offset of the stub.
 */
void crs_sealed_pe_make(uint32_t headers_size, uint32_t file_size, uint32_t entry,
			uint8_t header[CRS_SEALED_PE_SIZE]);

/* Writes the stub: arm64 code that runs at any address, a multiple of 4 bytes. */
void crs_sealed_pe_stub(uint8_t stub[CRS_SEALED_STUB_SIZE]);

#endif
