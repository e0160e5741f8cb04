/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Implements the public functions that return facts about a machine (crashres.h). */
#include "machine.h"

const struct crashres_range *crashres_machine_regions(const struct crashres_machine *machine,
						      size_t *count)
{
	*count = machine->regions.crash.count;
	return machine->regions.crash.items;
}

uint64_t crashres_machine_page_size(const struct crashres_machine *machine)
{
	return machine->page_size;
}

const struct crashres_range *crashres_machine_ram(const struct crashres_machine *machine,
						  size_t *count)
{
	*count = machine->regions.ram.count;
	return machine->regions.ram.items;
}

const struct crashres_range *crashres_machine_cpu_notes(const struct crashres_machine *machine,
							size_t *count)
{
	*count = machine->cpu_notes.count;
	return machine->cpu_notes.items;
}

struct crashres_range crashres_machine_vmcoreinfo(const struct crashres_machine *machine)
{
	return machine->vmcoreinfo;
}

uint64_t crashres_machine_elfcorehdr_size(const struct crashres_machine *machine)
{
	return machine->elfcorehdr_size;
}

const char *crashres_machine_command_line(const struct crashres_machine *machine)
{
	return machine->cmdline;
}

/* A bit is set if the file of the fact was missing or did not contain the fact. */
unsigned int crashres_machine_missing_dump_parts(const struct crashres_machine *machine)
{
	unsigned int lacks = 0;

	if (!machine->regions.ram.count)
		lacks |= CRASHRES_DUMP_RAM;
	if (!machine->cpu_notes.count)
		lacks |= CRASHRES_DUMP_CPU_NOTES;
	if (!machine->vmcoreinfo.size)
		lacks |= CRASHRES_DUMP_VMCOREINFO;
	if (!machine->kcore.linear_known)
		lacks |= CRASHRES_DUMP_LINEAR_ADDRESSES;
	if (!machine->kcore.image_known)
		lacks |= CRASHRES_DUMP_KERNEL_ADDRESSES;
	return lacks;
}

const char *crashres_dump_part_name(enum crashres_dump_part part)
{
	switch (part) {
	case CRASHRES_DUMP_RAM: return "RAM";
	case CRASHRES_DUMP_CPU_NOTES: return "registers of the CPUs";
	case CRASHRES_DUMP_VMCOREINFO: return "VMCOREINFO";
	case CRASHRES_DUMP_LINEAR_ADDRESSES: return "virtual addresses of RAM";
	case CRASHRES_DUMP_KERNEL_ADDRESSES: return "virtual addresses of the kernel";
	}
	return NULL;
}
