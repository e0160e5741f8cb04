/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* digest.c: the table of hash algorithms, and hashing with OpenSSL. */
#include <string.h>

#include "digest.h"

/* One row for each hash that the library can use. */
static const struct hash {
	enum crashres_hash hash;	/* the kernel's number */
	uint8_t arc;			/* last byte of the object identifier */
	const EVP_MD *(*md)(void);
	const char *name;
} hashes[] = {
	{ CRASHRES_HASH_SHA256, 1, EVP_sha256, "sha256" },
	{ CRASHRES_HASH_SHA384, 2, EVP_sha384, "sha384" },
	{ CRASHRES_HASH_SHA512, 3, EVP_sha512, "sha512" },
};

#define HASH_COUNT (sizeof(hashes) / sizeof(*hashes))

/* Returns the row of @hash, or NULL. */
static const struct hash *find_hash(unsigned int hash)
{
	for (size_t i = 0; i < HASH_COUNT; i++)
		if ((unsigned int)hashes[i].hash == hash)
			return &hashes[i];
	return NULL;
}

bool crs_hash_is_known(unsigned int hash)
{
	return find_hash(hash);
}

const char *crashres_hash_name(enum crashres_hash hash)
{
	const struct hash *found = find_hash(hash);

	return found ? found->name : NULL;
}

const EVP_MD *crs_hash_md(enum crashres_hash hash)
{
	return find_hash(hash)->md();
}

bool crs_hash_from_oid(struct crs_bytes oid, enum crashres_hash *hash)
{
	/* 2.16.840.1.101.3.4.2 (NIST, hash algorithms); one more byte names the algorithm. */
	static const uint8_t start[] = { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02 };

	if (oid.size != sizeof(start) + 1 || memcmp(oid.data, start, sizeof(start)))
		return false;
	for (size_t i = 0; i < HASH_COUNT; i++) {
		if (hashes[i].arc != oid.data[sizeof(start)])
			continue;
		*hash = hashes[i].hash;
		return true;
	}
	return false;
}

enum crashres_status crs_digest_parts(struct crashres_ctx *ctx, enum crashres_hash hash,
				      const struct crs_bytes *parts, size_t count,
				      struct crs_digest *digest)
{
	struct crs_digest new = { .hash = hash };
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok = md && EVP_DigestInit_ex2(md, crs_hash_md(hash), NULL);
	unsigned int length = 0;

	for (size_t i = 0; i < count && ok; i++)
		ok = EVP_DigestUpdate(md, parts[i].data, parts[i].size);
	ok = ok && EVP_DigestFinal_ex(md, new.bytes, &length);
	EVP_MD_CTX_free(md);
	if (!ok)
		return crs_fail_openssl(ctx, CRASHRES_ERR_UNSUPPORTED, "%s",
					crashres_hash_name(hash));
	new.size = length;
	*digest = new;
	return CRASHRES_OK;
}

enum crashres_status crs_digest_make(struct crashres_ctx *ctx, enum crashres_hash hash,
				     const void *data, size_t size, struct crs_digest *digest)
{
	return crs_digest_parts(ctx, hash, &(struct crs_bytes){ data, size }, 1, digest);
}
