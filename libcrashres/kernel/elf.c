/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gelf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elf.h"
#include "formats.h"
#include "image.h"

/* The bytes of one PT_LOAD. Neither offset nor address + size wraps. */
struct piece {
	uint64_t address;
	uint64_t offset;
	uint64_t size;
};

struct pieces {
	struct piece *items;
	size_t count;
};

bool crs_elf_probe(const void *data, size_t size)
{
	return size >= SELFMAG && !memcmp(data, ELFMAG, SELFMAG);
}

static enum crashres_status refuse(struct crashres_ctx *ctx, const char *what)
{
	return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED, "%s, not an arm64 kernel", what);
}

static enum crashres_status damaged(struct crashres_ctx *ctx, const char *what)
{
	return crs_fail(ctx, CRASHRES_ERR_FORMAT, "damaged: %s", what);
}

static enum crashres_status check_header(struct crashres_ctx *ctx, Elf *elf)
{
	GElf_Ehdr ehdr;

	if (!gelf_getehdr(elf, &ehdr))
		return damaged(ctx, "its ELF header");
	if (ehdr.e_ident[EI_CLASS] != ELFCLASS64 || ehdr.e_ident[EI_DATA] != ELFDATA2LSB)
		return refuse(ctx, "a 32-bit or big-endian ELF file");
	if (ehdr.e_machine != EM_AARCH64)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				"an ELF file for machine %u, not for arm64 (183)", ehdr.e_machine);
	if (ehdr.e_type == ET_CORE)
		return refuse(ctx, "an ELF core dump");
	if (ehdr.e_type != ET_EXEC && ehdr.e_type != ET_DYN)
		return refuse(ctx, "an ELF object file");
	return CRASHRES_OK;
}

static enum crashres_status check_piece(struct crashres_ctx *ctx, const GElf_Phdr *phdr,
					size_t file_size)
{
	uint64_t end;

	if (__builtin_add_overflow(phdr->p_offset, phdr->p_filesz, &end) ||
	    __builtin_add_overflow(phdr->p_paddr, phdr->p_filesz, &end))
		return damaged(ctx, "a segment wraps around");
	if (phdr->p_offset + phdr->p_filesz > file_size)
		return crs_fail(ctx, CRASHRES_ERR_FORMAT,
				"truncated: a segment ends at byte %" PRIu64
				", the file at byte %zu", phdr->p_offset + phdr->p_filesz,
				file_size);
	return CRASHRES_OK;
}

static enum crashres_status read_pieces(struct crashres_ctx *ctx, Elf *elf, size_t file_size,
					struct pieces *pieces)
{
	size_t count;

	if (elf_getphdrnum(elf, &count) || !count)
		return damaged(ctx, "its program headers");
	pieces->items = calloc(count, sizeof(*pieces->items));
	if (!pieces->items)
		return crs_fail_memory(ctx);
	for (size_t i = 0; i < count; i++) {
		enum crashres_status status;
		GElf_Phdr phdr;

		if (!gelf_getphdr(elf, (int)i, &phdr))
			return damaged(ctx, "its program headers");
		if (phdr.p_type == PT_INTERP)
			return refuse(ctx, "an ELF program");
		if (phdr.p_type != PT_LOAD || !phdr.p_filesz)
			continue;
		status = check_piece(ctx, &phdr, file_size);
		if (status != CRASHRES_OK)
			return status;
		pieces->items[pieces->count++] = (struct piece){
			phdr.p_paddr, phdr.p_offset, phdr.p_filesz };
	}
	return pieces->count ? CRASHRES_OK : damaged(ctx, "no segment to load");
}

static int by_address(const void *a, const void *b)
{
	const struct piece *first = a, *second = b;

	return (first->address > second->address) - (first->address < second->address);
}

/* What lies between the pieces becomes zeros, as with objcopy. */
static enum crashres_status write_pieces(struct crashres_ctx *ctx, const struct pieces *pieces,
					 const uint8_t *data, struct crs_memfd *memfd)
{
	uint64_t base = pieces->items[0].address;

	for (size_t i = 0; i < pieces->count; i++) {
		const struct piece *piece = &pieces->items[i];
		uint64_t offset = piece->address - base;
		enum crashres_status status;

		if (offset < memfd->size)
			return damaged(ctx, "its segments overlap");
		status = crs_memfd_skip(ctx, memfd, offset - memfd->size);
		if (status == CRASHRES_OK)
			status = crs_memfd_write(ctx, memfd, data + piece->offset, piece->size);
		if (status != CRASHRES_OK)
			return status;
	}
	return CRASHRES_OK;
}

static enum crashres_status flatten(struct crashres_ctx *ctx, const struct crashres_input *file,
				    Elf *elf, struct crs_memfd *memfd)
{
	struct pieces pieces = { 0 };
	enum crashres_status status = check_header(ctx, elf);

	if (status == CRASHRES_OK)
		status = read_pieces(ctx, elf, file->size, &pieces);
	if (status == CRASHRES_OK) {
		const struct piece *first = pieces.items;

		qsort(pieces.items, pieces.count, sizeof(*pieces.items), by_address);
		if (!crs_image_probe(file->data + first->offset, first->size))
			status = crs_fail(ctx, CRASHRES_ERR_FORMAT,
					  "its first segment does not start with the header of an "
					  "arm64 Image");
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
	/* It only reads what it is given. */
	elf = elf_memory((char *)(uintptr_t)file->data, file->size);
	status = elf ? flatten(ctx, file, elf, &memfd) : damaged(ctx, "its ELF header");
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
