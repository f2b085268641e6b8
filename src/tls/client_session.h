/* SPDX-License-Identifier: ISC */
/*
 * client_session: makes ready one session of the client role: from what a request asks for to what the
 * library does.
 */
#ifndef TLS_CLIENT_SESSION_H
#define TLS_CLIENT_SESSION_H

#include <stdbool.h>

struct conn_client_settings;
struct context;
struct evp_md_st;
struct ssl_st;

/* What the session's end needs to know. */
struct client_session {
	int release;
	int level;                /* in effect: without usable TLSA records less than was asked for */
	bool must_fail;           /* there is nothing to match the peer against: it must not be trusted */
	bool dane;                /* the peer is matched by records */
	unsigned int log_mask;    /* of loglevel.h */
	char *namaddr;            /* owned; in lower case */
	char *sni;                /* owned; the name sent, or NULL */
	char *session_id;         /* owned; the key in the session cache */
	char *forced_failure;     /* owned; NULL: none */
	struct evp_md_st *digest; /* owned; of fingerprints; NULL: the context's */
};

/* A new SSL with everything but its descriptor and callbacks' data, freed by the caller. NULL after logging
 * why not. Either way `client` is filled, and released with client_session_release(). */
struct ssl_st *client_session_prepare(
    struct client_session *client, struct context *context, const struct conn_client_settings *settings);
void client_session_release(struct client_session *client);

#endif
