/* SPDX-License-Identifier: ISC */
#include "postfix-tls/probe_report.h"

#include <stdlib.h>
#include <string.h>

#include "postfix-tls/policy_report.h"
#include "tls/dane.h"
#include "tls/level.h"
#include "tlsprobe/probe_run.h"
#include "tlsprobe/probe_settings.h"
#include "tlsprobe/probe_visit.h"
#include "util/buf.h"

static const char *const tlsa_words[] = {
	[POLICY_TLSA_FAILED] = "the lookup failed",
	[POLICY_TLSA_ABSENT] = "none that is proven",
	[POLICY_TLSA_UNUSABLE] = "none that is usable",
};

static const char *const resumption_words[] = {
	[PROBE_RESUMPTION_NOT_OFFERED] = "the server offers no session to come back with",
	[PROBE_RESUMPTION_REFUSED] = "the second connection did not resume the session",
	[PROBE_RESUMPTION_DONE] = "the second connection resumed the session",
};

/* --- the way to the servers --- */

static const char *
proof_of(const struct probe_run *run, bool secure)
{
	if (!run->asked_dns)
		return "not from DNS";
	if (!run->validated)
		return "not validated";
	return secure ? "proven" : "not proven";
}

static void
put_server(
    const struct probe_run *run, const struct probe_server *server, const char *nexthop, struct buf *text)
{
	buf_printf(text, "%s: ", nexthop);
	if (server->preference != PROBE_PLAN_NO_PREFERENCE)
		buf_printf(
		    text, "MX %d (%s) ", server->preference, proof_of(run, run->plan.mx == POLICY_MX_SECURE));
	buf_printf(text, "%s[%s]", server->host, server->address);
	if (server->qname)
		buf_printf(text, " (%s)", proof_of(run, server->secure));
	if (server->qname && strcasecmp(server->qname, server->rname) != 0)
		buf_printf(text, ", an alias of %s", server->rname);
	buf_add_byte(text, '\n');
}

/* --- a server --- */

static void
put_words(const struct policy_words *words, struct buf *text)
{
	for (size_t i = 0; i < words->count; i++)
		buf_printf(text, "%s%s", i > 0 ? ", " : "", words->word[i]);
}

static void
put_policy(const struct probe_visit *visit, const struct probe_settings *settings, struct buf *text)
{
	const struct policy_result *policy = &visit->policy;
	const struct policy_words *warnings = &policy->said[POLICY_WARNING];
	char *source = policy_report_source(&settings->policy, policy);

	for (size_t i = 0; i < warnings->count; i++)
		buf_printf(text, "warning: %s\n", warnings->word[i]);
	if (!policy->dsn)
		buf_printf(
		    text, "%s: level %s, from %s\n", visit->namaddr, level_name(policy->level), source);
	if (visit->records)
		buf_printf(text, "%s: TLSA records: %zu, for %s\n", visit->namaddr,
		    dane_set_count(visit->records), dane_set_domain(visit->records));
	else if (visit->tlsa != POLICY_TLSA_UNKNOWN && tlsa_words[visit->tlsa])
		buf_printf(text, "%s: TLSA records: %s\n", visit->namaddr, tlsa_words[visit->tlsa]);
	free(source);
}

static void
put_session(const struct probe_visit *visit, struct buf *text)
{
	const struct probe_session *session = &visit->session;

	if (session->greeting)
		buf_printf(text, "%s: greeting: %s\n", visit->namaddr, session->greeting);
	if (session->offers.count > 0) {
		buf_printf(text, "%s: offers: ", visit->namaddr);
		put_words(&session->offers, text);
		buf_printf(text, "%s\n",
		    session->discards_starttls ? "; STARTTLS is overlooked, as main.cf says" : "");
	}
}

static void
put_visit(const struct probe_visit *visit, const struct probe_settings *settings, struct buf *text)
{
	put_policy(visit, settings, text);
	if (visit->has_session)
		put_session(visit, text);
	buf_add_str(text, buf_str(&visit->log));
	if (visit->resumption != PROBE_RESUMPTION_NOT_TRIED)
		buf_printf(text, "%s: %s\n", visit->namaddr, resumption_words[visit->resumption]);
	if (visit->dsn)
		buf_printf(text, "%s: no delivery: %s %s\n", visit->namaddr, visit->dsn, visit->reason);
	else
		buf_printf(text, "%s: delivery %s\n", visit->namaddr,
		    visit->session.has_tls ? "over TLS" : "in plaintext");
}

void
probe_report_put_text(
    const struct probe_run *run, const struct probe_settings *settings, const char *nexthop, struct buf *text)
{
	buf_add_str(text, buf_str(&run->log));
	for (size_t i = 0; i < run->plan.count; i++)
		put_server(run, &run->plan.server[i], nexthop, text);
	for (size_t i = 0; i < run->count; i++)
		put_visit(&run->visit[i], settings, text);
	if (run->plan.count == 0)
		buf_printf(text, "%s: no delivery: %s %s\n", nexthop, run->plan.dsn, run->plan.reason);
}
