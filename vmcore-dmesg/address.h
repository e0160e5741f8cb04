/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virtual addresses of an arm64 kernel, by what its VMCOREINFO says. */
#ifndef VMCORE_DMESG_ADDRESS_H
#define VMCORE_DMESG_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

struct vmcoreinfo;

struct address_rules {
	bool image_known;
	bool linear_known;
	uint64_t image_first;		/* the kernel's image and the modules lie in here */
	uint64_t image_last;
	uint64_t image_offset;		/* virtual minus physical */
	uint64_t linear_first;		/* the linear map of all memory */
	uint64_t linear_last;
	uint64_t linear_offset;
};

/* @machine is e_machine. All is unknown for others than arm64. */
void address_rules_init(struct address_rules *rules, unsigned int machine,
			const struct vmcoreinfo *info);

/* false: the rules do not say. */
bool address_to_physical(const struct address_rules *rules, uint64_t vaddr, uint64_t *paddr);

#endif
