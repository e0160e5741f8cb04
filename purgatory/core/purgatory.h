/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * purgatory.h: the two C functions that entry.S and exception.S call.
 *
 * State of the machine while C code runs:
 *  - EL1, EL2 with E2H=1 or EL2 with E2H=0; one CPU; all of DAIF masked (pg_try
 *    unmasks SErrors).
 *  - MMU and D-cache are off, except during the check of the segments on most
 *    machines. With the MMU off every data access is to Device memory: an unaligned
 *    access faults, and exclusives, atomics and DC ZVA are not allowed.
 *  - Only the functions of sha256-blocks.h and parity-vectors.h use vector registers.
 */
#ifndef PURGATORY_PURGATORY_H
#define PURGATORY_PURGATORY_H

#include <stdint.h>

#pragma GCC visibility push(hidden)

/*
 * @dtb: x0 at the entry. The physical address of the device tree if kexec_file_load
 * loaded a sealed Image, 0 with kexec_load. Ends with the start of the kernel, a
 * reset or a halt, and never returns.
 */
void pg_main(uint64_t dtb);

/*
 * Prints the registers of an exception that no pg_try expected (ESR, ELR, FAR of this
 * exception level), and resets.
 */
_Noreturn void pg_exception(uint64_t esr, uint64_t elr, uint64_t far);

#pragma GCC visibility pop

#endif
