/* SPDX-License-Identifier: ISC */
#include "tlsprobe/probe_settings.h"

#include <stddef.h>
#include <string.h>

#include "tlspolicy/client_params.h"
#include "util/text.h"

#define AT(member) offsetof(struct probe_settings, member)

static const struct client_param parameters[] = {
	{ "smtp_tls_chain_files", NULL, PARAM_STRING, 0, AT(tls_chain_files) },
	{ "smtp_tls_cert_file", NULL, PARAM_STRING, 0, AT(tls_cert_file) },
	{ "smtp_tls_key_file", NULL, PARAM_STRING, 0, AT(tls_key_file) },
	{ "smtp_tls_dcert_file", NULL, PARAM_STRING, 0, AT(tls_dcert_file) },
	{ "smtp_tls_dkey_file", NULL, PARAM_STRING, 0, AT(tls_dkey_file) },
	{ "smtp_tls_eccert_file", NULL, PARAM_STRING, 0, AT(tls_eccert_file) },
	{ "smtp_tls_eckey_file", NULL, PARAM_STRING, 0, AT(tls_eckey_file) },
	{ "smtp_tls_CAfile", NULL, PARAM_STRING, 0, AT(tls_CAfile) },
	{ "smtp_tls_CApath", NULL, PARAM_STRING, 0, AT(tls_CApath) },
	{ "smtp_tls_loglevel", NULL, PARAM_STRING, 0, AT(tls_loglevel) },
	{ "smtp_tls_force_insecure_host_tlsa_lookup", NULL, PARAM_BOOL, 0,
	    AT(tls_force_insecure_host_tlsa_lookup) },
	{ "smtp_tcp_port", NULL, PARAM_STRING, 1, AT(tcp_port) },
	{ "smtp_helo_name", "lmtp_lhlo_name", PARAM_STRING, 1, AT(helo_name) },
	{ "smtp_bind_address", NULL, PARAM_STRING, 0, AT(bind_address) },
	{ "smtp_bind_address6", NULL, PARAM_STRING, 0, AT(bind_address6) },
	{ "smtp_address_preference", NULL, PARAM_STRING, 1, AT(address_preference) },
	{ "smtp_mx_address_limit", NULL, PARAM_INT, 0, AT(mx_address_limit) },
	{ "smtp_discard_ehlo_keywords", "lmtp_discard_lhlo_keywords", PARAM_STRING, 0,
	    AT(discard_ehlo_keywords) },
	{ "tls_high_cipherlist", NULL, PARAM_STRING, 1, AT(tls_high_cipherlist) },
	{ "tls_medium_cipherlist", NULL, PARAM_STRING, 1, AT(tls_medium_cipherlist) },
	{ "tls_low_cipherlist", NULL, PARAM_STRING, 1, AT(tls_low_cipherlist) },
	{ "tls_export_cipherlist", NULL, PARAM_STRING, 1, AT(tls_export_cipherlist) },
	{ "tls_null_cipherlist", NULL, PARAM_STRING, 1, AT(tls_null_cipherlist) },
	{ "tls_eecdh_auto_curves", NULL, PARAM_STRING, 1, AT(tls_eecdh_auto_curves) },
	{ "tls_eecdh_strong_curve", NULL, PARAM_STRING, 1, AT(tls_eecdh_strong_curve) },
	{ "tls_eecdh_ultra_curve", NULL, PARAM_STRING, 1, AT(tls_eecdh_ultra_curve) },
	{ "tls_ffdhe_auto_groups", NULL, PARAM_STRING, 0, AT(tls_ffdhe_auto_groups) },
	{ "tls_disable_workarounds", NULL, PARAM_STRING, 0, AT(tls_disable_workarounds) },
	{ "tls_ssl_options", NULL, PARAM_STRING, 0, AT(tls_ssl_options) },
	{ "tls_dane_digests", NULL, PARAM_STRING, 1, AT(tls_dane_digests) },
	{ "tls_config_file", NULL, PARAM_STRING, 0, AT(tls_config_file) },
	{ "tls_config_name", NULL, PARAM_STRING, 0, AT(tls_config_name) },
	{ "tls_append_default_CA", NULL, PARAM_BOOL, 0, AT(tls_append_default_CA) },
	{ "tls_legacy_public_key_fingerprints", NULL, PARAM_BOOL, 0, AT(tls_legacy_public_key_fingerprints) },
	{ "disable_dns_lookups", NULL, PARAM_BOOL, 0, AT(disable_dns_lookups) },
	{ "inet_protocols", NULL, PARAM_STRING, 1, AT(inet_protocols) },
	{ "known_tcp_ports", NULL, PARAM_STRING, 0, AT(known_tcp_ports) },
	{ "tlsproxy_service_name", NULL, PARAM_STRING, 1, AT(tlsproxy_service_name) },
	{ "tlsmgr_service_name", NULL, PARAM_STRING, 1, AT(tlsmgr_service_name) },
	{ "tls_session_ticket_cipher", NULL, PARAM_STRING, 0, AT(tls_session_ticket_cipher) },
	{ "tls_daemon_random_bytes", NULL, PARAM_INT, 1, AT(tls_daemon_random_bytes) },
	{ "tls_preempt_cipherlist", NULL, PARAM_BOOL, 0, AT(tls_preempt_cipherlist) },
	{ "tls_wildcard_matches_multiple_labels", NULL, PARAM_BOOL, 0,
	    AT(tls_wildcard_matches_multiple_labels) },
	{ "tls_fast_shutdown_enable", NULL, PARAM_BOOL, 0, AT(tls_fast_shutdown_enable) },
	{ .name = NULL },
};

int
probe_settings_load(struct probe_settings *settings, struct maincf *cf, const char *client, struct err *err)
{
	*settings = (struct probe_settings){ 0 };
	if (policy_settings_load(&settings->policy, cf, client, err) < 0)
		return -1;
	return client_params_load(parameters, client, cf, settings, err);
}

void
probe_settings_release(struct probe_settings *settings)
{
	client_params_release(parameters, settings->policy.client, settings);
	policy_settings_release(&settings->policy);
}

bool
probe_settings_dns(const struct probe_settings *settings)
{
	const char *level = settings->policy.dns_support_level;

	if (!*level)
		return !settings->disable_dns_lookups;
	return !text_equal_nocase(level, "disabled");
}

bool
probe_settings_dnssec(const struct probe_settings *settings)
{
	return text_equal_nocase(settings->policy.dns_support_level, "dnssec");
}

bool
probe_settings_host_lookup(const struct probe_settings *settings, const char *word)
{
	const char *list = settings->policy.host_lookup, *found;
	size_t len;

	while ((found = text_token(&list, TEXT_LIST_SEPARATORS, &len)) != NULL)
		if (len == strlen(word) && strncasecmp(found, word, len) == 0)
			return true;
	return false;
}
