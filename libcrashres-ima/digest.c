/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* digest.c: the table of hash algorithms, and hashing with OpenSSL. */
#include "digest.h"

/* One row for each hash that the library can use. */
static const struct hash {
	enum crashres_hash hash;	/* the kernel's number */
	int nid;			/* OpenSSL's number */
	const EVP_MD *(*md)(void);
	const char *name;
} hashes[] = {
	{ CRASHRES_HASH_SHA256, NID_sha256, EVP_sha256, "sha256" },
	{ CRASHRES_HASH_SHA384, NID_sha384, EVP_sha384, "sha384" },
	{ CRASHRES_HASH_SHA512, NID_sha512, EVP_sha512, "sha512" },
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

bool crs_hash_from_nid(int nid, enum crashres_hash *hash)
{
	for (size_t i = 0; i < HASH_COUNT; i++) {
		if (hashes[i].nid != nid)
			continue;
		*hash = hashes[i].hash;
		return true;
	}
	return false;
}

enum crashres_status crs_digest_make(struct crashres_ctx *ctx, enum crashres_hash hash,
				     const void *data, size_t size, struct crs_digest *digest)
{
	struct crs_digest new = { .hash = hash };
	unsigned int length;

	if (!EVP_Digest(data, size, new.bytes, &length, crs_hash_md(hash), NULL))
		return crs_fail_openssl(ctx, CRASHRES_ERR_UNSUPPORTED, "%s",
					crashres_hash_name(hash));
	new.size = length;
	*digest = new;
	return CRASHRES_OK;
}
