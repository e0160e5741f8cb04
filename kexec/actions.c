/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Carries out a parsed command line: unload, load, shutdown, start, in this order. All decisions
 * about a load belong to the library (plan/attempts.c). This file opens the files, translates
 * options into a request, and translates a failure into a message and an exit status.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actions.h"
#include "exec.h"
#include "exit.h"
#include "print.h"
#include "sealed.h"

/*
 * A crashres_log_fn; @data is the struct options. Warnings appear always, other lines only with
 * -d. All lines go to stderr: RHEL 8 and 9 redirect stderr of "kexec -d" to /var/log/kdump.log,
 * and no script reads the lines.
 */
static void log_line(void *data, enum crashres_log_level level, const char *line)
{
	const struct options *options = data;

	if (level == CRASHRES_LOG_WARNING)
		fprintf(stderr, "kexec: warning: %s\n", line);
	else if (options->debug)
		fprintf(stderr, "kexec: %s\n", line);
}

/*
 * The start of an error message: the option that sets @member of the request, or "". The library
 * knows no options, so it reports the member (crashres_error_member()).
 */
static const char *option_prefix(const struct options *options, enum crashres_member member)
{
	static const char *const prefixes[] = {
		[CRASHRES_MEMBER_DTB] = "--dtb: ",
		[CRASHRES_MEMBER_WINDOW] = "--mem-min and --mem-max: ",
		[CRASHRES_MEMBER_ENTRY] = "--entry: ",
		[CRASHRES_MEMBER_PURGATORY_MMU_OFF] = "--purgatory-mmu=off: ",
		[CRASHRES_MEMBER_NO_CMA] = "--no-cma: ",
		[CRASHRES_MEMBER_FORCE_DTB] = "--force-dtb: ",
		[CRASHRES_MEMBER_SEALING] = "--seal=always: ",
		[CRASHRES_MEMBER_HOTPLUG] = "--hotplug: ",
		[CRASHRES_MEMBER_REUSE_CMDLINE] = "--reuse-cmdline: ",
		[CRASHRES_MEMBER_ON_DAMAGE] = "--on-damage: ",
		[CRASHRES_MEMBER_ON_TIMEOUT] = "--on-timeout: ",
	};
	const char *prefix = NULL;

	if (member == CRASHRES_MEMBER_PURGATORY_REQUIRED)
		return options->purgatory_option;
	if ((size_t)member < sizeof(prefixes) / sizeof(*prefixes))
		prefix = prefixes[member];
	return prefix ? prefix : "";
}

/* The end of an error message: the next step for the user, or "". */
static const char *advice(const struct options *options, enum crashres_status status)
{
	if (status == CRASHRES_ERR_NO_DEVICE_TREE)
		return ": name a device tree with --dtb=FILE";
	/* Memory can also be short because of --mem-min and --mem-max. */
	if (status == CRASHRES_ERR_NO_SPACE && options->slot == CRASHRES_SLOT_CRASH &&
	    options->window.size == UINT64_MAX)
		return ": reserve more memory with crashkernel=";
	return "";
}

/*
 * Prints the error of @ctx with the option before it and @advice behind it. Returns the exit
 * status that kexec-tools has for such a failure, because scripts test it (exit.h).
 */
static int report_with_advice(const struct crashres_ctx *ctx, const struct options *options,
			      enum crashres_status status, const char *advice)
{
	if (status == CRASHRES_ERR_MEMORY)
		fprintf(stderr, "kexec: out of memory\n");
	else
		fprintf(stderr, "kexec: %s%s%s\n",
			option_prefix(options, crashres_error_member(ctx)), crashres_error(ctx),
			advice);
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

static int report_failure(const struct crashres_ctx *ctx, const struct options *options,
			  enum crashres_status status)
{
	return report_with_advice(ctx, options, status, advice(options, status));
}

/*
 * The running kernel refused a signature of @file: the next step is the command that explains it.
 * A build without signatures does not have this command.
 */
static int report_signature(const struct crashres_ctx *ctx, const struct options *options,
			    const char *file, enum crashres_status status)
{
	char text[PATH_MAX + 64] = "";

#ifdef HAVE_IMA
	snprintf(text, sizeof(text), ": \"crashres verify --machine %s\" shows why", file);
#else
	(void)file;
#endif
	return report_with_advice(ctx, options, status, text);
}

/*
 * -S: prints nothing; the exit status is the answer. Without the file in /sys/kernel the answer is
 * unknown, which kexec-tools reports with 255.
 */
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

/*
 * --print-ckr-size: scripts read the number on stdout and expect exit status 0. The number 0 means
 * that no memory is reserved, or that /proc/iomem cannot be read. regions[0] is the high region.
 */
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

/*
 * Unloading an empty slot succeeds: "kdumpctl reload" unloads without looking whether a kernel is
 * loaded, and gives up if this fails.
 */
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

/*
 * The inputs of a load, in the order in which they are opened. The struct owns all of them. After
 * a failure the members that were not opened are NULL; is_missing_for_file_load() reads that.
 */
struct inputs {
	struct crashres_machine *machine;
	struct crashres_kernel *kernel;
	struct crashres_input *initrd;	/* NULL: no initrd */
	struct crashres_input *dtb;	/* NULL: the device tree of the running machine */
	bool signature_refused;		/* out; see struct crashres_result */
	struct sealed sealed;		/* the ready sealed Image, if one is needed and found */
};

static void close_inputs(struct inputs *inputs)
{
	crashres_kernel_close(inputs->sealed.image);
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

/*
 * Reads the machine and opens the files. The order decides which error the user sees if there are
 * several. On failure the caller closes the inputs that were opened.
 */
static enum crashres_status open_inputs(struct crashres_ctx *ctx, const struct options *options,
					struct inputs *inputs)
{
	enum crashres_status status = crashres_machine_read(ctx, &inputs->machine);

	/*
	 * Check the reservation before the files: kexec-tools does so, and "no memory reserved" is
	 * the more useful error if a file is missing too.
	 */
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

/* The request borrows the inputs and the strings of @options. */
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
	request.purgatory_required = options->purgatory_option[0];
	request.purgatory_mmu_off = options->purgatory_mmu_off;
	request.no_checks = options->no_checks;
	request.on_damage = options->on_damage;
	request.on_timeout = options->on_timeout;
	request.repair = options->repair;
	request.check_seconds = options->check_seconds;
	return request;
}

/*
 * --dry-run: prepares and prints every attempt, also those that a load would reach only after a
 * refusal. Fails if no attempt is possible, as the load would fail.
 */
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

/* Prints @plan (--dry-run) or carries it out. */
static enum crashres_status carry_out(struct crashres_ctx *ctx, const struct options *options,
				      struct inputs *inputs, struct crashres_plan *plan)
{
	struct crashres_result result = CRASHRES_RESULT_INIT;
	enum crashres_status status;

	if (options->dry_run)
		return show_plan(ctx, inputs, plan);
	if (options->debug)
		print_plan(stderr, ctx, inputs->machine, plan);
	status = crashres_load(ctx, plan, &result);
	inputs->signature_refused = result.signature_refused;
	if (status != CRASHRES_OK)
		sealed_record_failure(ctx, &inputs->sealed, plan, &result);
	if (status == CRASHRES_OK)
		sealed_print(ctx, &inputs->sealed, options->kernel, plan, &result);
	return status;
}

/* Makes the plan, and prints it (--dry-run) or carries it out. */
static enum crashres_status load(struct crashres_ctx *ctx, const struct options *options,
				 struct inputs *inputs, struct crashres_request *request)
{
	struct crashres_plan *plan = NULL;
	enum crashres_status status;

	request->sealed = inputs->sealed.image;
	status = crashres_plan_make(ctx, inputs->machine, inputs->kernel, request, &plan);
	if (status == CRASHRES_OK)
		status = carry_out(ctx, options, inputs, plan);
	crashres_plan_free(plan);
	return status;
}

/*
 * The three lines of kexec-tools, with their spelling. The manuals of distributions quote these
 * lines, and users search for them.
 */
static int report_no_region(void)
{
	fputs("Memory for crashkernel is not reserved\n"
	      "Please reserve memory by passing\"crashkernel=Y@X\" parameter to kernel\n"
	      "Then try to loading kdump kernel\n", stderr);
	return EXIT_ENVIRONMENT;
}

/*
 * Is the failure a kernel or an initrd that cannot be opened for kexec_file_load? kexec-tools exits
 * with 255 then, and with 1 if kexec_load (-c) or another file, such as the DTB, is concerned.
 * Without -c kexec-tools tries kexec_file_load first.
 */
static bool is_missing_for_file_load(const struct options *options, const struct inputs *inputs)
{
	const char *path = !inputs->kernel ? options->kernel :
			   !inputs->initrd ? options->initrd : NULL;

	return options->call != CRASHRES_CALL_LOAD && inputs->machine && path &&
	       access(path, R_OK) < 0;
}

/* Prints why a load failed; returns the exit status. */
static int report_load_failure(const struct crashres_ctx *ctx, const struct options *options,
			       const struct inputs *inputs, enum crashres_status status)
{
	int result;

	if (status == CRASHRES_ERR_NO_REGION)
		return report_no_region();
	if (inputs->signature_refused)
		return report_signature(ctx, options, *inputs->sealed.refused ?
					inputs->sealed.refused : options->kernel, status);
	result = report_failure(ctx, options, status);
	return status == CRASHRES_ERR_OS && is_missing_for_file_load(options, inputs) ?
	       EXIT_FAILED : result;
}

static int run_load(struct crashres_ctx *ctx, const struct options *options)
{
	struct inputs inputs = { 0 };
	struct crashres_request request;
	int result = EXIT_DONE;
	enum crashres_status status = options->dry_run ? CRASHRES_OK : crashres_can_load(ctx);

	if (status == CRASHRES_OK)
		status = open_inputs(ctx, options, &inputs);
	request = make_request(options, &inputs);
	if (status == CRASHRES_OK &&
	    !sealed_find(ctx, inputs.machine, inputs.kernel, &request, &inputs.sealed)) {
		close_inputs(&inputs);
		return EXIT_ENVIRONMENT;
	}
	if (status == CRASHRES_OK)
		status = load(ctx, options, &inputs, &request);
	if (status != CRASHRES_OK)
		result = report_load_failure(ctx, options, &inputs, status);
	close_inputs(&inputs);
	return result;
}

/*
 * Replaces this process by shutdown(8), searched for in the folders that kexec-tools searches. The
 * init system starts the loaded kernel at the end of the shutdown. Returns only on failure; the
 * error line is that of kexec-tools.
 */
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

/*
 * Runs the actions in the order of kexec-tools and stops at the first failure. -S and
 * --print-ckr-size suppress all other actions.
 */
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
	/* The cast removes const: log_line() only reads the options. */
	crashres_ctx_set_log(ctx, log_line, (void *)(uintptr_t)options);
	if (options->root)
		status = crashres_ctx_set_root(ctx, options->root);
	result = status == CRASHRES_OK ? run_all(ctx, options)
				       : report_failure(ctx, options, status);
	crashres_ctx_free(ctx);
	return result;
}
