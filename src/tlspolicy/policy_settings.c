/* SPDX-License-Identifier: ISC */
#include "tlspolicy/policy_settings.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/maincf.h"
#include "mail/param.h"
#include "util/alloc.h"

#define AT(member) offsetof(struct policy_settings, member)

/* Whose a parameter is: each client's under its own name, or one for both, or smtp's alone. */
enum owner { EACH, BOTH, SMTP };

static const struct {
	enum owner owner;
	enum param_type type;
	int min;
	const char *name; /* of EACH: behind "smtp_" or "lmtp_" */
	size_t offset;
} parameters[] = {
	{ EACH, PARAM_STRING, 0, "tls_security_level", AT(tls_security_level) },
	{ EACH, PARAM_BOOL, 0, "use_tls", AT(use_tls) },
	{ EACH, PARAM_BOOL, 0, "enforce_tls", AT(enforce_tls) },
	{ EACH, PARAM_BOOL, 0, "tls_enforce_peername", AT(tls_enforce_peername) },
	{ EACH, PARAM_STRING, 0, "tls_per_site", AT(tls_per_site) },
	{ EACH, PARAM_STRING, 0, "tls_policy_maps", AT(tls_policy_maps) },
	{ EACH, PARAM_STRING, 0, "tls_ciphers", AT(tls_ciphers) },
	{ EACH, PARAM_STRING, 0, "tls_exclude_ciphers", AT(tls_exclude_ciphers) },
	{ EACH, PARAM_STRING, 0, "tls_protocols", AT(tls_protocols) },
	{ EACH, PARAM_STRING, 1, "tls_mandatory_ciphers", AT(tls_mandatory_ciphers) },
	{ EACH, PARAM_STRING, 0, "tls_mandatory_exclude_ciphers", AT(tls_mandatory_exclude_ciphers) },
	{ EACH, PARAM_STRING, 0, "tls_mandatory_protocols", AT(tls_mandatory_protocols) },
	{ EACH, PARAM_STRING, 0, "tls_servername", AT(tls_servername) },
	{ EACH, PARAM_STRING, 0, "tls_fingerprint_cert_match", AT(tls_fingerprint_cert_match) },
	{ EACH, PARAM_STRING, 1, "tls_fingerprint_digest", AT(tls_fingerprint_digest) },
	{ EACH, PARAM_STRING, 1, "tls_verify_cert_match", AT(tls_verify_cert_match) },
	{ EACH, PARAM_STRING, 1, "tls_secure_cert_match", AT(tls_secure_cert_match) },
	{ EACH, PARAM_STRING, 0, "tls_trust_anchor_file", AT(tls_trust_anchor_file) },
	{ EACH, PARAM_BOOL, 0, "tls_connection_reuse", AT(tls_connection_reuse) },
	{ EACH, PARAM_BOOL, 0, "tls_wrappermode", AT(tls_wrappermode) },
	{ EACH, PARAM_BOOL, 0, "tls_note_starttls_offer", AT(tls_note_starttls_offer) },
	{ EACH, PARAM_BOOL, 0, "cname_overrides_servername", AT(cname_overrides_servername) },
	{ EACH, PARAM_STRING, 0, "dns_support_level", AT(dns_support_level) },
	{ EACH, PARAM_STRING, 1, "host_lookup", AT(host_lookup) },
	{ EACH, PARAM_STRING, 0, "dns_resolver_options", AT(dns_resolver_options) },
	{ EACH, PARAM_INT, 0, "tls_scert_verifydepth", AT(tls_scert_verifydepth) },
	{ EACH, PARAM_TIME, 1, "starttls_timeout", AT(starttls_timeout) },
	{ BOTH, PARAM_STRING, 1, "myhostname", AT(myhostname) },
	{ BOTH, PARAM_BOOL, 0, "smtputf8_enable", AT(smtputf8_enable) },
	{ SMTP, PARAM_STRING, 1, "smtp_tls_dane_insecure_mx_policy", AT(tls_dane_insecure_mx_policy) },
	{ SMTP, PARAM_BOOL, 0, "ignore_mx_lookup_error", AT(ignore_mx_lookup_error) },
};

enum { PARAMETER_COUNT = sizeof parameters / sizeof *parameters };

/* The names are to be freed. */
static void
make_rows(struct param rows[PARAMETER_COUNT + 1], const char *client)
{
	struct param *row = rows;

	memset(rows, 0, (PARAMETER_COUNT + 1) * sizeof *rows);
	for (size_t i = 0; i < PARAMETER_COUNT; i++) {
		const char *name = parameters[i].name;

		if (parameters[i].owner == SMTP && strcmp(client, "smtp") != 0)
			continue;
		*row++ = (struct param){
			.name = parameters[i].owner == EACH ? alloc_printf("%s_%s", client, name)
							    : alloc_string(name),
			.type = parameters[i].type,
			.offset = parameters[i].offset,
			.min = parameters[i].min,
		};
	}
}

static void
free_rows(struct param rows[PARAMETER_COUNT + 1])
{
	for (size_t i = 0; rows[i].name; i++)
		free((char *)(uintptr_t)rows[i].name);
}

int
policy_settings_load(struct policy_settings *settings, struct maincf *cf, const char *client, struct err *err)
{
	struct param rows[PARAMETER_COUNT + 1];
	char *cipherlist = alloc_printf("%s_tls_cipherlist", client);
	int result;

	*settings = (struct policy_settings){ .client = client };
	settings->has_cipherlist = maincf_raw(cf, cipherlist) != NULL;
	free(cipherlist);
	make_rows(rows, client);
	result = param_load(cf, rows, settings, err);
	free_rows(rows);
	return result;
}

void
policy_settings_release(struct policy_settings *settings)
{
	struct param rows[PARAMETER_COUNT + 1];

	make_rows(rows, settings->client);
	param_release(rows, settings);
	free_rows(rows);
}
