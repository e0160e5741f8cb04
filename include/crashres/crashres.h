/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * crashres.h: the public interface of libcrashres, which plans and loads a kernel for
 * kexec and kdump on arm64.
 *
 *   machine + kernel + request  ->  plan  ->  load  ->  (panic)  ->  report
 *
 * A minimal program reads the machine, opens a kernel, makes a plan and loads it:
 *
 *   crashres_ctx_new(&ctx);
 *   crashres_machine_read(ctx, &machine);
 *   crashres_kernel_open(ctx, "/boot/Image", &kernel);
 *   crashres_plan_make(ctx, machine, kernel, &request, &plan);
 *   crashres_load(ctx, plan, &result);
 *
 * Words:
 *   slot            a place for one image in the running kernel. There are two: reboot(2)
 *                   starts the image in the normal slot, a panic starts the image in the
 *                   crash slot
 *   crash kernel    the kernel in the crash slot; capture kernel: the same kernel after the
 *                   panic, when it runs and saves the dump
 *   crash region    memory that crashkernel= reserves for the crash kernel
 *   segment         a range of memory with contents that kexec_load(2) puts there
 *   purgatory       code of this library that runs between the two kernels: it checks the
 *                   segments and repairs damage before it starts the kernel
 *   block           4 KiB, the unit of the check
 *   parity          additional bytes from which purgatory restores damaged blocks
 *   sealed Image    an arm64 Image that contains purgatory and a kernel
 *
 * Rules for every function below:
 *  - The context or the object is the first parameter. Out-parameters come last.
 *  - A function that can fail returns enum crashres_status. After a failure,
 *    crashres_error() returns a sentence about it. (crashres_ctx_new() sets no
 *    sentence.) After a failure the caller has nothing to release, and the
 *    out-parameters are unchanged. One exception: crashres_load() also fills its
 *    result after a failure.
 *  - Every function that can fail can return CRASHRES_ERR_MEMORY. The lists of
 *    statuses below do not repeat it.
 *  - Pointers must not be NULL unless the comment says "may be NULL".
 *  - Addresses are physical. Sizes are in bytes. A range is base + size.
 *  - Numbers are in host byte order.
 *  - The caller must not free a returned pointer. It is usually valid as long as the
 *    object that was passed to the function.
 *  - Use a context and all its objects from one thread at a time. The library has
 *    no global state, so different threads can use different contexts.
 *
 * Rules for structs:
 *  - A struct whose first member is "size" can grow at its end in later versions.
 *    The caller sets "size" to the sizeof of its own version of the struct: with the
 *    _INIT macro, or from other languages with the _init() function.
 *  - Input: if the caller's struct is smaller than the library's, the missing members
 *    get their defaults. If it is larger, all bytes that the library does not know must
 *    be zero. Otherwise the function returns CRASHRES_ERR_REQUEST.
 *  - Output: the library fills only the first "size" bytes.
 *  - Members called "reserved" must be 0.
 *  - A struct without "size" never changes.
 *
 * Everything here is available since version 3.0.
 */
#ifndef CRASHRES_CRASHRES_H
#define CRASHRES_CRASHRES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The result of a function that can fail. crashres_error() has the details. */
enum crashres_status {
	CRASHRES_OK = 0,
	CRASHRES_ERR_MEMORY,		/* malloc() or mmap() failed */
	CRASHRES_ERR_OS,		/* a file could not be opened or read */
	CRASHRES_ERR_PERMISSION,	/* the kernel hides the required data from this user */
	CRASHRES_ERR_FORMAT,		/* a file or table is damaged or has the wrong format */
	CRASHRES_ERR_UNSUPPORTED,	/* the library or this build does not support this machine
					   or file */
	CRASHRES_ERR_NO_REGION,		/* no memory was reserved with crashkernel= */
	CRASHRES_ERR_NO_SPACE,		/* a segment does not fit into the available memory */
	CRASHRES_ERR_LIMIT,		/* a value exceeds a limit of the kernel or of the
					   library */
	CRASHRES_ERR_REQUEST,		/* the request is invalid or contradicts itself */
	CRASHRES_ERR_SYSCALL,		/* the system call failed, or no system call is possible */
	CRASHRES_ERR_NO_RECORD,		/* purgatory left no record for this kernel */
	CRASHRES_ERR_SYSCALL_UNAVAILABLE, /* the running kernel lacks this system call, forbids
					     it, or does not know the format of the file; the
					     other system call can still work */
	CRASHRES_ERR_KEY,		/* libcrashres-ima: a private key or certificate cannot be
					   used */
	CRASHRES_ERR_NO_SIGNATURE,	/* libcrashres-ima: the file has no signature of the
					   requested kind */
	CRASHRES_ERR_NO_DEVICE_TREE,	/* no device tree in the request, in the kernel file or on
					   the machine */
	CRASHRES_ERR_PE_SIGNATURE,	/* libcrashres-ima: the new signature would make the PE
					   signature of the file invalid */
	CRASHRES_ERR_NO_SEALED_IMAGE,	/* the folder has no sealed Image of this kernel */
	CRASHRES_ERR_OTHER_INITRD,	/* the sealed Image of this kernel in the folder is sealed
					   with another initrd */
};

/* The two places for an image in the running kernel. */
enum crashres_slot {
	CRASHRES_SLOT_NORMAL = 0,	/* reboot(2) starts this image */
	CRASHRES_SLOT_CRASH = 1,	/* a panic starts this image */
};

/* The system call that loads an image. */
enum crashres_call {
	CRASHRES_CALL_AUTO = 0,		/* the plan chooses; see crashres_plan_make() */
	CRASHRES_CALL_LOAD,		/* kexec_load(2): the library places the segments, and the
					   library's purgatory checks them before the new
					   kernel starts */
	CRASHRES_CALL_FILE_LOAD,	/* kexec_file_load(2): the running kernel verifies
					   signatures and places the segments */
};

/* The name of a status without "CRASHRES_", such as "ERR_NO_REGION"; "unknown" for other values. */
const char *crashres_status_name(enum crashres_status status);

/* The version of this library, such as "3.0.0". */
const char *crashres_version(void);

/* The answer to a yes-or-no question about the machine. */
enum crashres_answer {
	CRASHRES_ANSWER_UNKNOWN = 0,	/* the file with the answer is missing, cannot be read or
					   is not understood */
	CRASHRES_ANSWER_NO,
	CRASHRES_ANSWER_YES,
};

/* A range of memory. base + size never exceeds UINT64_MAX. A range of size 0 is empty. */
struct crashres_range {
	uint64_t base;			/* physical address */
	uint64_t size;			/* bytes */
};

/* ------------------------------------------------------------------ context */

/* Holds the root for /proc and /sys, the log function, the source of entropy and the last error. */
struct crashres_ctx;

enum crashres_log_level {
	CRASHRES_LOG_WARNING = 0,	/* the user should know */
	CRASHRES_LOG_INFO,		/* what was decided, and why */
	CRASHRES_LOG_DEBUG,		/* what was read */
};

/* Receives one @line of the log, without newline. @line is valid during the call only. */
typedef void crashres_log_fn(void *data, enum crashres_log_level level, const char *line);

/* Fills @bytes with @size random bytes. Returns false if no random bytes are available. */
typedef bool crashres_entropy_fn(void *data, void *bytes, size_t size);

/**
 * crashres_ctx_new() - a context that reads below / and logs nothing
 * @ctx: out; release with crashres_ctx_free().
 */
enum crashres_status crashres_ctx_new(struct crashres_ctx **ctx);

/* Releases @ctx, which may be NULL. Objects made with it must be freed first. */
void crashres_ctx_free(struct crashres_ctx *ctx);

/**
 * crashres_ctx_set_root() - read every /proc and /sys file below @path
 * @path: a directory; "/" (the default) means the running machine.
 *
 * Use this to plan from a copy of another machine's /proc and /sys. The paths of
 * kernel, initrd and DTB files are not affected. The copy is not trusted: symbolic
 * links cannot lead outside of @path (as with chroot(2)), and only regular files are
 * read.
 *
 * Return:
 *   CRASHRES_ERR_OS           @path cannot be opened as a directory
 *   CRASHRES_ERR_UNSUPPORTED  @path is not "/", and the running kernel is older than
 *                             Linux 5.6 and has no openat2(2)
 */
enum crashres_status crashres_ctx_set_root(struct crashres_ctx *ctx, const char *path);

/* Sends log lines to @log, and passes @data to each call. @log may be NULL: no log. */
void crashres_ctx_set_log(struct crashres_ctx *ctx, crashres_log_fn *log, void *data);

/* Replaces getrandom(2) as the source of the kaslr-seed and rng-seed of the new kernel. */
void crashres_ctx_set_entropy(struct crashres_ctx *ctx, crashres_entropy_fn *entropy, void *data);

/**
 * crashres_error() - a sentence about the last failure
 *
 * The sentence is one line without newline or full stop. It usually names the file or
 * the step that failed, such as "kernel /boot/Image: truncated: ...". Read it directly
 * after the failure: the next call with @ctx can change it.
 */
const char *crashres_error(const struct crashres_ctx *ctx);

/* A member of struct crashres_request or struct crashres_seal_request. */
enum crashres_member {
	CRASHRES_MEMBER_NONE = 0,
	CRASHRES_MEMBER_DTB,
	CRASHRES_MEMBER_WINDOW,
	CRASHRES_MEMBER_ENTRY,
	CRASHRES_MEMBER_PURGATORY_MMU_OFF,
	CRASHRES_MEMBER_PURGATORY_REQUIRED,
	CRASHRES_MEMBER_NO_CMA,
	CRASHRES_MEMBER_FORCE_DTB,
	CRASHRES_MEMBER_SEALING,
	CRASHRES_MEMBER_HOTPLUG,
	CRASHRES_MEMBER_REUSE_CMDLINE,
	CRASHRES_MEMBER_SLOT,
	CRASHRES_MEMBER_CALL,
	CRASHRES_MEMBER_ON_DAMAGE,
	CRASHRES_MEMBER_ON_TIMEOUT,
	CRASHRES_MEMBER_SEALED,
};

/*
 * The member of the request that caused the last failure, or CRASHRES_MEMBER_NONE. A command
 * can use it to name its own option, because the sentence does not always name the member.
 */
enum crashres_member crashres_error_member(const struct crashres_ctx *ctx);

/* ------------------------------------------------------------------ machine */

/*
 * All facts that the library reads from a machine. Only /proc/iomem must be readable.
 * If another file is missing, its facts are unknown. This is an error only if a later
 * function needs these facts.
 */
struct crashres_machine;

/**
 * crashres_machine_read() - read /proc and /sys below the context's root
 * @machine: out; release with crashres_machine_free().
 *
 * Return:
 *   CRASHRES_ERR_OS      /proc/iomem cannot be read
 *   CRASHRES_ERR_FORMAT  a line of /proc/iomem does not describe a resource
 */
enum crashres_status crashres_machine_read(struct crashres_ctx *ctx,
					   struct crashres_machine **machine);
void crashres_machine_free(struct crashres_machine *machine);	/* may be NULL */

/**
 * crashres_machine_regions() - the crash regions that crashkernel= reserved
 * @count: out; 0 if no region is reserved, or /proc/iomem hides its addresses.
 *
 * Element 0 is the high region, which holds all segments. Element 1, if present, is
 * the low region, which the capture kernel uses for DMA. The capture kernel cannot
 * use any further regions (linux,usable-memory-range has two entries).
 */
const struct crashres_range *crashres_machine_regions(const struct crashres_machine *machine,
						      size_t *count);

/**
 * crashres_machine_check_reserved() - is memory reserved for a crash kernel?
 *
 * A command can call this before it opens large files. The function succeeds if
 * /proc/iomem hides its addresses, because the answer is unknown then.
 *
 * Return: CRASHRES_ERR_NO_REGION if no memory is reserved.
 */
enum crashres_status crashres_machine_check_reserved(struct crashres_ctx *ctx,
						     const struct crashres_machine *machine);

/*
 * The page size of the running kernel in bytes; 4096 if it is unknown. kexec_load(2) demands
 * segments of whole pages.
 */
uint64_t crashres_machine_page_size(const struct crashres_machine *machine);

/* The rules of the running kernel about kexec, as far as /proc and /sys show them. */
struct crashres_permissions {
	size_t size;				/* sizeof(struct crashres_permissions) */
	enum crashres_answer locked_down;	/* lockdown is "integrity" or "confidentiality" */
	enum crashres_answer appraised;		/* the IMA policy appraises KEXEC_KERNEL_CHECK */
	enum crashres_answer load_disabled;	/* kernel.kexec_load_disabled is 1 */
	/*
	 * The number of kexec calls that the kernel still accepts. UINT64_MAX: no limit, or
	 * the limit cannot be read.
	 */
	uint64_t crash_calls_left;		/* kernel.kexec_load_limit_panic */
	uint64_t normal_calls_left;		/* kernel.kexec_load_limit_reboot */
	enum crashres_answer secure_boot;	/* the firmware verifies what it boots */
	enum crashres_answer signature_forced;	/* kexec_file_load demands a PE signature because of
						   CONFIG_KEXEC_SIG_FORCE, or because of Secure
						   Boot and CONFIG_IMA_ARCH_POLICY */
};

#define CRASHRES_PERMISSIONS_INIT { .size = sizeof(struct crashres_permissions) }
void crashres_permissions_init(struct crashres_permissions *permissions, size_t size);

/*
 * Fills @permissions. Each kexec system call for a slot decreases the limit of that slot.
 * Unloads and most failed calls count too.
 */
enum crashres_status crashres_machine_permissions(struct crashres_ctx *ctx,
						  const struct crashres_machine *machine,
						  struct crashres_permissions *permissions);

/**
 * crashres_machine_ram() - the memory that a dump covers, lowest address first
 * @count: out; 0 if /proc/iomem hides its addresses.
 *
 * The array has every "System RAM" entry of /proc/iomem, also memory that drivers added
 * later. It does not contain the crash regions.
 */
const struct crashres_range *crashres_machine_ram(const struct crashres_machine *machine,
						  size_t *count);

/**
 * crashres_machine_cpu_notes() - the memory where the kernel stores CPU registers at a panic
 * @count: out; 0 if /sys/devices/system/cpu shows no such memory.
 *
 * The array has one range for each CPU with crash_notes, in the order of the CPU numbers.
 */
const struct crashres_range *crashres_machine_cpu_notes(const struct crashres_machine *machine,
							size_t *count);

/* The range of the VMCOREINFO note; size 0 if /sys/kernel/vmcoreinfo does not show it. */
struct crashres_range crashres_machine_vmcoreinfo(const struct crashres_machine *machine);

/*
 * The size in bytes that the elfcorehdr segment needs if the running kernel updates it after
 * CPU or memory hotplug. 0: the running kernel does not update it. The size comes from
 * /sys/kernel/kexec/crash_elfcorehdr_size, or /sys/kernel/crash_elfcorehdr_size on older kernels.
 */
uint64_t crashres_machine_elfcorehdr_size(const struct crashres_machine *machine);

/* /proc/cmdline without its newline; NULL if the file could not be read. */
const char *crashres_machine_command_line(const struct crashres_machine *machine);

/* The facts that a complete dump needs. The values are bits that can be combined. */
enum crashres_dump_part {
	CRASHRES_DUMP_RAM = 1,			/* the ranges of RAM; without them, no dump is
						   possible */
	CRASHRES_DUMP_CPU_NOTES = 2,		/* the registers of the CPUs */
	CRASHRES_DUMP_VMCOREINFO = 4,		/* VMCOREINFO; without it, makedumpfile cannot
						   filter pages */
	CRASHRES_DUMP_LINEAR_ADDRESSES = 8,	/* virtual addresses of RAM */
	CRASHRES_DUMP_KERNEL_ADDRESSES = 16,	/* virtual addresses of the kernel's own image */
};

/* The missing parts as an OR of enum crashres_dump_part. 0: no part is missing. */
unsigned int crashres_machine_missing_dump_parts(const struct crashres_machine *machine);

/* A text for people, such as "registers of the CPUs"; NULL if @part is not exactly one part. */
const char *crashres_dump_part_name(enum crashres_dump_part part);

/**
 * crashres_machine_set_serial() - the serial port that purgatory reports to
 * @tty: a name in /sys/class/tty such as "ttyAMA0" or "ttyS0", with or without "/dev/".
 *
 * Without this call, purgatory uses the port that firmware names: stdout-path of the
 * device tree, otherwise the SPCR table of ACPI. But purgatory prints nothing if
 * /proc/consoles has no console of the same kind (ttyAMA for a PL011, ttyS for a 16550).
 *
 * Purgatory can drive a PL011 or a 16550 with registers in memory. With any other @tty
 * the function succeeds and logs a warning, and purgatory prints nothing.
 *
 * Return:
 *   CRASHRES_ERR_OS       /sys/class/tty has no @tty
 *   CRASHRES_ERR_REQUEST  @tty is not a valid name of a tty
 */
enum crashres_status crashres_machine_set_serial(struct crashres_ctx *ctx,
						 struct crashres_machine *machine,
						 const char *tty);

struct crashres_input;

/**
 * crashres_machine_initrd() - the initrd that the running kernel was started with
 * @initrd: out; release with crashres_input_close().
 *
 * The kernel keeps its initrd only with the parameter retain_initrd, in
 * /sys/firmware/initrd (since Linux 6.8).
 *
 * Return: as crashres_input_open(), for the file /sys/firmware/initrd.
 */
enum crashres_status crashres_machine_initrd(struct crashres_ctx *ctx,
					     struct crashres_input **initrd);

/**
 * crashres_loaded() - does the kernel hold an image in @slot?
 * @loaded: out.
 *
 * The answer comes from /sys/kernel/kexec/loaded or /sys/kernel/kexec/crash_loaded, on older
 * kernels from /sys/kernel/kexec_loaded or /sys/kernel/kexec_crash_loaded.
 *
 * Return:
 *   CRASHRES_ERR_UNSUPPORTED  the file is missing in sysfs: the kernel was built without kexec
 *   CRASHRES_ERR_OS           the file cannot be read, for example because sysfs is not mounted
 *   CRASHRES_ERR_FORMAT       the file contains neither 0 nor 1
 */
enum crashres_status crashres_loaded(struct crashres_ctx *ctx, enum crashres_slot slot,
				     bool *loaded);

/* -------------------------------------------------------------------- input */

/*
 * The bytes of a kernel, initrd or DTB. They do not change if the file changes later. So
 * the library loads the same bytes for which it computed digests. There is one exception:
 * original_files in struct crashres_attempt.
 */
struct crashres_input;

/**
 * crashres_input_open() - copy a file, or all bytes that a device or pipe delivers
 * @input: out; release with crashres_input_close().
 *
 * Return:
 *   CRASHRES_ERR_OS      the file cannot be opened or read, or changed during the copy
 *   CRASHRES_ERR_FORMAT  the file is empty
 *   CRASHRES_ERR_LIMIT   the file has more than 4 GiB
 */
enum crashres_status crashres_input_open(struct crashres_ctx *ctx, const char *path,
					 struct crashres_input **input);

/**
 * crashres_input_from_fd() - read a file through an open descriptor
 * @fd:    borrowed; the caller may close it after the call.
 * @name:  the name for messages; copied.
 * @input: out; release with crashres_input_close().
 *
 * A file is copied from its beginning; the current file offset does not matter. A pipe is
 * read until its end. A memfd with F_SEAL_WRITE, F_SEAL_SHRINK and F_SEAL_GROW is not
 * copied but mapped.
 *
 * Return: as crashres_input_open().
 */
enum crashres_status crashres_input_from_fd(struct crashres_ctx *ctx, int fd, const char *name,
					    struct crashres_input **input);

/**
 * crashres_input_from_memory() - use bytes in memory of the caller
 * @name:  the name for messages; copied.
 * @data:  borrowed. The caller must not change or free it before the input is released.
 *         The library copies it only for kexec_file_load(2), which needs a file
 *         descriptor.
 * @input: out; release with crashres_input_close().
 *
 * Return:
 *   CRASHRES_ERR_FORMAT  @size is 0
 *   CRASHRES_ERR_LIMIT   @size is more than 4 GiB
 */
enum crashres_status crashres_input_from_memory(struct crashres_ctx *ctx, const char *name,
						const void *data, size_t size,
						struct crashres_input **input);

/**
 * crashres_input_open_below_root() - copy a file below the context's root
 * @path:  absolute; "/" is the context's root. No link leads out of the root.
 * @input: out; NULL if the file is missing. Release with crashres_input_close().
 *
 * Return: CRASHRES_ERR_OS if the file cannot be opened or read; CRASHRES_ERR_FORMAT for a
 * FIFO, a device or a folder.
 */
enum crashres_status crashres_input_open_below_root(struct crashres_ctx *ctx, const char *path,
						    struct crashres_input **input);

void crashres_input_close(struct crashres_input *input);	/* may be NULL */

/* The bytes of @input. @size: out; the number of bytes. */
const void *crashres_input_data(const struct crashres_input *input, size_t *size);

/**
 * crashres_input_save() - write the bytes of an input to a file
 * @path: a symbolic link is followed if it belongs to this user, to root or to the owner of its
 *        folder.
 *
 * A regular file is replaced in one step: at every moment @path is the old file or the
 * complete new file, also after a crash of the machine. The new file belongs to this user. It
 * has the permissions of the file that the input was read from, and 0600 if there was none,
 * without those in the umask. A sealed Image has the permissions that both its kernel and its
 * initrd have. vfat has no permissions: there, those of the mount apply.
 *
 * A device, a pipe or an open file (/dev/stdout, /dev/fd/N) is written directly.
 *
 * The function blocks the signals of this thread until the file is complete.
 *
 * Return: CRASHRES_ERR_OS if @path cannot be written. A regular file is then unchanged.
 */
enum crashres_status crashres_input_save(struct crashres_ctx *ctx,
					 const struct crashres_input *input, const char *path);

/* ------------------------------------------------------------------- kernel */

/*
 * An arm64 Image and the other parts of its file (a UKI can contain an initrd, a DTB and a
 * command line).
 */
struct crashres_kernel;

/**
 * crashres_kernel_open() - open a kernel and remove its wrappers
 * @kernel: out; release with crashres_kernel_close().
 *
 * A wrapper is a container or a compression. crashres_kernel_formats() lists them.
 *
 * Return:
 *   CRASHRES_ERR_OS           the file cannot be opened or read
 *   CRASHRES_ERR_FORMAT       the file is not a kernel, or is truncated or damaged
 *   CRASHRES_ERR_UNSUPPORTED  the kernel is big-endian, or too old to have image_size in
 *                             its header (before Linux 3.17), or this build lacks its
 *                             format; or the file is a FIT image or a DTB
 *   CRASHRES_ERR_LIMIT        the unpacked kernel has more than 4 GiB, or unpacking it
 *                             needs more than 256 MiB of memory
 */
enum crashres_status crashres_kernel_open(struct crashres_ctx *ctx, const char *path,
					  struct crashres_kernel **kernel);

/**
 * crashres_kernel_from_input() - open a kernel from an input
 * @input:  the kernel keeps its own reference, so the caller may close @input at any time.
 *          Memory that was passed to crashres_input_from_memory() must outlive the kernel.
 * @kernel: out; release with crashres_kernel_close().
 *
 * Return: as crashres_kernel_open().
 */
enum crashres_status crashres_kernel_from_input(struct crashres_ctx *ctx,
						struct crashres_input *input,
						struct crashres_kernel **kernel);
void crashres_kernel_close(struct crashres_kernel *kernel);	/* may be NULL */

/* The outermost container of the file, as kexec-tools names it, such as "Image" or "vmlinux". */
const char *crashres_kernel_type(const struct crashres_kernel *kernel);

/* Returns CRASHRES_ERR_FORMAT if @kernel is not of @type, or @type is unknown. */
enum crashres_status crashres_kernel_check_type(struct crashres_ctx *ctx,
						const struct crashres_kernel *kernel,
						const char *type);

/*
 * The four functions below read the header of the arm64 Image
 * (Documentation/arch/arm64/booting.rst). Wrappers around the Image do not matter.
 */

/* The page size of the kernel in bytes; 0 if the header does not contain it. */
uint64_t crashres_kernel_page_size(const struct crashres_kernel *kernel);
/* The distance in bytes from a 2 MiB boundary to the Image. */
uint64_t crashres_kernel_text_offset(const struct crashres_kernel *kernel);
/* The memory that the kernel needs, in bytes from the start of the Image, including BSS. */
uint64_t crashres_kernel_image_size(const struct crashres_kernel *kernel);
/*
 * True if the Image can lie anywhere in RAM (since Linux 4.6). An older kernel cannot use
 * the memory below its Image.
 */
bool crashres_kernel_runs_anywhere(const struct crashres_kernel *kernel);

/**
 * crashres_kernel_formats() - list the formats that crashres_kernel_open() opens in this build
 * @text: out; a text for people, such as "arm64 Image, vmlinux, ...".
 * @size: the size of @text in bytes. A longer list is cut off.
 *
 * Return: the length of the whole list without its NUL, as snprintf() returns it.
 */
size_t crashres_kernel_formats(char *text, size_t size);

/* --------------------------------------------------------------------- plan */

/*
 * The action of purgatory if damage remains after the repair, if the time is over before the
 * repair is complete, or if a cache cannot be cleaned.
 */
enum crashres_on_damage {
	CRASHRES_ON_DAMAGE_RESET = 0,	/* reset the machine through firmware (PSCI) */
	CRASHRES_ON_DAMAGE_HALT,	/* stop the CPU */
	CRASHRES_ON_DAMAGE_BOOT,	/* start the damaged kernel */
};

/*
 * The action of purgatory if the time was over before all blocks were checked, and all blocks
 * that were checked are intact.
 */
enum crashres_on_timeout {
	CRASHRES_ON_TIMEOUT_BOOT = 0,	/* start the kernel; the report shows the timeout */
	CRASHRES_ON_TIMEOUT_RESET,	/* reset the machine through firmware (PSCI) */
	CRASHRES_ON_TIMEOUT_HALT,	/* stop the CPU */
};

/*
 * The default amount of parity: 6.25 % of the checked bytes. With kexec_load, the plan uses
 * less if there is not enough room (see enum crashres_repair_reason). A sealed Image always
 * has the full 6.25 %.
 */
#define CRASHRES_REPAIR_AUTO UINT32_MAX

/*
 * Selects when the library passes a sealed Image to kexec_file_load(2) instead of the kernel.
 * A sealed Image checks itself before it starts; see crashres_seal().
 */
enum crashres_sealing {
	CRASHRES_SEALING_AUTO = 0,	/* seal a crash kernel, except with no_checks, or if the
					   running kernel demands a signature (sealing breaks
					   the signature) */
	CRASHRES_SEALING_ALWAYS,	/* seal every kernel that is not sealed already; the plan
					   then has no attempt with kexec_load */
	CRASHRES_SEALING_NEVER,		/* seal no kernel */
};

/* A request for a load. Initialise it with CRASHRES_REQUEST_INIT or crashres_request_init(). */
struct crashres_request {
	size_t size;				/* sizeof(struct crashres_request) */
	enum crashres_slot slot;
	const struct crashres_input *initrd;	/* borrowed; NULL: the initrd in the kernel file,
						   if any */
	/*
	 * Borrowed. NULL: the DTB in the kernel file, otherwise the device tree of the machine.
	 * kexec_file_load(2) takes no DTB. So with a DTB here, CRASHRES_CALL_AUTO means
	 * kexec_load(2), and CRASHRES_CALL_FILE_LOAD ignores the DTB with a warning.
	 */
	const struct crashres_input *dtb;
	/*
	 * If this is NULL and reuse_cmdline is false, the new kernel gets the command line in the
	 * kernel file, if any. For the crash slot, BOOT_IMAGE and crashkernel= are removed from
	 * that line.
	 */
	const char *command_line;
	/*
	 * True: the running kernel's command line comes first, then command_line, if any.
	 * BOOT_IMAGE is removed from the running kernel's line, for the crash slot crashkernel=
	 * too.
	 */
	bool reuse_cmdline;
	struct crashres_range window;		/* kexec_load: all segments must lie inside this
						   range */
	bool purgatory_mmu_off;			/* kexec_load: check with MMU and data cache off */
	bool no_checks;				/* start the kernel without a check; a sealed Image
						   still checks itself */
	enum crashres_on_damage on_damage;
	/*
	 * The size of parity in hundredths of a percent of the checked bytes (625: 6.25 %). A small
	 * value is raised to about 0.8 %. 0: no parity. CRASHRES_REPAIR_AUTO: the default amount.
	 * kexec_load into the normal slot ignores "repair" and "check_seconds".
	 */
	uint32_t repair;
	uint32_t check_seconds;			/* time limit of the check; 0: no limit */
	enum crashres_call call;		/* AUTO: the plan chooses */
	bool purgatory_required;		/* fail instead of loading the kernel without
						   purgatory; without effect if "entry" is set */
	uint64_t entry;				/* kexec_load: start at this address and skip
						   purgatory; 0: start purgatory */
	bool hotplug;				/* kexec_load: let the running kernel update the
						   elfcorehdr after CPU or memory hotplug */
	enum crashres_on_timeout on_timeout;	/* the action if check_seconds are over before the
						   check is complete, and no damage was found */
	bool no_cma;				/* kexec_file_load: place no segment in CMA
						   memory */
	bool force_dtb;				/* kexec_file_load: set KEXEC_FILE_FLAG_FORCE_DTB;
						   without effect on arm64 */
	enum crashres_sealing sealing;		/* kexec_file_load */
	/*
	 * Borrowed; may be NULL. A ready sealed Image: it was sealed from the kernel and the initrd
	 * of this request, and signed. crashres_plan_uses_sealed() tells when a plan
	 * loads it instead of the kernel. If the running kernel refuses it, the kernel itself
	 * follows, except with purgatory_required and CRASHRES_SEALING_ALWAYS. The running kernel
	 * verifies the signature of that kernel as without a sealed Image, but nothing pins the
	 * initrd then.
	 */
	const struct crashres_kernel *sealed;
};

/*
 * The defaults: the normal slot; no initrd, DTB or command line in addition to those in the
 * kernel file; all addresses are allowed; a time limit of 30 seconds for the check.
 */
#define CRASHRES_REQUEST_INIT \
	{ .size = sizeof(struct crashres_request), .window = { 0, UINT64_MAX }, \
	  .repair = CRASHRES_REPAIR_AUTO, .check_seconds = 30 }
void crashres_request_init(struct crashres_request *request, size_t size);

/*
 * One segment for kexec_load(2). This struct never changes, because it is the element of an
 * array.
 */
struct crashres_segment {
	const char *name;		/* "kernel", "initrd", "dtb", "elfcorehdr", "purgatory",
					   "parity" */
	const void *data;
	uint64_t data_size;		/* bytes of data; the kernel fills the rest of the range
					   with zeros */
	struct crashres_range range;	/* where the segment lies after the load */
};

/* An ordered list of attempts to load a kernel, made by crashres_plan_make(). */
struct crashres_plan;

/**
 * crashres_plan_make() - decide which system calls to try, and place all segments
 * @machine: borrowed; must outlive the plan.
 * @kernel:  borrowed; must outlive the plan.
 * @request: copied. Its initrd and DTB are borrowed and must outlive the plan.
 * @plan:    out; release with crashres_plan_free().
 *
 * This function changes nothing on the machine. The plan is a list of attempts. An
 * attempt is one system call with its segments or files. An attempt that is impossible
 * on this machine stays in the list, with the reason.
 *
 * With CRASHRES_CALL_AUTO and a crash kernel, kexec_load(2) comes first, because it loads
 * purgatory without sealing. For a normal kernel kexec_file_load(2) comes first, and
 * kexec_load(2) is impossible if the running kernel demands a signature. If only one of the
 * two system calls supports all members of the request, the list has only this system call.
 * CRASHRES_CALL_LOAD and CRASHRES_CALL_FILE_LOAD also restrict the list to one system call.
 *
 * This function prepares the first possible attempt. For kexec_load(2) it makes all
 * segments and checks them against the kernel's rules. For kexec_file_load(2) it makes
 * the file descriptors and, if needed, the sealed Image. All this comes before the load,
 * because a failed load can remove the previous crash kernel. crashres_load() prepares a
 * later attempt only after the kernel refused an earlier attempt.
 *
 * If the preparation fails, the attempt becomes impossible, and the function prepares the
 * next possible attempt. It returns the failure only if no other attempt is possible, or
 * if another attempt would not help, for example because a segment does not fit.
 *
 * If no attempt is possible even before the preparation, for example because of lockdown,
 * the function still succeeds. Call crashres_plan_check_possible() to find out.
 *
 * Return:
 *   CRASHRES_ERR_PERMISSION      /proc/iomem hides its addresses
 *   CRASHRES_ERR_NO_REGION       crash slot: no memory is reserved
 *   CRASHRES_ERR_NO_SPACE        a segment does not fit. The sentence usually says how much
 *                                memory is missing (crash slot: for all segments together)
 *   CRASHRES_ERR_LIMIT           a value exceeds a limit of the kernel, of purgatory or of
 *                                the DTB. Examples: the command line, the DTB or the sum
 *                                of the segments is too large; an address needs more cells
 *                                than #address-cells of the DTB; "entry" lies outside the
 *                                crash region
 *   CRASHRES_ERR_FORMAT          the DTB or the sealed Image is damaged
 *   CRASHRES_ERR_NO_DEVICE_TREE  kexec_load: no DTB in the request, in the kernel file or on
 *                                the machine
 *   CRASHRES_ERR_UNSUPPORTED     the crash region lies above 2^48
 *   CRASHRES_ERR_REQUEST         base + size of the window exceeds UINT64_MAX, an enum has an
 *                                unknown value, no system call supports all members of the
 *                                request, @request->sealed is not a sealed Image, or the sealed
 *                                Image to load has another initrd than the request
 *   CRASHRES_ERR_OS              for example: /proc/cmdline cannot be read (reuse_cmdline), or
 *                                the running kernel does not update the elfcorehdr (hotplug)
 */
enum crashres_status crashres_plan_make(struct crashres_ctx *ctx,
					const struct crashres_machine *machine,
					const struct crashres_kernel *kernel,
					const struct crashres_request *request,
					struct crashres_plan **plan);
void crashres_plan_free(struct crashres_plan *plan);	/* may be NULL */

/**
 * crashres_plan_uses_sealed() - would a plan use a ready sealed Image?
 * @answer: out.
 *
 * The answer does not depend on @request->sealed, so a command can ask before it looks for such
 * an Image. The answer is NO for the normal slot, no_checks, CRASHRES_SEALING_NEVER and
 * CRASHRES_CALL_LOAD, for a @kernel that is sealed already, and if the running kernel demands no
 * signature: then kexec_load(2) and an Image that the plan seals are as good, and follow the
 * policies of the request.
 *
 *   CRASHRES_ANSWER_YES      the running kernel demands a signature, and kexec_load(2) is not
 *                            allowed or not requested
 *   CRASHRES_ANSWER_UNKNOWN  /proc and /sys do not show whether a signature is demanded, or only
 *                            kexec_file_load(2) demands it. The plan uses the sealed Image if
 *                            kexec_load(2) fails, or with CRASHRES_CALL_FILE_LOAD
 *   CRASHRES_ANSWER_NO       the plan ignores a ready sealed Image
 *
 * Return: CRASHRES_ERR_REQUEST if @request->size is not valid.
 */
enum crashres_status crashres_plan_uses_sealed(struct crashres_ctx *ctx,
					       const struct crashres_machine *machine,
					       const struct crashres_kernel *kernel,
					       const struct crashres_request *request,
					       enum crashres_answer *answer);

/* The slot of the request. */
enum crashres_slot crashres_plan_slot(const struct crashres_plan *plan);
/* The complete command line of the new kernel; "" if it is empty. */
const char *crashres_plan_command_line(const struct crashres_plan *plan);

/* The reason for the amount of parity in a plan. */
enum crashres_repair_reason {
	CRASHRES_REPAIR_OFF = 0,	/* the request wants no parity or no check, or the slot is
					   the normal slot */
	CRASHRES_REPAIR_REQUESTED,	/* the requested amount; for CRASHRES_REPAIR_AUTO, the full
					   6.25 % */
	CRASHRES_REPAIR_REDUCED,	/* less than 6.25 %, because half of the crash region must
					   stay free, or because of the kernel's limit for the
					   sum of all segments */
	CRASHRES_REPAIR_NO_ROOM,	/* no parity, because there is not enough room */
};

/*
 * The parity of an attempt. This struct never changes, because struct crashres_attempt
 * contains it.
 */
struct crashres_repair {
	enum crashres_repair_reason reason;
	uint64_t checked;		/* bytes that purgatory checks */
	uint64_t parity;		/* bytes of parity */
	uint64_t burst;			/* purgatory can repair this many adjacent damaged bytes at
					   any address */
};

/*
 * The code that checks the loaded kernel before the kernel starts. NONE and NONE_... mean that
 * no code checks the kernel; they differ in the reason.
 */
enum crashres_check {
	CRASHRES_CHECK_UNKNOWN = 0,	/* only in a result that crashres_load() has not filled */
	CRASHRES_CHECK_PURGATORY,	/* kexec_load: the purgatory segment */
	CRASHRES_CHECK_SEALED,		/* kexec_file_load: purgatory in the Image that the plan
					   sealed */
	CRASHRES_CHECK_ALREADY_SEALED,	/* kexec_file_load: purgatory in a kernel file that was
					   sealed earlier */
	CRASHRES_CHECK_NONE,		/* no check is planned, for example because of no_checks or
					   "entry", or for kexec_file_load into the normal
					   slot */
	CRASHRES_CHECK_NONE_SIGNATURE,	/* the running kernel demands a signature, which sealing
					   would break */
	CRASHRES_CHECK_NONE_REFUSED,	/* the kernel could not be sealed, or the running kernel
					   refused the sealed Image */
	CRASHRES_CHECK_NONE_SEALING_OFF, /* kexec_load was not possible, and the request forbids
					    sealing */
};

/* The kind of refusal after which crashres_load() makes another attempt. */
enum crashres_refusal {
	CRASHRES_REFUSAL_NONE = 0,	/* no other attempt follows: the load fails */
	CRASHRES_REFUSAL_CALL,		/* the system call cannot load this kernel
					   (CRASHRES_ERR_SYSCALL_UNAVAILABLE) */
	CRASHRES_REFUSAL_SEALED_IMAGE,	/* the sealed Image has no valid signature, or is too
					   large */
};

/* Stands for "no attempt" where the index of an attempt is expected. */
#define CRASHRES_NO_ATTEMPT SIZE_MAX

/* One attempt of a plan. All pointers belong to the plan. */
struct crashres_attempt {
	size_t size;			/* sizeof(struct crashres_attempt) */
	enum crashres_call call;	/* LOAD or FILE_LOAD */
	enum crashres_check check;	/* how the kernel is checked if this attempt succeeds */
	enum crashres_status status;	/* CRASHRES_OK: the attempt is possible */
	const char *reason;		/* why the attempt is impossible; NULL if it is possible */
	enum crashres_refusal refusal;	/* after this kind of refusal, the attempt "next" follows */
	size_t next;			/* index of an attempt, or CRASHRES_NO_ATTEMPT */
	/* For kexec_file_load. */
	const char *kernel;		/* name of the kernel file */
	const char *initrd;		/* name of the initrd file; NULL: no initrd */
	/*
	 * True: the running kernel reads the original files (kernel, initrd or both) and not the
	 * library's copies, because only the original files have the attribute security.ima. If
	 * an original file changes after the library read it, the changed bytes are loaded.
	 */
	bool original_files;
	/* For kexec_load. segment_count is 0 until the attempt is prepared. */
	const struct crashres_segment *segments;	/* lowest address first */
	size_t segment_count;
	uint64_t entry;			/* physical address of the first instruction */
	struct crashres_repair repair;
};

#define CRASHRES_ATTEMPT_INIT { .size = sizeof(struct crashres_attempt) }
void crashres_attempt_init(struct crashres_attempt *attempt, size_t size);

/* The number of attempts, possible or not. */
size_t crashres_plan_attempt_count(const struct crashres_plan *plan);

/*
 * Fills @attempt with attempt @index, from 0 on, in the order of the plan.
 * CRASHRES_ERR_REQUEST: the plan has no attempt @index.
 */
enum crashres_status crashres_plan_attempt(struct crashres_ctx *ctx,
					   const struct crashres_plan *plan, size_t index,
					   struct crashres_attempt *attempt);

/**
 * crashres_plan_check_possible() - is at least one attempt possible?
 *
 * If no attempt is possible, crashres_error() lists all reasons.
 *
 * Return:
 *   CRASHRES_ERR_REQUEST  no attempt is possible, and a member of the request is one of the
 *                         reasons
 *   CRASHRES_ERR_SYSCALL  no attempt is possible, and no member of the request is a reason
 */
enum crashres_status crashres_plan_check_possible(struct crashres_ctx *ctx,
						  const struct crashres_plan *plan);

/**
 * crashres_plan_prepare() - make the segments or the files of attempt @index now
 *
 * Use this function to show a complete plan. Without this call, crashres_load() prepares a
 * later attempt just before its system call. If the attempt cannot be prepared, the function
 * succeeds, and the attempt is impossible from then on: it has a status and a reason.
 *
 * Return: CRASHRES_ERR_REQUEST if the plan has no attempt @index.
 */
enum crashres_status crashres_plan_prepare(struct crashres_ctx *ctx, struct crashres_plan *plan,
					   size_t index);

/* --------------------------------------------------------------------- seal */

/*
 * The settings of a sealed Image. Except for initrd, the members mean the same as in struct
 * crashres_request. Initialise the struct with CRASHRES_SEAL_REQUEST_INIT or
 * crashres_seal_request_init().
 */
struct crashres_seal_request {
	size_t size;				/* sizeof(struct crashres_seal_request) */
	const struct crashres_input *initrd;	/* borrowed; NULL: the Image checks no initrd */
	enum crashres_on_damage on_damage;
	uint32_t repair;			/* as in struct crashres_request */
	uint32_t check_seconds;			/* time limit of the check; 0: no limit */
	enum crashres_on_timeout on_timeout;
};

#define CRASHRES_SEAL_REQUEST_INIT \
	{ .size = sizeof(struct crashres_seal_request), .repair = CRASHRES_REPAIR_AUTO, .check_seconds = 30 }
void crashres_seal_request_init(struct crashres_seal_request *request, size_t size);

/**
 * crashres_seal() - make an Image that checks and repairs itself before it starts
 * @machine: the machine that will start the Image. Purgatory uses the console and the
 *           reset method of this machine. May be NULL: purgatory then prints nothing, and
 *           tries all reset methods.
 * @sealed:  out; release with crashres_input_close(). Borrows nothing.
 *
 * A sealed Image is an arm64 Image that contains purgatory, digests, parity and the
 * kernel. It works with kexec_file_load(2) and with boot loaders for arm64 Images.
 * Purgatory starts first, checks the kernel and the initrd, and then starts the kernel.
 * Purgatory finds the initrd through the device tree. If the initrd has other bytes than
 * @seal->initrd, purgatory reports damage.
 *
 * A sealed Image is also a PE file, so tools for EFI programs can sign it. It is not an EFI
 * program: firmware that starts it gets EFI_UNSUPPORTED.
 *
 * Signatures of @kernel are left out, and a warning says so. They cover the kernel alone, so the
 * sealed Image needs its own signature.
 *
 * Return:
 *   CRASHRES_ERR_REQUEST  @kernel is already sealed, or an enum has an unknown value
 *   CRASHRES_ERR_LIMIT    kernel and initrd are too large for purgatory, or the sealed
 *                         Image has more than 4095 MiB
 */
enum crashres_status crashres_seal(struct crashres_ctx *ctx, const struct crashres_machine *machine,
				   const struct crashres_kernel *kernel,
				   const struct crashres_seal_request *seal, struct crashres_input **sealed);

/**
 * crashres_sealed_find() - look in a folder for the sealed Image of a kernel
 * @folder: absolute path below the context's root. A missing folder is an empty one.
 * @kernel: the kernel to look for. Its signatures do not matter: a sealed Image contains the
 *          kernel without them.
 * @initrd: the initrd of the load; NULL: the initrd in the kernel file, if any.
 * @sealed: out; release with crashres_kernel_close(). If several files fit, the newest of those that
 *          can be used.
 *
 * The function compares the digests in the headers of the files with those of kernel and initrd, and
 * the kernel inside the file with the header. The opened file is the file that was compared, even if
 * another file gets its name.
 * It verifies no signature. It skips files that are not sealed Images, that are not regular files
 * (links are not followed), or whose names start with a dot.
 *
 * A sealed Image that fits is skipped with a warning if it is damaged or too large, or if another
 * user than root and the user of this process owns it or can write to it. A folder of another user,
 * or to which other users can write, counts as empty, with a warning.
 *
 * Return:
 *   CRASHRES_ERR_NO_SEALED_IMAGE  no file is a sealed Image of this kernel that can be used
 *   CRASHRES_ERR_OTHER_INITRD     a sealed Image of this kernel has another initrd, and no file fits
 *   CRASHRES_ERR_OS               the folder cannot be read
 */
enum crashres_status crashres_sealed_find(struct crashres_ctx *ctx, const char *folder,
					  const struct crashres_kernel *kernel,
					  const struct crashres_input *initrd,
					  struct crashres_kernel **sealed);

/**
 * crashres_sealed_check_signed() - is the file @path the Image @sealed with a PE signature?
 * @checked: out; the bytes of the file, with the permissions of @sealed. Release with
 *           crashres_input_close().
 *
 * For a program that lets another program, such as sbsign, sign the sealed Image and checks the
 * output. The function does not verify the signature. crashres_input_save() writes exactly the
 * bytes that were checked, even if the file has changed since.
 *
 * Return:
 *   CRASHRES_ERR_NO_SIGNATURE  the file has no PE signature
 *   CRASHRES_ERR_FORMAT        the file without its signature differs from @sealed
 *   other statuses             as crashres_kernel_open()
 */
enum crashres_status crashres_sealed_check_signed(struct crashres_ctx *ctx,
						  const struct crashres_input *sealed,
						  const char *path,
						  struct crashres_input **checked);

/* Is @kernel a sealed Image? */
bool crashres_kernel_is_sealed(const struct crashres_kernel *kernel);

/**
 * crashres_unseal() - extract the kernel from a sealed Image, byte for byte
 * @image: out; release with crashres_input_close().
 *
 * The kernel has no signatures, because crashres_seal() leaves them out.
 *
 * Return: CRASHRES_ERR_FORMAT if @kernel is not a sealed Image, or if the kernel inside does not
 * have the digest of the sealed kernel.
 */
enum crashres_status crashres_unseal(struct crashres_ctx *ctx, const struct crashres_kernel *kernel,
				     struct crashres_input **image);

/* --------------------------------------------------------------------- load */

/**
 * crashres_can_load() - is this an arm64 machine, and is the context's root "/"?
 *
 * A command can call this before it makes a plan. The function does not check the rights of
 * the process.
 *
 * Return: CRASHRES_ERR_UNSUPPORTED if this machine is not arm64, or if the context's
 * root is not "/".
 */
enum crashres_status crashres_can_load(struct crashres_ctx *ctx);

/* The content of the slot after a call to crashres_load(). */
enum crashres_slot_state {
	CRASHRES_SLOT_STATE_UNKNOWN = 0,	/* the errno does not show it; call
						   crashres_loaded() */
	CRASHRES_SLOT_STATE_UNCHANGED,		/* the same as before the call: the previous image,
						   or empty */
	CRASHRES_SLOT_STATE_EMPTY,		/* the kernel freed the previous image and loaded no
						   new image */
	CRASHRES_SLOT_STATE_LOADED,		/* the new image */
};

/* The length of the array "errors" in struct crashres_result. No plan has more attempts. */
#define CRASHRES_RESULT_ATTEMPTS 8

/* The result of a load. */
struct crashres_result {
	size_t size;			/* sizeof(struct crashres_result) */
	size_t attempt;			/* index of the successful attempt, or
					   CRASHRES_NO_ATTEMPT */
	enum crashres_call call;	/* of the successful attempt; AUTO: no attempt succeeded */
	enum crashres_check check;	/* how the loaded kernel is checked; NONE after a failure */
	enum crashres_slot_state slot;
	bool original_files;		/* see struct crashres_attempt */
	bool signature_refused;		/* the last attempt failed because a signature is missing,
					   wrong or not trusted */
	unsigned int calls;		/* number of system calls; each can count against a limit */
	int errors[CRASHRES_RESULT_ATTEMPTS];	/* errno of each attempt; 0: the attempt succeeded
						   or was not made */
	uint32_t reserved;		/* 0 */
};

#define CRASHRES_RESULT_INIT \
	{ .size = sizeof(struct crashres_result), .attempt = CRASHRES_NO_ATTEMPT }
void crashres_result_init(struct crashres_result *result, size_t size);

/**
 * crashres_load() - load the kernel of @plan
 * @result: out, filled after a failure too; may be NULL.
 *
 * Makes the attempts of the plan in their order until an attempt succeeds. After a refusal,
 * the errno decides whether another attempt follows (see struct crashres_attempt).
 *
 * The log has a warning if a crash kernel is loaded without a check, except if the request
 * itself excludes the check, for example with no_checks.
 *
 * Return:
 *   CRASHRES_ERR_UNSUPPORTED          see crashres_can_load()
 *   CRASHRES_ERR_SYSCALL_UNAVAILABLE  the last attempt failed with
 *                                     kexec_load: ENOSYS, EPERM (not root, lockdown, or
 *                                     forbidden by a sysctl) or EACCES (IMA)
 *                                     kexec_file_load: ENOSYS, ENOEXEC, EINVAL or EOPNOTSUPP
 *   CRASHRES_ERR_SYSCALL              the last attempt failed with another errno (for
 *                                     example about a signature), or no attempt is possible
 *   CRASHRES_ERR_REQUEST              see crashres_plan_check_possible(); or @result->size is
 *                                     not valid
 *   other statuses                    a later attempt could not be prepared; see
 *                                     crashres_plan_make()
 */
enum crashres_status crashres_load(struct crashres_ctx *ctx, struct crashres_plan *plan,
				   struct crashres_result *result);

/**
 * crashres_unload() - remove the image in @slot
 * @call: CRASHRES_CALL_AUTO tries kexec_file_load(2) first, then kexec_load(2).
 *
 * An empty slot is not an error.
 *
 * Return: CRASHRES_ERR_UNSUPPORTED, CRASHRES_ERR_SYSCALL_UNAVAILABLE or CRASHRES_ERR_SYSCALL,
 * with the same meaning as in crashres_load().
 */
enum crashres_status crashres_unload(struct crashres_ctx *ctx, enum crashres_slot slot,
				     enum crashres_call call);

/* ------------------------------------------------------------------- report */

/* The result of purgatory's check. */
enum crashres_outcome {
	CRASHRES_OUTCOME_INTACT = 1,	/* all blocks were checked, and none was damaged */
	CRASHRES_OUTCOME_REPAIRED,	/* blocks were damaged, and all of them were repaired */
	CRASHRES_OUTCOME_DAMAGED,	/* see enum crashres_on_damage; the kernel was started
					   because of CRASHRES_ON_DAMAGE_BOOT */
	CRASHRES_OUTCOME_INCOMPLETE,	/* the time was over before all blocks were checked; no
					   checked block was damaged */
};

/* The code that computed SHA-256. */
enum crashres_sha256 {
	CRASHRES_SHA256_PORTABLE = 0,	/* C */
	CRASHRES_SHA256_VECTORS,	/* Advanced SIMD */
	CRASHRES_SHA256_INSTRUCTIONS,	/* the SHA-2 instructions of the CPU */
};

/*
 * A run of adjacent damaged blocks. This struct never changes, because it is the element of
 * an array.
 */
struct crashres_damage {
	char segment[16];		/* name, as in struct crashres_segment */
	uint64_t offset;		/* offset of the first wrong byte in the segment, bytes; if
					   the first block of the run was not repaired, the
					   offset of this block */
	uint64_t blocks;		/* number of damaged blocks */
	uint64_t repaired;		/* number of these blocks that were repaired */
	uint8_t found[16];		/* the bytes that purgatory found in memory at "offset",
					   before the repair */
	size_t found_size;		/* valid bytes in "found"; 0: they could not be read */
};

/*
 * The report of the purgatory that started the running kernel. The library allocates this
 * struct. If the installed library is older than this header, the last members can be
 * missing. So read a member only if it lies completely within the first "size" bytes.
 */
struct crashres_report {
	size_t size;			/* the library's sizeof(struct crashres_report) */
	enum crashres_outcome outcome;
	unsigned int exception_level;	/* of the CPU while purgatory ran: 1 or 2 */
	bool vhe;			/* exception level 2 with HCR_EL2.E2H set */
	bool mmu;			/* purgatory checked with MMU and caches on */
	bool timed_out;			/* the time was over before the check, the repair or the
					   second check of the repaired blocks ended */
	bool unclean;			/* a cache could not be cleaned */
	bool table_damaged[2];		/* for each of the two copies of the digests: this copy was
					   damaged; the check needs only one good copy */
	enum crashres_sha256 sha256;
	uint64_t started;		/* ticks of the system counter (CNTVCT_EL0) when
					   purgatory started */
	uint64_t nanoseconds;		/* from the start of purgatory to the end of check and
					   repair; 0: the frequency of the system counter is
					   unknown */
	uint64_t block_size;		/* bytes */
	uint64_t blocks;		/* number of checked blocks */
	uint64_t damaged;		/* number of damaged blocks */
	uint64_t repaired;		/* number of repaired blocks */
	uint64_t damage_count;		/* number of runs of adjacent damaged blocks */
	size_t listed;			/* number of elements in "damage"; can be less than
					   damage_count, because the record has room for a few
					   runs only */
	const struct crashres_damage *damage;
};

/**
 * crashres_report_read() - read the record that purgatory wrote for the running kernel
 * @report: out; release with crashres_report_free().
 *
 * The record is a property of /chosen in /sys/firmware/fdt, below the context's root.
 * Only the root user can read that file.
 *
 * Return:
 *   CRASHRES_ERR_NO_RECORD    no record. Examples: purgatory did not start the running
 *                             kernel; purgatory made no check; kexec_load(2) loaded the
 *                             kernel into the normal slot; no /sys/firmware/fdt
 *   CRASHRES_ERR_OS           /sys/firmware/fdt exists but cannot be read
 *   CRASHRES_ERR_FORMAT       the device tree or the record is damaged
 *   CRASHRES_ERR_UNSUPPORTED  another version of purgatory wrote the record
 */
enum crashres_status crashres_report_read(struct crashres_ctx *ctx,
					  struct crashres_report **report);
void crashres_report_free(struct crashres_report *report);	/* may be NULL */

#ifdef __cplusplus
}
#endif

#endif
