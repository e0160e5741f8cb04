/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "ctx.h"
#include "../load/syscalls.h"

static bool kernel_entropy(void *data, void *bytes, size_t size)
{
	(void)data;
	/* Never block a boot for a seed: without entropy the kernel copes. */
	return getrandom(bytes, size, GRND_NONBLOCK) == (ssize_t)size;
}

enum crashres_status crashres_ctx_new(struct crashres_ctx **ctx)
{
	struct crashres_ctx *new = calloc(1, sizeof(*new));

	if (!new)
		return CRASHRES_ERR_MEMORY;
	new->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (new->root_fd < 0) {
		free(new);
		return CRASHRES_ERR_OS;
	}
	new->own_root = true;
	new->entropy = kernel_entropy;
	new->kexec_load = crs_kexec_load;
	new->kexec_file_load = crs_kexec_file_load;
	*ctx = new;
	return CRASHRES_OK;
}

void crashres_ctx_free(struct crashres_ctx *ctx)
{
	if (!ctx)
		return;
	close(ctx->root_fd);
	free(ctx);
}

void crashres_ctx_set_log(struct crashres_ctx *ctx, crashres_log_fn *log, void *data)
{
	ctx->log = log;
	ctx->log_data = data;
}

void crashres_ctx_set_entropy(struct crashres_ctx *ctx, crashres_entropy_fn *entropy, void *data)
{
	ctx->entropy = entropy;
	ctx->entropy_data = data;
}

const char *crashres_error(const struct crashres_ctx *ctx)
{
	return ctx->error;
}

enum crashres_status crs_fail(struct crashres_ctx *ctx, enum crashres_status status,
			      const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ctx->error, sizeof(ctx->error), format, args);
	va_end(args);
	return status;
}

enum crashres_status crs_fail_errno(struct crashres_ctx *ctx, enum crashres_status status,
				    int error, const char *format, ...)
{
	va_list args;
	size_t length;

	va_start(args, format);
	vsnprintf(ctx->error, sizeof(ctx->error), format, args);
	va_end(args);
	length = strlen(ctx->error);
	snprintf(ctx->error + length, sizeof(ctx->error) - length, ": %s", strerror(error));
	return status;
}

enum crashres_status crs_within(struct crashres_ctx *ctx, enum crashres_status status,
				const char *format, ...)
{
	char inner[sizeof(ctx->error)];
	va_list args;
	size_t length;

	if (status == CRASHRES_OK)
		return status;
	memcpy(inner, ctx->error, sizeof(inner));
	va_start(args, format);
	vsnprintf(ctx->error, sizeof(ctx->error), format, args);
	va_end(args);
	length = strlen(ctx->error);
	snprintf(ctx->error + length, sizeof(ctx->error) - length, ": %s", inner);
	return status;
}

enum crashres_status crs_fail_memory(struct crashres_ctx *ctx)
{
	return crs_fail(ctx, CRASHRES_ERR_MEMORY, "out of memory");
}

void crs_log(struct crashres_ctx *ctx, enum crashres_log_level level, const char *format, ...)
{
	char line[1024];
	va_list args;

	if (!ctx->log)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	ctx->log(ctx->log_data, level, line);
}

void crs_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

void crs_freep(void *pointer)
{
	void *memory;

	memcpy(&memory, pointer, sizeof(memory));
	free(memory);
}
