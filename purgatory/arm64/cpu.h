/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpu.h: what this CPU has, and switching it on. */
#ifndef PURGATORY_CPU_H
#define PURGATORY_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/parity.h"
#include "shared/sha256.h"

#pragma GCC visibility push(hidden)

/* Purgatory runs at EL1 or at EL2. E2H: EL2 has the registers of EL1 (Linux: a VHE host). */
bool pg_at_el2(void);
bool pg_has_e2h(void);

bool pg_cpu_has_tcr2(void);
bool pg_cpu_enable_simd(void);	/* false: no vector instruction may be used */
enum pg_sha256_method pg_cpu_sha256_method(bool simd);
enum pg_parity_method pg_cpu_parity_method(bool simd);

/* probe.S: one vector instruction, which is not allowed in streaming mode. */
void pg_probe_vectors(void);

/*
 * SErrors of this exception level come to it, as far as pg_try lets them; or go
 * where they went before.
 */
uint64_t pg_cpu_route_serrors(void);
void pg_cpu_restore_serrors(uint64_t hcr);

#pragma GCC visibility pop

#endif
