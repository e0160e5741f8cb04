/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An ELF core of a dead kernel, such as /proc/vmcore: program headers and memory by address.
 *
 * Functions that return bool or a size report every failure on stderr and in core->trouble, so
 * that the caller only stops or goes on. Numbers are converted to host byte order.
 */
#ifndef VMCORE_DMESG_CORE_H
#define VMCORE_DMESG_CORE_H

#include "address.h"
#include "file.h"
#include "trouble.h"

/* Consecutive addresses that lie in the file: part of one PT_LOAD program header. */
struct segment {
	uint64_t start;			/* physical or virtual address */
	uint64_t size;			/* bytes in the file (p_filesz); 0: entry not used */
	uint64_t offset;		/* in the file, bytes */
};

/* The kind of address that a search compares: p_paddr or p_vaddr. Indexes core->found. */
enum space {
	SPACE_PHYSICAL,
	SPACE_VIRTUAL,
};

/* Segments that are kept for each space. A log uses four areas at most: see file.h. */
#define CORE_SEGMENTS 4

struct core {
	struct file file;
	struct trouble *trouble;	/* borrowed */
	unsigned int machine;		/* e_machine, for example EM_AARCH64 */
	uint64_t headers;		/* offset of the program headers in the file, bytes */
	uint64_t header_count;
	struct address_rules rules;	/* zeros until the caller calls address_rules_init() */
	struct segment found[2][CORE_SEGMENTS];	/* results of recent searches */
	unsigned int next[2];		/* searches; modulo CORE_SEGMENTS: entry to replace */
};

/* The fields of an Elf64_Phdr that are used, in host byte order. None of them is checked. */
struct program_header {
	uint32_t type;			/* PT_LOAD, PT_NOTE ... */
	uint64_t offset;		/* in the file, bytes */
	uint64_t vaddr;
	uint64_t paddr;
	uint64_t filesz;		/* bytes */
};

/*
 * Opens @path and checks the ELF header and that all program headers are in the file. On success
 * the caller closes @core with core_close(). @trouble must live as long as @core.
 */
bool core_open(struct core *core, const char *path, struct trouble *trouble);
void core_close(struct core *core);

/* Reads the program header @index, which is below core->header_count. */
bool core_header(struct core *core, uint64_t index, struct program_header *header);

/*
 * Reads @size bytes at the virtual address @vaddr of the dead kernel. @item names the bytes in an
 * error message, such as "log text". Returns the number of bytes that could be read.
 */
size_t core_read_some(struct core *core, uint64_t vaddr, void *buffer, size_t size,
		      const char *item);

/* The same; returns false unless all bytes could be read. */
bool core_read(struct core *core, uint64_t vaddr, void *buffer, size_t size, const char *item);

/* Read a little-endian number of the dead kernel, and convert it to host byte order. */
bool core_read_u16(struct core *core, uint64_t vaddr, uint16_t *value, const char *item);
bool core_read_u32(struct core *core, uint64_t vaddr, uint32_t *value, const char *item);
bool core_read_u64(struct core *core, uint64_t vaddr, uint64_t *value, const char *item);

#endif
