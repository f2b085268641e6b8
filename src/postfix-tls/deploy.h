/* SPDX-License-Identifier: ISC */
/*
 * deploy: makes the server use a key and certificates, after checking that they belong together and are fit
 * for use. With smtpd_tls_chain_files in use, or with a key that needs it, they take their place there.
 */
#ifndef POSTFIX_TLS_DEPLOY_H
#define POSTFIX_TLS_DEPLOY_H

#include <stddef.h>

#include "postfix-tls/keyfile.h"

struct err;
struct findings;
struct json_t;
struct postconf_setting;
struct site;

struct deployed {
	enum keyfile_algorithm algorithm;
	char digest[65];         /* of the public key, as TLSA "3 1 1" has it */
	struct json_t *settings; /* owned: what was written to main.cf, by name */
};

/* One edit of main.cf, with the `count` (at most 4) settings of `more` (NULL: none; given with a pair made
 * here) in it; what the findings refuse is not done. 0, `deployed` to be released, or -1. */
int deploy_pair(const struct site *site, const char *cert_path, const char *key_path,
    const struct postconf_setting *more, size_t count, struct findings *findings, struct deployed *deployed,
    struct err *err) __attribute__((warn_unused_result));
void deploy_release(struct deployed *deployed);

/* Writes settings, after finding what master.cf puts over them. For those who deploy nothing. 0 or -1. */
int deploy_settings(const struct site *site, const struct postconf_setting *settings, size_t count,
    struct findings *findings, struct json_t **written, struct err *err) __attribute__((warn_unused_result));

/* Tells about it. */
void deploy_explain(const struct site *site);

/* Says how to make running servers notice. */
void deploy_explain_reload(const struct site *site);

#endif
