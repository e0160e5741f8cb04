/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of options that kexec and crashres share; what is wrong is said on stderr. */
#ifndef KEXEC_VALUES_H
#define KEXEC_VALUES_H

#include <crashres/crashres.h>

/* Says "Bad option value in --name=text"; false. */
bool values_bad(const char *name, const char *text);

bool values_address(const char *name, const char *text, uint64_t *value);
/* Up to a day. */
bool values_seconds(const char *name, const char *text, uint32_t *seconds);
bool values_on_damage(const char *name, const char *text, enum crashres_on_damage *on_damage);
/* "auto", "off", or a percentage with up to two decimals, in 1/100 %. */
bool values_repair(const char *name, const char *text, uint32_t *repair);

#endif
