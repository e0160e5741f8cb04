/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * find.h: finds the segments. loaded.c implements it for kexec_load (purgatory.bin),
 * sealed.c for a sealed Image (sealed.bin).
 */
#ifndef PURGATORY_FIND_H
#define PURGATORY_FIND_H

#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/*
 * Fills in the params that the library does not know when it seals an Image: addresses,
 * which follow from the load address, and the places that the device tree names. Then
 * keeps the list of used ranges (used.h).
 * @dtb: physical address of the device tree, from x0; 0 with kexec_load.
 * Returns false if the params are wrong, if two used ranges overlap, or if the params
 * could not be cleaned.
 */
bool pg_complete_params(uint64_t dtb);

/*
 * Returns true if a repair may store to @block. Call it after the check. The place of a
 * sealed Image's initrd comes from a device tree that no digest covers. A repair there
 * could overwrite other memory, so sealed.c allows it only after further tests.
 */
bool pg_may_store(uint64_t block);

#pragma GCC visibility pop

#endif
