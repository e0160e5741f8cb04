/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* entry.h: hand over to the kernel as its booting.rst demands. */
#ifndef PURGATORY_ENTRY_H
#define PURGATORY_ENTRY_H

#include <stdint.h>

#pragma GCC visibility push(hidden)

_Noreturn void pg_start_kernel(uint64_t dtb, uint64_t entry);

#pragma GCC visibility pop

#endif
