/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * purgatory.h: what the files of purgatory share with each other.
 *
 * The machine while any of this runs: EL1 or EL2, one CPU, all of DAIF masked.
 * But for the check of the segments, and then not everywhere, MMU and D-cache
 * are off, so that every data access is to Device memory: nothing may be
 * unaligned, no exclusives. Vector registers are touched by the
 * functions of sha256-blocks.h alone.
 */
#ifndef PURGATORY_PURGATORY_H
#define PURGATORY_PURGATORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "shared/parity.h"
#include "shared/sha256.h"

/* Hidden, or -fpie compilers reach data through a GOT that nobody fills in. */
#pragma GCC visibility push(hidden)

/* purgatory.ld: places in the image. */
extern const struct purgatory_header pg_header;
extern struct purgatory_params pg_params;	/* at the end of the image; pg_find_all alone writes */

/* purgatory.c */
void pg_main(uint64_t dtb);
_Noreturn void pg_exception(uint64_t esr, uint64_t elr, uint64_t far);

/* entry.S: hand over to the kernel as its booting.rst demands. */
_Noreturn void pg_start_kernel(uint64_t dtb, uint64_t entry);

/*
 * exception.S: call function(arg). An exception in there ends the call, not
 * purgatory: all that the callee did not finish stays as it is. May be nested.
 * Return: true when function came back, false after an exception.
 */
bool pg_try(void (*function)(void *arg), void *arg);

/* The byte at @offset of the purgatory segment. */
static inline uint8_t *pg_at(uint64_t offset)
{
	return (uint8_t *)&pg_header + offset;
}

/* clock.c */
struct pg_clock {
	uint64_t started;		/* CNTVCT */
	uint64_t frequency;		/* ticks a second; 0: unknown */
	uint64_t limit;			/* ticks; 0: none */
};

void pg_clock_start(struct pg_clock *clock, uint32_t seconds);
void pg_clock_start_short(struct pg_clock *clock, uint32_t milliseconds);
uint64_t pg_clock_ticks(const struct pg_clock *clock);	/* since the start */
bool pg_clock_is_over(const struct pg_clock *clock);

/* What the parts of the check hand on to each other. */
struct pg_check {
	enum pg_sha256_method sha256;
	enum pg_parity_method parity;
	struct pg_clock clock;
	struct purgatory_record record;
};

/* self.c: is this purgatory, with its params and page tables, what was loaded? */
bool pg_check_self(enum pg_sha256_method method);
/* [offset, offset + size) is of the segment, and not of what the digest covers. */
bool pg_is_behind_self(uint64_t offset, uint64_t size);

/*
 * loaded.c or sealed.c, for what the library cannot know when it seals an Image:
 * fills in params, from where purgatory lies and from the device tree at @dtb.
 * False where they were wrong to begin with.
 */
bool pg_find_all(uint64_t dtb);
/* What was found, is written, and is in no segment. */
void pg_clean_found(void);

/* The base of a segment that is not there: all of it is damaged, and nothing of it is touched. */
#define PG_NOWHERE UINT64_MAX

/* digest.c: the digest tables */
struct pg_digest {
	uint64_t words[PURGATORY_DIGEST_SIZE / sizeof(uint64_t)];
};

bool pg_same_digest(const struct pg_digest *a, const struct pg_digest *b);
uint64_t pg_table_size(void);			/* bytes of one table */
void pg_check_tables(struct pg_check *check);	/* harmless, but worth a note in the record */
/* As many blocks as suit every CPU; one may stand there more than once. False: cannot be read. */
bool pg_hash_blocks(enum pg_sha256_method method, const void *const data[PG_SHA256_LANES],
		    struct pg_digest digests[PG_SHA256_LANES]);
/*
 * Are these blocks all zeros, and meant to be? No is no news: they may be right
 * all the same. Many blocks of a kernel are, and to see that is cheaper than a
 * digest.
 */
bool pg_are_zeros_as_expected(uint64_t block, const void *const data[PG_SHA256_LANES]);
/* Does @data hold this block? False also where it cannot be read. */
bool pg_is_right(enum pg_sha256_method method, uint64_t block, const void *data);
bool pg_is_expected(uint64_t block, const struct pg_digest *digest);

/* block.c: which blocks are damaged, and where a block is */
uint64_t pg_bitmap_size(void);
void pg_clear_bitmap(void);
void pg_set_damaged(uint64_t block, bool damaged);
bool pg_is_damaged(uint64_t block);
const struct purgatory_segment *pg_segment_of(uint64_t block);
uint8_t *pg_block_at(uint64_t block);		/* NULL: nowhere */

/* check.c: hashes every block, until the time is over. */
void pg_check_segments(struct pg_check *check);

/* repair.c: brings back from parity what can be. */
void pg_repair(struct pg_check *check);

/* record.c */
void pg_record_runs(struct purgatory_record *record);
void pg_record_repair(struct purgatory_record *record, uint64_t block, const void *right);
void pg_record_repaired(struct purgatory_record *record, uint64_t block);
void pg_record_write(struct purgatory_record *record);

/* cpu.c; E2H: EL2 has the registers of EL1 (Linux: a VHE host) */
bool pg_has_e2h(void);
bool pg_cpu_has_tcr2(void);
bool pg_cpu_enable_simd(void);	/* false: no vector instruction may be used */
enum pg_sha256_method pg_cpu_sha256_method(bool simd);
enum pg_parity_method pg_cpu_parity_method(bool simd);

/* probe.S: one vector instruction, which is not allowed in streaming mode. */
void pg_probe_vectors(void);

/*
 * SErrors of this exception level come to it, as far as pg_try lets them; or go
 * where they went before.
 */
uint64_t pg_cpu_take_serrors(void);
void pg_cpu_leave_serrors(uint64_t former);

/* mmu.c: false where it has to stay off. */
bool pg_mmu_on(void);

/* Clean and invalidate what can be reached of it. */
void pg_clean(const void *start, uint64_t size);

/* All that is checked with or against, as memory will show it to a kernel with caches off. */
void pg_clean_checked(void);

/* cache.S */
void pg_cache_clean(const void *start, const void *end);	/* not an empty range */
void pg_mmu_enable(void);
void pg_mmu_disable(void);

/* console.c: one line of text. What does not fit is cut off. */
struct pg_line {
	unsigned int size;
	char text[256];
};

void pg_line_text(struct pg_line *line, const char *text);
void pg_line_name(struct pg_line *line, const char *name, size_t size_max);
void pg_line_decimal(struct pg_line *line, uint64_t value);
void pg_line_hex(struct pg_line *line, uint64_t value);
void pg_line_bytes(struct pg_line *line, const uint8_t *bytes, size_t size);
void pg_line_print(struct pg_line *line);

/* uart.c: false if the UART does not take it before the time is over. */
struct pg_uart {
	struct pg_clock clock;
	uint64_t base;
	uint32_t type;					/* enum purgatory_uart */
	uint32_t stride, width;				/* of a 16550, see abi.h */
};

bool pg_uart_put(const struct pg_uart *uart, char c);
bool pg_uart_drain(const struct pg_uart *uart);

/* reset.S */
_Noreturn void pg_reset(uint32_t conduit);	/* enum purgatory_conduit */
_Noreturn void pg_halt(void);

static inline unsigned int pg_exception_level(void)
{
	uint64_t el;

	__asm__("mrs %0, CurrentEL" : "=r"(el));
	return (unsigned int)(el >> 2) & 3;
}

#pragma GCC visibility pop

#endif
