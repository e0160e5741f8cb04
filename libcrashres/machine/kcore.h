/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The running kernel's own numbers, from the program headers and the
 * VMCOREINFO note of /proc/kcore (fs/proc/kcore.c).
 *
 * They give dump tools virtual addresses. Symbols are no source for them: a
 * kernel may hide _text, and a guess makes a vmcore of nonsensical size.
 */
#ifndef CRS_KCORE_H
#define CRS_KCORE_H

#include "../base/ctx.h"
#include "../base/range.h"

struct crs_kcore {
	/* Virtual minus physical address of RAM in the linear map, modulo 2^64. */
	bool linear_known;
	uint64_t linear_offset;

	/* The same for the kernel's own image: kimage_voffset. */
	bool image_known;
	uint64_t image_offset;

	uint64_t page_size;		/* 0 where VMCOREINFO does not say */
};

/*
 * How much of /proc/kcore has to be read, judged by the @size bytes read so
 * far: up to the end of the notes. What follows is the memory itself.
 */
size_t crs_kcore_head_size(const void *head, size_t size);

/*
 * @head is the start of /proc/kcore. What it does not say, or says in two ways
 * that disagree about @ram, stays unknown.
 *
 * Return: CRASHRES_ERR_FORMAT when it is no 64-bit ELF core.
 */
enum crashres_status crs_kcore_parse(struct crashres_ctx *ctx, const void *head, size_t size,
				     const struct crs_ranges *ram, struct crs_kcore *kcore);

#endif
