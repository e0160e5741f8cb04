/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libfdt.h>
#include <string.h>

#include "firmware.h"

/*
 * "#address-cells" and the like of @node; @missing is the Devicetree
 * Specification's default (2.3.5). -1 for more than a number of 64 bits has, as
 * below PCI: such addresses mean something else.
 */
static int cells(const void *dtb, int node, const char *name, int missing)
{
	int length;
	const fdt32_t *value = fdt_getprop(dtb, node, name, &length);

	if (!value || length != (int)sizeof(*value))
		return missing;
	return fdt32_to_cpu(*value) > 2 ? -1 : (int)fdt32_to_cpu(*value);
}

static uint64_t take_cells(const fdt32_t **cursor, int count)
{
	uint64_t value = 0;

	while (count-- > 0)
		value = value << 32 | fdt32_to_cpu(*(*cursor)++);
	return value;
}

/* Through one bus: @address is inside @bus, and becomes one of @bus's parent. */
static bool translate_step(const void *dtb, int bus, int parent, uint64_t *address)
{
	int length, child_cells = cells(dtb, bus, "#address-cells", 2);
	int size_cells = cells(dtb, bus, "#size-cells", 1);
	int parent_cells = cells(dtb, parent, "#address-cells", 2);
	int step = child_cells + parent_cells + size_cells;
	const fdt32_t *ranges = fdt_getprop(dtb, bus, "ranges", &length);

	if (!ranges || child_cells < 0 || size_cells < 0 || parent_cells < 0)
		return false;
	for (int left = length / 4; step && left >= step; left -= step) {
		uint64_t child = take_cells(&ranges, child_cells);
		uint64_t outside = take_cells(&ranges, parent_cells);
		uint64_t size = take_cells(&ranges, size_cells);

		if (*address >= child && *address - child < size)
			return !__builtin_add_overflow(*address - child, outside, address);
	}
	return length == 0;	/* an empty "ranges" says: the same addresses */
}

static bool device_address(const void *dtb, int node, uint64_t *address)
{
	int bus = fdt_parent_offset(dtb, node), length;
	const fdt32_t *reg = fdt_getprop(dtb, node, "reg", &length);
	int count = bus < 0 ? 0 : cells(dtb, bus, "#address-cells", 2);

	if (bus < 0 || !reg || count <= 0 || length < 4 * count)
		return false;
	*address = take_cells(&reg, count);
	for (int parent; bus > 0; bus = parent) {
		parent = fdt_parent_offset(dtb, bus);
		if (parent < 0 || !translate_step(dtb, bus, parent, address))
			return false;
	}
	return true;
}

/* The node that stdout-path names, by path or alias, its ":options" cut off. */
static int console_node(const void *dtb)
{
	int chosen = fdt_path_offset(dtb, "/chosen"), length;
	const char *path = NULL, *colon;

	if (chosen >= 0)
		path = fdt_getprop(dtb, chosen, "stdout-path", &length);
	if (chosen >= 0 && !path)
		path = fdt_getprop(dtb, chosen, "linux,stdout-path", &length);
	if (!path || length < 2 || path[length - 1] != '\0')
		return -FDT_ERR_NOTFOUND;
	colon = strchr(path, ':');
	return fdt_path_offset_namelen(dtb, path, colon ? (int)(colon - path) : length - 1);
}

static void find_console(const void *dtb, struct crs_firmware *firmware)
{
	int node = console_node(dtb);
	uint64_t base;

	if (node < 0 || (fdt_node_check_compatible(dtb, node, "arm,pl011") &&
			 fdt_node_check_compatible(dtb, node, "arm,sbsa-uart")))
		return;
	if (!device_address(dtb, node, &base))
		return;
	firmware->uart = PURGATORY_UART_PL011;
	firmware->uart_base = base;
}

static void find_conduit(const void *dtb, struct crs_firmware *firmware)
{
	int node = fdt_path_offset(dtb, "/psci"), length;
	const char *method = node < 0 ? NULL : fdt_getprop(dtb, node, "method", &length);

	if (method && length == 4 && !memcmp(method, "smc", 4))
		firmware->conduit = PURGATORY_CONDUIT_SMC;
	else if (method && length == 4 && !memcmp(method, "hvc", 4))
		firmware->conduit = PURGATORY_CONDUIT_HVC;
}

void crs_firmware_from_dtb(const void *dtb, size_t size, struct crs_firmware *firmware)
{
	if (fdt_check_full(dtb, size))
		return;
	find_console(dtb, firmware);
	find_conduit(dtb, firmware);
}

/*
 * Serial Port Console Redirection table: interface type at 36, Generic Address
 * Structure at 40 with the address space id first and the address at 44.
 */
void crs_firmware_from_spcr(const void *spcr, size_t size, struct crs_firmware *firmware)
{
	const uint8_t *bytes = spcr;
	uint64_t address = 0;

	if (size < 52 || memcmp(bytes, "SPCR", 4) || bytes[40] != 0)
		return;
	for (int i = 7; i >= 0; i--)
		address = address << 8 | bytes[44 + i];
	/* 3: PL011; 0xd, 0xe: the SBSA subset of it. */
	if (address && (bytes[36] == 0x03 || bytes[36] == 0x0d || bytes[36] == 0x0e)) {
		firmware->uart = PURGATORY_UART_PL011;
		firmware->uart_base = address;
	}
}

/* Fixed ACPI Description Table: ARM_BOOT_ARCH at 129; bit 0 PSCI, bit 1 by HVC. */
void crs_firmware_from_fadt(const void *fadt, size_t size, struct crs_firmware *firmware)
{
	const uint8_t *bytes = fadt;

	if (size < 131 || memcmp(bytes, "FACP", 4) || !(bytes[129] & 1))
		return;
	firmware->conduit = bytes[129] & 2 ? PURGATORY_CONDUIT_HVC : PURGATORY_CONDUIT_SMC;
}
