/* SPDX-License-Identifier: ISC */
/*
 * gate_access: rules that decide by a client's certificate what it may do: a list as Postfix smtpd has them.
 *
 * The rules are asked in their order, once a session and once more when TLS has begun, and the first that
 * decides is the last. Replies are those of smtpd, letter by letter. Tables are read when the list is made.
 */
#ifndef TLSGATE_GATE_ACCESS_H
#define TLSGATE_GATE_ACCESS_H

#include <stdbool.h>

struct buf;
struct err;
struct gate_access;

struct gate_access_settings {
	const char *restrictions;
	const char *relay_clientcerts; /* tables for permit_tls_clientcerts */
	bool ask_ccert;                /* else a rule that finds no certificate says why */
};

/* A client as the rules see it; strings may be "". */
struct gate_access_client {
	const char *name; /* for replies and the log */
	bool tls;
	bool has_cert;
	bool trusted;
	const char *subject_cn;
	const char *fingerprint, *pkey_fingerprint; /* XX:XX:... */
};

enum gate_access_verdict {
	GATE_ACCESS_NOTHING,   /* no rule has decided */
	GATE_ACCESS_PERMIT,    /* without looking at a certificate */
	GATE_ACCESS_CERTIFIED, /* permitted because of the certificate */
	GATE_ACCESS_REJECT,    /* `reply` is for the client */
};

/* NULL with err: there is no such rule. Freed by the caller. */
struct gate_access *gate_access_new(const struct gate_access_settings *settings, struct err *err);
void gate_access_free(struct gate_access *access);

/* `reply` is replaced: one line without its end, safe to be sent. */
enum gate_access_verdict gate_access_decide(
    const struct gate_access *access, const struct gate_access_client *client, struct buf *reply);

#endif
