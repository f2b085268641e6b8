/* SPDX-License-Identifier: ISC */
/*
 * builtin: a mail server of a few lines, for a first test without any other mail system.
 *
 * It takes any message, keeps nothing of it, and says in its reply and in the log how long it was and what
 * its SHA-256 is: of the lines as sent, the dots that SMTP adds removed. Bytes in, bytes out; who moves them
 * is not its business.
 */
#ifndef TLSGATE_BUILTIN_H
#define TLSGATE_BUILTIN_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct builtin;

enum { BUILTIN_SIZE_LIMIT = 10240000, BUILTIN_RECIPIENT_LIMIT = 1000, BUILTIN_ERROR_LIMIT = 20 };

/* Appends the greeting to `out`. `peer` is for the log. Both strings are copied. Freed by the caller. */
struct builtin *builtin_new(const char *hostname, const char *peer, struct buf *out);
void builtin_free(struct builtin *builtin);

/* Takes what it can use off `in` and appends replies to `out`. False: the conversation is over. */
bool builtin_run(struct builtin *builtin, struct buf *in, struct buf *out);

#endif
