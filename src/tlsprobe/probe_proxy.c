/* SPDX-License-Identifier: ISC */
#include "tlsprobe/probe_proxy.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mail/attr.h"
#include "mail/tlsproxy_proto.h"
#include "mail/tlsproxy_proto_client.h"
#include "tls/conn.h"
#include "tls/dane.h"
#include "tls/summary.h"
#include "tlsprobe/probe_plan.h"
#include "tlsprobe/probe_settings.h"
#include "tlsprobe/probe_tls.h"
#include "tlsprobe/probe_wire.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/fdio.h"
#include "util/log.h"
#include "util/now.h"

enum { LIST_LIMIT = 64 * 1024, MS = 1000, RELEASE_3_12 = 312 };

struct proxy {
	const char *path;
	int fd; /* owned; -1: it went to the wire */
	int timeout_s;
	struct buf in;
};

/* --- lists --- */

/* The length of the list in `in`; 0 after logging why there is none. Byte by
 * byte: what follows the last list is not for here. */
static size_t
receive_list(struct proxy *proxy)
{
	int64_t deadline_ms = now_ms() + (int64_t)proxy->timeout_s * MS;
	struct attr_frame frame;
	size_t len = 0;
	char byte;

	buf_clear(&proxy->in);
	attr_frame_init(&frame, LIST_LIMIT);
	for (;;) {
		enum attr_progress progress =
		    attr_frame_feed(&frame, buf_str(&proxy->in), proxy->in.len, &len);
		ssize_t got;

		if (progress == ATTR_COMPLETE)
			return len;
		if (progress == ATTR_TOO_LONG) {
			log_warn("%s: a list that is too long", proxy->path);
			return 0;
		}
		if (!probe_wire_await(proxy->fd, POLLIN, deadline_ms)) {
			log_warn("%s: no answer within %d seconds", proxy->path, proxy->timeout_s);
			return 0;
		}
		got = read(proxy->fd, &byte, 1);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (got <= 0) {
			log_warn("%s: the session was given up; the mail log says why", proxy->path);
			return 0;
		}
		buf_add_byte(&proxy->in, byte);
	}
}

/* --- the request --- */

static struct tlsproxy_client_params
params_of(const struct probe_settings *settings, int release)
{
	bool old = release < CONN_RELEASE_3_8;

	return (struct tlsproxy_client_params){
		.config_file = settings->tls_config_file,
		.config_name = settings->tls_config_name,
		.high_cipherlist = settings->tls_high_cipherlist,
		.medium_cipherlist = settings->tls_medium_cipherlist,
		.low_cipherlist = old ? settings->tls_low_cipherlist : NULL,
		.export_cipherlist = old ? settings->tls_export_cipherlist : NULL,
		.null_cipherlist = settings->tls_null_cipherlist,
		.eecdh_auto_curves = settings->tls_eecdh_auto_curves,
		.eecdh_strong_curve = settings->tls_eecdh_strong_curve,
		.eecdh_ultra_curve = settings->tls_eecdh_ultra_curve,
		.ffdhe_auto_groups = old ? NULL : settings->tls_ffdhe_auto_groups,
		.disable_workarounds = settings->tls_disable_workarounds,
		.ssl_options = settings->tls_ssl_options,
		.dane_digests = settings->tls_dane_digests,
		.tlsmgr_service_name = settings->tlsmgr_service_name,
		.session_ticket_cipher = settings->tls_session_ticket_cipher,
		.daemon_random_bytes = settings->tls_daemon_random_bytes,
		.append_default_CA = settings->tls_append_default_CA,
		.legacy_public_key_fingerprints = release < CONN_RELEASE_3_11
						      ? settings->tls_legacy_public_key_fingerprints
						      : TLSPROXY_SHAPE_ABSENT,
		.preempt_cipherlist = settings->tls_preempt_cipherlist,
		.wildcard_matches_multiple_labels = settings->tls_wildcard_matches_multiple_labels,
		.fast_shutdown_enable =
		    release < RELEASE_3_12 ? TLSPROXY_SHAPE_ABSENT : settings->tls_fast_shutdown_enable,
	};
}

/* What smtp(8) would say, so that tlsproxy has a context for it. */
static struct tlsproxy_client_init
init_of(const struct probe_settings *settings, const char *log_param)
{
	return (struct tlsproxy_client_init){
		.log_param = log_param,
		.log_level = settings->tls_loglevel,
		.verifydepth = settings->policy.tls_scert_verifydepth,
		.cache_type = settings->policy.client,
		PROBE_SETTINGS_FILES(settings),
		.mdalg = settings->policy.tls_fingerprint_digest,
	};
}

/* The records' bytes are borrowed. */
static void
take_records(struct tlsproxy_dane *dane, const struct dane_set *set)
{
	if (!set)
		return;
	dane->present = true;
	dane->domain = dane_set_domain(set);
	dane->count = dane_set_count(set);
	dane->records = alloc_array(dane->count + 1, sizeof *dane->records);
	for (size_t i = 0; i < dane->count; i++) {
		const struct dane_record *record = dane_set_record(set, i);

		dane->records[i] = (struct tlsproxy_tlsa){
			.usage = record->usage,
			.selector = record->selector,
			.mtype = record->mtype,
			.data = (unsigned char *)(uintptr_t)record->data,
			.len = record->len,
		};
	}
}

static void
put_session(struct buf *to, const struct probe_tls *tls, const char *serverid, int timeout_s)
{
	struct conn_client_settings settings;
	struct probe_tls_needs needs;
	char *log_param = alloc_printf("%s_tls_loglevel", tls->settings->policy.client);
	struct tlsproxy_client_request request = {
		.params = params_of(tls->settings, tls->release),
		.init = init_of(tls->settings, log_param),
	};
	struct tlsproxy_client_start *start = &request.start;

	probe_tls_describe(tls, &settings, &needs);
	*start = (struct tlsproxy_client_start){
		.timeout_s = timeout_s,
		.enable_rpk = tls->release < CONN_RELEASE_3_9 ? TLSPROXY_SHAPE_ABSENT : 0,
		.tls_level = settings.level,
		.nexthop = settings.nexthop,
		.host = settings.host,
		.namaddr = settings.namaddr,
		.sni = settings.sni,
		.serverid = serverid,
		.helo = settings.helo ? settings.helo : "",
		.protocols = settings.protocols,
		.cipher_grade = settings.cipher_grade,
		.cipher_exclusions = settings.cipher_exclusions,
		.matchargv = { .values = needs.match, .count = settings.match_count },
		.mdalg = settings.mdalg,
		.tlsrpt.present = TLSPROXY_SHAPE_ABSENT,
		.forced_failure_type = tls->release < CONN_RELEASE_3_10 ? NULL : "",
		.trace_size_limit = TLSPROXY_SHAPE_ABSENT,
	};
	if (tls->release >= RELEASE_3_12) {
		start->log_param = log_param;
		start->log_level = tls->settings->tls_loglevel;
		start->trace_size_limit = 0;
		start->trace_peer = "";
	}
	take_records(&start->dane, settings.dane);
	tlsproxy_proto_client_put(to, &request);
	free(start->dane.records);
	probe_tls_needs_release(&needs);
	free(log_param);
}

/* Nobody else's sessions are resumed, nor those of an earlier probe, which nobody would verify again. */
static void
put_request(struct buf *to, const struct probe_tls *tls, int port, int timeout_s)
{
	char *endpoint = alloc_printf("[%s]:%d", tls->server->address, port);
	char *serverid = alloc_printf("probe&%ld&%lld", (long)getpid(), (long long)now_ms());
	const struct tlsproxy_request request = {
		.remote_endpoint = endpoint,
		.flags = TLSPROXY_CLIENT | TLSPROXY_SEND_CONTEXT,
		.handshake_timeout_s = timeout_s,
		.session_timeout_s = timeout_s,
		.serverid = serverid,
	};

	tlsproxy_proto_put_request(to, &request);
	put_session(to, tls, serverid, timeout_s);
	free(serverid);
	free(endpoint);
}

/* --- the result --- */

static const char *
scan_text(struct attr_scan *scan, const char *name)
{
	const char *text = "";

	return attr_scan_str(scan, name, &text) > 0 ? text : "";
}

static void
scan_signature(struct attr_scan *scan, const char *who, struct summary_signature *signature)
{
	char *name = alloc_printf("%s_signature", who), *curve = alloc_printf("%s_signature_curve", who);
	char *bits = alloc_printf("%s_signature_bits", who),
	     *digest = alloc_printf("%s_signature_digest", who);

	signature->name = scan_text(scan, name);
	signature->curve = scan_text(scan, curve);
	attr_scan_int(scan, bits, &signature->bits);
	signature->digest = scan_text(scan, digest);
	free(digest);
	free(bits);
	free(curve);
	free(name);
}

/* 0, or -1 after a warning. What later versions have at the end is left unread. */
static int
read_result(struct summary *summary, const void *list, size_t len, const char *stream)
{
	struct attr_scan scan;
	const char *next;
	int number;

	*summary = (struct summary){ 0 };
	attr_scan_init(&scan, list, len, ATTR_FLAG_MISSING | ATTR_FLAG_MORE, stream);
	summary->peer_CN = alloc_string(scan_text(&scan, "peer_CN"));
	summary->issuer_CN = alloc_string(scan_text(&scan, "issuer_CN"));
	summary->peer_fingerprint = alloc_string(scan_text(&scan, "peer_fingerprint"));
	summary->peer_pubkey_fingerprint = alloc_string(scan_text(&scan, "peer_pubkey_fingerprint"));
	attr_scan_int(&scan, "level", &summary->level);
	attr_scan_int(&scan, "peer_status", &summary->peer_status);
	summary->protocol = scan_text(&scan, "cipher_protocol");
	summary->cipher_name = scan_text(&scan, "cipher_name");
	attr_scan_int(&scan, "cipher_usebits", &summary->cipher_usebits);
	attr_scan_int(&scan, "cipher_algbits", &summary->cipher_algbits);
	summary->key_exchange = scan_text(&scan, "key_exchange");
	summary->key_exchange_curve = scan_text(&scan, "key_exchange_curve");
	attr_scan_int(&scan, "key_exchange_bits", &summary->key_exchange_bits);
	next = attr_scan_peek(&scan);
	if (next && strcmp(next, "ctos_rpk") == 0) {
		attr_scan_int(&scan, "ctos_rpk", &number);
		attr_scan_int(&scan, "stoc_rpk", &number);
	}
	scan_signature(&scan, "clnt", &summary->clnt_signature);
	scan_signature(&scan, "srvr", &summary->srvr_signature);
	summary->namaddr = alloc_string(scan_text(&scan, "namaddr"));
	return scan.stopped ? -1 : 0;
}

/* --- all together --- */

static int
converse(struct proxy *proxy, const struct probe_tls *tls, int port, int socket, struct summary *summary)
{
	struct buf request = BUF_INIT;
	size_t len = receive_list(proxy);
	int available = 0, taken = 0, sent;

	if (len == 0 || tlsproxy_proto_get_announcement(proxy->in.bytes, len, proxy->path) < 0)
		return -1;
	put_request(&request, tls, port, proxy->timeout_s);
	sent = fdio_write_all(proxy->fd, request.bytes, request.len, proxy->timeout_s);
	buf_release(&request);
	len = sent == 0 ? receive_list(proxy) : 0;
	if (len == 0 || tlsproxy_proto_get_status(proxy->in.bytes, len, proxy->path, &available, &taken) < 0)
		return -1;
	if (!available) {
		log_warn("%s: the client role is not available", proxy->path);
		return -1;
	}
	if (fdio_send_fd(proxy->fd, socket) < 0) {
		log_warn("%s: send descriptor: %m", proxy->path);
		return -1;
	}
	len = receive_list(proxy);
	return len > 0 ? read_result(summary, proxy->in.bytes, len, proxy->path) : -1;
}

int
probe_proxy_start(const struct probe_tls *tls, const char *path, int port, struct probe_wire *wire,
    struct buf *reply, struct summary *summary)
{
	struct proxy proxy = { .path = path, .timeout_s = wire->timeout_s };
	struct err err = { 0 };
	int result;

	*summary = (struct summary){ 0 };
	proxy.fd = fdio_connect_unix(path, true, &err);
	if (proxy.fd < 0) {
		log_warn("%s", err.text);
		return -1;
	}
	result = converse(&proxy, tls, port, wire->fd, summary);
	if (result < 0) {
		summary_release(summary);
		fdio_close(&proxy.fd);
		buf_release(&proxy.in);
		return -1;
	}
	probe_wire_replace(wire, proxy.fd);
	*reply = proxy.in;
	summary_log(summary);
	return 0;
}
