/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CRS_SEALED_INITRD_H
#define CRS_SEALED_INITRD_H

#include "../kernel/kernel.h"

/*
 * A sealed Image checks its initrd after the panic, and another one counts as
 * damage: compares them now. CRASHRES_ERR_REQUEST where @initrd, which may be NULL,
 * is not the one that @kernel was sealed with. A kernel that is not sealed passes.
 * @alone: nothing but the sealed Image checks what is loaded. An initrd that it does
 * not know is a warning then.
 */
enum crashres_status crs_sealed_initrd_check(struct crashres_ctx *ctx,
					     const struct crashres_kernel *kernel,
					     const struct crashres_input *initrd, bool only_check);

#endif
