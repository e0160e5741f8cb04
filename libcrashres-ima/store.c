/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ui.h>
#include <string.h>
#include <unistd.h>

#include "store.h"

/* OpenSSL itself takes no longer ones for a PEM file. */
#define PASSPHRASE_LIMIT 1024

struct passphrase_state {
	const char *location;
	const struct crs_passphrase_callback *passphrase;
	bool asked;
	bool refused;
};

static bool ask_passphrase(struct passphrase_state *state, char *buffer, size_t capacity,
			   size_t *size)
{
	const struct crs_passphrase_callback *passphrase = state->passphrase;

	state->asked = true;
	/* Each decoder would ask on; who did not answer does not want to be asked again. */
	if (!state->refused && passphrase->function &&
	    passphrase->function(passphrase->data, state->location, buffer, capacity, size) &&
	    *size <= capacity)
		return true;
	state->refused = true;
	return false;
}

/* One string that OpenSSL wants; -1 stops it. OpenSSL cleanses what it has of the answer. */
static int read_string(UI *ui, UI_STRING *string)
{
	char buffer[PASSPHRASE_LIMIT + 1];
	int limit = UI_get_result_maxsize(string), result = -1;
	size_t capacity = limit < PASSPHRASE_LIMIT ? (size_t)limit : PASSPHRASE_LIMIT, size = 0;

	if (UI_get_string_type(string) != UIT_PROMPT)
		return 1;
	if (ask_passphrase(UI_get0_user_data(ui), buffer, capacity, &size)) {
		/* It is read as text, too. */
		buffer[size] = '\0';
		result = UI_set_result_ex(ui, string, buffer, (int)size) < 0 ? -1 : 1;
	}
	OPENSSL_cleanse(buffer, sizeof(buffer));
	return result;
}

static UI_METHOD *make_method(void)
{
	UI_METHOD *method = UI_create_method("crashres");

	if (method && UI_method_set_reader(method, read_string) < 0) {
		UI_destroy_method(method);
		return NULL;
	}
	return method;
}

/* "scheme:" (RFC 3986, 3.1), and no file of that name. */
static bool is_uri(const char *location)
{
	size_t length = strspn(location, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789+-.");

	return length && isalpha((unsigned char)*location) && location[length] == ':' &&
	       access(location, F_OK) < 0;
}

/* OSSL_STORE would not say why. */
static enum crashres_status check_file(struct crashres_ctx *ctx, const char *location)
{
	CRS_CLEANUP(crs_closep) int fd = open(location, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	return fd < 0 ? crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "%s", location) : CRASHRES_OK;
}

static enum crashres_status explain_failure(struct crashres_ctx *ctx,
					    const struct passphrase_state *state, int type)
{
	const char *object = type == OSSL_STORE_INFO_PKEY ? "private key" : "certificate";

	if (state->asked)
		ERR_clear_error();
	if (state->refused)
		return crs_fail(ctx, CRASHRES_ERR_KEY, "%s: it needs a passphrase, and got none",
				state->location);
	if (state->asked)
		return crs_fail(ctx, CRASHRES_ERR_KEY,
				"%s: the passphrase is wrong, or the key is damaged",
				state->location);
	/* Of a file that reason is which decoders were tried; of a URI it is the reason. */
	if (is_uri(state->location) && ERR_peek_error())
		return crs_fail_openssl(ctx, CRASHRES_ERR_KEY, "%s: no %s in it", state->location,
					object);
	return crs_fail(ctx, CRASHRES_ERR_KEY, "%s: no %s in it", state->location, object);
}

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
	struct passphrase_state state = {.location = location, .passphrase = passphrase};
	enum crashres_status status = is_uri(location) ? CRASHRES_OK : check_file(ctx, location);
	OSSL_STORE_INFO *found = NULL;
	OSSL_STORE_CTX *store = NULL;
	UI_METHOD *method;

	if (status != CRASHRES_OK)
		return status;
	ERR_clear_error();
	method = make_method();
	if (method)
		store = OSSL_STORE_open(location, method, &state, NULL, NULL);
	if (store)
		found = load_first(store, type);
	if (!found)
		status = explain_failure(ctx, &state, type);
	OSSL_STORE_close(store);
	UI_destroy_method(method);
	ERR_clear_error();
	if (found)
		*info = found;
	return status;
}
