/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One record of the log, as all three forms have it. The text stays in the dump until printed. */
#ifndef VMCORE_DMESG_LOG_RECORD_H
#define VMCORE_DMESG_LOG_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Value of level or facility if the log does not tell it. */
#define RECORD_UNKNOWN (-1)

/* Consecutive bytes of text in the memory of the dead kernel. */
struct record_text {
	uint64_t vaddr;
	uint64_t size;			/* bytes */
};

struct record {
	bool has_seq;
	bool has_time;
	bool has_caller;
	uint64_t seq;			/* number of the record since boot, from 0 */
	uint64_t time_ns;		/* nanoseconds since boot */
	int level;			/* 0 (emergency) to 7 (debug), or RECORD_UNKNOWN */
	int facility;			/* as in syslog(3): 0 is the kernel; or RECORD_UNKNOWN */
	uint32_t caller;		/* thread id, or CPU number | RECORD_CPU */
	bool no_text;			/* an empty line, or text_lost */
	bool text_lost;			/* the log had no room for the text */
	struct record_text text[2];	/* the second part if the text wraps around the ring */
	unsigned int prefix_size;	/* bytes of text that repeat level and time; JSON skips them */
};

/* Bit of record.caller: the caller is a CPU (printk_caller_id() in kernel/printk/printk.c). */
#define RECORD_CPU 0x80000000U

#endif
