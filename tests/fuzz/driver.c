/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drives a fuzz target without libFuzzer: changes valid inputs at random, in a reproducible
 * way. As a test the program prints TAP. The current input is in the file PROGRAM.input, which
 * remains if the program dies.
 *
 *    PROGRAM                   the 5000 mutations of make check
 *    PROGRAM -n COUNT -s SEED  other mutations
 *    PROGRAM FILE...           these inputs
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "../unit/support.h"
#include "fuzz.h"

#define MUTATIONS 5000

/* Numbers at the limits of integer widths. */
static const uint64_t numbers[] = {
	0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
	0x100000000, 0x7fffffffffffffff, 0x8000000000000000, 0xfffffffffffffff0, UINT64_MAX,
};

/*
 * Changes @data in one place: a bit, a byte, a number at a limit, or bytes copied from another
 * place.
 */
static void change(uint8_t *data, size_t size, uint32_t *random)
{
	/* Half of the changes hit the first 512 bytes, because headers decide most. */
	size_t reach = unit_random(random) % 2 && size > 512 ? 512 : size;
	size_t at = unit_random(random) % reach;
	size_t width = 1U << unit_random(random) % 4;

	if (width > size - at)
		width = size - at;
	switch (unit_random(random) % 4) {
	case 0:
		data[at] ^= (uint8_t)(1U << unit_random(random) % 8);
		break;
	case 1:
		data[at] = (uint8_t)unit_random(random);
		break;
	case 2:
		unit_put_le(data + at, width, numbers[unit_random(random) % COUNT(numbers)] +
					      unit_random(random) % 3 - 1);
		break;
	default:
		memmove(data + at, data + unit_random(random) % (size - width + 1), width);
	}
}

/* Writes the current input to PROGRAM.input. */
static void save_input(int fd, const uint8_t *data, size_t size)
{
	if (pwrite(fd, data, size, 0) != (ssize_t)size || ftruncate(fd, (off_t)size) < 0)
		abort();
}

/*
 * Tries one mutation of a valid input, in a heap block of the exact size, so that a sanitizer
 * sees a read after its end.
 */
static void try_mutation(unsigned int seed_index, uint32_t *random, int fd)
{
	size_t size;
	uint8_t *seed = fuzz_seed(seed_index, &size), *data;

	if (unit_random(random) % 8 == 0)
		size = unit_random(random) % size + 1;
	data = malloc(size);
	if (!data)
		abort();
	memcpy(data, seed, size);
	free(seed);
	for (unsigned int i = unit_random(random) % 6; i > 0; i--)
		change(data, size, random);
	if (unit_random(random) % 4)
		fuzz_repair(data, size);
	save_input(fd, data, size);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
}

/* Tries all valid inputs and returns their number. */
static unsigned int try_seeds(void)
{
	unsigned int count = 0;
	size_t size;
	uint8_t *seed;

	while ((seed = fuzz_seed(count, &size))) {
		LLVMFuzzerTestOneInput(seed, size);
		free(seed);
		count++;
	}
	return count;
}

/* Tries the content of a file. Returns 0, or 1 if the file cannot be opened. */
static int try_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	size_t size = 0, got;
	uint8_t *data = NULL;

	if (!file) {
		perror(path);
		return 1;
	}
	do {
		data = realloc(data, size + 65536);
		if (!data)
			abort();
		got = fread(data + size, 1, 65536, file);
		size += got;
	} while (got);
	fclose(file);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long count = MUTATIONS, done;
	CRS_CLEANUP(crs_freep) char *path = NULL;
	uint32_t random = 1;
	unsigned int seeds;
	int option, fd, failed = 0;

	while ((option = getopt(argc, argv, "n:s:")) != -1) {
		if (option == 'n')
			count = strtoul(optarg, NULL, 0);
		else if (option == 's')
			random = (uint32_t)strtoul(optarg, NULL, 0) | 1;
		else
			return 2;
	}
	if (optind < argc) {
		for (; optind < argc; optind++)
			failed |= try_file(argv[optind]);
		return failed;
	}
	if (asprintf(&path, "%s.input", argv[0]) < 0)
		return 2;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		perror(path);
		return 2;
	}
	printf("1..1\n");
	seeds = try_seeds();
	for (done = 0; done < count; done++)
		try_mutation((unsigned int)(done % seeds), &random, fd);
	close(fd);
	unlink(path);
	printf("ok 1 - %lu mutations of %u seeds\n", done, seeds);
	return 0;
}
