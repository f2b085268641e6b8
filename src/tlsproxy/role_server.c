/* SPDX-License-Identifier: ISC */
#include "tlsproxy/role_server.h"

#include <stddef.h>
#include <unistd.h>

#include "mail/map_list.h"
#include "mail/param.h"
#include "tls/context.h"
#include "tls/level.h"
#include "tls/server_level.h"
#include "tlsproxy/globals.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"
#include "util/text.h"

#define AT(member) offsetof(struct role_server_settings, member)
#define STRING(name, member)                                                                                 \
	{                                                                                                    \
		name, PARAM_STRING, AT(member), 0, 0                                                         \
	}
#define NON_EMPTY(name, member)                                                                              \
	{                                                                                                    \
		name, PARAM_STRING, AT(member), 1, 0                                                         \
	}
#define BOOL(name, member)                                                                                   \
	{                                                                                                    \
		name, PARAM_BOOL, AT(member), 0, 0                                                           \
	}

const struct param role_server_params[] = {
	STRING("tlsproxy_tls_security_level", tls_security_level),
	BOOL("tlsproxy_use_tls", use_tls),
	BOOL("tlsproxy_enforce_tls", enforce_tls),
	BOOL("tlsproxy_tls_ask_ccert", ask_ccert),
	BOOL("tlsproxy_tls_req_ccert", req_ccert),
	BOOL("tlsproxy_tls_always_issue_session_ids", always_issue_session_ids),
	{ "tlsproxy_tls_ccert_verifydepth", PARAM_INT, AT(ccert_verifydepth), 0, 0 },
	STRING("tlsproxy_tls_chain_files", chain_files),
	STRING("tlsproxy_tls_cert_file", cert_file),
	STRING("tlsproxy_tls_key_file", key_file),
	STRING("tlsproxy_tls_dcert_file", dcert_file),
	STRING("tlsproxy_tls_dkey_file", dkey_file),
	STRING("tlsproxy_tls_eccert_file", eccert_file),
	STRING("tlsproxy_tls_eckey_file", eckey_file),
	STRING("tlsproxy_tls_CAfile", CAfile),
	STRING("tlsproxy_tls_CApath", CApath),
	NON_EMPTY("tlsproxy_tls_ciphers", ciphers),
	NON_EMPTY("tlsproxy_tls_mandatory_ciphers", mandatory_ciphers),
	STRING("tlsproxy_tls_exclude_ciphers", exclude_ciphers),
	STRING("tlsproxy_tls_mandatory_exclude_ciphers", mandatory_exclude_ciphers),
	STRING("tlsproxy_tls_protocols", protocols),
	STRING("tlsproxy_tls_mandatory_protocols", mandatory_protocols),
	STRING("tlsproxy_tls_dh1024_param_file", dh1024_param_file),
	STRING("tlsproxy_tls_dh512_param_file", dh512_param_file),
	NON_EMPTY("tlsproxy_tls_eecdh_grade", eecdh_grade),
	NON_EMPTY("tlsproxy_tls_fingerprint_digest", fingerprint_digest),
	STRING("tlsproxy_tls_loglevel", loglevel),
	{ "smtpd_tls_session_cache_timeout", PARAM_TIME, AT(session_cache_timeout_s), 0, 8640000 },
	BOOL("tlsproxy_certificate_reload", certificate_reload),
	PARAM_END,
};

bool
role_server_is_on(const struct role_server_settings *settings)
{
	const char *name = settings->tls_security_level;

	return *name ? level_from_name(name) >= LEVEL_MAY : settings->use_tls || settings->enforce_tls;
}

static void
add_exclusions(struct buf *to, const char *list)
{
	if (*list)
		buf_printf(to, "%s%s", to->len > 0 ? " " : "", list);
}

void
role_server_exclusions(struct buf *to, const struct role_server_settings *in, bool enforce, bool ask)
{
	add_exclusions(to, in->exclude_ciphers);
	if (enforce)
		add_exclusions(to, in->mandatory_exclude_ciphers);
	if (ask)
		add_exclusions(to, "aNULL");
}

static struct context *
build(const struct role_server_settings *in, const struct globals *globals, bool enforce, bool ask,
    bool no_cert)
{
	struct buf exclude = BUF_INIT;
	int timeout_s = in->session_cache_timeout_s;

	role_server_exclusions(&exclude, in, enforce, ask);

	struct context_server_settings settings = {
		.log_param = "tlsproxy_tls_loglevel",
		.log_level = in->loglevel,
		.verifydepth = in->ccert_verifydepth,
		.always_issue_session_ids = in->always_issue_session_ids,
		CONTEXT_FILE_NAMES(in),
		.append_default_CA = globals->append_default_CA,
		.protocols = enforce ? in->mandatory_protocols : in->protocols,
		.dh1024_param_file = in->dh1024_param_file,
		.eecdh_auto_curves = globals->eecdh_auto_curves,
		.ffdhe_auto_groups = globals_ffdhe_auto_groups(globals),
		.ask_ccert = ask,
		.require_ccert = enforce && in->req_ccert,
		.fingerprint_digest = in->fingerprint_digest,
		.legacy_public_key_fingerprints = globals->legacy_public_key_fingerprints,
		.cipher_grades = globals_cipher_grades(globals),
		.ciphers = enforce ? in->mandatory_ciphers : in->ciphers,
		.exclude_ciphers = buf_str(&exclude),
		.preempt_cipherlist = globals->preempt_cipherlist,
		.disable_workarounds = globals->disable_workarounds,
		.ssl_options = globals->ssl_options,
		.session_ticket_cipher = globals->session_ticket_cipher,
		.config_file = globals->config_file,
		.config_name = globals->config_name,
		.server_sni_maps = in->sni_maps,
		/* Whether there is a cache is tlsmgr's to say, later: nothing waits for it here. */
		.cache_policy = {
			.cachable = timeout_s > 0,
			.timeout_s = timeout_s > 0 && timeout_s < 120 ? 120 : timeout_s,
		},
		.read_file = in->read_file,
		.read_arg = in->read_arg,
	};

	if (no_cert)
		settings.cert_file = "";

	struct context *context = context_new_server(&settings);

	buf_release(&exclude);
	return context;
}

struct context *
role_server_context(const struct role_server_settings *in, const struct globals *globals)
{
	struct server_level level;
	struct err err;

	if (server_level_read("tlsproxy_tls_security_level", in->tls_security_level, in->use_tls,
		in->enforce_tls, &level, &err) < 0)
		log_fatal("%s", err.text);
	if (!level.use) {
		log_warn("TLS server role is disabled with tlsproxy_tls_security_level or tlsproxy_use_tls");
		return NULL;
	}

	bool enforce = level.enforce;
	bool ask = in->ask_ccert || (enforce && in->req_ccert);
	bool no_cert = text_equal_nocase(in->cert_file, "none");
	bool pairs = (*in->cert_file && !no_cert) || *in->dcert_file || *in->eccert_file;

	if (*in->chain_files && (*in->cert_file || *in->dcert_file || *in->eccert_file))
		log_warn(
		    "Both tlsproxy_tls_chain_files and one or more of the legacy  tlsproxy_tls_cert_file, "
		    "tlsproxy_tls_eccert_file or tlsproxy_tls_dcert_file are non-empty; the legacy  "
		    "parameters "
		    "will be ignored");
	if (in->req_ccert && !enforce)
		log_warn("Can't require client certs unless TLS is required");
	if (*in->chain_files || pairs)
		return build(in, globals, enforce, ask, no_cert);
	if (no_cert && !ask)
		return build(in, globals, enforce, ask, true);
	if (no_cert)
		log_warn("Need a server cert to request client certs");
	log_warn("No server certs available. TLS can't be enabled");
	return NULL;
}

void
role_server_open_maps(
    struct role_server_settings *settings, const struct globals *globals, struct map_source *source)
{
	map_list_unref(settings->sni_maps);
	settings->sni_maps = NULL;
	if (role_server_is_on(settings) && *globals->server_sni_maps)
		settings->sni_maps = map_list_new_from(
		    source, ROLE_SERVER_SNI_TITLE, globals->server_sni_maps, ROLE_SERVER_SNI_FLAGS);
}

void
role_server_check_jail(const struct role_server_settings *settings)
{
	bool asks = settings->ask_ccert || settings->req_ccert;

	if (role_server_is_on(settings) && asks && *settings->CApath &&
	    access(settings->CApath, R_OK | X_OK) < 0)
		log_warn(
		    "tlsproxy_tls_CApath = %s: %m: authorities are looked up there in the jail, and with the "
		    "rights of mail_owner; tlsproxy_tls_CAfile is read before",
		    settings->CApath);
}
