/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Translates virtual addresses of an arm64 kernel. The 64-bit kernel half of the address space,
 * for VA_BITS v and m = min(v, 48), since Linux 5.4 (arch/arm64/include/asm/memory.h):
 *
 *     -2^v        linear map of all RAM     paddr = vaddr - (-2^v) + PHYS_OFFSET
 *     -2^(m-1)    modules, kernel image     paddr = vaddr - kimage_voffset
 *
 * Before Linux 5.4 both halves were exchanged: the image at -2^v, the linear map at -2^(m-1).
 * VMCOREINFO does not name the layout, so the address of a kernel variable decides.
 */
#include <elf.h>
#include <string.h>

#include "address.h"
#include "vmcoreinfo.h"

/* The smallest and the largest value of CONFIG_ARM64_VA_BITS. */
#define VA_BITS_LOWEST 36
#define VA_BITS_HIGHEST 52
/*
 * VA_BITS_MIN of asm/memory.h: a kernel for 52 bits has its image where a kernel for 48 bits has
 * it, because the CPU may support 48 bits only.
 */
#define VA_BITS_IMAGE 48

/*
 * Finds the address of any variable or symbol that lies in the kernel image. VMCOREINFO has _stext
 * and init_uts_ns in all versions; prb since Linux 5.10, log_buf before.
 */
static bool find_image_symbol(const struct vmcoreinfo *info, uint64_t *address)
{
	return vmcoreinfo_find(info, "SYMBOL(_stext)", address) ||
	       vmcoreinfo_find(info, "SYMBOL(init_uts_ns)", address) ||
	       vmcoreinfo_find(info, "SYMBOL(prb)", address) ||
	       vmcoreinfo_find(info, "SYMBOL(log_buf)", address);
}

/*
 * Sets the virtual ranges of the image and the linear map, for the layout since Linux 5.4. If a
 * symbol of the image lies in the lower half, the layout is the older one.
 */
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
	/*
	 * PHYS_OFFSET is the physical address that belongs to PAGE_OFFSET (-2^v). It is negative,
	 * modulo 2^64, if a kernel for 52 bits runs on a CPU for 48 bits (arm64_memblock_init()).
	 */
	rules->linear_offset = rules->linear_first - phys_offset;
}

/*
 * Removes the tag that KASAN stores in bits 63 to 56 of pointers. Bit 55 tells whether the address
 * belongs to the kernel, whose addresses have all upper bits set.
 */
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
