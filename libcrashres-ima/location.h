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
 * Returns a copy of @location in which the values of pin-value and pin-source are "***",
 * or NULL if no memory is left. The caller frees it.
 *
 * An attribute is found by any spelling that a lenient parser could accept: in the path and
 * in the query, in upper case, and with characters as "%70".
 */
char *crs_location_name(const char *location);

#endif
