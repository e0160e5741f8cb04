/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes an Image from vmlinux with libelf.
 *
 * The segments (PT_LOAD) of an arm64 vmlinux cover the kernel in memory. p_paddr is the
 * physical address at which the kernel was linked; only the distances between segments
 * matter. The lowest segment starts with the Image header. The Image is the content of the
 * segments, at their distances, with zeros in the gaps and without the BSS at the end.
 */
#include <gelf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elf.h"
#include "formats.h"
#include "image.h"

/* The bytes of one PT_LOAD. They lie in the file, and address + size does not wrap. */
struct piece {
	uint64_t address;	/* p_paddr, physical address */
	uint64_t offset;	/* bytes from the start of the file */
	uint64_t size;		/* bytes in the file */
};

struct pieces {
	struct piece *items;	/* owned */
	size_t count;
};

bool crs_elf_probe(const void *data, size_t size)
{
	return size >= SELFMAG && !memcmp(data, ELFMAG, SELFMAG);
}

/* Fails for an ELF file of another kind. @subject: such as "an ELF core dump". */
static enum crashres_status fail_kind(struct crashres_ctx *ctx, const char *subject)
{
	return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED, "%s is not an arm64 kernel", subject);
}

static enum crashres_status fail_format(struct crashres_ctx *ctx, const char *sentence)
{
	return crs_fail(ctx, CRASHRES_ERR_FORMAT, "%s", sentence);
}

/* Refuses ELF files for other machines, core dumps and object files. */
static enum crashres_status check_header(struct crashres_ctx *ctx, Elf *elf)
{
	GElf_Ehdr ehdr;

	if (!gelf_getehdr(elf, &ehdr))
		return fail_format(ctx, "the ELF header is damaged");
	if (ehdr.e_ident[EI_CLASS] != ELFCLASS64 || ehdr.e_ident[EI_DATA] != ELFDATA2LSB)
		return fail_kind(ctx, "a 32-bit or big-endian ELF file");
	if (ehdr.e_machine != EM_AARCH64)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"is for machine %u, not for arm64 (183)", ehdr.e_machine);
	if (ehdr.e_type == ET_CORE)
		return fail_kind(ctx, "an ELF core dump");
	if (ehdr.e_type != ET_EXEC && ehdr.e_type != ET_DYN)
		return fail_kind(ctx, "an ELF object file");
	return CRASHRES_OK;
}

/* The content of the segment must lie in the file, and its addresses must not wrap. */
static enum crashres_status check_segment(struct crashres_ctx *ctx, const GElf_Phdr *phdr,
					size_t file_size)
{
	uint64_t end;

	if (__builtin_add_overflow(phdr->p_offset, phdr->p_filesz, &end) ||
	    __builtin_add_overflow(phdr->p_paddr, phdr->p_filesz, &end))
		return fail_format(ctx, "the address or offset of a segment wraps");
	if (phdr->p_offset + phdr->p_filesz > file_size)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"truncated: a segment ends at byte %" PRIu64
				", the file at byte %zu", phdr->p_offset + phdr->p_filesz,
				file_size);
	return CRASHRES_OK;
}

/* Reads all PT_LOADs with content. The caller frees pieces->items, after a failure too. */
static enum crashres_status read_pieces(struct crashres_ctx *ctx, Elf *elf, size_t file_size,
					struct pieces *pieces)
{
	size_t count;

	if (elf_getphdrnum(elf, &count) || !count)
		return fail_format(ctx, "the program headers are damaged");
	pieces->items = calloc(count, sizeof(*pieces->items));
	if (!pieces->items)
		return crs_fail_memory(ctx);
	for (size_t i = 0; i < count; i++) {
		enum crashres_status status;
		GElf_Phdr phdr;

		if (!gelf_getphdr(elf, (int)i, &phdr))
			return fail_format(ctx, "the program headers are damaged");
		if (phdr.p_type == PT_INTERP)
			return fail_kind(ctx, "an ELF program");
		if (phdr.p_type != PT_LOAD || !phdr.p_filesz)
			continue;
		status = check_segment(ctx, &phdr, file_size);
		if (status != CRASHRES_OK)
			return status;
		pieces->items[pieces->count++] = (struct piece){
			phdr.p_paddr, phdr.p_offset, phdr.p_filesz };
	}
	return pieces->count ? CRASHRES_OK : fail_format(ctx, "no loadable segment");
}

static int compare_addresses(const void *a, const void *b)
{
	const struct piece *first = a, *second = b;

	return (first->address > second->address) - (first->address < second->address);
}

/* Writes the sorted pieces to @memfd, with zeros in the gaps, as objcopy does. */
static enum crashres_status write_pieces(struct crashres_ctx *ctx, const struct pieces *pieces,
					 const uint8_t *data, struct crs_memfd *memfd)
{
	uint64_t base = pieces->items[0].address;

	for (size_t i = 0; i < pieces->count; i++) {
		const struct piece *piece = &pieces->items[i];
		uint64_t offset = piece->address - base;
		enum crashres_status status;

		if (offset < memfd->size)
			return fail_format(ctx, "the segments overlap");
		status = crs_memfd_skip(ctx, memfd, offset - memfd->size);
		if (status == CRASHRES_OK)
			status = crs_memfd_write(ctx, memfd, data + piece->offset, piece->size);
		if (status != CRASHRES_OK)
			return status;
	}
	return CRASHRES_OK;
}

/* Writes the Image into @memfd. The caller closes @memfd, after a failure too. */
static enum crashres_status make_image(struct crashres_ctx *ctx, const struct crashres_input *file,
				    Elf *elf, struct crs_memfd *memfd)
{
	struct pieces pieces = { 0 };
	enum crashres_status status = check_header(ctx, elf);

	if (status == CRASHRES_OK)
		status = read_pieces(ctx, elf, file->size, &pieces);
	if (status == CRASHRES_OK) {
		const struct piece *first = pieces.items;

		qsort(pieces.items, pieces.count, sizeof(*pieces.items), compare_addresses);
		if (!crs_image_probe(file->data + first->offset, first->size))
			status = crs_fail(ctx, CRASHRES_ERR_FORMAT,
					  "the first segment does not start with the header "
					  "of an arm64 Image");
	}
	if (status == CRASHRES_OK)
		status = crs_memfd_open(ctx, memfd);
	if (status == CRASHRES_OK)
		status = write_pieces(ctx, &pieces, file->data, memfd);
	free(pieces.items);
	return status;
}

enum crashres_status crs_elf_open(struct crashres_ctx *ctx, const struct crashres_input *file,
				  struct crashres_input **inner)
{
	CRS_CLEANUP(crs_memfd_closep) struct crs_memfd memfd = CRS_MEMFD_CLOSED;
	CRS_CLEANUP(crs_freep) char *name = NULL;
	enum crashres_status status;
	Elf *elf;

	if (asprintf(&name, "%s (vmlinux)", file->name) < 0) {
		name = NULL;
		return crs_fail_memory(ctx);
	}
	elf_version(EV_CURRENT);
	/* The parameter of elf_memory() is not const, but libelf only reads the memory. */
	elf = elf_memory((char *)(uintptr_t)file->data, file->size);
	status = elf ? make_image(ctx, file, elf, &memfd) :
			fail_format(ctx, "the ELF header is damaged");
	elf_end(elf);
	if (status == CRASHRES_OK)
		status = crs_input_from_memfd(ctx, &memfd, name, inner);
	return crs_prefix_error(ctx, status, "%s: vmlinux", file->name);
}

const struct crs_container crs_container_vmlinux = {
	.type = "vmlinux",
	.probe = crs_elf_probe,
	.open = crs_elf_open,
};
