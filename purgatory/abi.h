/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * abi.h: the contract between the library and purgatory: the layout of the purgatory
 * segment, the params that the library writes, and the record that purgatory writes.
 *
 * The library writes the params on any host, and purgatory reads them on arm64. So the
 * structs are little-endian and naturally aligned, and contain no pointers. Addresses
 * are physical, offsets count from the base P of the purgatory segment, sizes are bytes.
 *
 *   P                        image: code and constants, as the build made them
 *   P + scratch_offset       scratch: stack and variables, zero at load
 *   P + image_size           struct purgatory_params
 *   P + root_offset[0], [1]  two sets of page tables, 4 KiB each table
 *   P + table_offset[0]      one SHA-256 digest for each block
 *   P + table_offset[1]      the same digests again
 *   P + bitmap_offset        two bitmaps with a bit for each block, zero at load:
 *                            damaged, repaired (core/blocks.h)
 *   P + segment_size         end
 *
 * P and all these offsets are multiples of PURGATORY_BLOCK_SIZE. In a sealed Image the
 * page tables follow the bitmaps (see roots_size).
 *
 * Purgatory writes to scratch and to the bitmaps, repairs blocks of the segments, and
 * writes a struct purgatory_record to the device tree. In a sealed Image it also
 * completes the params and builds the page tables.
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
 * Limits of segment_size and of the bytes in front of the digest tables, so that a damaged
 * size does not make the self-check run for minutes. 256 MiB are enough for two digests
 * of every block if the segments have 15 GiB in total.
 */
#define PURGATORY_SEGMENT_SIZE_MAX	(256U << 20)
#define PURGATORY_SELF_SIZE_MAX		(16U << 20)

/* A plan never has more segments: KEXEC_SEGMENT_MAX in include/uapi/linux/kexec.h. */
#define PURGATORY_SEGMENTS_MAX	16

/* Bytes of the header page of a sealed Image, which precedes P. */
#define PURGATORY_SEALED_HEADER	4096

/* Blocks in a parity group: the factors 2^j differ for 255 blocks only (shared/parity.h). */
#define PURGATORY_MEMBERS_MAX	255

/* The first bytes of the image. entry.S, header.c and the linker script provide them. */
struct purgatory_header {
	uint32_t branch;		/* a branch to the entry code: the entry point is P */
	uint32_t version;		/* PURGATORY_VERSION */
	uint64_t magic;			/* PURGATORY_MAGIC */
	uint64_t scratch_offset;
	uint64_t image_size;		/* bytes of code, constants and scratch */
};

enum purgatory_uart {
	PURGATORY_UART_NONE = 0,	/* print nothing */
	PURGATORY_UART_PL011 = 1,	/* PL011 or its SBSA subset, 32-bit accesses */
	PURGATORY_UART_16550 = 2,	/* 8250, 16450, 16550 and compatible UARTs */
};

/* The instruction that calls PSCI firmware from EL1. From EL2 purgatory always uses SMC. */
enum purgatory_conduit {
	PURGATORY_CONDUIT_UNKNOWN = 0,
	PURGATORY_CONDUIT_SMC = 1,
	PURGATORY_CONDUIT_HVC = 2,
};

/*
 * The action if damage cannot be repaired, or if the time is over before the last block.
 * A purgatory that fails its self-check always resets.
 */
enum purgatory_policy {
	PURGATORY_POLICY_RESET = 0,	/* PSCI SYSTEM_RESET; if that fails SYSTEM_OFF; then halt */
	PURGATORY_POLICY_HALT = 1,	/* stop forever, so that a person can look at the console */
	PURGATORY_POLICY_BOOT = 2,	/* start the kernel, and report the damage in the record */
};

/* A range of memory that is checked block by block. The first block starts at base. */
struct purgatory_segment {
	uint64_t base;			/* address, multiple of PURGATORY_BLOCK_SIZE */
	uint64_t size;			/* bytes, multiple of PURGATORY_BLOCK_SIZE */
	uint64_t first_block;		/* its number: index into the digest tables */
	char name[16];			/* NUL-terminated; for the console and the record */
};

/* The library writes the params, and the self-check covers them from segment_size on. */
struct purgatory_params {
	/*
	 * A checksum over the 64-bit words of [P, P + scratch_offset). code_sum[0] is the
	 * sum of the words. code_sum[1] is the sum of all intermediate values of code_sum[0].
	 * A carry out of bit 63 is added to bit 0. entry.S compares both sums before any code
	 * but entry.S, pg_cache_clean_image and reset.S runs, because damaged code can hang.
	 */
	uint64_t code_sum[2];
	/*
	 * SHA-256 of two ranges, one after the other: the image without scratch,
	 * [P, P + scratch_offset), and the bytes from the end of this digest to the digest
	 * tables, [self_digest + PURGATORY_DIGEST_SIZE, P + table_offset[0]).
	 */
	uint8_t self_digest[PURGATORY_DIGEST_SIZE];
	uint64_t segment_size;		/* bytes of the purgatory segment */
	uint64_t kernel_entry;		/* address of the first instruction of the kernel */
	uint64_t dtb;			/* address of the device tree; the kernel gets it in x0 */
	uint64_t record;		/* address of the record, aligned to 4; 0: none */
	uint64_t uart_base;		/* address of the first register */
	uint32_t uart_type;		/* enum purgatory_uart */
	uint32_t conduit;		/* enum purgatory_conduit */
	uint32_t uart_stride;		/* bytes from one register of a 16550 to the next */
	uint32_t uart_width;		/* bytes of an access to a register of a 16550: 1 or 4 */
	/*
	 * The sum of PURGATORY_MAGIC and the three 64-bit words from uart_base on. After a
	 * failed self-check, purgatory prints a line only if this sum is right. Otherwise
	 * uart_base can be the address of anything.
	 */
	uint64_t uart_sum;
	uint32_t on_damage;		/* enum purgatory_policy for damage that stays */
	uint32_t seconds;		/* time limit for check and repair; 0: no limit */
	/*
	 * The root page tables: [0] for EL1 and for EL2 with E2H=1, [1] for EL2 with E2H=0
	 * (enum pg_regime). 4 KiB granule, 48-bit addresses, AttrIndx 0 is Device and 1 is
	 * Normal memory. 0: no tables, so the check runs with the MMU off.
	 */
	uint64_t root_offset[2];
	uint64_t block_count;		/* of all segments; 0: clean the segments, check nothing */
	uint64_t table_offset[2];	/* the two digest tables */
	uint8_t table_digest[PURGATORY_DIGEST_SIZE];	/* SHA-256 of one table, whole pages */
	uint64_t bitmap_offset;		/* the two bitmaps */
	/*
	 * Parity: group_count blocks of P, followed by group_count blocks of Q (parity.h).
	 * Block i is member i / group_count of group i % group_count. If group_count is 0,
	 * there is no parity.
	 */
	uint64_t parity_base;		/* address, multiple of PURGATORY_BLOCK_SIZE */
	uint64_t group_count;
	/*
	 * The next two fields are for a sealed Image only (sealed.c). The library does not
	 * know the address of a sealed Image, so kernel_entry, parity_base and the bases of
	 * the segments are offsets from P. Purgatory turns them into addresses and builds the
	 * page tables of the current exception level. Both root_offset are equal: the tables
	 * follow the bitmaps and have room for roots_size bytes.
	 */
	uint64_t roots_size;
	/*
	 * Bytes of the initrd, whose blocks are the last segment. 0: the Image was sealed
	 * without an initrd. Then the kernel gets the initrd that the device tree names,
	 * unchecked.
	 */
	uint64_t initrd_size;
	uint32_t segment_count;		/* entries in segments */
	uint32_t on_timeout;		/* enum purgatory_policy: time over, no damage found */
	struct purgatory_segment segments[PURGATORY_SEGMENTS_MAX];
};

/*
 * The property in /chosen that holds struct purgatory_record. The library (or sealed.c)
 * adds it with magic, version and size; all other fields are zero.
 */
#define PURGATORY_RECORD_PROPERTY	"crashres,record"
#define PURGATORY_RECORD_MAGIC		0x44524f4345525043ULL	/* "CPRECORD" */
#define PURGATORY_RECORD_VERSION	2
#define PURGATORY_DAMAGE_MAX		16
#define PURGATORY_FOUND_MAX		16

enum purgatory_outcome {
	PURGATORY_OUTCOME_NONE = 0,	/* purgatory has not written the record */
	PURGATORY_OUTCOME_INTACT = 1,	/* every block has the right digest */
	PURGATORY_OUTCOME_REPAIRED = 2,	/* every damaged block was repaired */
	/* Damage stayed, or a cache could not be cleaned. The kernel started: on_damage is boot. */
	PURGATORY_OUTCOME_DAMAGED = 3,
	/* The time was over before damage was found. The kernel started: on_timeout is boot. */
	PURGATORY_OUTCOME_INCOMPLETE = 4,
};

/* Bits of purgatory_record.flags */
#define PURGATORY_FLAG_MMU		(1U << 0)	/* checked with MMU and caches on */
#define PURGATORY_FLAG_EL2		(1U << 1)	/* purgatory ran at EL2, else at EL1 */
#define PURGATORY_FLAG_E2H		(1U << 2)	/* HCR_EL2.E2H was 1 */
#define PURGATORY_FLAG_TIME_OUT		(1U << 3)	/* the time was over before the end */
#define PURGATORY_FLAG_TABLE_0		(1U << 4)	/* the first digest table was damaged */
#define PURGATORY_FLAG_TABLE_1		(1U << 5)	/* the second digest table was damaged */
#define PURGATORY_FLAG_UNCLEAN		(1U << 6)	/* a used range could not be cleaned */
#define PURGATORY_FLAG_SHA256_SHIFT	8		/* 8 bits: enum pg_sha256_method */

/* A run: adjacent damaged blocks. */
struct purgatory_damage {
	char segment[16];		/* name of the segment, NUL-terminated */
	/*
	 * Bytes from the start of the segment to the first wrong byte. Only a repair finds
	 * that byte; without a repair this is the start of the first damaged block.
	 */
	uint64_t offset;
	uint64_t blocks;		/* blocks in the run */
	uint64_t repaired;		/* repaired blocks in the run */
	uint32_t found_size;		/* bytes in found; 0: the memory could not be read */
	uint32_t reserved;
	uint8_t found[PURGATORY_FOUND_MAX];	/* the damaged bytes, from offset on */
};

struct purgatory_record {
	uint64_t magic;
	uint32_t version;
	uint32_t size;			/* sizeof(struct purgatory_record) */
	uint32_t outcome;		/* enum purgatory_outcome */
	uint32_t flags;
	uint64_t started;		/* CNTVCT at entry */
	uint64_t ticks;			/* of CNTVCT, from the entry to the end of the repair */
	uint64_t frequency;		/* CNTFRQ, ticks per second; 0: unknown */
	uint64_t blocks;		/* checked blocks */
	uint64_t damaged;		/* damaged blocks, repaired or not */
	uint64_t repaired;		/* repaired blocks */
	uint64_t damage_count;		/* runs; damage[] holds the first of them */
	struct purgatory_damage damage[PURGATORY_DAMAGE_MAX];
};

#endif
