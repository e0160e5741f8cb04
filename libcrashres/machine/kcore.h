/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads numbers of the running kernel from the start of /proc/kcore (fs/proc/kcore.c):
 * the ELF header, the program headers, and the VMCOREINFO note.
 *
 * The numbers map physical to virtual addresses. The library writes virtual addresses
 * into the elfcorehdr, and dump tools need them. The addresses of symbols in
 * /proc/kallsyms are not a substitute: a kernel can hide _text, and a wrong guess gives
 * the vmcore a size that makes no sense.
 */
#ifndef CRS_KCORE_H
#define CRS_KCORE_H

#include "../base/ctx.h"
#include "../base/range.h"

struct crs_kcore {
	bool linear_known;		/* is @linear_offset valid? */
	uint64_t linear_offset;		/* of RAM in the linear map: virtual minus physical
					   address, modulo 2^64 */
	bool image_known;		/* is @image_offset valid? */
	uint64_t image_offset;		/* of the kernel's image: the same difference, which the
					   kernel calls kimage_voffset */
	uint64_t page_size;		/* bytes; 0: VMCOREINFO does not contain it */
};

/*
 * Computes how many bytes of /proc/kcore the caller must read to get all headers and
 * notes. After the notes the file contains the memory of the machine.
 *
 * @head, @size: the bytes read so far. The caller reads more and calls again, until the
 * result is not greater than @size.
 */
size_t crs_kcore_head_size(const void *head, size_t size);

/*
 * Parses the first @size bytes of /proc/kcore.
 *
 * @ram:   the ranges of RAM. Only program headers for RAM count.
 * @kcore: out. A number stays unknown if the file lacks it, or if two places in the file
 *         disagree about it (the log has a warning then).
 *
 * Return: CRASHRES_ERR_FORMAT if the bytes are not a 64-bit ELF core file.
 */
enum crashres_status crs_kcore_parse(struct crashres_ctx *ctx, const void *head, size_t size,
				     const struct crs_ranges *ram, struct crs_kcore *kcore);

#endif
