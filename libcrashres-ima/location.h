/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * location.h: the name of a key or certificate in messages. A location is a path or a URI,
 * and a pkcs11: URI can contain a PIN (RFC 7512, 2.4):
 *
 *   pkcs11:object=kdump;type=private?pin-value=1234&module-name=x
 *
 * Messages, prompts and logs show "***" instead of the values of pin-value and pin-source.
 */
#ifndef CRS_IMA_LOCATION_H
#define CRS_IMA_LOCATION_H

/*
 * Returns a copy of @location in which "***" follows the first pin-value= or pin-source=, or NULL
 * if no memory is left. The caller frees it. The rest of the text is left out, because a PIN can
 * contain the characters that end a value.
 *
 * An attribute is found by any spelling that a lenient parser could accept: at any place, in upper
 * case, with characters as "%70", and with blanks before the "=".
 */
char *crs_location_name(const char *location);

#endif
