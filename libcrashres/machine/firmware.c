/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libfdt.h>
#include <string.h>

#include "../base/fdt.h"
#include "firmware.h"

/* reg-shift is hardly ever above 3; this keeps all registers inside two pages. */
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
	/* With its MMU off purgatory must not access what is not aligned. */
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

static bool is_one_of(const void *dtb, int node, const char *const *names)
{
	while (*names)
		if (!fdt_node_check_compatible(dtb, node, *names++))
			return true;
	return false;
}

/* Linux, Documentation/devicetree/bindings/serial/8250.yaml and snps-dw-apb-uart.yaml */
static const char *const compatible_16550[] = {
	"ns8250", "ns16450", "ns16550", "ns16550a", "snps,dw-apb-uart", NULL,
};

/*
 * The Raspberry Pi's mini UART: a 16550 by its first registers (BCM2835 ARM
 * Peripherals 2.2), which are words; the node does not say so.
 */
static const char *const compatible_words[] = { "brcm,bcm2835-aux-uart", NULL };

static const char *const compatible_pl011[] = { "arm,pl011", "arm,sbsa-uart", NULL };

/* A property of one cell; one of another size gives what no caller takes. */
static uint32_t one_cell(const void *dtb, int node, const char *name, uint32_t missing)
{
	int length;
	const fdt32_t *value = fdt_getprop(dtb, node, name, &length);

	if (!value)
		return missing;
	return length == (int)sizeof(*value) ? fdt32_to_cpu(*value) : UINT32_MAX;
}

static void set_16550(const void *dtb, int node, uint64_t base, struct crs_firmware *firmware)
{
	uint32_t words = is_one_of(dtb, node, compatible_words);
	uint32_t shift = one_cell(dtb, node, "reg-shift", words ? 2 : 0);
	uint32_t width = one_cell(dtb, node, "reg-io-width", words ? 4 : 1);
	uint32_t offset = one_cell(dtb, node, "reg-offset", 0);

	/* Then the byte that counts is not the first one of its word. */
	if (width > 1 && fdt_getprop(dtb, node, "big-endian", NULL))
		return;
	if (shift < 32 && offset != UINT32_MAX && !__builtin_add_overflow(base, offset, &base))
		crs_firmware_set_16550(firmware, base, 1ULL << shift, width);
}

static void find_console(const void *dtb, struct crs_firmware *firmware)
{
	int node = console_node(dtb);
	uint64_t base;

	if (node < 0 || !device_address(dtb, node, &base))
		return;
	if (is_one_of(dtb, node, compatible_pl011))
		crs_firmware_set_pl011(firmware, base);
	else if (is_one_of(dtb, node, compatible_16550) || is_one_of(dtb, node, compatible_words))
		set_16550(dtb, node, base, firmware);
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
	if (crs_fdt_check(dtb, size))
		return;
	find_console(dtb, firmware);
	find_conduit(dtb, firmware);
}

/* The interface types of SPCR, those of DBG2 (Microsoft, Debug Port Table 2, table 3). */
enum {
	SPCR_16550 = 0x00,
	SPCR_16550_SUBSET = 0x01,
	SPCR_PL011 = 0x03,
	SPCR_SBSA_32BIT = 0x0d,
	SPCR_SBSA = 0x0e,
	SPCR_16550_BY_GAS = 0x12,	/* the address structure says how registers stand */
};

/*
 * @bit_width and @access are the Generic Address Structure's (ACPI 6.5, 5.2.3.2).
 * Linux takes accesses of other than 1 to 3 for bytes, and the distance of
 * registers from the access (parse_spcr, "mmio" and "mmio32"). It is right for
 * the first two types: QEMU says 32 bits for registers that are bytes.
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
 * Serial Port Console Redirection table: interface type at 36, Generic Address
 * Structure at 40: address space id, bit width, bit offset, access size, and the
 * address at 44.
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

/* Fixed ACPI Description Table: ARM_BOOT_ARCH at 129; bit 0 PSCI, bit 1 by HVC. */
void crs_firmware_from_fadt(const void *fadt, size_t size, struct crs_firmware *firmware)
{
	const uint8_t *bytes = fadt;

	if (size < 131 || memcmp(bytes, "FACP", 4) || !(bytes[129] & 1))
		return;
	firmware->conduit = bytes[129] & 2 ? PURGATORY_CONDUIT_HVC : PURGATORY_CONDUIT_SMC;
}

/*
 * /proc/consoles (fs/proc/consoles.c): a line a console, its name first. The
 * serial drivers: amba-pl011.c calls its ports ttyAMA, the 8250 drivers ttyS.
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
