/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Public structs grow (design.md, rule 9). The first member of each is its size
 * as the caller was compiled. Members are added at the end only.
 */
#ifndef CRS_STRUCT_SIZE_H
#define CRS_STRUCT_SIZE_H

#include <stddef.h>

#include "ctx.h"

/*
 * @last ends where struct @type ends. Bytes of padding there would become a member
 * of a later version without a new size, and old callers never set them. The ABI is
 * that of 64-bit machines.
 */
#if UINTPTR_MAX > UINT32_MAX
#define CRS_ASSERT_NO_TAIL_PADDING(type, last) \
	_Static_assert(offsetof(struct type, last) + sizeof(((struct type *)NULL)->last) == \
		       sizeof(struct type), "struct " #type " has padding at its end")
#else
#define CRS_ASSERT_NO_TAIL_PADDING(type, last) \
	_Static_assert(sizeof(struct type), "")
#endif

/*
 * Copies an input struct over @to, which has @size bytes and holds the defaults.
 * A smaller one leaves the rest of the defaults. A larger one is accepted if what
 * is unknown here is all zero. @name appears in the sentence of
 * CRASHRES_ERR_REQUEST; @to is unchanged then.
 */
enum crashres_status crs_copy_struct_in(struct crashres_ctx *ctx, const char *name,
					const void *from, void *to, size_t size);

/*
 * Fills the caller's output struct from @from, which has @size bytes: as far as
 * the caller's goes. What the caller has behind becomes zero; its size stays.
 */
enum crashres_status crs_copy_struct_out(struct crashres_ctx *ctx, const char *name,
					 const void *from, size_t size, void *to);

/* For initialisers: @to has @to_size bytes and gets that size, the rest from @defaults. */
void crs_init_struct(const void *defaults, size_t size, void *to, size_t to_size);

#endif
