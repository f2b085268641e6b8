/* SPDX-License-Identifier: ISC */
/*
 * summary: the result of a finished handshake: fields for the caller, one line for the log.
 */
#ifndef TLS_SUMMARY_H
#define TLS_SUMMARY_H

#include <stdbool.h>

struct client_session;
struct context;
struct ssl_st;
struct verify;

/* peer_status, as on the wire. */
enum summary_status {
	SUMMARY_PRESENT = 1, /* the peer sent a certificate */
	SUMMARY_TRUSTED = 4,
	SUMMARY_MATCHED = 8,
	SUMMARY_SECURED = 16,
	SUMMARY_RAW_KEY = 32,
};

/* Strings point to static text or into the SSL library, except those marked owned. "" when unknown. */
struct summary_signature {
	const char *name; /* RSA-PSS, ECDSA, ... */
	const char *curve;
	int bits;
	const char *digest;
};

struct summary {
	char *peer_CN;                 /* owned */
	char *issuer_CN;               /* owned */
	char *peer_sni;                /* owned; NULL without */
	char *peer_fingerprint;        /* owned; certificate */
	char *peer_pubkey_fingerprint; /* owned */
	int level;                     /* enum level; 0 in the server role */
	int peer_status;               /* enum summary_status, or-ed */
	const char *protocol;
	const char *cipher_name;
	int cipher_usebits;
	int cipher_algbits;
	const char *key_exchange; /* this and the following: TLS 1.3 only */
	const char *key_exchange_curve;
	int key_exchange_bits;
	struct summary_signature clnt_signature;
	struct summary_signature srvr_signature;
	bool ctos_rpk; /* raw public keys from client to server, and back: never with this library */
	bool stoc_rpk;
	bool session_reused;
	bool we_are_server;
	char *namaddr; /* owned; lower case */
};

/* What the SSL itself does not know. */
struct summary_input {
	const char *namaddr; /* in the caller's spelling */
	const char *sni;     /* the name whose chain was used; NULL: none */
	bool ticket_used;    /* the session came from a ticket, or a ticket was issued */
	unsigned int log_mask;
};

/*
 * Fills `summary` after a server-role handshake and logs what the mask asks for, in Postfix's order: reuse,
 * certificate details, why the peer is not trusted. The summary line itself is summary_log().
 */
void summary_from_server(struct summary *summary, struct ssl_st *ssl, const struct context *context,
    const struct verify *verify, const struct summary_input *input);

/* The same after a client-role handshake; `client` is of the session. */
void summary_from_client(struct summary *summary, struct ssl_st *ssl, const struct context *context,
    const struct verify *verify, const struct summary_input *input, const struct client_session *client);

/* The level 1 line. */
void summary_log(const struct summary *summary);

void summary_release(struct summary *summary);

#endif
