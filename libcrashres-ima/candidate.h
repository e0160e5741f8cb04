/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * candidate.h: judges one signature of a file by the keyrings of the kernel.
 *
 * The kernel does not give out the public keys in its keyrings. So a candidate has the certificates
 * that can belong to the signature: those inside it and those of the caller. A certificate of the
 * caller counts as trusted if one of the keyrings has a key of its name and identifier.
 * crashres_verify_input() with the trusted certificates then answers as the kernel does.
 *
 * A certificate inside the file is never trusted: its maker chooses name and identifier. If they
 * are those of a key in a keyring, the answer is unknown.
 */
#ifndef CRS_IMA_CANDIDATE_H
#define CRS_IMA_CANDIDATE_H

#include <crashres/ima.h>

#include "../libcrashres/base/input.h"
#include "../libcrashres/machine/keyrings.h"

/* A file, and everything at hand to judge its signatures. */
struct crs_signed_file {
	struct crashres_ctx *ctx;
	const struct crashres_input *input;		  /* borrowed; the bytes of the file */
	struct crashres_certificate *const *certificates; /* borrowed; of the caller */
	size_t count;					  /* of @certificates */
	struct crs_keyrings keyrings;
};

/*
 * Judges the signature at @place of the file, and stores the answer in @check. @check->appraiser is
 * set before: it decides which keyrings the kernel searches.
 *
 * Return: an error only if the file cannot be judged; a refused signature is an answer.
 */
enum crashres_status crs_candidate_judge(const struct crs_signed_file *file,
					 enum crashres_signature place,
					 struct crashres_appraisal_check *check);

#endif
