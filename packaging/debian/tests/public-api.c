// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * public-api: calls both libraries as a program of another project does, with the installed headers
 * only. It seals an Image from memory, signs the sealed Image, verifies the signature and unseals.
 *
 *   public-api KEY CERTIFICATE OUTPUT
 *
 * It prints the version of the library. Any difference from the documented behaviour ends it with a
 * message and exit status 1.
 */
#include <crashres/crashres.h>
#include <crashres/ima.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGE_BYTES = 64 << 10 };

/* Ends the program if @condition is false. */
static void expect(bool condition, const char *text, const struct crashres_ctx *ctx)
{
	if (condition)
		return;
	fprintf(stderr, "public-api: wrong: %s; last error: %s\n", text, crashres_error(ctx));
	exit(1);
}

#define EXPECT(condition) expect((condition), #condition, ctx)

/* Writes the header of an arm64 Image (Linux, Documentation/arch/arm64/booting.rst). */
static void make_image(unsigned char *image)
{
	memset(image, 0xa5, IMAGE_BYTES);
	memset(image, 0, 64);
	image[18] = 2;			/* image_size: 128 KiB */
	image[24] = 0xa;		/* flags: pages of 4 KiB, anywhere in memory */
	memcpy(image + 56, "ARM\x64", 4);
}

/* A failed call returns its status, leaves the out-parameter alone and has a sentence. */
static void check_error(struct crashres_ctx *ctx)
{
	struct crashres_kernel *kernel = NULL;

	EXPECT(crashres_kernel_open(ctx, "/nonexistent", &kernel) == CRASHRES_ERR_OS);
	EXPECT(kernel == NULL);
	EXPECT(strcmp(crashres_error(ctx), "Cannot open `/nonexistent': No such file or directory") == 0);
	EXPECT(strcmp(crashres_status_name(CRASHRES_ERR_OS), "ERR_OS") == 0);
}

/* Seals @kernel without an initrd and without facts of a machine. */
static struct crashres_input *seal(struct crashres_ctx *ctx, const struct crashres_kernel *kernel)
{
	struct crashres_seal_request request = CRASHRES_SEAL_REQUEST_INIT;
	struct crashres_input *sealed = NULL;

	EXPECT(crashres_seal(ctx, NULL, kernel, &request, &sealed) == CRASHRES_OK);
	return sealed;
}

/* Signs @sealed with the key in @arguments, and writes @arguments[3]. */
static void sign(struct crashres_ctx *ctx, const struct crashres_input *sealed, char **arguments)
{
	struct crashres_sign_request request = CRASHRES_SIGN_REQUEST_INIT;
	struct crashres_certificate *certificate = NULL;
	struct crashres_key *key = NULL;

	EXPECT(crashres_key_open(ctx, arguments[1], NULL, NULL, &key) == CRASHRES_OK);
	EXPECT(crashres_certificate_open(ctx, arguments[2], &certificate) == CRASHRES_OK);
	request.key = key;
	request.certificate = certificate;
	request.signature = CRASHRES_SIGNATURE_APPENDED;
	request.output = arguments[3];
	EXPECT(crashres_sign_input(ctx, &request, sealed) == CRASHRES_OK);
	crashres_certificate_free(certificate);
	crashres_key_free(key);
}

/* The signature of @arguments[3] is valid for the certificate, and the subject is known. */
static void verify(struct crashres_ctx *ctx, char **arguments)
{
	struct crashres_verification *result = NULL;
	struct crashres_certificate *certificate = NULL;

	EXPECT(crashres_certificate_open(ctx, arguments[2], &certificate) == CRASHRES_OK);
	EXPECT(crashres_verify(ctx, arguments[3], CRASHRES_SIGNATURE_APPENDED, &certificate, 1, &result) ==
	       CRASHRES_OK);
	EXPECT(result->valid);
	EXPECT(strcmp(crashres_certificate_subject(certificate), "CN = test") == 0);
	free(result);
	crashres_certificate_free(certificate);
}

/* The signed file is a sealed Image that holds @image, byte for byte. */
static void unseal(struct crashres_ctx *ctx, const char *path, const unsigned char *image)
{
	struct crashres_kernel *kernel = NULL;
	struct crashres_input *inside = NULL;
	const void *bytes;
	size_t size = 0;

	EXPECT(crashres_kernel_open(ctx, path, &kernel) == CRASHRES_OK);
	EXPECT(crashres_kernel_is_sealed(kernel));
	EXPECT(crashres_unseal(ctx, kernel, &inside) == CRASHRES_OK);
	bytes = crashres_input_data(inside, &size);
	EXPECT(size == IMAGE_BYTES && memcmp(bytes, image, size) == 0);
	crashres_input_close(inside);
	crashres_kernel_close(kernel);
}

int main(int count, char **arguments)
{
	static unsigned char image[IMAGE_BYTES];
	struct crashres_kernel *kernel = NULL;
	struct crashres_input *input = NULL, *sealed;
	struct crashres_ctx *ctx = NULL;

	if (count != 4 || crashres_ctx_new(&ctx) != CRASHRES_OK)
		return 1;
	check_error(ctx);
	make_image(image);
	EXPECT(crashres_input_from_memory(ctx, "Image", image, sizeof(image), &input) == CRASHRES_OK);
	EXPECT(crashres_kernel_from_input(ctx, input, &kernel) == CRASHRES_OK);
	EXPECT(strcmp(crashres_kernel_type(kernel), "Image") == 0);
	sealed = seal(ctx, kernel);
	sign(ctx, sealed, arguments);
	verify(ctx, arguments);
	unseal(ctx, arguments[3], image);
	crashres_input_close(sealed);
	crashres_kernel_close(kernel);
	crashres_input_close(input);
	puts(crashres_version());
	crashres_ctx_free(ctx);
	return 0;
}
