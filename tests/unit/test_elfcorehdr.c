/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests the elfcorehdr (plan/elfcorehdr.c), which the capture kernel shows as /proc/vmcore. A
 * wrong program makes a dump without registers, without RAM or with wrong addresses.
 */
#include <gelf.h>

#include "../../libcrashres/plan/elfcorehdr.h"
#include "support.h"

/* Virtual minus physical address: linear map, kernel image. */
#define LINEAR	0xfffeffffc0000000ULL
#define IMAGE	0xffff7fffc0000000ULL

/* The core that the library made, as libelf reads it. */
struct core {
	uint8_t *data;
	size_t size;
	Elf *elf;
	GElf_Phdr phdrs[16];
	size_t count;
};

/* Makes the elfcorehdr of @machine and asserts its ELF header. */
static struct core make(struct unit *unit, const struct crashres_machine *machine)
{
	struct core core;
	GElf_Ehdr ehdr;

	assert_ok(unit, crs_elfcorehdr_make(unit->ctx, machine, &core.data, &core.size));
	elf_version(EV_CURRENT);
	core.elf = elf_memory((char *)core.data, core.size);
	assert_non_null(core.elf);
	assert_non_null(gelf_getehdr(core.elf, &ehdr));
	assert_memory_equal(ehdr.e_ident, "\x7f" "ELF\2\1\1\0\0\0\0\0\0\0\0\0", EI_NIDENT);
	assert_int_equal(ehdr.e_type, ET_CORE);
	assert_int_equal(ehdr.e_machine, EM_AARCH64);
	assert_int_equal(ehdr.e_version, EV_CURRENT);
	assert_int_equal(ehdr.e_ehsize, 64);
	assert_int_equal(ehdr.e_phentsize, 56);
	/*
	 * Linux ignores e_phoff and reads the table directly after the ELF header
	 * (fs/proc/vmcore.c).
	 */
	assert_int_equal(ehdr.e_phoff, 64);
	assert_int_equal(elf_getphdrnum(core.elf, &core.count), 0);
	assert_int_equal(core.size, 64 + 56 * core.count);
	for (size_t i = 0; i < core.count && i < COUNT(core.phdrs); i++)
		assert_non_null(gelf_getphdr(core.elf, (int)i, &core.phdrs[i]));
	return core;
}

static void core_free(struct core *core)
{
	elf_end(core->elf);
	free(core->data);
}

/* Asserts a program header. @base and @size: physical address and bytes. */
static void check_phdr(const GElf_Phdr *phdr, uint32_t type, uint64_t base, uint64_t size,
		       uint64_t virtual)
{
	assert_int_equal(phdr->p_type, type);
	assert_int_equal(phdr->p_offset, base);
	assert_int_equal(phdr->p_paddr, base);
	assert_int_equal(phdr->p_filesz, size);
	assert_int_equal(phdr->p_memsz, size);
	assert_int_equal(phdr->p_vaddr, virtual);
	assert_int_equal(phdr->p_flags, type == PT_LOAD ? PF_R | PF_W | PF_X : 0);
	assert_int_equal(phdr->p_align, 0);
}

/* Returns a machine with two CPUs, VMCOREINFO and two ranges of RAM. */
static struct crashres_machine small_machine(void)
{
	struct crashres_machine machine = {
		.vmcoreinfo = { 0x7000, 0x1024 },
		.regions.kernel_image = { 0x40200000, 0x1500000 },
	};

	unit_add(&machine.cpu_notes, 0x5000, 0x188);
	unit_add(&machine.cpu_notes, 0x4000, 0x188);
	unit_add(&machine.regions.ram, 0x40000000, 0x10000000);
	unit_add(&machine.regions.ram, 0x60000000, 0x1000);
	return machine;
}

static void machine_clear(struct crashres_machine *machine)
{
	crs_ranges_free(&machine->cpu_notes);
	crs_ranges_free(&machine->regions.ram);
}

static void test_known_addresses_are_in_the_program_headers(void **state)
{
	struct crashres_machine machine = small_machine();
	struct core core;

	machine.kcore = (struct crs_kcore){ true, LINEAR, true, IMAGE, 4096 };
	core = make(*state, &machine);
	assert_int_equal(core.count, 6);
	check_phdr(&core.phdrs[0], PT_NOTE, 0x5000, 0x188, 0);
	check_phdr(&core.phdrs[1], PT_NOTE, 0x4000, 0x188, 0);
	check_phdr(&core.phdrs[2], PT_NOTE, 0x7000, 0x1024, 0);
	check_phdr(&core.phdrs[3], PT_LOAD, 0x40200000, 0x1500000, 0x40200000 + IMAGE);
	check_phdr(&core.phdrs[4], PT_LOAD, 0x40000000, 0x10000000, 0x40000000 + LINEAR);
	check_phdr(&core.phdrs[5], PT_LOAD, 0x60000000, 0x1000, 0x60000000 + LINEAR);
	core_free(&core);
	machine_clear(&machine);
}

static void test_unknown_addresses_are_zero_and_the_alias_is_left_out(void **state)
{
	struct crashres_machine machine = small_machine();
	struct core core;

	/* The offsets must not be used if they are not known. */
	machine.kcore = (struct crs_kcore){ false, LINEAR, false, IMAGE, 0 };
	core = make(*state, &machine);
	assert_int_equal(core.count, 5);
	check_phdr(&core.phdrs[3], PT_LOAD, 0x40000000, 0x10000000, 0);
	check_phdr(&core.phdrs[4], PT_LOAD, 0x60000000, 0x1000, 0);
	core_free(&core);
	machine_clear(&machine);
}

static void test_kernel_alias_needs_address_and_range(void **state)
{
	struct crashres_machine machine = small_machine();
	struct core core;

	machine.kcore = (struct crs_kcore){ false, 0, true, IMAGE, 0 };
	core = make(*state, &machine);
	assert_int_equal(core.count, 6);
	check_phdr(&core.phdrs[3], PT_LOAD, 0x40200000, 0x1500000, 0x40200000 + IMAGE);
	check_phdr(&core.phdrs[4], PT_LOAD, 0x40000000, 0x10000000, 0);
	core_free(&core);
	machine.regions.kernel_image = unit_range(0, 0);
	core = make(*state, &machine);
	assert_int_equal(core.count, 5);
	core_free(&core);
	machine_clear(&machine);
}

static void test_missing_notes_have_no_program_header(void **state)
{
	struct crashres_machine machine = small_machine();
	struct core core;

	machine.vmcoreinfo = unit_range(0, 0);
	machine.cpu_notes.count = 0;
	core = make(*state, &machine);
	assert_int_equal(core.count, 2);
	check_phdr(&core.phdrs[0], PT_LOAD, 0x40000000, 0x10000000, 0);
	core_free(&core);
	machine_clear(&machine);
}

/* The dump covers all RAM with its reserved parts, but no crash region. */
static void test_crash_regions_are_not_in_the_program_headers(void **state)
{
	static const char text[] =
		"40000000-bfffffff : System RAM\n"
		"  40200000-40ffffff : Kernel code\n"
		"  50000000-5fffffff : Crash kernel\n"
		"  70000000-70000fff : reserved\n"
		"100000000-17fffffff : CXL Window 0\n"
		"  100000000-17fffffff : System RAM (kmem)\n"
		"200000000-27fffffff : System RAM\n"
		"  270000000-27fffffff : Crash kernel\n";
	struct crashres_machine machine = { 0 };
	struct unit *unit = *state;
	struct core core;

	assert_ok(unit, crs_iomem_parse(unit->ctx, text, strlen(text), &machine.iomem));
	assert_ok(unit, crs_regions_from_iomem(unit->ctx, &machine.iomem, &machine.regions));
	core = make(unit, &machine);
	assert_int_equal(core.count, 4);
	check_phdr(&core.phdrs[0], PT_LOAD, 0x40000000, 0x10000000, 0);
	check_phdr(&core.phdrs[1], PT_LOAD, 0x60000000, 0x60000000, 0);
	check_phdr(&core.phdrs[2], PT_LOAD, 0x100000000, 0x80000000, 0);
	check_phdr(&core.phdrs[3], PT_LOAD, 0x200000000, 0x70000000, 0);
	core_free(&core);
	crs_iomem_free(&machine.iomem);
	crs_regions_free(&machine.regions);
}

static void test_4096_cpus_have_4096_notes(void **state)
{
	struct crashres_machine machine = small_machine();
	struct core core;
	GElf_Phdr phdr;

	machine.cpu_notes.count = 0;
	for (uint64_t cpu = 0; cpu < 4096; cpu++)
		unit_add(&machine.cpu_notes, 0x80000000000 - cpu * 0x1000, 0x188);
	core = make(*state, &machine);
	assert_int_equal(core.count, 4096 + 3);
	assert_non_null(gelf_getphdr(core.elf, 4095, &phdr));
	check_phdr(&phdr, PT_NOTE, 0x80000000000 - 4095 * 0x1000, 0x188, 0);
	core_free(&core);
	machine_clear(&machine);
}

/* Asserts that making the elfcorehdr fails with the message @sentence. */
static void refuse(struct unit *unit, const struct crashres_machine *machine, const char *sentence)
{
	uint8_t *data = UNTOUCHED;
	size_t size = 77;

	assert_fails(unit, crs_elfcorehdr_make(unit->ctx, machine, &data, &size),
		     CRASHRES_ERR_LIMIT, sentence);
	assert_ptr_equal(data, UNTOUCHED);
	assert_int_equal(size, 77);
}

/* e_phnum has 16 bits, and Linux does not read an extended number of headers. */
static void test_65535_program_headers_fit_and_65536_do_not(void **state)
{
	struct crashres_machine machine = small_machine();
	struct core core;

	/* Two CPUs, VMCOREINFO and 65532 ranges of RAM. */
	machine.regions.ram.count = 0;
	for (uint64_t i = 0; i < 65535 - 3; i++)
		unit_add(&machine.regions.ram, 0x40000000 + i * 0x2000, 0x1000);
	core = make(*state, &machine);
	assert_int_equal(core.count, 65535);
	core_free(&core);
	unit_add(&machine.regions.ram, 0x7fff00000000, 0x1000);
	refuse(*state, &machine, "elfcorehdr: 2 CPUs and 65533 ranges of RAM need more than 65535 "
	       "program headers, the limit of /proc/vmcore");
	for (uint64_t i = 65533; i < 70000; i++)
		unit_add(&machine.regions.ram, 0x40000000 + i * 0x2000, 0x1000);
	refuse(*state, &machine, "elfcorehdr: 2 CPUs and 70000 ranges of RAM need more than 65535 "
	       "program headers, the limit of /proc/vmcore");
	machine_clear(&machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_known_addresses_are_in_the_program_headers),
		UNIT_TEST(test_unknown_addresses_are_zero_and_the_alias_is_left_out),
		UNIT_TEST(test_kernel_alias_needs_address_and_range),
		UNIT_TEST(test_missing_notes_have_no_program_header),
		UNIT_TEST(test_crash_regions_are_not_in_the_program_headers),
		UNIT_TEST(test_4096_cpus_have_4096_notes),
		UNIT_TEST(test_65535_program_headers_fit_and_65536_do_not),
	};

	return cmocka_run_group_tests_name("elfcorehdr", tests, NULL, NULL);
}
