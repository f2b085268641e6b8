/* SPDX-License-Identifier: ISC */
/*
 * probe_tls: what a policy asks of one TLS session, in the words of the engine.
 */
#ifndef TLSPROBE_PROBE_TLS_H
#define TLSPROBE_PROBE_TLS_H

struct conn;
struct conn_client_settings;
struct context;
struct dane_set;
struct kept_session;
struct policy_result;
struct probe_plan;
struct probe_server;
struct probe_settings;
struct probe_wire;
struct summary;

/* What a session is logged with: its summary, what matched, and why nothing did. */
#define PROBE_TLS_LOG_PARAM "smtp_tls_loglevel"
#define PROBE_TLS_LOG_LEVEL "summary,certmatch,untrusted"

/* All borrowed. */
struct probe_tls {
	const struct probe_settings *settings;
	const struct policy_result *policy;
	const struct probe_plan *plan;
	const struct probe_server *server;
	const char *nexthop;            /* domain, without brackets and port */
	const char *namaddr;            /* of the server, for the log */
	const char *helo;               /* the server's name for itself */
	const struct dane_set *records; /* at DANE levels */
	struct kept_session *kept;      /* NULL: nothing is resumed */
	int release;                    /* of conn.h */
};

/* For all sessions. NULL after logging why there can be no TLS. */
struct context *probe_tls_context(const struct probe_settings *settings);

/* The settings of the session; what is needed until the session has begun is in `needs`, which is released by
 * the caller. */
struct probe_tls_needs {
	const char **match;       /* owned; of its members none is */
	struct dane_set *records; /* owned; what stands for fingerprints and anchors */
};
void probe_tls_describe(
    const struct probe_tls *tls, struct conn_client_settings *settings, struct probe_tls_needs *needs);
void probe_tls_needs_release(struct probe_tls_needs *needs);

/* The handshake. 0 with `summary`, which the caller releases, and after logging it; -1 after logging why not.
 */
int probe_tls_start(const struct probe_tls *tls, struct context *context, struct probe_wire *wire,
    struct summary *summary) __attribute__((warn_unused_result));

#endif
