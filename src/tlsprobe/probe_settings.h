/* SPDX-License-Identifier: ISC */
/*
 * probe_settings: what main.cf says of the sessions of one delivery agent, besides its TLS policy.
 */
#ifndef TLSPROBE_PROBE_SETTINGS_H
#define TLSPROBE_PROBE_SETTINGS_H

#include <stdbool.h>

#include "tlspolicy/policy_settings.h"

struct err;
struct maincf;

/* Named as the parameters are, behind "smtp_" or "lmtp_". Strings are owned and never NULL after loading. */
struct probe_settings {
	struct policy_settings policy;
	char *tls_chain_files;
	char *tls_cert_file, *tls_key_file;
	char *tls_dcert_file, *tls_dkey_file;
	char *tls_eccert_file, *tls_eckey_file;
	char *tls_CAfile, *tls_CApath;
	char *tls_loglevel;
	bool tls_force_insecure_host_tlsa_lookup;
	char *tcp_port;
	char *helo_name; /* lmtp_lhlo_name, too */
	char *bind_address, *bind_address6;
	char *address_preference;
	int mx_address_limit;
	char *discard_ehlo_keywords; /* lmtp_discard_lhlo_keywords, too */
	/* Without the prefix. */
	char *tls_high_cipherlist, *tls_medium_cipherlist, *tls_low_cipherlist, *tls_export_cipherlist,
	    *tls_null_cipherlist;
	char *tls_eecdh_auto_curves, *tls_eecdh_strong_curve, *tls_eecdh_ultra_curve, *tls_ffdhe_auto_groups;
	char *tls_disable_workarounds, *tls_ssl_options;
	char *tls_dane_digests;
	char *tls_config_file, *tls_config_name;
	bool tls_append_default_CA, tls_legacy_public_key_fingerprints;
	bool disable_dns_lookups;
	char *inet_protocols;
	char *known_tcp_ports;
	/* What only a tlsproxy wants to hear. */
	char *tlsproxy_service_name, *tlsmgr_service_name;
	char *tls_session_ticket_cipher;
	int tls_daemon_random_bytes;
	bool tls_preempt_cipherlist, tls_wildcard_matches_multiple_labels, tls_fast_shutdown_enable;
};

/* What the settings have of files, for a struct that names its members as the parameters end. */
#define PROBE_SETTINGS_FILES(from)                                                                           \
	.chain_files = (from)->tls_chain_files, .cert_file = (from)->tls_cert_file,                          \
	.key_file = (from)->tls_key_file, .dcert_file = (from)->tls_dcert_file,                              \
	.dkey_file = (from)->tls_dkey_file, .eccert_file = (from)->tls_eccert_file,                          \
	.eckey_file = (from)->tls_eckey_file, .CAfile = (from)->tls_CAfile, .CApath = (from)->tls_CApath

/* `client` is "smtp" or "lmtp", a constant. Touches no file. 0, or -1 with the words with which the client
 * would refuse to start. Released in either case. */
int probe_settings_load(struct probe_settings *settings, struct maincf *cf, const char *client,
    struct err *err) __attribute__((warn_unused_result));
void probe_settings_release(struct probe_settings *settings);

/* Whether the client asks DNS at all, and whether it wants to know what is proven. */
bool probe_settings_dns(const struct probe_settings *settings);
bool probe_settings_dnssec(const struct probe_settings *settings);

/* Is `word` among smtp_host_lookup? */
bool probe_settings_host_lookup(const struct probe_settings *settings, const char *word);

#endif
