/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON output of the crashres command, built with json-c. */
#include <stdio.h>

#include "json-object.h"

struct json_object *json_string_or_null(const char *text)
{
	return text && *text ? json_object_new_string(text) : NULL;
}

void json_add(struct json_object *object, const char *key, struct json_object *value)
{
	json_object_object_add(object, key, value);
}

void json_print(struct json_object *object)
{
	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY));
	json_object_put(object);
}
