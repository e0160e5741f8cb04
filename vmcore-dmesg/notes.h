/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds VMCOREINFO among the ELF notes of a core. */
#ifndef VMCORE_DMESG_NOTES_H
#define VMCORE_DMESG_NOTES_H

#include "core.h"
#include "vmcoreinfo.h"

/*
 * Reads the VMCOREINFO note. The caller frees @info with vmcoreinfo_free() in every case. Damage
 * is reported; if part of the text is readable, it is kept and this returns true.
 */
bool notes_vmcoreinfo(struct core *core, struct vmcoreinfo *info);

#endif
