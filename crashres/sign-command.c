/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Splits a command into words and runs it without a shell. */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sign-command.h"

extern char **environ;

static const char no_memory[] = "out of memory";

/* ------------------------------------------------------------------ the words */

/* Returns the number of characters of the blank at the start of @text; 0: there is none. */
static size_t blank_length(const char *text)
{
	if (*text == ' ' || *text == '\t' || *text == '\n')
		return 1;
	return *text == '\\' && text[1] == '\n' ? 2 : 0;
}

static const char *skip_blanks(const char *text)
{
	size_t length;

	while ((length = blank_length(text)))
		text += length;
	return text;
}

/*
 * Copies one character, quoted or not, from *@text to @word, and moves both. @quote: the open
 * quote, ' or ", or 0. Opening and closing quotes change @quote and are not copied. Returns false
 * for a backslash at the end of the text.
 */
static bool copy_character(const char **text, char **word, char *quote)
{
	char character = *(*text)++;

	if (*quote ? character == *quote : character == '\'' || character == '"') {
		*quote = *quote ? 0 : character;
		return true;
	}
	if (character == '\\' && *quote != '\'' &&
	    (!*quote || **text == '"' || **text == '\\')) {
		if (!**text)
			return false;
		character = *(*text)++;
	}
	*(*word)++ = character;
	return true;
}

/* Copies the word at *@text to @word, and moves *@text behind it. Returns what is wrong, or NULL. */
static const char *copy_word(const char **text, char *word)
{
	char quote = 0;

	while (**text && (quote || !blank_length(*text)))
		if (!copy_character(text, &word, &quote))
			return "a backslash ends the command";
	*word = '\0';
	return quote ? "a quote is not closed" : NULL;
}

/* Appends the next word of *@text to @command, and moves *@text behind it. */
static const char *add_word(const char **text, struct sign_command *command)
{
	char **words = reallocarray(command->words, command->count + 2, sizeof(*words));

	if (!words)
		return no_memory;
	command->words = words;
	words[command->count] = malloc(strlen(*text) + 1);
	if (!words[command->count])
		return no_memory;
	words[command->count + 1] = NULL;
	return copy_word(text, words[command->count++]);
}

/* Notes which of %i and %o are in @word. Returns what is wrong, or NULL. */
static const char *find_places(const char *word, bool *input, bool *output)
{
	for (; (word = strchr(word, '%')); word++) {
		word++;
		if (*word == 'i')
			*input = true;
		else if (*word == 'o')
			*output = true;
		else if (*word != '%')
			return "it takes %i, %o and %%, and no other %";
	}
	return NULL;
}

static const char *check_places(const struct sign_command *command)
{
	bool input = false, output = false;
	const char *problem = NULL;

	for (size_t i = 0; i < command->count && !problem; i++)
		problem = find_places(command->words[i], &input, &output);
	if (problem)
		return problem;
	return !input ? "no %i, the file to sign" : !output ? "no %o, the file to write" : NULL;
}

const char *sign_command_split(const char *text, struct sign_command *command)
{
	const char *problem = NULL;

	*command = (struct sign_command){ 0 };
	text = skip_blanks(text);
	while (*text && !problem) {
		problem = add_word(&text, command);
		text = skip_blanks(text);
	}
	if (problem)
		return problem;
	return command->count ? check_places(command) : "no command";
}

static void free_words(char **words)
{
	for (size_t i = 0; words && words[i]; i++)
		free(words[i]);
	free(words);
}

void sign_command_free(struct sign_command *command)
{
	free_words(command->words);
}

/* Replaces %i, %o and %% in @word. Returns NULL if there is no memory; the caller frees it. */
static char *fill_word(const char *word, const char *input, const char *output)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (; *word; word++) {
		if (*word == '%' && *++word != '%')
			fputs(*word == 'i' ? input : output, out);
		else
			fputc(*word, out);
	}
	if (!fclose(out))
		return text;
	free(text);
	return NULL;
}

/* Returns the words for the new program. NULL: no memory. Release with free_words(). */
static char **fill_words(const struct sign_command *command, const char *input, const char *output)
{
	char **words = calloc(command->count + 1, sizeof(*words));

	for (size_t i = 0; words && i < command->count; i++) {
		words[i] = fill_word(command->words[i], input, output);
		if (!words[i]) {
			free_words(words);
			return NULL;
		}
	}
	return words;
}

/* ------------------------------------------------------------------- the child */

/* Starts the program. Returns 0 or an errno. */
static int spawn(char **words, pid_t *child)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int error;

	sigemptyset(&none);
	sigfillset(&all);
	error = posix_spawnattr_init(&attributes);
	if (error)
		return error;
	error = posix_spawn_file_actions_init(&actions);
	if (!error) {
		posix_spawnattr_setsigmask(&attributes, &none);
		posix_spawnattr_setsigdefault(&attributes, &all);
		posix_spawnattr_setflags(&attributes,
					 POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
		error = posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
		if (!error)
			error = posix_spawnp(child, words[0], &actions, &attributes, words, environ);
		posix_spawn_file_actions_destroy(&actions);
	}
	posix_spawnattr_destroy(&attributes);
	return error;
}

/* Waits for the end of @child. Returns false after one line on stderr if it failed. */
static bool wait_for(pid_t child, const char *name)
{
	int status;

	while (waitpid(child, &status, 0) < 0) {
		if (errno == EINTR)
			continue;
		fprintf(stderr, "crashres: %s: cannot wait: %s\n", name, strerror(errno));
		return false;
	}
	if (WIFSIGNALED(status))
		fprintf(stderr, "crashres: %s: ended by signal %d\n", name, WTERMSIG(status));
	else if (WEXITSTATUS(status))
		fprintf(stderr, "crashres: %s: failed with exit status %d\n", name,
			WEXITSTATUS(status));
	return !status;
}

bool sign_command_run(const struct sign_command *command, const char *input, const char *output)
{
	const char *name = command->words[0];
	char **words = fill_words(command, input, output);
	pid_t child;
	int error = words ? spawn(words, &child) : ENOMEM;

	free_words(words);
	if (!error)
		return wait_for(child, name);
	fprintf(stderr, "crashres: %s: cannot start: %s\n", name, strerror(error));
	return false;
}
