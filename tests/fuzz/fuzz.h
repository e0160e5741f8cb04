/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a fuzz target and whatever drives it agree on. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer's interface: tries one input, stops the program where something is wrong. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* For our own driver: input @index that is as it should be, or NULL behind the last. */
uint8_t *fuzz_seed(unsigned int index, size_t *size);

/* Makes checksums right again, without which no parser would look any further. */
void fuzz_repair(uint8_t *data, size_t size);

#endif
