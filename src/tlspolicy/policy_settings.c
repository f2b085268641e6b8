/* SPDX-License-Identifier: ISC */
#include "tlspolicy/policy_settings.h"

#include <stddef.h>
#include <stdlib.h>

#include "mail/maincf.h"
#include "tlspolicy/client_params.h"
#include "util/alloc.h"

#define AT(member) offsetof(struct policy_settings, member)

static const struct client_param parameters[] = {
	{ "smtp_tls_security_level", NULL, PARAM_STRING, 0, AT(tls_security_level) },
	{ "smtp_use_tls", NULL, PARAM_BOOL, 0, AT(use_tls) },
	{ "smtp_enforce_tls", NULL, PARAM_BOOL, 0, AT(enforce_tls) },
	{ "smtp_tls_enforce_peername", NULL, PARAM_BOOL, 0, AT(tls_enforce_peername) },
	{ "smtp_tls_per_site", NULL, PARAM_STRING, 0, AT(tls_per_site) },
	{ "smtp_tls_policy_maps", NULL, PARAM_STRING, 0, AT(tls_policy_maps) },
	{ "smtp_tls_ciphers", NULL, PARAM_STRING, 0, AT(tls_ciphers) },
	{ "smtp_tls_exclude_ciphers", NULL, PARAM_STRING, 0, AT(tls_exclude_ciphers) },
	{ "smtp_tls_protocols", NULL, PARAM_STRING, 0, AT(tls_protocols) },
	{ "smtp_tls_mandatory_ciphers", NULL, PARAM_STRING, 1, AT(tls_mandatory_ciphers) },
	{ "smtp_tls_mandatory_exclude_ciphers", NULL, PARAM_STRING, 0, AT(tls_mandatory_exclude_ciphers) },
	{ "smtp_tls_mandatory_protocols", NULL, PARAM_STRING, 0, AT(tls_mandatory_protocols) },
	{ "smtp_tls_servername", NULL, PARAM_STRING, 0, AT(tls_servername) },
	{ "smtp_tls_fingerprint_cert_match", NULL, PARAM_STRING, 0, AT(tls_fingerprint_cert_match) },
	{ "smtp_tls_fingerprint_digest", NULL, PARAM_STRING, 1, AT(tls_fingerprint_digest) },
	{ "smtp_tls_verify_cert_match", NULL, PARAM_STRING, 1, AT(tls_verify_cert_match) },
	{ "smtp_tls_secure_cert_match", NULL, PARAM_STRING, 1, AT(tls_secure_cert_match) },
	{ "smtp_tls_trust_anchor_file", NULL, PARAM_STRING, 0, AT(tls_trust_anchor_file) },
	{ "smtp_tls_connection_reuse", NULL, PARAM_BOOL, 0, AT(tls_connection_reuse) },
	{ "smtp_tls_wrappermode", NULL, PARAM_BOOL, 0, AT(tls_wrappermode) },
	{ "smtp_tls_note_starttls_offer", NULL, PARAM_BOOL, 0, AT(tls_note_starttls_offer) },
	{ "smtp_cname_overrides_servername", NULL, PARAM_BOOL, 0, AT(cname_overrides_servername) },
	{ "smtp_dns_support_level", NULL, PARAM_STRING, 0, AT(dns_support_level) },
	{ "smtp_host_lookup", NULL, PARAM_STRING, 1, AT(host_lookup) },
	{ "smtp_dns_resolver_options", NULL, PARAM_STRING, 0, AT(dns_resolver_options) },
	{ "smtp_tls_scert_verifydepth", NULL, PARAM_INT, 0, AT(tls_scert_verifydepth) },
	{ "smtp_starttls_timeout", NULL, PARAM_TIME, 1, AT(starttls_timeout) },
	{ "myhostname", NULL, PARAM_STRING, 1, AT(myhostname) },
	{ "smtputf8_enable", NULL, PARAM_BOOL, 0, AT(smtputf8_enable) },
	{ "smtp_tls_dane_insecure_mx_policy", "", PARAM_STRING, 1, AT(tls_dane_insecure_mx_policy) },
	{ "ignore_mx_lookup_error", "", PARAM_BOOL, 0, AT(ignore_mx_lookup_error) },
	{ .name = NULL },
};

int
policy_settings_load(struct policy_settings *settings, struct maincf *cf, const char *client, struct err *err)
{
	char *cipherlist = alloc_printf("%s_tls_cipherlist", client);

	*settings = (struct policy_settings){ .client = client };
	settings->has_cipherlist = maincf_raw(cf, cipherlist) != NULL;
	free(cipherlist);
	return client_params_load(parameters, client, cf, settings, err);
}

void
policy_settings_release(struct policy_settings *settings)
{
	client_params_release(parameters, settings->client, settings);
}
