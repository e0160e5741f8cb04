/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Implements the context: creation, settings, the error sentence, the log, and names of
 * statuses.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "ctx.h"
#include "../load/syscalls.h"

static bool read_kernel_entropy(void *data, void *bytes, size_t size)
{
	(void)data;
	/*
	 * GRND_NONBLOCK: early in boot there is no entropy yet, and waiting would stop the
	 * boot. A kernel can start without a seed; its addresses are not randomized then.
	 */
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
	new->root_is_live = true;
	new->entropy = read_kernel_entropy;
	new->kexec_load = crs_kexec_load;
	new->kexec_file_load = crs_kexec_file_load;
	new->keyctl = crs_keyctl;
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

enum crashres_member crashres_error_member(const struct crashres_ctx *ctx)
{
	return ctx->member;
}

const char *crashres_version(void)
{
	return PACKAGE_VERSION;
}

const char *crashres_status_name(enum crashres_status status)
{
	static const char *const names[] = {
		[CRASHRES_OK] = "OK",
		[CRASHRES_ERR_MEMORY] = "ERR_MEMORY",
		[CRASHRES_ERR_OS] = "ERR_OS",
		[CRASHRES_ERR_PERMISSION] = "ERR_PERMISSION",
		[CRASHRES_ERR_FORMAT] = "ERR_FORMAT",
		[CRASHRES_ERR_UNSUPPORTED] = "ERR_UNSUPPORTED",
		[CRASHRES_ERR_NO_REGION] = "ERR_NO_REGION",
		[CRASHRES_ERR_NO_SPACE] = "ERR_NO_SPACE",
		[CRASHRES_ERR_LIMIT] = "ERR_LIMIT",
		[CRASHRES_ERR_REQUEST] = "ERR_REQUEST",
		[CRASHRES_ERR_SYSCALL] = "ERR_SYSCALL",
		[CRASHRES_ERR_NO_RECORD] = "ERR_NO_RECORD",
		[CRASHRES_ERR_SYSCALL_UNAVAILABLE] = "ERR_SYSCALL_UNAVAILABLE",
		[CRASHRES_ERR_KEY] = "ERR_KEY",
		[CRASHRES_ERR_NO_SIGNATURE] = "ERR_NO_SIGNATURE",
		[CRASHRES_ERR_NO_DEVICE_TREE] = "ERR_NO_DEVICE_TREE",
		[CRASHRES_ERR_PE_SIGNATURE] = "ERR_PE_SIGNATURE",
		[CRASHRES_ERR_NO_SEALED_IMAGE] = "ERR_NO_SEALED_IMAGE",
		[CRASHRES_ERR_OTHER_INITRD] = "ERR_OTHER_INITRD",
	};

	return (size_t)status < sizeof(names) / sizeof(*names) ? names[status] : "unknown";
}

/* Bytes: room for a path of PATH_MAX (4096) and the sentence around it. */
#define UNSHORTENED_SIZE	8192

/*
 * Copies @text into the @room bytes at @out, with its NUL. If @text is too long, "..."
 * replaces its middle. The middle usually belongs to a long path; the cause of the error
 * stands at the end.
 */
static void copy_shortened(char *out, size_t room, const char *text)
{
	static const char gap[] = "...";
	size_t length = strlen(text), kept = room - sizeof(gap), head = kept - kept / 2;

	if (length < room)
		memcpy(out, text, length + 1);
	else
		snprintf(out, room, "%.*s%s%s", (int)head, text, gap, text + length - kept / 2);
}

/*
 * Divides @most bytes between two texts with lengths @first and @second. Each text gets
 * at least half if it needs half. Returns the bytes for the first text.
 */
static size_t first_room(size_t first, size_t second, size_t most)
{
	if (first + second <= most || first <= most / 2)
		return first;
	return second <= most / 2 ? most - second : most / 2;
}

/* Sets the sentence to "@what: @reason". Shortens each part on its own if necessary. */
static void set_prefixed_error(struct crashres_ctx *ctx, const char *what, const char *reason)
{
	static const char separator[] = ": ";
	const size_t most = sizeof(ctx->error) - sizeof(separator);
	size_t kept = first_room(strlen(what), strlen(reason), most);

	copy_shortened(ctx->error, kept + 1, what);
	memcpy(ctx->error + kept, separator, sizeof(separator));
	kept += strlen(separator);
	copy_shortened(ctx->error + kept, sizeof(ctx->error) - kept, reason);
}

__attribute__((format(printf, 2, 0)))
static void set_error(struct crashres_ctx *ctx, const char *format, va_list args)
{
	char whole[UNSHORTENED_SIZE];

	vsnprintf(whole, sizeof(whole), format, args);
	copy_shortened(ctx->error, sizeof(ctx->error), whole);
}

enum crashres_status crs_fail(struct crashres_ctx *ctx, enum crashres_status status,
			      const char *format, ...)
{
	va_list args;

	ctx->member = CRASHRES_MEMBER_NONE;
	va_start(args, format);
	set_error(ctx, format, args);
	va_end(args);
	return status;
}

enum crashres_status crs_fail_member(struct crashres_ctx *ctx, enum crashres_status status,
				     enum crashres_member member, const char *format, ...)
{
	va_list args;

	ctx->member = member;
	va_start(args, format);
	set_error(ctx, format, args);
	va_end(args);
	return status;
}

enum crashres_status crs_fail_errno(struct crashres_ctx *ctx, enum crashres_status status,
				    int error, const char *format, ...)
{
	char whole[UNSHORTENED_SIZE];
	va_list args;

	ctx->member = CRASHRES_MEMBER_NONE;
	va_start(args, format);
	vsnprintf(whole, sizeof(whole), format, args);
	va_end(args);
	set_prefixed_error(ctx, whole, strerror(error));
	return status;
}

enum crashres_status crs_prefix_error(struct crashres_ctx *ctx, enum crashres_status status,
				      const char *format, ...)
{
	char inner[sizeof(ctx->error)], whole[UNSHORTENED_SIZE];
	va_list args;

	if (status == CRASHRES_OK)
		return status;
	memcpy(inner, ctx->error, sizeof(inner));
	va_start(args, format);
	vsnprintf(whole, sizeof(whole), format, args);
	va_end(args);
	set_prefixed_error(ctx, whole, inner);
	return status;
}

enum crashres_status crs_fail_memory(struct crashres_ctx *ctx)
{
	return crs_fail(ctx, CRASHRES_ERR_MEMORY, "out of memory");
}

void crs_log(struct crashres_ctx *ctx, enum crashres_log_level level, const char *format, ...)
{
	char line[1024], whole[UNSHORTENED_SIZE];
	va_list args;

	if (!ctx->log)
		return;
	va_start(args, format);
	vsnprintf(whole, sizeof(whole), format, args);
	va_end(args);
	copy_shortened(line, sizeof(line), whole);
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
