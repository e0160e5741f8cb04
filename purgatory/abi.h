/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * abi.h: what the library hands to purgatory.
 *
 * The library writes these structs on any host, purgatory reads them on arm64:
 * little-endian, naturally aligned, no pointers. Addresses are physical,
 * offsets count from the base P of the purgatory segment, sizes are bytes.
 *
 *   P                        image: code and constants, as the build made them
 *   P + scratch_offset       scratch: stack and variables, zero at load
 *   P + image_size           struct purgatory_params
 *   P + root_offset[0], [1]  page tables, 4 KiB each
 *   P + table_offset[0]      one SHA-256 digest for each block
 *   P + table_offset[1]      the same digests again
 *   P + bitmap_offset        two bitmaps with a bit for each block, zero at load:
 *                            found damaged, repaired
 *   P + segment_size         end
 *
 * P is a multiple of PURGATORY_BLOCK_SIZE, and so is every offset above.
 * Purgatory writes to scratch and bitmaps, repairs blocks of the segments, and
 * leaves a struct purgatory_record in the device tree.
 */
#ifndef PURGATORY_ABI_H
#define PURGATORY_ABI_H

#include <stdint.h>

#define PURGATORY_MAGIC		0x524f544147525550ULL	/* "PURGATOR" */
#define PURGATORY_VERSION	5

/* A block is the unit that is checked, located and repaired. */
#define PURGATORY_BLOCK_SIZE	4096
#define PURGATORY_DIGEST_SIZE	32

/*
 * Purgatory refuses a larger segment_size, so that a damaged one cannot keep
 * the self-check busy. Two digests a block: enough for 15 GiB of blocks.
 */
#define PURGATORY_SEGMENT_SIZE_MAX	(256U << 20)
#define PURGATORY_SELF_SIZE_MAX		(16U << 20)	/* of what is in front of the tables */

/* KEXEC_SEGMENT_MAX of the kernel: a plan never has more. */
#define PURGATORY_SEGMENTS_MAX	16

/* The first page of a sealed Image, in front of P. */
#define PURGATORY_SEALED_HEADER	4096

/* Members of a parity group: 2 has order 255 in GF(2^8). */
#define PURGATORY_MEMBERS_MAX	255

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

/*
 * What to do about damage that stays, and about blocks that the time did not
 * suffice for. A purgatory that is damaged itself always resets.
 */
enum purgatory_policy {
	PURGATORY_POLICY_RESET = 0,	/* SYSTEM_RESET, else SYSTEM_OFF, else halt */
	PURGATORY_POLICY_HALT = 1,	/* wait for somebody to look */
	PURGATORY_POLICY_BOOT = 2,	/* start the kernel all the same, the record says so */
};

/* A run of memory whose blocks are checked. The first block starts at base. */
struct purgatory_segment {
	uint64_t base;			/* multiple of PURGATORY_BLOCK_SIZE */
	uint64_t size;			/* multiple of PURGATORY_BLOCK_SIZE */
	uint64_t first_block;		/* index into the digest tables */
	char name[16];			/* NUL-terminated, for the console */
};

struct purgatory_params {
	/*
	 * Sums over the 64-bit words of [P, P + scratch_offset), a carry out of
	 * bit 63 added to bit 0: of the words, and of the first sum after each
	 * word. Looked at before anything but entry.S, pg_cache_clean_image and
	 * reset.S runs, since damaged code might hang.
	 */
	uint64_t code_sum[2];
	/*
	 * SHA-256 of the image without its scratch, then of everything from
	 * behind this digest to the digest tables: [P, P + scratch_offset) and
	 * [self_digest + PURGATORY_DIGEST_SIZE, P + table_offset[0]).
	 */
	uint8_t self_digest[PURGATORY_DIGEST_SIZE];
	uint64_t segment_size;
	uint64_t kernel_entry;
	uint64_t dtb;			/* the kernel gets it in x0 */
	uint64_t record;		/* where struct purgatory_record goes, 4-byte aligned; 0: nowhere */
	uint64_t uart_base;
	uint32_t uart_type;		/* enum purgatory_uart */
	uint32_t conduit;		/* enum purgatory_conduit */
	uint32_t uart_stride;		/* bytes from one register of a 16550 to the next */
	uint32_t uart_width;		/* bytes of an access to one: 1 or 4 */
	/*
	 * Of the three words from uart_base on, and PURGATORY_MAGIC: "purgatory
	 * is damaged" must not be written to an address that is damaged.
	 */
	uint64_t uart_sum;
	uint32_t on_damage;		/* enum purgatory_policy */
	uint32_t seconds;		/* for check and repair; 0: no limit */
	/*
	 * Root page tables (4 KiB granule, 48-bit addresses, AttrIndx 0 Device
	 * and 1 Normal) for EL1 and EL2 with E2H=1, and for EL2 with E2H=0.
	 * 0: check with the MMU off.
	 */
	uint64_t root_offset[2];
	uint64_t block_count;		/* 0: segments are cleaned, and nothing is checked */
	uint64_t table_offset[2];
	uint8_t table_digest[PURGATORY_DIGEST_SIZE];	/* of the whole pages of either table */
	uint64_t bitmap_offset;
	/*
	 * Parity: group_count blocks P, then as many blocks Q (parity.h). Block i
	 * is member i / group_count of group i % group_count. 0 groups: none.
	 */
	uint64_t parity_base;		/* multiple of PURGATORY_BLOCK_SIZE */
	uint64_t group_count;
	/*
	 * Only of a sealed Image (sealed.c). Its kernel_entry, parity_base and
	 * segment bases count from P; its page tables are built when it is
	 * started, for one regime only: both roots are the same place behind the
	 * bitmaps, with room for this many bytes.
	 */
	uint64_t roots_size;
	/*
	 * Bytes. The initrd is the last segment. 0: sealed without one, so none is
	 * checked, and whatever initrd the tree names is started.
	 */
	uint64_t initrd_size;
	uint32_t segment_count;
	uint32_t on_timeout;		/* enum purgatory_policy: out of time, no damage found */
	struct purgatory_segment segments[PURGATORY_SEGMENTS_MAX];
};

/*
 * The /chosen property that holds struct purgatory_record; laid out by the
 * library, zero but for its first three members.
 */
#define PURGATORY_RECORD_PROPERTY	"crashres,record"
#define PURGATORY_RECORD_MAGIC		0x44524f4345525043ULL	/* "CPRECORD" */
#define PURGATORY_RECORD_VERSION	2
#define PURGATORY_DAMAGE_MAX		16
#define PURGATORY_FOUND_MAX		16

enum purgatory_outcome {
	PURGATORY_OUTCOME_NONE = 0,	/* purgatory has not written the record */
	PURGATORY_OUTCOME_INTACT = 1,
	PURGATORY_OUTCOME_REPAIRED = 2,
	PURGATORY_OUTCOME_DAMAGED = 3,	/* started all the same: on_damage is boot */
	/* Out of time, no damage in the blocks that were checked: on_timeout is boot */
	PURGATORY_OUTCOME_INCOMPLETE = 4,
};

/* Bits of purgatory_record.flags */
#define PURGATORY_FLAG_MMU		(1U << 0)	/* checked with MMU and caches on */
#define PURGATORY_FLAG_EL2		(1U << 1)
#define PURGATORY_FLAG_E2H		(1U << 2)
#define PURGATORY_FLAG_TIME_OUT		(1U << 3)	/* blocks were left unchecked */
#define PURGATORY_FLAG_TABLE_0		(1U << 4)	/* this copy of the digests was damaged */
#define PURGATORY_FLAG_TABLE_1		(1U << 5)
#define PURGATORY_FLAG_UNCLEAN		(1U << 6)	/* the cache could not be cleaned everywhere */
#define PURGATORY_FLAG_SHA256_SHIFT	8		/* 8 bits: enum pg_sha256_method */

/* Adjacent damaged blocks. */
struct purgatory_damage {
	char segment[16];		/* NUL-terminated */
	uint64_t offset;		/* in the segment: first wrong byte where that is known, else first block */
	uint64_t blocks;
	uint64_t repaired;		/* of these blocks */
	uint32_t found_size;		/* bytes of found; 0: could not be read */
	uint32_t reserved;
	uint8_t found[PURGATORY_FOUND_MAX];	/* what was there, from offset on */
};

struct purgatory_record {
	uint64_t magic;
	uint32_t version;
	uint32_t size;			/* sizeof(struct purgatory_record) */
	uint32_t outcome;		/* enum purgatory_outcome */
	uint32_t flags;
	uint64_t started;		/* CNTVCT at entry */
	uint64_t ticks;			/* from there to the end of check and repair */
	uint64_t frequency;		/* CNTFRQ */
	uint64_t blocks;		/* checked */
	uint64_t damaged;
	uint64_t repaired;
	uint64_t damage_count;		/* runs found; damage[] holds the first of them */
	struct purgatory_damage damage[PURGATORY_DAMAGE_MAX];
};

#endif
