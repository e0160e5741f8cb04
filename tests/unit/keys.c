/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keyrings of a kernel for tests: replaces keyctl(2) by a table. */
#include <errno.h>

#include "keys.h"

static const struct keys_entry *installed;

static const struct keys_entry *find(int32_t serial)
{
	const struct keys_entry *entry = installed;

	while (entry->serial && entry->serial != serial)
		entry++;
	return entry->serial ? entry : NULL;
}

/* Copies at most @size bytes, and returns the size of the whole answer, as the kernel does. */
static long answer(const void *data, size_t length, void *buffer, size_t size)
{
	memcpy(buffer, data, length < size ? length : size);
	return (long)length;
}

static long fail_with(int error)
{
	errno = error;
	return -1;
}

static long answer_keyctl(enum crs_keyctl_operation operation, int32_t serial, void *buffer,
			  size_t size)
{
	const struct keys_entry *entry = find(serial);
	size_t count = 0;

	if (!entry)
		return fail_with(ENOKEY);
	if (operation == CRS_KEYCTL_DESCRIBE)
		return entry->description ?
		       answer(entry->description, strlen(entry->description) + 1, buffer, size) :
		       fail_with(EACCES);
	if (entry->members[0] < 0)
		return fail_with(EACCES);
	while (count < COUNT(entry->members) && entry->members[count])
		count++;
	return answer(entry->members, count * sizeof(int32_t), buffer, size);
}

void keys_install(struct unit *unit, const struct keys_entry *table)
{
	keys_install_type(unit, table, "X509.rsa");
}

void keys_install_type(struct unit *unit, const struct keys_entry *table, const char *type)
{
	static const char asymmetric[] = "asymmetric;0;0;1f030000;";
	char text[4096] = "", *root = unit_path(unit, "");

	for (const struct keys_entry *entry = table; entry->serial; entry++) {
		const char *name = entry->description ? strrchr(entry->description, ';') : NULL;

		if (name && !strncmp(entry->description, "keyring;", 8))
			snprintf(text + strlen(text), sizeof(text) - strlen(text),
				 "%08x I------     1 perm 1f0f0000     0     0 keyring   %s: 1\n",
				 (unsigned int)entry->serial, name + 1);
		else if (name && !strncmp(entry->description, asymmetric, strlen(asymmetric)))
			snprintf(text + strlen(text), sizeof(text) - strlen(text),
				 "%08x I------     1 perm 1f030000     0     0 asymmetri %s: %s "
				 "0a0b0c0d []\n", (unsigned int)entry->serial,
				 entry->description + strlen(asymmetric),
				 type);
	}
	unit_write_text(unit, "proc/keys", text);
	installed = table;
	unit->ctx->keyctl = answer_keyctl;
	assert_ok(unit, crashres_ctx_set_root(unit->ctx, root));
	unit->ctx->root_is_live = true;
	free(root);
}
