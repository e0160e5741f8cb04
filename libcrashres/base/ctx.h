/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The context inside the library: errors that grow outwards, logging, reading below the root. */
#ifndef CRS_CTX_H
#define CRS_CTX_H

#include <stdarg.h>

#include <crashres/crashres.h>

#include "../load/kexec.h"

struct crashres_ctx {
	int root_fd;
	bool root_is_live;			/* "/": what the machine says here is true here */
	crashres_log_fn *log;
	void *log_data;
	crashres_entropy_fn *entropy;
	void *entropy_data;
	crs_kexec_load_fn *kexec_load;
	crs_kexec_file_load_fn *kexec_file_load;
	enum crashres_member member;	/* that error is about */
	char error[1024];
};

/*
 * Sets the sentence of a failure and gives @status back. A sentence that is too
 * long loses its middle, which is a long path's, so that its end stays.
 */
__attribute__((format(printf, 3, 4)))
enum crashres_status crs_fail(struct crashres_ctx *ctx, enum crashres_status status,
			      const char *format, ...);

/* As crs_fail(), about a member of the request. */
__attribute__((format(printf, 4, 5)))
enum crashres_status crs_fail_member(struct crashres_ctx *ctx, enum crashres_status status,
				     enum crashres_member member, const char *format, ...);

/* As crs_fail(), with ": " and the text of @error, an errno, behind it. */
__attribute__((format(printf, 4, 5)))
enum crashres_status crs_fail_errno(struct crashres_ctx *ctx, enum crashres_status status,
				    int error, const char *format, ...);

/* Puts "<what>: " in front of the sentence, when @status is a failure. */
__attribute__((format(printf, 3, 4)))
enum crashres_status crs_prefix_error(struct crashres_ctx *ctx, enum crashres_status status,
				      const char *format, ...);

enum crashres_status crs_fail_memory(struct crashres_ctx *ctx);

__attribute__((format(printf, 3, 4)))
void crs_log(struct crashres_ctx *ctx, enum crashres_log_level level, const char *format, ...);

/* Frees what a char * or uint8_t * variable points to when it goes out of scope. */
#define CRS_CLEANUP(function) __attribute__((cleanup(function)))
void crs_closep(int *fd);
void crs_freep(void *pointer);

#endif
