/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Says why an option or an operand is wrong. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "bad-option.h"

/* Returns the number of long options that start with the @length bytes at @name. */
static int count_matches(const struct option *options, const char *name, size_t length)
{
	int count = 0;

	for (; options->name; options++)
		count += !strncmp(options->name, name, length);
	return count;
}

/* Returns the name of the long option that stands for @letter, or NULL. */
static const char *find_name(const struct option *options, int letter)
{
	while (options->name && options->val != letter)
		options++;
	return options->name;
}

void bad_option(const char *command, char **argv, const struct option *options)
{
	/* getopt_long() has moved behind the wrong long option. */
	const char *text = argv[optind - 1];
	bool is_long = !strncmp(text, "--", 2);
	const char *name = is_long ? text + 2 : text;
	size_t length = strcspn(name, "=");
	/* optopt: the value of a known option, 0 for another long option, or a letter. */
	const char *known = optopt && is_long ? find_name(options, optopt) : NULL;

	if (known && name[length])
		fprintf(stderr, "%s: --%s takes no value\n", command, known);
	else if (known)
		fprintf(stderr, "%s: --%s needs a value\n", command, known);
	else if (optopt)
		fprintf(stderr, find_name(options, optopt) ? "%s: -%c needs a value\n" :
							     "%s: unknown option -%c\n",
			command, optopt);
	else
		fprintf(stderr, count_matches(options, name, length) > 1 ?
					"%s: --%.*s is the start of several options\n" :
					"%s: unknown option --%.*s\n",
			command, (int)length, name);
}

bool is_key_uri(const char *operand)
{
	static const char scheme[] = "pkcs11:";

	return !strncasecmp(operand, scheme, sizeof(scheme) - 1);
}

void bad_operand(const char *command, const char *operand)
{
	if (is_key_uri(operand))
		fprintf(stderr, "%s: unexpected operand: a pkcs11: URI\n", command);
	else
		fprintf(stderr, "%s: unexpected operand \"%s\"\n", command, operand);
}
