/* SPDX-License-Identifier: ISC */
/*
 * defaults: whether the TLS settings of client or server were touched, and what enabling TLS needs
 * to know besides.
 */
#ifndef POSTFIX_TLS_DEFAULTS_H
#define POSTFIX_TLS_DEFAULTS_H

#include <stdbool.h>

struct buf;
struct err;
struct site;

/* The settings that matter; NULL behind the last. */
extern const char *const defaults_client_names[];
extern const char *const defaults_server_names[];

/* All at their defaults, or empty. */
bool defaults_none_set(const struct site *site, const char *const *names);
bool defaults_client(const struct site *site);
bool defaults_server(const struct site *site);

/* Appends what tls_random_source is to become: `wanted` unless it is empty, else what is in force, else
 * the system's device. 0 or -1. */
int defaults_random_source(const struct site *site, const char *wanted, struct buf *source, struct err *err)
    __attribute__((warn_unused_result));

#endif
