/* SPDX-License-Identifier: ISC */
/*
 * deploy: makes the server use a key and a certificate, after checking that they belong together.
 */
#ifndef POSTFIX_TLS_DEPLOY_H
#define POSTFIX_TLS_DEPLOY_H

#include <stddef.h>

struct err;
struct site;
struct postconf_setting;

/* One edit of main.cf, with the `count` (at most 4) settings of `more` in it. 0 or -1. */
int deploy_pair(const struct site *site, const char *cert_path, const char *key_path,
    const struct postconf_setting *more, size_t count, struct err *err) __attribute__((warn_unused_result));

/* Tells about it. */
void deploy_explain(void);

/* Says how to make running servers notice. */
void deploy_explain_reload(void);

#endif
