/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ELF header that the capture kernel serves as /proc/vmcore: notes of every
 * CPU, VMCOREINFO, and all memory of the crashed kernel (fs/proc/vmcore.c).
 */
#ifndef CRS_ELFCOREHDR_H
#define CRS_ELFCOREHDR_H

#include "../machine/machine.h"

/*
 * @data is for free().
 *
 * One PT_NOTE a CPU and one for VMCOREINFO; one PT_LOAD a range of RAM outside
 * every crash region; and, only where its virtual address is known, one more for
 * the kernel's image, which aliases RAM. p_vaddr of RAM is 0 where unknown,
 * which dump tools take as such.
 *
 * Return: CRASHRES_ERR_LIMIT when it needs more program headers than ELF counts.
 */
enum crashres_status crs_elfcorehdr_make(struct crashres_ctx *ctx,
					 const struct crashres_machine *machine, uint8_t **data,
					 size_t *size);

#endif
