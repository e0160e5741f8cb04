/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copies public structs between versions of the library and its callers. */
#include <string.h>

#include "struct-size.h"

/* Every struct of crashres.h with a size member, and its last member. */
CRS_ASSERT_NO_TAIL_PADDING(crashres_permissions, signature_forced);
CRS_ASSERT_NO_TAIL_PADDING(crashres_request, sealed);
CRS_ASSERT_NO_TAIL_PADDING(crashres_attempt, repair);
CRS_ASSERT_NO_TAIL_PADDING(crashres_seal_request, on_timeout);
CRS_ASSERT_NO_TAIL_PADDING(crashres_result, reserved);
CRS_ASSERT_NO_TAIL_PADDING(crashres_report, damage);

/*
 * Bytes. No public struct comes near this size. A larger size member was never set: it is
 * garbage from the stack.
 */
#define SIZE_MAX_SANE	4096

/* The size member, which is the first one. The caller's struct can be unaligned. */
static size_t read_size(const void *object)
{
	size_t size;

	memcpy(&size, object, sizeof(size));
	return size;
}

static enum crashres_status check_size(struct crashres_ctx *ctx, const char *name, size_t size)
{
	if (size < sizeof(size) || size > SIZE_MAX_SANE)
		return crs_fail(ctx, CRASHRES_ERR_REQUEST, "%s: the size member is invalid: %zu",
				name, size);
	return CRASHRES_OK;
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i])
			return false;
	return true;
}

enum crashres_status crs_copy_struct_in(struct crashres_ctx *ctx, const char *name,
					const void *from, void *to, size_t size)
{
	size_t caller_size = read_size(from);
	enum crashres_status status = check_size(ctx, name, caller_size);

	if (status != CRASHRES_OK)
		return status;
	if (caller_size > size && !is_zero((const uint8_t *)from + size, caller_size - size))
		return crs_fail(ctx, CRASHRES_ERR_REQUEST,
				"%s: this library knows only %zu of %zu bytes, and the rest is not "
				"zero",
				name, size, caller_size);
	memcpy(to, from, caller_size < size ? caller_size : size);
	memcpy(to, &size, sizeof(size));
	return CRASHRES_OK;
}

enum crashres_status crs_copy_struct_out(struct crashres_ctx *ctx, const char *name,
					 const void *from, size_t size, void *to)
{
	size_t caller_size = read_size(to);
	enum crashres_status status = check_size(ctx, name, caller_size);

	if (status == CRASHRES_OK)
		crs_init_struct(from, size, to, caller_size);
	return status;
}

void crs_init_struct(const void *defaults, size_t size, void *to, size_t to_size)
{
	if (to_size < sizeof(to_size))
		return;
	memset(to, 0, to_size);
	memcpy(to, defaults, to_size < size ? to_size : size);
	memcpy(to, &to_size, sizeof(to_size));
}
