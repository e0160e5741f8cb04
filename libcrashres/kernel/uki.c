/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pe.h"
#include "uki.h"

/* A section's bytes in the file; no data where there is no such section. */
struct content {
	const uint8_t *data;
	size_t size;
};

/* False where it is missing, or the table ends before it. The first of several counts. */
static bool find_section(const struct crs_pe *pe, const char *name, struct crs_pe_section *section)
{
	for (unsigned int i = 0; i < pe->section_count && crs_pe_section(pe, i, section); i++)
		if (!strcmp(section->name, name))
			return true;
	return false;
}

static uint64_t table_end(const struct crs_pe *pe)
{
	return pe->section_table + pe->section_count * UINT64_C(40);
}

bool crs_uki_probe(const void *data, size_t size)
{
	struct crs_pe_section section;
	struct crs_pe pe;

	return crs_pe_parse(data, size, &pe) &&
	       (table_end(&pe) > size || find_section(&pe, ".linux", &section));
}

static enum crashres_status find_content(struct crashres_ctx *ctx, const struct crs_pe *pe,
					 const char *name, struct content *content)
{
	struct crs_pe_section section;
	uint64_t size, end;

	*content = (struct content){ NULL, 0 };
	if (!find_section(pe, name, &section))
		return CRASHRES_OK;
	/* In the file it is padded, and in memory zeros may follow. */
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

/* A section as a file; *part stays NULL without one. */
static enum crashres_status take_file(struct crashres_ctx *ctx, const struct crs_pe *pe,
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

static enum crashres_status take_command_line(struct crashres_ctx *ctx, const struct crs_pe *pe,
					      char **command_line)
{
	struct content content;
	enum crashres_status status = find_content(ctx, pe, ".cmdline", &content);
	size_t size = content.size;

	if (status != CRASHRES_OK)
		return status;
	/* Editors leave a newline, older tools a NUL. */
	while (size && (content.data[size - 1] == '\0' || content.data[size - 1] == '\n'))
		size--;
	if (!size)
		return CRASHRES_OK;
	if (memchr(content.data, '\0', size))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"damaged: its command line has a NUL in the middle");
	*command_line = strndup((const char *)content.data, size);
	return *command_line ? CRASHRES_OK : crs_fail_memory(ctx);
}

static enum crashres_status check_header(struct crashres_ctx *ctx, const struct crs_pe *pe)
{
	if (pe->machine != CRS_PE_ARM64)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"for machine 0x%x, not for arm64 (0xaa64)", pe->machine);
	if (table_end(pe) > pe->size)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"truncated: its table of %u sections ends at byte %" PRIu64
				", the file at byte %zu", pe->section_count, table_end(pe),
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
		status = take_file(ctx, &pe, file->name, ".linux", &new.kernel);
	if (status == CRASHRES_OK && !new.kernel)
		status = crs_fail(ctx, CRASHRES_ERR_FORMAT, "damaged: its kernel is empty");
	if (status == CRASHRES_OK)
		status = take_file(ctx, &pe, file->name, ".initrd", &new.initrd);
	if (status == CRASHRES_OK)
		status = take_file(ctx, &pe, file->name, ".dtb", &new.dtb);
	if (status == CRASHRES_OK)
		status = take_command_line(ctx, &pe, &new.command_line);
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
