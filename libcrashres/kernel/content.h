/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * content.h: the bytes of a kernel without its signatures.
 *
 * A signature is one of
 *   PE signature        the certificate table at the end of a PE file (pe.h); zeros can follow
 *   appended signature  a CMS structure, 12 bytes of fields and a marker at the end of the file
 *                       (Linux, include/linux/module_signature.h)
 * in any order and number. If there is a PE signature, its entry in the data directories and the
 * checksum, which signers change too, become 0. So the content is a valid unsigned PE file, and
 * two kernels that differ only in their signatures have equal contents.
 */
#ifndef CRS_CONTENT_H
#define CRS_CONTENT_H

#include "kernel.h"

/*
 * Removes the signatures of a kernel.
 *
 * @content: out; release with crashres_input_close(). The kernel's own input if it has no
 *           signature, else a copy.
 */
enum crashres_status crs_kernel_content(struct crashres_ctx *ctx,
					const struct crashres_kernel *kernel,
					struct crashres_input **content);

#endif
