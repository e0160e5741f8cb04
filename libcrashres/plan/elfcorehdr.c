/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* elfcorehdr.c: makes the ELF header that the capture kernel serves as /proc/vmcore. */
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "elfcorehdr.h"

/*
 * The number of program headers that e_phnum (16 bits) can count. ELF has PN_XNUM for larger
 * numbers, but the kernel does not support it (fs/proc/vmcore.c).
 */
#define MAX_HEADERS 65535

static Elf64_Phdr header(uint32_t type, struct crashres_range range, uint64_t virtual)
{
	return (Elf64_Phdr){
		.p_type = type,
		.p_flags = type == PT_LOAD ? PF_R | PF_W | PF_X : 0,
		.p_offset = range.base,		/* the kernel reads it as a physical address */
		.p_paddr = range.base,
		.p_vaddr = virtual,
		.p_filesz = range.size,
		.p_memsz = range.size,
	};
}

/* Fills @phdrs in host byte order, and returns their number. */
static size_t fill_headers(const struct crashres_machine *machine, Elf64_Phdr *phdrs)
{
	const struct crs_regions *regions = &machine->regions;
	const struct crs_kcore *kcore = &machine->kcore;
	size_t n = 0;

	for (size_t i = 0; i < machine->cpu_notes.count; i++)
		phdrs[n++] = header(PT_NOTE, machine->cpu_notes.items[i], 0);
	if (machine->vmcoreinfo.size)
		phdrs[n++] = header(PT_NOTE, machine->vmcoreinfo, 0);
	if (kcore->image_known && regions->kernel_image.size)
		phdrs[n++] = header(PT_LOAD, regions->kernel_image,
				    regions->kernel_image.base + kcore->image_offset);
	for (size_t i = 0; i < regions->ram.count; i++) {
		struct crashres_range ram = regions->ram.items[i];

		phdrs[n++] = header(PT_LOAD, ram,
				    kcore->linear_known ? ram.base + kcore->linear_offset : 0);
	}
	return n;
}

static Elf64_Ehdr elf_header(size_t phdr_count)
{
	Elf64_Ehdr ehdr = {
		.e_type = ET_CORE,
		.e_machine = EM_AARCH64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(ehdr),
		.e_ehsize = sizeof(ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = (Elf64_Half)phdr_count,
	};

	memcpy(ehdr.e_ident, ELFMAG, SELFMAG);
	ehdr.e_ident[EI_CLASS] = ELFCLASS64;
	ehdr.e_ident[EI_DATA] = ELFDATA2LSB;
	ehdr.e_ident[EI_VERSION] = EV_CURRENT;
	return ehdr;
}

/* Converts @from, in host byte order, to the little-endian bytes of an ELF file. */
static bool to_file(void *to, void *from, size_t size, Elf_Type type)
{
	Elf_Data source = { .d_buf = from, .d_size = size, .d_type = type, .d_version = EV_CURRENT };
	Elf_Data target = { .d_buf = to, .d_size = size, .d_version = EV_CURRENT };

	return elf64_xlatetof(&target, &source, ELFDATA2LSB);
}

enum crashres_status crs_elfcorehdr_make(struct crashres_ctx *ctx,
					 const struct crashres_machine *machine, uint8_t **data,
					 size_t *size)
{
	CRS_CLEANUP(crs_freep) Elf64_Phdr *phdrs = NULL;
	CRS_CLEANUP(crs_freep) uint8_t *file = NULL;
	size_t most = machine->cpu_notes.count + machine->regions.ram.count + 2, count, total;
	Elf64_Ehdr ehdr;

	phdrs = calloc(most, sizeof(*phdrs));
	if (!phdrs)
		return crs_fail_memory(ctx);
	count = fill_headers(machine, phdrs);
	if (count > MAX_HEADERS)
		return crs_fail(ctx, CRASHRES_ERR_LIMIT,
				"elfcorehdr: %zu CPUs and %zu ranges of RAM need more than %d program "
				"headers, the limit of /proc/vmcore",
				machine->cpu_notes.count, machine->regions.ram.count, MAX_HEADERS);
	total = sizeof(ehdr) + count * sizeof(*phdrs);
	file = malloc(total);
	if (!file)
		return crs_fail_memory(ctx);
	ehdr = elf_header(count);
	if (elf_version(EV_CURRENT) == EV_NONE || !to_file(file, &ehdr, sizeof(ehdr), ELF_T_EHDR) ||
	    !to_file(file + sizeof(ehdr), phdrs, count * sizeof(*phdrs), ELF_T_PHDR))
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED, "elfcorehdr: libelf: %s",
				elf_errmsg(-1));
	*data = file;
	*size = total;
	file = NULL;
	return CRASHRES_OK;
}
