/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads the machine: all files of /proc and /sys that a plan needs.
 *
 * Only /proc/iomem is required. Without one of the other files the member of the machine
 * stays empty, and the log has a line. The plan decides whether it needs that member.
 */
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

#define TEXT_LIMIT	(64U << 20)	/* bytes; /proc/iomem with 100,000 lines has about 5 MiB */
#define TABLE_LIMIT	(4U << 20)	/* bytes of a DTB (the kernel's limit: 2 MiB), ACPI table */
#define LINE_LIMIT	4096		/* bytes of a file with few lines */
#define MEMINFO_LIMIT	(64U << 10)	/* bytes */

/*
 * Reads an optional file like crs_root_read(). Returns false, with a line in the log, if
 * the file cannot be read.
 */
static bool read_optional(struct crashres_ctx *ctx, const char *path, size_t limit, uint8_t **data,
			  size_t *size)
{
	if (crs_root_read(ctx, path, limit, data, size) == CRASHRES_OK)
		return true;
	crs_log(ctx, CRASHRES_LOG_INFO, "skipped: %s", ctx->error);
	return false;
}

/*
 * Reads up to @max numbers of base @base with blanks between them. Returns how many there
 * are; 0 without the file.
 */
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
 * Lists N of each folder /sys/devices/system/cpu/cpuN, sorted. The numbers can have gaps.
 * The list is empty without that folder. The caller frees *cpus, after a failure too.
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

/*
 * Reads the note of each CPU: physical address, hexadecimal, in crash_notes, and size in
 * bytes, decimal, in crash_notes_size (drivers/base/cpu.c). Skips a CPU without a note.
 */
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

/* Format: "0xADDRESS SIZE", both hexadecimal (kernel/ksysfs.c, vmcoreinfo_show()). */
static void read_vmcoreinfo(struct crashres_ctx *ctx, struct crashres_machine *machine)
{
	uint64_t numbers[2];

	if (read_numbers(ctx, "sys/kernel/vmcoreinfo", 16, numbers, 2) != 2 ||
	    !crs_range_make(numbers[0], numbers[1], &machine->vmcoreinfo))
		machine->vmcoreinfo = (struct crashres_range){ 0 };
}

/*
 * Reads the first *size bytes of @fd, or all bytes of a shorter file, and sets *size to
 * the number of bytes. The caller frees the result. NULL: nothing could be read.
 */
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

/*
 * Reads /proc/kcore up to the end of its notes. The file is as large as the address space:
 * reading all of it would copy the memory of the machine.
 */
static void read_kcore(struct crashres_ctx *ctx, struct crashres_machine *machine)
{
	CRS_CLEANUP(crs_closep) int fd = -1;
	CRS_CLEANUP(crs_freep) uint8_t *head = NULL;
	size_t size = 0, wanted = 0, needed = crs_kcore_head_size(NULL, 0);

	if (crs_root_open(ctx, "proc/kcore", &fd) != CRASHRES_OK) {
		crs_log(ctx, CRASHRES_LOG_INFO, "skipped: %s", ctx->error);
		return;
	}
	/* A copy of the file can end anywhere. "size < wanted" means that it ended. */
	while (needed > size && size == wanted) {
		free(head);
		wanted = size = needed;
		head = read_head(fd, &size);
		if (!head)
			break;
		needed = crs_kcore_head_size(head, size);
	}
	if (!head)
		crs_log(ctx, CRASHRES_LOG_INFO, "skipped: cannot read /proc/kcore: %s", strerror(errno));
	else if (crs_kcore_parse(ctx, head, size, &machine->regions.ram, &machine->kcore))
		crs_log(ctx, CRASHRES_LOG_WARNING, "%s", ctx->error);
}

/*
 * Removes a UART that the running kernel does not use as a console. If /proc/consoles is
 * missing (old copies of a machine lack it), trusts the firmware tables.
 */
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

/* Reads the boot DTB, otherwise rebuilds a DTB from /proc/device-tree. */
static void read_dtb(struct crashres_ctx *ctx, struct crashres_machine *machine)
{
	if (read_optional(ctx, "sys/firmware/fdt", TABLE_LIMIT, &machine->dtb, &machine->dtb_size)) {
		if (machine->dtb_size)
			return;
		crs_log(ctx, CRASHRES_LOG_INFO, "skipped: /sys/firmware/fdt is empty");
		free(machine->dtb);
		machine->dtb = NULL;
	}
	if (crs_devicetree_read(ctx, &machine->dtb, &machine->dtb_size) == CRASHRES_OK)
		machine->dtb_is_rebuilt = true;
	else
		crs_log(ctx, CRASHRES_LOG_INFO, "skipped: %s", ctx->error);
}

/* ACPI tables count only for what the DTB does not have. */
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

/*
 * Returns the page size of the machine in bytes. A copy of a machine can lack it. Most arm64
 * kernels use 4 KiB, so this assumes 4 KiB then.
 */
static uint64_t find_page_size(struct crashres_ctx *ctx, const struct crs_kcore *kcore)
{
	uint64_t size = kcore->page_size;

#ifdef __aarch64__
	if (ctx->root_is_live)
		return (uint64_t)sysconf(_SC_PAGESIZE);
#endif
	if (size == 4096 || size == 16384 || size == 65536)
		return size;
	crs_log(ctx, CRASHRES_LOG_INFO, "the page size is unknown: 4 KiB is assumed");
	return 4096;
}

static void log_console(struct crashres_ctx *ctx, const struct crs_firmware *firmware)
{
	switch (firmware->uart) {
	case PURGATORY_UART_PL011:
		crs_log(ctx, CRASHRES_LOG_INFO, "purgatory's console is a PL011 at 0x%" PRIx64,
			firmware->uart_base);
		break;
	case PURGATORY_UART_16550:
		crs_log(ctx, CRASHRES_LOG_INFO, "purgatory's console is a 16550 at 0x%" PRIx64
			", one register every %" PRIu32 " bytes, accesses of %" PRIu32 " bytes",
			firmware->uart_base, firmware->uart_stride, firmware->uart_width);
		break;
	default:
		crs_log(ctx, CRASHRES_LOG_INFO, "purgatory has no console: neither stdout-path "
			"nor SPCR names a PL011 or 16550 that /proc/consoles lists");
		break;
	}
}

/* Logs facts that the plan does not show: console, reset, and what the dump will contain. */
static void log_findings(struct crashres_ctx *ctx, const struct crashres_machine *machine)
{
	static const char *const conduits[] = { "unknown", "SMC", "HVC" };

	log_console(ctx, &machine->firmware);
	crs_log(ctx, CRASHRES_LOG_INFO, "the PSCI conduit for a reset is %s",
		conduits[machine->firmware.conduit]);
	crs_log(ctx, CRASHRES_LOG_INFO, "for the dump: notes of %zu CPUs; VMCOREINFO is %s; "
		"virtual addresses of RAM are %s, of the kernel's image %s",
		machine->cpu_notes.count,
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
	/* The kernel appends one newline to its command line (fs/proc/cmdline.c). */
	machine->cmdline = (char *)text;
	size = strlen(machine->cmdline);
	if (size && machine->cmdline[size - 1] == '\n')
		machine->cmdline[size - 1] = '\0';
}

/*
 * Reads totalram_pages(), the first line of /proc/meminfo: "MemTotal:   8123456 kB"
 * (fs/proc/meminfo.c). The kernel derives its limits for segments from this number
 * (kernel/kexec_core.c, sanity_check_segment_list()).
 */
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

/*
 * Newer kernels have the folder /sys/kernel/kexec. They keep the old names for some
 * releases only, so the new name comes first.
 */
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
	new->page_size = find_page_size(ctx, &new->kcore);
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

/* The public form of a limit: UINT64_MAX means no limit. */
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
		.secure_boot = source->secure_boot,
		.signature_forced = source->signature_forced,
	};

	return crs_copy_struct_out(ctx, "permissions", &full, sizeof(full), permissions);
}

/* [slot][]: the new name first, as in read_elfcorehdr_size(). */
static const char *const loaded_paths[2][2] = {
	{ "sys/kernel/kexec/loaded", "sys/kernel/kexec_loaded" },
	{ "sys/kernel/kexec/crash_loaded", "sys/kernel/kexec_crash_loaded" },
};

/*
 * Finds the reason if neither file could be read. sysfs always has /sys/kernel. So if that
 * folder exists and both files are missing, the kernel has no kexec.
 */
static enum crashres_status fail_loaded(struct crashres_ctx *ctx, const char *const paths[2])
{
	if (crs_root_lacks(ctx, paths[0]) && crs_root_lacks(ctx, paths[1]) &&
	    !crs_root_lacks(ctx, "sys/kernel"))
		return crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED, "the running kernel has no kexec "
				"support: neither /%s nor /%s exists", paths[0], paths[1]);
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
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "/%s contains neither 0 nor 1", path);
	*loaded = text[0] == '1';
	return CRASHRES_OK;
}

enum crashres_status crashres_machine_initrd(struct crashres_ctx *ctx,
					     struct crashres_input **initrd)
{
	CRS_CLEANUP(crs_closep) int fd = -1;
	enum crashres_status status = crs_root_open(ctx, "sys/firmware/initrd", &fd);

	if (status != CRASHRES_OK)
		return crs_prefix_error(ctx, status, "the running kernel kept no initrd "
				  "(this needs retain_initrd and Linux 6.8)");
	return crashres_input_from_fd(ctx, fd, "/sys/firmware/initrd", initrd);
}
