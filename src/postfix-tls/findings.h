/* SPDX-License-Identifier: ISC */
/*
 * findings: what is wrong with a key, a certificate or the settings, and whether the command goes on.
 *
 * Each is told at once, as a warning, or as an error when it is a reason to refuse; --strict makes warnings
 * reasons, --force makes reasons warnings. A finding says what to do about it.
 */
#ifndef POSTFIX_TLS_FINDINGS_H
#define POSTFIX_TLS_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

struct json_t;
struct options;

enum findings_weight { FINDINGS_WARN, FINDINGS_REFUSE };

struct findings {
	const struct options *options; /* borrowed */
	char **texts;                  /* owned, each of them, too */
	size_t count;
	size_t refused;
};

void findings_init(struct findings *findings, const struct options *options);
void findings_release(struct findings *findings);

void findings_add(struct findings *findings, enum findings_weight weight, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* An array of their texts, released with json_decref(). */
struct json_t *findings_json(const struct findings *findings);

#endif
