/* SPDX-License-Identifier: GPL-2.0-or-later */
/* places.c: the names of the places of a signature. */
#include "places.h"

static const struct {
	const char *text;
	const char *json;
} places[] = {
	[CRASHRES_SIGNATURE_XATTR] = { "security.ima", "xattr" },
	[CRASHRES_SIGNATURE_SIGFILE] = { "signature file", "sigfile" },
	[CRASHRES_SIGNATURE_APPENDED] = { "appended signature", "appended" },
	[CRASHRES_SIGNATURE_PE] = { "PE signature", "pe" },
};

const char *place_text(enum crashres_signature place)
{
	return places[place].text;
}

const char *place_json(enum crashres_signature place)
{
	return places[place].json;
}
