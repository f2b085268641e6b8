/* SPDX-License-Identifier: ISC */
#include "postfix-tls/probe_json.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "postfix-tls/policy_json.h"
#include "postfix-tls/policy_report.h"
#include "tls/dane.h"
#include "tls/level.h"
#include "tlsprobe/probe_run.h"
#include "tlsprobe/probe_settings.h"
#include "tlsprobe/probe_visit.h"
#include "util/buf.h"
#include "util/json_text.h"
#include "util/text.h"

static const char *const mx_names[] = {
	[POLICY_MX_UNKNOWN] = "none",
	[POLICY_MX_SECURE] = "secure",
	[POLICY_MX_INSECURE] = "insecure",
};

static const char *const tlsa_names[] = {
	[POLICY_TLSA_UNKNOWN] = "unknown",
	[POLICY_TLSA_FAILED] = "failed",
	[POLICY_TLSA_ABSENT] = "absent",
	[POLICY_TLSA_UNUSABLE] = "unusable",
	[POLICY_TLSA_USABLE] = "usable",
};

static const char *const resumption_names[] = {
	[PROBE_RESUMPTION_NOT_TRIED] = NULL,
	[PROBE_RESUMPTION_NOT_OFFERED] = "not offered",
	[PROBE_RESUMPTION_REFUSED] = "refused",
	[PROBE_RESUMPTION_DONE] = "resumed",
};

static json_t *
lines_of(const struct buf *log)
{
	json_t *array = json_array();
	const char *at = buf_str(log), *line;
	size_t len;

	while ((line = text_token(&at, "\n", &len)) != NULL)
		json_array_append_new(array, json_text_bytes(line, len));
	return array;
}

static json_t *
json_of_tls(const struct summary *summary)
{
	json_t *tls = json_object();
	int status = summary->peer_status;

	json_text_set(tls, "protocol", summary->protocol);
	json_text_set(tls, "cipher", summary->cipher_name);
	json_object_set_new(tls, "bits", json_integer(summary->cipher_usebits));
	json_text_set(tls, "key_exchange", summary->key_exchange);
	json_text_set(tls, "level", level_name(summary->level));
	json_object_set_new(tls, "certificate", json_boolean(status & SUMMARY_PRESENT));
	json_object_set_new(tls, "trusted", json_boolean(status & SUMMARY_TRUSTED));
	json_object_set_new(tls, "matched", json_boolean(status & SUMMARY_MATCHED));
	json_object_set_new(tls, "verified", json_boolean(status & SUMMARY_SECURED));
	json_text_set(tls, "servername", summary->peer_sni);
	json_text_set(tls, "subject", summary->peer_CN);
	json_text_set(tls, "issuer", summary->issuer_CN);
	json_text_set(tls, "fingerprint", summary->peer_fingerprint);
	json_text_set(tls, "key_fingerprint", summary->peer_pubkey_fingerprint);
	return tls;
}

static void
set_session(json_t *document, const struct probe_visit *visit)
{
	const struct probe_session *session = &visit->session;

	json_object_set_new(document, "connected", json_boolean(session->connected));
	json_text_set(document, "greeting", session->greeting);
	json_object_set_new(document, "offers", policy_json_words(&session->offers));
	json_object_set_new(document, "offers_starttls", json_boolean(session->offers_starttls));
	json_object_set_new(document, "tls", session->has_tls ? json_of_tls(&session->summary) : json_null());
	json_object_set_new(document, "offers_in_tls", policy_json_words(&session->offers_in_tls));
	json_text_set(document, "resumption", resumption_names[visit->resumption]);
}

static json_t *
json_of_visit(const struct probe_visit *visit, const struct probe_settings *settings)
{
	const struct probe_server *server = visit->server;
	char *source = policy_report_source(&settings->policy, &visit->policy);
	json_t *document = json_object();

	json_text_set(document, "host", server->host);
	json_text_set(document, "address", server->address);
	json_object_set_new(document, "preference",
	    server->preference == PROBE_PLAN_NO_PREFERENCE ? json_null() : json_integer(server->preference));
	json_object_set_new(document, "secure", json_boolean(server->secure));
	json_text_set(document, "alias_of",
	    server->qname && strcasecmp(server->qname, server->rname) != 0 ? server->rname : NULL);
	json_text_set(document, "level", level_name(visit->policy.level));
	json_text_set(document, "source", source);
	free(source);
	json_text_set(document, "tlsa", tlsa_names[visit->tlsa]);
	json_text_set(document, "tlsa_domain", visit->records ? dane_set_domain(visit->records) : NULL);
	set_session(document, visit);
	json_text_set(document, "status", visit->dsn);
	json_text_set(document, "reason", visit->reason);
	json_object_set_new(document, "warnings", policy_json_words(&visit->policy.said[POLICY_WARNING]));
	json_object_set_new(document, "log", lines_of(&visit->log));
	return document;
}

struct json_t *
probe_json(const struct probe_run *run, const struct probe_settings *settings, const char *nexthop)
{
	json_t *document = json_object(), *servers = json_array();

	json_text_set(document, "client", settings->policy.client);
	json_text_set(document, "nexthop", nexthop);
	json_object_set_new(
	    document, "port", run->target.path ? json_null() : json_integer(run->target.port));
	json_text_set(document, "mx", mx_names[run->plan.mx]);
	json_object_set_new(document, "validated", json_boolean(run->validated));
	json_object_set_new(document, "addresses", json_integer((json_int_t)run->plan.count));
	for (size_t i = 0; i < run->count; i++)
		json_array_append_new(servers, json_of_visit(&run->visit[i], settings));
	json_object_set_new(document, "servers", servers);
	json_text_set(document, "status", run->plan.dsn);
	json_text_set(document, "reason", run->plan.reason);
	json_object_set_new(document, "log", lines_of(&run->log));
	return document;
}
