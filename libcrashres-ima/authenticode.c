/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* authenticode.c: find the signature of a PE file, and compute the digest that it covers. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../libcrashres/kernel/number.h"
#include "authenticode.h"

#define WRAPPER_SIZE	8		/* bytes of WIN_CERTIFICATE before the CMS structure */
#define REVISION	0x0200
#define TYPE_CMS	2
#define DOS_HEADER_SIZE	64		/* bytes */
#define COFF_HEADER_SIZE 24		/* bytes, with the magic "PE" */
#define SECTION_SIZE	40		/* bytes of an entry in the section table */
#define HEADER_PARTS	3		/* the headers, cut at two fields */

/* Object identifiers, as the bytes of their value: 1.3.6.1.4.1.311.2.1.15 and ....21. */
#define OID_PE_IMAGE	"\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x0f"
#define OID_KEY_PURPOSE	"\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x15"	/* of old pesign versions */

/* A section, and the bytes of its entry in the section table. */
struct entry {
	struct crs_pe_section section;
	const char *raw;
};

/* Checks the headers by the rules of pefile_parse_binary(). */
static enum crashres_status check_headers(struct crashres_ctx *ctx,
					  const struct crs_authenticode *signature)
{
	const struct crs_pe *pe = &signature->pe;
	const struct crs_pe_table *table = &signature->table;
	uint64_t sections_end = table->directories_end + (uint64_t)pe->section_count * SECTION_SIZE;
	uint64_t start = pe->optional_header - COFF_HEADER_SIZE;

	if (start < DOS_HEADER_SIZE)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"the PE header starts at byte %" PRIu64 ", inside the DOS header of %d "
				"bytes", start, DOS_HEADER_SIZE);
	if (table->headers_size >= pe->size || sections_end > table->headers_size)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"the PE headers end at byte %" PRIu64 ", the field SizeOfHeaders "
				"has the value %" PRIu64, sections_end, table->headers_size);
	/* The kernel does not read this field, other programs do: they find other sections. */
	if (pe->section_table != table->directories_end)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"the optional header of the PE file has the wrong size");
	if (!pe->section_count)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "the PE file has no sections");
	return CRASHRES_OK;
}

/* Checks that the certificate table lies in the file, after the headers. */
static enum crashres_status check_place(struct crashres_ctx *ctx,
					const struct crs_authenticode *signature)
{
	const struct crs_pe_table *table = &signature->table;
	uint64_t end = table->offset + table->size;

	if (end > signature->pe.size)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"truncated: the certificate table ends at byte %" PRIu64
				", the file at byte %zu", end, signature->pe.size);
	if (table->offset < table->headers_size)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"the certificate table overlaps the PE headers");
	return CRASHRES_OK;
}

/* Reads the first entry of the table by the rules of pefile_strip_sig_wrapper(). */
static enum crashres_status read_entry(struct crashres_ctx *ctx,
				       struct crs_authenticode *signature)
{
	const struct crs_pe_table *table = &signature->table;
	const uint8_t *data = signature->pe.data + table->offset;
	struct crs_der_element cms;
	uint64_t length, revision, type;
	struct crs_der der;

	if (!crs_read_le(data, table->size, 0, 4, &length) ||
	    !crs_read_le(data, table->size, 4, 2, &revision) ||
	    !crs_read_le(data, table->size, 6, 2, &type) || length > table->size)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"truncated: the first signature is longer than the certificate "
				"table, %" PRIu64 " bytes", table->size);
	if (revision != REVISION || type != TYPE_CMS)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"the first signature has revision 0x%04" PRIx64 " and type %" PRIu64
				", the kernel accepts revision 0x0200 and type 2 (CMS)",
				revision, type);
	if (length < WRAPPER_SIZE + 4)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "the first signature is empty");
	der = crs_der_inside((struct crs_bytes){ data + WRAPPER_SIZE, length - WRAPPER_SIZE });
	if (!crs_der_take(&der, CRS_DER_SEQUENCE, &cms))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"the first signature is not DER of a CMS structure");
	signature->cms = cms.whole;
	return CRASHRES_OK;
}

enum crashres_status crs_authenticode_parse(struct crashres_ctx *ctx, const void *data, size_t size,
					    struct crs_authenticode *signature)
{
	struct crs_authenticode new;
	enum crashres_status status;

	if (!crs_pe_parse(data, size, &new.pe) || !crs_pe_read_table(&new.pe, &new.table) ||
	    !new.table.offset)
		return crs_fail(ctx, CRASHRES_ERR_NO_SIGNATURE, "no PE signature");
	status = check_headers(ctx, &new);
	if (status == CRASHRES_OK)
		status = check_place(ctx, &new);
	if (status == CRASHRES_OK)
		status = read_entry(ctx, &new);
	if (status == CRASHRES_OK)
		*signature = new;
	return status;
}

/* Returns less than, equal to or greater than 0. */
static int compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/*
 * The order of pefile_compare_shdrs(). The kernel compares names with strcmp(), which goes on
 * behind a name of 8 bytes; entries that are equal in all 40 bytes have the same content.
 */
static int compare_entries(const void *a, const void *b)
{
	const struct entry *one = a, *two = b;
	int result = compare(one->section.raw_offset, two->section.raw_offset);

	if (!result)
		result = compare(one->section.virtual_address, two->section.virtual_address);
	if (!result)
		result = strncmp(one->raw, two->raw, SECTION_SIZE);
	if (!result)
		result = compare(one->section.virtual_size, two->section.virtual_size);
	return result ? result : compare(one->section.raw_size, two->section.raw_size);
}

/*
 * Reads and sorts the sections. Fails if one lies outside the file: the kernel would read
 * behind its buffer. Fails if they are larger than the file together, because a hostile file
 * could otherwise make the hashing endless.
 *
 * @total: out; sum of their sizes, bytes.
 */
static enum crashres_status read_sections(struct crashres_ctx *ctx, const struct crs_pe *pe,
					  struct entry *entries, uint64_t *total)
{
	*total = 0;
	for (unsigned int i = 0; i < pe->section_count; i++) {
		struct crs_pe_section *section = &entries[i].section;
		uint64_t end;

		if (!crs_pe_section(pe, i, section))
			return crs_fail(ctx, CRASHRES_ERR_FORMAT, "the section table is damaged");
		entries[i].raw = (const char *)pe->data + pe->section_table + i * SECTION_SIZE;
		end = (uint64_t)section->raw_offset + section->raw_size;
		if (section->raw_size && end > pe->size)
			return crs_fail(ctx, CRASHRES_ERR_FORMAT,
					"truncated: section %u ends at byte %" PRIu64
					", the file at byte %zu", i + 1, end, pe->size);
		*total += section->raw_size;
	}
	if (*total > pe->size)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"the sections have %" PRIu64 " bytes, the file has %zu", *total,
				pe->size);
	qsort(entries, pe->section_count, sizeof(*entries), compare_entries);
	return CRASHRES_OK;
}

static struct crs_bytes bytes_between(const struct crs_pe *pe, uint64_t start, uint64_t end)
{
	return (struct crs_bytes){ pe->data + start, end - start };
}

/*
 * Adds the bytes after the sections. The kernel counts from the sum of the sizes, also if the
 * sections have gaps between them.
 */
static enum crashres_status add_tail(struct crashres_ctx *ctx,
				     const struct crs_authenticode *signature, uint64_t hashed,
				     struct crs_bytes *part)
{
	const struct crs_pe *pe = &signature->pe;
	uint64_t end = pe->size - signature->table.size;

	*part = (struct crs_bytes){ pe->data, 0 };
	if (pe->size <= hashed)
		return CRASHRES_OK;
	if (hashed > end)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"the certificate table overlaps the sections");
	*part = bytes_between(pe, hashed, end);
	return CRASHRES_OK;
}

/* Fills @parts with the bytes to hash: headers, sections, tail. */
static enum crashres_status collect(struct crashres_ctx *ctx,
				    const struct crs_authenticode *signature,
				    struct entry *entries, struct crs_bytes *parts)
{
	const struct crs_pe *pe = &signature->pe;
	const struct crs_pe_table *table = &signature->table;
	uint64_t total;
	enum crashres_status status = read_sections(ctx, pe, entries, &total);

	if (status != CRASHRES_OK)
		return status;
	parts[0] = bytes_between(pe, 0, table->checksum);
	parts[1] = bytes_between(pe, table->checksum + 4, table->directory);
	parts[2] = bytes_between(pe, table->directory + 8, table->headers_size);
	for (unsigned int i = 0; i < pe->section_count; i++) {
		const struct crs_pe_section *section = &entries[i].section;

		/* The place of an empty section can lie outside the file. */
		parts[HEADER_PARTS + i] = section->raw_size ?
			bytes_between(pe, section->raw_offset,
				      (uint64_t)section->raw_offset + section->raw_size) :
			(struct crs_bytes){ pe->data, 0 };
	}
	return add_tail(ctx, signature, table->headers_size + total,
			&parts[HEADER_PARTS + pe->section_count]);
}

enum crashres_status crs_authenticode_digest(struct crashres_ctx *ctx,
					     const struct crs_authenticode *signature,
					     enum crashres_hash hash, struct crs_digest *digest)
{
	const size_t sections = signature->pe.section_count, count = HEADER_PARTS + sections + 1;
	CRS_CLEANUP(crs_freep) struct entry *entries = calloc(sections, sizeof(*entries));
	CRS_CLEANUP(crs_freep) struct crs_bytes *parts = calloc(count, sizeof(*parts));
	enum crashres_status status;

	if (!entries || !parts)
		return crs_fail_memory(ctx);
	status = collect(ctx, signature, entries, parts);
	return status == CRASHRES_OK ? crs_digest_parts(ctx, hash, parts, count, digest) : status;
}

/* Reads the first member of SpcIndirectDataContent: the kind of content, with any value. */
static bool read_kind(struct crs_der *der)
{
	struct crs_der_element type, value;
	struct crs_der inside;

	return crs_der_enter(der, CRS_DER_SEQUENCE, &inside) &&
	       crs_der_take(&inside, CRS_DER_OID, &type) && crs_der_next(&inside, &value) &&
	       !inside.left && (CRS_BYTES_ARE(type.value, OID_PE_IMAGE) ||
				CRS_BYTES_ARE(type.value, OID_KEY_PURPOSE));
}

/* Reads a DigestInfo. @oid: out; the hash algorithm. @value: out; the digest. */
static bool read_digest_info(struct crs_der *der, struct crs_bytes *oid, struct crs_bytes *value)
{
	struct crs_der_element algorithm, parameters, digest;
	struct crs_der inside, identifier;

	if (!crs_der_enter(der, CRS_DER_SEQUENCE, &inside) ||
	    !crs_der_enter(&inside, CRS_DER_SEQUENCE, &identifier) ||
	    !crs_der_take(&identifier, CRS_DER_OID, &algorithm) ||
	    !crs_der_take(&inside, CRS_DER_OCTET_STRING, &digest) || inside.left)
		return false;
	*oid = algorithm.value;
	*value = digest.value;
	return !identifier.left || (crs_der_next(&identifier, &parameters) && !identifier.left);
}

enum crashres_status crs_authenticode_signed_digest(struct crashres_ctx *ctx,
						    struct crs_bytes content,
						    struct crs_digest *digest)
{
	struct crs_der all = crs_der_inside(content), inside;
	struct crs_digest new = { .size = 0 };
	struct crs_bytes oid, value;

	if (!crs_der_enter(&all, CRS_DER_SEQUENCE, &inside) || !read_kind(&inside) ||
	    !read_digest_info(&inside, &oid, &value) || inside.left)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"the signed content is not the digest of a PE file");
	if (!crs_hash_from_oid(oid, &new.hash))
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"the hash of the PE file is neither sha256, sha384 nor sha512");
	if (value.size != (size_t)EVP_MD_get_size(crs_hash_md(new.hash)))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"the signed digest has %zu bytes, a %s digest has %d", value.size,
				crashres_hash_name(new.hash), EVP_MD_get_size(crs_hash_md(new.hash)));
	new.size = value.size;
	memcpy(new.bytes, value.data, value.size);
	*digest = new;
	return CRASHRES_OK;
}
