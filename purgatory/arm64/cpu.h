/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpu.h: finds the features of this CPU and enables them. */
#ifndef PURGATORY_CPU_H
#define PURGATORY_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/parity.h"
#include "shared/sha256.h"

#pragma GCC visibility push(hidden)

/* True at EL2, false at EL1. */
bool pg_at_el2(void);

/* True at EL2 with HCR_EL2.E2H=1: the _EL1 names then reach the EL2 registers (a VHE host). */
bool pg_has_e2h(void);

/* True if the register TCR2_ELx exists. */
bool pg_cpu_has_tcr2(void);

/* Enables vector instructions. Returns false if none may be used. */
bool pg_cpu_enable_simd(void);

/* Return the fastest method of this CPU. @simd: the result of pg_cpu_enable_simd(). */
enum pg_sha256_method pg_cpu_sha256_method(bool simd);
enum pg_parity_method pg_cpu_parity_method(bool simd);

/* probe.S: executes one vector instruction. It traps in streaming mode: call it in pg_try(). */
void pg_probe_vectors(void);

/*
 * Routes SErrors to this exception level, so that pg_try() can take them. Returns the old
 * HCR_EL2 for pg_cpu_restore_serrors(), which must be called before the kernel starts.
 * At EL1 both do nothing.
 */
uint64_t pg_cpu_route_serrors(void);
void pg_cpu_restore_serrors(uint64_t hcr);

#pragma GCC visibility pop

#endif
