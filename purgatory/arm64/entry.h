/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* entry.h: starts the kernel. */
#ifndef PURGATORY_ENTRY_H
#define PURGATORY_ENTRY_H

#include <stdint.h>

#pragma GCC visibility push(hidden)

/*
 * Jumps to the kernel in the state that booting.rst demands. The MMU and the D-cache must
 * be off. @dtb and @entry are physical addresses.
 */
_Noreturn void pg_start_kernel(uint64_t dtb, uint64_t entry);

#pragma GCC visibility pop

#endif
