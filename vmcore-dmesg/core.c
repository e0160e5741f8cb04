/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads an ELF core: program headers one by one, and memory of the dead kernel by address.
 *
 * libelf is not used, because it loads the whole table of program headers. /proc/vmcore of a large
 * machine has many program headers, and a capture kernel has little memory. Every number in the
 * file is hostile: the dump can be damaged, or be any other file.
 */
#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "core.h"

/*
 * Most program headers that are accepted. The extended count has 32 bits, so that a damaged file
 * could ask for 4 billion reads. A header covers one range of RAM; no machine has this many.
 */
#define HEADER_LIMIT (1U << 22)

/*
 * Checks e_ident, of which @size bytes were read. The exit statuses are those of kexec-tools, and
 * so is "Missing elf signature".
 */
static bool check_ident(struct core *core, const unsigned char *ident, size_t size)
{
	struct trouble *trouble = core->trouble;

	if (size < EI_NIDENT)
		trouble_report(trouble, EXIT_TOO_SHORT,
			       "truncated: the ELF header ends at byte %zu, the file at byte %zu",
			       sizeof(Elf64_Ehdr), size);
	else if (memcmp(ident, ELFMAG, SELFMAG))
		trouble_report(trouble, EXIT_NO_ELF, "Missing elf signature");
	else if (ident[EI_CLASS] != ELFCLASS64)
		trouble_report(trouble, EXIT_ELF_CLASS, "is not a 64-bit ELF core (class %u)",
			       ident[EI_CLASS]);
	else if (ident[EI_DATA] != ELFDATA2LSB)
		trouble_report(trouble, EXIT_ELF_ORDER,
			       "is not a little-endian ELF core (order %u)", ident[EI_DATA]);
	else if (ident[EI_VERSION] != EV_CURRENT)
		trouble_report(trouble, EXIT_ELF_VERSION, "unknown ELF version %u",
			       ident[EI_VERSION]);
	else
		return true;
	return false;
}

/*
 * Stores the number of program headers. e_phnum has 16 bits: with PN_XNUM (65535) headers or more,
 * sh_info of the first section header holds the number (elf(5)).
 */
static bool count_headers(struct core *core, const Elf64_Ehdr *ehdr)
{
	Elf64_Shdr section;
	int error;

	core->header_count = le16toh(ehdr->e_phnum);
	if (core->header_count == PN_XNUM) {
		if (file_read(&core->file, le64toh(ehdr->e_shoff), &section, sizeof(section),
			      &error) < sizeof(section)) {
			trouble_report(core->trouble, EXIT_HEADER_COUNT,
				       "cannot read the number of program headers");
			return false;
		}
		core->header_count = le32toh(section.sh_info);
	}
	if (core->header_count > HEADER_LIMIT) {
		trouble_report(core->trouble, EXIT_HEADER_COUNT,
			       "%" PRIu64 " program headers, at most %u", core->header_count,
			       HEADER_LIMIT);
		return false;
	}
	if (!core->header_count)
		trouble_report(core->trouble, EXIT_NO_HEADERS, "no program headers");
	return core->header_count;
}

/* Reads and checks the ELF header. All fields of the file are little-endian. */
static bool check_header(struct core *core)
{
	Elf64_Ehdr ehdr;
	size_t size;
	int error;

	size = file_read(&core->file, 0, &ehdr, sizeof(ehdr), &error);
	if (error) {
		trouble_report(core->trouble, EXIT_READ, "cannot read: %s", strerror(error));
		return false;
	}
	if (!check_ident(core, ehdr.e_ident, size))
		return false;
	if (size < sizeof(ehdr)) {
		trouble_report(core->trouble, EXIT_ELF_HEADER,
			       "truncated: the ELF header ends at byte %zu, the file at byte %zu",
			       sizeof(ehdr), size);
		return false;
	}
	if (le16toh(ehdr.e_phnum) && le16toh(ehdr.e_phentsize) != sizeof(Elf64_Phdr)) {
		trouble_report(core->trouble, EXIT_HEADER_SIZE,
			       "the program headers have %u bytes each, not %zu",
			       le16toh(ehdr.e_phentsize), sizeof(Elf64_Phdr));
		return false;
	}
	core->machine = le16toh(ehdr.e_machine);
	core->headers = le64toh(ehdr.e_phoff);
	return count_headers(core, &ehdr);
}

bool core_open(struct core *core, const char *path, struct trouble *trouble)
{
	struct program_header last;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0) {
		trouble_report(trouble, EXIT_OPEN, "cannot open: %s", strerror(errno));
		return false;
	}
	memset(core, 0, sizeof(*core));
	core->trouble = trouble;
	file_init(&core->file, fd);
	if (check_header(core) && core_header(core, core->header_count - 1, &last))
		return true;
	core_close(core);
	return false;
}

void core_close(struct core *core)
{
	file_close(&core->file);
}

bool core_header(struct core *core, uint64_t index, struct program_header *header)
{
	uint64_t offset;
	Elf64_Phdr phdr;
	int error = 0;

	if (__builtin_add_overflow(core->headers, index * sizeof(phdr), &offset) ||
	    file_read(&core->file, offset, &phdr, sizeof(phdr), &error) < sizeof(phdr)) {
		trouble_report(core->trouble, EXIT_HEADERS_CUT, "program header %" PRIu64 "%s%s",
			       index,
			       error ? ": cannot read: " : " lies beyond the end of the file",
			       error ? strerror(error) : "");
		return false;
	}
	header->type = le32toh(phdr.p_type);
	header->offset = le64toh(phdr.p_offset);
	header->vaddr = le64toh(phdr.p_vaddr);
	header->paddr = le64toh(phdr.p_paddr);
	header->filesz = le64toh(phdr.p_filesz);
	return true;
}

/* ------------------------------------------------------ memory by address */

static bool covers(const struct segment *segment, uint64_t address)
{
	return address >= segment->start && address - segment->start < segment->size;
}

/*
 * Finds the PT_LOAD that covers @address, a physical (p_paddr) or virtual (p_vaddr) one. Returns
 * NULL if there is none. The size is p_filesz, not p_memsz: makedumpfile leaves out the rest.
 *
 * The last few results of each kind are kept, because a log lies in few segments and a search
 * reads the table of program headers from the file. The result is valid until the next call.
 */
static const struct segment *find_segment(struct core *core, enum space space, uint64_t address)
{
	struct segment *found = core->found[space];
	struct program_header header;

	for (unsigned int i = 0; i < CORE_SEGMENTS; i++)
		if (covers(&found[i], address))
			return &found[i];
	for (uint64_t i = 0; i < core->header_count; i++) {
		struct segment segment;

		if (!core_header(core, i, &header))
			return NULL;
		if (header.type != PT_LOAD)
			continue;
		segment.start = space == SPACE_PHYSICAL ? header.paddr : header.vaddr;
		segment.size = header.filesz;
		segment.offset = header.offset;
		if (!covers(&segment, address))
			continue;
		found += core->next[space]++ % CORE_SEGMENTS;
		*found = segment;
		return found;
	}
	return NULL;
}

/*
 * Finds the segment with the virtual address @vaddr. @address: out; the address inside the segment,
 * physical or virtual. Returns NULL if no segment covers it.
 *
 * The mappings of VMCOREINFO come first. p_paddr is reliable, because loaders copy it from
 * /proc/iomem. p_vaddr is not: loaders for arm64 have stored wrong values or 0.
 */
static const struct segment *locate_address(struct core *core, uint64_t vaddr, uint64_t *address)
{
	const struct segment *segment = NULL;

	if (address_to_physical(&core->rules, vaddr, address))
		segment = find_segment(core, SPACE_PHYSICAL, *address);
	if (!segment) {
		*address = vaddr;
		segment = find_segment(core, SPACE_VIRTUAL, vaddr);
	}
	return segment;
}

/*
 * Reads up to the end of one segment. Returns the number of bytes read; 0 after an error, which
 * this has reported. "No program header covering vaddr" is the text of kexec-tools.
 */
static size_t read_piece(struct core *core, uint64_t vaddr, void *buffer, size_t size,
			 const char *item)
{
	const struct segment *segment;
	uint64_t address, inside, offset;
	int error = 0;
	size_t got;

	segment = locate_address(core, vaddr, &address);
	if (!segment) {
		trouble_report(core->trouble, EXIT_ADDRESS,
			       "No program header covering vaddr 0x%" PRIx64 " (%s)", vaddr, item);
		return 0;
	}
	inside = address - segment->start;
	if (segment->size - inside < size)
		size = (size_t)(segment->size - inside);
	if (__builtin_add_overflow(segment->offset, inside, &offset)) {
		trouble_report(core->trouble, EXIT_HEADER_WRAPS,
			       "the program header for vaddr 0x%" PRIx64 " wraps around (%s)",
			       vaddr, item);
		return 0;
	}
	got = file_read(&core->file, offset, buffer, size, &error);
	if (!got && error)
		trouble_report(core->trouble, EXIT_READ,
			       "vaddr 0x%" PRIx64 " at offset 0x%" PRIx64 ": cannot read: %s (%s)",
			       vaddr, offset, strerror(error), item);
	else if (!got)
		trouble_report(core->trouble, EXIT_CUT,
			       "vaddr 0x%" PRIx64 " at offset 0x%" PRIx64
			       " lies beyond the end of the file (%s)",
			       vaddr, offset, item);
	return got;
}

size_t core_read_some(struct core *core, uint64_t vaddr, void *buffer, size_t size,
		      const char *item)
{
	size_t done = 0;

	while (done < size) {
		size_t got = read_piece(core, vaddr + done, (unsigned char *)buffer + done,
					size - done, item);

		if (!got)
			break;
		done += got;
	}
	return done;
}

bool core_read(struct core *core, uint64_t vaddr, void *buffer, size_t size, const char *item)
{
	return core_read_some(core, vaddr, buffer, size, item) == size;
}

bool core_read_u16(struct core *core, uint64_t vaddr, uint16_t *value, const char *item)
{
	uint16_t raw;

	if (!core_read(core, vaddr, &raw, sizeof(raw), item))
		return false;
	*value = le16toh(raw);
	return true;
}

bool core_read_u32(struct core *core, uint64_t vaddr, uint32_t *value, const char *item)
{
	uint32_t raw;

	if (!core_read(core, vaddr, &raw, sizeof(raw), item))
		return false;
	*value = le32toh(raw);
	return true;
}

bool core_read_u64(struct core *core, uint64_t vaddr, uint64_t *value, const char *item)
{
	uint64_t raw;

	if (!core_read(core, vaddr, &raw, sizeof(raw), item))
		return false;
	*value = le64toh(raw);
	return true;
}
