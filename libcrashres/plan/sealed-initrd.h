/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sealed-initrd.h: compares an initrd with the initrd that a sealed Image expects. */
#ifndef CRS_SEALED_INITRD_H
#define CRS_SEALED_INITRD_H

#include "../kernel/kernel.h"

/*
 * Checks that @initrd is the initrd that @kernel was sealed with. Otherwise purgatory would
 * report a damaged initrd after the panic. A kernel that is not sealed passes.
 *
 * @initrd:     may be NULL.
 * @only_check: purgatory in @kernel is the only check of this load. If it does not know any
 *              initrd, the log has a warning that nothing checks @initrd.
 *
 * Return:
 *   CRASHRES_ERR_REQUEST  @initrd is missing or has other bytes
 *   CRASHRES_ERR_FORMAT   the sealed Image is damaged
 */
enum crashres_status crs_sealed_initrd_check(struct crashres_ctx *ctx,
					     const struct crashres_kernel *kernel,
					     const struct crashres_input *initrd, bool only_check);

/* As crs_sealed_initrd_check(), but logs no warnings. */
enum crashres_status crs_sealed_initrd_compare(struct crashres_ctx *ctx,
					       const struct crashres_kernel *kernel,
					       const struct crashres_input *initrd);

/*
 * Checks that the sealed Image @kernel, whose header names another initrd than @initrd, is whole:
 * purgatory must not expect @initrd, and must expect as many bytes as the header names. Purgatory
 * of another version passes.
 *
 * @initrd: may be NULL.
 *
 * Return: CRASHRES_ERR_FORMAT if the sealed Image is damaged.
 */
enum crashres_status crs_sealed_initrd_check_other(struct crashres_ctx *ctx,
						   const struct crashres_kernel *kernel,
						   const struct crashres_input *initrd);

#endif
