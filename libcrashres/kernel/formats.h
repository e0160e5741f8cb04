/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The two kinds of wrappers around a kernel: containers and compressions.
 *
 * Each format has one file of this folder (xz and lzma share one). The file defines a constant of
 * type struct crs_container or struct crs_compression, and formats.c has a row for it
 * (HACKING.md, "How to add a kernel format").
 */
#ifndef CRS_FORMATS_H
#define CRS_FORMATS_H

#include "../base/input.h"

/* The content of a container. The receiver owns all members. NULL: the container lacks it. */
struct crs_contents {
	struct crashres_input *kernel;	/* can be wrapped again */
	struct crashres_input *initrd;
	struct crashres_input *dtb;
	char *command_line;		/* without newline or NUL at its end */
};

/* A file format around a kernel, such as uImage. */
struct crs_container {
	const char *type;		/* name of kexec-tools, for "--type" options */
	const char *title;		/* name in lists for people; NULL: @type */
	bool outermost;			/* no other container can be around it; compression can */
	/* Does @data start like this format? Does not check the rest. */
	bool (*probe)(const void *data, size_t size);
	/*
	 * A format defines one of these two functions. The caller owns what they return. The
	 * sentence of an error starts with "FILE: TYPE: ".
	 */
	/* For a container with a kernel only. */
	enum crashres_status (*open)(struct crashres_ctx *ctx, const struct crashres_input *file,
				     struct crashres_input **kernel);
	/* For a container that can also hold an initrd, a DTB or a command line. */
	enum crashres_status (*open_contents)(struct crashres_ctx *ctx,
					      const struct crashres_input *file,
					      struct crs_contents *contents);
};

struct crs_unpack;

/* A compression around a kernel or inside a container. */
struct crs_compression {
	const char *name;		/* in error sentences and names of inputs */
	const char *title;		/* name in lists for people; NULL: @name */
	const char *option;		/* of configure, which enables it; NULL: always enabled */
	bool can_repeat;		/* several members in a row are unpacked to one kernel */
	/* Does @data start like this format? */
	bool (*probe)(const uint8_t *data, size_t size);
	/*
	 * Unpacks one member (gzip member, xz stream, zstd frame ...) and moves the input to
	 * the byte after it (unpack.h). The sentence of an error is the fact only; the caller
	 * puts file and format in front. NULL: this build has no library for the format.
	 */
	enum crashres_status (*unpack)(struct crs_unpack *unpack);
};

/* All formats, in the order in which they are tried. NULL at the end. */
extern const struct crs_container *const crs_containers[];
extern const struct crs_compression *const crs_compressions[];

#endif
