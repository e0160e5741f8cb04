/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds VMCOREINFO among the ELF notes of a core. A PT_NOTE segment holds notes one behind the
 * other, each padded to a multiple of 4 bytes (elf(5)):
 *
 *      0  u32 n_namesz    bytes of the name, with its NUL
 *      4  u32 n_descsz    bytes of the description
 *      8  u32 n_type      not used here
 *     12  name            "VMCOREINFO", or "CORE" for the registers of a CPU
 *         description     for VMCOREINFO: the text, not terminated
 */
#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "notes.h"

/* Largest VMCOREINFO. The kernel has one page for it (VMCOREINFO_BYTES): at most 64 KiB. */
#define TEXT_LIMIT (1U << 18)
/* Most notes that are read. A core has a few notes for each CPU. */
#define NOTE_LIMIT (1U << 20)

/* One note. Offsets are in the file, sizes in bytes; all lie inside the PT_NOTE segment. */
struct note {
	uint64_t name;			/* offset of the name */
	uint64_t text;			/* offset of the description */
	uint64_t end;			/* offset of the next note */
	uint32_t name_size;
	uint32_t text_size;
};

static bool read_note_bytes(struct core *core, uint64_t offset, void *buffer, size_t size)
{
	int error;

	if (file_read(&core->file, offset, buffer, size, &error) == size)
		return true;
	trouble_report(core->trouble, EXIT_NOTES_CUT, "the notes at offset 0x%" PRIx64 "%s%s",
		       offset, error ? ": cannot read: " : " lie beyond the end of the file",
		       error ? strerror(error) : "");
	return false;
}

/* Rounds up to a multiple of 4, without overflow. */
static uint64_t pad_size(uint32_t size)
{
	return ((uint64_t)size + 3) & ~3ULL;
}

/*
 * Reads the header of the note at @offset. @end: end of the segment. A description that is longer
 * than the segment is reported and shortened. Returns false at the end of the notes or on error.
 */
static bool read_note(struct core *core, uint64_t offset, uint64_t end, struct note *note)
{
	Elf64_Nhdr nhdr;
	uint64_t left;

	if (!read_note_bytes(core, offset, &nhdr, sizeof(nhdr)))
		return false;
	note->name_size = le32toh(nhdr.n_namesz);
	note->text_size = le32toh(nhdr.n_descsz);
	/* final_note() of the kernel writes an empty header behind the notes of a CPU. */
	if (!note->name_size && !note->text_size && !nhdr.n_type)
		return false;
	left = end - offset - sizeof(nhdr);
	if (pad_size(note->name_size) > left) {
		trouble_report(core->trouble, EXIT_NOTE_SIZE,
			       "the note at offset 0x%" PRIx64 " is longer than its segment",
			       offset);
		return false;
	}
	note->name = offset + sizeof(nhdr);
	note->text = note->name + pad_size(note->name_size);
	left = end - note->text;
	if (note->text_size > left) {
		trouble_report(core->trouble, EXIT_NOTE_SIZE,
			       "the note at offset 0x%" PRIx64 " is longer than its segment",
			       offset);
		note->text_size = (uint32_t)left;
	}
	note->end = pad_size(note->text_size) < left ? note->text + pad_size(note->text_size) : end;
	return true;
}

static bool is_vmcoreinfo(struct core *core, const struct note *note)
{
	static const char wanted[] = "VMCOREINFO";
	char name[sizeof(wanted)];

	return note->name_size == sizeof(wanted) &&
	       read_note_bytes(core, note->name, name, sizeof(name)) &&
	       !memcmp(name, wanted, sizeof(wanted));
}

/* Copies the description of @note to @info. The caller frees it, also on failure. */
static bool read_text(struct core *core, const struct note *note, struct vmcoreinfo *info)
{
	uint32_t size = note->text_size;
	int error;

	if (size > TEXT_LIMIT) {
		trouble_report(core->trouble, EXIT_NOTE_TOO_LARGE,
			       "VMCOREINFO has %" PRIu32 " bytes, at most %u", size, TEXT_LIMIT);
		size = TEXT_LIMIT;
	}
	info->text = calloc(1, (size_t)size + 1);
	if (!info->text) {
		trouble_report(core->trouble, EXIT_MEMORY, "out of memory");
		return false;
	}
	info->size = file_read(&core->file, note->text, info->text, size, &error);
	if (info->size < size)
		trouble_report(core->trouble, EXIT_NOTES_CUT, "VMCOREINFO%s%s",
			       error ? ": cannot read: " : " lies beyond the end of the file",
			       error ? strerror(error) : "");
	return true;
}

/* Searches one PT_NOTE segment. *@notes: notes that may still be read; counts down. */
static bool search_notes(struct core *core, const struct program_header *header,
			 unsigned int *notes, struct vmcoreinfo *info)
{
	uint64_t offset = header->offset, end;
	struct note note;

	if (__builtin_add_overflow(offset, header->filesz, &end)) {
		trouble_report(core->trouble, EXIT_HEADER_WRAPS,
			       "the program header of the notes wraps around");
		return false;
	}
	while (end - offset >= sizeof(Elf64_Nhdr) && *notes) {
		--*notes;
		if (!read_note(core, offset, end, &note))
			return false;
		if (is_vmcoreinfo(core, &note))
			return read_text(core, &note, info);
		offset = note.end;
	}
	return false;
}

bool notes_vmcoreinfo(struct core *core, struct vmcoreinfo *info)
{
	unsigned int notes = NOTE_LIMIT;
	struct program_header header;

	memset(info, 0, sizeof(*info));
	for (uint64_t i = 0; i < core->header_count && notes; i++) {
		if (!core_header(core, i, &header))
			return false;
		if (header.type == PT_NOTE && search_notes(core, &header, &notes, info))
			return true;
		if (core->trouble->status == EXIT_MEMORY || trouble_is_too_much(core->trouble))
			return false;
	}
	trouble_report(core->trouble, EXIT_NO_VMCOREINFO,
		       "is not a kernel dump: no VMCOREINFO note");
	return false;
}
