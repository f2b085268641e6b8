/* SPDX-License-Identifier: ISC */
/*
 * role_client: the client role: its parameters, the contexts that requests ask for, and their sessions.
 *
 * A request brings all settings with it. The parameters say whether the role is there, and what requests are
 * expected to say: that context is made as root, outside the jail, if it needs files, else with the first
 * request. A request that says something else is
 * served, with a context of its own, made of files that are read as the user and in the jail that the process
 * is in then. When files of the parameters are renewed, the expected context is exchanged, and those that
 * requests have made of some of the same are forgotten.
 */
#ifndef TLSPROXY_ROLE_CLIENT_H
#define TLSPROXY_ROLE_CLIENT_H

#include <stdbool.h>

#include "mail/param.h"
#include "tls/chain.h"
#include "tls/resume.h"

struct conn;
struct context;
struct event_base;
struct globals;
struct mgr_client;
struct role_client;
struct tlsproxy_client_request;

/* Filled from role_client_params; names as in main.cf without their tlsproxy_client_. */
struct role_client_settings {
	char *security_level;
	bool use_tls, enforce_tls;
	char *per_site, *policy_maps;
	char *chain_files;
	char *cert_file, *key_file;
	char *dcert_file, *dkey_file;
	char *eccert_file, *eckey_file;
	char *CAfile, *CApath;
	char *fingerprint_digest;
	char *loglevel, *loglevel_parameter;
	int scert_verifydepth;
};

extern const struct param role_client_params[];

/*
 * Reads certificates and keys. NULL: the role is off. Certificates that cannot be used are logged and do not
 * turn it off. A level that does not exist is log_fatal(). Both are borrowed. `library_ready`: the TLS
 * library has read its own files, as when there is a context of the server role; then a context without files
 * waits for the first request, as most processes see none.
 */
struct role_client *role_client_new(
    const struct role_client_settings *settings, const struct globals *globals, bool library_ready);

/* After the jail; before the first session. Sessions are looked up and stored through `mgr`, borrowed. */
void role_client_begin(struct role_client *role, struct event_base *base, struct mgr_client *mgr);
void role_client_free(struct role_client *role);

/* Does the level, what was there before levels, or a table ask for TLS? A level that does not exist is
 * log_fatal(). */
bool role_client_is_on(const struct role_client_settings *settings);

/* The context of the parameters, from now on: borrowed, NULL when there is none, or none yet; made again of
 * what `read` has, with one reference, or NULL after logging why; and exchanged for a new one, whose
 * reference it takes.
 */
struct context *role_client_expected(const struct role_client *role);
struct context *role_client_rebuild(const struct role_client *role, chain_read_fn read, void *read_arg);
void role_client_exchange(struct role_client *role, struct context *context);

/* The context that the request asks for, with a reference for the caller. NULL: there is none. Warns about
 * settings that are not ours. */
struct context *role_client_context(struct role_client *role, const struct tlsproxy_client_request *request);

/* A session on `fd`. NULL after logging why it cannot be. */
struct conn *role_client_conn(struct role_client *role, struct context *context,
    const struct tlsproxy_client_request *request, int fd, resume_ready_fn ready, void *arg);

#endif
