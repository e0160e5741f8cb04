/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON by json-c. vmcore-dmesg has its own writer: it links nothing but libc. */
#ifndef CLI_JSON_OBJECT_H
#define CLI_JSON_OBJECT_H

#include <json-c/json.h>

/* Takes over @value; NULL becomes null. */
void json_add(struct json_object *object, const char *key, struct json_object *value);

/* Prints @object on stdout and frees it. */
void json_print(struct json_object *object);

#endif
