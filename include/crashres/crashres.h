/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * crashres.h: plan and load a kernel for kexec and kdump on arm64.
 *
 *   machine + kernel + request  ->  plan  ->  load
 *
 * Rules that hold for every function below, so that no comment repeats them:
 *  - The context or the object comes first, out-parameters last.
 *  - A function that can fail returns enum crashres_status and nothing else;
 *    crashres_error() then gives the sentence. On failure every out-parameter
 *    is left as it was, and nothing is left allocated, open or loaded.
 *  - Pointers must not be NULL unless the comment says "may be NULL".
 *  - Addresses are physical, sizes are bytes, ranges are base + size.
 *  - What a function returns by pointer belongs to the object it came from.
 *  - One context and what was made with it: one thread at a time. There is no
 *    global state.
 *  - Every function can return CRASHRES_ERR_MEMORY.
 *  - A struct that starts with "size" can grow at its end. Set its size to what
 *    your program was compiled with: by the _INIT macro, or by the _init()
 *    function from another language. A smaller size gets defaults for the rest. A
 *    larger one is accepted if all that this library does not know is zero. An
 *    output struct is filled as far as its size goes. Any other size is
 *    CRASHRES_ERR_REQUEST. Set members called "reserved" to 0, as the macros do.
 *  - A struct without "size" never changes. Additions go into another struct, with
 *    a function or a member at the end that leads there.
 * All of it: since 3.0.
 */
#ifndef CRASHRES_CRASHRES_H
#define CRASHRES_CRASHRES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum crashres_status {
	CRASHRES_OK = 0,
	CRASHRES_ERR_MEMORY,		/* malloc() or mmap() failed */
	CRASHRES_ERR_OS,		/* a file could not be opened or read */
	CRASHRES_ERR_PERMISSION,	/* the kernel hides what is needed from this user */
	CRASHRES_ERR_FORMAT,		/* a file or table is damaged, or not what it should be */
	CRASHRES_ERR_UNSUPPORTED,	/* understood, but this machine or build cannot do it */
	CRASHRES_ERR_NO_REGION,		/* no memory was reserved with crashkernel= */
	CRASHRES_ERR_NO_SPACE,		/* a segment does not fit where it has to go */
	CRASHRES_ERR_LIMIT,		/* a limit of the kernel's boot protocol is exceeded */
	CRASHRES_ERR_REQUEST,		/* the request contradicts itself */
	CRASHRES_ERR_SYSCALL,		/* the system call failed */
	CRASHRES_ERR_NO_RECORD,		/* no purgatory of ours has left a record */
	CRASHRES_ERR_SYSCALL_UNAVAILABLE,		/* this system call is not there, not allowed or does not
					   take such a kernel; the other one may */
	CRASHRES_ERR_KEY,		/* a private key or certificate that cannot be used */
	CRASHRES_ERR_NO_SIGNATURE,	/* there is none where it was looked for */
	CRASHRES_ERR_NO_DEVICE_TREE,	/* neither the machine nor the request has one */
};

/* Which of the kernel's two images is meant: reboot(2) or panic. */
enum crashres_slot {
	CRASHRES_SLOT_NORMAL = 0,
	CRASHRES_SLOT_CRASH = 1,
};

/* How an image gets there. */
enum crashres_call {
	CRASHRES_CALL_AUTO = 0,		/* what suits the machine, see crashres_plan_attempt() */
	CRASHRES_CALL_LOAD,		/* kexec_load(2): placed, and checked after the panic, by us */
	CRASHRES_CALL_FILE_LOAD,	/* kexec_file_load(2): by the kernel, which verifies signatures */
};

/* The name of a status without its prefix, such as "ERR_NO_REGION"; "unknown" for any other value. */
const char *crashres_status_name(enum crashres_status status);

/* The version of this library, such as "3.0.0". */
const char *crashres_version(void);

/* An answer of the machine. UNKNOWN: the file is missing, or this user cannot read it. */
enum crashres_answer {
	CRASHRES_ANSWER_UNKNOWN = 0,
	CRASHRES_ANSWER_NO,
	CRASHRES_ANSWER_YES,
};

/* base + size never exceeds UINT64_MAX; size 0 is empty. */
struct crashres_range {
	uint64_t base;
	uint64_t size;
};

/* ------------------------------------------------------------------ context */

struct crashres_ctx;

enum crashres_log_level {
	CRASHRES_LOG_WARNING = 0,	/* the user should know */
	CRASHRES_LOG_INFO,		/* what was decided, and why */
	CRASHRES_LOG_DEBUG,		/* what was read */
};

typedef void crashres_log_fn(void *data, enum crashres_log_level level, const char *line);

/* Fills @bytes with @size random bytes; false where there are none. */
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
 * @path: a directory; "/" is this machine itself.
 *
 * For planning from a copy of another machine's /proc and /sys. Kernel, initrd
 * and DTB files are not affected. The copy is a root as if by chroot(2): no link
 * in it leads outside, and a FIFO or device in a file's place is an error.
 *
 * Return: CRASHRES_ERR_OS if @path cannot be opened as a directory,
 * CRASHRES_ERR_UNSUPPORTED without openat2(2) (Linux 5.6), unless @path is "/".
 */
enum crashres_status crashres_ctx_set_root(struct crashres_ctx *ctx, const char *path);

/* Sends log lines (no newline) to @log, which may be NULL for silence. */
void crashres_ctx_set_log(struct crashres_ctx *ctx, crashres_log_fn *log, void *data);

/* Replaces getrandom(2) as the source of kaslr-seed and rng-seed. */
void crashres_ctx_set_entropy(struct crashres_ctx *ctx, crashres_entropy_fn *entropy, void *data);

/**
 * crashres_error() - the sentence of the last failure, outermost step first
 *
 * One line without newline or full stop, such as "kernel Image: truncated: ...".
 * Valid until the next call with @ctx. Empty before the first failure.
 */
const char *crashres_error(const struct crashres_ctx *ctx);

/* The member of struct crashres_request, or of crashres_seal_request, that a failure is about. */
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
};

/* The member of the request that the last failure is about. The sentence does not name it. */
enum crashres_member crashres_error_member(const struct crashres_ctx *ctx);

/* ------------------------------------------------------------------ machine */

/*
 * Everything read from the running machine, in one go. Files that are missing
 * are no error here: the plan says so when it needs what was in them.
 */
struct crashres_machine;

/**
 * crashres_machine_read() - read /proc and /sys below the context's root
 * @machine: out; release with crashres_machine_free().
 *
 * Return:
 *   CRASHRES_ERR_OS      /proc/iomem could not be read
 *   CRASHRES_ERR_FORMAT  /proc/iomem has a line that is no resource
 */
enum crashres_status crashres_machine_read(struct crashres_ctx *ctx,
					   struct crashres_machine **machine);
void crashres_machine_free(struct crashres_machine *machine);

/**
 * crashres_machine_regions() - the crash regions, most important first
 * @count: out; 0 where nothing is reserved (or nothing visible).
 *
 * [0] is the high region, which holds all segments; [1], where present, is the
 * low region, which the capture kernel uses for DMA; what follows is reserved
 * but cannot be described to the capture kernel.
 */
const struct crashres_range *crashres_machine_regions(const struct crashres_machine *machine,
						      size_t *count);

/**
 * crashres_machine_check_reserved() - is memory reserved for a crash kernel?
 *
 * To be asked before files are opened. Succeeds if /proc/iomem hides its addresses.
 *
 * Return: CRASHRES_ERR_NO_REGION if nothing is reserved.
 */
enum crashres_status crashres_machine_check_reserved(struct crashres_ctx *ctx,
						     const struct crashres_machine *machine);

/* Page size of the running kernel in bytes: the kernel aligns segments to it. */
uint64_t crashres_machine_page_size(const struct crashres_machine *machine);

/* The permissions of the running kernel, as far as /proc and /sys show them. */
struct crashres_permissions {
	size_t size;				/* sizeof(struct crashres_permissions) */
	enum crashres_answer locked_down;	/* integrity or confidentiality */
	enum crashres_answer appraised;		/* the IMA policy appraises KEXEC_KERNEL_CHECK */
	enum crashres_answer load_disabled;	/* kernel.kexec_load_disabled */
	/* kernel.kexec_load_limit_panic and _reboot: calls left; UINT64_MAX: no limit. */
	uint64_t crash_calls_left;
	uint64_t normal_calls_left;
};

#define CRASHRES_PERMISSIONS_INIT { .size = sizeof(struct crashres_permissions) }
void crashres_permissions_init(struct crashres_permissions *permissions, size_t size);

/* Each kexec call uses up one of a limit, a refused one and an unload too. */
enum crashres_status crashres_machine_permissions(struct crashres_ctx *ctx,
						  const struct crashres_machine *machine,
						  struct crashres_permissions *permissions);

/**
 * crashres_machine_ram() - what a dump covers, lowest address first
 * @count: out; 0 if /proc/iomem hides its addresses.
 *
 * Every "System RAM" entry of /proc/iomem, those that drivers have added too,
 * without the crash regions. The array belongs to @machine.
 */
const struct crashres_range *crashres_machine_ram(const struct crashres_machine *machine,
						  size_t *count);

/**
 * crashres_machine_cpu_notes() - where the kernel stores the registers of each CPU at a panic
 * @count: out; 0 if /sys/devices/system/cpu tells of none.
 *
 * In the order of the CPU numbers, without CPUs that have no notes. The array
 * belongs to @machine.
 */
const struct crashres_range *crashres_machine_cpu_notes(const struct crashres_machine *machine,
							size_t *count);

/* The VMCOREINFO note in memory; size 0 if /sys/kernel/vmcoreinfo does not tell. */
struct crashres_range crashres_machine_vmcoreinfo(const struct crashres_machine *machine);

/*
 * How large, in bytes, the kernel may make the elfcorehdr segment when CPUs or memory
 * come and go; 0: it does not keep that segment up to date.
 */
uint64_t crashres_machine_elfcorehdr_size(const struct crashres_machine *machine);

/* /proc/cmdline without the newline; NULL if it could not be read. Belongs to @machine. */
const char *crashres_machine_command_line(const struct crashres_machine *machine);

/* The facts that a complete dump needs. Bits of crashres_machine_missing_dump_parts(). */
enum crashres_dump_part {
	CRASHRES_DUMP_RAM = 1,			/* which memory there is: without it, no dump */
	CRASHRES_DUMP_CPU_NOTES = 2,		/* the registers of the CPUs */
	CRASHRES_DUMP_VMCOREINFO = 4,		/* without it, makedumpfile filters nothing */
	CRASHRES_DUMP_LINEAR_ADDRESSES = 8,	/* virtual addresses of RAM */
	CRASHRES_DUMP_KERNEL_ADDRESSES = 16,	/* virtual addresses of the kernel's own image */
};

/* The missing parts, enum crashres_dump_part ored; 0: a dump of this machine will be complete. */
unsigned int crashres_machine_missing_dump_parts(const struct crashres_machine *machine);

/* For people, such as "registers of the CPUs"; NULL if @part is not one part. */
const char *crashres_dump_part_name(enum crashres_dump_part part);

/**
 * crashres_machine_set_serial() - the serial port that purgatory reports to
 * @tty: a name in /sys/class/tty such as "ttyAMA0" or "ttyS0"; with /dev/ too.
 *
 * It replaces the port that firmware names: stdout-path of the device tree, else
 * ACPI's SPCR. A port that purgatory cannot drive (neither a PL011 nor a 16550,
 * or not in memory) is no failure: the log has a warning, purgatory is silent.
 *
 * Return: CRASHRES_ERR_OS where there is no such tty, CRASHRES_ERR_REQUEST where
 * none can have such a name.
 */
enum crashres_status crashres_machine_set_serial(struct crashres_ctx *ctx,
						 struct crashres_machine *machine,
						 const char *tty);

struct crashres_input;

/**
 * crashres_machine_initrd() - the initrd that the running kernel has kept
 * @initrd: out; release with crashres_input_close().
 *
 * Return: CRASHRES_ERR_OS without /sys/firmware/initrd (retain_initrd, Linux 6.8).
 */
enum crashres_status crashres_machine_initrd(struct crashres_ctx *ctx,
					     struct crashres_input **initrd);

/**
 * crashres_loaded() - does the kernel hold an image in @slot?
 *
 * Return:
 *   CRASHRES_ERR_UNSUPPORTED  sysfs is there and has no such file: the kernel has no kexec
 *   CRASHRES_ERR_OS           the file cannot be read, for example without sysfs
 *   CRASHRES_ERR_FORMAT       the file holds neither 0 nor 1
 */
enum crashres_status crashres_loaded(struct crashres_ctx *ctx, enum crashres_slot slot,
				     bool *loaded);

/* -------------------------------------------------------------------- input */

/*
 * The bytes of a kernel, initrd or DTB. They never change: what was hashed is what
 * is loaded, whatever happens to the file meanwhile.
 */
struct crashres_input;

/**
 * crashres_input_open() - copy the file @path, or what a device or pipe gives
 * @input: out; release with crashres_input_close().
 *
 * Return:
 *   CRASHRES_ERR_OS      it cannot be opened or read, or it changed while it was read
 *   CRASHRES_ERR_FORMAT  it is empty
 *   CRASHRES_ERR_LIMIT   more than 4 GiB
 */
enum crashres_status crashres_input_open(struct crashres_ctx *ctx, const char *path,
					 struct crashres_input **input);

/**
 * crashres_input_from_fd() - take the whole file that @fd is open on
 * @fd:    stays the caller's and may be closed afterwards.
 * @name:  for messages; copied.
 * @input: out; release with crashres_input_close().
 *
 * A memfd with F_SEAL_WRITE, F_SEAL_SHRINK and F_SEAL_GROW is shared. Anything else
 * is copied, from its beginning; a pipe, from where it is.
 *
 * Return: as crashres_input_open().
 */
enum crashres_status crashres_input_from_fd(struct crashres_ctx *ctx, int fd, const char *name,
					    struct crashres_input **input);

/**
 * crashres_input_from_memory() - use bytes in memory of the caller
 * @name:  for messages; copied.
 * @data:  borrowed: the caller neither changes nor frees it before the input is
 *         released. kexec_file_load(2) needs a descriptor, so only for that call the
 *         library makes a sealed copy.
 * @input: out; release with crashres_input_close().
 *
 * Return: CRASHRES_ERR_FORMAT for @size 0, CRASHRES_ERR_LIMIT for more than 4 GiB.
 */
enum crashres_status crashres_input_from_memory(struct crashres_ctx *ctx, const char *name,
						const void *data, size_t size,
						struct crashres_input **input);

void crashres_input_close(struct crashres_input *input);	/* may be NULL */

/* The bytes of @input, which belong to it. */
const void *crashres_input_data(const struct crashres_input *input, size_t *size);

/* ------------------------------------------------------------------- kernel */

struct crashres_kernel;

/**
 * crashres_kernel_open() - open a kernel through the wrappers around it
 * @kernel: out; release with crashres_kernel_close().
 *
 * Formats: see crashres_kernel_formats().
 *
 * Return:
 *   CRASHRES_ERR_OS           the file cannot be opened or read
 *   CRASHRES_ERR_FORMAT       no kernel, or a truncated or damaged one
 *   CRASHRES_ERR_UNSUPPORTED  a kernel that cannot be started: big-endian, or
 *                             too old to say how much memory it needs; or a
 *                             format that this build does not open
 *   CRASHRES_ERR_LIMIT        it unpacks to more than 4 GiB, or needs more than
 *                             256 MiB of memory to unpack
 */
enum crashres_status crashres_kernel_open(struct crashres_ctx *ctx, const char *path,
					  struct crashres_kernel **kernel);

/**
 * crashres_kernel_from_input() - open a kernel that is in memory or behind a descriptor
 * @input:  the kernel keeps what it needs of it: the caller closes it as usual, at any
 *          time. Memory that the input borrows must outlive the kernel.
 * @kernel: out; release with crashres_kernel_close().
 *
 * Return: as crashres_kernel_open().
 */
enum crashres_status crashres_kernel_from_input(struct crashres_ctx *ctx,
						struct crashres_input *input,
						struct crashres_kernel **kernel);
void crashres_kernel_close(struct crashres_kernel *kernel);	/* may be NULL */

/* The outermost format but compression, by kexec-tools' names: "Image" ... */
const char *crashres_kernel_type(const struct crashres_kernel *kernel);

/* CRASHRES_ERR_FORMAT where @type is another one, or no type that there is. */
enum crashres_status crashres_kernel_check_type(struct crashres_ctx *ctx,
						const struct crashres_kernel *kernel,
						const char *type);

/*
 * The header of the arm64 Image in @kernel (booting.rst), whatever is wrapped around it:
 * its page size in bytes, 0 if the header does not tell; its offset behind a 2 MiB boundary,
 * in bytes; the memory that it needs from there on, in bytes; and whether it may lie anywhere
 * in RAM (true since Linux 4.6), or else loses the memory below itself.
 */
uint64_t crashres_kernel_page_size(const struct crashres_kernel *kernel);
uint64_t crashres_kernel_text_offset(const struct crashres_kernel *kernel);
uint64_t crashres_kernel_image_size(const struct crashres_kernel *kernel);
bool crashres_kernel_runs_anywhere(const struct crashres_kernel *kernel);

/**
 * crashres_kernel_formats() - what crashres_kernel_open() of this build opens
 * @text: out; for people: "arm64 Image, vmlinux, ...". Cut off if it needs more than @size.
 *
 * Return: the length of the whole text without its NUL, as snprintf() does.
 */
size_t crashres_kernel_formats(char *text, size_t size);

/* --------------------------------------------------------------------- plan */

/* What purgatory does about damage that it cannot repair. */
enum crashres_on_damage {
	CRASHRES_ON_DAMAGE_RESET = 0,	/* reset the machine through its firmware */
	CRASHRES_ON_DAMAGE_HALT,	/* stop there */
	CRASHRES_ON_DAMAGE_BOOT,	/* start the kernel all the same */
};

/* The action of purgatory if the time is over and no checked block was damaged. */
enum crashres_on_timeout {
	CRASHRES_ON_TIMEOUT_BOOT = 0,	/* start the kernel; the report says so */
	CRASHRES_ON_TIMEOUT_RESET,
	CRASHRES_ON_TIMEOUT_HALT,
};

/* 6.25 %, or what the crash region has room for without losing half of its size. */
#define CRASHRES_REPAIR_AUTO UINT32_MAX

/* Does kexec_file_load(2) get the kernel as a sealed Image, which checks itself? */
enum crashres_sealing {
	CRASHRES_SEALING_AUTO = 0,	/* a crash kernel, where no signature would be broken */
	CRASHRES_SEALING_ALWAYS,
	CRASHRES_SEALING_NEVER,
};

/* A request for a load. Start from CRASHRES_REQUEST_INIT or crashres_request_init(). */
struct crashres_request {
	size_t size;				/* sizeof(struct crashres_request) */
	enum crashres_slot slot;
	const struct crashres_input *initrd;	/* borrowed; may be NULL */
	const struct crashres_input *dtb;	/* borrowed; NULL: the machine's own. Chooses
						   kexec_load; an ordered kexec_file_load ignores it */
	const char *command_line;		/* NULL: the kernel file's own, for the crash slot
						   without crashkernel= */
	bool reuse_cmdline;			/* put the running kernel's command line first,
						   without BOOT_IMAGE and, likewise, crashkernel= */
	struct crashres_range window;		/* every segment lies inside */
	bool purgatory_mmu_off;			/* check without page tables and caches */
	bool no_checks;				/* purgatory starts the kernel unseen */
	enum crashres_on_damage on_damage;
	uint32_t repair;			/* parity, 1/100 % of what is checked; crash slot only */
	uint32_t check_seconds;			/* then on_timeout; 0: no limit; crash slot only */
	enum crashres_call call;
	bool purgatory_required;		/* rather fail than load by a call without it */
	uint64_t entry;				/* start there, past purgatory; 0: where the plan says */
	bool hotplug;				/* the kernel keeps the elfcorehdr up to date */
	enum crashres_on_timeout on_timeout;	/* after damage was found, on_damage decides */
	bool no_cma;				/* kexec_file_load: place nothing in CMA memory */
	bool force_dtb;				/* kexec_file_load: for x86 kernels */
	enum crashres_sealing sealing;		/* kexec_file_load */
};

#define CRASHRES_REQUEST_INIT \
	{ .size = sizeof(struct crashres_request), .window = { 0, UINT64_MAX }, \
	  .repair = CRASHRES_REPAIR_AUTO, .check_seconds = 30 }
void crashres_request_init(struct crashres_request *request, size_t size);

/*
 * One segment as kexec_load(2) takes it. Frozen: it is the element of an array, whose
 * stride is its size. More about a segment would come from a function that takes its
 * attempt and index.
 */
struct crashres_segment {
	const char *name;	/* "kernel", "initrd", "dtb", "elfcorehdr", "purgatory", "parity" */
	const void *data;
	uint64_t data_size;	/* the kernel zeroes the rest of the range */
	struct crashres_range range;
};

struct crashres_plan;

/**
 * crashres_plan_make() - decide what goes where; no side effect
 * @plan: out; release with crashres_plan_free(). Borrows @machine, @kernel and the
 *        files of @request: they must outlive it.
 *
 * A plan is an ordered list of attempts. An attempt is a system call with all
 * that it needs. Impossible attempts stay in the list, each with its
 * reason. The first possible attempt is made here, and obeys every rule of the
 * kernel, because a failed load leaves the machine without any crash kernel. Later
 * ones cost memory and work, so crashres_load() makes them if it reaches them:
 * after a refusal only, before their own system call.
 *
 * CRASHRES_CALL_LOAD and CRASHRES_CALL_FILE_LOAD are orders: the list has nothing
 * else. It is no failure that no attempt is possible, if the machine forbids it.
 *
 * Return:
 *   CRASHRES_ERR_PERMISSION  /proc/iomem hides its addresses
 *   CRASHRES_ERR_NO_REGION   crash slot, and nothing is reserved
 *   CRASHRES_ERR_NO_SPACE    a segment does not fit; the sentence says by how much, of a
 *                            crash region for all segments at once
 *   CRASHRES_ERR_LIMIT       command line, DTB, number of program headers, cells
 *   CRASHRES_ERR_FORMAT      the DTB is damaged
 *   CRASHRES_ERR_UNSUPPORTED the machine gives no DTB, or the region is unusable
 *   CRASHRES_ERR_REQUEST     its window wraps, an enum has a value that there is not, no
 *                            call can do all that it asks for, or the kernel was sealed
 *                            with another initrd
 *   CRASHRES_ERR_OS          /proc/cmdline is to be reused, or crash_elfcorehdr_size
 *                            is needed for hotplug, and cannot be read
 */
enum crashres_status crashres_plan_make(struct crashres_ctx *ctx,
					const struct crashres_machine *machine,
					const struct crashres_kernel *kernel,
					const struct crashres_request *request,
					struct crashres_plan **plan);
void crashres_plan_free(struct crashres_plan *plan);	/* may be NULL */

enum crashres_slot crashres_plan_slot(const struct crashres_plan *plan);
/* The whole command line of the new kernel; "" for none. */
const char *crashres_plan_command_line(const struct crashres_plan *plan);

/* How much parity a plan has, and why. */
enum crashres_repair_reason {
	CRASHRES_REPAIR_OFF = 0,	/* not asked for, or nothing is checked */
	CRASHRES_REPAIR_REQUESTED,		/* as much as was asked for */
	CRASHRES_REPAIR_REDUCED,		/* more would leave under half of the crash region free,
					   or be more than the running kernel takes */
	CRASHRES_REPAIR_NO_ROOM,	/* any would */
};

/*
 * Frozen: struct crashres_attempt holds it by value. More would be members at the end of
 * struct crashres_attempt.
 */
struct crashres_repair {
	enum crashres_repair_reason reason;
	uint64_t checked;		/* bytes */
	uint64_t parity;		/* bytes */
	uint64_t burst;			/* bytes of adjacent damage that come back, wherever they are */
};

/* The check of the loaded kernel before it starts. A NONE tells why there is none. */
enum crashres_check {
	CRASHRES_CHECK_UNKNOWN = 0,	/* of a result that no load has filled */
	CRASHRES_CHECK_PURGATORY,	/* kexec_load: purgatory is one of the segments */
	CRASHRES_CHECK_SEALED,		/* kexec_file_load: the kernel is sealed, and checks itself */
	CRASHRES_CHECK_ALREADY_SEALED,	/* the same; it was sealed when it was opened */
	CRASHRES_CHECK_NONE,		/* not asked for, or the slot is the normal one */
	CRASHRES_CHECK_NONE_SIGNATURE,	/* the running kernel demands a signature, which sealing breaks */
	CRASHRES_CHECK_NONE_REFUSED,	/* no sealed Image was loaded: refused, or it could not be made */
	CRASHRES_CHECK_NONE_SEALING_OFF,	/* kexec_load was not possible, and the request forbids sealing */
};

/* The answer of the running kernel that leads from one attempt to the next. */
enum crashres_refusal {
	CRASHRES_REFUSAL_NONE = 0,	/* none: the load fails */
	CRASHRES_REFUSAL_CALL,	/* the call is not there or not allowed (CRASHRES_ERR_SYSCALL_UNAVAILABLE) */
	CRASHRES_REFUSAL_SEALED_IMAGE,	/* the sealed Image has no valid signature, or finds no room */
};

#define CRASHRES_NO_ATTEMPT SIZE_MAX

struct crashres_attempt {
	size_t size;			/* sizeof(struct crashres_attempt) */
	enum crashres_call call;	/* never AUTO */
	enum crashres_check check;	/* of the kernel, if this attempt loads it */
	enum crashres_status status;	/* CRASHRES_OK: possible */
	const char *reason;		/* else a sentence; NULL if possible */
	enum crashres_refusal refusal;
	size_t next;			/* the attempt that this refusal leads to; CRASHRES_NO_ATTEMPT */
	/* kexec_file_load: by name; initrd NULL for none. */
	const char *kernel;
	const char *initrd;
	bool original_files;			/* the files themselves are handed over, for their signatures:
					   what they hold by then is not what was checked here */
	/* kexec_load: the segments, lowest address first. 0 before crashres_plan_prepare(). */
	const struct crashres_segment *segments;
	size_t segment_count;
	uint64_t entry;
	struct crashres_repair repair;
};

#define CRASHRES_ATTEMPT_INIT { .size = sizeof(struct crashres_attempt) }
void crashres_attempt_init(struct crashres_attempt *attempt, size_t size);

size_t crashres_plan_attempt_count(const struct crashres_plan *plan);	/* how many */

/* CRASHRES_ERR_REQUEST where there is no attempt @index. */
enum crashres_status crashres_plan_attempt(struct crashres_ctx *ctx,
					   const struct crashres_plan *plan, size_t index,
					   struct crashres_attempt *attempt);

/* CRASHRES_ERR_SYSCALL or _REQUEST, with all reasons, where no attempt is possible. */
enum crashres_status crashres_plan_check_possible(struct crashres_ctx *ctx,
					    const struct crashres_plan *plan);

/**
 * crashres_plan_prepare() - make now what crashres_load() would make when it gets to @index
 *
 * To see a plan whole. An attempt that turns out to be impossible says so from then
 * on, which is no failure.
 */
enum crashres_status crashres_plan_prepare(struct crashres_ctx *ctx, struct crashres_plan *plan,
					   size_t index);

/* --------------------------------------------------------------------- seal */

/* The settings of a sealed Image, as in struct crashres_request. Start from CRASHRES_SEAL_REQUEST_INIT. */
struct crashres_seal_request {
	size_t size;				/* sizeof(struct crashres_seal_request) */
	const struct crashres_input *initrd;	/* borrowed; NULL: none is checked */
	enum crashres_on_damage on_damage;
	uint32_t repair;			/* parity, 1/100 % of what is checked */
	uint32_t check_seconds;
	enum crashres_on_timeout on_timeout;
};

#define CRASHRES_SEAL_REQUEST_INIT \
	{ .size = sizeof(struct crashres_seal_request), .repair = CRASHRES_REPAIR_AUTO, .check_seconds = 30 }
void crashres_seal_request_init(struct crashres_seal_request *request, size_t size);

/**
 * crashres_seal() - make an Image that checks and repairs itself before it starts
 * @machine: the one it is for, for its console and its way to reset; may be NULL.
 * @sealed:  out; release with crashres_input_close(). Borrows nothing.
 *
 * For kexec_file_load(2), and for any boot loader that knows arm64 Images: what
 * starts is purgatory, and after it the kernel, as if there had been nothing.
 * The initrd is found through the device tree; another one than @seal->initrd
 * counts as damage.
 *
 * Return: CRASHRES_ERR_REQUEST where @kernel is sealed already or an enum has a value
 * that there is not, CRASHRES_ERR_LIMIT where there is too much to check.
 */
enum crashres_status crashres_seal(struct crashres_ctx *ctx, const struct crashres_machine *machine,
				   const struct crashres_kernel *kernel,
				   const struct crashres_seal_request *seal, struct crashres_input **sealed);

bool crashres_kernel_is_sealed(const struct crashres_kernel *kernel);

/* The Image that was sealed, byte for byte. CRASHRES_ERR_FORMAT where @kernel is not. */
enum crashres_status crashres_unseal(struct crashres_ctx *ctx, const struct crashres_kernel *kernel,
				     struct crashres_input **image);

/* --------------------------------------------------------------------- load */

/**
 * crashres_can_load() - is this an arm64 machine, and the context's root its own?
 *
 * To be asked before a plan is made, which needs more of a machine than that.
 *
 * Return: CRASHRES_ERR_UNSUPPORTED where crashres_load() would fail for it.
 */
enum crashres_status crashres_can_load(struct crashres_ctx *ctx);

/* The content of the slot after a load. */
enum crashres_slot_state {
	CRASHRES_SLOT_STATE_UNKNOWN = 0,	/* the refusal does not tell: see crashres_loaded() */
	CRASHRES_SLOT_STATE_UNCHANGED,		/* what it held before, if anything */
	CRASHRES_SLOT_STATE_EMPTY,
	CRASHRES_SLOT_STATE_LOADED,
};

#define CRASHRES_RESULT_ATTEMPTS 8

/* The result of a load. */
struct crashres_result {
	size_t size;			/* sizeof(struct crashres_result) */
	size_t attempt;			/* that succeeded; CRASHRES_NO_ATTEMPT */
	enum crashres_call call;	/* of this attempt; AUTO: none */
	enum crashres_check check;	/* of the loaded kernel */
	enum crashres_slot_state slot;
	bool original_files;			/* see struct crashres_attempt: nothing here checked those bytes */
	unsigned int calls;		/* system calls made: what a limit has lost */
	int errors[CRASHRES_RESULT_ATTEMPTS];	/* errno of each attempt's refusal; 0: none, or not tried */
	uint32_t reserved;		/* 0 */
};

#define CRASHRES_RESULT_INIT \
	{ .size = sizeof(struct crashres_result), .attempt = CRASHRES_NO_ATTEMPT }
void crashres_result_init(struct crashres_result *result, size_t size);

/**
 * crashres_load() - hand the plan to the running kernel
 * @result: out, after a failure too; may be NULL.
 *
 * Tries the attempts in order, as far as each refusal allows. If a crash kernel
 * that was to be checked is loaded unchecked, the log has a warning.
 *
 * Return:
 *   CRASHRES_ERR_UNSUPPORTED  see crashres_can_load()
 *   CRASHRES_ERR_SYSCALL_UNAVAILABLE  kexec_load: ENOSYS, EPERM (lockdown), EACCES (IMA);
 *                             kexec_file_load: ENOSYS, ENOEXEC, EINVAL, EOPNOTSUPP
 *   CRASHRES_ERR_SYSCALL      the system call failed otherwise, over a signature for
 *                             one, or no attempt is possible
 */
enum crashres_status crashres_load(struct crashres_ctx *ctx, struct crashres_plan *plan,
				   struct crashres_result *result);

/**
 * crashres_unload() - empty @slot; succeeds on an empty one
 * @call: CRASHRES_CALL_AUTO: kexec_file_load, and where there is none kexec_load.
 *
 * Errors as crashres_load().
 */
enum crashres_status crashres_unload(struct crashres_ctx *ctx, enum crashres_slot slot,
				     enum crashres_call call);

/* ------------------------------------------------------------------- report */

enum crashres_outcome {
	CRASHRES_OUTCOME_INTACT = 1,
	CRASHRES_OUTCOME_REPAIRED,	/* damaged, and all of it brought back */
	CRASHRES_OUTCOME_DAMAGED,	/* started all the same, as CRASHRES_ON_DAMAGE_BOOT says */
	CRASHRES_OUTCOME_INCOMPLETE,	/* out of time; no checked block was damaged */
};

/* Who computed SHA-256. */
enum crashres_sha256 {
	CRASHRES_SHA256_PORTABLE = 0,
	CRASHRES_SHA256_VECTORS,	/* Advanced SIMD */
	CRASHRES_SHA256_INSTRUCTIONS,	/* the SHA-2 instructions of the CPU */
};

/*
 * Adjacent damaged blocks. Frozen: it is the element of an array, whose stride is its size.
 * More would come from a second array at the end of struct crashres_report.
 */
struct crashres_damage {
	char segment[16];		/* name, as in struct crashres_segment */
	uint64_t offset;		/* in it: the first wrong byte, or the first block if unrepaired */
	uint64_t blocks;
	uint64_t repaired;		/* of these */
	uint8_t found[16];		/* the bytes that were there, from offset on */
	size_t found_size;		/* how many; 0: they could not be read */
};

/*
 * The findings of purgatory before it started the running kernel. Members behind @size
 * bytes are not there: an older library has made it.
 */
struct crashres_report {
	size_t size;			/* as this library knows it */
	enum crashres_outcome outcome;
	unsigned int exception_level;	/* 1 or 2 */
	bool vhe;			/* at 2: with HCR_EL2.E2H */
	bool mmu;			/* MMU and caches were on */
	bool timed_out;			/* not all blocks were checked, or not all repaired */
	bool unclean;			/* a cache could not be cleaned everywhere */
	bool table_damaged[2];		/* copies of the digests; harmless */
	enum crashres_sha256 sha256;
	uint64_t started;		/* the system counter then */
	uint64_t nanoseconds;		/* for check and repair; 0 where the counter's rate is unknown */
	uint64_t block_size;		/* bytes */
	uint64_t blocks;		/* checked */
	uint64_t damaged;
	uint64_t repaired;
	uint64_t damage_count;		/* runs of adjacent damaged blocks */
	size_t listed;			/* in damage; the record holds no more than some */
	const struct crashres_damage *damage;
};

/**
 * crashres_report_read() - what purgatory left for the running kernel
 * @report: out; release with crashres_report_free().
 *
 * Reads /chosen of /sys/firmware/fdt below the context's root, which only root
 * can do.
 *
 * Return:
 *   CRASHRES_ERR_NO_RECORD    not started by a purgatory of ours, or unchecked
 *   CRASHRES_ERR_OS           the device tree cannot be read
 *   CRASHRES_ERR_FORMAT       device tree or record is damaged
 *   CRASHRES_ERR_UNSUPPORTED  the record is of another version
 */
enum crashres_status crashres_report_read(struct crashres_ctx *ctx,
					  struct crashres_report **report);
void crashres_report_free(struct crashres_report *report);	/* may be NULL */

#ifdef __cplusplus
}
#endif

#endif
