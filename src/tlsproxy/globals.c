/* SPDX-License-Identifier: ISC */
#include "tlsproxy/globals.h"

#include <stddef.h>

#include "mail/tlsproxy_proto_client.h"
#include "mail/tlsproxy_proto_server.h"
#include "tls/cipher.h"

#define ROW(name, type, member, min)                                                                         \
	{                                                                                                    \
		name, PARAM_##type, offsetof(struct globals, member), min, 0                                 \
	}

const struct param globals_params[] = {
	ROW("tls_high_cipherlist", STRING, high_cipherlist, 1),
	ROW("tls_medium_cipherlist", STRING, medium_cipherlist, 1),
	ROW("tls_low_cipherlist", STRING, low_cipherlist, 1),
	ROW("tls_export_cipherlist", STRING, export_cipherlist, 1),
	ROW("tls_null_cipherlist", STRING, null_cipherlist, 1),
	ROW("tls_eecdh_auto_curves", STRING, eecdh_auto_curves, 1),
	ROW("tls_eecdh_strong_curve", STRING, eecdh_strong_curve, 1),
	ROW("tls_eecdh_ultra_curve", STRING, eecdh_ultra_curve, 1),
	ROW("tls_ffdhe_auto_groups", STRING, ffdhe_auto_groups, 0),
	ROW("tls_disable_workarounds", STRING, disable_workarounds, 0),
	ROW("tls_ssl_options", STRING, ssl_options, 0),
	ROW("tls_dane_digests", STRING, dane_digests, 1),
	ROW("tlsmgr_service_name", STRING, tlsmgr_service_name, 1),
	ROW("tls_session_ticket_cipher", STRING, session_ticket_cipher, 0),
	ROW("tls_config_file", STRING, config_file, 0),
	ROW("tls_config_name", STRING, config_name, 0),
	ROW("openssl_path", STRING, openssl_path, 1),
	ROW("tls_server_sni_maps", STRING, server_sni_maps, 0),
	ROW("tls_daemon_random_bytes", INT, daemon_random_bytes, 1),
	ROW("tls_append_default_CA", BOOL, append_default_CA, 0),
	ROW("tls_legacy_public_key_fingerprints", BOOL, legacy_public_key_fingerprints, 0),
	ROW("tls_preempt_cipherlist", BOOL, preempt_cipherlist, 0),
	ROW("tls_wildcard_matches_multiple_labels", BOOL, wildcard_matches_multiple_labels, 0),
	ROW("tls_fast_shutdown_enable", BOOL, fast_shutdown_enable, 0),
	PARAM_END,
};

struct cipher_grades
globals_cipher_grades(const struct globals *globals)
{
	return (struct cipher_grades){
		.high = globals->high_cipherlist,
		.medium = globals->medium_cipherlist,
		.low = globals->low_cipherlist,
		.export = globals->export_cipherlist,
		.null = globals->null_cipherlist,
	};
}

const char *
globals_ffdhe_auto_groups(const struct globals *globals)
{
	return *globals->ffdhe_auto_groups ? globals->ffdhe_auto_groups : NULL;
}

void
globals_as_client_params(const struct globals *globals, struct tlsproxy_client_params *params)
{
	*params = (struct tlsproxy_client_params){
		.config_file = globals->config_file,
		.config_name = globals->config_name,
		.high_cipherlist = globals->high_cipherlist,
		.medium_cipherlist = globals->medium_cipherlist,
		.low_cipherlist = globals->low_cipherlist,
		.export_cipherlist = globals->export_cipherlist,
		.null_cipherlist = globals->null_cipherlist,
		.eecdh_auto_curves = globals->eecdh_auto_curves,
		.eecdh_strong_curve = globals->eecdh_strong_curve,
		.eecdh_ultra_curve = globals->eecdh_ultra_curve,
		.ffdhe_auto_groups = globals_ffdhe_auto_groups(globals),
		.disable_workarounds = globals->disable_workarounds,
		.ssl_options = globals->ssl_options,
		.dane_digests = globals->dane_digests,
		.tlsmgr_service_name = globals->tlsmgr_service_name,
		.session_ticket_cipher = globals->session_ticket_cipher,
		.daemon_random_bytes = globals->daemon_random_bytes,
		.append_default_CA = globals->append_default_CA,
		.legacy_public_key_fingerprints = globals->legacy_public_key_fingerprints,
		.preempt_cipherlist = globals->preempt_cipherlist,
		.wildcard_matches_multiple_labels = globals->wildcard_matches_multiple_labels,
		.fast_shutdown_enable = globals->fast_shutdown_enable,
	};
}

void
globals_as_server_params(const struct globals *globals, struct tlsproxy_server_params *params)
{
	*params = (struct tlsproxy_server_params){
		.config_file = globals->config_file,
		.config_name = globals->config_name,
		.high_cipherlist = globals->high_cipherlist,
		.medium_cipherlist = globals->medium_cipherlist,
		.null_cipherlist = globals->null_cipherlist,
		.eecdh_auto_curves = globals->eecdh_auto_curves,
		.eecdh_strong_curve = globals->eecdh_strong_curve,
		.eecdh_ultra_curve = globals->eecdh_ultra_curve,
		.ffdhe_auto_groups = globals_ffdhe_auto_groups(globals),
		.disable_workarounds = globals->disable_workarounds,
		.ssl_options = globals->ssl_options,
		.tlsmgr_service_name = globals->tlsmgr_service_name,
		.session_ticket_cipher = globals->session_ticket_cipher,
		.daemon_random_bytes = globals->daemon_random_bytes,
		.append_default_CA = globals->append_default_CA,
		.preempt_cipherlist = globals->preempt_cipherlist,
		.wildcard_matches_multiple_labels = globals->wildcard_matches_multiple_labels,
		.server_sni_maps = globals->server_sni_maps,
		.fast_shutdown_enable = globals->fast_shutdown_enable,
		.trust_server_ccerts = TLSPROXY_SHAPE_ABSENT,
	};
}
