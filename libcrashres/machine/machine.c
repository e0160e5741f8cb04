/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/input.h"
#include "../base/root.h"
#include "../base/struct-size.h"
#include "devicetree.h"
#include "machine.h"
#include "tty.h"

#define TEXT_LIMIT	(64U << 20)	/* /proc/iomem of 100,000 lines has some 5 MiB */
#define TABLE_LIMIT	(4U << 20)	/* DTB (the kernel's own limit is 2 MiB), ACPI tables */
#define LINE_LIMIT	4096
#define MEMINFO_LIMIT	(64U << 10)

/* Reads an optional file: false, and a line in the log, where it is not to be had. */
static bool read_optional(struct crashres_ctx *ctx, const char *path, size_t limit, uint8_t **data,
			  size_t *size)
{
	if (crs_root_read(ctx, path, limit, data, size) == CRASHRES_OK)
		return true;
	crs_log(ctx, CRASHRES_LOG_INFO, "%s", ctx->error);
	return false;
}

/* A file with numbers of @base, blanks between them; how many there were, at most @max. */
static size_t read_numbers(struct crashres_ctx *ctx, const char *path, int base, uint64_t *values,
			   size_t max)
{
	CRS_CLEANUP(crs_freep) uint8_t *text = NULL;
	size_t size, count = 0;
	char *cursor, *end;

	if (!read_optional(ctx, path, LINE_LIMIT, &text, &size))
		return 0;
	for (cursor = (char *)text; count < max; cursor = end) {
		errno = 0;
		values[count] = strtoull(cursor, &end, base);
		if (end == cursor || errno)
			break;
		count++;
	}
	return count;
}

static enum crashres_status read_iomem(struct crashres_ctx *ctx, struct crashres_machine *machine)
{
	CRS_CLEANUP(crs_freep) uint8_t *text = NULL;
	enum crashres_status status;
	size_t size;

	status = crs_root_read(ctx, "proc/iomem", TEXT_LIMIT, &text, &size);
	if (status == CRASHRES_OK)
		status = crs_iomem_parse(ctx, text, size, &machine->iomem);
	if (status == CRASHRES_OK)
		status = crs_regions_from_iomem(ctx, &machine->iomem, &machine->regions);
	return status;
}

static int compare_numbers(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

/*
 * The N of every cpuN below /sys/devices/system/cpu, in order; numbers may have
 * gaps. *@cpus is for free() after a failure too.
 */
static enum crashres_status list_cpus(struct crashres_ctx *ctx, uint64_t **cpus, size_t *count)
{
	int fd = -1;
	DIR *dir = NULL;
	struct dirent *entry;

	*cpus = NULL;
	*count = 0;
	if (crs_root_open_folder(ctx, "sys/devices/system/cpu", &fd) == CRASHRES_OK)
		dir = fdopendir(fd);
	if (!dir) {
		crs_closep(&fd);
		return CRASHRES_OK;
	}
	while ((entry = readdir(dir))) {
		uint64_t *bigger, number;
		char *end;

		if (strncmp(entry->d_name, "cpu", 3) || entry->d_name[3] < '0' ||
		    entry->d_name[3] > '9')
			continue;
		number = strtoull(entry->d_name + 3, &end, 10);
		if (*end)
			continue;
		bigger = reallocarray(*cpus, *count + 1, sizeof(**cpus));
		if (!bigger) {
			closedir(dir);
			return crs_fail_memory(ctx);
		}
		*cpus = bigger;
		(*cpus)[(*count)++] = number;
	}
	closedir(dir);
	qsort(*cpus, *count, sizeof(**cpus), compare_numbers);
	return CRASHRES_OK;
}

static enum crashres_status read_cpu_notes(struct crashres_ctx *ctx,
					   struct crashres_machine *machine)
{
	CRS_CLEANUP(crs_freep) uint64_t *cpus = NULL;
	size_t count;
	enum crashres_status status = list_cpus(ctx, &cpus, &count);

	for (size_t i = 0; status == CRASHRES_OK && i < count; i++) {
		uint64_t address, size;
		struct crashres_range note;
		char path[96];

		snprintf(path, sizeof(path), "sys/devices/system/cpu/cpu%" PRIu64 "/crash_notes",
			 cpus[i]);
		if (read_numbers(ctx, path, 16, &address, 1) != 1)
			continue;
		snprintf(path, sizeof(path),
			 "sys/devices/system/cpu/cpu%" PRIu64 "/crash_notes_size", cpus[i]);
		if (read_numbers(ctx, path, 10, &size, 1) != 1 ||
		    !crs_range_make(address, size, &note) || !size)
			continue;
		if (!crs_ranges_add(&machine->cpu_notes, note))
			return crs_fail_memory(ctx);
	}
	return status;
}

/* "0xADDRESS SIZE", both hexadecimal (kernel/ksysfs.c, vmcoreinfo_show). */
static void read_vmcoreinfo(struct crashres_ctx *ctx, struct crashres_machine *machine)
{
	uint64_t numbers[2];

	if (read_numbers(ctx, "sys/kernel/vmcoreinfo", 16, numbers, 2) != 2 ||
	    !crs_range_make(numbers[0], numbers[1], &machine->vmcoreinfo))
		machine->vmcoreinfo = (struct crashres_range){ 0 };
}

/* The first @size bytes of what @fd holds, or fewer where it ends; NULL when there is none. */
static uint8_t *read_head(int fd, size_t *size)
{
	uint8_t *head = malloc(*size);
	size_t used = 0;
	ssize_t got = 1;

	while (head && used < *size && got > 0) {
		do
			got = pread(fd, head + used, *size - used, (off_t)used);
		while (got < 0 && errno == EINTR);
		if (got > 0)
			used += (size_t)got;
	}
	if (got < 0 || !used) {
		free(head);
		return NULL;
	}
	*size = used;
	return head;
}

/* kcore is as large as the address space: reading goes no further than its notes. */
static void read_kcore(struct crashres_ctx *ctx, struct crashres_machine *machine)
{
	CRS_CLEANUP(crs_closep) int fd = -1;
	CRS_CLEANUP(crs_freep) uint8_t *head = NULL;
	size_t size = 0, wanted = 0, needed = crs_kcore_head_size(NULL, 0);

	if (crs_root_open(ctx, "proc/kcore", &fd) != CRASHRES_OK) {
		crs_log(ctx, CRASHRES_LOG_INFO, "%s", ctx->error);
		return;
	}
	/* A copy of it may end anywhere: then there is no more to be had. */
	while (needed > size && size == wanted) {
		free(head);
		wanted = size = needed;
		head = read_head(fd, &size);
		if (!head)
			break;
		needed = crs_kcore_head_size(head, size);
	}
	if (!head)
		crs_log(ctx, CRASHRES_LOG_INFO, "cannot read /proc/kcore: %s", strerror(errno));
	else if (crs_kcore_parse(ctx, head, size, &machine->regions.ram, &machine->kcore))
		crs_log(ctx, CRASHRES_LOG_WARNING, "%s", ctx->error);
}

/* Where the file is missing, as in a copy of a machine, firmware is believed. */
static void check_console(struct crashres_ctx *ctx, struct crs_firmware *firmware)
{
	CRS_CLEANUP(crs_freep) uint8_t *consoles = NULL;
	size_t size;

	if (firmware->uart == PURGATORY_UART_NONE ||
	    !read_optional(ctx, "proc/consoles", LINE_LIMIT, &consoles, &size) ||
	    crs_firmware_uart_is_console(firmware, (const char *)consoles))
		return;
	firmware->uart = PURGATORY_UART_NONE;
}

/* The tree that the kernel was booted with, else what it made of that. */
static void read_dtb(struct crashres_ctx *ctx, struct crashres_machine *machine)
{
	if (read_optional(ctx, "sys/firmware/fdt", TABLE_LIMIT, &machine->dtb, &machine->dtb_size)) {
		if (machine->dtb_size)
			return;
		crs_log(ctx, CRASHRES_LOG_INFO, "/sys/firmware/fdt is empty");
		free(machine->dtb);
		machine->dtb = NULL;
	}
	if (crs_devicetree_read(ctx, &machine->dtb, &machine->dtb_size) == CRASHRES_OK)
		machine->dtb_is_rebuilt = true;
	else
		crs_log(ctx, CRASHRES_LOG_INFO, "%s", ctx->error);
}

static void read_firmware(struct crashres_ctx *ctx, struct crashres_machine *machine)
{
	CRS_CLEANUP(crs_freep) uint8_t *spcr = NULL;
	CRS_CLEANUP(crs_freep) uint8_t *fadt = NULL;
	struct crs_firmware *firmware = &machine->firmware;
	size_t size;

	if (machine->dtb)
		crs_firmware_from_dtb(machine->dtb, machine->dtb_size, firmware);
	if (firmware->uart == PURGATORY_UART_NONE &&
	    read_optional(ctx, "sys/firmware/acpi/tables/SPCR", TABLE_LIMIT, &spcr, &size))
		crs_firmware_from_spcr(spcr, size, firmware);
	if (firmware->conduit == PURGATORY_CONDUIT_UNKNOWN &&
	    read_optional(ctx, "sys/firmware/acpi/tables/FACP", TABLE_LIMIT, &fadt, &size))
		crs_firmware_from_fadt(fadt, size, firmware);
	check_console(ctx, firmware);
}

/* A copy of another machine's files may not hold its page size; 4 KiB is what most have. */
static uint64_t page_size(struct crashres_ctx *ctx, const struct crs_kcore *kcore)
{
	uint64_t size = kcore->page_size;

#ifdef __aarch64__
	if (ctx->root_is_live)
		return (uint64_t)sysconf(_SC_PAGESIZE);
#endif
	if (size == 4096 || size == 16384 || size == 65536)
		return size;
	crs_log(ctx, CRASHRES_LOG_INFO, "page size unknown: 4 KiB assumed");
	return 4096;
}

static void log_console(struct crashres_ctx *ctx, const struct crs_firmware *firmware)
{
	switch (firmware->uart) {
	case PURGATORY_UART_PL011:
		crs_log(ctx, CRASHRES_LOG_INFO, "purgatory's console: PL011 at 0x%" PRIx64,
			firmware->uart_base);
		break;
	case PURGATORY_UART_16550:
		crs_log(ctx, CRASHRES_LOG_INFO, "purgatory's console: 16550 at 0x%" PRIx64
			", a register each %" PRIu32 " bytes, accesses of %" PRIu32,
			firmware->uart_base, firmware->uart_stride, firmware->uart_width);
		break;
	default:
		crs_log(ctx, CRASHRES_LOG_INFO, "purgatory has no console: neither stdout-path "
			"nor SPCR names a PL011 or 16550 that is in /proc/consoles");
		break;
	}
}

/* What an operator cannot see in the plan: will purgatory speak, will the dump be whole? */
static void log_findings(struct crashres_ctx *ctx, const struct crashres_machine *machine)
{
	static const char *const conduits[] = { "not known", "by SMC", "by HVC" };

	log_console(ctx, &machine->firmware);
	crs_log(ctx, CRASHRES_LOG_INFO, "reset by PSCI: %s", conduits[machine->firmware.conduit]);
	crs_log(ctx, CRASHRES_LOG_INFO, "for the dump: notes of %zu CPUs, VMCOREINFO %s, virtual "
		"addresses of RAM %s, of the kernel's image %s", machine->cpu_notes.count,
		machine->vmcoreinfo.size ? "found" : "missing",
		machine->kcore.linear_known ? "known" : "unknown",
		machine->kcore.image_known ? "known" : "unknown");
}

static void read_cmdline(struct crashres_ctx *ctx, struct crashres_machine *machine)
{
	uint8_t *text;
	size_t size;

	if (!read_optional(ctx, "proc/cmdline", LINE_LIMIT, &text, &size))
		return;
	/* The kernel adds one newline to the line that it was given (fs/proc/cmdline.c). */
	machine->cmdline = (char *)text;
	size = strlen(machine->cmdline);
	if (size && machine->cmdline[size - 1] == '\n')
		machine->cmdline[size - 1] = '\0';
}

/* totalram_pages(), which kexec's limit is measured by (fs/proc/meminfo.c, first line). */
static void read_total_ram(struct crashres_ctx *ctx, struct crashres_machine *machine)
{
	static const char name[] = "MemTotal:";
	CRS_CLEANUP(crs_freep) uint8_t *text = NULL;
	unsigned long long kib;
	size_t size;
	char *end;

	if (!read_optional(ctx, "proc/meminfo", MEMINFO_LIMIT, &text, &size) ||
	    strncmp((char *)text, name, strlen(name)))
		return;
	errno = 0;
	kib = strtoull((char *)text + strlen(name), &end, 10);
	if (!errno && !strncmp(end, " kB\n", 4) && kib <= UINT64_MAX >> 10)
		machine->total_ram = (uint64_t)kib << 10;
}

/* The newer directory first: kernels keep the old name only for a while. */
static void read_elfcorehdr_size(struct crashres_ctx *ctx, struct crashres_machine *machine)
{
	if (read_numbers(ctx, "sys/kernel/kexec/crash_elfcorehdr_size", 10,
			 &machine->elfcorehdr_size, 1) != 1 &&
	    read_numbers(ctx, "sys/kernel/crash_elfcorehdr_size", 10,
			 &machine->elfcorehdr_size, 1) != 1)
		machine->elfcorehdr_size = 0;
}

enum crashres_status crashres_machine_read(struct crashres_ctx *ctx,
					   struct crashres_machine **machine)
{
	struct crashres_machine *new = calloc(1, sizeof(*new));
	enum crashres_status status;

	if (!new)
		return crs_fail_memory(ctx);
	status = read_iomem(ctx, new);
	if (status == CRASHRES_OK)
		status = read_cpu_notes(ctx, new);
	if (status != CRASHRES_OK) {
		crashres_machine_free(new);
		return status;
	}
	read_vmcoreinfo(ctx, new);
	read_kcore(ctx, new);
	read_cmdline(ctx, new);
	read_total_ram(ctx, new);
	new->permissions = crs_permissions_read(ctx);
	read_elfcorehdr_size(ctx, new);
	read_dtb(ctx, new);
	read_firmware(ctx, new);
	new->page_size = page_size(ctx, &new->kcore);
	log_findings(ctx, new);
	*machine = new;
	return CRASHRES_OK;
}

enum crashres_status crashres_machine_set_serial(struct crashres_ctx *ctx,
						 struct crashres_machine *machine,
						 const char *tty)
{
	enum crashres_status status = crs_tty_read(ctx, tty, &machine->firmware);

	if (status == CRASHRES_OK && machine->firmware.uart != PURGATORY_UART_NONE)
		log_console(ctx, &machine->firmware);
	return status;
}

void crashres_machine_free(struct crashres_machine *machine)
{
	if (!machine)
		return;
	crs_iomem_free(&machine->iomem);
	crs_regions_free(&machine->regions);
	crs_ranges_free(&machine->cpu_notes);
	free(machine->cmdline);
	free(machine->dtb);
	free(machine);
}

enum crashres_status crashres_machine_check_reserved(struct crashres_ctx *ctx,
						     const struct crashres_machine *machine)
{
	if (machine->regions.crash.count || machine->iomem.hidden)
		return CRASHRES_OK;
	return crs_fail(ctx, CRASHRES_ERR_NO_REGION, "Memory for crashkernel is not reserved: "
			"/proc/iomem has no \"Crash kernel\"; boot with crashkernel=SIZE");
}

static uint64_t calls_left(const struct crs_limit *limit)
{
	return limit->limited ? limit->left : UINT64_MAX;
}

void crashres_permissions_init(struct crashres_permissions *permissions, size_t size)
{
	const struct crashres_permissions defaults = CRASHRES_PERMISSIONS_INIT;

	crs_init_struct(&defaults, sizeof(defaults), permissions, size);
}

enum crashres_status crashres_machine_permissions(struct crashres_ctx *ctx,
						  const struct crashres_machine *machine,
						  struct crashres_permissions *permissions)
{
	const struct crs_permissions *source = &machine->permissions;
	const struct crashres_permissions full = {
		.size = sizeof(full),
		.locked_down = source->locked_down,
		.appraised = source->appraised,
		.load_disabled = source->load_disabled,
		.crash_calls_left = calls_left(&source->limits[CRASHRES_SLOT_CRASH]),
		.normal_calls_left = calls_left(&source->limits[CRASHRES_SLOT_NORMAL]),
	};

	return crs_copy_struct_out(ctx, "permissions", &full, sizeof(full), permissions);
}

/* The newer directory first: kernels keep the old names only for a while. */
static const char *const loaded_paths[2][2] = {
	{ "sys/kernel/kexec/loaded", "sys/kernel/kexec_loaded" },
	{ "sys/kernel/kexec/crash_loaded", "sys/kernel/kexec_crash_loaded" },
};

/* Called after neither file could be read. Every sysfs has /sys/kernel. */
static enum crashres_status fail_loaded(struct crashres_ctx *ctx, const char *const paths[2])
{
	if (crs_root_lacks(ctx, paths[0]) && crs_root_lacks(ctx, paths[1]) &&
	    !crs_root_lacks(ctx, "sys/kernel"))
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED, "the running kernel has no kexec: "
				"neither /%s nor /%s exists", paths[0], paths[1]);
	return CRASHRES_ERR_OS;
}

enum crashres_status crashres_loaded(struct crashres_ctx *ctx, enum crashres_slot slot,
				     bool *loaded)
{
	CRS_CLEANUP(crs_freep) uint8_t *text = NULL;
	const char *const *paths = loaded_paths[slot], *path = paths[0];
	enum crashres_status status;
	size_t size;

	status = crs_root_read(ctx, path, LINE_LIMIT, &text, &size);
	if (status == CRASHRES_ERR_OS) {
		path = paths[1];
		status = crs_root_read(ctx, path, LINE_LIMIT, &text, &size);
	}
	if (status == CRASHRES_ERR_OS)
		return fail_loaded(ctx, paths);
	if (status != CRASHRES_OK)
		return status;
	if ((text[0] != '0' && text[0] != '1') || (text[1] && text[1] != '\n'))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "/%s: neither 0 nor 1", path);
	*loaded = text[0] == '1';
	return CRASHRES_OK;
}

enum crashres_status crashres_machine_initrd(struct crashres_ctx *ctx,
					     struct crashres_input **initrd)
{
	CRS_CLEANUP(crs_closep) int fd = -1;
	enum crashres_status status = crs_root_open(ctx, "sys/firmware/initrd", &fd);

	if (status != CRASHRES_OK)
		return crs_prefix_error(ctx, status, "the running kernel has kept no initrd "
				  "(it needs retain_initrd and Linux 6.8)");
	return crashres_input_from_fd(ctx, fd, "/sys/firmware/initrd", initrd);
}
