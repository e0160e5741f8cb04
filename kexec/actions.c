/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actions.h"
#include "exec.h"
#include "exit.h"
#include "print.h"

static void log_line(void *data, enum crashres_log_level level, const char *line)
{
	const struct options *options = data;

	if (level == CRASHRES_LOG_WARNING)
		fprintf(stderr, "kexec: warning: %s\n", line);
	else if (options->debug)
		fprintf(stderr, "kexec: %s\n", line);
}

/* The option behind a member of the request; the library knows none. */
static const char *option_prefix(enum crashres_member member)
{
	static const char *const options[] = {
		[CRASHRES_MEMBER_DTB] = "--dtb: ",
		[CRASHRES_MEMBER_WINDOW] = "--mem-min and --mem-max: ",
		[CRASHRES_MEMBER_ENTRY] = "--entry: ",
		[CRASHRES_MEMBER_PURGATORY_MMU_OFF] = "--purgatory-mmu=off: ",
		[CRASHRES_MEMBER_PURGATORY_REQUIRED] = "what is to be checked: ",
		[CRASHRES_MEMBER_NO_CMA] = "--no-cma: ",
		[CRASHRES_MEMBER_FORCE_DTB] = "--force-dtb: ",
		[CRASHRES_MEMBER_SEALING] = "--seal=always: ",
		[CRASHRES_MEMBER_HOTPLUG] = "--hotplug: ",
		[CRASHRES_MEMBER_REUSE_CMDLINE] = "--reuse-cmdline: ",
		[CRASHRES_MEMBER_ON_DAMAGE] = "--on-damage: ",
		[CRASHRES_MEMBER_ON_TIMEOUT] = "--on-timeout: ",
	};
	const char *option = NULL;

	if ((size_t)member < sizeof(options) / sizeof(*options))
		option = options[member];
	return option ? option : "";
}

/* The option that helps, if there is one. */
static const char *advice(enum crashres_status status)
{
	return status == CRASHRES_ERR_NO_DEVICE_TREE ? ": give one with --dtb=FILE" : "";
}

static int report_failure(const struct crashres_ctx *ctx, const struct options *options,
			  enum crashres_status status)
{
	if (status == CRASHRES_ERR_MEMORY)
		fprintf(stderr, "kexec: out of memory\n");
	else
		fprintf(stderr, "kexec: %s%s%s\n", option_prefix(crashres_error_member(ctx)),
			crashres_error(ctx), advice(status));
	switch (status) {
	case CRASHRES_ERR_OS:
	case CRASHRES_ERR_PERMISSION:
	case CRASHRES_ERR_NO_REGION:
	case CRASHRES_ERR_REQUEST:
		return EXIT_ENVIRONMENT;
	case CRASHRES_ERR_SYSCALL_UNAVAILABLE:
		return options->call == CRASHRES_CALL_FILE_LOAD ? EXIT_NO_FILE_SYSCALL : EXIT_FAILED;
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
		report_failure(ctx, options, status);
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
	status = crashres_unload(ctx, options->slot, options->call);
	return status == CRASHRES_OK ? EXIT_DONE : report_failure(ctx, options, status);
}

/* What a load needs, opened in this order and closed together. */
struct inputs {
	struct crashres_machine *machine;
	struct crashres_kernel *kernel;
	struct crashres_input *initrd;
	struct crashres_input *dtb;
};

static void close_inputs(struct inputs *inputs)
{
	crashres_input_close(inputs->dtb);
	crashres_input_close(inputs->initrd);
	crashres_kernel_close(inputs->kernel);
	crashres_machine_free(inputs->machine);
}

static enum crashres_status open_initrd(struct crashres_ctx *ctx, const struct options *options,
					struct crashres_input **initrd)
{
	if (options->initrd)
		return crashres_input_open(ctx, options->initrd, initrd);
	return options->reuse_initrd ? crashres_machine_initrd(ctx, initrd) : CRASHRES_OK;
}

static enum crashres_status open_inputs(struct crashres_ctx *ctx, const struct options *options,
					struct inputs *inputs)
{
	enum crashres_status status = crashres_machine_read(ctx, &inputs->machine);

	/* Before the files: without a reservation it does not matter whether they are there. */
	if (status == CRASHRES_OK && options->slot == CRASHRES_SLOT_CRASH)
		status = crashres_machine_check_reserved(ctx, inputs->machine);
	if (status == CRASHRES_OK && options->serial)
		status = crashres_machine_set_serial(ctx, inputs->machine, options->serial);
	if (status == CRASHRES_OK)
		status = crashres_kernel_open(ctx, options->kernel, &inputs->kernel);
	if (status == CRASHRES_OK && options->type)
		status = crashres_kernel_check_type(ctx, inputs->kernel, options->type);
	if (status == CRASHRES_OK)
		status = open_initrd(ctx, options, &inputs->initrd);
	if (status == CRASHRES_OK && options->dtb)
		status = crashres_input_open(ctx, options->dtb, &inputs->dtb);
	return status;
}

static struct crashres_request make_request(const struct options *options,
					    const struct inputs *inputs)
{
	struct crashres_request request = CRASHRES_REQUEST_INIT;

	request.slot = options->slot;
	request.call = options->call;
	request.initrd = inputs->initrd;
	request.dtb = inputs->dtb;
	request.command_line = options->append;
	request.reuse_cmdline = options->reuse_cmdline;
	request.window = options->window;
	request.entry = options->entry;
	request.hotplug = options->hotplug;
	request.no_cma = options->no_cma;
	request.force_dtb = options->force_dtb;
	request.sealing = options->sealing;
	request.purgatory_required = options->purgatory_required;
	request.purgatory_mmu_off = options->purgatory_mmu_off;
	request.no_checks = options->no_checks;
	request.on_damage = options->on_damage;
	request.on_timeout = options->on_timeout;
	request.repair = options->repair;
	request.check_seconds = options->check_seconds;
	return request;
}

/* A dry run shows all attempts, and fails where none is possible. */
static enum crashres_status show_plan(struct crashres_ctx *ctx, const struct inputs *inputs,
				      struct crashres_plan *plan)
{
	enum crashres_status status = CRASHRES_OK;

	for (size_t i = 0; i < crashres_plan_attempt_count(plan) && status == CRASHRES_OK; i++)
		status = crashres_plan_prepare(ctx, plan, i);
	if (status == CRASHRES_OK)
		status = print_plan(stdout, ctx, inputs->machine, plan);
	if (status == CRASHRES_OK)
		status = crashres_plan_check_possible(ctx, plan);
	return status;
}

static enum crashres_status load(struct crashres_ctx *ctx, const struct options *options,
				 const struct inputs *inputs)
{
	struct crashres_request request = make_request(options, inputs);
	struct crashres_plan *plan = NULL;
	enum crashres_status status;

	status = crashres_plan_make(ctx, inputs->machine, inputs->kernel, &request, &plan);
	if (status == CRASHRES_OK && options->dry_run)
		status = show_plan(ctx, inputs, plan);
	else if (status == CRASHRES_OK) {
		if (options->debug)
			print_plan(stderr, ctx, inputs->machine, plan);
		status = crashres_load(ctx, plan, NULL);
	}
	crashres_plan_free(plan);
	return status;
}

/* The lines of kexec-tools, which manuals of distributions show and people search for. */
static int report_no_region(void)
{
	fputs("Memory for crashkernel is not reserved\n"
	      "Please reserve memory by passing\"crashkernel=Y@X\" parameter to kernel\n"
	      "Then try to loading kdump kernel\n", stderr);
	return EXIT_ENVIRONMENT;
}

/*
 * Is this the exit status 255? kexec-tools gives it to a kernel or initrd that it cannot open for
 * kexec_file_load, which it tries first unless -c is given. All other files are read by functions
 * that end it with 1.
 */
static bool is_missing_for_file_load(const struct options *options, const struct inputs *inputs)
{
	const char *path = !inputs->kernel ? options->kernel :
			   !inputs->initrd ? options->initrd : NULL;

	return options->call != CRASHRES_CALL_LOAD && inputs->machine && path &&
	       access(path, R_OK) < 0;
}

static int report_load_failure(const struct crashres_ctx *ctx, const struct options *options,
			       const struct inputs *inputs, enum crashres_status status)
{
	int result;

	if (status == CRASHRES_ERR_NO_REGION)
		return report_no_region();
	result = report_failure(ctx, options, status);
	return status == CRASHRES_ERR_OS && is_missing_for_file_load(options, inputs) ?
	       EXIT_FAILED : result;
}

static int run_load(struct crashres_ctx *ctx, const struct options *options)
{
	struct inputs inputs = { 0 };
	int result = EXIT_DONE;
	enum crashres_status status = options->dry_run ? CRASHRES_OK : crashres_can_load(ctx);

	if (status == CRASHRES_OK)
		status = open_inputs(ctx, options, &inputs);
	if (status == CRASHRES_OK)
		status = load(ctx, options, &inputs);
	if (status != CRASHRES_OK)
		result = report_load_failure(ctx, options, &inputs, status);
	close_inputs(&inputs);
	return result;
}

/* The shutdown ends with "kexec -e", or what its system has for that. */
static int run_shutdown(const struct options *options)
{
	static const char *const paths[] = { "/sbin/shutdown", "/etc/shutdown", "/bin/shutdown" };

	if (options->dry_run) {
		printf("Dry run: shutdown -r now would be called\n");
		return EXIT_DONE;
	}
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		execl(paths[i], "shutdown", "-r", "now", (char *)NULL);
	fprintf(stderr, "shutdown: %s\n", strerror(errno));
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
	if (result == EXIT_DONE && options->shutdown)
		result = run_shutdown(options);
	if (result == EXIT_DONE && options->exec)
		result = exec_loaded(ctx, options);
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
	result = status == CRASHRES_OK ? run_all(ctx, options)
				       : report_failure(ctx, options, status);
	crashres_ctx_free(ctx);
	return result;
}
