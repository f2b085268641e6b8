/* SPDX-License-Identifier: ISC */
/*
 * served: the certificates that a context shows to its peers: fit to be shown, and in words.
 */
#ifndef TLS_SERVED_H
#define TLS_SERVED_H

#include <stdbool.h>

struct buf;
struct context;
struct err;

/*
 * Whether they may take the place of others: there is one, or `bare`, and in each chain every certificate is
 * valid now and the issuer of the one before it. A context that requires client certificates has the
 * library's security level 1, and they must pass it, too. Keys fit: else there were no context. 0, or -1 with
 * the first thing wrong.
 */
int served_check(struct context *context, bool bare, struct err *err) __attribute__((warn_unused_result));

/* Logs a line for each: `words`, kind, names, end of validity, fingerprint; without any, `words`. */
void served_log(struct context *context, const char *words);

/* Appends a line for each: "certificate", and what the log says of it, for programs (mail/tlsproxy_score.h).
 */
void served_describe(struct context *context, struct buf *to);

/* Logs a warning for each that is not valid now, or not for long: less than a quarter of its time, and less
 * than a week. */
void served_warn(struct context *context);

#endif
