/* SPDX-License-Identifier: ISC */
#include "mail/tlsproxy_proto_server.h"

#include <string.h>

#include "mail/attr.h"
#include "mail/tlsproxy_proto_shape.h"

#define P(type, name, member) TLSPROXY_SHAPE_ROW(tlsproxy_server_params, type, name, member, WANTED)
static const struct tlsproxy_shape params_rows[] = {
	P(STR, "config_file", config_file),
	P(STR, "config_name", config_name),
	P(STR, "tls_high_cipherlist", high_cipherlist),
	P(STR, "tls_medium_cipherlist", medium_cipherlist),
	P(STR, "tls_null_cipherlist", null_cipherlist),
	P(STR, "tls_eecdh_auto_curves", eecdh_auto_curves),
	P(STR, "tls_eecdh_strong_curve", eecdh_strong_curve),
	P(STR, "tls_eecdh_ultra_curve", eecdh_ultra_curve),
	P(STR, "tls_ffdhe_auto_groups", ffdhe_auto_groups),
	P(STR, "tls_disable_workarounds", disable_workarounds),
	P(STR, "tls_ssl_options", ssl_options),
	P(STR, "tlsmgr_service_name", tlsmgr_service_name),
	P(STR, "tls_session_ticket_cipher", session_ticket_cipher),
	P(INT, "tls_daemon_random_bytes", daemon_random_bytes),
	P(INT, "tls_append_default_CA", append_default_CA),
	P(INT, "tls_preempt_cipherlist", preempt_cipherlist),
	P(INT, "tls_wildcard_matches_multiple_labels", wildcard_matches_multiple_labels),
	P(STR, "tls_server_sni_maps", server_sni_maps),
	P(INT, "tls_fast_shutdown_enable", fast_shutdown_enable),
	P(INT, "tls_trust_server_ccerts", trust_server_ccerts),
	TLSPROXY_SHAPE_ROWS_END,
};
#undef P

#define I(type, name, member) TLSPROXY_SHAPE_ROW(tlsproxy_server_init, type, name, member, WANTED)
static const struct tlsproxy_shape init_rows[] = {
	I(STR, "log_param", log_param),
	I(STR, "log_level", log_level),
	I(INT, "verifydepth", verifydepth),
	I(STR, "cache_type", cache_type),
	I(INT, "set_sessid", set_sessid),
	I(STR, "chain_files", chain_files),
	I(STR, "cert_file", cert_file),
	I(STR, "key_file", key_file),
	I(STR, "dcert_file", dcert_file),
	I(STR, "dkey_file", dkey_file),
	I(STR, "eccert_file", eccert_file),
	I(STR, "eckey_file", eckey_file),
	I(STR, "CAfile", CAfile),
	I(STR, "CApath", CApath),
	I(STR, "protocols", protocols),
	I(STR, "eecdh_grade", eecdh_grade),
	I(STR, "dh1024_param_file", dh1024_param_file),
	I(STR, "dh512_param_file", dh512_param_file),
	I(INT, "ask_ccert", ask_ccert),
	I(STR, "mdalg", mdalg),
	TLSPROXY_SHAPE_ROWS_END,
};
#undef I

#define S(type, name, member) TLSPROXY_SHAPE_ROW(tlsproxy_server_start, type, name, member, WANTED)
static const struct tlsproxy_shape start_rows[] = {
	S(STR, "log_param", log_param),
	S(STR, "log_level", log_level),
	S(INT, "timeout", timeout_s),
	S(INT, "enable_rpk", enable_rpk),
	S(INT, "requirecert", requirecert),
	S(STR, "serverid", serverid),
	S(STR, "namaddr", namaddr),
	S(STR, "cipher_grade", cipher_grade),
	S(STR, "cipher_exclusions", cipher_exclusions),
	S(STR, "mdalg", mdalg),
	S(INT, "trace_size_limit", trace_size_limit),
	S(STR, "trace_peer", trace_peer),
	TLSPROXY_SHAPE_ROWS_END,
};
#undef S

int
tlsproxy_proto_server_get(
    struct tlsproxy_server_request *request, const void *list, size_t len, const char *stream)
{
	struct attr_scan scan;

	memset(request, 0, sizeof *request);
	attr_scan_init(&scan, list, len, ATTR_FLAG_STRICT, stream);
	if (tlsproxy_proto_shape_scan(&scan, params_rows, &request->params) < 0 ||
	    tlsproxy_proto_shape_scan(&scan, init_rows, &request->init) < 0 ||
	    tlsproxy_proto_shape_scan(&scan, start_rows, &request->start) < 0)
		return -1;
	return attr_scan_end(&scan) < 0 ? -1 : 0;
}

void
tlsproxy_proto_server_put(struct buf *to, const struct tlsproxy_server_request *request)
{
	tlsproxy_proto_shape_put(to, params_rows, &request->params);
	tlsproxy_proto_shape_put(to, init_rows, &request->init);
	tlsproxy_proto_shape_put(to, start_rows, &request->start);
	attr_put_end(to);
}

void
tlsproxy_proto_server_key(struct buf *to, const struct tlsproxy_server_init *init)
{
	struct tlsproxy_server_init key = *init;

	key.log_param = NULL;
	tlsproxy_proto_shape_put(to, init_rows, &key);
}

bool
tlsproxy_proto_server_params_differ(
    struct buf *to, const struct tlsproxy_server_params *server, const struct tlsproxy_server_params *client)
{
	return tlsproxy_proto_shape_differ(to, params_rows, server, client);
}

bool
tlsproxy_proto_server_init_differ(
    struct buf *to, const struct tlsproxy_server_init *server, const struct tlsproxy_server_init *client)
{
	struct tlsproxy_server_init other = *client;

	other.log_param = NULL;
	return tlsproxy_proto_shape_differ(to, init_rows, server, &other);
}
