/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Translates virtual addresses of an arm64 kernel to physical ones, with numbers of VMCOREINFO.
 * The program headers of a dump have virtual addresses too, but loaders have stored wrong ones.
 */
#ifndef VMCORE_DMESG_ADDRESS_H
#define VMCORE_DMESG_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

struct vmcoreinfo;

/* Two linear mappings: paddr = vaddr - offset, for vaddr from first to last (inclusive). */
struct address_rules {
	bool image_known;		/* the mapping of the kernel image is known */
	bool linear_known;		/* the mapping of all RAM is known */
	uint64_t image_first;		/* the kernel image and the modules */
	uint64_t image_last;
	uint64_t image_offset;		/* modulo 2^64: NUMBER(kimage_voffset) */
	uint64_t linear_first;		/* the linear map of all RAM */
	uint64_t linear_last;
	uint64_t linear_offset;		/* modulo 2^64 */
};

/*
 * Derives the mappings from NUMBER(VA_BITS), NUMBER(kimage_voffset) and NUMBER(PHYS_OFFSET).
 * @machine: e_machine of the ELF header. Nothing is known for other machines than EM_AARCH64, or
 * if a number is missing; the program headers decide then.
 */
void address_rules_init(struct address_rules *rules, unsigned int machine,
			const struct vmcoreinfo *info);

/* Translates @vaddr. Returns false, and leaves @paddr unchanged, if no known mapping covers it. */
bool address_to_physical(const struct address_rules *rules, uint64_t vaddr, uint64_t *paddr);

#endif
