/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <endian.h>
#include <errno.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "kcore.h"

/* 65,535 program headers of 56 bytes, and the notes. */
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
			/* The table itself is still missing: it first. */
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

/* Finds "NUMBER(name)=" or "name=" at the start of a line of VMCOREINFO, and its value. */
static bool vmcoreinfo_number(const char *text, const char *key, int base, uint64_t *value)
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

static void take_vmcoreinfo(const char *text, bool *linear_known, uint64_t *linear_offset,
			    struct crs_kcore *kcore)
{
	uint64_t phys_offset, va_bits;

	kcore->image_known = vmcoreinfo_number(text, "NUMBER(kimage_voffset)", 16,
					       &kcore->image_offset);
	if (!vmcoreinfo_number(text, "PAGESIZE", 10, &kcore->page_size))
		kcore->page_size = 0;
	/* The linear map starts at PAGE_OFFSET = -(1 << VA_BITS) with PHYS_OFFSET (asm/memory.h). */
	*linear_known = vmcoreinfo_number(text, "NUMBER(PHYS_OFFSET)", 16, &phys_offset) &&
			vmcoreinfo_number(text, "NUMBER(VA_BITS)", 10, &va_bits) &&
			va_bits >= 36 && va_bits <= 52;
	if (*linear_known)
		*linear_offset = -(1ULL << va_bits) - phys_offset;
}

/* A copy of the VMCOREINFO note's text, or NULL. */
static char *vmcoreinfo_text(Elf *elf, const GElf_Phdr *phdr)
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

static bool in_ram(const struct crs_ranges *ram, uint64_t address)
{
	/* The last address, which the kernel gives to what is not RAM, is in no range. */
	for (size_t i = 0; i < ram->count; i++)
		if (address >= ram->items[i].base &&
		    address - ram->items[i].base < ram->items[i].size)
			return true;
	return false;
}

/*
 * The linear map, read off the PT_LOADs: false where those that lie in RAM do
 * not agree. An entry outside the linear map has p_paddr 0 or -1; the kernel's
 * own image, where it has an entry, maps by image_offset.
 */
static bool linear_from_phdrs(Elf *elf, size_t count, const struct crs_ranges *ram,
			      const struct crs_kcore *kcore, bool *known, uint64_t *offset)
{
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr phdr;
		uint64_t here;

		if (!gelf_getphdr(elf, (int)i, &phdr) || phdr.p_type != PT_LOAD ||
		    phdr.p_paddr == 0 || !in_ram(ram, phdr.p_paddr))
			continue;
		here = phdr.p_vaddr - phdr.p_paddr;
		if (kcore->image_known && here == kcore->image_offset)
			continue;
		if (*known && here != *offset)
			return false;
		*known = true;
		*offset = here;
	}
	return true;
}

static void take_core(struct crashres_ctx *ctx, Elf *elf, size_t count,
		      const struct crs_ranges *ram, struct crs_kcore *kcore)
{
	uint64_t from_phdrs = 0, from_info = 0;
	bool phdrs_known = false, info_known = false;

	for (size_t i = 0; i < count; i++) {
		CRS_CLEANUP(crs_freep) char *text = NULL;
		GElf_Phdr phdr;

		if (!gelf_getphdr(elf, (int)i, &phdr) || phdr.p_type != PT_NOTE)
			continue;
		text = vmcoreinfo_text(elf, &phdr);
		if (text)
			take_vmcoreinfo(text, &info_known, &from_info, kcore);
	}
	if (!linear_from_phdrs(elf, count, ram, kcore, &phdrs_known, &from_phdrs)) {
		crs_log(ctx, CRASHRES_LOG_WARNING,
			"/proc/kcore: its program headers disagree about the linear map: "
			"the dump gets no virtual addresses");
		return;
	}
	if (phdrs_known && info_known && from_phdrs != from_info) {
		crs_log(ctx, CRASHRES_LOG_WARNING,
			"/proc/kcore: program headers and VMCOREINFO disagree about the linear map "
			"(0x%" PRIx64 ", 0x%" PRIx64 "): the dump gets no virtual addresses",
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
	/* libelf takes a plain char * but only reads it. */
	elf = elf_memory((char *)(uintptr_t)head, size);
	if (!elf || elf_kind(elf) != ELF_K_ELF || gelf_getclass(elf) != ELFCLASS64 ||
	    !gelf_getehdr(elf, &ehdr) || ehdr.e_type != ET_CORE || elf_getphdrnum(elf, &count)) {
		elf_end(elf);
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "/proc/kcore: not a 64-bit ELF core");
	}
	take_core(ctx, elf, count, ram, &new);
	elf_end(elf);
	*kcore = new;
	return CRASHRES_OK;
}
