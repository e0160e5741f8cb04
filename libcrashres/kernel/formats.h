/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a kernel can be wrapped in. Each format is one file of this folder, which
 * defines one of the structs below, and one row in formats.c (HACKING.md, "How to
 * add a kernel format").
 */
#ifndef CRS_FORMATS_H
#define CRS_FORMATS_H

#include "../base/input.h"

/* What a container brings beside the kernel. Files stay NULL if it has none. */
struct crs_contents {
	struct crashres_input *kernel;	/* may be wrapped again */
	struct crashres_input *initrd;
	struct crashres_input *dtb;
	char *command_line;
};

/* A file around a kernel, such as a uImage. */
struct crs_container {
	const char *type;		/* by kexec-tools' names, for "type" options */
	const char *title;		/* for people; NULL: as @type */
	bool outermost;			/* nothing else can be around it but compression */
	/* Does @data start like this format? */
	bool (*probe)(const void *data, size_t size);
	/* One of these. Sentences of errors start with the file's name and the type. */
	enum crashres_status (*open)(struct crashres_ctx *ctx, const struct crashres_input *file,
				     struct crashres_input **kernel);
	enum crashres_status (*open_contents)(struct crashres_ctx *ctx,
					 const struct crashres_input *file,
					 struct crs_contents *contents);
};

struct crs_unpack;

/* A compression around a kernel or inside a container. */
struct crs_compression {
	const char *name;
	const char *title;		/* for people; NULL: as @name */
	const char *option;		/* of configure */
	bool can_repeat;		/* several in one file are one */
	bool (*probe)(const uint8_t *data, size_t size);
	/*
	 * Unpacks one member and moves the input behind it (unpack.h). The sentence of
	 * an error is "truncated" or "damaged: ...". NULL: not in this build.
	 */
	enum crashres_status (*unpack)(struct crs_unpack *unpack);
};

/* In the order in which they are tried; NULL at the end. */
extern const struct crs_container *const crs_containers[];
extern const struct crs_compression *const crs_compressions[];

#endif
