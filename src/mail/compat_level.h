/* SPDX-License-Identifier: ISC */
/*
 * compat_level: levels of backwards compatibility, major[.minor[.patch]].
 */
#ifndef MAIL_COMPAT_LEVEL_H
#define MAIL_COMPAT_LEVEL_H

#include <stdbool.h>
#include <stdint.h>

/* A number that orders as levels do: 3.10 is above 3.9. False for text that is no level. */
bool compat_level_parse(const char *text, int64_t *level);

#endif
