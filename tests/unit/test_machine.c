/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests crashres_machine_read() (machine/machine.c), which reads /proc and /sys below the root.
 * A wrong program fails because of a missing optional file, blocks on a FIFO, or trusts
 * malformed text.
 */
#include <elf.h>
#include <libfdt.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../libcrashres/base/input.h"
#include "../../libcrashres/machine/machine.h"
#include "support.h"

#define IOMEM \
	"40000000-bfffffff : System RAM\n" \
	"  40200000-40ffffff : Kernel code\n" \
	"  41000000-412fffff : reserved\n" \
	"  41300000-414fffff : Kernel data\n" \
	"  50000000-5fffffff : Crash kernel\n" \
	"100000000-1ffffffff : System RAM\n" \
	"  1e0000000-1ffffffff : Crash kernel\n"

/* Makes the test's folder the root of the context. */
static void use_root(struct unit *unit)
{
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, ".");

	assert_ok(unit, crashres_ctx_set_root(unit->ctx, path));
}

static struct crashres_machine *read_machine(struct unit *unit)
{
	struct crashres_machine *machine;

	use_root(unit);
	assert_ok(unit, crashres_machine_read(unit->ctx, &machine));
	return machine;
}

/* Writes a DTB whose only node is /psci with the method hvc. */
static void write_dtb(struct unit *unit)
{
	uint8_t dtb[2048];

	assert_int_equal(fdt_create(dtb, sizeof(dtb)), 0);
	fdt_finish_reservemap(dtb);
	fdt_begin_node(dtb, "");
	fdt_begin_node(dtb, "psci");
	fdt_property_string(dtb, "method", "hvc");
	fdt_end_node(dtb);
	fdt_end_node(dtb);
	assert_int_equal(fdt_finish(dtb), 0);
	unit_write(unit, "sys/firmware/fdt", dtb, fdt_totalsize(dtb));
}

/*
 * Writes the head of a /proc/kcore: ELF header, one PT_LOAD of the linear map, VMCOREINFO with
 * 64 KiB pages. Returns its size in bytes.
 */
static size_t make_kcore(uint8_t *core)
{
	/* Notes are padded to 4 bytes. */
	static const char text[] = "PAGESIZE=65536\nNUMBER(kimage_voffset)=0xffff7fffc0000000\n\n\n\n";
	const size_t length = crs_align_down(sizeof(text), 4);
	Elf64_Ehdr ehdr = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_CORE, .e_machine = EM_AARCH64, .e_version = EV_CURRENT,
		.e_phoff = 64, .e_ehsize = 64, .e_phentsize = 56, .e_phnum = 2,
	};
	Elf64_Phdr phdrs[2] = {
		{ .p_type = PT_NOTE, .p_offset = 64 + 2 * 56, .p_filesz = 12 + 12 + length },
		{ .p_type = PT_LOAD, .p_paddr = 0x40000000, .p_vaddr = 0xffff000000000000,
		  .p_offset = 1 << 20, .p_filesz = 0x10000000, .p_memsz = 0x10000000 },
	};
	Elf64_Nhdr note = { .n_namesz = 11, .n_descsz = length };

	memcpy(core, &ehdr, 64);
	memcpy(core + 64, phdrs, sizeof(phdrs));
	memcpy(core + 64 + 112, &note, sizeof(note));
	memcpy(core + 64 + 112 + 12, "VMCOREINFO\0", 12);
	memcpy(core + 64 + 112 + 24, text, length);
	return 64 + 112 + 24 + length;
}

/* Replaces the file @name by a FIFO. */
static void write_fifo(struct unit *unit, const char *name)
{
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, name);

	unit_write_text(unit, name, "");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
}

/* Writes address (hexadecimal) and size (decimal) of the notes of a CPU. NULL: no file. */
static void write_cpu(struct unit *unit, const char *name, const char *notes, const char *size)
{
	char path[128];

	snprintf(path, sizeof(path), "sys/devices/system/cpu/%s/crash_notes", name);
	if (notes)
		unit_write_text(unit, path, notes);
	snprintf(path, sizeof(path), "sys/devices/system/cpu/%s/crash_notes_size", name);
	if (size)
		unit_write_text(unit, path, size);
}

static void test_complete_machine_is_read(void **state)
{
	struct unit *unit = *state;
	struct crashres_machine *machine;
	const struct crashres_range *regions;
	uint8_t core[1024];
	size_t count, core_size = make_kcore(core);

	unit_write_text(unit, "proc/iomem", IOMEM);
	unit_write_text(unit, "proc/cmdline", "root=/dev/vda1 crashkernel=1G,high quiet\n");
	unit_write(unit, "proc/kcore", core, core_size);
	unit_write_text(unit, "sys/kernel/vmcoreinfo", "0x0000000041234000 1024\n");
	write_cpu(unit, "cpu0", "1fff0a3c0\n", "392\n");
	write_dtb(unit);
	machine = read_machine(unit);
	regions = crashres_machine_regions(machine, &count);
	assert_int_equal(count, 2);
	assert_range(regions[0], 0x1e0000000, 0x20000000);
	assert_range(regions[1], 0x50000000, 0x10000000);
	assert_string_equal(machine->cmdline, "root=/dev/vda1 crashkernel=1G,high quiet");
	assert_range(machine->vmcoreinfo, 0x41234000, 0x1024);
	assert_int_equal(machine->cpu_notes.count, 1);
	assert_range(machine->cpu_notes.items[0], 0x1fff0a3c0, 392);
	assert_true(machine->kcore.linear_known && machine->kcore.image_known);
	assert_int_equal(machine->kcore.linear_offset, 0xffff000000000000 - 0x40000000);
	assert_int_equal(crashres_machine_page_size(machine), 65536);
	assert_non_null(machine->dtb);
	assert_int_equal(fdt_check_full(machine->dtb, machine->dtb_size), 0);
	assert_int_equal(machine->firmware.conduit, PURGATORY_CONDUIT_HVC);
	assert_int_equal(machine->firmware.uart, PURGATORY_UART_NONE);
	crashres_machine_free(machine);
}

/* All parts of the machine are present. */
static void test_public_functions_return_each_part_of_a_machine(void **state)
{
	struct unit *unit = *state;
	struct crashres_machine *machine;
	const struct crashres_range *ranges;
	uint8_t core[1024];
	size_t count, core_size = make_kcore(core);

	unit_write_text(unit, "proc/iomem", IOMEM);
	unit_write_text(unit, "proc/cmdline", "a  b\r \n\n");
	unit_write(unit, "proc/kcore", core, core_size);
	unit_write_text(unit, "sys/kernel/vmcoreinfo", "0x0000000041234000 1024\n");
	unit_write_text(unit, "sys/kernel/crash_elfcorehdr_size", "131072\n");
	write_cpu(unit, "cpu0", "1fff0a3c0\n", "392\n");
	write_cpu(unit, "cpu1", "1fff1a3c0\n", "392\n");
	machine = read_machine(unit);
	ranges = crashres_machine_ram(machine, &count);
	assert_int_equal(count, 3);
	assert_range(ranges[0], 0x40000000, 0x10000000);
	assert_range(ranges[1], 0x60000000, 0x60000000);
	assert_range(ranges[2], 0x100000000, 0xe0000000);
	ranges = crashres_machine_cpu_notes(machine, &count);
	assert_int_equal(count, 2);
	assert_range(ranges[0], 0x1fff0a3c0, 392);
	assert_range(ranges[1], 0x1fff1a3c0, 392);
	assert_range(crashres_machine_vmcoreinfo(machine), 0x41234000, 0x1024);
	assert_int_equal(crashres_machine_elfcorehdr_size(machine), 131072);
	/* Only the newline that the kernel adds is removed. */
	assert_string_equal(crashres_machine_command_line(machine), "a  b\r \n");
	assert_int_equal(crashres_machine_missing_dump_parts(machine), 0);
	crashres_machine_free(machine);
}

static void test_public_functions_return_nothing_for_a_hidden_machine(void **state)
{
	struct unit *unit = *state;
	struct crashres_machine *machine;
	size_t count = 77;

	unit_write_text(unit, "proc/iomem", "00000000-00000000 : System RAM\n");
	machine = read_machine(unit);
	crashres_machine_ram(machine, &count);
	assert_int_equal(count, 0);
	count = 77;
	crashres_machine_cpu_notes(machine, &count);
	assert_int_equal(count, 0);
	assert_range(crashres_machine_vmcoreinfo(machine), 0, 0);
	assert_int_equal(crashres_machine_elfcorehdr_size(machine), 0);
	assert_null(crashres_machine_command_line(machine));
	assert_int_equal(crashres_machine_missing_dump_parts(machine), 31);
	crashres_machine_free(machine);
}

/*
 * The return value is a set of bits: 2 CPU notes, 4 VMCOREINFO, 8 linear addresses, 16 kernel
 * addresses; 1 is RAM.
 */
static void test_missing_parts_of_a_dump_are_named(void **state)
{
	struct unit *unit = *state;
	struct crashres_machine *machine;
	uint8_t core[1024];

	unit_write_text(unit, "proc/iomem", IOMEM);
	machine = read_machine(unit);
	assert_int_equal(crashres_machine_missing_dump_parts(machine), 2 | 4 | 8 | 16);
	crashres_machine_free(machine);
	write_cpu(unit, "cpu0", "1fff0a3c0\n", "392\n");
	machine = read_machine(unit);
	assert_int_equal(crashres_machine_missing_dump_parts(machine), 4 | 8 | 16);
	crashres_machine_free(machine);
	unit_write(unit, "proc/kcore", core, make_kcore(core));
	machine = read_machine(unit);
	assert_int_equal(crashres_machine_missing_dump_parts(machine), 4);
	crashres_machine_free(machine);
	assert_string_equal(crashres_dump_part_name(CRASHRES_DUMP_RAM), "RAM");
	assert_string_equal(crashres_dump_part_name(CRASHRES_DUMP_CPU_NOTES), "registers of the CPUs");
	assert_string_equal(crashres_dump_part_name(CRASHRES_DUMP_VMCOREINFO), "VMCOREINFO");
	assert_string_equal(crashres_dump_part_name(CRASHRES_DUMP_LINEAR_ADDRESSES),
			    "virtual addresses of RAM");
	assert_string_equal(crashres_dump_part_name(CRASHRES_DUMP_KERNEL_ADDRESSES),
			    "virtual addresses of the kernel");
	assert_null(crashres_dump_part_name((enum crashres_dump_part)3));
}

static void test_missing_optional_files_are_no_error(void **state)
{
	struct unit *unit = *state;
	struct crashres_machine *machine;
	size_t count = 77;

	unit_write_text(unit, "proc/iomem", "40000000-bfffffff : System RAM\n");
	machine = read_machine(unit);
	crashres_machine_regions(machine, &count);
	assert_int_equal(count, 0);
	assert_null(machine->cmdline);
	assert_null(machine->dtb);
	assert_int_equal(machine->cpu_notes.count, 0);
	assert_range(machine->vmcoreinfo, 0, 0);
	assert_false(machine->kcore.linear_known || machine->kcore.image_known);
	assert_int_equal(crashres_machine_page_size(machine), 4096);
	assert_int_equal(machine->firmware.uart, PURGATORY_UART_NONE);
	assert_int_equal(machine->firmware.conduit, PURGATORY_CONDUIT_UNKNOWN);
	assert_true(unit_logged(unit, "info: skipped: cannot open /proc/cmdline: No such file or directory"));
	assert_true(unit_logged(unit, "info: skipped: cannot open /proc/kcore: No such file or directory"));
	assert_true(unit_logged(unit, "info: skipped: cannot open /sys/kernel/vmcoreinfo: "
				      "No such file or directory"));
	assert_true(unit_logged(unit, "info: skipped: cannot open /sys/firmware/fdt: "
				      "No such file or directory"));
	assert_true(unit_logged(unit, "info: skipped: cannot open /proc/device-tree: "
				      "No such file or directory"));
	assert_true(unit_logged(unit, "info: the page size is unknown: 4 KiB is assumed"));
	crashres_machine_free(machine);
}

/* Asserts that reading the machine fails with @status and @sentence. */
static void refuse(struct unit *unit, enum crashres_status status, const char *sentence)
{
	struct crashres_machine *machine = UNTOUCHED;

	use_root(unit);
	assert_fails(unit, crashres_machine_read(unit->ctx, &machine), status, sentence);
	assert_ptr_equal(machine, UNTOUCHED);
}

static void test_missing_or_malformed_iomem_is_an_error(void **state)
{
	struct unit *unit = *state;

	refuse(unit, CRASHRES_ERR_OS, "cannot open /proc/iomem: No such file or directory");
	unit_write_text(unit, "proc/iomem", "40000000-bfffffff : System RAM\nrubbish\n");
	refuse(unit, CRASHRES_ERR_FORMAT, "/proc/iomem: line 2 is not a resource: \"rubbish\"");
	crashres_machine_free(NULL);
}

/* open(2) of a FIFO without a writer would block forever. The alarm ends a program that waits. */
static void test_fifos_are_not_waited_for(void **state)
{
	static const char *const names[] = {
		"proc/cmdline", "proc/kcore", "sys/kernel/vmcoreinfo", "sys/firmware/fdt",
		"sys/devices/system/cpu/cpu0/crash_notes",
	};
	struct unit *unit = *state;
	struct crashres_machine *machine;

	alarm(60);
	unit_write_text(unit, "proc/iomem", IOMEM);
	for (size_t i = 0; i < COUNT(names); i++)
		write_fifo(unit, names[i]);
	machine = read_machine(unit);
	for (size_t i = 0; i < COUNT(names); i++) {
		char line[128];

		snprintf(line, sizeof(line), "info: skipped: /%s is a FIFO, not a regular file", names[i]);
		assert_true(unit_logged(unit, line));
	}
	crashres_machine_free(machine);
	write_fifo(unit, "proc/iomem");
	refuse(unit, CRASHRES_ERR_FORMAT, "/proc/iomem is a FIFO, not a regular file");
	alarm(0);
}

static void test_cpu_notes_are_in_numeric_order(void **state)
{
	static const unsigned int cpus[] = { 10, 2, 0, 11, 9, 100, 1000, 21 };
	static const unsigned int sorted[] = { 0, 2, 9, 10, 11, 21, 100, 1000 };
	struct unit *unit = *state;
	struct crashres_machine *machine;

	unit_write_text(unit, "proc/iomem", IOMEM);
	for (size_t i = 0; i < COUNT(cpus); i++) {
		char name[16], address[32];

		snprintf(name, sizeof(name), "cpu%u", cpus[i]);
		snprintf(address, sizeof(address), "%x\n", 0x10000 * (cpus[i] + 1));
		write_cpu(unit, name, address, "392\n");
	}
	machine = read_machine(unit);
	assert_int_equal(machine->cpu_notes.count, COUNT(sorted));
	for (size_t i = 0; i < COUNT(sorted); i++)
		assert_range(machine->cpu_notes.items[i], 0x10000 * (sorted[i] + 1), 392);
	crashres_machine_free(machine);
}

static void test_cpus_without_valid_notes_are_left_out(void **state)
{
	struct unit *unit = *state;
	struct crashres_machine *machine;

	unit_write_text(unit, "proc/iomem", IOMEM);
	write_cpu(unit, "cpu0", NULL, "392\n");			/* offline: no address */
	write_cpu(unit, "cpu1", "1000\n", NULL);
	write_cpu(unit, "cpu2", "garbage\n", "392\n");
	write_cpu(unit, "cpu3", "3000\n", "garbage\n");
	write_cpu(unit, "cpu4", "4000\n", "0\n");
	write_cpu(unit, "cpu5", "ffffffffffffffff\n", "392\n");	/* base + size wraps */
	write_cpu(unit, "cpu6", "11112222333344445555\n", "392\n");
	write_cpu(unit, "cpu7", "", "");
	write_cpu(unit, "cpu8", "8000\n", "392\n");
	write_cpu(unit, "cpu9x", "9000\n", "392\n");
	write_cpu(unit, "cpufreq", "9000\n", "392\n");
	write_cpu(unit, "cpu", "9000\n", "392\n");
	write_cpu(unit, "xcpu1", "9000\n", "392\n");
	machine = read_machine(unit);
	assert_int_equal(machine->cpu_notes.count, 1);
	assert_range(machine->cpu_notes.items[0], 0x8000, 392);
	crashres_machine_free(machine);
}

static void test_malformed_vmcoreinfo_is_ignored(void **state)
{
	static const char *const texts[] = {
		"", "\n", "garbage\n", "0x41234000\n", "0x41234000 zz\n", "zz 1000\n",
		"0xfffffffffffff000 2000\n", "0x11112222333344445 1000\n",
	};
	struct unit *unit = *state;

	unit_write_text(unit, "proc/iomem", IOMEM);
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct crashres_machine *machine;

		unit_write_text(unit, "sys/kernel/vmcoreinfo", texts[i]);
		machine = read_machine(unit);
		assert_range(machine->vmcoreinfo, 0, 0);
		crashres_machine_free(machine);
	}
}

/* A copied /proc/kcore can end at any byte. */
static void test_truncated_kcore_is_tolerated(void **state)
{
	struct unit *unit = *state;
	uint8_t core[1024];
	size_t size = make_kcore(core);

	unit_write_text(unit, "proc/iomem", IOMEM);
	for (size_t cut = 0; cut < size; cut += 5) {
		struct crashres_machine *machine;

		unit_write(unit, "proc/kcore", core, cut);
		machine = read_machine(unit);
		assert_false(machine->kcore.image_known);
		crashres_machine_free(machine);
	}
}

static void test_kcore_that_is_not_a_core_is_warned_of(void **state)
{
	struct unit *unit = *state;
	struct crashres_machine *machine;
	uint8_t zeros[4096] = { 0 };

	unit_write_text(unit, "proc/iomem", IOMEM);
	unit_write(unit, "proc/kcore", zeros, sizeof(zeros));
	machine = read_machine(unit);
	assert_false(machine->kcore.linear_known || machine->kcore.image_known);
	assert_true(unit_logged(unit, "warning: /proc/kcore is not a 64-bit ELF core"));
	crashres_machine_free(machine);
}

static void test_total_ram_is_read_from_meminfo(void **state)
{
	/* Columns: text of /proc/meminfo, RAM in bytes (0: unknown). */
	static const struct {
		const char *text;
		uint64_t bytes;
	} cases[] = {
		{ "MemTotal:        6086520 kB\nMemFree: 5000 kB\n", 6086520ULL << 10 },
		{ "MemTotal: 1 kB\n", 1024 },
		{ "MemFree: 5000 kB\nMemTotal: 1 kB\n", 0 },
		{ "MemTotal: 1 MB\n", 0 },
		{ "MemTotal: 18014398509481984 kB\n", 0 },
		{ "MemTotal: 99999999999999999999 kB\n", 0 },
		{ "MemTotal:", 0 },
		{ "", 0 },
	};
	struct unit *unit = *state;

	unit_write_text(unit, "proc/iomem", IOMEM);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct crashres_machine *machine;

		unit_write_text(unit, "proc/meminfo", cases[i].text);
		machine = read_machine(unit);
		assert_int_equal(machine->total_ram, cases[i].bytes);
		crashres_machine_free(machine);
	}
}

static void test_only_arm64_page_sizes_are_accepted(void **state)
{
	/*
	 * Columns: five digits of PAGESIZE in VMCOREINFO, expected page size in bytes. 4096 is
	 * also the default for impossible sizes.
	 */
	static const struct {
		const char *text;
		uint64_t size;
	} cases[] = {
		{ "04096", 4096 }, { "16384", 16384 }, { "65536", 65536 }, { "08192", 4096 },
		{ "00000", 4096 }, { "99999", 4096 },
	};
	struct unit *unit = *state;
	uint8_t core[1024];
	size_t size = make_kcore(core);

	unit_write_text(unit, "proc/iomem", IOMEM);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct crashres_machine *machine;

		memcpy(core + 64 + 112 + 24 + strlen("PAGESIZE="), cases[i].text, 5);
		unit_write(unit, "proc/kcore", core, size);
		machine = read_machine(unit);
		assert_int_equal(crashres_machine_page_size(machine), cases[i].size);
		crashres_machine_free(machine);
	}
}

static void test_acpi_tables_fill_what_the_device_tree_lacks(void **state)
{
	struct unit *unit = *state;
	struct crashres_machine *machine;
	uint8_t spcr[80] = "SPCR", fadt[276] = "FACP";

	spcr[36] = 0x0e;
	unit_put_le(spcr + 44, 8, 0x9000000);
	fadt[129] = 1;
	unit_write_text(unit, "proc/iomem", IOMEM);
	unit_write(unit, "sys/firmware/acpi/tables/SPCR", spcr, sizeof(spcr));
	unit_write(unit, "sys/firmware/acpi/tables/FACP", fadt, sizeof(fadt));
	machine = read_machine(unit);
	assert_int_equal(machine->firmware.uart, PURGATORY_UART_PL011);
	assert_int_equal(machine->firmware.uart_base, 0x9000000);
	assert_int_equal(machine->firmware.conduit, PURGATORY_CONDUIT_SMC);
	crashres_machine_free(machine);
	/* Values of the device tree take precedence. */
	write_dtb(unit);
	machine = read_machine(unit);
	assert_int_equal(machine->firmware.conduit, PURGATORY_CONDUIT_HVC);
	assert_int_equal(machine->firmware.uart_base, 0x9000000);
	crashres_machine_free(machine);
}

/* Writes a machine whose device tree exists only as folders and files. */
static void write_tree(struct unit *unit)
{
#define TREE "sys/firmware/devicetree/base/"
	unit_write_text(unit, "proc/iomem", IOMEM);
	unit_write(unit, TREE "psci/method", "smc", 4);
	unit_write(unit, TREE "memory/device_type", "memory", 7);
}

/* Asserts that the machine has a DTB that was made from these folders. */
static void check_flattened(struct unit *unit)
{
	struct crashres_machine *machine = read_machine(unit);

	assert_true(machine->dtb_is_rebuilt);
	assert_int_equal(fdt_check_full(machine->dtb, machine->dtb_size), 0);
	assert_true(fdt_path_offset(machine->dtb, "/memory") >= 0);
	assert_int_equal(machine->firmware.conduit, PURGATORY_CONDUIT_SMC);
	crashres_machine_free(machine);
}

static void test_proc_device_tree_is_flattened_if_there_is_no_blob(void **state)
{
	struct unit *unit = *state;
	struct crashres_machine *machine;

	write_tree(unit);
	check_flattened(unit);
	/* An empty file counts as missing. */
	unit_write_text(unit, "sys/firmware/fdt", "");
	check_flattened(unit);
	assert_true(unit_logged(unit, "info: skipped: /sys/firmware/fdt is empty"));
	write_dtb(unit);
	machine = read_machine(unit);
	assert_false(machine->dtb_is_rebuilt);
	assert_int_equal(machine->firmware.conduit, PURGATORY_CONDUIT_HVC);
	crashres_machine_free(machine);
}

/* Writes a machine whose SPCR names a PL011 at 0x9000000. */
static void write_machine_with_spcr(struct unit *unit)
{
	uint8_t spcr[80] = "SPCR";

	spcr[36] = 0x03;
	unit_put_le(spcr + 44, 8, 0x9000000);
	unit_write_text(unit, "proc/iomem", IOMEM);
	unit_write(unit, "sys/firmware/acpi/tables/SPCR", spcr, sizeof(spcr));
}

static void test_uart_without_a_listed_console_is_not_used(void **state)
{
	struct unit *unit = *state;
	struct crashres_machine *machine;

	write_machine_with_spcr(unit);
	unit_write_text(unit, "proc/consoles", "tty0                 -WU (EC p  )    4:2\n");
	machine = read_machine(unit);
	assert_int_equal(machine->firmware.uart, PURGATORY_UART_NONE);
	assert_true(unit_logged(unit, "info: purgatory has no console: neither stdout-path nor SPCR "
				"names a PL011 or 16550 that /proc/consoles lists"));
	crashres_machine_free(machine);
	unit_write_text(unit, "proc/consoles", "ttyAMA0              -W- (EC   a)  204:64\n");
	machine = read_machine(unit);
	assert_int_equal(machine->firmware.uart, PURGATORY_UART_PL011);
	crashres_machine_free(machine);
}

static void test_named_tty_replaces_the_uart_of_the_firmware(void **state)
{
	struct unit *unit = *state;
	struct crashres_machine *machine;

	write_machine_with_spcr(unit);
	unit_write_text(unit, "sys/class/tty/ttyS0/type", "4\n");
	unit_write_text(unit, "sys/class/tty/ttyS0/io_type", "3\n");
	unit_write_text(unit, "sys/class/tty/ttyS0/iomem_base", "0xFE660000\n");
	unit_write_text(unit, "sys/class/tty/ttyS0/iomem_reg_shift", "2\n");
	machine = read_machine(unit);
	assert_true(unit_logged(unit, "info: purgatory's console is a PL011 at 0x9000000"));
	assert_fails(unit, crashres_machine_set_serial(unit->ctx, machine, "ttyS1"),
		     CRASHRES_ERR_OS, "cannot open /sys/class/tty/ttyS1: No such file or directory");
	assert_int_equal(machine->firmware.uart, PURGATORY_UART_PL011);
	assert_ok(unit, crashres_machine_set_serial(unit->ctx, machine, "ttyS0"));
	assert_int_equal(machine->firmware.uart, PURGATORY_UART_16550);
	assert_int_equal(machine->firmware.uart_base, 0xfe660000);
	assert_true(unit_logged(unit, "info: purgatory's console is a 16550 at 0xfe660000, one "
				      "register every 4 bytes, accesses of 4 bytes"));
	crashres_machine_free(machine);
}

static void test_hidden_regions_are_not_missing_regions(void **state)
{
	struct unit *unit = *state;
	struct crashres_machine *machine;
	size_t count;

	unit_write_text(unit, "proc/iomem", "00000000-00000000 : System RAM\n"
					    "  00000000-00000000 : Crash kernel\n");
	machine = read_machine(unit);
	assert_true(machine->iomem.hidden);
	crashres_machine_regions(machine, &count);
	assert_int_equal(count, 0);
	/* Hidden regions do not count as missing. */
	assert_ok(unit, crashres_machine_check_reserved(unit->ctx, machine));
	crashres_machine_free(machine);
}

/* Asserts whether a kernel is loaded in each slot. */
static void check_loaded(struct unit *unit, bool normal, bool crash)
{
	bool loaded;

	assert_ok(unit, crashres_loaded(unit->ctx, CRASHRES_SLOT_NORMAL, &loaded));
	assert_int_equal(loaded, normal);
	assert_ok(unit, crashres_loaded(unit->ctx, CRASHRES_SLOT_CRASH, &loaded));
	assert_int_equal(loaded, crash);
}

static void test_newer_name_of_the_loaded_file_takes_precedence(void **state)
{
	struct unit *unit = *state;

	unit_write_text(unit, "sys/kernel/kexec_loaded", "0\n");
	unit_write_text(unit, "sys/kernel/kexec_crash_loaded", "1\n");
	use_root(unit);
	check_loaded(unit, false, true);
	/* The newer names take precedence. */
	unit_write_text(unit, "sys/kernel/kexec/loaded", "1\n");
	unit_write_text(unit, "sys/kernel/kexec/crash_loaded", "0");
	check_loaded(unit, true, false);
}

static void test_missing_or_malformed_loaded_file_is_an_error(void **state)
{
	static const char *const texts[] = { "", "\n", "2\n", "10\n", "00\n", "yes\n", " 1\n", "-1" };
	struct unit *unit = *state;
	bool loaded;

	mark_untouched(loaded);
	unit_write_text(unit, "other", "");
	use_root(unit);
	assert_fails(unit, crashres_loaded(unit->ctx, CRASHRES_SLOT_CRASH, &loaded), CRASHRES_ERR_OS,
		     "cannot open /sys/kernel/kexec_crash_loaded: No such file or directory");
	for (size_t i = 0; i < COUNT(texts); i++) {
		unit_write_text(unit, "sys/kernel/kexec_crash_loaded", texts[i]);
		assert_fails(unit, crashres_loaded(unit->ctx, CRASHRES_SLOT_CRASH, &loaded),
			     CRASHRES_ERR_FORMAT,
			     "/sys/kernel/kexec_crash_loaded contains neither 0 nor 1");
		unit_write_text(unit, "sys/kernel/kexec/loaded", texts[i]);
		assert_fails(unit, crashres_loaded(unit->ctx, CRASHRES_SLOT_NORMAL, &loaded),
			     CRASHRES_ERR_FORMAT,
			     "/sys/kernel/kexec/loaded contains neither 0 nor 1");
	}
	assert_untouched(loaded);
}

/* Without CONFIG_KEXEC_CORE neither name of the file exists. */
static void test_kernel_without_kexec_is_reported(void **state)
{
	struct unit *unit = *state;
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, "sys/kernel/kexec_loaded");
	bool loaded;

	mark_untouched(loaded);
	unit_write_text(unit, "sys/kernel/vmcoreinfo", "");
	use_root(unit);
	assert_fails(unit, crashres_loaded(unit->ctx, CRASHRES_SLOT_NORMAL, &loaded),
		     CRASHRES_ERR_UNSUPPORTED, "the running kernel has no kexec support: neither "
		     "/sys/kernel/kexec/loaded nor /sys/kernel/kexec_loaded exists");
	assert_fails(unit, crashres_loaded(unit->ctx, CRASHRES_SLOT_CRASH, &loaded),
		     CRASHRES_ERR_UNSUPPORTED, "the running kernel has no kexec support: neither "
		     "/sys/kernel/kexec/crash_loaded nor /sys/kernel/kexec_crash_loaded exists");
	assert_untouched(loaded);
	/* A file that exists but cannot be read proves nothing about the kernel. */
	assert_int_equal(symlink("kexec_loaded", path), 0);
	assert_fails(unit, crashres_loaded(unit->ctx, CRASHRES_SLOT_NORMAL, &loaded), CRASHRES_ERR_OS,
		     "cannot open /sys/kernel/kexec_loaded: Too many levels of symbolic links");
}

/* If the file marks no level, or an unknown one, the answer is unknown. */
static void test_lockdown_level_is_read(void **state)
{
	static const struct {
		const char *text;
		enum crashres_answer locked_down;
	} cases[] = {
		{ "[none] integrity confidentiality\n", CRASHRES_ANSWER_NO },
		{ "none [integrity] confidentiality\n", CRASHRES_ANSWER_YES },
		{ "none integrity [confidentiality]\n", CRASHRES_ANSWER_YES },
		{ "", CRASHRES_ANSWER_UNKNOWN },
		{ "\n", CRASHRES_ANSWER_UNKNOWN },
		{ "none integrity confidentiality\n", CRASHRES_ANSWER_UNKNOWN },
		{ "none integrity [other]\n", CRASHRES_ANSWER_UNKNOWN },
		{ "[none] [integrity] confidentiality\n", CRASHRES_ANSWER_UNKNOWN },
	};
	struct unit *unit = *state;
	struct crashres_machine *machine;

	unit_write_text(unit, "proc/iomem", IOMEM);
	machine = read_machine(unit);
	assert_int_equal(machine->permissions.locked_down, CRASHRES_ANSWER_UNKNOWN);
	crashres_machine_free(machine);
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_write_text(unit, "sys/kernel/security/lockdown", cases[i].text);
		machine = read_machine(unit);
		assert_int_equal(machine->permissions.locked_down, cases[i].locked_down);
		crashres_machine_free(machine);
	}
}

static void test_ima_policy_shows_if_kernels_are_appraised(void **state)
{
	/* Columns: text of the IMA policy, whether it demands signed kernels. */
	static const struct {
		const char *policy;
		bool appraised;
	} cases[] = {
		{ "", false },
		{ "measure func=KEXEC_KERNEL_CHECK\n", false },
		{ "dont_appraise func=KEXEC_KERNEL_CHECK\n", false },
		{ "appraise func=MODULE_CHECK appraise_type=imasig\nmeasure func=KEXEC_KERNEL_CHECK\n",
		  false },
		{ "measure func=FILE_CHECK\nappraise func=KEXEC_KERNEL_CHECK appraise_type=imasig\n",
		  true },
		{ "appraise func=KEXEC_KERNEL_CHECK", true },
	};
	struct unit *unit = *state;

	unit_write_text(unit, "proc/iomem", IOMEM);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct crashres_machine *machine;

		unit_write_text(unit, "sys/kernel/security/ima/policy", cases[i].policy);
		machine = read_machine(unit);
		if (machine->permissions.appraised !=
		    (cases[i].appraised ? CRASHRES_ANSWER_YES : CRASHRES_ANSWER_NO))
			fail_msg("%s", cases[i].policy);
		crashres_machine_free(machine);
	}
}

/*
 * An unlimited kernel shows -1. Unreadable text counts as unlimited, because the kernel decides
 * in the end.
 */
static void test_kexec_sysctls_are_read(void **state)
{
	/* Columns: text of kexec_load_limit_panic, calls that are left. */
	static const struct {
		const char *text;
		uint64_t left;
	} limits[] = {
		{ "-1\n", UINT64_MAX }, { "0\n", 0 }, { "1\n", 1 }, { "2147483647\n", 2147483647 },
		{ "\n", UINT64_MAX }, { "99999999999999999999\n", UINT64_MAX },
	};
	struct crashres_permissions permissions = CRASHRES_PERMISSIONS_INIT;
	struct unit *unit = *state;
	struct crashres_machine *machine;

	unit_write_text(unit, "proc/iomem", IOMEM);
	machine = read_machine(unit);
	assert_ok(unit, crashres_machine_permissions(unit->ctx, machine, &permissions));
	assert_int_equal(permissions.load_disabled, CRASHRES_ANSWER_UNKNOWN);
	assert_int_equal(permissions.crash_calls_left, UINT64_MAX);
	assert_int_equal(permissions.normal_calls_left, UINT64_MAX);
	crashres_machine_free(machine);
	for (size_t i = 0; i < COUNT(limits); i++) {
		unit_write_text(unit, "proc/sys/kernel/kexec_load_limit_panic", limits[i].text);
		unit_write_text(unit, "proc/sys/kernel/kexec_load_limit_reboot", "7\n");
		unit_write_text(unit, "proc/sys/kernel/kexec_load_disabled", i ? "1\n" : "0\n");
		machine = read_machine(unit);
		assert_ok(unit, crashres_machine_permissions(unit->ctx, machine, &permissions));
		assert_int_equal(permissions.crash_calls_left, limits[i].left);
		assert_int_equal(permissions.normal_calls_left, 7);
		assert_int_equal(permissions.load_disabled,
				 i ? CRASHRES_ANSWER_YES : CRASHRES_ANSWER_NO);
		crashres_machine_free(machine);
	}
}

/* CAP_SYS_BOOT is bit 22. */
static void test_capability_of_this_process_is_read(void **state)
{
	static const struct {
		const char *text;
		enum crashres_answer privileged;
	} cases[] = {
		{ "Name:\tkexec\nCapEff:\t000001ffffffffff\n", CRASHRES_ANSWER_YES },
		{ "Name:\tkexec\nCapEff:\t0000000000400000\n", CRASHRES_ANSWER_YES },
		{ "Name:\tkexec\nCapPrm:\t000001ffffffffff\nCapEff:\t0000000000000000\n",
		  CRASHRES_ANSWER_NO },
		{ "Name:\tCapEff:\t000001ffffffffff\n", CRASHRES_ANSWER_UNKNOWN },
		{ "", CRASHRES_ANSWER_UNKNOWN },
	};
	struct unit *unit = *state;

	unit_write_text(unit, "proc/iomem", IOMEM);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct crashres_machine *machine;

		unit_write_text(unit, "proc/self/status", cases[i].text);
		machine = read_machine(unit);
		assert_int_equal(machine->permissions.privileged, cases[i].privileged);
		crashres_machine_free(machine);
	}
}

static void test_elfcorehdr_size_is_read_from_sysfs(void **state)
{
	struct unit *unit = *state;
	struct crashres_machine *machine;

	unit_write_text(unit, "proc/iomem", IOMEM);
	machine = read_machine(unit);
	assert_int_equal(machine->elfcorehdr_size, 0);
	crashres_machine_free(machine);
	unit_write_text(unit, "sys/kernel/crash_elfcorehdr_size", "131072\n");
	machine = read_machine(unit);
	assert_int_equal(machine->elfcorehdr_size, 131072);
	crashres_machine_free(machine);
	unit_write_text(unit, "sys/kernel/kexec/crash_elfcorehdr_size", "65536\n");
	machine = read_machine(unit);
	assert_int_equal(machine->elfcorehdr_size, 65536);
	crashres_machine_free(machine);
}

static void test_retained_initrd_is_read(void **state)
{
	struct unit *unit = *state;
	struct crashres_input *initrd = UNTOUCHED;

	use_root(unit);
	assert_fails(unit, crashres_machine_initrd(unit->ctx, &initrd), CRASHRES_ERR_OS,
		     "the running kernel kept no initrd (this needs retain_initrd and Linux 6.8): "
		     "cannot open /sys/firmware/initrd: No such file or directory");
	assert_ptr_equal(initrd, UNTOUCHED);
	unit_write_text(unit, "sys/firmware/initrd", "kept");
	assert_ok(unit, crashres_machine_initrd(unit->ctx, &initrd));
	assert_int_equal(initrd->size, 4);
	assert_memory_equal(initrd->data, "kept", 4);
	assert_string_equal(initrd->name, "/sys/firmware/initrd");
	crashres_input_close(initrd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_complete_machine_is_read),
		UNIT_TEST(test_public_functions_return_each_part_of_a_machine),
		UNIT_TEST(test_public_functions_return_nothing_for_a_hidden_machine),
		UNIT_TEST(test_missing_parts_of_a_dump_are_named),
		UNIT_TEST(test_missing_optional_files_are_no_error),
		UNIT_TEST(test_missing_or_malformed_iomem_is_an_error),
		UNIT_TEST(test_fifos_are_not_waited_for),
		UNIT_TEST(test_cpu_notes_are_in_numeric_order),
		UNIT_TEST(test_cpus_without_valid_notes_are_left_out),
		UNIT_TEST(test_malformed_vmcoreinfo_is_ignored),
		UNIT_TEST(test_truncated_kcore_is_tolerated),
		UNIT_TEST(test_kcore_that_is_not_a_core_is_warned_of),
		UNIT_TEST(test_total_ram_is_read_from_meminfo),
		UNIT_TEST(test_only_arm64_page_sizes_are_accepted),
		UNIT_TEST(test_acpi_tables_fill_what_the_device_tree_lacks),
		UNIT_TEST(test_proc_device_tree_is_flattened_if_there_is_no_blob),
		UNIT_TEST(test_uart_without_a_listed_console_is_not_used),
		UNIT_TEST(test_named_tty_replaces_the_uart_of_the_firmware),
		UNIT_TEST(test_hidden_regions_are_not_missing_regions),
		UNIT_TEST(test_newer_name_of_the_loaded_file_takes_precedence),
		UNIT_TEST(test_missing_or_malformed_loaded_file_is_an_error),
		UNIT_TEST(test_kernel_without_kexec_is_reported),
		UNIT_TEST(test_lockdown_level_is_read),
		UNIT_TEST(test_ima_policy_shows_if_kernels_are_appraised),
		UNIT_TEST(test_capability_of_this_process_is_read),
		UNIT_TEST(test_kexec_sysctls_are_read),
		UNIT_TEST(test_elfcorehdr_size_is_read_from_sysfs),
		UNIT_TEST(test_retained_initrd_is_read),
	};

	return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}
