/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The results of crashres verify: one for each place of a signature. */
#ifndef CRASHRES_VERIFY_RESULTS_H
#define CRASHRES_VERIFY_RESULTS_H

#include <crashres/ima.h>

struct verify_place {
	enum crashres_signature signature;
	const char *absent;		/* the message without such a signature */
};

/* The places, in the order of the output. */
#define VERIFY_PLACES 4
extern const struct verify_place verify_places[VERIFY_PLACES];

struct verify_results {
	const char *file;			/* borrowed path */
	const struct verify_place *only;	/* the only place to look at; NULL: all places */
	/* Each owned, from crashres_verify_input(). NULL: no signature at this place. */
	struct crashres_verification *verifications[VERIFY_PLACES];
};

/*
 * Returns true if there is at least one signature that the kernel reads, and all signatures are
 * valid. The kernel reads FILE.sig only after it is set as security.ima, so this signature counts
 * only if it is the only place.
 */
bool verify_results_are_valid(const struct verify_results *results);

/* Prints all results as text, or one line if there is no signature. */
void verify_results_print(const struct verify_results *results);

/* Prints all results as one JSON object. */
void verify_results_print_json(const struct verify_results *results);

#endif
