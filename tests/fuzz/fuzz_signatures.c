/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: the parsers of signatures in libcrashres-ima: PE, appended, security.ima, CMS and
 * X.509. The result of a parser must lie in the input, and a refusal must have a sentence.
 */
#include "../../libcrashres-ima/authenticode.h"
#include "../../libcrashres-ima/imasig.h"
#include "../../libcrashres/kernel/modsig.h"
#include "../../libcrashres-ima/trust.h"
#include "../unit/signer.h"
#include "../unit/support.h"
#include "fuzz.h"

/* The signer of all seeds, made once. */
static struct {
	EVP_PKEY *key;
	struct bytes certificate;
} signer;

/* Stops the program if a property does not hold. */
static void require(bool condition)
{
	if (!condition)
		abort();
}

/* Asserts that a refusal has a sentence. Returns whether @status is OK. */
static bool check_status(struct crashres_ctx *ctx, enum crashres_status status)
{
	require(status == CRASHRES_OK || crashres_error(ctx)[0]);
	require(status != CRASHRES_ERR_MEMORY && status != CRASHRES_ERR_OS);
	return status == CRASHRES_OK;
}

static void require_inside(struct crs_bytes part, const uint8_t *data, size_t size)
{
	require(!part.data || (part.data >= data && part.size <= size &&
			       (size_t)(part.data - data) <= size - part.size));
}

/* Tries the CMS structure at @data for @content. */
static void try_cms(struct crashres_ctx *ctx, const uint8_t *data, size_t size,
		    struct crs_bytes content)
{
	CRS_CLEANUP(crs_signed_data_clear) struct crs_signed_data parsed = CRS_SIGNED_DATA_NONE;
	CRS_CLEANUP(crs_trust_clear) struct crs_trust trust = CRS_TRUST_NONE;
	struct crs_trusted trusted = { NULL, 0 };
	struct crs_digest digest;
	bool matches;
	int64_t time;
	char text[64];

	if (!check_status(ctx, crs_signed_data_parse(ctx, data, size, &parsed)))
		return;
	require_inside(parsed.content_element, data, size);
	require_inside(parsed.signature, data, size);
	require_inside(parsed.message_digest, data, size);
	crs_signed_data_signer_text(&parsed, text, sizeof(text));
	crs_signed_data_time(&parsed, &time);
	if (parsed.content.data)
		content = parsed.content;
	require(check_status(ctx, crs_signed_data_digest(ctx, &parsed, content, &digest, &matches)));
	trusted.certificates = parsed.certificates;
	trusted.count = parsed.certificate_count;
	require(check_status(ctx, crs_trust_check(ctx, &parsed, &digest, &trusted, &trust)));
	require(trust.length <= parsed.certificate_count + 1);
	check_status(ctx, crs_authenticode_signed_digest(ctx, content, &digest));
}

static void try_pe(struct crashres_ctx *ctx, const uint8_t *data, size_t size)
{
	struct crs_authenticode signature;
	struct crs_digest digest;

	if (!check_status(ctx, crs_authenticode_parse(ctx, data, size, &signature)))
		return;
	require_inside(signature.cms, data, size);
	check_status(ctx, crs_authenticode_digest(ctx, &signature, CRASHRES_HASH_SHA256, &digest));
	try_cms(ctx, signature.cms.data, signature.cms.size, (struct crs_bytes){ data, 0 });
}

static void try_appended(struct crashres_ctx *ctx, const uint8_t *data, size_t size)
{
	struct crs_modsig modsig;

	if (check_status(ctx, crs_modsig_parse(ctx, data, size, &modsig)))
		try_cms(ctx, modsig.cms, modsig.cms_size,
			(struct crs_bytes){ data, modsig.content_size });
}

static void try_certificate(struct crashres_ctx *ctx, const uint8_t *data, size_t size)
{
	struct crashres_certificate *certificate;

	if (check_status(ctx, crs_certificate_from_der(ctx, (struct crs_bytes){ data, size },
						       &certificate)))
		crashres_certificate_free(certificate);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct crs_imasig imasig;
	struct crashres_ctx *ctx;

	require(crashres_ctx_new(&ctx) == CRASHRES_OK);
	try_pe(ctx, data, size);
	try_appended(ctx, data, size);
	try_certificate(ctx, data, size);
	try_cms(ctx, data, size, (struct crs_bytes){ data, 0 });
	check_status(ctx, crs_imasig_parse(ctx, data, size, &imasig));
	crashres_ctx_free(ctx);
	return 0;
}

/* Returns bytes of security.ima with @size bytes of signature. */
static struct bytes make_imasig(void)
{
	struct bytes imasig = { unit_alloc(9 + 70), 9 + 70 };

	memcpy(imasig.data, "\x03\x02\x04\x11\x22\x33\x44\x00\x46", 9);
	unit_fill(imasig.data + 9, 70, 3);
	return imasig;
}

uint8_t *fuzz_seed(unsigned int index, size_t *size)
{
	struct bytes seed = { NULL, 0 };

	if (!signer.key) {
		signer.key = signer_key();
		signer.certificate = signer_certificate(signer.key);
	}
	switch (index) {
	case 0:
		seed = signer_pe(signer.key, signer.certificate);
		break;
	case 1:
		seed = signer_appended(signer.key, signer.certificate);
		break;
	case 2:
		seed = signer_certificate(signer.key);
		break;
	case 3:
		seed = make_imasig();
		break;
	case 4:
		seed = signer_authenticode(signer.key, signer.certificate, signer.certificate);
		break;
	default:
		EVP_PKEY_free(signer.key);
		free(signer.certificate.data);
		signer.key = NULL;
	}
	*size = seed.size;
	return seed.data;
}

void fuzz_repair(uint8_t *data, size_t size)
{
	if (size > SIGNER_PE_TABLE + 16 && data[0] == 'M' && data[1] == 'Z') {
		unit_put_le(data + SIGNER_PE_ENTRY, 4, SIGNER_PE_TABLE);
		unit_put_le(data + SIGNER_PE_ENTRY + 4, 4, size - SIGNER_PE_TABLE);
	}
}
