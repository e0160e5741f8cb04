/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ELF notes of a core. VMCOREINFO is one of them. */
#ifndef VMCORE_DMESG_NOTES_H
#define VMCORE_DMESG_NOTES_H

#include "core.h"
#include "vmcoreinfo.h"

/*
 * Reads the VMCOREINFO note; free @info in both cases. A damaged note is reported, and the readable
 * part of its text is kept.
 */
bool notes_vmcoreinfo(struct core *core, struct vmcoreinfo *info);

#endif
