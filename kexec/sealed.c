/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the ready sealed Image for a load. */
#include <stdio.h>

#include "../cli/seal-config.h"
#include "sealed.h"

/* The next step for the user, after a message about a sealed Image. */
#define RENEW	"run \"crashres seal --renew\""

/*
 * Reads the configuration below the context's root, so that --root=DIR reads that of the other
 * machine. Without the file no sealed Image is used.
 */
static bool read_config(struct crashres_ctx *ctx, struct seal_config *config)
{
	struct crashres_input *file = NULL;
	const char *data = "";
	size_t size = 0;
	bool good = true;

	*config = (struct seal_config){ 0 };
	if (crashres_input_open_below_root(ctx, SEAL_CONFIG_FILE, &file) != CRASHRES_OK) {
		fprintf(stderr, "kexec: %s\n", crashres_error(ctx));
		return false;
	}
	if (file)
		data = crashres_input_data(file, &size);
	if (size > SEAL_CONFIG_MAX) {
		fprintf(stderr, "kexec: %s: more than %zu KiB\n", SEAL_CONFIG_FILE,
			SEAL_CONFIG_MAX >> 10);
		good = false;
	}
	good = good && seal_config_parse("kexec", SEAL_CONFIG_FILE, data, size, config);
	crashres_input_close(file);
	return good;
}

/* Reports why no sealed Image fits. Returns false if the load must fail. */
static bool report_missing(const struct crashres_ctx *ctx, enum crashres_status status,
			   enum crashres_answer demanded)
{
	bool is_sure = demanded == CRASHRES_ANSWER_YES;

	switch (status) {
	case CRASHRES_ERR_OTHER_INITRD:
		fprintf(stderr, "kexec: %s%s: " RENEW "\n", is_sure ? "" : "warning: ",
			crashres_error(ctx));
		return !is_sure;
	case CRASHRES_ERR_NO_SEALED_IMAGE:
		if (is_sure)
			fprintf(stderr, "kexec: warning: %s: " RENEW "\n", crashres_error(ctx));
		return true;
	case CRASHRES_ERR_MEMORY:
		fprintf(stderr, "kexec: %s\n", crashres_error(ctx));
		return false;
	default:
		/* For example, the folder cannot be read. The kernel itself can still be loaded. */
		fprintf(stderr, "kexec: warning: %s\n", crashres_error(ctx));
		return true;
	}
}

/* Looks into the folder of the configuration, if the plan would use a sealed Image. */
static bool find_in_folder(struct crashres_ctx *ctx, const struct crashres_machine *machine,
			   const struct crashres_kernel *kernel,
			   const struct crashres_request *request, const char *folder,
			   struct sealed *sealed)
{
	enum crashres_status status = crashres_plan_uses_sealed(ctx, machine, kernel, request,
								&sealed->demanded);

	if (status == CRASHRES_OK && sealed->demanded == CRASHRES_ANSWER_NO)
		return true;
	if (status == CRASHRES_OK)
		status = crashres_sealed_find(ctx, folder, kernel, request->initrd, &sealed->image);
	return status == CRASHRES_OK || report_missing(ctx, status, sealed->demanded);
}

bool sealed_find(struct crashres_ctx *ctx, const struct crashres_machine *machine,
		 const struct crashres_kernel *kernel, const struct crashres_request *request,
		 struct sealed *sealed)
{
	struct seal_config config;
	bool good;

	*sealed = (struct sealed){ 0 };
	if (request->slot != CRASHRES_SLOT_CRASH)
		return true;
	good = read_config(ctx, &config);
	if (good && config.automatic)
		good = find_in_folder(ctx, machine, kernel, request, seal_config_folder(&config),
				      sealed);
	seal_config_free(&config);
	return good;
}

void sealed_record_failure(struct crashres_ctx *ctx, struct sealed *sealed,
			   const struct crashres_plan *plan, const struct crashres_result *result)
{
	struct crashres_attempt attempt = CRASHRES_ATTEMPT_INIT;
	size_t last = CRASHRES_NO_ATTEMPT;

	for (size_t i = 0; i < CRASHRES_RESULT_ATTEMPTS; i++)
		if (result->errors[i])
			last = i;
	if (!sealed->image || last == CRASHRES_NO_ATTEMPT ||
	    crashres_plan_attempt(ctx, plan, last, &attempt) != CRASHRES_OK)
		return;
	if (attempt.check == CRASHRES_CHECK_ALREADY_SEALED)
		snprintf(sealed->refused, sizeof(sealed->refused), "%s", attempt.kernel);
}

void sealed_print(struct crashres_ctx *ctx, const struct sealed *sealed, const char *path,
		  const struct crashres_plan *plan, const struct crashres_result *result)
{
	struct crashres_attempt attempt = CRASHRES_ATTEMPT_INIT;

	if (!sealed->image || result->check != CRASHRES_CHECK_ALREADY_SEALED ||
	    crashres_plan_attempt(ctx, plan, result->attempt, &attempt) != CRASHRES_OK)
		return;
	fprintf(stderr, "kexec: %s is loaded instead of %s, because the running kernel %s a "
		"signature\n", attempt.kernel, path,
		sealed->demanded == CRASHRES_ANSWER_YES ? "demands" : "can demand");
}
