/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <elf.h>
#include <string.h>

#include "address.h"
#include "vmcoreinfo.h"

/* Sizes of the kernel's half of the address space that arm64 has had (CONFIG_ARM64_VA_BITS). */
#define VA_BITS_LOWEST 36
#define VA_BITS_HIGHEST 52
/*
 * asm/memory.h, VA_BITS_MIN: a kernel for 52 bits keeps its image where one for 48 has it, as it
 * may come to run on a CPU that has no more.
 */
#define VA_BITS_IMAGE 48

/* Where some variable of the kernel lies: all of these are in its image. */
static bool find_image_symbol(const struct vmcoreinfo *info, uint64_t *address)
{
	return vmcoreinfo_find(info, "SYMBOL(_stext)", address) ||
	       vmcoreinfo_find(info, "SYMBOL(init_uts_ns)", address) ||
	       vmcoreinfo_find(info, "SYMBOL(prb)", address) ||
	       vmcoreinfo_find(info, "SYMBOL(log_buf)", address);
}

/* Since Linux 5.4 the linear map is below, the image above; before, it was the other way round. */
static void set_ranges(struct address_rules *rules, const struct vmcoreinfo *info, uint64_t va_bits)
{
	uint64_t first = -(1ULL << va_bits), address;
	uint64_t half = va_bits < VA_BITS_IMAGE ? va_bits : VA_BITS_IMAGE;
	uint64_t middle = -(1ULL << (half - 1));

	rules->linear_first = first;
	rules->linear_last = middle - 1;
	rules->image_first = middle;
	rules->image_last = UINT64_MAX;
	if (find_image_symbol(info, &address) && address < middle) {
		rules->linear_first = middle;
		rules->linear_last = UINT64_MAX;
		rules->image_first = first;
		rules->image_last = middle - 1;
	}
}

void address_rules_init(struct address_rules *rules, unsigned int machine,
			const struct vmcoreinfo *info)
{
	uint64_t va_bits, phys_offset;

	memset(rules, 0, sizeof(*rules));
	if (machine != EM_AARCH64 || !vmcoreinfo_find(info, "NUMBER(VA_BITS)", &va_bits) ||
	    va_bits < VA_BITS_LOWEST || va_bits > VA_BITS_HIGHEST)
		return;
	set_ranges(rules, info, va_bits);
	rules->image_known = vmcoreinfo_find(info, "NUMBER(kimage_voffset)", &rules->image_offset);
	rules->linear_known = vmcoreinfo_find(info, "NUMBER(PHYS_OFFSET)", &phys_offset);
	/* PHYS_OFFSET is what PAGE_OFFSET maps; it wraps where a 52-bit kernel runs on 48 bits. */
	rules->linear_offset = rules->linear_first - phys_offset;
}

/* A pointer may carry a tag of KASAN's in its top byte: bit 55 says which half it is of. */
static uint64_t remove_tag(uint64_t vaddr)
{
	return vaddr & 1ULL << 55 ? vaddr | 0xffULL << 56 : vaddr;
}

bool address_to_physical(const struct address_rules *rules, uint64_t vaddr, uint64_t *paddr)
{
	vaddr = remove_tag(vaddr);
	if (rules->image_known && vaddr >= rules->image_first && vaddr <= rules->image_last)
		*paddr = vaddr - rules->image_offset;
	else if (rules->linear_known && vaddr >= rules->linear_first &&
		 vaddr <= rules->linear_last)
		*paddr = vaddr - rules->linear_offset;
	else
		return false;
	return true;
}
