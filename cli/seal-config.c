/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parses /etc/crashres/seal.conf. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seal-config.h"
#include "values.h"

/* Part of the file, without a NUL at its end. */
struct text {
	const char *data;
	size_t size;			/* bytes */
};

/* The state of the parser. */
struct parser {
	const char *command;
	const char *path;
	size_t line;			/* number of the current line, from 1 on */
	struct seal_config *config;
	uint32_t seen;			/* bit: index in keys[] */
};

/* ------------------------------------------------------------------- messages */

/* Prints "COMMAND: FILE:LINE: TEXT". Always returns false. */
__attribute__((format(printf, 2, 3)))
static bool refuse(const struct parser *parser, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "%s: %s:%zu: ", parser->command, parser->path, parser->line);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return false;
}

static bool refuse_memory(const struct parser *parser)
{
	fprintf(stderr, "%s: out of memory\n", parser->command);
	return false;
}

/* ---------------------------------------------------------------------- keys */

/* Stores the value of one key. @name: the key. @value: its value, from malloc(); owned. */
typedef bool store_fn(const struct parser *parser, const char *name, char *value);

/* Accepts one word of a list. Releases @text. @index: out. */
static bool store_word(const struct parser *parser, const char *name, char *text,
		       const char *const words[], unsigned int *index)
{
	char place[512];
	const struct value value = { .command = place, .option = name, .text = text };
	bool good;

	snprintf(place, sizeof(place), "%s: %s:%zu", parser->command, parser->path, parser->line);
	good = values_word(&value, words, index);
	free(text);
	return good;
}

static bool store_sealed(const struct parser *parser, const char *name, char *text)
{
	static const char *const words[] = { "off", "auto", NULL };
	unsigned int index = 0;
	bool good = store_word(parser, name, text, words, &index);

	parser->config->automatic = index;
	return good;
}

static bool store_signature(const struct parser *parser, const char *name, char *text)
{
	/* The order is that of the enum, which starts with NONE. */
	static const char *const words[] = { "pe", "append", "ima", NULL };
	unsigned int index = 0;
	bool good = store_word(parser, name, text, words, &index);

	parser->config->signature = (enum seal_signature)(index + 1);
	return good;
}

/* Stores a policy, which has the same values as the option of crashres seal with this name. */
static bool store_policy(const struct parser *parser, const char *name, char *text)
{
	struct crashres_seal_request *seal = &parser->config->seal;
	char place[512];
	const struct value value = { .command = place, .option = name, .text = text };
	bool good;

	snprintf(place, sizeof(place), "%s: %s:%zu", parser->command, parser->path, parser->line);
	if (!strcmp(name, "on-damage"))
		good = values_on_damage(&value, &seal->on_damage);
	else if (!strcmp(name, "on-timeout"))
		good = values_on_timeout(&value, &seal->on_timeout);
	else if (!strcmp(name, "repair"))
		good = values_repair(&value, &seal->repair);
	else
		good = values_seconds(&value, &seal->check_seconds);
	free(text);
	return good;
}

/* Returns the string of @config that the key @name sets. */
static char **find_string(struct seal_config *config, const char *name)
{
	const struct {
		const char *name;
		char **value;
	} strings[] = {
		{ "kernel", &config->kernel }, { "initrd", &config->initrd },
		{ "key", &config->key }, { "cert", &config->cert },
		{ "sign-with", &config->sign_with }, { "output", &config->output },
		{ "passphrase-file", &config->passphrase_file }, { "serial", &config->serial },
	};
	size_t i = 0;

	while (strcmp(strings[i].name, name))
		i++;
	return strings[i].value;
}

static bool store_string(const struct parser *parser, const char *name, char *text)
{
	*find_string(parser->config, name) = text;
	return true;
}

/* The daemons that start the commands have other working folders than the user. */
static bool store_path(const struct parser *parser, const char *name, char *text)
{
	store_string(parser, name, text);
	return *text == '/' || refuse(parser, "%s takes an absolute path, not \"%s\"", name, text);
}

/* Returns whether each % of @pattern starts %v or %%. */
static bool is_pattern(const char *pattern)
{
	for (; *pattern; pattern++)
		if (*pattern == '%' && *++pattern != 'v' && *pattern != '%')
			return false;
	return true;
}

static bool store_pattern(const struct parser *parser, const char *name, char *text)
{
	if (!store_path(parser, name, text))
		return false;
	return is_pattern(text) ||
	       refuse(parser, "%s takes %%v and %%%%, and no other %%: \"%s\"", name, text);
}

static const struct key {
	const char *name;
	store_fn *store;
} keys[] = {
	{ "sealed", store_sealed },
	{ "kernel", store_pattern },
	{ "initrd", store_pattern },
	{ "output", store_path },
	{ "signature", store_signature },
	{ "key", store_string },
	{ "cert", store_string },
	{ "passphrase-file", store_path },
	{ "sign-with", store_string },
	{ "serial", store_string },
	{ "on-damage", store_policy },
	{ "on-timeout", store_policy },
	{ "repair", store_policy },
	{ "check-time", store_policy },
};

#define KEYS (sizeof(keys) / sizeof(*keys))

_Static_assert(KEYS <= 32, "parser.seen has a bit for each key");

/* --------------------------------------------------------------------- lines */

static bool is_blank(char character)
{
	return character == ' ' || character == '\t' || character == '\r';
}

/* Returns @text without blanks at both ends. */
static struct text trim(struct text text)
{
	while (text.size && is_blank(*text.data)) {
		text.data++;
		text.size--;
	}
	while (text.size && is_blank(text.data[text.size - 1]))
		text.size--;
	return text;
}

/* Returns whether @text can be printed and be a C string: no control characters, no NUL. */
static bool is_printable(struct text text)
{
	for (size_t i = 0; i < text.size; i++)
		if ((unsigned char)text.data[i] < ' ' && text.data[i] != '\t')
			return false;
	return true;
}

/* Returns the index of the key @name in keys[], or KEYS. */
static size_t find_key(struct text name)
{
	size_t i = 0;

	while (i < KEYS && (strlen(keys[i].name) != name.size ||
			    memcmp(keys[i].name, name.data, name.size)))
		i++;
	return i;
}

static bool parse_pair(struct parser *parser, struct text name, struct text value)
{
	size_t index = find_key(name);
	char *copy;

	if (index == KEYS)
		return refuse(parser, "unknown key \"%.*s\"", (int)name.size, name.data);
	if (parser->seen & 1U << index)
		return refuse(parser, "%s is given twice", keys[index].name);
	if (!value.size)
		return refuse(parser, "%s has no value", keys[index].name);
	parser->seen |= 1U << index;
	copy = strndup(value.data, value.size);
	return copy ? keys[index].store(parser, keys[index].name, copy) : refuse_memory(parser);
}

static bool parse_line(struct parser *parser, struct text line)
{
	const char *equals;

	line = trim(line);
	if (!line.size || *line.data == '#')
		return true;
	if (!is_printable(line))
		return refuse(parser, "the line has a control character");
	equals = memchr(line.data, '=', line.size);
	if (!equals)
		return refuse(parser, "the line has no \"=\"");
	return parse_pair(parser, trim((struct text){ line.data, (size_t)(equals - line.data) }),
			  trim((struct text){ equals + 1,
					      (size_t)(line.data + line.size - equals - 1) }));
}

bool seal_config_parse(const char *command, const char *path, const char *data, size_t size,
		       struct seal_config *config)
{
	struct parser parser = { .command = command, .path = path, .config = config };

	*config = (struct seal_config){ .seal = CRASHRES_SEAL_REQUEST_INIT };
	while (size) {
		const char *end = memchr(data, '\n', size);
		size_t length = end ? (size_t)(end - data) : size;

		parser.line++;
		if (!parse_line(&parser, (struct text){ data, length }))
			return false;
		data += length;
		size -= length;
		if (size) {		/* the newline */
			data++;
			size--;
		}
	}
	return true;
}

void seal_config_free(struct seal_config *config)
{
	free(config->kernel);
	free(config->initrd);
	free(config->key);
	free(config->cert);
	free(config->sign_with);
	free(config->passphrase_file);
	free(config->output);
	free(config->serial);
}

const char *seal_config_folder(const struct seal_config *config)
{
	return config->output ? config->output : SEAL_CONFIG_FOLDER;
}

char *seal_config_expand(const char *pattern, const char *release)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (; *pattern; pattern++) {
		if (*pattern == '%' && *++pattern == 'v')
			fputs(release, out);
		else
			fputc(*pattern, out);
	}
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}
