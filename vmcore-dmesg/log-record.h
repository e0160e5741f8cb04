/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One record of the log. Its text stays in the core until it is printed. */
#ifndef VMCORE_DMESG_LOG_RECORD_H
#define VMCORE_DMESG_LOG_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The syslog(3) facility and level; either half may be unknown to the log. */
#define RECORD_UNKNOWN (-1)

struct record_text {
	uint64_t vaddr;
	uint64_t size;
};

struct record {
	bool has_seq;
	bool has_time;
	bool has_caller;
	uint64_t seq;
	uint64_t time_ns;		/* since boot */
	int level;
	int facility;
	uint32_t caller;		/* a thread, or with RECORD_CPU a CPU */
	bool no_text;			/* it was empty, or ... */
	bool text_lost;			/* ... the log had no room for it */
	struct record_text text[2];	/* the second one where a buffer's end is between */
	unsigned int prefix_size;		/* bytes in front that say level and time, once more */
};

/* kernel/printk/printk.c, printk_caller_id() */
#define RECORD_CPU 0x80000000U

#endif
