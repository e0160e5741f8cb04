/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "support.h"
#include "wrap.h"

static size_t align(size_t size)
{
	return (size + 511) / 512 * 512;
}

/* PE32+ headers without sections, with sixteen directories. */
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
