/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Implements support.h. */
#include <errno.h>
#include <ftw.h>
#include <libfdt.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

static void append_to_log(void *data, enum crashres_log_level level, const char *line)
{
	static const char *const names[] = { "warning", "info", "debug" };
	struct unit *unit = data;
	char *longer;

	if (asprintf(&longer, "%s%s: %s\n", unit->log, names[level], line) < 0)
		abort();
	free(unit->log);
	unit->log = longer;
}

int unit_setup(void **state)
{
	struct unit *unit = calloc(1, sizeof(*unit));

	if (!unit || crashres_ctx_new(&unit->ctx) != CRASHRES_OK)
		return -1;
	unit->log = strdup("");
	crashres_ctx_set_log(unit->ctx, append_to_log, unit);
	crashres_ctx_set_entropy(unit->ctx, unit_entropy, NULL);
	*state = unit;
	return unit->log ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

int unit_teardown(void **state)
{
	struct unit *unit = *state;
	int result = 0;

	if (unit->dir)
		result = nftw(unit->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	crashres_ctx_free(unit->ctx);
	free(unit->log);
	free(unit->dir);
	free(unit);
	return result;
}

bool unit_logged(const struct unit *unit, const char *line)
{
	size_t length = strlen(line);

	for (const char *at = unit->log; *at; at = strchr(at, '\n') + 1)
		if (!strncmp(at, line, length) && at[length] == '\n')
			return true;
	return false;
}

bool unit_entropy(void *data, void *bytes, size_t size)
{
	(void)data;
	for (size_t i = 0; i < size; i++)
		((uint8_t *)bytes)[i] = (uint8_t)i;
	return true;
}

char *unit_path(struct unit *unit, const char *name)
{
	char *path;

	if (!unit->dir) {
		unit->dir = strdup("unit-XXXXXX");
		assert_non_null(unit->dir);
		assert_non_null(mkdtemp(unit->dir));
	}
	assert_true(asprintf(&path, "%s/%s", unit->dir, name) > 0);
	return path;
}

void unit_write(struct unit *unit, const char *name, const void *data, size_t size)
{
	CRS_CLEANUP(crs_freep) char *path = unit_path(unit, name);
	FILE *file;

	for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
		*slash = '/';
	}
	file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

void unit_write_text(struct unit *unit, const char *name, const char *text)
{
	unit_write(unit, name, text, strlen(text));
}

void unit_write_machine(struct unit *unit)
{
	uint8_t dtb[2048];

	assert_int_equal(fdt_create(dtb, sizeof(dtb)), 0);
	fdt_finish_reservemap(dtb);
	fdt_begin_node(dtb, "");
	fdt_property_u32(dtb, "#address-cells", 2);
	fdt_property_u32(dtb, "#size-cells", 2);
	fdt_end_node(dtb);
	assert_int_equal(fdt_finish(dtb), 0);
	unit_write(unit, "sys/firmware/fdt", dtb, fdt_totalsize(dtb));
	unit_write(unit, "my.dtb", dtb, fdt_totalsize(dtb));
	unit_write_text(unit, "proc/iomem",
			"40000000-bfffffff : System RAM\n"
			"  40200000-40ffffff : Kernel code\n"
			"  41000000-412fffff : reserved\n"
			"  41300000-414fffff : Kernel data\n"
			"  50000000-5fffffff : Crash kernel\n"
			"100000000-1ffffffff : System RAM\n"
			"  1e0000000-1ffffffff : Crash kernel\n");
	unit_write_text(unit, "proc/cmdline", "root=/dev/vda1 crashkernel=1G\n");
	unit_write_text(unit, "sys/class/tty/ttyS0/type", "4\n");
	unit_write_text(unit, "sys/class/tty/ttyS0/io_type", "2\n");
	unit_write_text(unit, "sys/class/tty/ttyS0/iomem_base", "0xFE660000\n");
	unit_write_text(unit, "sys/class/tty/ttyS0/iomem_reg_shift", "2\n");
	unit_write_text(unit, "sys/kernel/vmcoreinfo", "0x41234000 1024\n");
	unit_write_text(unit, "sys/devices/system/cpu/cpu0/crash_notes", "41000000\n");
	unit_write_text(unit, "sys/devices/system/cpu/cpu0/crash_notes_size", "392\n");
	unit_write_text(unit, "sys/devices/system/cpu/cpu1/crash_notes", "41001000\n");
	unit_write_text(unit, "sys/devices/system/cpu/cpu1/crash_notes_size", "392\n");
}

void *unit_alloc(size_t size)
{
	void *memory = calloc(1, size ? size : 1);

	assert_non_null(memory);
	return memory;
}

/* xorshift32 (Marsaglia 2003): the same numbers on every host. */
uint32_t unit_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

void unit_fill(void *bytes, size_t size, uint32_t seed)
{
	for (size_t i = 0; i < size; i++)
		((uint8_t *)bytes)[i] = (uint8_t)(unit_random(&seed) >> 11);
}

void unit_put_le(uint8_t *bytes, size_t width, uint64_t value)
{
	for (; width--; value >>= 8)
		*bytes++ = (uint8_t)value;
}

uint64_t unit_get_le(const uint8_t *bytes, size_t width)
{
	uint64_t value = 0;

	while (width--)
		value = value << 8 | bytes[width];
	return value;
}

struct crashres_range unit_range(uint64_t base, uint64_t size)
{
	return (struct crashres_range){ base, size };
}

void unit_add(struct crs_ranges *ranges, uint64_t base, uint64_t size)
{
	assert_true(crs_ranges_add(ranges, unit_range(base, size)));
}
