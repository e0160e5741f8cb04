/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names of the places of a signature, for the output of sign and verify. */
#ifndef CRASHRES_PLACES_H
#define CRASHRES_PLACES_H

#include <crashres/ima.h>

/* Returns the name in text, such as "PE signature". */
const char *place_text(enum crashres_signature place);

/*
 * Returns the value of the key "signature" in JSON, such as "pe". The options of verify that choose
 * a place have the same names.
 */
const char *place_json(enum crashres_signature place);

#endif
