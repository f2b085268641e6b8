/* SPDX-License-Identifier: ISC */
/*
 * policy_settings: what main.cf says of the TLS of one delivery agent.
 */
#ifndef TLSPOLICY_POLICY_SETTINGS_H
#define TLSPOLICY_POLICY_SETTINGS_H

#include <stdbool.h>

struct err;
struct maincf;

/* Named as the parameters are, behind "smtp_" or "lmtp_". Strings are owned and never NULL after loading; in
 * settings made by hand, NULL is "". */
struct policy_settings {
	const char *client; /* "smtp" or "lmtp" */
	char *tls_security_level;
	bool use_tls, enforce_tls, tls_enforce_peername;
	char *tls_per_site, *tls_policy_maps;
	char *tls_ciphers, *tls_exclude_ciphers, *tls_protocols;
	char *tls_mandatory_ciphers, *tls_mandatory_exclude_ciphers, *tls_mandatory_protocols;
	char *tls_servername;
	char *tls_fingerprint_cert_match, *tls_fingerprint_digest;
	char *tls_verify_cert_match, *tls_secure_cert_match, *tls_trust_anchor_file;
	bool tls_connection_reuse, tls_wrappermode, tls_note_starttls_offer;
	bool cname_overrides_servername;
	char *dns_support_level, *host_lookup, *dns_resolver_options;
	int tls_scert_verifydepth;
	int starttls_timeout; /* seconds */
	/* Without the prefix; the first two are smtp's alone. */
	char *tls_dane_insecure_mx_policy;
	bool ignore_mx_lookup_error;
	bool smtputf8_enable;
	char *myhostname;
	bool has_cipherlist; /* main.cf sets smtp_tls_cipherlist, which nothing reads */
};

/* `client` is "smtp" or "lmtp", a constant. Touches no file. 0, or -1 with the words with which the client
 * would refuse to start. Released in either case. */
int policy_settings_load(struct policy_settings *settings, struct maincf *cf, const char *client,
    struct err *err) __attribute__((warn_unused_result));
void policy_settings_release(struct policy_settings *settings);

#endif
