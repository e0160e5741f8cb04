/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes one sealed Image: opens the inputs, seals, signs and writes the output. */
#include <stdio.h>

#include "seal-job.h"

enum crashres_status seal_inputs_open(struct crashres_ctx *ctx, const struct seal_job *job,
				      struct seal_inputs *inputs)
{
	enum crashres_status status = crashres_kernel_open(ctx, job->kernel, &inputs->kernel);

	if (status == CRASHRES_OK && job->initrd)
		status = crashres_input_open(ctx, job->initrd, &inputs->initrd);
	return status;
}

void seal_inputs_close(struct seal_inputs *inputs)
{
	crashres_input_close(inputs->initrd);
	crashres_kernel_close(inputs->kernel);
}

/*
 * Reads the machine that the Image is for, if the job names one. The Image can start on
 * another machine than the one that seals it. The address of this machine's UART can
 * belong to any device there, so this machine is not the default.
 *
 * @machine: out; unchanged if the job names no machine.
 */
static enum crashres_status read_machine(struct crashres_ctx *ctx, const struct seal_job *job,
					 struct crashres_machine **machine)
{
	enum crashres_status status = CRASHRES_OK;

	if (!job->root && !job->serial)
		return CRASHRES_OK;
	if (job->root)
		status = crashres_ctx_set_root(ctx, job->root);
	if (status == CRASHRES_OK)
		status = crashres_machine_read(ctx, machine);
	if (status == CRASHRES_OK && job->serial)
		status = crashres_machine_set_serial(ctx, *machine, job->serial);
	return status;
}

bool seal_job_seal(struct crashres_ctx *ctx, const struct seal_job *job,
		   const struct seal_inputs *inputs, struct crashres_input **sealed)
{
	struct crashres_seal_request request = job->seal;
	struct crashres_machine *machine = NULL;
	enum crashres_status status = read_machine(ctx, job, &machine);

	request.initrd = inputs->initrd;
	if (status == CRASHRES_OK)
		status = crashres_seal(ctx, machine, inputs->kernel, &request, sealed);
	crashres_machine_free(machine);
	if (status != CRASHRES_OK)
		fprintf(stderr, "crashres: %s\n", crashres_error(ctx));
	return status == CRASHRES_OK;
}

bool seal_job_publish(struct crashres_ctx *ctx, const struct seal_job *job,
		      const struct crashres_input *sealed)
{
	struct seal_signer signer;
	bool done = seal_signer_open(ctx, &job->signing, &signer) &&
		    seal_signer_save(ctx, &signer, sealed, job->output);

	seal_signer_close(&signer);
	return done;
}

bool seal_job_run(struct crashres_ctx *ctx, const struct seal_job *job,
		  const struct seal_inputs *inputs)
{
	struct crashres_input *sealed = NULL;
	struct seal_signer signer;
	bool done = seal_signer_open(ctx, &job->signing, &signer) &&
		    seal_job_seal(ctx, job, inputs, &sealed) &&
		    seal_signer_save(ctx, &signer, sealed, job->output);

	crashres_input_close(sealed);
	seal_signer_close(&signer);
	return done;
}
