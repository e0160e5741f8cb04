/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kernel-verdict: asks the running kernel for its verdict on keys and kernel files. Each line of
 * the output is "FILE RESULT"; RESULT is "ok" or the name of the error, for example "EPERM".
 *
 *   kernel-verdict key CERTIFICATE...          adds certificates (DER) to the keyring .ima
 *   kernel-verdict attribute {FILE VALUE}...   sets security.ima of FILE to the bytes in VALUE
 *   kernel-verdict load FILE...                loads each kernel by kexec_file_load and unloads it
 *   kernel-verdict crash {FILE INITRD}...      loads a crash kernel by kexec_file_load
 *
 * "load" writes the name of each file to the kernel's log first, so that a test can assign the
 * messages of the kernel to the files.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kexec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Prints the result of a system call: @result is negative on failure, with the reason in errno. */
static void report(const char *file, long result)
{
	const char *name = strerrorname_np(errno);

	if (result >= 0)
		printf("%s ok\n", file);
	else if (name)
		printf("%s %s\n", file, name);
	else
		printf("%s %d\n", file, errno); /* 524, ENOTSUPP, which has no name in user space */
}

/* Ends the program because it cannot use @file. */
static void give_up(const char *file)
{
	perror(file);
	exit(1);
}

/* Reads a file of less than 64 KiB into @data and returns its size in bytes. */
static size_t read_file(const char *file, char data[65536])
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : read(fd, data, 65536);

	if (size < 0)
		give_up(file);
	close(fd);
	return size;
}

/* Returns the serial number of the keyring .ima, from /proc/keys. */
static int find_ima_keyring(void)
{
	FILE *keys = fopen("/proc/keys", "re");
	char line[512];

	while (keys && fgets(line, sizeof(line), keys)) {
		if (strstr(line, " keyring   .ima:")) {
			fclose(keys);
			return strtol(line, NULL, 16);
		}
	}
	give_up("/proc/keys");
	return 0;
}

static void add_key(const char *file)
{
	char data[65536];
	size_t size = read_file(file, data);

	report(file, syscall(SYS_add_key, "asymmetric", NULL, data, size, find_ima_keyring()));
}

static void set_attribute(const char *file, const char *value)
{
	char data[65536];
	size_t size = read_file(value, data);

	report(file, setxattr(file, "security.ima", data, size, 0));
}

/* Writes a line to the kernel's log. One call of write() is one line. */
static void log_line(const char *file)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	char line[256];
	int size = snprintf(line, sizeof(line), "kernel-verdict: %s\n", file);

	if (fd < 0 || write(fd, line, size) != size)
		give_up("/dev/kmsg");
	close(fd);
}

static void load(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		give_up(file);
	log_line(file);
	report(file, syscall(SYS_kexec_file_load, fd, -1, 0, NULL, KEXEC_FILE_NO_INITRAMFS));
	close(fd);
	syscall(SYS_kexec_file_load, -1, -1, 0, NULL, KEXEC_FILE_UNLOAD);
}

/* Loads a crash kernel with an initrd and the command line of the running kernel. */
static void load_crash(const char *file, const char *initrd)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC), initrd_fd = open(initrd, O_RDONLY | O_CLOEXEC);
	char line[65536];
	size_t size = read_file("/proc/cmdline", line);

	if (fd < 0 || initrd_fd < 0 || !size)
		give_up(file);
	line[size - 1] = 0; /* instead of the newline */
	report(file, syscall(SYS_kexec_file_load, fd, initrd_fd, size, line, KEXEC_FILE_ON_CRASH));
	close(fd);
	close(initrd_fd);
}

int main(int argc, char **argv)
{
	const char *task = argc > 2 ? argv[1] : "";
	int i;

	for (i = 2; i < argc; i++) {
		if (!strcmp(task, "key"))
			add_key(argv[i]);
		else if (!strcmp(task, "load"))
			load(argv[i]);
		else if (!strcmp(task, "attribute") && i + 1 < argc)
			set_attribute(argv[i], argv[i + 1]), i++;
		else if (!strcmp(task, "crash") && i + 1 < argc)
			load_crash(argv[i], argv[i + 1]), i++;
		else
			return 2;
	}
	return argc > 2 ? 0 : 2;
}
