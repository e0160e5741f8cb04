/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "struct-size.h"

/* Every struct of crashres.h that has a size member, by its last member. */
CRS_ASSERT_NO_TAIL_PADDING(crashres_permissions, normal_calls_left);
CRS_ASSERT_NO_TAIL_PADDING(crashres_request, sealing);
CRS_ASSERT_NO_TAIL_PADDING(crashres_attempt, repair);
CRS_ASSERT_NO_TAIL_PADDING(crashres_seal_request, on_timeout);
CRS_ASSERT_NO_TAIL_PADDING(crashres_result, reserved);
CRS_ASSERT_NO_TAIL_PADDING(crashres_report, damage);

/* No struct of ours comes near it: a larger size is one that nobody has set. */
#define SIZE_LIMIT	4096

static size_t size_of(const void *object)
{
	size_t size;

	memcpy(&size, object, sizeof(size));
	return size;
}

static enum crashres_status check_size(struct crashres_ctx *ctx, const char *name, size_t size)
{
	if (size < sizeof(size) || size > SIZE_LIMIT)
		return crs_fail(ctx, CRASHRES_ERR_REQUEST, "%s: its size member is %zu", name, size);
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
	size_t given = size_of(from);
	enum crashres_status status = check_size(ctx, name, given);

	if (status != CRASHRES_OK)
		return status;
	if (given > size && !is_zero((const uint8_t *)from + size, given - size))
		return crs_fail(ctx, CRASHRES_ERR_REQUEST,
				"%s: this library knows %zu of its %zu bytes, and the rest is not zero",
				name, size, given);
	memcpy(to, from, given < size ? given : size);
	memcpy(to, &size, sizeof(size));
	return CRASHRES_OK;
}

enum crashres_status crs_copy_struct_out(struct crashres_ctx *ctx, const char *name,
					 const void *from, size_t size, void *to)
{
	size_t given = size_of(to);
	enum crashres_status status = check_size(ctx, name, given);

	if (status == CRASHRES_OK)
		crs_init_struct(from, size, to, given);
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
