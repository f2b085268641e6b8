/* SPDX-License-Identifier: ISC */
/*
 * role_server: the server role's parameters, and the context they make.
 */
#ifndef TLSPROXY_ROLE_SERVER_H
#define TLSPROXY_ROLE_SERVER_H

#include <stdbool.h>

#include "mail/param.h"
#include "tls/chain.h"

struct buf;
struct context;
struct globals;
struct map_list;
struct map_source;

/* Filled from role_server_params; names as in main.cf without their tlsproxy_ or tls_. */
struct role_server_settings {
	char *tls_security_level;
	bool use_tls, enforce_tls;
	bool ask_ccert, req_ccert;
	bool always_issue_session_ids;
	int ccert_verifydepth;
	char *chain_files;
	char *cert_file, *key_file;
	char *dcert_file, *dkey_file;
	char *eccert_file, *eckey_file;
	char *CAfile, *CApath;
	char *ciphers, *mandatory_ciphers;
	char *exclude_ciphers, *mandatory_exclude_ciphers;
	char *protocols, *mandatory_protocols;
	char *dh1024_param_file, *dh512_param_file;
	char *eecdh_grade;
	char *fingerprint_digest;
	char *loglevel;
	int session_cache_timeout_s;
	bool certificate_reload;

	/* No parameter: tls_server_sni_maps, by role_server_open_maps(); a reference, NULL without. */
	struct map_list *sni_maps;

	/* No parameter: where files come from; NULL: the file system. */
	chain_read_fn read_file;
	void *read_arg;
};

extern const struct param role_server_params[];

/* The ciphers to leave out of the grade, appended: TLS is mandatory or not, client certificates are asked for
 * or not. */
void role_server_exclusions(
    struct buf *to, const struct role_server_settings *settings, bool enforce, bool ask);

/* Does the level, or the booleans of before there were levels, ask for TLS? */
bool role_server_is_on(const struct role_server_settings *settings);

/*
 * Reads certificates and keys: as root, outside the jail. NULL, after logging why, when the role is off. A
 * level that does not exist is log_fatal().
 */
struct context *role_server_context(
    const struct role_server_settings *settings, const struct globals *globals);

/* Opens the tables of tls_server_sni_maps for contexts that are built from now on, if the role is on: as
 * root, outside the jail. `source` as for map_list_new_from(). */
#define ROLE_SERVER_SNI_TITLE "tls_server_sni_maps"
#define ROLE_SERVER_SNI_FLAGS (MAP_FOLD | MAP_FILES)
void role_server_open_maps(
    struct role_server_settings *settings, const struct globals *globals, struct map_source *source);

/* In the jail: warns of what will not be found there. */
void role_server_check_jail(const struct role_server_settings *settings);

#endif
