/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "actions.h"
#include "print.h"

static void log_line(void *data, enum crashres_log_level level, const char *line)
{
	const struct options *options = data;

	if (level == CRASHRES_LOG_WARNING)
		fprintf(stderr, "kexec: warning: %s\n", line);
	else if (options->debug)
		fprintf(stderr, "kexec: %s\n", line);
}

static int fail(const struct crashres_ctx *ctx, enum crashres_status status)
{
	fprintf(stderr, "kexec: %s\n",
		status == CRASHRES_ERR_MEMORY ? "out of memory" : crashres_error(ctx));
	switch (status) {
	case CRASHRES_ERR_OS:
	case CRASHRES_ERR_PERMISSION:
	case CRASHRES_ERR_NO_REGION:
	case CRASHRES_ERR_REQUEST:
		return EXIT_ENVIRONMENT;
	default:
		return EXIT_FAILED;
	}
}

/* The answer is the exit status; a kernel without the file is neither. */
static int run_status(struct crashres_ctx *ctx, const struct options *options)
{
	bool loaded;
	enum crashres_status status = crashres_loaded(ctx, options->status_slot, &loaded);

	if (status != CRASHRES_OK) {
		fail(ctx, status);
		return EXIT_FAILED;
	}
	return loaded ? 1 : 0;
}

/* Scripts use it as a probe: 0 stands for "nothing reserved" and for "cannot tell". */
static int run_print_ckr_size(struct crashres_ctx *ctx)
{
	struct crashres_machine *machine = NULL;
	const struct crashres_range *regions = NULL;
	size_t count = 0;

	if (crashres_machine_read(ctx, &machine) == CRASHRES_OK)
		regions = crashres_machine_regions(machine, &count);
	printf("%" PRIu64 "\n", count ? regions[0].size : 0);
	crashres_machine_free(machine);
	return EXIT_DONE;
}

static int run_unload(struct crashres_ctx *ctx, const struct options *options)
{
	enum crashres_status status;

	if (options->dry_run) {
		printf("Dry run: the %s kernel would be unloaded\n",
		       options->slot == CRASHRES_SLOT_CRASH ? "crash" : "next");
		return EXIT_DONE;
	}
	status = crashres_unload(ctx, options->slot);
	return status == CRASHRES_OK ? EXIT_DONE : fail(ctx, status);
}

/* What a load needs, opened in this order and closed together. */
struct inputs {
	struct crashres_machine *machine;
	struct crashres_kernel *kernel;
	struct crashres_file *initrd;
	struct crashres_file *dtb;
	struct crashres_plan *plan;
};

static void close_inputs(struct inputs *inputs)
{
	crashres_plan_free(inputs->plan);
	crashres_file_close(inputs->dtb);
	crashres_file_close(inputs->initrd);
	crashres_kernel_close(inputs->kernel);
	crashres_machine_free(inputs->machine);
}

static enum crashres_status make_plan(struct crashres_ctx *ctx, const struct options *options,
				      struct inputs *inputs)
{
	struct crashres_request request = CRASHRES_REQUEST_INIT;
	enum crashres_status status;

	status = crashres_machine_read(ctx, &inputs->machine);
	if (status == CRASHRES_OK && options->serial)
		status = crashres_machine_set_serial(ctx, inputs->machine, options->serial);
	if (status == CRASHRES_OK)
		status = crashres_kernel_open(ctx, options->kernel, &inputs->kernel);
	if (status == CRASHRES_OK && options->initrd)
		status = crashres_file_open(ctx, options->initrd, &inputs->initrd);
	if (status == CRASHRES_OK && options->dtb)
		status = crashres_file_open(ctx, options->dtb, &inputs->dtb);
	if (status != CRASHRES_OK)
		return status;
	request.slot = options->slot;
	request.initrd = inputs->initrd;
	request.dtb = inputs->dtb;
	request.command_line = options->append;
	request.reuse_cmdline = options->reuse_cmdline;
	request.window = options->window;
	request.purgatory_mmu_off = options->purgatory_mmu_off;
	request.no_checks = options->no_checks;
	request.on_damage = options->on_damage;
	request.repair = options->repair;
	request.check_seconds = options->check_seconds;
	return crashres_plan_make(ctx, inputs->machine, inputs->kernel, &request, &inputs->plan);
}

static int run_load(struct crashres_ctx *ctx, const struct options *options)
{
	struct inputs inputs = { 0 };
	enum crashres_status status = options->dry_run ? CRASHRES_OK : crashres_can_load(ctx);

	if (status == CRASHRES_OK)
		status = make_plan(ctx, options, &inputs);
	if (status == CRASHRES_OK && options->dry_run)
		print_plan(stdout, inputs.machine, inputs.plan);
	else if (status == CRASHRES_OK && options->debug)
		print_plan(stderr, inputs.machine, inputs.plan);
	if (status == CRASHRES_OK && !options->dry_run)
		status = crashres_load(ctx, inputs.plan);
	close_inputs(&inputs);
	return status == CRASHRES_OK ? EXIT_DONE : fail(ctx, status);
}

/* Runs as one of the last processes of a shutdown: needs nothing but /sys, and not even that. */
static int run_exec(struct crashres_ctx *ctx, const struct options *options)
{
	bool loaded;

	if (crashres_loaded(ctx, CRASHRES_SLOT_NORMAL, &loaded) == CRASHRES_OK && !loaded) {
		fprintf(stderr, "kexec: Nothing has been loaded!\n");
		return EXIT_ENVIRONMENT;
	}
	if (options->dry_run) {
		printf("Dry run: the next kernel would be started\n");
		return EXIT_DONE;
	}
	sync();
	reboot((int)LINUX_REBOOT_CMD_KEXEC);
	fprintf(stderr, "kexec failed: %s\n", strerror(errno));
	return EXIT_FAILED;
}

static int run_all(struct crashres_ctx *ctx, const struct options *options)
{
	int result = EXIT_DONE;

	if (options->print_ckr_size)
		return run_print_ckr_size(ctx);
	if (options->status)
		return run_status(ctx, options);
	if (options->unload)
		result = run_unload(ctx, options);
	if (result == EXIT_DONE && options->load)
		result = run_load(ctx, options);
	if (result == EXIT_DONE && options->exec)
		result = run_exec(ctx, options);
	return result;
}

int actions_run(const struct options *options)
{
	struct crashres_ctx *ctx;
	enum crashres_status status = crashres_ctx_new(&ctx);
	int result;

	if (status != CRASHRES_OK) {
		fprintf(stderr, "kexec: cannot start: %s\n", strerror(errno));
		return EXIT_FAILED;
	}
	/* The log reads the options and changes nothing in them. */
	crashres_ctx_set_log(ctx, log_line, (void *)(uintptr_t)options);
	if (options->root)
		status = crashres_ctx_set_root(ctx, options->root);
	result = status == CRASHRES_OK ? run_all(ctx, options) : fail(ctx, status);
	crashres_ctx_free(ctx);
	return result;
}
