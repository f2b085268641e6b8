/* SPDX-License-Identifier: ISC */
/*
 * json_text: JSON documents as programs read them: strings from any bytes, and one document on an output.
 *
 * Documents are built with <jansson.h>; members come out in the order they were added.
 */
#ifndef UTIL_JSON_TEXT_H
#define UTIL_JSON_TEXT_H

#include <stddef.h>
#include <stdio.h>

struct err;
struct json_t;

/* A string of these bytes; each that is not part of valid UTF-8 becomes U+FFFD. Released with json_decref().
 */
struct json_t *json_text_string(const char *text);
struct json_t *json_text_bytes(const void *bytes, size_t len);

/* Adds a member of such a string; NULL becomes null. */
void json_text_set(struct json_t *object, const char *name, const char *text);

/* Writes the document, indented, and a newline, and flushes. 0, or -1 when it did not all get there. The
 * caller keeps `document`. */
int json_text_print(const struct json_t *document, FILE *to, struct err *err)
    __attribute__((warn_unused_result));

#endif
