/* SPDX-License-Identifier: ISC */
/*
 * globals: the tls_* parameters that both roles use, and how they differ from a caller's.
 *
 * A request of the client role, and from Postfix 3.12 one of the server role, brings the caller's values of
 * the same parameters. They are compared with ours and not used.
 */
#ifndef TLSPROXY_GLOBALS_H
#define TLSPROXY_GLOBALS_H

#include <stdbool.h>

#include "mail/param.h"

struct buf;
struct cipher_grades;
struct tlsproxy_client_params;
struct tlsproxy_server_params;

/* Filled from globals_params; names as in main.cf without their tls_. */
struct globals {
	char *high_cipherlist, *medium_cipherlist, *low_cipherlist, *export_cipherlist, *null_cipherlist;
	char *eecdh_auto_curves, *eecdh_strong_curve, *eecdh_ultra_curve;
	char *ffdhe_auto_groups;
	char *disable_workarounds, *ssl_options;
	char *dane_digests;
	char *tlsmgr_service_name;
	char *session_ticket_cipher;
	char *config_file, *config_name;
	char *openssl_path;
	char *server_sni_maps;
	int daemon_random_bytes;
	bool append_default_CA, legacy_public_key_fingerprints, preempt_cipherlist;
	bool wildcard_matches_multiple_labels, fast_shutdown_enable;
};

extern const struct param globals_params[];

/* Borrowed from `globals`. */
struct cipher_grades globals_cipher_grades(const struct globals *globals);

/* As tls/context.h wants it: NULL when tls_ffdhe_auto_groups, which Postfix 3.7 does not have, is not set.
 * Borrowed. */
const char *globals_ffdhe_auto_groups(const struct globals *globals);

/* Our values as a caller would send them, borrowed from `globals`. What only later versions have is absent.
 */
void globals_as_client_params(const struct globals *globals, struct tlsproxy_client_params *params);
void globals_as_server_params(const struct globals *globals, struct tlsproxy_server_params *params);

#endif
