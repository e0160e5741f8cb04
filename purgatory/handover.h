/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * handover.h: what the library hands to purgatory.
 *
 * The library writes these structs on any host, purgatory reads them on arm64:
 * little-endian, naturally aligned, no pointers. Addresses are physical,
 * offsets count from the base P of the purgatory segment, sizes are bytes.
 *
 *   P                        image: code and constants, as the build made them
 *   P + scratch_offset       scratch: stack and variables, zero at load; the
 *                            only part of the segment that purgatory writes
 *   P + image_size           struct purgatory_params
 *   P + table_offset[0]      one SHA-256 digest for each leaf
 *   P + table_offset[1]      the same digests again
 *   P + root_offset[0]       page tables, 4 KiB each
 *   P + segment_size         end
 *
 * P is a multiple of PURGATORY_LEAF_SIZE, and so is every offset above.
 */
#ifndef PURGATORY_HANDOVER_H
#define PURGATORY_HANDOVER_H

#include <stdint.h>

#define PURGATORY_MAGIC		0x524f544147525550ULL	/* "PURGATOR" */
#define PURGATORY_VERSION	2

/* A leaf is the unit that is checked, located and (later) repaired. */
#define PURGATORY_LEAF_SIZE	4096
#define PURGATORY_DIGEST_SIZE	32

/*
 * Purgatory refuses a larger segment_size, so that a damaged one cannot keep
 * the self-check busy. Two digests a leaf: enough for 16 GiB of leaves.
 */
#define PURGATORY_SEGMENT_SIZE_MAX	(256U << 20)

/* KEXEC_SEGMENT_MAX of the kernel: a plan never has more. */
#define PURGATORY_SEGMENTS_MAX	16

/* First bytes of the image, filled in by the linker script. */
struct purgatory_header {
	uint32_t branch;		/* to the first instruction: entry is P */
	uint32_t version;		/* PURGATORY_VERSION */
	uint64_t magic;			/* PURGATORY_MAGIC */
	uint64_t scratch_offset;
	uint64_t image_size;		/* code, constants and scratch */
};

enum purgatory_uart {
	PURGATORY_UART_NONE = 0,	/* stay silent */
	PURGATORY_UART_PL011 = 1,	/* PL011 or its SBSA subset, 32-bit accesses */
	PURGATORY_UART_16550 = 2,	/* 8250, 16450, 16550 and what is made like them */
};

/* How firmware is called from EL1; from EL2 it is always SMC. */
enum purgatory_conduit {
	PURGATORY_CONDUIT_UNKNOWN = 0,
	PURGATORY_CONDUIT_SMC = 1,
	PURGATORY_CONDUIT_HVC = 2,
};

/* A run of memory whose leaves are checked. The first leaf starts at base. */
struct purgatory_segment {
	uint64_t base;			/* multiple of PURGATORY_LEAF_SIZE */
	uint64_t size;			/* multiple of PURGATORY_LEAF_SIZE */
	uint64_t first_leaf;		/* index into the digest tables */
	char name[16];			/* NUL-terminated, for the console */
};

struct purgatory_params {
	/*
	 * SHA-256 of the image without its scratch, then of everything from
	 * behind this digest to the end of the segment: [P, P + scratch_offset)
	 * and [P + image_size + PURGATORY_DIGEST_SIZE, P + segment_size).
	 */
	uint8_t self_digest[PURGATORY_DIGEST_SIZE];
	uint64_t segment_size;
	uint64_t kernel_entry;
	uint64_t dtb;			/* the kernel gets it in x0 */
	uint64_t uart_base;
	uint32_t uart_type;		/* enum purgatory_uart */
	uint32_t conduit;		/* enum purgatory_conduit */
	uint32_t uart_stride;		/* bytes from one register of a 16550 to the next */
	uint32_t uart_width;		/* bytes of an access to one: 1 or 4 */
	uint64_t leaf_count;
	uint64_t table_offset[2];
	/*
	 * Root page tables (4 KiB granule, 48-bit addresses, AttrIndx 0 Device
	 * and 1 Normal) for EL1 and EL2 with E2H=1, and for EL2 with E2H=0.
	 * 0: check with the MMU off.
	 */
	uint64_t root_offset[2];
	uint32_t segment_count;
	uint32_t reserved;
	struct purgatory_segment segments[PURGATORY_SEGMENTS_MAX];
};

#endif
