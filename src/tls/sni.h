/* SPDX-License-Identifier: ISC */
/*
 * sni: chains for the names that clients ask for (RFC 6066 section 3), from the tables of
 * tls_server_sni_maps.
 *
 * For a.b.c the tables are asked for a.b.c, .b.c and .c; what they hold is PEM text in the grammar of
 * chain_files. Chains that were loaded are kept for the next session, up to a number of names, until the list
 * gets other tables. A client that names nothing, or nothing that is known, gets the default chain; one whose
 * chain cannot be loaded gets an alert.
 */
#ifndef TLS_SNI_H
#define TLS_SNI_H

#include <stddef.h>

struct err;
struct map_list;
struct sni;
struct ssl_ctx_st;
struct ssl_st;

/* One a session; lives as long as its SSL. */
struct sni_conn {
	const char *namaddr; /* borrowed; for the log */
	char *name;          /* owned; whose chain is in use; NULL: the default chain */
};

/* `maps` may be NULL; else it is referred to. */
struct sni *sni_new(struct map_list *maps);
void sni_free(struct sni *sni);

/* Puts the callback into the context sessions begin with. A session whose name is found goes on with
 * `sni_ctx`, which has no certificates. */
void sni_install(struct sni *sni, struct ssl_ctx_st *ctx, struct ssl_ctx_st *sni_ctx);

/* Before the handshake. 0, or -1 when memory was out inside the library. */
int sni_attach(struct sni_conn *conn, struct ssl_st *ssl) __attribute__((warn_unused_result));
void sni_release(struct sni_conn *conn);

/* How many names have a chain that is kept. */
size_t sni_kept(const struct sni *sni);

/* Does each key have a chain that can be used, or is as `old` had it? 0, or -1 with `err`. */
int sni_check(const struct map_list *maps, const struct map_list *old, struct err *err)
    __attribute__((warn_unused_result));

#endif
