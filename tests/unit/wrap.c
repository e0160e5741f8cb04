/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Implements wrap.h. Offsets: PE/COFF specification, Linux zboot-header.S, elf.h, u-boot
 * image.h.
 */
#include <elf.h>
#include <zlib.h>

#include "support.h"
#include "wrap.h"

/* Rounds up to the file alignment of 512 bytes. */
static size_t align(size_t size)
{
	return (size + 511) / 512 * 512;
}

/* Writes DOS, COFF and optional header (PE32+, 240 bytes with 16 data directories). */
static void put_pe_header(uint8_t *data, size_t sections)
{
	memcpy(data, "MZ", 2);
	unit_put_le(data + 60, 4, WRAP_PE_HEADER);
	memcpy(data + WRAP_PE_HEADER, "PE\0\0", 4);
	unit_put_le(data + WRAP_PE_HEADER + 4, 2, 0xaa64);
	unit_put_le(data + WRAP_PE_HEADER + 6, 2, sections);
	unit_put_le(data + WRAP_PE_HEADER + 20, 2, 240);
	unit_put_le(data + WRAP_PE_OPTIONAL, 2, 0x20b);
	unit_put_le(data + WRAP_PE_OPTIONAL + 108, 4, 16);
}

struct bytes wrap_pe(const struct wrap_section *sections, size_t count)
{
	size_t start = align(WRAP_PE_SECTIONS + 40 * count);
	struct bytes pe = { NULL, start };

	for (size_t i = 0; i < count; i++)
		pe.size += align(sections[i].bytes.size);
	pe.data = unit_alloc(pe.size);
	put_pe_header(pe.data, count);
	for (size_t i = 0; i < count; i++) {
		uint8_t *header = pe.data + WRAP_PE_SECTIONS + 40 * i;
		const struct bytes *bytes = &sections[i].bytes;
		size_t virtual_size = sections[i].virtual_size;

		memcpy(header, sections[i].name, strlen(sections[i].name));
		unit_put_le(header + 8, 4, virtual_size ? virtual_size : bytes->size);
		unit_put_le(header + 16, 4, align(bytes->size));
		unit_put_le(header + 20, 4, start);
		memcpy(pe.data + start, bytes->data, bytes->size);
		start += align(bytes->size);
	}
	return pe;
}

struct bytes wrap_zboot(struct bytes payload, const char *format, const char *name)
{
	struct bytes packed = pack(format, payload.data, payload.size);
	size_t end = WRAP_ZBOOT_PAYLOAD + packed.size;
	struct bytes zboot = { unit_alloc(align(end + 4)), align(end + 4) };

	assert_non_null(packed.data);
	put_pe_header(zboot.data, 0);
	memcpy(zboot.data + 4, "zimg", 4);
	unit_put_le(zboot.data + 8, 4, WRAP_ZBOOT_PAYLOAD);
	unit_put_le(zboot.data + 12, 4, packed.size);
	memcpy(zboot.data + 24, name, strlen(name));
	memcpy(zboot.data + WRAP_ZBOOT_PAYLOAD, packed.data, packed.size);
	if (strcmp(format, "gzip"))
		unit_put_le(zboot.data + end, 4, payload.size);
	free(packed.data);
	return zboot;
}

static void put_be32(uint8_t *data, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		data[i] = (uint8_t)(value >> (24 - 8 * i));
}

struct bytes wrap_elf(struct wrap_segment *segments, size_t count)
{
	size_t start = align(sizeof(Elf64_Ehdr) + count * sizeof(Elf64_Phdr));
	struct bytes elf = { NULL, start };

	for (size_t i = 0; i < count; i++)
		elf.size += align(segments[i].bytes.size);
	elf.data = unit_alloc(elf.size);
	memcpy(elf.data, ELFMAG "\x02\x01\x01", 7);
	unit_put_le(elf.data + offsetof(Elf64_Ehdr, e_type), 2, ET_EXEC);
	unit_put_le(elf.data + offsetof(Elf64_Ehdr, e_machine), 2, EM_AARCH64);
	unit_put_le(elf.data + offsetof(Elf64_Ehdr, e_version), 4, EV_CURRENT);
	unit_put_le(elf.data + offsetof(Elf64_Ehdr, e_phoff), 8, sizeof(Elf64_Ehdr));
	unit_put_le(elf.data + offsetof(Elf64_Ehdr, e_ehsize), 2, sizeof(Elf64_Ehdr));
	unit_put_le(elf.data + offsetof(Elf64_Ehdr, e_phentsize), 2, sizeof(Elf64_Phdr));
	unit_put_le(elf.data + offsetof(Elf64_Ehdr, e_phnum), 2, count);
	for (size_t i = 0; i < count; i++) {
		uint8_t *phdr = elf.data + sizeof(Elf64_Ehdr) + i * sizeof(Elf64_Phdr);
		const struct bytes *bytes = &segments[i].bytes;

		segments[i].offset = start;
		unit_put_le(phdr + offsetof(Elf64_Phdr, p_type), 4, PT_LOAD);
		unit_put_le(phdr + offsetof(Elf64_Phdr, p_offset), 8, start);
		unit_put_le(phdr + offsetof(Elf64_Phdr, p_paddr), 8, segments[i].address);
		unit_put_le(phdr + offsetof(Elf64_Phdr, p_filesz), 8, bytes->size);
		unit_put_le(phdr + offsetof(Elf64_Phdr, p_memsz), 8, bytes->size);
		memcpy(elf.data + start, bytes->data, bytes->size);
		start += align(bytes->size);
	}
	return elf;
}

void wrap_uimage_sum(struct bytes uimage)
{
	put_be32(uimage.data + 4, 0);
	put_be32(uimage.data + 4, (uint32_t)crc32(0, uimage.data, 64));
}

struct bytes wrap_uimage(struct bytes data, uint8_t compression)
{
	struct bytes uimage = { unit_alloc(64 + data.size), 64 + data.size };

	put_be32(uimage.data, 0x27051956);
	put_be32(uimage.data + 12, (uint32_t)data.size);
	put_be32(uimage.data + 24, (uint32_t)crc32(0, data.data, (uInt)data.size));
	uimage.data[28] = 5;
	uimage.data[29] = 22;
	uimage.data[30] = 2;
	uimage.data[31] = compression;
	memcpy(uimage.data + 64, data.data, data.size);
	wrap_uimage_sum(uimage);
	return uimage;
}
