/* SPDX-License-Identifier: ISC */
/*
 * client_request: a request for tlsproxy's client role as callers of several Postfix releases send it.
 */
#ifndef TEST_CLIENT_REQUEST_H
#define TEST_CLIENT_REQUEST_H

#include "mail/tlsproxy_proto_client.h"
#include "mail/tlsproxy_proto_server.h"

/* `release`: 37, 39, 311 or 312. */
__attribute__((unused)) static struct tlsproxy_client_request
client_request(int release)
{
	struct tlsproxy_client_request request = {
		.params = {
			.config_file = "none",
			.config_name = "",
			.high_cipherlist = "HIGH",
			.medium_cipherlist = "HIGH:MEDIUM",
			.low_cipherlist = release == 37 ? "ALL" : NULL,
			.export_cipherlist = release == 37 ? "ALL" : NULL,
			.null_cipherlist = "eNULL",
			.eecdh_auto_curves = "X25519 prime256v1",
			.eecdh_strong_curve = "prime256v1",
			.eecdh_ultra_curve = "secp384r1",
			.ffdhe_auto_groups = release == 37 ? NULL : "ffdhe2048",
			.disable_workarounds = "",
			.ssl_options = "",
			.dane_digests = "sha512 sha256",
			.tlsmgr_service_name = "tlsmgr",
			.session_ticket_cipher = "aes-256-cbc",
			.daemon_random_bytes = 32,
			.legacy_public_key_fingerprints = release < 311 ? 0 : TLSPROXY_SHAPE_ABSENT,
			.wildcard_matches_multiple_labels = 1,
			.fast_shutdown_enable = release == 312 ? 1 : TLSPROXY_SHAPE_ABSENT,
		},
		.init = {
			.log_param = "smtp_tls_loglevel",
			.log_level = "1",
			.verifydepth = 9,
			.cache_type = "smtp",
			.chain_files = "",
			.cert_file = "",
			.key_file = "",
			.dcert_file = "",
			.dkey_file = "",
			.eccert_file = "",
			.eckey_file = "",
			.CAfile = "",
			.CApath = "",
			.mdalg = "sha256",
		},
		.start = {
			.log_param = release == 312 ? "smtp_tls_loglevel" : NULL,
			.log_level = release == 312 ? "1" : NULL,
			.timeout_s = 30,
			.enable_rpk = release == 37 ? TLSPROXY_SHAPE_ABSENT : 0,
			.tls_level = 1,
			.nexthop = "example",
			.host = "mx.example",
			.namaddr = "MX.example[192.0.2.1]:25",
			.sni = "",
			.serverid = "smtp&x&",
			.helo = "mx.example",
			.protocols = ">=TLSv1",
			.cipher_grade = "medium",
			.cipher_exclusions = "",
			.mdalg = "sha256",
			.tlsrpt = { .present = TLSPROXY_SHAPE_ABSENT },
			.forced_failure_type = release < 311 ? NULL : "",
			.trace_size_limit = release == 312 ? 102400 : TLSPROXY_SHAPE_ABSENT,
			.trace_peer = release == 312 ? "192.0.2.1" : NULL,
		},
	};

	return request;
}

__attribute__((unused)) static struct tlsproxy_server_request
server_request(void)
{
	return (struct tlsproxy_server_request){
		.params = {
			.config_file = "none",
			.config_name = "",
			.high_cipherlist = "HIGH",
			.medium_cipherlist = "HIGH:MEDIUM",
			.null_cipherlist = "eNULL",
			.eecdh_auto_curves = "X25519 prime256v1",
			.eecdh_strong_curve = "prime256v1",
			.eecdh_ultra_curve = "secp384r1",
			.ffdhe_auto_groups = "ffdhe2048",
			.disable_workarounds = "",
			.ssl_options = "",
			.tlsmgr_service_name = "tlsmgr",
			.session_ticket_cipher = "aes-256-cbc",
			.daemon_random_bytes = 32,
			.wildcard_matches_multiple_labels = 1,
			.server_sni_maps = "",
			.fast_shutdown_enable = 1,
		},
		.init = {
			.log_param = "postscreen_tls_loglevel",
			.log_level = "1",
			.verifydepth = 9,
			.cache_type = "smtpd",
			.set_sessid = 1,
			.chain_files = "",
			.cert_file = "",
			.key_file = "",
			.dcert_file = "",
			.dkey_file = "",
			.eccert_file = "",
			.eckey_file = "",
			.CAfile = "",
			.CApath = "",
			.protocols = ">=TLSv1",
			.eecdh_grade = "auto",
			.dh1024_param_file = "",
			.dh512_param_file = "",
			.mdalg = "sha256",
		},
		.start = {
			.log_param = "postscreen_tls_loglevel",
			.log_level = "1",
			.timeout_s = 300,
			.serverid = "127.0.0.1:25",
			.namaddr = "[192.0.2.1]:25",
			.cipher_grade = "medium",
			.cipher_exclusions = "",
			.mdalg = "sha256",
			.trace_size_limit = 102400,
			.trace_peer = "192.0.2.1",
		},
	};
}

#endif
