/* SPDX-License-Identifier: ISC */
/*
 * tlsproxy_proto_client: the second list of a request for tlsproxy's client role.
 *
 * It holds the global TLS settings of the caller, what makes a TLS context, and what is of this
 * one session. Read are the shapes of Postfix 3.6 to 3.12, told apart by the names.
 */
#ifndef MAIL_TLSPROXY_PROTO_CLIENT_H
#define MAIL_TLSPROXY_PROTO_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "mail/tlsproxy_proto.h"
#include "mail/tlsproxy_proto_shape.h"

struct buf;

/* Named as in main.cf. Strings are NULL, numbers TLSPROXY_SHAPE_ABSENT when the caller's version has none. */
struct tlsproxy_client_params {
	const char *config_file, *config_name;
	const char *high_cipherlist, *medium_cipherlist, *low_cipherlist, *export_cipherlist,
	    *null_cipherlist;
	const char *eecdh_auto_curves, *eecdh_strong_curve, *eecdh_ultra_curve;
	const char *ffdhe_auto_groups;
	const char *disable_workarounds, *ssl_options;
	const char *dane_digests;
	const char *tlsmgr_service_name;
	const char *session_ticket_cipher;
	int daemon_random_bytes;
	int append_default_CA;
	int legacy_public_key_fingerprints;
	int preempt_cipherlist;
	int wildcard_matches_multiple_labels;
	int fast_shutdown_enable;
};

/* The same in all versions; nothing is NULL. */
struct tlsproxy_client_init {
	const char *log_param, *log_level;
	int verifydepth;
	const char *cache_type;
	const char *chain_files;
	const char *cert_file, *key_file;
	const char *dcert_file, *dkey_file;
	const char *eccert_file, *eckey_file;
	const char *CAfile, *CApath;
	const char *mdalg;
};

struct tlsproxy_tlsa {
	int usage, selector, mtype; /* 0 to 255; mtype 255 is the digest named mdalg */
	unsigned char *data;        /* owned */
	size_t len;
};

struct tlsproxy_dane {
	bool present;
	const char *domain;            /* the TLSA base domain; "" for fingerprints and trust anchors */
	struct tlsproxy_tlsa *records; /* owned */
	size_t count;
};

enum {
	TLSPROXY_TLSA_LIMIT = 4096,
	TLSPROXY_TLSA_SIZE_LIMIT = 64 * 1024, /* of the data of one */
};

enum { TLSPROXY_TLSRPT_REPORTED = 8 }; /* in its flags: something was reported before */

/* What Postfix reports to a TLSRPT library (RFC 8460). */
struct tlsproxy_tlsrpt {
	int present; /* ABSENT: the caller was built without */
	const char *socket_name;
	const char *policy_domain, *policy_string;
	int tls_policy_type;
	struct tlsproxy_shape_list tls_policy_strings;
	const char *tls_policy_domain;
	struct tlsproxy_shape_list mx_host_patterns;
	const char *snd_mta_addr;
	const char *rcv_mta_name, *rcv_mta_addr, *rcv_mta_ehlo;
	int skip_reused_hs;
	int flags;
};

struct tlsproxy_client_start {
	const char *log_param, *log_level; /* of this session; NULL: those of init */
	int timeout_s;
	int enable_rpk;
	int tls_level; /* the numbers are those of tls/level.h */
	const char *nexthop, *host, *namaddr, *sni, *serverid, *helo;
	const char *protocols, *cipher_grade, *cipher_exclusions;
	struct tlsproxy_shape_list matchargv;
	const char *mdalg;
	struct tlsproxy_dane dane;
	struct tlsproxy_tlsrpt tlsrpt;
	const char *forced_failure_type;
	int trace_size_limit;
	const char *trace_peer;
};

struct tlsproxy_client_request {
	struct tlsproxy_client_params params;
	struct tlsproxy_client_init init;
	struct tlsproxy_client_start start;
};

/* 0, or -1 after a warning that names `stream`. Strings are borrowed from the list. Released either way. */
int tlsproxy_proto_client_get(struct tlsproxy_client_request *request, const void *list, size_t len,
    const char *stream) __attribute__((warn_unused_result));
void tlsproxy_proto_client_release(struct tlsproxy_client_request *request);

/* Writes the shape that `request` has: what is absent is left out. */
void tlsproxy_proto_client_put(struct buf *to, const struct tlsproxy_client_request *request);

/* What the caller's version expects as result. */
enum tlsproxy_context_shape tlsproxy_proto_client_shape(const struct tlsproxy_client_request *request);

/* The init part as on the wire: equal bytes, equal settings. Without `log_param` when the caller's sessions
 * have log settings of their own. Appends. */
void tlsproxy_proto_client_key(struct buf *to, const struct tlsproxy_client_request *request);

/* As tlsproxy_proto_shape_differ(). */
bool tlsproxy_proto_client_params_differ(
    struct buf *to, const struct tlsproxy_client_params *server, const struct tlsproxy_client_params *client);
bool tlsproxy_proto_client_init_differ(
    struct buf *to, const struct tlsproxy_client_init *server, const struct tlsproxy_client_init *client);

#endif
