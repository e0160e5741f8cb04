/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests the UART of a tty (machine/tty.c; --serial), read from the attributes in
 * /sys/class/tty. A wrong program makes purgatory write to a wrong address.
 */
#include "../../libcrashres/machine/tty.h"
#include "support.h"

#define TTY "sys/class/tty/"

static void use_root(struct unit *unit)
{
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, ".");

	assert_ok(unit, crashres_ctx_set_root(unit->ctx, path));
}

static void write_attribute(struct unit *unit, const char *name, const char *attribute,
			    const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), TTY "%s/%s", name, attribute);
	unit_write_text(unit, path, text);
}

/* Writes the attributes of tty @name; texts as in sysfs (serial_core.h gives the numbers). */
static void write_tty(struct unit *unit, const char *name, const char *type, const char *io_type,
		      const char *base, const char *shift)
{
	write_attribute(unit, name, "type", type);
	write_attribute(unit, name, "io_type", io_type);
	write_attribute(unit, name, "iomem_base", base);
	write_attribute(unit, name, "iomem_reg_shift", shift);
}

/* Values that the firmware tables gave before. */
static struct crs_firmware previous_firmware(void)
{
	return (struct crs_firmware){
		.uart = PURGATORY_UART_16550, .uart_base = 0x1234, .uart_stride = 8,
		.uart_width = 4, .conduit = PURGATORY_CONDUIT_HVC,
	};
}

/* Asserts the UART, its base address, and the distance and width of its registers in bytes. */
static void check(const struct crs_firmware *firmware, enum purgatory_uart uart, uint64_t base,
		  uint32_t stride, uint32_t width)
{
	assert_int_equal(firmware->uart, uart);
	assert_int_equal(firmware->uart_base, base);
	assert_int_equal(firmware->uart_stride, stride);
	assert_int_equal(firmware->uart_width, width);
	assert_int_equal(firmware->conduit, PURGATORY_CONDUIT_HVC);
}

/*
 * The first row is the PL011 of QEMU's virt machine with Debian's kernels 6.1 and 6.12. io_type
 * 2: 8-bit, 3: 32-bit accesses. shift: log2 of the distance of the registers.
 */
static void test_supported_ports_are_read(void **state)
{
	static const struct {
		const char *type, *io_type, *base, *shift;
		enum purgatory_uart uart;
		uint64_t address;
		uint32_t stride, width;
	} cases[] = {
		{ "32\n", "2\n", "0x9000000\n", "0\n", PURGATORY_UART_PL011, 0x9000000, 0, 0 },
		{ "32\n", "3\n", "0x100009000000\n", "0\n",
		  PURGATORY_UART_PL011, 0x100009000000, 0, 0 },
		{ "4\n", "3\n", "0xFEB50000\n", "2\n", PURGATORY_UART_16550, 0xfeb50000, 4, 4 },
		{ "4\n", "2\n", "0xFEB50000\n", "2\n", PURGATORY_UART_16550, 0xfeb50000, 4, 1 },
		{ "1\n", "2\n", "0x10000001\n", "0\n", PURGATORY_UART_16550, 0x10000001, 1, 1 },
		{ "14", "3", "0x10000000", "6", PURGATORY_UART_16550, 0x10000000, 64, 4 },
	};
	struct unit *unit = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct crs_firmware firmware = previous_firmware();

		write_tty(unit, "ttyX0", cases[i].type, cases[i].io_type, cases[i].base,
			  cases[i].shift);
		use_root(unit);
		assert_ok(unit, crs_tty_read(unit->ctx, i % 2 ? "/dev/ttyX0" : "ttyX0",
					     &firmware));
		check(&firmware, cases[i].uart, cases[i].address, cases[i].stride, cases[i].width);
	}
	assert_null(strstr(unit->log, "warning: "));
}

/* Port types of serial_core.h (PORT_*). Type 32 is a PL011. */
static void test_only_types_with_16550_registers_are_accepted(void **state)
{
	static const unsigned int good[] = {
		1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 14, 15, 20, 21, 24, 30,
	};
	struct unit *unit = *state;

	for (unsigned int type = 0, next = 0; type < 130; type++) {
		struct crs_firmware firmware = previous_firmware();
		char text[16];

		snprintf(text, sizeof(text), "%u\n", type);
		write_tty(unit, "ttyS0", text, "3\n", "0x10000000\n", "2\n");
		use_root(unit);
		assert_ok(unit, crs_tty_read(unit->ctx, "ttyS0", &firmware));
		if (next < COUNT(good) && type == good[next]) {
			check(&firmware, PURGATORY_UART_16550, 0x10000000, 4, 4);
			next++;
		} else if (type == 32) {
			check(&firmware, PURGATORY_UART_PL011, 0x10000000, 0, 0);
		} else {
			check(&firmware, PURGATORY_UART_NONE, 0, 0, 0);
		}
	}
}

/*
 * The first row is QEMU's pci-serial on arm64: I/O ports, whose physical address sysfs does not
 * show.
 */
static void test_unsupported_ports_are_warned_of(void **state)
{
	static const struct {
		/* Texts of the attributes; the part of the warning that repeats them. */
		const char *type, *io_type, *base, *shift, *attributes;
	} cases[] = {
		{ "4\n", "0\n", "0x0\n", "0\n",
		  "type 4, io_type 0, iomem_base 0x0, iomem_reg_shift 0" },
		{ "0\n", "0\n", "0x0\n", "0\n",
		  "type 0, io_type 0, iomem_base 0x0, iomem_reg_shift 0" },
		{ "4\n", "2\n", "0x0\n", "0\n",
		  "type 4, io_type 2, iomem_base 0x0, iomem_reg_shift 0" },
		{ "32\n", "2\n", "0x0\n", "0\n",
		  "type 32, io_type 2, iomem_base 0x0, iomem_reg_shift 0" },
		{ "32\n", "0\n", "0x1000\n", "0\n",
		  "type 32, io_type 0, iomem_base 0x1000, iomem_reg_shift 0" },
		{ "4\n", "6\n", "0x1000\n", "2\n",		/* big-endian */
		  "type 4, io_type 6, iomem_base 0x1000, iomem_reg_shift 2" },
		{ "4\n", "7\n", "0x1000\n", "2\n",		/* 16-bit accesses */
		  "type 4, io_type 7, iomem_base 0x1000, iomem_reg_shift 2" },
		{ "4\n", "3\n", "0x1000\n", "1\n",
		  "type 4, io_type 3, iomem_base 0x1000, iomem_reg_shift 1" },
		{ "4\n", "3\n", "0x1002\n", "2\n",
		  "type 4, io_type 3, iomem_base 0x1002, iomem_reg_shift 2" },
		{ "4\n", "2\n", "0x1000\n", "7\n",
		  "type 4, io_type 2, iomem_base 0x1000, iomem_reg_shift 7" },
		{ "4\n", "2\n", "0x1000\n", "64\n",
		  "type 4, io_type 2, iomem_base 0x1000, iomem_reg_shift 64" },
		{ "4\n", "2\n", "0xffffffffffffffff\n", "0\n",
		  "type 4, io_type 2, iomem_base 0xffffffffffffffff, iomem_reg_shift 0" },
	};
	struct unit *unit = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct crs_firmware firmware = previous_firmware();
		char warning[256];

		write_tty(unit, "ttyS0", cases[i].type, cases[i].io_type, cases[i].base,
			  cases[i].shift);
		use_root(unit);
		assert_ok(unit, crs_tty_read(unit->ctx, "ttyS0", &firmware));
		check(&firmware, PURGATORY_UART_NONE, 0, 0, 0);
		snprintf(warning, sizeof(warning), "warning: ttyS0: purgatory cannot drive this UART "
			 "(%s): purgatory will be silent", cases[i].attributes);
		assert_true(unit_logged(unit, warning));
	}
}

/* hvc0 has no UART; attributes can also be unreadable. */
static void test_missing_or_malformed_attributes_are_warned_of(void **state)
{
	static const char *const garbage[] = {
		"", "\n", "x\n", "-1\n", " 4\n", "4x\n", "0x11112222333344445\n", "4 4\n",
	};
	struct unit *unit = *state;
	struct crs_firmware firmware = previous_firmware();

	write_attribute(unit, "hvc0", "dev", "229:0\n");
	use_root(unit);
	assert_ok(unit, crs_tty_read(unit->ctx, "hvc0", &firmware));
	check(&firmware, PURGATORY_UART_NONE, 0, 0, 0);
	assert_true(unit_logged(unit, "warning: cannot open /sys/class/tty/hvc0/type: No such file "
				      "or directory: purgatory will be silent"));
	for (size_t i = 0; i < COUNT(garbage); i++) {
		firmware = previous_firmware();
		write_tty(unit, "ttyS0", "4\n", "2\n", garbage[i], "0\n");
		assert_ok(unit, crs_tty_read(unit->ctx, "ttyS0", &firmware));
		check(&firmware, PURGATORY_UART_NONE, 0, 0, 0);
	}
	assert_true(unit_logged(unit, "warning: /sys/class/tty/ttyS0/iomem_base does not contain a number: "
				      "purgatory will be silent"));
}

static void test_missing_tty_or_bad_name_is_refused(void **state)
{
	static const char *const names[] = {
		"", ".", "..", "../ttyS0", "a/b", "/dev/", "/dev/..", "/ttyS0", ".hidden",
	};
	struct unit *unit = *state;
	struct crs_firmware firmware;
	char longest[66];

	mark_untouched(firmware);
	write_tty(unit, "ttyS0", "4\n", "2\n", "0x1000\n", "0\n");
	use_root(unit);
	assert_fails(unit, crs_tty_read(unit->ctx, "ttyS1", &firmware), CRASHRES_ERR_OS,
		     "cannot open /sys/class/tty/ttyS1: No such file or directory");
	assert_fails(unit, crs_tty_read(unit->ctx, "/dev/ttyS1", &firmware), CRASHRES_ERR_OS,
		     "cannot open /sys/class/tty/ttyS1: No such file or directory");
	for (size_t i = 0; i < COUNT(names); i++)
		assert_int_equal(crs_tty_read(unit->ctx, names[i], &firmware),
				 CRASHRES_ERR_REQUEST);
	assert_string_equal(crashres_error(unit->ctx), "\".hidden\" is not the name of a tty");
	memset(longest, 'x', sizeof(longest));
	longest[64] = '\0';
	assert_int_equal(crs_tty_read(unit->ctx, longest, &firmware), CRASHRES_ERR_REQUEST);
	longest[63] = '\0';
	assert_int_equal(crs_tty_read(unit->ctx, longest, &firmware), CRASHRES_ERR_OS);
	unit_write_text(unit, TTY "file", "");
	assert_fails(unit, crs_tty_read(unit->ctx, "file", &firmware), CRASHRES_ERR_OS,
		     "cannot open /sys/class/tty/file: Not a directory");
	assert_untouched(firmware);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_supported_ports_are_read),
		UNIT_TEST(test_only_types_with_16550_registers_are_accepted),
		UNIT_TEST(test_unsupported_ports_are_warned_of),
		UNIT_TEST(test_missing_or_malformed_attributes_are_warned_of),
		UNIT_TEST(test_missing_tty_or_bad_name_is_refused),
	};

	return cmocka_run_group_tests_name("tty", tests, NULL, NULL);
}
