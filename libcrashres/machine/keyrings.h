/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads which keys are in the keyrings by which the kernel verifies signatures.
 *
 * /proc/keys names the keyrings, but not their members:
 *
 *   0b1a2c3d I------     1 perm 1f0f0000     0     0 keyring   .platform: 3
 *   serial   flags   usage time permissions uid   gid type     description
 *
 * KEYCTL_READ returns the serials of the members, and KEYCTL_DESCRIBE their descriptions. A key
 * of a certificate is described as "SUBJECT: ID". ID is the SubjectKeyIdentifier in hexadecimal,
 * or the serial number if the certificate has none (x509_key_preparse() in
 * crypto/asymmetric_keys/x509_public_key.c). The kernel never gives out the public key. /proc/keys
 * also has its type (asymmetric_key_describe() in crypto/asymmetric_keys/asymmetric_type.c):
 *
 *   1c2d3e4f I------     1 perm 1f030000     0     0 asymmetri SUBJECT: ID: X509.rsa 0a0b0c0d []
 *
 * A member of .blacklist is a key that is revoked, or has the type "blacklist" and is described
 * as "tbs:DIGEST" (of the signed part of a certificate) or "bin:DIGEST" (of a file):
 * certs/blacklist.c.
 */
#ifndef CRS_KEYRINGS_H
#define CRS_KEYRINGS_H

#include "../base/ctx.h"

enum crs_ring {
	CRS_RING_BUILTIN,	/* .builtin_trusted_keys: certificates in the kernel */
	CRS_RING_SECONDARY,	/* .secondary_trusted_keys: links .builtin_trusted_keys and
				   perhaps .machine; root can add keys that one of these signed */
	CRS_RING_MACHINE,	/* .machine: keys of the owner (MOK) */
	CRS_RING_IMA,		/* .ima: keys for files */
	CRS_RING_PLATFORM,	/* .platform: keys of the firmware (db) and of the owner (MOK) */
	CRS_RING_BLACKLIST,	/* .blacklist: revoked keys and digests */
	CRS_RING_COUNT,
};

#define CRS_RING_BIT(ring)	(1U << (ring))

enum crs_key_type {
	CRS_KEY_OTHER = 0,
	CRS_KEY_ASYMMETRIC,	/* public key of a certificate */
	CRS_KEY_DIGEST,		/* entry of .blacklist, described as "tbs:..." or "bin:..." */
	CRS_KEY_KEYRING,
};

struct crs_key {
	int32_t serial;
	enum crs_key_type type;
	unsigned int rings;	/* CRS_RING_BIT of each keyring of which it is a direct member */
	char *description;	/* owned */
	char algorithm[32];	/* as in /proc/keys, such as "X509.rsa" or "X509.ecdsa-nist-p256"; "":
				   unknown */
};

/* Release with crs_keyrings_free(). */
struct crs_keyrings {
	bool known;			/* the members of all keyrings were read */
	bool hidden;			/* a member could not be described */
	char problem[256];		/* why the members are unknown; "" if @known */
	unsigned int exist;		/* CRS_RING_BIT of each keyring that the kernel has */
	unsigned int links[CRS_RING_COUNT];	/* CRS_RING_BIT of the keyrings in a keyring */
	struct crs_key *keys;		/* owned; each key once */
	size_t count;
};

/*
 * Reads the keyrings of the running kernel. If the context has another root than "/", or without
 * the rights, @keyrings says that they are unknown, and why.
 *
 * Return: CRASHRES_ERR_MEMORY; no other failure.
 */
enum crashres_status crs_keyrings_read(struct crashres_ctx *ctx, struct crs_keyrings *keyrings);
void crs_keyrings_free(struct crs_keyrings *keyrings);

/* The name of a keyring, such as ".platform". */
const char *crs_ring_name(enum crs_ring ring);

/* CRS_RING_BIT of @ring and of the keyrings that a search in @ring reaches through links. */
unsigned int crs_keyrings_reach(const struct crs_keyrings *keyrings, enum crs_ring ring);

/*
 * Returns the id in the description of a certificate's key: hexadecimal digits, or "" if there is
 * none. @subject_length: out; bytes of the subject in front.
 */
const char *crs_key_id_text(const struct crs_key *key, size_t *subject_length);

/*
 * Finds the serial of the root user's keyring @name in /proc/keys: @size bytes at @text, which are
 * hostile. Returns 0 if there is no such line.
 */
int32_t crs_proc_keys_find(const char *text, size_t size, const char *name);

/*
 * Finds the type of a certificate's key in /proc/keys, for example "X509.rsa": the word after
 * the description in the line with this serial. @size bytes at @text, which are hostile. @type:
 * out; "" if there is no such line.
 */
void crs_proc_keys_find_type(const char *text, size_t size, int32_t serial, const char *description,
			     char type[32]);

/*
 * Parses the answer of KEYCTL_DESCRIBE: @size bytes at @text, which are hostile, the NUL not
 * counted. @description: out; borrows @text; its end is that of @text. Returns false if there are
 * not four semicolons.
 */
bool crs_key_parse(const char *text, size_t size, enum crs_key_type *type,
		   const char **description);

#endif
