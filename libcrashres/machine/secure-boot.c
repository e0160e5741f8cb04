/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads whether the firmware verifies what it boots (UEFI Secure Boot). */
#include <stdlib.h>

#include "../base/root.h"
#include "secure-boot.h"

/* EFI_GLOBAL_VARIABLE_GUID. */
#define VARIABLE(name)	"sys/firmware/efi/efivars/" name "-8be4df61-93ca-11d2-aa0d-00e098032b8c"

#define VARIABLE_LIMIT	64		/* bytes; the two variables have 5 */

enum crashres_answer crs_efivar_parse(const uint8_t *data, size_t size)
{
	if (size != 5 || data[4] > 1)
		return CRASHRES_ANSWER_UNKNOWN;
	return data[4] ? CRASHRES_ANSWER_YES : CRASHRES_ANSWER_NO;
}

/* UNKNOWN, with a line in the log, if the variable cannot be read. */
static enum crashres_answer read_variable(struct crashres_ctx *ctx, const char *path)
{
	CRS_CLEANUP(crs_freep) uint8_t *data = NULL;
	size_t size;

	if (crs_root_read(ctx, path, VARIABLE_LIMIT, &data, &size) == CRASHRES_OK)
		return crs_efivar_parse(data, size);
	crs_log(ctx, CRASHRES_LOG_INFO, "skipped: %s", ctx->error);
	return CRASHRES_ANSWER_UNKNOWN;
}

enum crashres_answer crs_secure_boot_read(struct crashres_ctx *ctx)
{
	enum crashres_answer enabled, setup;

	/* A copy of a machine lacks each folder with no copied file: a missing one proves nothing. */
	if (ctx->root_is_live && !crs_root_lacks(ctx, "sys/firmware") &&
	    crs_root_lacks(ctx, "sys/firmware/efi"))
		return CRASHRES_ANSWER_NO;
	enabled = read_variable(ctx, VARIABLE("SecureBoot"));
	if (enabled != CRASHRES_ANSWER_YES)
		return enabled;
	setup = read_variable(ctx, VARIABLE("SetupMode"));
	return setup == CRASHRES_ANSWER_YES ? CRASHRES_ANSWER_NO : CRASHRES_ANSWER_YES;
}
