/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Copies public structs that can grow in later versions (design.md, rule 9).
 *
 * The first member of each such struct is its size in bytes, as the caller was
 * compiled. New versions add members at the end only. So the library can meet callers
 * with smaller structs (older) and with larger structs (newer).
 */
#ifndef CRS_STRUCT_SIZE_H
#define CRS_STRUCT_SIZE_H

#include <stddef.h>

#include "ctx.h"

/*
 * Fails to compile if struct @type has padding after its last member @last. A later
 * version would put a new member into that padding without a change of the size, and
 * old callers never set padding. The ABI is that of 64-bit machines, so a 32-bit build
 * checks nothing.
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
 * Copies a caller's struct into the library.
 *
 * @name: the struct in error sentences, such as "request".
 * @from: the caller's struct; its first member is its size.
 * @to:   in: the defaults; out: the caller's values over them. @to's size member is set
 *        to @size.
 * @size: bytes of the library's version of the struct.
 *
 * A smaller caller's struct leaves the defaults of the missing members. A larger one is
 * accepted if all bytes that the library does not know are zero.
 *
 * Return: CRASHRES_ERR_REQUEST for a size that is invalid or for unknown bytes that are
 * not zero. @to is unchanged then.
 */
enum crashres_status crs_copy_struct_in(struct crashres_ctx *ctx, const char *name,
					const void *from, void *to, size_t size);

/*
 * Copies a struct of the library to the caller: as many of the @size bytes at @from as
 * the size member of @to allows. The rest of a larger @to becomes zero. The size member
 * of @to keeps the caller's value.
 *
 * Return: CRASHRES_ERR_REQUEST for a size member that is invalid. @to is unchanged then.
 */
enum crashres_status crs_copy_struct_out(struct crashres_ctx *ctx, const char *name,
					 const void *from, size_t size, void *to);

/*
 * Implements the public crashres_..._init() functions. Sets the @to_size bytes at @to to
 * the @size bytes of @defaults, zeros after them, and stores @to_size as the size. Does
 * nothing if @to has no room for a size member.
 */
void crs_init_struct(const void *defaults, size_t size, void *to, size_t to_size);

#endif
