/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a passphrase or PIN from a file, a descriptor or the terminal. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "passphrase.h"

/*
 * Reads one line without its newline. Reads byte by byte, because the bytes after the
 * line belong to other readers of @fd. A buffer of stdio would also keep a copy of the
 * passphrase.
 *
 * @cancel: this byte makes the function fail; 0: none.
 *
 * Returns false at the end of the file, on an error, and if the line is too long.
 */
static bool read_line(int fd, char *buffer, size_t capacity, size_t *size, char cancel)
{
	size_t used = 0;

	for (;;) {
		char byte;
		ssize_t got = read(fd, &byte, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || (got == 0 && !used))
			return false;
		if (got == 0 || byte == '\n')
			break;
		if ((cancel && byte == cancel) || used == capacity)
			return false;
		buffer[used++] = byte;
	}
	*size = used;
	return true;
}

/* Writes a part of the prompt. An error is ignored: the answer can still be read. */
static void write_prompt(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) < 0)
		return;
}

/*
 * Asks for the passphrase on the terminal with the echo switched off (termios(3)).
 *
 * ISIG is off too, and the interrupt character (Ctrl-C) ends the line (VEOL). So Ctrl-C
 * arrives as a byte and not as a signal, and the echo is always switched on again.
 *
 * Parameters and result as in crashres_passphrase_fn.
 */
static bool ask_terminal(const char *location, char *buffer, size_t capacity, size_t *size)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	struct termios before, silent;
	bool ok = false;

	if (fd < 0)
		return false;
	if (!tcgetattr(fd, &before)) {
		silent = before;
		silent.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
		silent.c_cc[VEOL] = before.c_cc[VINTR];
		write_prompt(fd, "Passphrase for ");
		write_prompt(fd, location);
		write_prompt(fd, ": ");
		if (!tcsetattr(fd, TCSAFLUSH, &silent)) {
			ok = read_line(fd, buffer, capacity, size, (char)before.c_cc[VINTR]);
			tcsetattr(fd, TCSAFLUSH, &before);
		}
		write_prompt(fd, "\n");
	}
	close(fd);
	return ok;
}

/* Reads the first line of the file @path. */
static bool read_file(const char *path, char *buffer, size_t capacity, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	bool ok = fd >= 0 && read_line(fd, buffer, capacity, size, '\0');

	if (fd < 0)
		fprintf(stderr, "crashres: %s: cannot open: %s\n", path, strerror(errno));
	else
		close(fd);
	return ok;
}

/* Copies the value of the environment variable @name. */
static bool copy_variable(const char *name, char *buffer, size_t capacity, size_t *size)
{
	const char *text = getenv(name);
	size_t length = text ? strlen(text) : 0;

	if (!text || length > capacity)
		return false;
	memcpy(buffer, text, length);
	*size = length;
	return true;
}

/* Returns the three parts as one text, which the caller frees. */
static char *join(const char *first, const char *second, const char *third)
{
	char *text;

	return asprintf(&text, "%s%s%s", first, second, third) < 0 ? NULL : text;
}

bool passphrase_parse(const struct value *value, struct passphrase *passphrase)
{
	bool is_fd = !strcmp(value->option, "passphrase-fd");
	bool is_file = !strcmp(value->option, "passphrase-file");

	if ((!is_fd && passphrase->fd != PASSPHRASE_NO_FD) || (!is_file && passphrase->file) ||
	    ((is_fd || is_file) && passphrase->variable)) {
		fprintf(stderr,
			"%s: --passphrase-fd, --passphrase-file and --passphrase-env exclude each "
			"other\n", value->command);
		return false;
	}
	if (is_fd)
		return values_fd(value, &passphrase->fd);
	if (is_file)
		passphrase->file = value->text;
	else
		passphrase->variable = value->text;
	return true;
}

char *passphrase_find_problem(const struct passphrase *passphrase)
{
	const char *file = passphrase->file;
	struct stat st;

	if (file && (stat(file, &st) < 0 || access(file, R_OK) < 0))
		return join(file, ": cannot open: ", strerror(errno));
	/* Only a warning: a build service can have no other way to pass a file. */
	if (file && S_ISREG(st.st_mode) && (st.st_mode & S_IROTH))
		fprintf(stderr, "crashres: warning: %s: every user can read the passphrase\n", file);
	if (passphrase->variable && !getenv(passphrase->variable))
		return strdup("--passphrase-env names no environment variable");
	return NULL;
}

bool passphrase_get(void *data, const char *location, char *buffer, size_t capacity, size_t *size)
{
	const struct passphrase *passphrase = data;

	if (passphrase->file)
		return read_file(passphrase->file, buffer, capacity, size);
	if (passphrase->variable)
		return copy_variable(passphrase->variable, buffer, capacity, size);
	if (passphrase->fd != PASSPHRASE_NO_FD)
		return read_line(passphrase->fd, buffer, capacity, size, '\0');
	return ask_terminal(location, buffer, capacity, size);
}
