/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trusted-keys.h: find certificates in the keyrings of the kernel.
 *
 * The description of a key has the subject of its certificate, and the SubjectKeyIdentifier, or
 * the serial number if there is none (machine/keyrings.h). /proc/keys has the type of the key.
 * All of them are compared. The kernel itself compares serial number and issuer, too; it does
 * not show them. So two certificates with the same subject, SubjectKeyIdentifier and type cannot
 * be told apart.
 */
#ifndef CRS_IMA_TRUSTED_KEYS_H
#define CRS_IMA_TRUSTED_KEYS_H

#include "../libcrashres/machine/keyrings.h"
#include "certificate.h"

/* The first key in the keyrings @rings (CRS_RING_BIT) of this certificate, or NULL. */
const struct crs_key *crs_trusted_find(const struct crs_keyrings *keyrings, unsigned int rings,
				       const struct crashres_certificate *certificate);

/* The first key in @rings that can have issued @certificate, by its AuthorityKeyIdentifier. */
const struct crs_key *crs_trusted_find_issuer(const struct crs_keyrings *keyrings,
					      unsigned int rings,
					      const struct crashres_certificate *certificate);

/* The first key in @rings whose id ends with the 4 bytes @key_id, as in security.ima. */
const struct crs_key *crs_trusted_find_key_id(const struct crs_keyrings *keyrings,
					      unsigned int rings, uint32_t key_id);

/* The number of keys in @rings whose id ends with @key_id. */
size_t crs_trusted_count_key_id(const struct crs_keyrings *keyrings, unsigned int rings,
				uint32_t key_id);

/* Is there a key in @rings whose description has no id, so that nothing can be compared? */
bool crs_trusted_any_unnamed(const struct crs_keyrings *keyrings, unsigned int rings);

/* Is there a key of any certificate in @rings? */
bool crs_trusted_any(const struct crs_keyrings *keyrings, unsigned int rings);

/* Does .blacklist have the key of @certificate, or the digest of its signed part? */
bool crs_trusted_is_revoked(const struct crs_keyrings *keyrings,
			    const struct crashres_certificate *certificate);

/* Does .blacklist have "bin:" and this digest, @size bytes? */
bool crs_trusted_is_digest_revoked(const struct crs_keyrings *keyrings, const uint8_t *digest,
				   size_t size);

#endif
