/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Parses the start of /proc/kcore. The kernel writes this file, but a copy of a machine can
 * contain any bytes under this name.
 *
 *   ELF header          e_type ET_CORE
 *   program headers     PT_NOTE: the notes; PT_LOAD: a range of virtual addresses, with
 *                       its physical address in p_paddr, or 0 or -1 if it is not RAM
 *   notes               "VMCOREINFO": text of lines KEY=VALUE (kernel/vmcore_info.c)
 *
 * VMCOREINFO on arm64 (Documentation/admin-guide/kdump/vmcoreinfo.rst):
 *
 *   PAGESIZE=4096                        decimal
 *   NUMBER(VA_BITS)=48                   decimal
 *   NUMBER(kimage_voffset)=0xffff...     hexadecimal
 *   NUMBER(PHYS_OFFSET)=0x40000000       hexadecimal
 */
#include <endian.h>
#include <errno.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "kcore.h"

/* Bytes: room for 65,535 program headers of 56 bytes (3.5 MiB) and the notes. */
#define HEAD_LIMIT (4U << 20)

size_t crs_kcore_head_size(const void *head, size_t size)
{
	uint64_t needed = sizeof(Elf64_Ehdr), table;
	Elf64_Ehdr ehdr;

	if (size < sizeof(ehdr))
		return sizeof(ehdr);
	memcpy(&ehdr, head, sizeof(ehdr));
	table = le64toh(ehdr.e_phoff);
	for (unsigned int i = 0; i < le16toh(ehdr.e_phnum) && table < HEAD_LIMIT; i++) {
		uint64_t end = table + sizeof(Elf64_Phdr);
		Elf64_Phdr phdr;

		if (end > size) {
			/* The table is not complete yet: read all of it first. */
			needed = table + (le16toh(ehdr.e_phnum) - i) * sizeof(phdr);
			break;
		}
		memcpy(&phdr, (const char *)head + table, sizeof(phdr));
		if (le32toh(phdr.p_type) == PT_NOTE &&
		    !__builtin_add_overflow(le64toh(phdr.p_offset), le64toh(phdr.p_filesz), &end) &&
		    end > needed)
			needed = end;
		table += sizeof(phdr);
		if (table > needed)
			needed = table;
	}
	return needed < HEAD_LIMIT ? (size_t)needed : HEAD_LIMIT;
}

/* Finds a line "@key=VALUE" of VMCOREINFO and reads VALUE as a number of base @base. */
static bool find_number(const char *text, const char *key, int base, uint64_t *value)
{
	size_t length = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		char *end;

		line += *line == '\n';
		if (strncmp(line, key, length) || line[length] != '=')
			continue;
		errno = 0;
		*value = strtoull(line + length + 1, &end, base);
		return !errno && end != line + length + 1 && (*end == '\n' || *end == '\0');
	}
	return false;
}

/* Sets the members of @kcore that @text has, and the linear offset that @text implies. */
static void parse_vmcoreinfo(const char *text, bool *linear_known, uint64_t *linear_offset,
			    struct crs_kcore *kcore)
{
	uint64_t phys_offset, va_bits;

	kcore->image_known = find_number(text, "NUMBER(kimage_voffset)", 16,
					       &kcore->image_offset);
	if (!find_number(text, "PAGESIZE", 10, &kcore->page_size))
		kcore->page_size = 0;
	/*
	 * The linear map starts at the virtual address PAGE_OFFSET = -(1 << VA_BITS). This
	 * address maps to the physical address PHYS_OFFSET (arch/arm64, asm/memory.h).
	 */
	*linear_known = find_number(text, "NUMBER(PHYS_OFFSET)", 16, &phys_offset) &&
			find_number(text, "NUMBER(VA_BITS)", 10, &va_bits) &&
			va_bits >= 36 && va_bits <= 52;
	if (*linear_known)
		*linear_offset = -(1ULL << va_bits) - phys_offset;
}

/* Copies the text of the VMCOREINFO note in the PT_NOTE @phdr. NULL: no such note. */
static char *copy_vmcoreinfo(Elf *elf, const GElf_Phdr *phdr)
{
	Elf_Data *data = elf_getdata_rawchunk(elf, (int64_t)phdr->p_offset, phdr->p_filesz,
					      ELF_T_NHDR);
	size_t offset = 0, name, desc;
	GElf_Nhdr note;

	while (data && (offset = gelf_getnote(data, offset, &note, &name, &desc)))
		if (note.n_namesz == sizeof("VMCOREINFO") &&
		    !memcmp((char *)data->d_buf + name, "VMCOREINFO", sizeof("VMCOREINFO")))
			return strndup((char *)data->d_buf + desc, note.n_descsz);
	return NULL;
}

static bool is_in_ram(const struct crs_ranges *ram, uint64_t address)
{
	/* p_paddr is -1 if the entry is not RAM. No range contains this address. */
	for (size_t i = 0; i < ram->count; i++)
		if (address >= ram->items[i].base &&
		    address - ram->items[i].base < ram->items[i].size)
			return true;
	return false;
}

/*
 * Finds the linear offset: the difference p_vaddr - p_paddr of the PT_LOADs in RAM. Skips
 * the entry of the kernel's image, which maps by image_offset. Returns false if two
 * entries disagree.
 */
static bool find_linear_offset(Elf *elf, size_t count, const struct crs_ranges *ram,
			      const struct crs_kcore *kcore, bool *known, uint64_t *offset)
{
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr phdr;
		uint64_t difference;

		if (!gelf_getphdr(elf, (int)i, &phdr) || phdr.p_type != PT_LOAD ||
		    phdr.p_paddr == 0 || !is_in_ram(ram, phdr.p_paddr))
			continue;
		difference = phdr.p_vaddr - phdr.p_paddr;
		if (kcore->image_known && difference == kcore->image_offset)
			continue;
		if (*known && difference != *offset)
			return false;
		*known = true;
		*offset = difference;
	}
	return true;
}

/* Parses notes and program headers. Compares both sources of the linear offset. */
static void parse_core(struct crashres_ctx *ctx, Elf *elf, size_t count,
		      const struct crs_ranges *ram, struct crs_kcore *kcore)
{
	uint64_t from_phdrs = 0, from_info = 0;
	bool phdrs_known = false, info_known = false;

	for (size_t i = 0; i < count; i++) {
		CRS_CLEANUP(crs_freep) char *text = NULL;
		GElf_Phdr phdr;

		if (!gelf_getphdr(elf, (int)i, &phdr) || phdr.p_type != PT_NOTE)
			continue;
		text = copy_vmcoreinfo(elf, &phdr);
		if (text)
			parse_vmcoreinfo(text, &info_known, &from_info, kcore);
	}
	if (!find_linear_offset(elf, count, ram, kcore, &phdrs_known, &from_phdrs)) {
		crs_log(ctx, CRASHRES_LOG_WARNING,
			"/proc/kcore: the program headers disagree about the linear map: "
			"the dump will have no virtual addresses");
		return;
	}
	if (phdrs_known && info_known && from_phdrs != from_info) {
		crs_log(ctx, CRASHRES_LOG_WARNING,
			"/proc/kcore: the program headers and VMCOREINFO disagree about the linear "
			"map (0x%" PRIx64 ", 0x%" PRIx64 "): the dump will have no virtual "
			"addresses",
			from_phdrs, from_info);
		return;
	}
	kcore->linear_known = phdrs_known || info_known;
	kcore->linear_offset = phdrs_known ? from_phdrs : from_info;
}

enum crashres_status crs_kcore_parse(struct crashres_ctx *ctx, const void *head, size_t size,
				     const struct crs_ranges *ram, struct crs_kcore *kcore)
{
	struct crs_kcore new = { 0 };
	size_t count = 0;
	GElf_Ehdr ehdr;
	Elf *elf;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED, "libelf: %s", elf_errmsg(-1));
	/* The parameter of elf_memory() is not const, but libelf only reads the memory. */
	elf = elf_memory((char *)(uintptr_t)head, size);
	if (!elf || elf_kind(elf) != ELF_K_ELF || gelf_getclass(elf) != ELFCLASS64 ||
	    !gelf_getehdr(elf, &ehdr) || ehdr.e_type != ET_CORE || elf_getphdrnum(elf, &count)) {
		elf_end(elf);
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "/proc/kcore is not a 64-bit ELF core");
	}
	parse_core(ctx, elf, count, ram, &new);
	elf_end(elf);
	*kcore = new;
	return CRASHRES_OK;
}
