/* SPDX-License-Identifier: ISC */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "postfix-tls/probe_report.h"
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

static void
set_text(json_t *document, const char *name, const char *text)
{
	json_object_set_new(document, name, text ? json_text_string(text) : json_null());
}

static json_t *
array_of(const struct policy_words *words)
{
	json_t *array = json_array();

	for (size_t i = 0; i < words->count; i++)
		json_array_append_new(array, json_text_string(words->word[i]));
	return array;
}

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

	set_text(tls, "protocol", summary->protocol);
	set_text(tls, "cipher", summary->cipher_name);
	json_object_set_new(tls, "bits", json_integer(summary->cipher_usebits));
	set_text(tls, "key_exchange", summary->key_exchange);
	set_text(tls, "level", level_name(summary->level));
	json_object_set_new(tls, "certificate", json_boolean(status & SUMMARY_PRESENT));
	json_object_set_new(tls, "trusted", json_boolean(status & SUMMARY_TRUSTED));
	json_object_set_new(tls, "matched", json_boolean(status & SUMMARY_MATCHED));
	json_object_set_new(tls, "verified", json_boolean(status & SUMMARY_SECURED));
	set_text(tls, "servername", summary->peer_sni);
	set_text(tls, "subject", summary->peer_CN);
	set_text(tls, "issuer", summary->issuer_CN);
	set_text(tls, "fingerprint", summary->peer_fingerprint);
	set_text(tls, "key_fingerprint", summary->peer_pubkey_fingerprint);
	return tls;
}

static void
set_session(json_t *document, const struct probe_visit *visit)
{
	const struct probe_session *session = &visit->session;

	json_object_set_new(document, "connected", json_boolean(session->connected));
	set_text(document, "greeting", session->greeting);
	json_object_set_new(document, "offers", array_of(&session->offers));
	json_object_set_new(document, "offers_starttls", json_boolean(session->offers_starttls));
	json_object_set_new(document, "tls", session->has_tls ? json_of_tls(&session->summary) : json_null());
	json_object_set_new(document, "offers_in_tls", array_of(&session->offers_in_tls));
	set_text(document, "resumption", resumption_names[visit->resumption]);
}

static json_t *
json_of_visit(const struct probe_visit *visit, const struct probe_settings *settings)
{
	const struct probe_server *server = visit->server;
	char *source = probe_report_source(settings, &visit->policy);
	json_t *document = json_object();

	set_text(document, "host", server->host);
	set_text(document, "address", server->address);
	json_object_set_new(document, "preference",
	    server->preference == PROBE_PLAN_NO_PREFERENCE ? json_null() : json_integer(server->preference));
	json_object_set_new(document, "secure", json_boolean(server->secure));
	set_text(document, "alias_of",
	    server->qname && strcasecmp(server->qname, server->rname) != 0 ? server->rname : NULL);
	set_text(document, "level", level_name(visit->policy.level));
	set_text(document, "source", source);
	free(source);
	set_text(document, "tlsa", tlsa_names[visit->tlsa]);
	set_text(document, "tlsa_domain", visit->records ? dane_set_domain(visit->records) : NULL);
	set_session(document, visit);
	set_text(document, "status", visit->dsn);
	set_text(document, "reason", visit->reason);
	json_object_set_new(document, "warnings", array_of(&visit->policy.said[POLICY_WARNING]));
	json_object_set_new(document, "log", lines_of(&visit->log));
	return document;
}

struct json_t *
probe_report_json(const struct probe_run *run, const struct probe_settings *settings, const char *nexthop)
{
	json_t *document = json_object(), *servers = json_array();

	set_text(document, "client", settings->policy.client);
	set_text(document, "nexthop", nexthop);
	json_object_set_new(
	    document, "port", run->target.path ? json_null() : json_integer(run->target.port));
	set_text(document, "mx", mx_names[run->plan.mx]);
	json_object_set_new(document, "validated", json_boolean(run->validated));
	json_object_set_new(document, "addresses", json_integer((json_int_t)run->plan.count));
	for (size_t i = 0; i < run->count; i++)
		json_array_append_new(servers, json_of_visit(&run->visit[i], settings));
	json_object_set_new(document, "servers", servers);
	set_text(document, "status", run->plan.dsn);
	set_text(document, "reason", run->plan.reason);
	json_object_set_new(document, "log", lines_of(&run->log));
	return document;
}
