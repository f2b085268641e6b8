/* SPDX-License-Identifier: ISC */
/*
 * tlsproxy_proto_server: the second list of a request for tlsproxy's server role, from callers of
 * Postfix 3.12. Those before it send none.
 */
#ifndef MAIL_TLSPROXY_PROTO_SERVER_H
#define MAIL_TLSPROXY_PROTO_SERVER_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* Named as in main.cf; strings may be NULL and numbers TLSPROXY_SHAPE_ABSENT in a struct to compare with. */
struct tlsproxy_server_params {
	const char *config_file, *config_name;
	const char *high_cipherlist, *medium_cipherlist, *null_cipherlist;
	const char *eecdh_auto_curves, *eecdh_strong_curve, *eecdh_ultra_curve;
	const char *ffdhe_auto_groups;
	const char *disable_workarounds, *ssl_options;
	const char *tlsmgr_service_name;
	const char *session_ticket_cipher;
	int daemon_random_bytes;
	int append_default_CA;
	int preempt_cipherlist;
	int wildcard_matches_multiple_labels;
	const char *server_sni_maps;
	int fast_shutdown_enable;
	int trust_server_ccerts;
};

struct tlsproxy_server_init {
	const char *log_param, *log_level;
	int verifydepth;
	const char *cache_type;
	int set_sessid;
	const char *chain_files;
	const char *cert_file, *key_file;
	const char *dcert_file, *dkey_file;
	const char *eccert_file, *eckey_file;
	const char *CAfile, *CApath;
	const char *protocols;
	const char *eecdh_grade;
	const char *dh1024_param_file, *dh512_param_file;
	int ask_ccert;
	const char *mdalg;
};

struct tlsproxy_server_start {
	const char *log_param, *log_level;
	int timeout_s;
	int enable_rpk;
	int requirecert;
	const char *serverid, *namaddr;
	const char *cipher_grade, *cipher_exclusions;
	const char *mdalg;
	int trace_size_limit;
	const char *trace_peer;
};

struct tlsproxy_server_request {
	struct tlsproxy_server_params params;
	struct tlsproxy_server_init init;
	struct tlsproxy_server_start start;
};

/* 0, or -1 after a warning that names `stream`. Strings are borrowed from the list; nothing to release. */
int tlsproxy_proto_server_get(struct tlsproxy_server_request *request, const void *list, size_t len,
    const char *stream) __attribute__((warn_unused_result));
void tlsproxy_proto_server_put(struct buf *to, const struct tlsproxy_server_request *request);

/* The init part as on the wire, without `log_param`. Appends. */
void tlsproxy_proto_server_key(struct buf *to, const struct tlsproxy_server_init *init);

/* As tlsproxy_proto_shape_differ(). `log_param` is not compared. */
bool tlsproxy_proto_server_params_differ(
    struct buf *to, const struct tlsproxy_server_params *server, const struct tlsproxy_server_params *client);
bool tlsproxy_proto_server_init_differ(
    struct buf *to, const struct tlsproxy_server_init *server, const struct tlsproxy_server_init *client);

#endif
