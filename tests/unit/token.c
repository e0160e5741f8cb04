/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * token.c: an OpenSSL provider for test_sign.py. It acts as a token with the PIN 1234, so
 * that the tests can use pkcs11: URIs without hardware.
 *
 *   URI                              object       file (DER)
 *   pkcs11:object=kdump...           private key  $TOKEN_KEY, needs the PIN
 *   pkcs11:object=kdump...;type=cert certificate  $TOKEN_CERT
 *   pkcs11:object=hidden...          private key  $TOKEN_KEY, needs the PIN
 *
 * OpenSSL gets the bytes of the key "kdump" and uses them itself. The key "hidden" stays in the
 * token, as in hardware: the token signs, it has no public key, and it adds a byte to the file
 * $TOKEN_COUNT for each signature.
 *
 * OpenSSL loads the provider by the configuration file that the fixture "token" of
 * test_sign.py writes. The functions below implement provider-storemgmt(7),
 * provider-keymgmt(7) and provider-signature(7).
 */
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIN "1234"

/* An open URI. Each URI has one object. */
struct object {
	bool certificate;	/* else a private key */
	bool hidden;		/* the private key stays in the token */
	bool done;		/* load() was called */
};

OSSL_provider_init_fn OSSL_provider_init;

/* Returns the object, which close_object() frees, or NULL for an unknown URI. */
static void *open_uri(void *provider, const char *uri)
{
	struct object *object;

	(void)provider;
	if (strncmp(uri, "pkcs11:object=kdump", 19) && strncmp(uri, "pkcs11:object=hidden", 20))
		return NULL;
	object = calloc(1, sizeof(*object));
	if (object) {
		object->hidden = uri[14] == 'h';
		object->certificate = strstr(uri, ";type=cert");
	}
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

/* ------------------------------------------------------------ hidden keys */

/*
 * A key that stays in the token. The token itself uses OpenSSL, in a library context of its own,
 * so that this provider is not asked again.
 */
struct key {
	OSSL_LIB_CTX *library;	/* owned */
	EVP_PKEY *pkey;		/* owned */
};

static void free_key(void *data)
{
	struct key *key = data;

	EVP_PKEY_free(key->pkey);
	OSSL_LIB_CTX_free(key->library);
	free(key);
}

/* Makes a key from @size bytes of DER. Returns NULL if they are no private key. */
static struct key *make_key(const unsigned char *der, size_t size)
{
	struct key *key = calloc(1, sizeof(*key));

	if (!key)
		return NULL;
	key->library = OSSL_LIB_CTX_new();
	key->pkey = d2i_AutoPrivateKey_ex(NULL, &der, (long)size, key->library, NULL);
	if (key->pkey)
		return key;
	free_key(key);
	return NULL;
}

/* Takes the key from the reference, a pointer, that give_hidden() passed to OpenSSL. */
static void *take_key(const void *reference, size_t size)
{
	struct key *key = NULL;

	if (size == sizeof(key))
		memcpy(&key, reference, size);
	return key;
}

/* The private half is here. The public half is not, as in a token with only private objects. */
static int has(const void *key, int selection)
{
	(void)key;
	return !(selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY);
}

/* Size, strength and curve of the key. */
static const OSSL_PARAM *gettable_of_key(void *provider)
{
	static const OSSL_PARAM names[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)provider;
	return names;
}

static int get_of_key(void *data, OSSL_PARAM params[])
{
	return EVP_PKEY_get_params(((struct key *)data)->pkey, params);
}

static const char *name_of_ec_signature(int operation)
{
	(void)operation;
	return "ECDSA";
}

/* -------------------------------------------------------------- signatures */

static void *new_signature(void *provider, const char *properties)
{
	(void)provider;
	(void)properties;
	return calloc(1, sizeof(EVP_PKEY_CTX *));
}

static void free_signature(void *data)
{
	EVP_PKEY_CTX_free(*(EVP_PKEY_CTX **)data);
	free(data);
}

static int start_signature(void *data, void *key_data, const OSSL_PARAM params[])
{
	EVP_PKEY_CTX **signature = data;
	struct key *key = key_data;

	*signature = EVP_PKEY_CTX_new_from_pkey(key->library, key->pkey, NULL);
	return *signature && EVP_PKEY_sign_init(*signature) > 0 &&
	       (!params || EVP_PKEY_CTX_set_params(*signature, params) > 0);
}

static int set_of_signature(void *data, const OSSL_PARAM params[])
{
	return EVP_PKEY_CTX_set_params(*(EVP_PKEY_CTX **)data, params) > 0;
}

static const OSSL_PARAM *settable_of_signature(void *data, void *provider)
{
	static const OSSL_PARAM names[] = {
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
		OSSL_PARAM_int(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL),
		OSSL_PARAM_END,
	};

	(void)data;
	(void)provider;
	return names;
}

/* Adds one byte to the file $TOKEN_COUNT. */
static bool count(void)
{
	const char *path = getenv("TOKEN_COUNT");
	FILE *file = path ? fopen(path, "ab") : NULL;

	return !path || (file && fputc('x', file) != EOF && !fclose(file));
}

/* Signs a digest. Without a buffer it only tells the size, which is no signature. */
static int make_signature(void *data, unsigned char *buffer, size_t *size, size_t capacity,
			  const unsigned char *digest, size_t digest_size)
{
	if (!buffer)
		return EVP_PKEY_sign(*(EVP_PKEY_CTX **)data, NULL, size, digest, digest_size) > 0;
	*size = capacity;
	return EVP_PKEY_sign(*(EVP_PKEY_CTX **)data, buffer, size, digest, digest_size) > 0 &&
	       count();
}

/* ------------------------------------------------------------------- store */

/* Passes a reference to a hidden key to OpenSSL, which calls take_key() with it. */
static int give_hidden(const unsigned char *der, size_t size, OSSL_CALLBACK *give, void *give_data)
{
	struct key *key = make_key(der, size);
	int type = OSSL_OBJECT_PKEY;
	char rsa[] = "RSA", ec[] = "EC";
	OSSL_PARAM params[4];

	if (!key)
		return 0;
	params[0] = OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type);
	params[1] = OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE,
						     EVP_PKEY_is_a(key->pkey, "RSA") ? rsa : ec, 0);
	params[2] = OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, &key,
						      sizeof(key));
	params[3] = OSSL_PARAM_construct_end();
	return give(params, give_data);
}

/* Passes the bytes of the object to OpenSSL, which decodes them. */
static int give_bytes(bool certificate, unsigned char *der, size_t size, OSSL_CALLBACK *give,
		      void *give_data)
{
	int type = certificate ? OSSL_OBJECT_CERT : OSSL_OBJECT_PKEY;
	char structure[] = "PrivateKeyInfo";
	OSSL_PARAM params[4];

	params[0] = OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, der, size);
	params[2] = OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_STRUCTURE, structure, 0);
	if (certificate)
		params[2] = OSSL_PARAM_construct_end();
	params[3] = OSSL_PARAM_construct_end();
	return give(params, give_data);
}

/*
 * Reads the file of the object. @give: OpenSSL's function for objects; @ask: its function for
 * passphrases.
 */
static int load(void *data, OSSL_CALLBACK *give, void *give_data, OSSL_PASSPHRASE_CALLBACK *ask,
		void *ask_data)
{
	struct object *object = data;
	const char *path = getenv(object->certificate ? "TOKEN_CERT" : "TOKEN_KEY");
	unsigned char der[4096];
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
	if (object->hidden && !object->certificate)
		return give_hidden(der, size, give, give_data);
	return give_bytes(object->certificate, der, size, give, give_data);
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

/* The functions of a hidden key. The argument adds functions for one type. */
#define KEY_FUNCTIONS(...) { \
	{ OSSL_FUNC_KEYMGMT_LOAD, FUNCTION(take_key) }, \
	{ OSSL_FUNC_KEYMGMT_FREE, FUNCTION(free_key) }, \
	{ OSSL_FUNC_KEYMGMT_HAS, FUNCTION(has) }, \
	{ OSSL_FUNC_KEYMGMT_GET_PARAMS, FUNCTION(get_of_key) }, \
	{ OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, FUNCTION(gettable_of_key) }, \
	__VA_ARGS__ \
	{ 0, NULL }, \
}

/* Returns the keys and the signatures for hidden keys. */
static const OSSL_ALGORITHM *query_hidden(int operation)
{
	static const OSSL_DISPATCH rsa[] = KEY_FUNCTIONS();
	static const OSSL_DISPATCH ec[] = KEY_FUNCTIONS(
		{ OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, FUNCTION(name_of_ec_signature) }, );
	static const OSSL_DISPATCH signature[] = {
		{ OSSL_FUNC_SIGNATURE_NEWCTX, FUNCTION(new_signature) },
		{ OSSL_FUNC_SIGNATURE_FREECTX, FUNCTION(free_signature) },
		{ OSSL_FUNC_SIGNATURE_SIGN_INIT, FUNCTION(start_signature) },
		{ OSSL_FUNC_SIGNATURE_SIGN, FUNCTION(make_signature) },
		{ OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, FUNCTION(set_of_signature) },
		{ OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, FUNCTION(settable_of_signature) },
		{ 0, NULL },
	};
	static const OSSL_ALGORITHM keys[] = {
		{ "RSA", "provider=token", rsa, NULL },
		{ "EC", "provider=token", ec, NULL },
		{ NULL, NULL, NULL, NULL },
	};
	static const OSSL_ALGORITHM signatures[] = {
		{ "RSA", "provider=token", signature, NULL },
		{ "ECDSA", "provider=token", signature, NULL },
		{ NULL, NULL, NULL, NULL },
	};

	return operation == OSSL_OP_KEYMGMT ? keys :
	       operation == OSSL_OP_SIGNATURE ? signatures : NULL;
}

/* Returns the operations of the provider: a store for the scheme pkcs11, and hidden keys. */
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
	return operation == OSSL_OP_STORE ? stores : query_hidden(operation);
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
