/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One sealed Image to make: its inputs, its settings, its signature and its file. */
#ifndef CRASHRES_SEAL_JOB_H
#define CRASHRES_SEAL_JOB_H

#include "seal-sign.h"

/* Strings are borrowed. */
struct seal_job {
	const char *kernel;			/* path */
	const char *initrd;			/* path; NULL: none, purgatory checks none */
	const char *output;			/* path */
	const char *serial;			/* name of a tty; NULL: chosen from the firmware */
	const char *root;			/* path; NULL: this machine with @serial, no
						   machine without */
	struct crashres_seal_request seal;	/* policies; its initrd is set later */
	struct seal_signing signing;
};

/* The files of a job. NULL members are allowed. */
struct seal_inputs {
	struct crashres_kernel *kernel;
	struct crashres_input *initrd;		/* NULL: none */
};

/*
 * Opens the files of @job. @inputs: out; release with seal_inputs_close(), after a failure too.
 * After a failure crashres_error() has the reason.
 */
enum crashres_status seal_inputs_open(struct crashres_ctx *ctx, const struct seal_job *job,
				      struct seal_inputs *inputs);
void seal_inputs_close(struct seal_inputs *inputs);

/*
 * Seals @inputs without a signature. Changes the root of @ctx to that of @job, if there is one.
 * @sealed: out; release with crashres_input_close(). Returns false after one line on stderr.
 */
bool seal_job_seal(struct crashres_ctx *ctx, const struct seal_job *job,
		   const struct seal_inputs *inputs, struct crashres_input **sealed);

/*
 * Signs @sealed and writes it to the output of @job. Returns false after one line on stderr; the
 * output is unchanged then.
 */
bool seal_job_publish(struct crashres_ctx *ctx, const struct seal_job *job,
		      const struct crashres_input *sealed);

/*
 * Seals @inputs, signs the Image and writes it to the output of @job. The key
 * is opened first: a wrong passphrase is found at once. Returns false after one line on stderr; the
 * output is unchanged then.
 */
bool seal_job_run(struct crashres_ctx *ctx, const struct seal_job *job,
		  const struct seal_inputs *inputs);

#endif
