/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * purgatory.h: what entry.S and exception.S call.
 *
 * The machine while C runs: EL1 or EL2, one CPU, all of DAIF masked. But for the
 * check of the segments, and then not everywhere, MMU and D-cache are off, so
 * that every data access is to Device memory: nothing may be unaligned, no
 * exclusives. Only the functions of sha256-blocks.h and parity-vectors.h touch
 * vector registers.
 */
#ifndef PURGATORY_PURGATORY_H
#define PURGATORY_PURGATORY_H

#include <stdint.h>

#pragma GCC visibility push(hidden)

void pg_main(uint64_t dtb);
_Noreturn void pg_exception(uint64_t esr, uint64_t elr, uint64_t far);

#pragma GCC visibility pop

#endif
