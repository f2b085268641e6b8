/* SPDX-License-Identifier: ISC */
/*
 * protocol: lists of TLS versions, as the *_tls_protocols parameters spell them.
 */
#ifndef TLS_PROTOCOL_H
#define TLS_PROTOCOL_H

struct ssl_ctx_st;
struct ssl_st;

enum protocol_version {
	PROTOCOL_SSLV2 = 1 << 0,
	PROTOCOL_SSLV3 = 1 << 1,
	PROTOCOL_TLSV1 = 1 << 2,
	PROTOCOL_TLSV1_1 = 1 << 3,
	PROTOCOL_TLSV1_2 = 1 << 4,
	PROTOCOL_TLSV1_3 = 1 << 5,
};

struct protocol_set {
	unsigned int excluded; /* of enum protocol_version */
	int floor;             /* wire number such as 0x0303; 0: no limit */
	int ceiling;
};

/* 0, or -1 when any word of the list is not understood. Logs nothing. */
int protocol_parse(struct protocol_set *set, const char *list) __attribute__((warn_unused_result));

/* A limit the library does not accept is left out silently, as in the server role of Postfix. */
void protocol_apply(const struct protocol_set *set, struct ssl_ctx_st *ctx);

/* For one session of the client role: a refused limit is logged with `namaddr` and left out. */
void protocol_apply_session(const struct protocol_set *set, struct ssl_st *ssl, const char *namaddr);

#endif
