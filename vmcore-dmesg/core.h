/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An ELF core of a dead kernel: its notes, and its memory by virtual address. */
#ifndef VMCORE_DMESG_CORE_H
#define VMCORE_DMESG_CORE_H

#include "address.h"
#include "file.h"
#include "trouble.h"

/* A run of addresses that lies in the file. */
struct segment {
	uint64_t start;
	uint64_t size;			/* 0: none */
	uint64_t offset;
};

enum space {
	SPACE_PHYSICAL,
	SPACE_VIRTUAL,
};

#define CORE_SEGMENTS 4			/* what was found last, of each space */

struct core {
	struct file file;
	struct trouble *trouble;
	unsigned int machine;		/* e_machine */
	uint64_t headers;		/* offset of the program headers */
	uint64_t header_count;
	struct address_rules rules;
	struct segment found[2][CORE_SEGMENTS];
	unsigned int next[2];
};

/* A header of the core, in this machine's byte order. */
struct program_header {
	uint32_t type;
	uint64_t offset;
	uint64_t vaddr;
	uint64_t paddr;
	uint64_t filesz;
};

/* Opens and checks the file. What is wrong is said, as in every function below. */
bool core_open(struct core *core, const char *path, struct trouble *trouble);
void core_close(struct core *core);

/* The number @index of the program headers, below core->header_count. */
bool core_header(struct core *core, uint64_t index, struct program_header *header);

/*
 * Bytes at a virtual address of the dead kernel, of which there may be fewer: returns how many
 * there are. @item names them in the error.
 */
size_t core_read_some(struct core *core, uint64_t vaddr, void *buffer, size_t size,
		      const char *item);
bool core_read(struct core *core, uint64_t vaddr, void *buffer, size_t size, const char *item);

/* Numbers of the dead kernel. */
bool core_read_u16(struct core *core, uint64_t vaddr, uint16_t *value, const char *item);
bool core_read_u32(struct core *core, uint64_t vaddr, uint32_t *value, const char *item);
bool core_read_u64(struct core *core, uint64_t vaddr, uint64_t *value, const char *item);

#endif
