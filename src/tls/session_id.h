/* SPDX-License-Identifier: ISC */
/*
 * session_id: the key under which the client role's sessions are cached.
 *
 * Everything that changes what a session is worth is part of it: a session that was set up under other rules
 * is never found. The bytes are Postfix's, so that a cache can be shared with it; numbers are as this machine
 * keeps them.
 */
#ifndef TLS_SESSION_ID_H
#define TLS_SESSION_ID_H

#include <stdbool.h>

struct dane_set;

struct session_id_input {
	const char *serverid; /* in front of the digest */
	const char *helo;
	long library_version; /* OpenSSL_version_num() */
	const char *protocols;
	const char *cipher_list; /* the final one */
	int enable_rpk;          /* -1: not part of the key */
	bool must_fail;
	const struct dane_set *dane; /* NULL: level without, or none */
	const char *sni;             /* "": none, or a level that does not match the peer */
};

/* Freed by the caller. */
char *session_id_client(const struct session_id_input *input);

#endif
