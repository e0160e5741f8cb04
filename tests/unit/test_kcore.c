/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests the parser of /proc/kcore (machine/kcore.c): the offsets between virtual and physical
 * addresses, and the page size. A wrong program writes wrong virtual addresses into the dump,
 * and crash(8) cannot read it.
 */
#include <elf.h>

#include "../../libcrashres/machine/kcore.h"
#include "support.h"

/*
 * Virtual minus physical address of the linear map and of the kernel image, for 48-bit
 * addresses and RAM from 1 GiB on; and the VMCOREINFO of such a kernel.
 */
#define LINEAR	(0xffff000000000000ULL - 0x40000000)
#define IMAGE	0xffff7fffc0000000ULL
#define VMCOREINFO \
	"OSRELEASE=6.1.0\nPAGESIZE=4096\nNUMBER(VA_BITS)=48\n" \
	"NUMBER(kimage_voffset)=0xffff7fffc0000000\nNUMBER(PHYS_OFFSET)=0x40000000\n" \
	"KERNELOFFSET=8000000\n"

/*
 * The head of /proc/kcore: ELF header, program headers, notes. Sizes are bytes; size covers all
 * that a test uses.
 */
struct core {
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdrs[8];
	uint8_t notes[1024];
	size_t notes_size;
	size_t size;
};

static struct core core_new(void)
{
	struct core core = {
		.ehdr = {
			.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_CORE,
			.e_machine = EM_AARCH64,
			.e_version = EV_CURRENT,
			.e_phoff = sizeof(Elf64_Ehdr),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
		},
		.size = offsetof(struct core, notes),
	};

	return core;
}

/* Adds a program header of 1 MiB at these addresses; its bytes lie far after the head. */
static void add_phdr(struct core *core, uint32_t type, uint64_t physical, uint64_t virtual)
{
	core->phdrs[core->ehdr.e_phnum++] = (Elf64_Phdr){
		.p_type = type, .p_paddr = physical, .p_vaddr = virtual,
		.p_offset = 1ULL << 40, .p_filesz = MIB, .p_memsz = MIB,
	};
}

/* Adds an ELF note; name and text are padded to 4 bytes. */
static void add_note(struct core *core, const char *name, const char *text)
{
	Elf64_Nhdr note = { .n_namesz = strlen(name) + 1, .n_descsz = strlen(text), .n_type = 0 };
	uint8_t *out = core->notes + core->notes_size;

	memcpy(out, &note, sizeof(note));
	memcpy(out + sizeof(note), name, note.n_namesz);
	memcpy(out + sizeof(note) + (note.n_namesz + 3) / 4 * 4, text, note.n_descsz);
	core->notes_size += sizeof(note) + (note.n_namesz + 3) / 4 * 4 + (note.n_descsz + 3) / 4 * 4;
	core->size = offsetof(struct core, notes) + core->notes_size;
}

/* Adds the PT_NOTE header. All notes must exist already. */
static void add_note_phdr(struct core *core)
{
	add_phdr(core, PT_NOTE, 0, 0);
	core->phdrs[core->ehdr.e_phnum - 1].p_offset = offsetof(struct core, notes);
	core->phdrs[core->ehdr.e_phnum - 1].p_filesz = core->notes_size;
}

/* Returns a core with a CORE note and, unless @vmcoreinfo is NULL, a VMCOREINFO note. */
static struct core core_with(const char *vmcoreinfo)
{
	struct core core = core_new();

	add_note(&core, "CORE", "prstatus and the like");
	if (vmcoreinfo)
		add_note(&core, "VMCOREINFO", vmcoreinfo);
	add_note_phdr(&core);
	return core;
}

/*
 * Parses the first @size bytes of a core, on a machine with 2 GiB of RAM at 1 GiB and at 4 GiB.
 */
static struct crs_kcore parse_bytes(struct unit *unit, const void *data, size_t size)
{
	struct crs_ranges ram = { 0 };
	struct crs_kcore kcore;

	unit_add(&ram, 0x40000000, 0x80000000);
	unit_add(&ram, 0x100000000, 0x80000000);
	assert_ok(unit, crs_kcore_parse(unit->ctx, data, size, &ram, &kcore));
	crs_ranges_free(&ram);
	return kcore;
}

static struct crs_kcore parse(struct unit *unit, const struct core *core)
{
	return parse_bytes(unit, core, core->size);
}

static void test_linear_map_is_read_from_program_headers(void **state)
{
	struct core core = core_with(NULL);
	struct crs_kcore kcore;

	add_phdr(&core, PT_LOAD, UINT64_MAX, 0xffff800008000000);	/* vmalloc area */
	add_phdr(&core, PT_LOAD, 0, 0xfffffc0000000000);	/* vmalloc, old kernels */
	add_phdr(&core, PT_LOAD, 0x40000000, 0x40000000 + LINEAR);
	add_phdr(&core, PT_LOAD, 0x100000000, 0x100000000 + LINEAR);
	add_phdr(&core, PT_LOAD, 0x09000000, 0x1234);		/* not RAM */
	kcore = parse(*state, &core);
	assert_true(kcore.linear_known);
	assert_int_equal(kcore.linear_offset, LINEAR);
	assert_false(kcore.image_known);
	assert_int_equal(kcore.page_size, 0);
}

/*
 * Old kernels write physical address 0 for areas that are not RAM, so address 0 proves nothing,
 * even if RAM starts at 0.
 */
static void test_physical_address_0_is_ignored(void **state)
{
	struct unit *unit = *state;
	struct core core = core_with(NULL);
	struct crs_ranges ram = { 0 };
	struct crs_kcore kcore;

	unit_add(&ram, 0, 0x80000000);
	add_phdr(&core, PT_LOAD, 0, 0xffff800008000000);
	add_phdr(&core, PT_LOAD, 0x40000000, 0xffff000040000000);
	assert_ok(unit, crs_kcore_parse(unit->ctx, &core, core.size, &ram, &kcore));
	assert_true(kcore.linear_known);
	assert_int_equal(kcore.linear_offset, 0xffff000000000000);
	crs_ranges_free(&ram);
}

static void test_vmcoreinfo_gives_all_values(void **state)
{
	struct core core = core_with(VMCOREINFO);
	struct crs_kcore kcore = parse(*state, &core);

	assert_true(kcore.linear_known);
	assert_int_equal(kcore.linear_offset, LINEAR);
	assert_true(kcore.image_known);
	assert_int_equal(kcore.image_offset, IMAGE);
	assert_int_equal(kcore.page_size, 4096);
}

static void test_agreeing_sources_give_no_warning(void **state)
{
	struct core core = core_with(VMCOREINFO);
	struct crs_kcore kcore;

	add_phdr(&core, PT_LOAD, 0x40200000, 0x40200000 + IMAGE);	/* the kernel image */
	add_phdr(&core, PT_LOAD, 0x40000000, 0x40000000 + LINEAR);
	kcore = parse(*state, &core);
	assert_true(kcore.linear_known);
	assert_int_equal(kcore.linear_offset, LINEAR);
	assert_true(kcore.image_known);
	assert_string_equal(((struct unit *)*state)->log, "");
}

static void test_disagreeing_sources_leave_the_linear_map_unknown(void **state)
{
	struct core core = core_with(VMCOREINFO);
	struct crs_kcore kcore;

	add_phdr(&core, PT_LOAD, 0x40000000, 0x40000000 + LINEAR + 0x1000);
	kcore = parse(*state, &core);
	assert_false(kcore.linear_known);
	assert_true(kcore.image_known);
	assert_int_equal(kcore.page_size, 4096);
	assert_true(unit_logged(*state,
		"warning: /proc/kcore: the program headers and VMCOREINFO disagree about the linear "
		"map (0xfffeffffc0001000, 0xfffeffffc0000000): the dump will have no virtual "
		"addresses"));
}

static void test_disagreeing_headers_leave_the_linear_map_unknown(void **state)
{
	struct core core = core_with(VMCOREINFO);
	struct crs_kcore kcore;

	add_phdr(&core, PT_LOAD, 0x40000000, 0x40000000 + LINEAR);
	add_phdr(&core, PT_LOAD, 0x100000000, 0x100000000 + LINEAR + 0x1000);
	kcore = parse(*state, &core);
	assert_false(kcore.linear_known);
	assert_true(unit_logged(*state,
		"warning: /proc/kcore: the program headers disagree about the linear map: "
		"the dump will have no virtual addresses"));
}

static void test_empty_core_leaves_all_values_unknown(void **state)
{
	struct core core = core_new();
	struct crs_kcore kcore = parse(*state, &core);

	assert_false(kcore.linear_known);
	assert_false(kcore.image_known);
	assert_int_equal(kcore.page_size, 0);
	assert_string_equal(((struct unit *)*state)->log, "");
}

static void test_vmcoreinfo_lines_are_parsed_exactly(void **state)
{
	/*
	 * Columns: VMCOREINFO text; whether the offsets of linear map and kernel image become
	 * known; page size in bytes, 0: unknown.
	 */
	static const struct {
		const char *text;
		bool linear, image;
		uint64_t page_size;
	} cases[] = {
		{ "", false, false, 0 },
		{ "\n\n\n", false, false, 0 },
		{ "PAGESIZE=65536", false, false, 65536 },
		{ "PAGESIZE=", false, false, 0 },
		{ "PAGESIZE=4096x\n", false, false, 0 },
		{ "XPAGESIZE=4096\n", false, false, 0 },
		{ "PAGESIZES=4096\n", false, false, 0 },
		{ "PAGESIZE=99999999999999999999999\n", false, false, 0 },
		{ "NUMBER(VA_BITS)=48\n", false, false, 0 },
		{ "NUMBER(PHYS_OFFSET)=0x40000000\n", false, false, 0 },
		/* arm64 kernels have 36 to 52 bits of virtual addresses. */
		{ "NUMBER(VA_BITS)=35\nNUMBER(PHYS_OFFSET)=0x40000000\n", false, false, 0 },
		{ "NUMBER(VA_BITS)=36\nNUMBER(PHYS_OFFSET)=0x40000000\n", true, false, 0 },
		{ "NUMBER(VA_BITS)=52\nNUMBER(PHYS_OFFSET)=0x40000000\n", true, false, 0 },
		{ "NUMBER(VA_BITS)=53\nNUMBER(PHYS_OFFSET)=0x40000000\n", false, false, 0 },
		{ "NUMBER(kimage_voffset)=0xffff800000000000\n", false, true, 0 },
		{ "NUMBER(kimage_voffset)=zz\n", false, false, 0 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct core core = core_with(cases[i].text);
		struct crs_kcore kcore = parse(*state, &core);

		assert_int_equal(kcore.linear_known, cases[i].linear);
		assert_int_equal(kcore.image_known, cases[i].image);
		assert_int_equal(kcore.page_size, cases[i].page_size);
	}
}

/* With 52-bit virtual addresses PHYS_OFFSET can lie below 0; the kernel prints it modulo 2^64. */
static void test_negative_phys_offset_wraps(void **state)
{
	struct core core = core_with("NUMBER(VA_BITS)=52\n"
				     "NUMBER(PHYS_OFFSET)=0xfff0000040000000\n");
	struct crs_kcore kcore = parse(*state, &core);

	assert_true(kcore.linear_known);
	assert_int_equal(kcore.linear_offset, 0xfff0000000000000ULL - 0xfff0000040000000ULL);
}

/* A copied core can end at any byte. Values from missing bytes stay unknown. */
static void test_truncated_core_gives_only_complete_values(void **state)
{
	struct unit *unit = *state;
	struct core core = core_with(VMCOREINFO);
	const struct crs_ranges none = { 0 };

	add_phdr(&core, PT_LOAD, 0x40000000, 0x40000000 + LINEAR);
	for (size_t size = 0; size < core.size; size++) {
		uint8_t *head = malloc(size ? size : 1);	/* for ASan: exact size */
		struct crs_kcore kcore;

		memcpy(head, &core, size);
		mark_untouched(kcore);
		if (size < sizeof(Elf64_Ehdr)) {
			assert_fails(unit, crs_kcore_parse(unit->ctx, head, size, &none, &kcore),
				     CRASHRES_ERR_FORMAT, "/proc/kcore is not a 64-bit ELF core");
			assert_untouched(kcore);
		} else if (crs_kcore_parse(unit->ctx, head, size, &none, &kcore) == CRASHRES_OK) {
			assert_false(kcore.linear_known);
			assert_false(kcore.image_known);
		} else {
			assert_untouched(kcore);
		}
		free(head);
	}
	assert_true(parse(unit, &core).linear_known);
}

/* Asserts that the bytes are refused as a core. */
static void refuse(struct unit *unit, const void *data, size_t size)
{
	const struct crs_ranges none = { 0 };
	struct crs_kcore kcore;

	mark_untouched(kcore);
	assert_fails(unit, crs_kcore_parse(unit->ctx, data, size, &none, &kcore),
		     CRASHRES_ERR_FORMAT, "/proc/kcore is not a 64-bit ELF core");
	assert_untouched(kcore);
}

static void test_other_files_are_not_a_core(void **state)
{
	struct core core = core_with(VMCOREINFO), bad;

	refuse(*state, "", 0);
	refuse(*state, "just text, and more than an ELF header takes: 64 bytes of it, or so", 66);
	bad = core;
	bad.ehdr.e_ident[0] = 0;
	refuse(*state, &bad, bad.size);
	bad = core;
	bad.ehdr.e_ident[EI_CLASS] = ELFCLASS32;
	refuse(*state, &bad, bad.size);
	bad = core;
	bad.ehdr.e_type = ET_EXEC;
	refuse(*state, &bad, bad.size);
}

/*
 * Hostile numbers in four fields cause no crash and no long loop, and their values are not
 * used.
 */
static void test_hostile_offsets_and_sizes_are_not_followed(void **state)
{
	static const uint64_t offsets[] = { 0, 1, 63, 4096, 1ULL << 32, UINT64_MAX - 55, UINT64_MAX };
	struct unit *unit = *state;
	const struct crs_ranges none = { 0 };

	for (size_t i = 0; i < COUNT(offsets); i++)
		for (unsigned int field = 0; field < 4; field++) {
			struct core core = core_with(VMCOREINFO);
			struct crs_kcore kcore = { 0 };

			if (field == 0)
				core.ehdr.e_phoff = offsets[i];
			else if (field == 1)
				core.phdrs[0].p_offset = offsets[i];
			else if (field == 2)
				core.phdrs[0].p_filesz = offsets[i];
			else
				unit_put_le(core.notes, 4, offsets[i]);
			core.ehdr.e_phnum = 0xfffe;
			if (crs_kcore_parse(unit->ctx, &core, core.size, &none, &kcore) ==
			    CRASHRES_OK && field == 1)
				assert_false(kcore.image_known);
			assert_in_range(crs_kcore_head_size(&core, core.size), sizeof(Elf64_Ehdr),
					4 * MIB);
		}
}

/* The caller first reads the ELF header, then the table, then the notes. */
static void test_head_size_grows_as_more_is_read(void **state)
{
	struct core core = core_with(VMCOREINFO);
	const size_t table = sizeof(Elf64_Ehdr) + 3 * sizeof(Elf64_Phdr);

	add_phdr(&core, PT_LOAD, 0x40000000, 0x40000000 + LINEAR);
	add_phdr(&core, PT_LOAD, UINT64_MAX, 0);
	assert_int_equal(crs_kcore_head_size(NULL, 0), 64);
	assert_int_equal(crs_kcore_head_size(&core, 63), 64);
	assert_int_equal(crs_kcore_head_size(&core, 64), table);
	assert_int_equal(crs_kcore_head_size(&core, table - 1), table);
	assert_int_equal(crs_kcore_head_size(&core, table), core.size);
	assert_int_equal(crs_kcore_head_size(&core, core.size), core.size);
	/* Without notes the head ends with the table. */
	core.phdrs[0].p_type = PT_LOAD;
	assert_int_equal(crs_kcore_head_size(&core, table), table);
	/* Notes that end inside the table do not shorten the head. */
	core.phdrs[0].p_type = PT_NOTE;
	core.phdrs[0].p_offset = 64;
	core.phdrs[0].p_filesz = 8;
	assert_int_equal(crs_kcore_head_size(&core, table), table);
	core.ehdr.e_phnum = 0;
	assert_int_equal(crs_kcore_head_size(&core, core.size), 64);
}

static void test_head_size_is_limited_to_4_mib(void **state)
{
	const size_t limit = 4 * MIB;
	struct core core = core_with(VMCOREINFO);

	core.phdrs[0].p_offset = 0;
	core.phdrs[0].p_filesz = limit;
	assert_int_equal(crs_kcore_head_size(&core, core.size), limit);
	core.phdrs[0].p_filesz = limit - 1;
	assert_int_equal(crs_kcore_head_size(&core, core.size), limit - 1);
	core.phdrs[0].p_filesz = limit + 1;
	assert_int_equal(crs_kcore_head_size(&core, core.size), limit);
	/* Notes whose end wraps are ignored. */
	core.phdrs[0].p_offset = UINT64_MAX - 7;
	core.phdrs[0].p_filesz = 8;
	assert_int_equal(crs_kcore_head_size(&core, core.size), 64 + 56);
	core.phdrs[0].p_filesz = 7;
	assert_int_equal(crs_kcore_head_size(&core, core.size), limit);
	/* A table that starts just below and just at the limit, and a table that wraps. */
	core.ehdr.e_phoff = limit - 1;
	assert_int_equal(crs_kcore_head_size(&core, core.size), limit);
	core.ehdr.e_phoff = limit;
	assert_int_equal(crs_kcore_head_size(&core, core.size), 64);
	core.ehdr.e_phoff = UINT64_MAX - 10;
	assert_int_equal(crs_kcore_head_size(&core, core.size), 64);
	/* The longest possible table stays below the limit. */
	core.ehdr.e_phoff = 64;
	core.ehdr.e_phnum = 0xffff;
	assert_int_equal(crs_kcore_head_size(&core, 64), 64 + 0xffff * 56);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_linear_map_is_read_from_program_headers),
		UNIT_TEST(test_physical_address_0_is_ignored),
		UNIT_TEST(test_vmcoreinfo_gives_all_values),
		UNIT_TEST(test_agreeing_sources_give_no_warning),
		UNIT_TEST(test_disagreeing_sources_leave_the_linear_map_unknown),
		UNIT_TEST(test_disagreeing_headers_leave_the_linear_map_unknown),
		UNIT_TEST(test_empty_core_leaves_all_values_unknown),
		UNIT_TEST(test_vmcoreinfo_lines_are_parsed_exactly),
		UNIT_TEST(test_negative_phys_offset_wraps),
		UNIT_TEST(test_truncated_core_gives_only_complete_values),
		UNIT_TEST(test_other_files_are_not_a_core),
		UNIT_TEST(test_hostile_offsets_and_sizes_are_not_followed),
		UNIT_TEST(test_head_size_grows_as_more_is_read),
		UNIT_TEST(test_head_size_is_limited_to_4_mib),
	};

	return cmocka_run_group_tests_name("kcore", tests, NULL, NULL);
}
