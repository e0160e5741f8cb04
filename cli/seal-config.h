/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration file /etc/crashres/seal.conf: whether "kexec -p" uses ready sealed Images,
 * and how "crashres seal --renew" makes them. man/crashres-seal.conf.5 describes the keys.
 *
 * A line is "key = value", a comment that starts with "#", or empty. Blanks around the key and
 * the value do not count. A key can occur once.
 */
#ifndef CLI_SEAL_CONFIG_H
#define CLI_SEAL_CONFIG_H

#include <crashres/crashres.h>

#define SEAL_CONFIG_FILE	"/etc/crashres/seal.conf"
#define SEAL_CONFIG_FOLDER	"/var/lib/crashres/sealed"

/* A larger file is an error, because nobody writes a configuration of this size. Bytes. */
#define SEAL_CONFIG_MAX		((size_t)64 << 10)

/* The signature of a sealed Image, as the key "signature" and the options of seal name it. */
enum seal_signature {
	SEAL_SIGNATURE_NONE,		/* the key was not given */
	SEAL_SIGNATURE_PE,
	SEAL_SIGNATURE_APPEND,
	SEAL_SIGNATURE_IMA,
};

/* The values of the file. Strings are owned; NULL: the key was not given. */
struct seal_config {
	bool automatic;			/* sealed=auto: kexec -p looks for a sealed Image */
	char *kernel;			/* absolute path; %v is the kernel release */
	char *initrd;			/* likewise */
	char *key;			/* file or URI */
	char *cert;			/* file or URI */
	char *sign_with;		/* command with %i and %o (crashres/sign-command.h) */
	char *passphrase_file;		/* path */
	char *output;			/* folder, absolute path; seal_config_folder() has the default */
	char *serial;			/* name of a tty */
	enum seal_signature signature;
	struct crashres_seal_request seal;	/* policies; without the initrd */
};

/*
 * Parses @size bytes at @data, which are hostile.
 *
 * @command: the program, for messages: "kexec".
 * @path:    the file, for messages.
 * @config:  out; release with seal_config_free(), after a failure too.
 *
 * Returns false after one line on stderr that names the file and the line.
 */
bool seal_config_parse(const char *command, const char *path, const char *data, size_t size,
		       struct seal_config *config);
void seal_config_free(struct seal_config *config);

/* The folder of ready sealed Images: the key "output", or SEAL_CONFIG_FOLDER. */
const char *seal_config_folder(const struct seal_config *config);

/*
 * Replaces %v in a value of "kernel" or "initrd" by @release, and %% by %. Returns NULL if there
 * is no memory; the caller frees the result.
 */
char *seal_config_expand(const char *pattern, const char *release);

#endif
