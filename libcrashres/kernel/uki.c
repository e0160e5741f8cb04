/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opens UKIs: finds the sections of a PE file by name, and copies them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pe.h"
#include "uki.h"

/* The content of a section in the file. */
struct content {
	const uint8_t *data;	/* borrowed; NULL: no such section, or an empty one */
	size_t size;		/* bytes */
};

/*
 * Finds the first section @name. Returns false if there is none, or if the section table is
 * truncated before it.
 */
static bool find_section(const struct crs_pe *pe, const char *name, struct crs_pe_section *section)
{
	for (unsigned int i = 0; i < pe->section_count && crs_pe_section(pe, i, section); i++)
		if (!strcmp(section->name, name))
			return true;
	return false;
}

/* The file offset of the end of the section table: 40 bytes for each section. */
static uint64_t section_table_end(const struct crs_pe *pe)
{
	return pe->section_table + pe->section_count * UINT64_C(40);
}

bool crs_uki_probe(const void *data, size_t size)
{
	struct crs_pe_section section;
	struct crs_pe pe;

	return crs_pe_parse(data, size, &pe) &&
	       (section_table_end(&pe) > size || find_section(&pe, ".linux", &section));
}

/* Finds the content of section @name. A missing section is not an error. */
static enum crashres_status find_content(struct crashres_ctx *ctx, const struct crs_pe *pe,
					 const char *name, struct content *content)
{
	struct crs_pe_section section;
	uint64_t size, end;

	*content = (struct content){ NULL, 0 };
	if (!find_section(pe, name, &section))
		return CRASHRES_OK;
	/* The file pads a section to raw_size; in memory, zeros can follow it (virtual_size). */
	size = section.virtual_size < section.raw_size ? section.virtual_size : section.raw_size;
	end = section.raw_offset + size;
	if (end > pe->size)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"truncated: %s ends at byte %" PRIu64 ", the file at byte %zu",
				name, end, pe->size);
	if (size)
		*content = (struct content){ pe->data + section.raw_offset, size };
	return CRASHRES_OK;
}

/* Copies section @name into a new input. Leaves *part NULL without the section. */
static enum crashres_status copy_section(struct crashres_ctx *ctx, const struct crs_pe *pe,
				      const char *file_name, const char *name,
				      struct crashres_input **part)
{
	CRS_CLEANUP(crs_freep) char *part_name = NULL;
	struct content content;
	enum crashres_status status = find_content(ctx, pe, name, &content);

	if (status != CRASHRES_OK || !content.data)
		return status;
	if (asprintf(&part_name, "%s (%s)", file_name, name) < 0) {
		part_name = NULL;
		return crs_fail_memory(ctx);
	}
	return crs_input_copy(ctx, content.data, content.size, part_name, part);
}

/* Copies .cmdline into a string. Leaves *command_line NULL without text. */
static enum crashres_status copy_command_line(struct crashres_ctx *ctx, const struct crs_pe *pe,
					      char **command_line)
{
	struct content content;
	enum crashres_status status = find_content(ctx, pe, ".cmdline", &content);
	size_t size = content.size;

	if (status != CRASHRES_OK)
		return status;
	/* A text editor leaves a newline at the end, and older tools leave a NUL. */
	while (size && (content.data[size - 1] == '\0' || content.data[size - 1] == '\n'))
		size--;
	if (!size)
		return CRASHRES_OK;
	if (memchr(content.data, '\0', size))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"the command line contains a NUL");
	*command_line = strndup((const char *)content.data, size);
	return *command_line ? CRASHRES_OK : crs_fail_memory(ctx);
}

/* Checks the machine, and that the file has the whole section table. */
static enum crashres_status check_header(struct crashres_ctx *ctx, const struct crs_pe *pe)
{
	if (pe->machine != CRS_PE_ARM64)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"is for machine 0x%x, not for arm64 (0xaa64)", pe->machine);
	if (section_table_end(pe) > pe->size)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"truncated: the table of %u sections ends at byte %" PRIu64
				", the file at byte %zu", pe->section_count, section_table_end(pe),
				pe->size);
	return CRASHRES_OK;
}

enum crashres_status crs_uki_open(struct crashres_ctx *ctx, const struct crashres_input *file,
				  struct crs_contents *uki)
{
	struct crs_contents new = { 0 };
	enum crashres_status status;
	struct crs_pe pe = { 0 };

	crs_pe_parse(file->data, file->size, &pe);
	status = check_header(ctx, &pe);
	if (status == CRASHRES_OK)
		status = copy_section(ctx, &pe, file->name, ".linux", &new.kernel);
	if (status == CRASHRES_OK && !new.kernel)
		status = crs_fail(ctx, CRASHRES_ERR_FORMAT, "the kernel is empty");
	if (status == CRASHRES_OK)
		status = copy_section(ctx, &pe, file->name, ".initrd", &new.initrd);
	if (status == CRASHRES_OK)
		status = copy_section(ctx, &pe, file->name, ".dtb", &new.dtb);
	if (status == CRASHRES_OK)
		status = copy_command_line(ctx, &pe, &new.command_line);
	if (status != CRASHRES_OK) {
		crs_uki_free(&new);
		return crs_prefix_error(ctx, status, "%s: uki", file->name);
	}
	*uki = new;
	return CRASHRES_OK;
}

void crs_uki_free(struct crs_contents *uki)
{
	crashres_input_close(uki->kernel);
	crashres_input_close(uki->initrd);
	crashres_input_close(uki->dtb);
	free(uki->command_line);
}

const struct crs_container crs_container_uki = {
	.type = "uki",
	.outermost = true,
	.probe = crs_uki_probe,
	.open_contents = crs_uki_open,
};
