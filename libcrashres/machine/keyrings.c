/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads which keys are in the keyrings by which the kernel verifies signatures. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/root.h"
#include "keyrings.h"

#define PROC_KEYS_LIMIT		(1U << 20)	/* bytes */
#define MEMBERS_MAX		4096		/* keys of one keyring; more are an error */
#define DESCRIPTION_MAX		4096		/* bytes; KEY_MAX_DESC_SIZE is 4096 */
#define DEPTH_MAX		2		/* unnamed keyrings inside keyrings that are read */

const char *crs_ring_name(enum crs_ring ring)
{
	static const char *const names[CRS_RING_COUNT] = {
		[CRS_RING_BUILTIN] = ".builtin_trusted_keys",
		[CRS_RING_SECONDARY] = ".secondary_trusted_keys",
		[CRS_RING_MACHINE] = ".machine",
		[CRS_RING_PLATFORM] = ".platform",
		[CRS_RING_IMA] = ".ima",
		[CRS_RING_BLACKLIST] = ".blacklist",
	};

	return (unsigned int)ring < CRS_RING_COUNT ? names[ring] : NULL;
}

/* ------------------------------------------------------------------- parsing */

/* Copies the next word of [*@at, @end) to @word. Returns false without one, or if it is long. */
static bool next_word(const char **at, const char *end, char word[32])
{
	size_t length = 0;

	while (*at < end && **at == ' ')
		(*at)++;
	for (; *at < end && **at != ' ' && length < 31; (*at)++)
		word[length++] = **at;
	word[length] = '\0';
	return length && (*at == end || **at == ' ');
}

/* Parses a serial: hexadecimal, positive. Returns 0 for anything else. */
static int32_t parse_serial(const char *word)
{
	char *end;
	unsigned long value;

	if (!isxdigit((unsigned char)*word))
		return 0;
	value = strtoul(word, &end, 16);
	return *end || value > INT32_MAX ? 0 : (int32_t)value;
}

/* Returns the serial in one line if it is root's keyring @name, or 0. */
static int32_t parse_line(const char *at, const char *end, const char *name)
{
	const size_t length = strlen(name);
	char words[8][32];

	for (size_t i = 0; i < 8; i++)
		if (!next_word(&at, end, words[i]))
			return 0;
	while (at < end && *at == ' ')
		at++;
	/* Words: serial, flags, usage, timeout, permissions, uid, gid, type. */
	if (strcmp(words[5], "0") || strcmp(words[7], "keyring") ||
	    (size_t)(end - at) <= length || memcmp(at, name, length) || at[length] != ':')
		return 0;
	return parse_serial(words[0]);
}

int32_t crs_proc_keys_find(const char *text, size_t size, const char *name)
{
	const char *const end = text + size;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *line_end = newline ? newline : end;
		int32_t serial = parse_line(text, line_end, name);

		if (serial)
			return serial;
		text = line_end + 1;
	}
	return 0;
}

/*
 * Writes the word after @description to @type if [@at, @end) is the line of the key @serial.
 * Returns false, and writes nothing, if it is another line.
 */
static bool parse_type(const char *at, const char *end, int32_t serial, const char *description,
		       char type[32])
{
	const size_t length = strlen(description);
	char word[32];

	for (size_t i = 0; i < 8; i++)
		if (!next_word(&at, end, word) || (!i && parse_serial(word) != serial))
			return false;
	if ((size_t)(end - at) < 1 + length + 2 || memcmp(at + 1, description, length) ||
	    memcmp(at + 1 + length, ": ", 2))
		return false;
	at += 1 + length + 2;
	if (!next_word(&at, end, word))
		return false;
	memcpy(type, word, sizeof(word));
	return true;
}

void crs_proc_keys_find_type(const char *text, size_t size, int32_t serial, const char *description,
			     char type[32])
{
	const char *const end = text + size;

	*type = '\0';
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *line_end = newline ? newline : end;

		if (parse_type(text, line_end, serial, description, type))
			return;
		text = line_end + 1;
	}
}

/* Returns the type by its name, @length bytes at @text. */
static enum crs_key_type find_type(const char *text, size_t length)
{
	static const struct {
		const char *name;
		enum crs_key_type type;
	} types[] = {
		{ "asymmetric", CRS_KEY_ASYMMETRIC },
		{ "blacklist", CRS_KEY_DIGEST },
		{ "keyring", CRS_KEY_KEYRING },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (length == strlen(types[i].name) && !memcmp(text, types[i].name, length))
			return types[i].type;
	return CRS_KEY_OTHER;
}

bool crs_key_parse(const char *text, size_t size, enum crs_key_type *type,
		   const char **description)
{
	const char *const end = text + size, *at = text;

	for (int i = 0; i < 4; i++) {
		const char *semicolon = memchr(at, ';', (size_t)(end - at));

		if (!semicolon)
			return false;
		if (!i)
			*type = find_type(text, (size_t)(semicolon - text));
		at = semicolon + 1;
	}
	*description = at;
	return true;
}

const char *crs_key_id_text(const struct crs_key *key, size_t *subject_length)
{
	const char *id = key->description + strlen(key->description);
	const char *const end = id;

	while (id > key->description && isxdigit((unsigned char)id[-1]))
		id--;
	if (id - key->description < 2 || id[-1] != ' ' || id[-2] != ':') {
		*subject_length = (size_t)(end - key->description);
		return end;
	}
	*subject_length = (size_t)(id - 2 - key->description);
	return id;
}

/* ------------------------------------------------------------------- reading */

/* The state of crs_keyrings_read(). */
struct reading {
	struct crashres_ctx *ctx;
	struct crs_keyrings *keyrings;
	int32_t serials[CRS_RING_COUNT];	/* of the keyrings; 0: missing */
	enum crs_ring ring;			/* whose members are being read */
	char *proc_keys;			/* owned; the text of /proc/keys */
	size_t proc_keys_size;			/* bytes */
};

__attribute__((format(printf, 2, 3)))
static void set_problem(struct reading *reading, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reading->keyrings->problem, sizeof(reading->keyrings->problem), format,
		  arguments);
	va_end(arguments);
}

/* Returns the keyring with this serial, or CRS_RING_COUNT. */
static enum crs_ring find_ring(const struct reading *reading, int32_t serial)
{
	enum crs_ring ring = 0;

	while (ring < CRS_RING_COUNT && reading->serials[ring] != serial)
		ring++;
	return ring;
}

static struct crs_key *find_key(const struct crs_keyrings *keyrings, int32_t serial)
{
	for (size_t i = 0; i < keyrings->count; i++)
		if (keyrings->keys[i].serial == serial)
			return &keyrings->keys[i];
	return NULL;
}

/* Appends a key. @description: its first @length bytes are copied. */
static enum crashres_status add_key(struct reading *reading, int32_t serial,
				    enum crs_key_type type, const char *description, size_t length)
{
	struct crs_keyrings *keyrings = reading->keyrings;
	struct crs_key *bigger = reallocarray(keyrings->keys, keyrings->count + 1, sizeof(*bigger));

	if (!bigger)
		return crs_fail_memory(reading->ctx);
	keyrings->keys = bigger;
	bigger[keyrings->count] = (struct crs_key){
		.serial = serial,
		.type = type,
		.rings = CRS_RING_BIT(reading->ring),
		.description = strndup(description, length),
	};
	if (!bigger[keyrings->count].description)
		return crs_fail_memory(reading->ctx);
	crs_proc_keys_find_type(reading->proc_keys, reading->proc_keys_size, serial,
				bigger[keyrings->count].description,
				bigger[keyrings->count].algorithm);
	keyrings->count++;
	return CRASHRES_OK;
}

static enum crashres_status read_members(struct reading *reading, int32_t serial, int depth);

/* Reads one member of a keyring. A key that cannot be described is noted as hidden. */
static enum crashres_status read_member(struct reading *reading, int32_t serial, int depth)
{
	enum crs_ring ring = find_ring(reading, serial);
	struct crs_key *known = find_key(reading->keyrings, serial);
	enum crs_key_type type = CRS_KEY_OTHER;
	char text[DESCRIPTION_MAX + 64];
	const char *description = text;
	long size;

	if (ring < CRS_RING_COUNT) {
		reading->keyrings->links[reading->ring] |= CRS_RING_BIT(ring);
		return CRASHRES_OK;
	}
	if (known) {
		known->rings |= CRS_RING_BIT(reading->ring);
		return CRASHRES_OK;
	}
	size = reading->ctx->keyctl(CRS_KEYCTL_DESCRIBE, serial, text, sizeof(text));
	if (size < 1 || (size_t)size > sizeof(text) ||
	    !crs_key_parse(text, strnlen(text, (size_t)size), &type, &description)) {
		reading->keyrings->hidden = true;
		return CRASHRES_OK;
	}
	if (type == CRS_KEY_KEYRING)
		return read_members(reading, serial, depth + 1);
	return add_key(reading, serial, type, description,
		       strnlen(text, (size_t)size) - (size_t)(description - text));
}

/* Reads the members of the keyring @serial into reading->ring. */
static enum crashres_status read_members(struct reading *reading, int32_t serial, int depth)
{
	CRS_CLEANUP(crs_freep) int32_t *members = malloc(MEMBERS_MAX * sizeof(*members));
	enum crashres_status status = CRASHRES_OK;
	long size;

	if (!members)
		return crs_fail_memory(reading->ctx);
	size = depth > DEPTH_MAX ? -1 :
	       reading->ctx->keyctl(CRS_KEYCTL_READ, serial, members,
				    MEMBERS_MAX * sizeof(*members));
	if (size < 0 && depth) {
		reading->keyrings->hidden = true;
		return CRASHRES_OK;
	}
	if (size < 0) {
		set_problem(reading, "cannot read the keyring %s: %s", crs_ring_name(reading->ring),
			    strerror(errno));
		return CRASHRES_OK;
	}
	if ((size_t)size > MEMBERS_MAX * sizeof(*members)) {
		set_problem(reading, "the keyring %s has more than %d keys",
			    crs_ring_name(reading->ring), MEMBERS_MAX);
		return CRASHRES_OK;
	}
	for (size_t i = 0; i < (size_t)size / sizeof(*members) && status == CRASHRES_OK; i++)
		status = read_member(reading, members[i], depth);
	return status;
}

/* Finds the serials of the keyrings in /proc/keys. Returns false with a problem. */
static bool find_serials(struct reading *reading)
{
	uint8_t *text;
	size_t size;

	if (!reading->ctx->root_is_live) {
		set_problem(reading, "the files of another machine do not show its keyrings");
		return false;
	}
	if (crs_root_read(reading->ctx, "proc/keys", PROC_KEYS_LIMIT, &text, &size) !=
	    CRASHRES_OK) {
		set_problem(reading, "%.200s", reading->ctx->error);
		return false;
	}
	reading->proc_keys = (char *)text;
	reading->proc_keys_size = size;
	for (enum crs_ring ring = 0; ring < CRS_RING_COUNT; ring++) {
		reading->serials[ring] = crs_proc_keys_find((char *)text, size,
							    crs_ring_name(ring));
		if (reading->serials[ring])
			reading->keyrings->exist |= CRS_RING_BIT(ring);
	}
	if (reading->keyrings->exist)
		return true;
	set_problem(reading, "/proc/keys shows no keyring of the kernel: only root can see them");
	return false;
}

enum crashres_status crs_keyrings_read(struct crashres_ctx *ctx, struct crs_keyrings *keyrings)
{
	struct reading reading = { .ctx = ctx, .keyrings = keyrings };
	enum crashres_status status = CRASHRES_OK;

	*keyrings = (struct crs_keyrings){ .known = false };
	if (!find_serials(&reading)) {
		free(reading.proc_keys);
		return CRASHRES_OK;
	}
	for (enum crs_ring ring = 0; ring < CRS_RING_COUNT && status == CRASHRES_OK; ring++) {
		reading.ring = ring;
		if (reading.serials[ring] && !*keyrings->problem)
			status = read_members(&reading, reading.serials[ring], 0);
	}
	free(reading.proc_keys);
	keyrings->known = status == CRASHRES_OK && !*keyrings->problem;
	if (status != CRASHRES_OK)
		crs_keyrings_free(keyrings);
	return status;
}

void crs_keyrings_free(struct crs_keyrings *keyrings)
{
	for (size_t i = 0; i < keyrings->count; i++)
		free(keyrings->keys[i].description);
	free(keyrings->keys);
	*keyrings = (struct crs_keyrings){ .known = false };
}

unsigned int crs_keyrings_reach(const struct crs_keyrings *keyrings, enum crs_ring ring)
{
	unsigned int reach = CRS_RING_BIT(ring);

	/* A chain of links has fewer than CRS_RING_COUNT steps. */
	for (int step = 0; step < CRS_RING_COUNT; step++)
		for (enum crs_ring other = 0; other < CRS_RING_COUNT; other++)
			if (reach & CRS_RING_BIT(other))
				reach |= keyrings->links[other];
	return reach;
}
