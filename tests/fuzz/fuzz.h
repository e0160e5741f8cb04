/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interface between a fuzz target and its driver: libFuzzer or tests/fuzz/driver.c. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/*
 * Tries one input of @size bytes (interface of libFuzzer). Aborts the program if a property
 * does not hold.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Returns valid input @index for driver.c, or NULL after the last one. *@size is in bytes; the
 * caller frees the input.
 */
uint8_t *fuzz_seed(unsigned int index, size_t *size);

/*
 * Corrects magic numbers, sizes and checksums of a changed input. Without this step the parser
 * would refuse most inputs at once.
 */
void fuzz_repair(uint8_t *data, size_t size);

#endif
