/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests the firmware tables (machine/firmware.c): the UART for purgatory's console and the PSCI
 * conduit, from the device tree or from ACPI (SPCR, FADT). A wrong program makes purgatory
 * write to a wrong address, or reset the machine by the wrong instruction.
 */
#include <libfdt.h>

#include "../../libcrashres/machine/firmware.h"
#include "support.h"

#define PL011		0x09000000
#define ROOM		4096

/* Values before a call. A call that finds no UART must leave them unchanged. */
static struct crs_firmware previous_firmware(void)
{
	return (struct crs_firmware){
		.uart = PURGATORY_UART_NONE, .uart_base = 0x1234, .uart_stride = 0x77,
		.uart_width = 0x88, .conduit = PURGATORY_CONDUIT_UNKNOWN,
	};
}

/* Asserts all members. Without a UART the previous stride and width remain. */
static void check(struct crs_firmware firmware, enum purgatory_uart uart, uint64_t base,
		  enum purgatory_conduit conduit)
{
	assert_int_equal(firmware.uart, uart);
	assert_int_equal(firmware.uart_base, base);
	assert_int_equal(firmware.uart_stride, uart == PURGATORY_UART_NONE ? 0x77 : 0);
	assert_int_equal(firmware.uart_width, uart == PURGATORY_UART_NONE ? 0x88 : 0);
	assert_int_equal(firmware.conduit, conduit);
}

/*
 * Asserts a 16550 with its base address, and the distance and width of its registers in bytes.
 * @stride 0: asserts that there is no UART.
 */
static void check_16550(struct crs_firmware firmware, uint64_t base, uint32_t stride,
			uint32_t width, enum purgatory_conduit conduit)
{
	if (!stride) {
		check(firmware, PURGATORY_UART_NONE, 0x1234, conduit);
		return;
	}
	assert_int_equal(firmware.uart, PURGATORY_UART_16550);
	assert_int_equal(firmware.uart_base, base);
	assert_int_equal(firmware.uart_stride, stride);
	assert_int_equal(firmware.uart_width, width);
	assert_int_equal(firmware.conduit, conduit);
}

/* Describes the device tree of a test: / > [soc] > uart@9000000, /chosen, /aliases, /psci. */
struct tree {
	const char *stdout_path;	/* NULL: no such property */
	const char *property;		/* name of the property; NULL: "stdout-path" */
	const char *compatible;
	const char *method;
	bool soc;			/* the UART is a child of bus node /soc */
	uint32_t soc_cells, soc_size_cells;
	const uint32_t *ranges;		/* NULL: no such property */
	size_t ranges_size;
	const uint32_t *reg;
	size_t reg_size;
	/*
	 * More properties of the UART: up to two cells, size in bytes. A NULL name ends the
	 * list.
	 */
	struct property {
		const char *name;
		uint32_t value;
		size_t size;
	} more[4];
};

static const uint32_t pl011_reg[] = { 0, PL011, 0, 0x1000 };

/* Returns a tree with a PL011 at 0x9000000 as stdout-path, and PSCI by smc. */
static struct tree pl011_tree(void)
{
	return (struct tree){
		.stdout_path = "/uart@9000000", .compatible = "arm,pl011", .method = "smc",
		.reg = pl011_reg, .reg_size = sizeof(pl011_reg),
	};
}

static void put_cells(void *dtb, const char *name, const uint32_t *cells, size_t size)
{
	fdt32_t value[16];

	for (size_t i = 0; i < size / 4; i++)
		value[i] = cpu_to_fdt32(cells[i]);
	assert_int_equal(fdt_property(dtb, name, value, size), 0);
}

static void put_uart(void *dtb, const struct tree *tree)
{
	if (tree->soc) {
		fdt_begin_node(dtb, "soc");
		fdt_property_u32(dtb, "#address-cells", tree->soc_cells);
		fdt_property_u32(dtb, "#size-cells", tree->soc_size_cells);
		if (tree->ranges)
			put_cells(dtb, "ranges", tree->ranges, tree->ranges_size);
	}
	fdt_begin_node(dtb, "uart@9000000");
	if (tree->compatible)
		fdt_property_string(dtb, "compatible", tree->compatible);
	if (tree->reg)
		put_cells(dtb, "reg", tree->reg, tree->reg_size);
	for (const struct property *property = tree->more; property->name; property++) {
		const fdt32_t value[2] = { cpu_to_fdt32(property->value) };

		fdt_property(dtb, property->name, value, (int)property->size);
	}
	fdt_end_node(dtb);
	if (tree->soc)
		fdt_end_node(dtb);
}

/* Returns the DTB that @tree describes. The caller frees it. */
static void *build(const struct tree *tree)
{
	void *dtb = unit_alloc(ROOM);

	assert_int_equal(fdt_create(dtb, ROOM), 0);
	fdt_finish_reservemap(dtb);
	fdt_begin_node(dtb, "");
	fdt_property_u32(dtb, "#address-cells", 2);
	fdt_property_u32(dtb, "#size-cells", 2);
	put_uart(dtb, tree);
	fdt_begin_node(dtb, "aliases");
	fdt_property_string(dtb, "serial0", tree->soc ? "/soc/uart@9000000" : "/uart@9000000");
	fdt_end_node(dtb);
	if (tree->method) {
		fdt_begin_node(dtb, "psci");
		fdt_property_string(dtb, "method", tree->method);
		fdt_end_node(dtb);
	}
	fdt_begin_node(dtb, "chosen");
	if (tree->stdout_path)
		fdt_property_string(dtb, tree->property ? tree->property : "stdout-path",
				    tree->stdout_path);
	fdt_end_node(dtb);
	fdt_end_node(dtb);
	assert_int_equal(fdt_finish(dtb), 0);
	return dtb;
}

/* Returns the values that the library reads from the tree. */
static struct crs_firmware read_tree(const struct tree *tree)
{
	struct crs_firmware firmware = previous_firmware();
	void *dtb = build(tree);

	crs_firmware_from_dtb(dtb, fdt_totalsize(dtb), &firmware);
	free(dtb);
	return firmware;
}

static void test_stdout_path_is_a_path_or_alias_with_options(void **state)
{
	/* Texts of stdout-path: a path or an alias, then options after a colon. */
	static const char *const good[] = {
		"/uart@9000000", "/uart@9000000:115200n8", "serial0", "serial0:115200",
		"serial0:", "/uart", "/uart:1:2",
	};
	/*
	 * Texts that name no UART: empty, without a path, an unknown alias or node, a node that
	 * is not a UART.
	 */
	static const char *const bad[] = {
		"", ":", ":115200", "serial1", "serial00", "/uart@9000001", "/chosen", "uart@9000000",
		"/uart@9000000/x", "/",
	};
	struct tree tree = pl011_tree();

	for (size_t i = 0; i < COUNT(good); i++) {
		tree.stdout_path = good[i];
		check(read_tree(&tree), PURGATORY_UART_PL011, PL011, PURGATORY_CONDUIT_SMC);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		tree.stdout_path = bad[i];
		check(read_tree(&tree), PURGATORY_UART_NONE, 0x1234, PURGATORY_CONDUIT_SMC);
	}
	tree = pl011_tree();
	tree.property = "linux,stdout-path";
	check(read_tree(&tree), PURGATORY_UART_PL011, PL011, PURGATORY_CONDUIT_SMC);
	tree.stdout_path = NULL;
	check(read_tree(&tree), PURGATORY_UART_NONE, 0x1234, PURGATORY_CONDUIT_SMC);
}

static void test_only_known_compatible_strings_name_a_uart(void **state)
{
	struct tree tree = pl011_tree();

	tree.compatible = "arm,sbsa-uart";
	check(read_tree(&tree), PURGATORY_UART_PL011, PL011, PURGATORY_CONDUIT_SMC);
	tree.compatible = "ns16550ab";
	check(read_tree(&tree), PURGATORY_UART_NONE, 0x1234, PURGATORY_CONDUIT_SMC);
	tree.compatible = NULL;
	check(read_tree(&tree), PURGATORY_UART_NONE, 0x1234, PURGATORY_CONDUIT_SMC);
}

static void test_compatible_strings_of_16550_uarts_are_known(void **state)
{
	static const char *const names[] = {
		"ns8250", "ns16450", "ns16550", "ns16550a", "snps,dw-apb-uart",
	};
	struct tree tree = pl011_tree();

	for (size_t i = 0; i < COUNT(names); i++) {
		tree.compatible = names[i];
		check_16550(read_tree(&tree), PL011, 1, 1, PURGATORY_CONDUIT_SMC);
	}
	tree.compatible = "brcm,bcm2835-aux-uart";
	check_16550(read_tree(&tree), PL011, 4, 4, PURGATORY_CONDUIT_SMC);
}

static void test_register_layout_of_a_16550_is_read_or_refused(void **state)
{
	/* Columns: properties, base address, distance and width of the registers in bytes. */
	static const struct {
		struct property more[4];
		uint64_t base;
		uint32_t stride, width;		/* 0: no UART */
	} cases[] = {
		{ { { "reg-shift", 2, 4 }, { "reg-io-width", 4, 4 } }, PL011, 4, 4 },
		{ { { "reg-shift", 2, 4 } }, PL011, 4, 1 },
		{ { { "reg-shift", 3, 4 }, { "reg-io-width", 4, 4 } }, PL011, 8, 4 },
		{ { { "reg-shift", 0, 4 }, { "reg-io-width", 1, 4 } }, PL011, 1, 1 },
		{ { { "reg-offset", 0x100, 4 } }, PL011 + 0x100, 1, 1 },
		{ { { "reg-offset", 3, 4 } }, PL011 + 3, 1, 1 },
		{ { { "reg-shift", 6, 4 } }, PL011, 64, 1 },
		{ { { "reg-shift", 7, 4 } }, 0, 0, 0 },
		{ { { "reg-shift", 32, 4 } }, 0, 0, 0 },
		{ { { "reg-shift", 64, 4 } }, 0, 0, 0 },
		{ { { "reg-shift", UINT32_MAX, 4 } }, 0, 0, 0 },
		{ { { "reg-shift", 2, 2 } }, 0, 0, 0 },		/* not a cell */
		{ { { "reg-shift", 2, 8 } }, 0, 0, 0 },
		{ { { "reg-shift", 0, 0 } }, 0, 0, 0 },
		{ { { "reg-io-width", 0, 4 } }, 0, 0, 0 },
		{ { { "reg-shift", 1, 4 }, { "reg-io-width", 2, 4 } }, 0, 0, 0 },
		{ { { "reg-shift", 3, 4 }, { "reg-io-width", 8, 4 } }, 0, 0, 0 },
		{ { { "reg-shift", 1, 4 }, { "reg-io-width", 4, 4 } }, 0, 0, 0 },
		{ { { "reg-shift", 2, 4 }, { "reg-io-width", 4, 8 } }, 0, 0, 0 },
		{ { { "reg-shift", 2, 4 }, { "reg-io-width", 4, 4 }, { "reg-offset", 2, 4 } },
		  0, 0, 0 },
		{ { { "reg-offset", UINT32_MAX, 4 } }, 0, 0, 0 },
		{ { { "reg-offset", 0x100, 2 } }, 0, 0, 0 },
		{ { { "reg-shift", 2, 4 }, { "reg-io-width", 4, 4 }, { "big-endian", 0, 0 } },
		  0, 0, 0 },
		{ { { "reg-shift", 2, 4 }, { "big-endian", 0, 0 } }, PL011, 4, 1 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct tree tree = pl011_tree();

		tree.compatible = "snps,dw-apb-uart";
		memcpy(tree.more, cases[i].more, sizeof(tree.more));
		check_16550(read_tree(&tree), cases[i].base, cases[i].stride, cases[i].width,
			    PURGATORY_CONDUIT_SMC);
	}
}

static void test_registers_that_wrap_are_refused(void **state)
{
	/*
	 * The base address is 0xffffffff in the upper cell and low in the lower cell, plus
	 * reg-offset. Eight registers, up to 64 bytes apart, take at most 512 bytes.
	 */
	static const struct {
		uint32_t low, offset;
		bool good;
	} cases[] = {
		{ 0xfffffdfe, 1, true }, { 0xfffffdff, 0, true }, { 0xfffffdfe, 2, false },
		{ 0xfffffe00, 0, false }, { UINT32_MAX, 1, false }, { UINT32_MAX, 0x1000, false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const uint32_t reg[] = { UINT32_MAX, cases[i].low, 0, 0x1000 };
		struct tree tree = pl011_tree();

		tree.compatible = "ns16550a";
		tree.reg = reg;
		tree.more[0] = (struct property){ "reg-offset", cases[i].offset, 4 };
		check_16550(read_tree(&tree), 0xfffffffffffffdff, cases[i].good, cases[i].good,
			    PURGATORY_CONDUIT_SMC);
	}
}

static void test_psci_method_names_the_conduit(void **state)
{
	/* Columns: property method of node /psci (NULL: no node), expected conduit. */
	static const struct {
		const char *method;
		enum purgatory_conduit conduit;
	} cases[] = {
		{ "smc", PURGATORY_CONDUIT_SMC }, { "hvc", PURGATORY_CONDUIT_HVC },
		{ "smcc", PURGATORY_CONDUIT_UNKNOWN }, { "", PURGATORY_CONDUIT_UNKNOWN },
		{ "SMC", PURGATORY_CONDUIT_UNKNOWN }, { NULL, PURGATORY_CONDUIT_UNKNOWN },
	};
	struct tree tree = pl011_tree();

	for (size_t i = 0; i < COUNT(cases); i++) {
		tree.method = cases[i].method;
		check(read_tree(&tree), PURGATORY_UART_PL011, PL011, cases[i].conduit);
	}
}

static void test_missing_or_short_reg_names_no_uart(void **state)
{
	struct tree tree = pl011_tree();

	for (size_t size = 0; size < 16; size += 4) {
		tree.reg_size = size;
		if (size < 8)
			check(read_tree(&tree), PURGATORY_UART_NONE, 0x1234, PURGATORY_CONDUIT_SMC);
		else
			check(read_tree(&tree), PURGATORY_UART_PL011, PL011, PURGATORY_CONDUIT_SMC);
	}
	tree.reg = NULL;
	check(read_tree(&tree), PURGATORY_UART_NONE, 0x1234, PURGATORY_CONDUIT_SMC);
}

/*
 * The bus has one address cell and one size cell; the root has two address cells. An entry of
 * ranges is: bus address, CPU address (two cells), size. Columns: ranges, address in reg, bytes
 * of ranges, address for the CPU.
 */
static void test_ranges_of_a_bus_translate_the_address(void **state)
{
	static const struct {
		uint32_t ranges[8], reg;
		size_t size;
		uint64_t base;		/* 0: no UART */
	} cases[] = {
		{ { 0 }, PL011, 0, PL011 },			/* empty: identical addresses */
		{ { 0, 1, 0, 0x10000000 }, PL011, 16, 0x100000000 + PL011 },
		{ { 0x09000000, 0, 0x1000, 0x1000 }, PL011, 16, 0x1000 },
		{ { 0x09000000, 0, 0x1000, 0x1000 }, PL011 + 0xfff, 16, 0x1fff },
		{ { 0x09000000, 0, 0x1000, 0x1000 }, PL011 + 0x1000, 16, 0 },
		{ { 0x09000001, 0, 0x1000, 0x1000 }, PL011, 16, 0 },
		{ { 0, 0, 5, 5, 0x09000000, 0, 0x7000, 0x1000 }, PL011, 32, 0x7000 },
		{ { 0x09000000, 0, 0x7000, 0x1000, 0, 0, 5, 5 }, PL011, 32, 0x7000 },
		{ { 0x09000000, 0, 0x7000, 0x1000 }, PL011, 12, 0 },	/* shorter than an entry */
		{ { 0, UINT32_MAX, 0xf8000000, 0x10000000 }, PL011, 16, 0 },	/* wraps */
		{ { 0, UINT32_MAX, 0xf6fffffe, 0x10000000 }, PL011, 16, UINT64_MAX - 1 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const uint32_t reg[] = { cases[i].reg, 0x1000 };
		struct tree tree = pl011_tree();

		tree.stdout_path = "serial0:9600";
		tree.soc = true;
		tree.soc_cells = tree.soc_size_cells = 1;
		tree.ranges = cases[i].ranges;
		tree.ranges_size = cases[i].size;
		tree.reg = reg;
		tree.reg_size = sizeof(reg);
		if (cases[i].base)
			check(read_tree(&tree), PURGATORY_UART_PL011, cases[i].base,
			      PURGATORY_CONDUIT_SMC);
		else
			check(read_tree(&tree), PURGATORY_UART_NONE, 0x1234, PURGATORY_CONDUIT_SMC);
	}
}

/* Without "ranges" a device on the bus has no address for the CPU (Devicetree Specification). */
static void test_bus_without_translation_names_no_uart(void **state)
{
	static const uint32_t reg[] = { 0, PL011, 0, 0, 0, 0 };
	struct tree tree = pl011_tree();

	tree.soc = true;
	tree.stdout_path = "serial0";
	tree.soc_cells = tree.soc_size_cells = 2;
	check(read_tree(&tree), PURGATORY_UART_NONE, 0x1234, PURGATORY_CONDUIT_SMC);
	/* PCI has three address cells; the first one holds the address space. */
	tree.soc_cells = 3;
	tree.ranges = reg;
	tree.ranges_size = 0;
	tree.reg = reg;
	tree.reg_size = sizeof(reg);
	check(read_tree(&tree), PURGATORY_UART_NONE, 0x1234, PURGATORY_CONDUIT_SMC);
	tree.soc_cells = 0;
	check(read_tree(&tree), PURGATORY_UART_NONE, 0x1234, PURGATORY_CONDUIT_SMC);
	tree.soc_cells = 2;
	tree.soc_size_cells = 3;
	check(read_tree(&tree), PURGATORY_UART_NONE, 0x1234, PURGATORY_CONDUIT_SMC);
	tree.soc_size_cells = UINT32_MAX;
	check(read_tree(&tree), PURGATORY_UART_NONE, 0x1234, PURGATORY_CONDUIT_SMC);
}

static void test_damaged_tree_is_not_read_outside_its_bounds(void **state)
{
	struct tree tree = pl011_tree();
	uint8_t *dtb = build(&tree);
	size_t size = fdt_totalsize(dtb);
	struct crs_firmware firmware = previous_firmware();

	for (size_t cut = 0; cut < size; cut++) {
		uint8_t *part = malloc(cut ? cut : 1);

		memcpy(part, dtb, cut);
		crs_firmware_from_dtb(part, cut, &firmware);
		check(firmware, PURGATORY_UART_NONE, 0x1234, PURGATORY_CONDUIT_UNKNOWN);
		free(part);
	}
	/* Damages each byte in turn: AddressSanitizer sees a read outside the tree. */
	for (size_t i = 0; i < size; i++) {
		dtb[i] ^= 0xff;
		firmware = previous_firmware();
		crs_firmware_from_dtb(dtb, size, &firmware);
		if (firmware.uart == PURGATORY_UART_NONE)
			assert_int_equal(firmware.uart_base, 0x1234);
		dtb[i] ^= 0xff;
	}
	crs_firmware_from_dtb(dtb, size, &firmware);
	check(firmware, PURGATORY_UART_PL011, PL011, PURGATORY_CONDUIT_SMC);
	free(dtb);
}

/*
 * Writes an SPCR of 80 bytes, the minimal length, for a PL011. Offsets (ACPI, SPCR table): 36
 * interface type, 40 address space, 41 bit width, 43 access size, 44 address.
 */
static void make_spcr(uint8_t *spcr)
{
	memset(spcr, 0, 80);
	memcpy(spcr, "SPCR", 4);
	unit_put_le(spcr + 4, 4, 80);
	spcr[36] = 3;
	spcr[41] = 32;
	unit_put_le(spcr + 44, 8, 0x100009000000);
}

/* Asserts whether the first @size bytes of @spcr name a PL011. */
static void check_spcr(const uint8_t *spcr, size_t size, bool good)
{
	uint8_t *copy = unit_alloc(size);
	struct crs_firmware firmware = previous_firmware();

	memcpy(copy, spcr, size);
	crs_firmware_from_spcr(copy, size, &firmware);
	check(firmware, good ? PURGATORY_UART_PL011 : PURGATORY_UART_NONE,
	      good ? 0x100009000000 : 0x1234, PURGATORY_CONDUIT_UNKNOWN);
	free(copy);
}

static void test_spcr_of_a_pl011_names_the_uart(void **state)
{
	uint8_t spcr[80];

	make_spcr(spcr);
	for (size_t size = 0; size <= 80; size++)
		check_spcr(spcr, size, size >= 52);
	for (unsigned int type = 0; type < 256; type++) {
		spcr[36] = (uint8_t)type;
		if (type > 1 && type != 0x12)
			check_spcr(spcr, 80, type == 3 || type == 0xd || type == 0xe);
	}
	make_spcr(spcr);
	spcr[40] = 1;			/* address space 1: I/O port */
	check_spcr(spcr, 80, false);
	make_spcr(spcr);
	memset(spcr + 44, 0, 8);	/* address 0: no console redirection */
	check_spcr(spcr, 80, false);
	make_spcr(spcr);
	spcr[3] = 'X';
	check_spcr(spcr, 80, false);
}

/*
 * @width (bits) and @access: members of the generic address structure. @stride and @bytes:
 * expected distance and width of the registers; @stride 0: no UART.
 */
static void check_spcr_16550(uint8_t type, uint8_t width, uint8_t access, uint32_t stride,
			     uint32_t bytes)
{
	struct crs_firmware firmware = previous_firmware();
	uint8_t spcr[80];

	make_spcr(spcr);
	spcr[36] = type;
	spcr[41] = width;
	spcr[43] = access;
	crs_firmware_from_spcr(spcr, sizeof(spcr), &firmware);
	check_16550(firmware, 0x100009000000, stride, bytes, PURGATORY_CONDUIT_UNKNOWN);
}

static void test_spcr_of_a_16550_gives_its_register_layout(void **state)
{
	for (uint8_t type = 0; type <= 1; type++) {
		for (unsigned int width = 0; width < 256; width++) {
			check_spcr_16550(type, (uint8_t)width, 0, 1, 1);
			check_spcr_16550(type, (uint8_t)width, 1, 1, 1);
			check_spcr_16550(type, (uint8_t)width, 2, 0, 0);
			check_spcr_16550(type, (uint8_t)width, 3, 4, 4);
			check_spcr_16550(type, (uint8_t)width, 4, 1, 1);
			check_spcr_16550(type, (uint8_t)width, 255, 1, 1);
		}
	}
	check_spcr_16550(0x12, 8, 1, 1, 1);
	check_spcr_16550(0x12, 32, 1, 4, 1);
	check_spcr_16550(0x12, 32, 0, 4, 1);
	check_spcr_16550(0x12, 32, 3, 4, 4);
	check_spcr_16550(0x12, 8, 3, 4, 4);
	check_spcr_16550(0x12, 64, 3, 8, 4);
	check_spcr_16550(0x12, 48, 3, 0, 0);	/* registers not aligned */
	check_spcr_16550(0x12, 0, 1, 1, 1);
	check_spcr_16550(0x12, 248, 1, 31, 1);
	check_spcr_16550(0x12, 255, 1, 0, 0);
	check_spcr_16550(0x12, 12, 1, 0, 0);
	check_spcr_16550(0x12, 32, 2, 0, 0);
}

static void test_spcr_of_an_inaccessible_16550_names_no_uart(void **state)
{
	struct crs_firmware firmware = previous_firmware();
	uint8_t spcr[80];

	make_spcr(spcr);
	spcr[36] = 0x12;
	spcr[40] = 1;			/* address space 1: I/O port */
	crs_firmware_from_spcr(spcr, sizeof(spcr), &firmware);
	check_16550(firmware, 0, 0, 0, PURGATORY_CONDUIT_UNKNOWN);
	spcr[40] = 0;
	unit_put_le(spcr + 44, 8, UINT64_MAX);
	crs_firmware_from_spcr(spcr, sizeof(spcr), &firmware);
	check_16550(firmware, 0, 0, 0, PURGATORY_CONDUIT_UNKNOWN);
	unit_put_le(spcr + 44, 8, 0x9000002);
	spcr[43] = 3;			/* 32-bit accesses at an unaligned address */
	crs_firmware_from_spcr(spcr, sizeof(spcr), &firmware);
	check_16550(firmware, 0, 0, 0, PURGATORY_CONDUIT_UNKNOWN);
	spcr[43] = 1;
	for (size_t size = 0; size < 52; size++) {
		uint8_t *copy = unit_alloc(size);

		memcpy(copy, spcr, size);
		crs_firmware_from_spcr(copy, size, &firmware);
		check_16550(firmware, 0, 0, 0, PURGATORY_CONDUIT_UNKNOWN);
		free(copy);
	}
	crs_firmware_from_spcr(spcr, 52, &firmware);
	check_16550(firmware, 0x9000002, 4, 1, PURGATORY_CONDUIT_UNKNOWN);
	/* A PL011 afterwards: no value of the 16550 remains. */
	make_spcr(spcr);
	crs_firmware_from_spcr(spcr, sizeof(spcr), &firmware);
	check(firmware, PURGATORY_UART_PL011, 0x100009000000, PURGATORY_CONDUIT_UNKNOWN);
}

/*
 * Asserts the conduit for the ARM boot flags (FADT, byte 129: bit 0 PSCI, bit 1 HVC) if the
 * table has @size bytes.
 */
static void check_fadt(uint8_t arm_boot_arch, size_t size, enum purgatory_conduit conduit)
{
	uint8_t *fadt = unit_alloc(size + 276);
	struct crs_firmware firmware = previous_firmware();
	uint8_t *copy = unit_alloc(size);

	memcpy(fadt, "FACP", 4);
	fadt[129] = arm_boot_arch;
	memcpy(copy, fadt, size);
	crs_firmware_from_fadt(copy, size, &firmware);
	check(firmware, PURGATORY_UART_NONE, 0x1234, conduit);
	free(copy);
	free(fadt);
}

static void test_fadt_flags_name_the_conduit(void **state)
{
	struct crs_firmware firmware = previous_firmware();
	uint8_t other[276] = "SSDT";

	check_fadt(0, 276, PURGATORY_CONDUIT_UNKNOWN);
	check_fadt(1, 276, PURGATORY_CONDUIT_SMC);
	check_fadt(2, 276, PURGATORY_CONDUIT_UNKNOWN);
	check_fadt(3, 276, PURGATORY_CONDUIT_HVC);
	check_fadt(0xfd, 276, PURGATORY_CONDUIT_SMC);
	for (size_t size = 0; size <= 132; size++)
		check_fadt(3, size, size >= 131 ? PURGATORY_CONDUIT_HVC :
						  PURGATORY_CONDUIT_UNKNOWN);
	other[129] = 3;
	crs_firmware_from_fadt(other, sizeof(other), &firmware);
	check(firmware, PURGATORY_UART_NONE, 0x1234, PURGATORY_CONDUIT_UNKNOWN);
}

/*
 * Asserts whether @consoles (the text of /proc/consoles) lists a tty of a PL011 and of a 16550.
 */
static void check_consoles(const char *consoles, bool pl011, bool ns16550)
{
	const struct crs_firmware arm = { .uart = PURGATORY_UART_PL011 };
	const struct crs_firmware pc = { .uart = PURGATORY_UART_16550 };

	assert_int_equal(crs_firmware_uart_is_console(&arm, consoles), pl011);
	assert_int_equal(crs_firmware_uart_is_console(&pc, consoles), ns16550);
}

static void test_uart_is_a_console_if_its_tty_is_listed(void **state)
{
	(void)state;
	check_consoles("ttyAMA0              -W- (EC   a)  204:64\n", true, false);
	check_consoles("tty0                 -WU (EC p  )    4:2\n"
		       "ttyS10               -W- (E  p a)    4:74\n", false, true);
	check_consoles("ttyS0 -W- (E  p a) 4:64\nttyAMA1 -W- (E  p a) 204:65\n", true, true);
	check_consoles("tty0                 -WU (EC p  )    4:2\n", false, false);
	check_consoles("", false, false);
	check_consoles("\n\n", false, false);
	check_consoles("ttyS\nttyAMA\nhvc0 ttyS0\nttySIF0\nttyAMAx\n", false, false);
	check_consoles("ttyS0", false, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stdout_path_is_a_path_or_alias_with_options),
		cmocka_unit_test(test_only_known_compatible_strings_name_a_uart),
		cmocka_unit_test(test_compatible_strings_of_16550_uarts_are_known),
		cmocka_unit_test(test_register_layout_of_a_16550_is_read_or_refused),
		cmocka_unit_test(test_registers_that_wrap_are_refused),
		cmocka_unit_test(test_psci_method_names_the_conduit),
		cmocka_unit_test(test_missing_or_short_reg_names_no_uart),
		cmocka_unit_test(test_ranges_of_a_bus_translate_the_address),
		cmocka_unit_test(test_bus_without_translation_names_no_uart),
		cmocka_unit_test(test_damaged_tree_is_not_read_outside_its_bounds),
		cmocka_unit_test(test_spcr_of_a_pl011_names_the_uart),
		cmocka_unit_test(test_spcr_of_a_16550_gives_its_register_layout),
		cmocka_unit_test(test_spcr_of_an_inaccessible_16550_names_no_uart),
		cmocka_unit_test(test_fadt_flags_name_the_conduit),
		cmocka_unit_test(test_uart_is_a_console_if_its_tty_is_listed),
	};

	return cmocka_run_group_tests_name("firmware", tests, NULL, NULL);
}
