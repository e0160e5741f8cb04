/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * token.c: an OpenSSL provider for test_sign.py. It acts as a token with the PIN 1234, so
 * that the tests can use pkcs11: URIs without hardware.
 *
 *   URI                              object       file (DER)
 *   pkcs11:object=kdump...           private key  $TOKEN_KEY, needs the PIN
 *   pkcs11:object=kdump...;type=cert certificate  $TOKEN_CERT
 *
 * OpenSSL loads the provider by the configuration file that the fixture "token" of
 * test_sign.py writes. The functions below implement provider-storemgmt(7).
 */
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/params.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIN "1234"

/* An open URI. Each URI has one object. */
struct object {
	bool certificate;	/* else a private key */
	bool done;		/* load() was called */
};

OSSL_provider_init_fn OSSL_provider_init;

/* Returns the object, which close_object() frees, or NULL for an unknown URI. */
static void *open_uri(void *provider, const char *uri)
{
	struct object *object;

	(void)provider;
	if (strncmp(uri, "pkcs11:object=kdump", 19))
		return NULL;
	object = calloc(1, sizeof(*object));
	if (object)
		object->certificate = strstr(uri, ";type=cert");
	return object;
}

/* OpenSSL requires this pair of functions, but the token has no parameters. */
static const OSSL_PARAM *settable(void *provider)
{
	static const OSSL_PARAM none[] = { OSSL_PARAM_END };

	(void)provider;
	return none;
}

static int set(void *object, const OSSL_PARAM params[])
{
	(void)object;
	(void)params;
	return 1;
}

/* Asks the application for the PIN, once. */
static bool pin_is_right(OSSL_PASSPHRASE_CALLBACK *ask, void *data)
{
	char pin[100];
	size_t size;

	return ask(pin, sizeof(pin), &size, NULL, data) && size == strlen(PIN) &&
	       !memcmp(pin, PIN, size);
}

/*
 * Passes the bytes of the file to OpenSSL, which decodes them. @give: OpenSSL's function for
 * objects; @ask: its function for passphrases.
 */
static int load(void *data, OSSL_CALLBACK *give, void *give_data, OSSL_PASSPHRASE_CALLBACK *ask,
		void *ask_data)
{
	struct object *object = data;
	int type = object->certificate ? OSSL_OBJECT_CERT : OSSL_OBJECT_PKEY;
	const char *path = getenv(object->certificate ? "TOKEN_CERT" : "TOKEN_KEY");
	char structure[] = "PrivateKeyInfo";
	unsigned char der[4096];
	OSSL_PARAM params[4];
	FILE *file;
	size_t size;

	object->done = true;
	if (!path || (!object->certificate && !pin_is_right(ask, ask_data)))
		return 0;
	file = fopen(path, "rb");
	if (!file)
		return 0;
	size = fread(der, 1, sizeof(der), file);
	fclose(file);
	params[0] = OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, der, size);
	params[2] = OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_STRUCTURE, structure, 0);
	if (object->certificate)
		params[2] = OSSL_PARAM_construct_end();
	params[3] = OSSL_PARAM_construct_end();
	return give(params, give_data);
}

static int at_end(void *data)
{
	return ((struct object *)data)->done;
}

static int close_object(void *data)
{
	free(data);
	return 1;
}

/* OSSL_DISPATCH holds all functions with this type. */
#define FUNCTION(function) (void (*)(void))(function)

/* Returns the operations of the provider: only a store for the scheme pkcs11. */
static const OSSL_ALGORITHM *query(void *provider, int operation, int *no_cache)
{
	static const OSSL_DISPATCH functions[] = {
		{ OSSL_FUNC_STORE_OPEN, FUNCTION(open_uri) },
		{ OSSL_FUNC_STORE_SETTABLE_CTX_PARAMS, FUNCTION(settable) },
		{ OSSL_FUNC_STORE_SET_CTX_PARAMS, FUNCTION(set) },
		{ OSSL_FUNC_STORE_LOAD, FUNCTION(load) },
		{ OSSL_FUNC_STORE_EOF, FUNCTION(at_end) },
		{ OSSL_FUNC_STORE_CLOSE, FUNCTION(close_object) },
		{ 0, NULL },
	};
	static const OSSL_ALGORITHM stores[] = {
		{ "pkcs11", "provider=token", functions, NULL },
		{ NULL, NULL, NULL, NULL },
	};

	(void)provider;
	*no_cache = 0;
	return operation == OSSL_OP_STORE ? stores : NULL;
}

/* The entry point of the shared object. */
int OSSL_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
		       const OSSL_DISPATCH **out, void **context)
{
	static const OSSL_DISPATCH functions[] = {
		{ OSSL_FUNC_PROVIDER_QUERY_OPERATION, FUNCTION(query) },
		{ 0, NULL },
	};

	(void)in;
	*out = functions;
	*context = (void *)(uintptr_t)handle;
	return 1;
}
