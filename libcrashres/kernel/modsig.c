/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* modsig.c: parse and build an appended signature; layout in modsig.h. */
#include <inttypes.h>
#include <string.h>

#include "image.h"
#include "modsig.h"
#include "pe.h"

static const char marker[] = "~Module signature appended~\n";

#define MARKER_SIZE	(sizeof(marker) - 1)
#define FIELDS_SIZE	12	/* sizeof(struct module_signature) */
#define TYPE_CMS	2	/* PKEY_ID_PKCS7 */

/*
 * The kernel rounds memsz up to its page size (kexec_add_buffer()). The page size of the
 * loading kernel is unknown here, so use the smallest.
 */
#define PAGE		4096ULL

_Static_assert(CRS_MODSIG_TRAILER == MARKER_SIZE + FIELDS_SIZE, "fields and marker");

/* Returns true for a CMS signature. The other fields must be zero (mod_check_sig()). */
static bool are_fields_valid(const uint8_t *fields)
{
	static const uint8_t good[FIELDS_SIZE - 4] = { 0, 0, TYPE_CMS };

	return !memcmp(fields, good, sizeof(good));
}

bool crs_modsig_is_at(const void *data, size_t size)
{
	const uint8_t *bytes = data;

	return size >= MARKER_SIZE && !memcmp(bytes + size - MARKER_SIZE, marker, MARKER_SIZE);
}

enum crashres_status crs_modsig_parse(struct crashres_ctx *ctx, const void *data, size_t size,
				      struct crs_modsig *modsig)
{
	const uint8_t *bytes = data, *fields;
	size_t length;

	if (!crs_modsig_is_at(data, size))
		return crs_fail(ctx, CRASHRES_ERR_NO_SIGNATURE, "no appended signature");
	if (size < CRS_MODSIG_TRAILER)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"truncated: the signature fields have 12 bytes, only %zu precede "
				"the marker",
				size - MARKER_SIZE);
	fields = bytes + size - CRS_MODSIG_TRAILER;
	if (!are_fields_valid(fields))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"the signature fields do not describe a CMS signature");
	length = (size_t)fields[8] << 24 | (size_t)fields[9] << 16 | (size_t)fields[10] << 8 |
		 fields[11];
	/* The kernel demands at least one byte of content (mod_check_sig()). */
	if (length == size - CRS_MODSIG_TRAILER)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"the file has no content before the signature");
	if (length > size - CRS_MODSIG_TRAILER)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"truncated: the signature has %zu bytes, the file has %zu before "
				"the signature fields",
				length, size - CRS_MODSIG_TRAILER);
	*modsig = (struct crs_modsig){
		.content_size = size - CRS_MODSIG_TRAILER - length,
		.cms = fields - length,
		.cms_size = length,
	};
	return CRASHRES_OK;
}

size_t crs_modsig_strip(struct crashres_ctx *ctx, const void *data, size_t size)
{
	struct crs_modsig modsig;

	while (crs_modsig_parse(ctx, data, size, &modsig) == CRASHRES_OK)
		size = modsig.content_size;
	return size;
}

void crs_modsig_trailer(size_t cms_size, uint8_t trailer[CRS_MODSIG_TRAILER])
{
	const uint8_t fields[FIELDS_SIZE] = {
		[2] = TYPE_CMS,
		[8] = (uint8_t)(cms_size >> 24), (uint8_t)(cms_size >> 16),
		(uint8_t)(cms_size >> 8), (uint8_t)cms_size,
	};

	memcpy(trailer, fields, sizeof(fields));
	memcpy(trailer + sizeof(fields), marker, MARKER_SIZE);
}

/*
 * Returns the size of the Image without the zero bytes at its end. Zeros inside a PE
 * section stay, because the section header counts them.
 */
static size_t size_without_padding(const uint8_t *data, size_t size)
{
	struct crs_pe pe;
	uint64_t least = crs_pe_parse(data, size, &pe) ? crs_pe_sections_end(&pe) : 0;

	while (size > least && !data[size - 1])
		size--;
	return size;
}

static bool has_efi_signature(const uint8_t *data, size_t size)
{
	struct crs_pe pe;

	return crs_pe_parse(data, size, &pe) && crs_pe_signatures_end(&pe);
}

enum crashres_status crs_modsig_make_room(struct crashres_ctx *ctx, const void *data, size_t size,
					  size_t more, size_t *keep)
{
	struct crs_image image;
	size_t shorter = size;
	uint64_t room;

	/* Other files have no such limit, and the kernel refuses a damaged Image anyway. */
	if (crs_image_parse(ctx, data, size, &image) != CRASHRES_OK) {
		*keep = size;
		return CRASHRES_OK;
	}
	room = (image.image_size + PAGE - 1) & ~(PAGE - 1);
	if (size + more > room && !has_efi_signature(data, size))
		shorter = size_without_padding(data, size);
	if (shorter + more > room)
		return crs_fail(ctx, CRASHRES_ERR_LIMIT,
				"no room for a signature: the signed Image has %zu bytes, "
				"kexec_file_load accepts at most image_size, 0x%" PRIx64,
				shorter + more, image.image_size);
	*keep = shorter;
	return CRASHRES_OK;
}
