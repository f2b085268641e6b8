/* SPDX-License-Identifier: ISC */
#include "tlsproxy/caller_settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "mail/attr.h"
#include "mail/tlsproxy_proto_server.h"
#include "tls/context.h"
#include "tls/level.h"
#include "tlsproxy/context_cache.h"
#include "tlsproxy/drift.h"
#include "tlsproxy/globals.h"
#include "tlsproxy/role_server.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/text.h"

enum { CONTEXT_LIMIT = 16 };

struct caller_settings {
	const struct role_server_settings *settings; /* borrowed from main */
	const struct globals *globals;               /* borrowed from main */
	void (*prepare)(struct context *context);
	struct tlsproxy_server_params params; /* borrowed from the globals */
	struct tlsproxy_server_init init;     /* borrowed from the settings */
	const char *cipher_grade;             /* borrowed from the settings */
	struct buf exclusions;
	bool require_ccert;
	struct context_cache *contexts; /* owned */
	struct drift *drift;            /* owned */
};

struct caller_settings *
caller_settings_new(const struct role_server_settings *in, const struct globals *globals,
    void (*prepare)(struct context *context))
{
	struct caller_settings *caller = alloc_zero(sizeof *caller);
	bool enforce = *in->tls_security_level ? level_from_name(in->tls_security_level) >= LEVEL_ENCRYPT
					       : in->enforce_tls;
	bool ask = in->ask_ccert || (enforce && in->req_ccert);

	caller->settings = in;
	caller->globals = globals;
	caller->prepare = prepare;
	globals_as_server_params(globals, &caller->params);
	caller->init = (struct tlsproxy_server_init){
		.log_level = in->loglevel,
		.verifydepth = in->ccert_verifydepth,
		.cache_type = "smtpd",
		.set_sessid = in->always_issue_session_ids,
		CONTEXT_FILE_NAMES(in),
		.protocols = enforce ? in->mandatory_protocols : in->protocols,
		.eecdh_grade = in->eecdh_grade,
		.dh1024_param_file = in->dh1024_param_file,
		.dh512_param_file = in->dh512_param_file,
		.ask_ccert = ask,
		.mdalg = in->fingerprint_digest,
	};
	caller->cipher_grade = enforce ? in->mandatory_ciphers : in->ciphers;
	role_server_exclusions(&caller->exclusions, in, enforce, ask);
	caller->require_ccert = enforce && in->req_ccert;
	caller->contexts = context_cache_new(CONTEXT_LIMIT);
	caller->drift = drift_new();
	return caller;
}

void
caller_settings_free(struct caller_settings *caller)
{
	if (!caller)
		return;
	drift_free(caller->drift);
	context_cache_free(caller->contexts);
	buf_release(&caller->exclusions);
	free(caller);
}

/* --- contexts --- */

struct question {
	struct caller_settings *caller;
	const struct tlsproxy_server_request *request;
};

static struct context *
build_for_request(void *arg)
{
	const struct question *question = arg;
	const struct caller_settings *caller = question->caller;
	const struct globals *globals = caller->globals;
	const struct tlsproxy_server_init *init = &question->request->init;
	const struct tlsproxy_server_start *start = &question->request->start;
	int timeout_s = caller->settings->session_cache_timeout_s;
	struct context_server_settings settings = {
		.log_param = start->log_param,
		.log_level = start->log_level,
		.verifydepth = init->verifydepth,
		.always_issue_session_ids = init->set_sessid,
		CONTEXT_FILE_NAMES(init),
		.append_default_CA = globals->append_default_CA,
		.protocols = init->protocols,
		.dh1024_param_file = init->dh1024_param_file,
		.eecdh_auto_curves = globals->eecdh_auto_curves,
		.ffdhe_auto_groups = globals_ffdhe_auto_groups(globals),
		.ask_ccert = init->ask_ccert,
		.require_ccert = start->requirecert,
		.fingerprint_digest = start->mdalg,
		.legacy_public_key_fingerprints = globals->legacy_public_key_fingerprints,
		.cipher_grades = globals_cipher_grades(globals),
		.ciphers = start->cipher_grade,
		.exclude_ciphers = start->cipher_exclusions,
		.preempt_cipherlist = globals->preempt_cipherlist,
		.disable_workarounds = globals->disable_workarounds,
		.ssl_options = globals->ssl_options,
		.session_ticket_cipher = globals->session_ticket_cipher,
		.config_file = globals->config_file,
		.config_name = globals->config_name,
		.server_sni_maps = caller->settings->sni_maps,
		.cache_policy = {
			.cachable = timeout_s > 0,
			.timeout_s = timeout_s > 0 && timeout_s < 120 ? 120 : timeout_s,
		},
	};

	if (text_equal_nocase(settings.cert_file, "none"))
		settings.cert_file = "";

	struct context *context = context_new_server(&settings);

	if (context)
		caller->prepare(context);
	return context;
}

static bool
session_is_ours(const struct caller_settings *caller, const struct tlsproxy_server_start *start)
{
	return strcmp(start->cipher_grade, caller->cipher_grade) == 0 &&
	       strcmp(start->cipher_exclusions, buf_str(&caller->exclusions)) == 0 &&
	       strcmp(start->mdalg, caller->init.mdalg) == 0 &&
	       strcmp(start->log_level, caller->init.log_level) == 0 &&
	       (start->requirecert != 0) == caller->require_ccert;
}

static struct context *
find_or_build(struct caller_settings *caller, const struct tlsproxy_server_request *request)
{
	const struct tlsproxy_server_start *start = &request->start;
	struct question question = { caller, request };
	struct buf key = BUF_INIT;

	tlsproxy_proto_server_key(&key, &request->init);
	attr_put_str(&key, "cipher_grade", start->cipher_grade);
	attr_put_str(&key, "cipher_exclusions", start->cipher_exclusions);
	attr_put_str(&key, "mdalg", start->mdalg);
	attr_put_str(&key, "log_level", start->log_level);
	attr_put_int(&key, "requirecert", start->requirecert != 0);
	struct context *context = context_cache_get(caller->contexts, &key, build_for_request, &question);
	buf_release(&key);
	return context;
}

struct context *
caller_settings_context(
    struct caller_settings *caller, const struct tlsproxy_server_request *request, struct context *own)
{
	struct buf words = BUF_INIT;

	if (tlsproxy_proto_server_params_differ(&words, &caller->params, &request->params))
		drift_warn(caller->drift, "client", buf_str(&words));
	buf_clear(&words);

	bool differ = tlsproxy_proto_server_init_differ(&words, &caller->init, &request->init);
	if (differ)
		drift_warn(caller->drift, "server", buf_str(&words));
	buf_release(&words);
	if (!differ && session_is_ours(caller, &request->start))
		return context_ref(own);

	struct context *context = find_or_build(caller, request);
	/* Our keys may be readable no more. With them, our ciphers are better than no session. */
	return !context && !differ ? context_ref(own) : context;
}

void
caller_settings_forget(struct caller_settings *caller)
{
	context_cache_forget(caller->contexts);
}
