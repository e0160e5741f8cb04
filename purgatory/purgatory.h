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

#include "handover.h"
#include "sha256.h"

/* Hidden, or -fpie compilers reach data through a GOT that nobody fills in. */
#pragma GCC visibility push(hidden)

/* purgatory.ld: places in the image. */
extern const struct purgatory_header pg_header;
extern const struct purgatory_params pg_params;	/* at the end of the image */

/* purgatory.c */
void pg_main(void);
_Noreturn void pg_exception(uint64_t esr, uint64_t elr, uint64_t far);

/* entry.S: hand over to the kernel as its booting.rst demands. */
_Noreturn void pg_start_kernel(uint64_t dtb, uint64_t entry);

/*
 * exception.S: call function(arg). An exception in there ends the call, not
 * purgatory: all that the callee did not finish stays as it is. May be nested.
 * Return: true when function came back, false after an exception.
 */
bool pg_try(void (*function)(void *arg), void *arg);

/* check.c */
struct pg_damage {
	const struct purgatory_segment *segment;	/* of the first damaged leaf */
	uint64_t offset;				/* of that leaf in the segment */
	uint64_t damaged;				/* leaves; 0: all is well */
	uint64_t leaves;				/* checked */
};

bool pg_check_self(void);
void pg_check_segments(struct pg_damage *damage);

/* cpu.c; E2H: EL2 has the registers of EL1 (Linux: a VHE host) */
bool pg_has_e2h(void);
enum pg_sha256_method pg_cpu_sha256_method(void);
void pg_cpu_enable_simd(void);	/* before the first vector register is touched */

/* mmu.c: false where it has to stay off. */
bool pg_mmu_on(void);

/* Every checked segment, as memory will show it to a kernel that starts with caches off. */
void pg_clean_segments(void);

/* cache.S */
void pg_cache_clean(const void *start, const void *end);	/* not an empty range */
void pg_mmu_enable(void);
void pg_mmu_disable(void);

/* console.c: one line of text. What does not fit is cut off. */
struct pg_line {
	unsigned int size;
	char text[160];
};

void pg_line_text(struct pg_line *line, const char *text);
void pg_line_name(struct pg_line *line, const char *name, size_t size_max);
void pg_line_decimal(struct pg_line *line, uint64_t value);
void pg_line_hex(struct pg_line *line, uint64_t value);
void pg_line_print(struct pg_line *line);

/* uart.c: false when the UART does not take it. */
struct pg_uart {
	uint64_t base;
	uint32_t type;					/* enum purgatory_uart */
	uint32_t stride, width;				/* of a 16550, see handover.h */
};

bool pg_uart_put(const struct pg_uart *uart, char c);
bool pg_uart_drain(const struct pg_uart *uart);

/* psci.c */
_Noreturn void pg_reset(uint32_t conduit);

static inline unsigned int pg_exception_level(void)
{
	uint64_t el;

	__asm__("mrs %0, CurrentEL" : "=r"(el));
	return (unsigned int)(el >> 2) & 3;
}

#pragma GCC visibility pop

#endif
