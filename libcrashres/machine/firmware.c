/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds purgatory's UART and the PSCI conduit in the boot DTB and in ACPI tables.
 *
 *                    UART                                  conduit
 *   boot DTB         /chosen/stdout-path, "compatible",    /psci, "method"
 *                    "reg", "reg-shift", "reg-io-width"
 *   ACPI             SPCR                                  FADT, ARM_BOOT_ARCH
 */
#include <libfdt.h>
#include <string.h>

#include "../base/fdt.h"
#include "firmware.h"

/*
 * Bytes. Real UARTs have a reg-shift of 0 to 3, so a stride of 1 to 8. This limit keeps
 * the eight registers inside two pages.
 */
#define STRIDE_MAX 64

void crs_firmware_set_pl011(struct crs_firmware *firmware, uint64_t base)
{
	firmware->uart = PURGATORY_UART_PL011;
	firmware->uart_base = base;
	firmware->uart_stride = firmware->uart_width = 0;
}

bool crs_firmware_set_16550(struct crs_firmware *firmware, uint64_t base, uint64_t stride,
			    uint64_t width)
{
	/*
	 * With the MMU off all memory is Device memory, and an unaligned access to Device
	 * memory faults (Arm ARM, memory types).
	 */
	if ((width != 1 && width != 4) || stride < width || stride > STRIDE_MAX || stride % width ||
	    base % width || base > UINT64_MAX - 8 * STRIDE_MAX)
		return false;
	firmware->uart = PURGATORY_UART_16550;
	firmware->uart_base = base;
	firmware->uart_stride = (uint32_t)stride;
	firmware->uart_width = (uint32_t)width;
	return true;
}

/*
 * Reads "#address-cells" or "#size-cells" of @node.
 *
 * @fallback: the default of the Devicetree Specification (2.3.5).
 *
 * Returns -1 for more than two cells (64 bits). The first cell below a PCI bus, for
 * example, contains flags and not a part of the address.
 */
static int read_cell_count(const void *dtb, int node, const char *name, int fallback)
{
	int length;
	const fdt32_t *value = fdt_getprop(dtb, node, name, &length);

	if (!value || length != (int)sizeof(*value))
		return fallback;
	return fdt32_to_cpu(*value) > 2 ? -1 : (int)fdt32_to_cpu(*value);
}

/* Reads a big-endian number of @count cells, 32 bits each, and moves *cursor after it. */
static uint64_t read_cells(const fdt32_t **cursor, int count)
{
	uint64_t value = 0;

	while (count-- > 0)
		value = value << 32 | fdt32_to_cpu(*(*cursor)++);
	return value;
}

/*
 * Translates *address from the address space of @bus to that of its parent, by the
 * "ranges" property of @bus: an array of child address, parent address, size (Devicetree
 * Specification 2.3.8). Returns false if no entry contains the address.
 */
static bool translate_to_parent(const void *dtb, int bus, int parent, uint64_t *address)
{
	int length, child_cells = read_cell_count(dtb, bus, "#address-cells", 2);
	int size_cells = read_cell_count(dtb, bus, "#size-cells", 1);
	int parent_cells = read_cell_count(dtb, parent, "#address-cells", 2);
	int step = child_cells + parent_cells + size_cells;
	const fdt32_t *ranges = fdt_getprop(dtb, bus, "ranges", &length);

	if (!ranges || child_cells < 0 || size_cells < 0 || parent_cells < 0)
		return false;
	for (int left = length / 4; step && left >= step; left -= step) {
		uint64_t child = read_cells(&ranges, child_cells);
		uint64_t outside = read_cells(&ranges, parent_cells);
		uint64_t size = read_cells(&ranges, size_cells);

		if (*address >= child && *address - child < size)
			return !__builtin_add_overflow(*address - child, outside, address);
	}
	return length == 0;	/* an empty "ranges" means: both address spaces are the same */
}

/* Finds the physical address of the first register of @node, through all its buses. */
static bool find_address(const void *dtb, int node, uint64_t *address)
{
	int bus = fdt_parent_offset(dtb, node), length;
	const fdt32_t *reg = fdt_getprop(dtb, node, "reg", &length);
	int count = bus < 0 ? 0 : read_cell_count(dtb, bus, "#address-cells", 2);

	if (bus < 0 || !reg || count <= 0 || length < 4 * count)
		return false;
	*address = read_cells(&reg, count);
	for (int parent; bus > 0; bus = parent) {
		parent = fdt_parent_offset(dtb, bus);
		if (parent < 0 || !translate_to_parent(dtb, bus, parent, address))
			return false;
	}
	return true;
}

/*
 * Finds the node of stdout-path, which is a path or an alias, such as "serial0:115200n8".
 * Options after ":" do not count. Returns a negative FDT_ERR_ value without such a node.
 */
static int find_console_node(const void *dtb)
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

/* Is one of @names, which end with NULL, in the "compatible" property of @node? */
static bool is_compatible(const void *dtb, int node, const char *const *names)
{
	while (*names)
		if (!fdt_node_check_compatible(dtb, node, *names++))
			return true;
	return false;
}

/*
 * 16550 with byte registers, unless the node has other values (Linux,
 * Documentation/devicetree/bindings/serial/8250.yaml and snps-dw-apb-uart.yaml).
 */
static const char *const compatible_16550[] = {
	"ns8250", "ns16450", "ns16550", "ns16550a", "snps,dw-apb-uart", NULL,
};

/*
 * The mini UART of the Raspberry Pi. Its first registers are those of a 16550 (BCM2835
 * ARM Peripherals, 2.2), at a stride of 4 bytes and with accesses of 4 bytes. The node has
 * no properties for this.
 */
static const char *const compatible_words[] = { "brcm,bcm2835-aux-uart", NULL };

/* The SBSA UART is a subset of the PL011 with the registers that purgatory uses. */
static const char *const compatible_pl011[] = { "arm,pl011", "arm,sbsa-uart", NULL };

/*
 * Reads a property of one cell. A property of another size returns UINT32_MAX, which all
 * callers refuse.
 */
static uint32_t read_cell(const void *dtb, int node, const char *name, uint32_t fallback)
{
	int length;
	const fdt32_t *value = fdt_getprop(dtb, node, name, &length);

	if (!value)
		return fallback;
	return length == (int)sizeof(*value) ? fdt32_to_cpu(*value) : UINT32_MAX;
}

/* Sets a 16550 from the properties of @node. @base: physical address from "reg". */
static void set_16550(const void *dtb, int node, uint64_t base, struct crs_firmware *firmware)
{
	uint32_t words = is_compatible(dtb, node, compatible_words);
	uint32_t shift = read_cell(dtb, node, "reg-shift", words ? 2 : 0);
	uint32_t width = read_cell(dtb, node, "reg-io-width", words ? 4 : 1);
	uint32_t offset = read_cell(dtb, node, "reg-offset", 0);

	/* The data byte of a big-endian register of 4 bytes is the last one, not the first one. */
	if (width > 1 && fdt_getprop(dtb, node, "big-endian", NULL))
		return;
	if (shift < 32 && offset != UINT32_MAX && !__builtin_add_overflow(base, offset, &base))
		crs_firmware_set_16550(firmware, base, 1ULL << shift, width);
}

/* A UART of an unknown type leaves @firmware unchanged. */
static void find_console(const void *dtb, struct crs_firmware *firmware)
{
	int node = find_console_node(dtb);
	uint64_t base;

	if (node < 0 || !find_address(dtb, node, &base))
		return;
	if (is_compatible(dtb, node, compatible_pl011))
		crs_firmware_set_pl011(firmware, base);
	else if (is_compatible(dtb, node, compatible_16550) ||
		 is_compatible(dtb, node, compatible_words))
		set_16550(dtb, node, base, firmware);
}

/* Linux, Documentation/devicetree/bindings/arm/psci.yaml: "method" is "smc" or "hvc". */
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
	if (crs_fdt_check(dtb, size))
		return;
	find_console(dtb, firmware);
	find_conduit(dtb, firmware);
}

/* Interface types of the SPCR. DBG2 defines them (Microsoft, Debug Port Table 2, table 3). */
enum {
	SPCR_16550 = 0x00,
	SPCR_16550_SUBSET = 0x01,
	SPCR_PL011 = 0x03,
	SPCR_SBSA_32BIT = 0x0d,
	SPCR_SBSA = 0x0e,
	SPCR_16550_BY_GAS = 0x12,	/* stride: bit width in the address structure */
};

/*
 * Sets a 16550 from the SPCR.
 *
 * @bit_width: bits of a register, from the Generic Address Structure (ACPI 6.5, 5.2.3.2).
 * @access:    access size from the same structure: 1 byte, 2 word, 3 dword.
 *
 * Like Linux (acpi_parse_spcr(), "mmio" and "mmio32"), this treats an unknown access size
 * as byte, and uses the access size as the stride. @bit_width is not reliable for the
 * first two types: QEMU writes 32 bits there for registers of one byte.
 */
static void set_16550_by_gas(struct crs_firmware *firmware, uint64_t base, uint8_t type,
			     uint8_t bit_width, uint8_t access)
{
	uint64_t width = access == 2 || access == 3 ? 1ULL << (access - 1) : 1;
	uint64_t stride = width;

	if (type == SPCR_16550_BY_GAS && bit_width % 8)
		return;
	if (type == SPCR_16550_BY_GAS && bit_width / 8 > width)
		stride = bit_width / 8;
	crs_firmware_set_16550(firmware, base, stride, width);
}

/*
 * ACPI Serial Port Console Redirection table (Microsoft):
 *
 *   offset  size
 *        0     4  "SPCR"
 *       36     1  interface type
 *       40     1  Generic Address Structure: address space, 0 is memory
 *       41     1  bits of a register
 *       42     1  bit offset
 *       43     1  access size
 *       44     8  address, little-endian; 0 means that console redirection is off
 */
void crs_firmware_from_spcr(const void *spcr, size_t size, struct crs_firmware *firmware)
{
	const uint8_t *bytes = spcr;
	uint64_t address = 0;

	if (size < 52 || memcmp(bytes, "SPCR", 4) || bytes[40] != 0)
		return;
	for (int i = 7; i >= 0; i--)
		address = address << 8 | bytes[44 + i];
	if (!address)
		return;
	switch (bytes[36]) {
	case SPCR_PL011: case SPCR_SBSA_32BIT: case SPCR_SBSA:
		crs_firmware_set_pl011(firmware, address);
		break;
	case SPCR_16550: case SPCR_16550_SUBSET: case SPCR_16550_BY_GAS:
		set_16550_by_gas(firmware, address, bytes[36], bytes[41], bytes[43]);
		break;
	default:
		break;
	}
}

/*
 * Fixed ACPI Description Table: 16 bits ARM_BOOT_ARCH at offset 129 (ACPI 6.5, 5.2.9.4).
 * Bit 0: the firmware has PSCI. Bit 1: PSCI calls use HVC, otherwise SMC.
 */
void crs_firmware_from_fadt(const void *fadt, size_t size, struct crs_firmware *firmware)
{
	const uint8_t *bytes = fadt;

	if (size < 131 || memcmp(bytes, "FACP", 4) || !(bytes[129] & 1))
		return;
	firmware->conduit = bytes[129] & 2 ? PURGATORY_CONDUIT_HVC : PURGATORY_CONDUIT_SMC;
}

/*
 * /proc/consoles has one line for each console, which starts with the name of the console
 * (fs/proc/consoles.c). The PL011 driver (amba-pl011.c) names its ports ttyAMA0 and so on;
 * the 8250 drivers use ttyS0 and so on.
 */
bool crs_firmware_uart_is_console(const struct crs_firmware *firmware, const char *consoles)
{
	const char *name = firmware->uart == PURGATORY_UART_PL011 ? "ttyAMA" : "ttyS";
	size_t length = strlen(name);

	for (const char *line = consoles; *line; line += *line == '\n') {
		if (!strncmp(line, name, length) && line[length] >= '0' && line[length] <= '9')
			return true;
		line += strcspn(line, "\n");
	}
	return false;
}
