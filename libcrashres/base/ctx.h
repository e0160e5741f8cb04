/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The context inside the library: its members, the error sentence, the log, and
 * cleanup of local variables.
 *
 * Errors: the function that detects a failure sets the sentence with crs_fail(). Each
 * caller can put the name of its step in front with crs_prefix_error(). The result
 * reads from the outermost step to the cause: "kernel Image: truncated: ...". The
 * sentence names facts and never an option of a command. Only a command prints it.
 */
#ifndef CRS_CTX_H
#define CRS_CTX_H

#include <stdarg.h>

#include <crashres/crashres.h>

#include "../load/kexec.h"
#include "../machine/keyctl.h"

struct crashres_ctx {
	int root_fd;			/* O_PATH descriptor of the root; owned */
	bool root_is_live;		/* the root is "/", so it shows the running kernel */
	crashres_log_fn *log;		/* NULL: no log */
	void *log_data;			/* first argument of @log; belongs to the caller */
	crashres_entropy_fn *entropy;	/* getrandom(2), unless the caller replaced it */
	void *entropy_data;		/* first argument of @entropy; belongs to the caller */
	crs_kexec_load_fn *kexec_load;	/* the system call; tests replace it */
	crs_kexec_file_load_fn *kexec_file_load;	/* likewise */
	crs_keyctl_fn *keyctl;		/* likewise */
	enum crashres_member member;	/* the member of the request that @error is about */
	char error[1024];		/* sentence of the last failure */
};

/*
 * Sets the error sentence and clears the member.
 *
 * A sentence that is too long loses its middle. The middle usually belongs to a long
 * path; the cause stands at the end and stays.
 *
 * Return: @status, so that a caller can write "return crs_fail(...)".
 */
__attribute__((format(printf, 3, 4)))
enum crashres_status crs_fail(struct crashres_ctx *ctx, enum crashres_status status,
			      const char *format, ...);

/* Like crs_fail(). Also stores @member, so that a command can name its own option. */
__attribute__((format(printf, 4, 5)))
enum crashres_status crs_fail_member(struct crashres_ctx *ctx, enum crashres_status status,
				     enum crashres_member member, const char *format, ...);

/* Like crs_fail(). Appends ": " and strerror(@error); @error is an errno value. */
__attribute__((format(printf, 4, 5)))
enum crashres_status crs_fail_errno(struct crashres_ctx *ctx, enum crashres_status status,
				    int error, const char *format, ...);

/*
 * Puts a step or a file name and ": " in front of the error sentence. Does nothing if
 * @status is CRASHRES_OK, so a caller can pass the status of the step directly.
 *
 * Return: @status.
 */
__attribute__((format(printf, 3, 4)))
enum crashres_status crs_prefix_error(struct crashres_ctx *ctx, enum crashres_status status,
				      const char *format, ...);

/* Like crs_fail() with "out of memory". Return: CRASHRES_ERR_MEMORY. */
enum crashres_status crs_fail_memory(struct crashres_ctx *ctx);

/* Sends one line to the log of the context. Shortens a line of 1024 bytes or more. */
__attribute__((format(printf, 3, 4)))
void crs_log(struct crashres_ctx *ctx, enum crashres_log_level level, const char *format, ...);

/*
 * CRS_CLEANUP(function) calls function(&variable) when the variable goes out of scope.
 * crs_closep() closes a descriptor that is not negative. crs_freep() takes the address
 * of a pointer to any type and frees the memory that the pointer refers to. A function
 * that gives the resource to its caller sets the variable to -1 or NULL first.
 */
#define CRS_CLEANUP(function) __attribute__((cleanup(function)))
void crs_closep(int *fd);
void crs_freep(void *pointer);

#endif
