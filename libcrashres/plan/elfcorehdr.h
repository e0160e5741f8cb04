/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * elfcorehdr.h: makes the ELF header that the capture kernel serves as /proc/vmcore
 * (fs/proc/vmcore.c).
 *
 *   offset 0    ELF header, 64 bytes (ELF64, little-endian, ET_CORE, EM_AARCH64)
 *   offset 64   program headers, 56 bytes each:
 *                 PT_NOTE   one for each CPU: registers at the panic
 *                 PT_NOTE   VMCOREINFO
 *                 PT_LOAD   the kernel image, if its virtual address is known
 *                 PT_LOAD   one for each range of RAM outside of the crash regions
 *
 * The notes and the memory are not copied. The capture kernel reads p_offset as a physical
 * address in the memory of the crashed kernel.
 */
#ifndef CRS_ELFCOREHDR_H
#define CRS_ELFCOREHDR_H

#include "../machine/machine.h"

/*
 * Makes the header. The kernel image appears twice, as a part of RAM and with its own virtual
 * address. p_vaddr of RAM is 0 if the linear mapping is unknown; dump tools accept that.
 *
 * @data: out; release with free(). @size: out; bytes.
 *
 * Return: CRASHRES_ERR_LIMIT if e_phnum (16 bits) cannot count the program headers.
 */
enum crashres_status crs_elfcorehdr_make(struct crashres_ctx *ctx,
					 const struct crashres_machine *machine, uint8_t **data,
					 size_t *size);

#endif
