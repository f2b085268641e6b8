/* SPDX-License-Identifier: ISC */
/*
 * context: what all sessions of one role share, built once from settings.
 *
 * A context is complete or it does not exist, and it is never changed after it was built. New settings or
 * renewed certificates make a new one; sessions in flight hold on to theirs.
 */
#ifndef TLS_CONTEXT_H
#define TLS_CONTEXT_H

#include <stdbool.h>

#include "tls/chain.h"
#include "tls/cipher.h"

struct context;
struct evp_md_st;
struct map_list;
struct ssl_ctx_st;
struct ssl_st;

/* What tlsmgr says about the session cache. */
struct context_cache_policy {
	bool cachable; /* there is a cache database */
	int timeout_s; /* <= 0: neither cache nor tickets */
};

/* Named after the parameters without their smtpd_tls_, tlsproxy_tls_ or tls_. Strings may be NULL for "". */
struct context_server_settings {
	const char *log_param; /* the parameter that `log_level` came from */
	const char *log_level;
	int verifydepth;
	bool always_issue_session_ids;
	const char *chain_files;
	const char *cert_file, *key_file;
	const char *dcert_file, *dkey_file;
	const char *eccert_file, *eckey_file;
	const char *CAfile, *CApath;
	bool append_default_CA;
	const char *protocols;
	const char *dh1024_param_file;
	const char *eecdh_auto_curves;
	const char *ffdhe_auto_groups; /* NULL: rules of Postfix 3.7 */
	bool ask_ccert;
	bool require_ccert; /* library security level 1, and verification failures are logged */
	const char *fingerprint_digest;
	bool legacy_public_key_fingerprints;
	struct cipher_grades cipher_grades;
	const char *ciphers; /* the grade */
	const char *exclude_ciphers;
	bool preempt_cipherlist;
	const char *disable_workarounds;
	const char *ssl_options;
	const char *session_ticket_cipher;
	const char *config_file, *config_name;
	struct map_list *server_sni_maps; /* NULL: none; else the context refers to it */

	struct context_cache_policy cache_policy;

	chain_read_fn read_file; /* NULL: chain_read_file() */
	void *read_arg;
};

/* What both kinds of settings have of files, from a struct whose members have the same names. */
#define CONTEXT_FILE_NAMES(from)                                                                             \
	.chain_files = (from)->chain_files, .cert_file = (from)->cert_file, .key_file = (from)->key_file,    \
	.dcert_file = (from)->dcert_file, .dkey_file = (from)->dkey_file,                                    \
	.eccert_file = (from)->eccert_file, .eckey_file = (from)->eckey_file, .CAfile = (from)->CAfile,      \
	.CApath = (from)->CApath

/* The client role: what the caller's request and tls_* parameters say about all sessions of one kind. Strings
 * may be NULL for "". */
struct context_client_settings {
	const char *log_param;
	const char *log_level;
	int verifydepth;
	const char *chain_files;
	const char *cert_file, *key_file;
	const char *dcert_file, *dkey_file;
	const char *eccert_file, *eckey_file;
	const char *CAfile, *CApath;
	bool append_default_CA;
	const char
	    *fingerprint_digest; /* mdalg; also the digest of fingerprints that peers are matched with */
	bool legacy_public_key_fingerprints;
	const char *dane_digests;
	const char *eecdh_auto_curves;
	const char *ffdhe_auto_groups;      /* NULL: rules of Postfix 3.7 */
	struct cipher_grades cipher_grades; /* copied */
	const char *disable_workarounds;
	const char *ssl_options;
	const char *config_file, *config_name;

	chain_read_fn read_file; /* NULL: chain_read_file() */
	void *read_arg;
};

/*
 * Returns a context with one reference, or NULL after logging why TLS is off. Starts the library if need be.
 * The settings are not kept. Session callbacks are installed by resume.h, on both SSL_CTXs.
 */
struct context *context_new_server(const struct context_server_settings *settings);

/* The same for the client role; its session callback is installed already. For conn_new_client(). Reads the
 * files that are named: small, local, once. */
struct context *context_new_client(const struct context_client_settings *settings);

struct context *context_ref(struct context *context);
void context_unref(struct context *context);           /* NULL is fine */
bool context_is_shared(const struct context *context); /* somebody else has a reference, too */

/* Borrowed. */
struct ssl_ctx_st *context_ssl_ctx(const struct context *context);

/* The same without certificates, for sessions whose SNI has a chain of its own; NULL if there are no tables
 * of them. Borrowed. */
struct ssl_ctx_st *context_sni_ssl_ctx(const struct context *context);

/*
 * A new SSL for one session from `namaddr` (in the caller's spelling), with everything but its descriptor and
 * its verify state. Freed by the caller with SSL_free(). NULL after logging; a bad cipher grade shows only
 * here, as it does in Postfix.
 */
struct ssl_st *context_new_ssl(struct context *context, const char *namaddr);

/* Of a client context. Borrowed. */
const struct cipher_grades *context_cipher_grades(const struct context *context);

unsigned int context_log_mask(const struct context *context); /* of loglevel.h */
const struct evp_md_st *context_digest(const struct context *context);
bool context_legacy_fingerprints(const struct context *context);

/* Tickets are wanted, and can be sealed with the cipher of the settings. */
bool context_tickets(const struct context *context);
const struct context_cache_policy *context_cache_policy(const struct context *context);

#endif
