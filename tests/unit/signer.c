/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes keys, certificates and signatures with OpenSSL. */
#include <openssl/x509v3.h>

#include "signer.h"
#include "support.h"
#include "wrap.h"

/* SpcIndirectDataContent before the digest: SPC_PE_IMAGE_DATA without a value, and sha256. */
static const uint8_t indirect[] = {
	0x30, 0x0e, 0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x01, 0x0f, 0x30,
	0x00, 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
	0x01, 0x05, 0x00, 0x04, 0x20,
};

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* Moves memory of OpenSSL to memory that free() frees. */
static struct bytes take(uint8_t *data, int size)
{
	struct bytes bytes;

	require(size > 0);
	bytes = (struct bytes){ malloc((size_t)size), (size_t)size };
	require(bytes.data);
	memcpy(bytes.data, data, bytes.size);
	OPENSSL_free(data);
	return bytes;
}

EVP_PKEY *signer_key(void)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");

	require(key);
	return key;
}

static void add_extension(X509 *x509, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&ctx, x509, x509, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	require(extension && X509_add_ext(x509, extension, -1));
	X509_EXTENSION_free(extension);
}

struct bytes signer_certificate(EVP_PKEY *key)
{
	X509 *x509 = X509_new();
	X509_NAME *name = X509_get_subject_name(x509);
	uint8_t *der = NULL;
	int size;

	require(X509_set_version(x509, 2) && ASN1_INTEGER_set(X509_get_serialNumber(x509), 1) &&
		X509_gmtime_adj(X509_getm_notBefore(x509), -3600) &&
		X509_gmtime_adj(X509_getm_notAfter(x509), 3600) &&
		X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"unit", -1,
					   -1, 0) &&
		X509_set_issuer_name(x509, name) && X509_set_pubkey(x509, key));
	add_extension(x509, NID_subject_key_identifier, "hash");
	add_extension(x509, NID_authority_key_identifier, "keyid,issuer:always");
	add_extension(x509, NID_basic_constraints, "CA:TRUE");
	add_extension(x509, NID_key_usage, "digitalSignature");
	require(X509_sign(x509, key, EVP_sha256()));
	size = i2d_X509(x509, &der);
	X509_free(x509);
	return take(der, size);
}

static X509 *parse(struct bytes certificate)
{
	const uint8_t *at = certificate.data;
	X509 *x509 = d2i_X509(NULL, &at, (long)certificate.size);

	require(x509);
	return x509;
}

/* Returns the place of the bytes @wanted in @bytes. */
static uint8_t *find(struct bytes bytes, const void *wanted, size_t size)
{
	uint8_t *found = memmem(bytes.data, bytes.size, wanted, size);

	require(found);
	return found;
}

/* Signs @content. NULL as @type: data, detached, without signed attributes. */
static struct bytes sign(EVP_PKEY *key, struct bytes certificate, struct bytes content,
			 const char *type)
{
	const unsigned int flags = CMS_BINARY | (type ? 0 : CMS_DETACHED);
	BIO *bio = BIO_new_mem_buf(content.data, (int)content.size);
	CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, NULL, flags | CMS_PARTIAL);
	ASN1_OBJECT *object = type ? OBJ_txt2obj(type, 1) : NULL;
	X509 *x509 = parse(certificate);
	uint8_t *der = NULL;
	int size;

	require(cms && (!type || CMS_set1_eContentType(cms, object)));
	require(CMS_add1_signer(cms, x509, key, EVP_sha256(),
				flags | CMS_NOSMIMECAP | (type ? 0 : CMS_NOATTR)));
	require(CMS_final(cms, bio, NULL, flags));
	size = i2d_CMS_ContentInfo(cms, &der);
	ASN1_OBJECT_free(object);
	CMS_ContentInfo_free(cms);
	X509_free(x509);
	BIO_free(bio);
	return take(der, size);
}

struct bytes signer_authenticode(EVP_PKEY *key, struct bytes certificate, struct bytes content)
{
	struct bytes cms = sign(key, certificate, content, "1.3.6.1.4.1.311.2.1.4");

	/*
	 * OpenSSL makes a structure of CMS: version 3, and the content in an OCTET STRING.
	 * Authenticode is the older PKCS #7: version 1, and the content in a SEQUENCE. Both have
	 * the same digest, because it does not cover the tag.
	 */
	find(cms, "\x02\x01\x03", 3)[2] = 1;
	find(cms, content.data, content.size)[-2] = 0x30;
	return cms;
}

/* Returns the digest of a PE file without signature whose sections lie in order. */
static void hash_pe(struct bytes pe, uint8_t digest[32])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	const size_t entry_end = SIGNER_PE_ENTRY + 8;

	require(md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) &&
		EVP_DigestUpdate(md, pe.data, SIGNER_PE_CHECKSUM) &&
		EVP_DigestUpdate(md, pe.data + SIGNER_PE_CHECKSUM + 4,
				 SIGNER_PE_ENTRY - SIGNER_PE_CHECKSUM - 4) &&
		EVP_DigestUpdate(md, pe.data + entry_end, pe.size - entry_end) &&
		EVP_DigestFinal_ex(md, digest, NULL));
	EVP_MD_CTX_free(md);
}

/* Appends @more and zeros up to a multiple of 8 bytes. Frees both. */
static struct bytes join(struct bytes bytes, struct bytes more)
{
	size_t size = (bytes.size + more.size + 7) / 8 * 8;
	struct bytes all = { unit_alloc(size), size };

	memcpy(all.data, bytes.data, bytes.size);
	memcpy(all.data + bytes.size, more.data, more.size);
	free(bytes.data);
	free(more.data);
	return all;
}

struct bytes signer_pe(EVP_PKEY *key, struct bytes certificate)
{
	struct bytes text = { (uint8_t *)(uintptr_t)"text", 4 }, pe, cms, wrapper;
	const struct wrap_section sections[] = { { ".one", text, 0 }, { ".two", text, 0 } };
	uint8_t content[sizeof(indirect) + 32];

	pe = wrap_pe(sections, 2);
	unit_put_le(pe.data + 64 + 24 + 60, 4, 512);
	memcpy(content, indirect, sizeof(indirect));
	hash_pe(pe, content + sizeof(indirect));
	cms = signer_authenticode(key, certificate, (struct bytes){ content, sizeof(content) });
	wrapper = (struct bytes){ unit_alloc(8), 8 };
	unit_put_le(wrapper.data, 4, 8 + cms.size);
	unit_put_le(wrapper.data + 4, 4, 0x00020200);
	wrapper = join(wrapper, cms);
	unit_put_le(pe.data + SIGNER_PE_ENTRY, 4, pe.size);
	unit_put_le(pe.data + SIGNER_PE_ENTRY + 4, 4, wrapper.size);
	return join(pe, wrapper);
}

struct bytes signer_append(EVP_PKEY *key, struct bytes certificate, struct bytes content)
{
	static const char marker[] = "~Module signature appended~\n";
	struct bytes cms = sign(key, certificate, content, NULL);
	size_t start = content.size + cms.size;
	struct bytes file = { unit_alloc(start + 40), start + 40 };

	memcpy(file.data, content.data, content.size);
	memcpy(file.data + content.size, cms.data, cms.size);
	file.data[start + 2] = 2;
	file.data[start + 10] = (uint8_t)(cms.size >> 8);
	file.data[start + 11] = (uint8_t)cms.size;
	memcpy(file.data + start + 12, marker, 28);
	free(cms.data);
	return file;
}

struct bytes signer_appended(EVP_PKEY *key, struct bytes certificate)
{
	static const char text[] = "the signed content";
	struct bytes content = { (uint8_t *)(uintptr_t)text, sizeof(text) - 1 };

	return signer_append(key, certificate, content);
}
