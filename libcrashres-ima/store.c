/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* store.c: load a key or certificate with OSSL_STORE, and supply passphrases to it. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ui.h>
#include <string.h>
#include <unistd.h>

#include "location.h"
#include "store.h"

/* Bytes. OpenSSL has the same limit for PEM files (PEM_BUFSIZE). */
#define PASSPHRASE_LIMIT 1024

/* The state of one crs_store_load() for the functions that OpenSSL calls back. */
struct passphrase_state {
	const char *name;	/* of the location, for messages and prompts; without a PIN */
	const struct crs_passphrase_callback *passphrase;
	bool asked;		/* OpenSSL wanted a passphrase */
	bool refused;		/* the caller's function had none */
};

/* Gets a passphrase from the caller. Returns false if there is none. */
static bool ask_passphrase(struct passphrase_state *state, char *buffer, size_t capacity,
			   size_t *size)
{
	const struct crs_passphrase_callback *passphrase = state->passphrase;

	state->asked = true;
	/* OpenSSL tries several decoders, and each one asks. Do not ask the user again. */
	if (!state->refused && passphrase->function &&
	    passphrase->function(passphrase->data, state->name, buffer, capacity, size) &&
	    *size <= capacity)
		return true;
	state->refused = true;
	return false;
}

/*
 * The reader of the UI method (UI_create_method(3)): answers one prompt of OpenSSL.
 * Returns 1, or -1 to stop OpenSSL. UI_set_result_ex() copies the passphrase, and OpenSSL
 * erases its copy.
 */
static int read_string(UI *ui, UI_STRING *string)
{
	char buffer[PASSPHRASE_LIMIT + 1];
	int limit = UI_get_result_maxsize(string), result = -1;
	size_t capacity = limit < PASSPHRASE_LIMIT ? (size_t)limit : PASSPHRASE_LIMIT, size = 0;

	/* Other strings are information and errors, which need no answer. */
	if (UI_get_string_type(string) != UIT_PROMPT)
		return 1;
	if (ask_passphrase(UI_get0_user_data(ui), buffer, capacity, &size)) {
		/* Parts of OpenSSL read the passphrase as a string. */
		buffer[size] = '\0';
		result = UI_set_result_ex(ui, string, buffer, (int)size) < 0 ? -1 : 1;
	}
	OPENSSL_cleanse(buffer, sizeof(buffer));
	return result;
}

/* Returns a UI method with read_string(), which the caller destroys, or NULL. */
static UI_METHOD *make_method(void)
{
	UI_METHOD *method = UI_create_method("crashres");

	if (method && UI_method_set_reader(method, read_string) < 0) {
		UI_destroy_method(method);
		return NULL;
	}
	return method;
}

/* Returns true if @location starts with "scheme:" (RFC 3986, 3.1) and no such file exists. */
static bool is_uri(const char *location)
{
	size_t length = strspn(location, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789+-.");

	return length && isalpha((unsigned char)*location) && location[length] == ':' &&
	       access(location, F_OK) < 0;
}

/*
 * Fails with the errno of open(2), which OSSL_STORE does not report. O_NONBLOCK: a FIFO
 * must not block here.
 */
static enum crashres_status check_file(struct crashres_ctx *ctx, const char *location,
				       const char *name)
{
	CRS_CLEANUP(crs_closep) int fd = open(location, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "%s: cannot open", name);
	return CRASHRES_OK;
}

/* Fails with a sentence on the reason why OSSL_STORE found no object of @type. */
static enum crashres_status explain_failure(struct crashres_ctx *ctx,
					    const struct passphrase_state *state, bool uri,
					    int type)
{
	const char *object = type == OSSL_STORE_INFO_PKEY ? "private key" : "certificate";

	if (state->asked)
		ERR_clear_error();
	if (state->refused)
		return crs_fail(ctx, CRASHRES_ERR_KEY,
				"%s: a passphrase is needed, and there is none", state->name);
	if (state->asked)
		return crs_fail(ctx, CRASHRES_ERR_KEY,
				"%s: the passphrase is wrong, or the key is damaged",
				state->name);
	/*
	 * For a URI, OpenSSL's error is the reason, such as an unknown scheme. For a file it
	 * lists only the decoders that did not recognise the format.
	 */
	if (uri && ERR_peek_error())
		return crs_fail_openssl(ctx, CRASHRES_ERR_KEY, "%s: no %s", state->name,
					object);
	return crs_fail(ctx, CRASHRES_ERR_KEY, "%s: no %s", state->name, object);
}

/*
 * Returns the first object of @type, which the caller frees, or NULL. Other objects, such
 * as parameters before an EC key, are skipped.
 */
static OSSL_STORE_INFO *load_first(OSSL_STORE_CTX *store, int type)
{
	if (!OSSL_STORE_expect(store, type))
		return NULL;
	while (!OSSL_STORE_eof(store)) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(store);

		if (info && OSSL_STORE_INFO_get_type(info) == type)
			return info;
		OSSL_STORE_INFO_free(info);
		if (OSSL_STORE_error(store))
			return NULL;
	}
	return NULL;
}

enum crashres_status crs_store_load(struct crashres_ctx *ctx, const char *location, int type,
				    const struct crs_passphrase_callback *passphrase,
				    OSSL_STORE_INFO **info)
{
	CRS_CLEANUP(crs_freep) char *name = crs_location_name(location);
	struct passphrase_state state = { .name = name, .passphrase = passphrase };
	bool uri = is_uri(location);
	enum crashres_status status = CRASHRES_OK;
	OSSL_STORE_INFO *found = NULL;
	OSSL_STORE_CTX *store = NULL;
	UI_METHOD *method;

	if (!name)
		return crs_fail_memory(ctx);
	if (!uri)
		status = check_file(ctx, location, name);
	if (status != CRASHRES_OK)
		return status;
	ERR_clear_error();
	method = make_method();
	if (method)
		store = OSSL_STORE_open(location, method, &state, NULL, NULL);
	if (store)
		found = load_first(store, type);
	if (!found)
		status = explain_failure(ctx, &state, uri, type);
	OSSL_STORE_close(store);
	UI_destroy_method(method);
	ERR_clear_error();
	if (found)
		*info = found;
	return status;
}
