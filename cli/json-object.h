/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON output of the crashres command, built with json-c. vmcore-dmesg has its own writer
 * (vmcore-dmesg/json.h), because vmcore-dmesg links libc only.
 */
#ifndef CLI_JSON_OBJECT_H
#define CLI_JSON_OBJECT_H

#include <json-c/json.h>

/* Returns a JSON string, or NULL, which prints as null, for NULL and for "". */
struct json_object *json_string_or_null(const char *text);

/* Adds a member to @object, which then owns @value. NULL prints as null. */
void json_add(struct json_object *object, const char *key, struct json_object *value);

/* Prints @object on stdout, indented and with a newline, and frees @object. */
void json_print(struct json_object *object);

#endif
