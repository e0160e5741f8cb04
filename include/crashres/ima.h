/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ima.h: sign files for appraisal by the kernel's IMA (Integrity Measurement
 * Architecture), verify such signatures and PE signatures, and ask whether a machine
 * would load a file.
 *
 *   key (+ certificate) + file   ->  crashres_sign()      ->  signature
 *   certificates + file          ->  crashres_verify()    ->  verification
 *   machine + certificates + file  ->  crashres_appraise()  ->  appraisal
 *
 * These functions are in a second library, libcrashres-ima, because only that
 * library links OpenSSL. The rules at the start of crashres.h hold here too.
 *
 * A private key stays inside OpenSSL's EVP_PKEY object, or inside the token that
 * an OpenSSL provider talks to. The library never copies a private key out and
 * never writes one into a message.
 *
 * Everything in this header exists since version 3.0.
 */
#ifndef CRASHRES_IMA_H
#define CRASHRES_IMA_H

#include <crashres/crashres.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Hash algorithms. The values are the kernel's (include/uapi/linux/hash_info.h). */
enum crashres_hash {
	CRASHRES_HASH_SHA256 = 4,
	CRASHRES_HASH_SHA384 = 5,
	CRASHRES_HASH_SHA512 = 6,
};

/* Returns "sha256", "sha384" or "sha512", and NULL for any other value. */
const char *crashres_hash_name(enum crashres_hash hash);

/* Signature algorithms that the kernel can verify (crypto/asymmetric_keys/public_key.c). */
enum crashres_key_type {
	CRASHRES_KEY_RSA = 1,		/* PKCS #1 v1.5 (RFC 8017, 8.2), not PSS */
	CRASHRES_KEY_ECDSA,		/* on P-256, P-384 or P-521 */
};

/* Returns "rsa" or "ecdsa", and NULL for any other value. */
const char *crashres_key_type_name(enum crashres_key_type type);

/* The places for a signature, and what makes the kernel accept each one. */
enum crashres_signature {
	CRASHRES_SIGNATURE_XATTR = 0,	/* the attribute security.ima (appraise_type=imasig) */
	CRASHRES_SIGNATURE_SIGFILE,	/* FILE.sig: the bytes for security.ima, to be set later */
	CRASHRES_SIGNATURE_APPENDED,	/* a CMS structure after the content of the file
					   (appraise_type=imasig|modsig) */
	CRASHRES_SIGNATURE_PE,		/* Authenticode, in the certificate table of a PE file
					   (CONFIG_KEXEC_IMAGE_VERIFY_SIG); only verified, not
					   made: sbsign and pesign sign PE files */
};

/* ---------------------------------------------------------------------- key */

/**
 * crashres_passphrase_fn - the caller's function that supplies a passphrase or PIN
 * @data:     the @data of crashres_key_open().
 * @location: the location of the key without a PIN, for a prompt.
 * @buffer:   out; the passphrase, without a NUL at its end.
 * @capacity: size of @buffer, bytes.
 * @size:     out; size of the passphrase, bytes, at most @capacity.
 *
 * The library erases @buffer after use.
 *
 * Return: false if there is no passphrase. crashres_key_open() then fails, and does
 * not call the function again.
 */
typedef bool crashres_passphrase_fn(void *data, const char *location, char *buffer, size_t capacity,
				    size_t *size);

struct crashres_key;

/*
 * A pkcs11: URI can contain a PIN (pin-value). Messages, logs and the passphrase function get
 * the URI with "***" instead of the PIN.
 */

/**
 * crashres_key_open() - open a private key
 * @location:   a file (PEM or DER; PKCS #8, encrypted or not, or the older forms of
 *              OpenSSL), or a URI for an OpenSSL provider, such as "pkcs11:...".
 * @passphrase: called only if the key needs a passphrase; may be NULL. Without this
 *              function an encrypted key cannot be opened.
 * @data:       passed to @passphrase; may be NULL.
 * @key:        out; release with crashres_key_free().
 *
 * Return:
 *   CRASHRES_ERR_OS           the file cannot be opened
 *   CRASHRES_ERR_KEY          no private key at @location, or no or a wrong passphrase
 *   CRASHRES_ERR_UNSUPPORTED  neither an RSA key nor an EC key on a curve that the
 *                             kernel can verify
 *
 * A token can hold a private key without its public key. Such a key needs a certificate in
 * struct crashres_sign_request.
 */
enum crashres_status crashres_key_open(struct crashres_ctx *ctx, const char *location,
				       crashres_passphrase_fn *passphrase, void *data,
				       struct crashres_key **key);
void crashres_key_free(struct crashres_key *key);	/* @key may be NULL */

/*
 * Reads the key id that a signature gets without a certificate: the last 4 bytes of the SHA-1
 * of the public key. Returns false if the public key is unknown. @id is then unchanged.
 */
bool crashres_key_id(const struct crashres_key *key, uint32_t *id);

/* -------------------------------------------------------------- certificate */

struct crashres_certificate;

/**
 * crashres_certificate_open() - open the first certificate in a file or at a URI
 * @location:    a file (PEM or DER), or a URI such as "pkcs11:...;type=cert".
 * @certificate: out; release with crashres_certificate_free().
 *
 * The certificate itself is not verified: neither its issuer nor its dates.
 *
 * Return:
 *   CRASHRES_ERR_OS           the file cannot be opened
 *   CRASHRES_ERR_KEY          no certificate at @location, or its public key is damaged
 *   CRASHRES_ERR_UNSUPPORTED  the public key is neither RSA nor EC on a curve that the
 *                             kernel can verify
 */
enum crashres_status crashres_certificate_open(struct crashres_ctx *ctx, const char *location,
					       struct crashres_certificate **certificate);
void crashres_certificate_free(struct crashres_certificate *certificate); /* may be NULL */

/*
 * Returns the subject as one line, such as "O = Example, CN = kdump". Control
 * characters are escaped.
 */
const char *crashres_certificate_subject(const struct crashres_certificate *certificate);

/*
 * Returns the key id: the last 4 bytes of the SubjectKeyIdentifier, read as a
 * big-endian number. A signature in security.ima names its key by this id, and
 * /proc/keys shows it as the last 8 digits of the key's id.
 */
uint32_t crashres_certificate_key_id(const struct crashres_certificate *certificate);

/* --------------------------------------------------------------------- sign */

/* Initialise with CRASHRES_SIGN_REQUEST_INIT or crashres_sign_request_init(). */
struct crashres_sign_request {
	size_t size;					/* sizeof(struct crashres_sign_request) */
	const struct crashres_key *key;			/* borrowed; NULL with @given_signature */
	const struct crashres_certificate *certificate;	/* borrowed; of the key, supplies the key
							   id; may be NULL, except for APPENDED,
							   with @given_signature, and for a key
							   without a public key */
	enum crashres_hash hash;			/* of the file's content */
	enum crashres_signature signature;		/* place for the signature */
	const char *output;				/* path of the new file; NULL: FILE.sig for
							   SIGFILE, the file itself for APPENDED
							   and XATTR. With XATTR, only
							   crashres_sign_input() has an output */
	const void *given_signature;			/* borrowed; a signature that was made
							   elsewhere, see crashres_sign_digest();
							   NULL: sign with @key */
	size_t given_size;				/* of @given_signature, bytes */
	bool force;					/* APPENDED: also sign a file with a PE
							   signature, which becomes invalid;
							   SIGFILE: also replace a FILE.sig of
							   another program */
	uint8_t reserved[7];				/* 0 */
};

#define CRASHRES_SIGN_REQUEST_INIT \
	{ .size = sizeof(struct crashres_sign_request), .hash = CRASHRES_HASH_SHA256 }

/* For foreign-function interfaces: writes the defaults above. @size: bytes at @request. */
void crashres_sign_request_init(struct crashres_sign_request *request, size_t size);

/**
 * crashres_sign() - sign the file at @path
 *
 * SIGFILE and APPENDED write a temporary file and rename it to the final name. If
 * the machine stops in between, either the old file or the new file is complete.
 *
 * APPENDED replaces an appended signature that the file already has. Without an output it keeps
 * the owner, the permissions and the extended attributes of the file, except security.ima,
 * security.evm and security.capability, which are valid for the old content only. If another
 * program changes or replaces the file in the meantime, nothing is written. Any other new file
 * belongs to this user and has the permissions of the file without those in the umask. No new
 * file has a set-user-id, set-group-id or sticky bit.
 *
 * The output can be a symbolic link, which is followed as crashres_input_save() does. A link
 * FILE.sig is replaced. FILE.sig must be in the folder that has the opened file.
 *
 * kexec_file_load(2) refuses an arm64 Image that is longer than its image_size.
 * If the signature makes the Image too long, APPENDED removes bytes of value 0 from the
 * end of the content. An Image with a PE signature keeps every byte.
 *
 * Each call uses the private key once. If the request has a certificate, the signature is
 * verified with it before anything is written.
 *
 * The function logs a warning
 *  - if the file has a PE signature and @force is set, because the appended bytes make that
 *    signature invalid,
 *  - if the file is an EFI zboot file, because kexec loads the unpacked Image,
 *  - if a kernel in FIPS mode refuses the key.
 *
 * Return:
 *   CRASHRES_ERR_REQUEST      a member has an unknown value; the certificate belongs to
 *                             another key; a certificate is missing; XATTR with an output;
 *                             PE; the certificate has no SubjectKeyIdentifier (XATTR, SIGFILE);
 *                             the given signature is not a signature of this file by the
 *                             certificate's key; the output of SIGFILE is the file itself
 *   CRASHRES_ERR_PE_SIGNATURE APPENDED, the file has a PE signature, and @force is not set
 *   CRASHRES_ERR_FORMAT       SIGFILE without an output: FILE.sig is no signature file, and @force
 *                             is not set
 *   CRASHRES_ERR_OS           a file cannot be read or written, or changed in the meantime
 *   CRASHRES_ERR_PERMISSION   this user cannot set security.ima (CAP_SYS_ADMIN)
 *   CRASHRES_ERR_UNSUPPORTED  this file system does not support security.ima
 *   CRASHRES_ERR_LIMIT        the Image has no room for a signature
 *   CRASHRES_ERR_KEY          OpenSSL cannot sign; the error text gives its reason
 */
enum crashres_status crashres_sign(struct crashres_ctx *ctx,
				   const struct crashres_sign_request *request, const char *path);

/**
 * crashres_sign_input() - sign bytes in memory and write the result to request->output
 * @input: for example an Image from crashres_seal().
 *
 * No file has the name of the output before it is signed, and nothing is read back from a folder
 * that can belong to another user:
 *   APPENDED  the content and the signature
 *   XATTR     the content, in a new file that gets security.ima before its name
 *   SIGFILE   the bytes of security.ima
 * The new file belongs to this user and has the permissions of crashres_input_save().
 *
 * Return: as crashres_sign(); CRASHRES_ERR_REQUEST also if the request has no output.
 */
enum crashres_status crashres_sign_input(struct crashres_ctx *ctx,
					 const struct crashres_sign_request *request,
					 const struct crashres_input *input);

/* The bytes that a key signs: the digest of the content, without any header. */
struct crashres_digest {
	size_t size;			/* bytes used in @bytes: 32, 48 or 64 */
	uint8_t bytes[64];
};

/**
 * crashres_sign_digest() - compute the bytes that must be signed elsewhere
 * @request: as for crashres_sign(). Its key and given signature are not used.
 * @digest:  out; the digest that the key has to sign:
 *           - RSA: PKCS #1 v1.5 (RFC 8017, 8.2) with a DigestInfo that names the hash
 *           - ECDSA: over the digest; the signature is DER of r and s (RFC 3279, 2.2.3)
 *
 * A build service has no private key. It sends the digest to a signing service, and passes the
 * answer to crashres_sign() as the given signature, with the same file and the same values in
 * the request. For APPENDED the digest depends on the certificate, because the size of its key
 * decides how many zero bytes an Image must lose.
 *
 * Return: as crashres_sign(), but nothing is signed or written.
 */
enum crashres_status crashres_sign_digest(struct crashres_ctx *ctx,
					  const struct crashres_sign_request *request,
					  const char *path, struct crashres_digest *digest);

/**
 * crashres_signature_remove() - remove a signature of the file at @path
 * @signature: the place of the signature.
 * @output:    APPENDED: path of the new file; NULL: the file itself. Else it must be NULL.
 *
 * XATTR removes security.ima. SIGFILE deletes FILE.sig if it is a signature for security.ima:
 * other programs use this name, too. APPENDED writes a new file in the
 * same way as crashres_sign(): the content without all appended signatures. Zero bytes that
 * crashres_sign() removed to make room do not come back.
 *
 * Return:
 *   CRASHRES_ERR_NO_SIGNATURE  the file has no signature at this place
 *   CRASHRES_ERR_REQUEST       an unknown place; PE; an output that is not possible
 *   CRASHRES_ERR_FORMAT        the appended signature is damaged, FILE.sig is no signature file,
 *                              or the file is empty
 *   CRASHRES_ERR_OS            a file cannot be read or written
 *   CRASHRES_ERR_PERMISSION    this user cannot change security.ima (CAP_SYS_ADMIN)
 */
enum crashres_status crashres_signature_remove(struct crashres_ctx *ctx, const char *path,
					       enum crashres_signature signature,
					       const char *output);

/* ------------------------------------------------------------------- verify */

/*
 * The result of comparing the signed digest with the digest of the file. An RSA
 * signature contains the signed digest. An ECDSA signature does not, so a wrong one
 * leaves the state UNKNOWN.
 */
enum crashres_digest_state {
	CRASHRES_DIGEST_UNKNOWN = 0,
	CRASHRES_DIGEST_MATCHES,
	CRASHRES_DIGEST_DIFFERS,	/* the key signed other content than the file has now */
};

/* The source of the time at which a file was signed. Nothing proves this time to the kernel. */
enum crashres_time_source {
	CRASHRES_TIME_UNKNOWN = 0,
	CRASHRES_TIME_SIGNER,		/* the signed attribute signingTime */
	CRASHRES_TIME_COUNTERSIGNATURE,	/* a timestamp server; its signature is not verified */
};

/*
 * The result of crashres_verify(). Unknown values are 0, NULL or "". The library
 * allocates the struct: do not read members beyond @size bytes.
 */
struct crashres_verification {
	size_t size;			/* bytes that this version of the library filled */
	bool valid;			/* a kernel that trusts the certificates accepts it */
	bool key_unknown;		/* not valid, because no certificate of the caller is the
					   signer's or, for PE, in the signer's chain */
	char problem[512];		/* the reason, if not valid */
	enum crashres_signature signature;
	enum crashres_hash hash;
	enum crashres_key_type type;	/* of the signer's certificate */
	enum crashres_digest_state digest;
	const struct crashres_certificate *certificate;	/* one of the caller's: the signer's;
					   for PE also an issuer in the signer's chain */
	char key[512];			/* the name by which the kernel looks up the key:
					   "id:1a2b3c4d" or "issuer ..., serial ..." */
	char warning[512];		/* beside @valid: a fact that makes some kernels refuse
					   the signature, such as a short RSA key in FIPS mode */
	char signer[512];		/* subject of the signer's certificate: of @certificate,
					   or for PE of a certificate inside the signature */
	char chain[2048];		/* PE: the subjects from the signer to @certificate, each
					   with a newline after it */
	int64_t time;			/* of signing; seconds since 1970, UTC */
	enum crashres_time_source time_source;
	uint32_t chain_length;		/* subjects in @chain */
};

/**
 * crashres_verify() - verify one signature of the file at @path
 * @signature:    the place of the signature.
 * @certificates: @count certificates of possible signers. They are trusted as they
 *                are, in the same way as the kernel trusts the keys in its keyrings.
 * @verification: out; release with free(). Its certificate is one of @certificates.
 *
 * A signature that is invalid, damaged or of an unknown kind is not an error of this
 * function. It then returns CRASHRES_OK, and @verification gives the problem.
 *
 * Return:
 *   CRASHRES_ERR_NO_SIGNATURE  the file has no signature at this place
 *   CRASHRES_ERR_OS            the file or its signature cannot be read
 *   CRASHRES_ERR_FORMAT        the file is empty
 *   CRASHRES_ERR_REQUEST       @signature has an unknown value
 */
enum crashres_status crashres_verify(struct crashres_ctx *ctx, const char *path,
				     enum crashres_signature signature,
				     struct crashres_certificate *const *certificates, size_t count,
				     struct crashres_verification **verification);

/**
 * crashres_verify_input() - verify one signature of an input
 * @input: of crashres_input_open(). SIGFILE reads the file beside this path.
 *
 * The other parameters are those of crashres_verify(). Several calls with one input answer about
 * the same bytes and the same security.ima, also if another program replaces the file meanwhile.
 *
 * Return: as crashres_verify(), but the file was opened before.
 */
enum crashres_status crashres_verify_input(struct crashres_ctx *ctx,
					   const struct crashres_input *input,
					   enum crashres_signature signature,
					   struct crashres_certificate *const *certificates,
					   size_t count,
					   struct crashres_verification **verification);

/* ---------------------------------------------------------------- appraisal */

/* The two parts of the kernel that verify a file for kexec_file_load(2), in their order. */
enum crashres_appraiser {
	CRASHRES_APPRAISER_IMA = 0,	/* when the file is read: the rule of the IMA policy with
					   func=KEXEC_KERNEL_CHECK */
	CRASHRES_APPRAISER_PE,		/* then: the PE signature (kimage_validate_signature()) */
};

/* The next step towards a file that the running kernel loads. */
enum crashres_step {
	CRASHRES_STEP_NONE = 0,
	CRASHRES_STEP_SIGN,		/* sign the file at the place "signature", with a key in one
					   of "keyrings" */
	CRASHRES_STEP_ENROL,		/* add the signer's certificate to one of "keyrings" */
	CRASHRES_STEP_CERTIFICATE,	/* give crashres_appraise() the signer's certificate */
	CRASHRES_STEP_PRIVILEGE,	/* ask again as root on the machine itself */
	CRASHRES_STEP_REVOKED,		/* sign with another key: the kernel refuses this one */
	CRASHRES_STEP_KERNEL,		/* start a kernel with the missing option */
};

/* The answer of one part of the kernel about a file. Unknown values are 0 or "". */
struct crashres_appraisal_check {
	enum crashres_appraiser appraiser;
	enum crashres_answer demanded;	/* a file that does not pass is refused */
	char reason[256];		/* the reason for "demanded" */
	/* The other members are valid unless "demanded" is NO. */
	enum crashres_answer passes;
	enum crashres_answer trusted;	/* the key is in one of "keyrings" */
	bool verified;			/* the signature was verified with the public key */
	bool appended_accepted;		/* IMA: an appended signature is accepted, too */
	enum crashres_signature signature;	/* the place that the kernel looks at */
	char signer[512];		/* subject of the signer's certificate */
	char key[512];			/* the name by which the kernel looks up the key */
	char keyring[32];		/* the keyring with the key, such as ".platform" */
	char keyrings[128];		/* those that the kernel searches, with ", " between them */
	char problem[512];		/* why it does not pass, or why that is unknown */
	enum crashres_step step;
};

/*
 * The result of crashres_appraise(). The library allocates the struct: do not read members
 * beyond @size bytes.
 */
struct crashres_appraisal {
	size_t size;			/* bytes that this version of the library filled */
	enum crashres_answer loads;	/* would the machine load the file? */
	char problem[512];		/* an obstacle that no signature removes */
	/* Facts about the machine. */
	enum crashres_answer secure_boot;	/* UEFI Secure Boot */
	enum crashres_answer locked_down;	/* lockdown */
	enum crashres_answer kexec_file;	/* CONFIG_KEXEC_FILE */
	enum crashres_answer kexec_sig;		/* CONFIG_KEXEC_SIG */
	enum crashres_answer image_verify_sig;	/* CONFIG_KEXEC_IMAGE_VERIFY_SIG */
	enum crashres_answer ima_policy;	/* YES: read; NO: the kernel has no IMA */
	enum crashres_answer ca_keyring;	/* .machine takes only certificates with CA:TRUE and
						   keyCertSign */
	enum crashres_answer ca_keyring_max;	/* and without digitalSignature */
	enum crashres_answer ima_secondary;	/* .ima takes certificates that a key in
						   .secondary_trusted_keys signed; NO: only those
						   of .builtin_trusted_keys */
	char keyrings_problem[256];	/* why the keyrings are unknown; "": they are known */
	size_t check_count;		/* 0 if the kernel has no kexec_file_load(2) */
	struct crashres_appraisal_check checks[2];	/* in the order of the kernel */
};

/**
 * crashres_appraise() - would the machine of the context load the kernel file at @path?
 * @certificates: @count certificates of possible signers; can be 0. The kernel does not give
 *                out the public keys in its keyrings. So a signature is verified only if the
 *                signer's certificate is inside the file or among these.
 * @appraisal:    out; release with free().
 *
 * Below a root other than "/" the keyrings are unknown. The files that show the facts are named
 * in tests/data/copy-machine.
 *
 * Return:
 *   CRASHRES_ERR_OS      the file cannot be read
 *   CRASHRES_ERR_FORMAT  the file is empty
 */
enum crashres_status crashres_appraise(struct crashres_ctx *ctx, const char *path,
				       struct crashres_certificate *const *certificates,
				       size_t count, struct crashres_appraisal **appraisal);

#ifdef __cplusplus
}
#endif

#endif
