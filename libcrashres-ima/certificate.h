/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CRS_IMA_CERTIFICATE_H
#define CRS_IMA_CERTIFICATE_H

#include "key.h"

struct crashres_certificate {
	X509 *x509;
	EVP_PKEY *pkey;			/* belongs to x509 */
	enum crashres_key_type type;
	uint32_t key_id;
	char subject[512];
};

/* CRASHRES_ERR_REQUEST where they are no pair. */
enum crashres_status crs_certificate_check_key(struct crashres_ctx *ctx,
					       const struct crashres_certificate *certificate,
					       const struct crashres_key *key);

#endif
