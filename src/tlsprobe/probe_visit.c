/* SPDX-License-Identifier: ISC */
#include "tlsprobe/probe_visit.h"

#include <stdlib.h>
#include <string.h>

#include "tls/context.h"
#include "tls/dane.h"
#include "tls/kept_session.h"
#include "tls/level.h"
#include "tlspolicy/policy_find.h"
#include "tlsprobe/probe_plan.h"
#include "tlsprobe/probe_settings.h"
#include "tlsprobe/probe_target.h"
#include "tlsprobe/probe_tls.h"
#include "tlsprobe/probe_tlsa.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/log.h"

/* --- the policy --- */

static int
find(struct probe_visit *visit, const struct probe_visit_input *input, enum policy_mx mx,
    enum policy_tlsa tlsa, struct err *err)
{
	const struct policy_request request = {
		.settings = &input->settings->policy,
		.destination = &visit->destination,
		.lookup = input->lookup,
		.anchors = input->anchors,
		.context = input->tables,
		.mx = mx,
		.tlsa = tlsa,
		.port = input->target->port,
	};

	policy_result_release(&visit->policy);
	return policy_find(&request, &visit->policy, err);
}

/* Do TLSA records count? Not below DANE levels, nor where the MX records have spoilt it. 1, 0, or -1 with
 * err. */
static int
needs_records(struct probe_visit *visit, const struct probe_visit_input *input, struct err *err)
{
	if (find(visit, input, POLICY_MX_SECURE, POLICY_TLSA_USABLE, err) < 0)
		return -1;
	if (!input->resolver || !level_is_dane(visit->policy.level))
		return 0;
	if (find(visit, input, input->plan->mx, POLICY_TLSA_USABLE, err) < 0)
		return -1;
	return visit->policy.level > LEVEL_MAY;
}

static int
find_policy(struct probe_visit *visit, const struct probe_visit_input *input, struct err *err)
{
	struct buf said = BUF_INIT;
	int needed;

	/* What is tried is not what the client would say. */
	log_divert(&said);
	needed = needs_records(visit, input, err);
	log_divert(&visit->log);
	buf_release(&said);
	if (needed < 0)
		return -1;
	visit->tlsa = POLICY_TLSA_UNKNOWN;
	if (needed > 0)
		visit->tlsa = probe_tlsa_find(input->resolver, visit->server, input->target->port,
		    input->settings->tls_force_insecure_host_tlsa_lookup, &visit->records);
	return find(visit, input, input->plan->mx, visit->tlsa, err);
}

/* --- the session --- */

static struct context *
context_for(const struct probe_visit_input *input, int level)
{
	if (!*input->context && level >= LEVEL_MAY && !input->proxy)
		*input->context = probe_tls_context(input->settings);
	return *input->context;
}

static void
resume(struct probe_visit *visit, const struct probe_session_input *session_input)
{
	struct probe_session second;

	if (!kept_session_is_there(session_input->tls->kept)) {
		visit->resumption = PROBE_RESUMPTION_NOT_OFFERED;
		return;
	}
	probe_session_run(&second, session_input);
	visit->resumption = second.has_tls && second.summary.session_reused ? PROBE_RESUMPTION_DONE
									    : PROBE_RESUMPTION_REFUSED;
	probe_session_release(&second);
}

static void
run_session(struct probe_visit *visit, const struct probe_visit_input *input)
{
	struct probe_tls tls = {
		.settings = input->settings,
		.policy = &visit->policy,
		.plan = input->plan,
		.server = visit->server,
		.nexthop = visit->destination.domain,
		.namaddr = visit->namaddr,
		.records = visit->records,
		.kept = input->resume ? kept_session_new() : NULL,
		.release = input->release,
	};
	const struct probe_session_input session_input = {
		.tls = &tls,
		.context = context_for(input, visit->policy.level),
		.proxy = input->proxy,
		.port = input->target->port,
		.timeout_s = input->timeout_s,
	};

	probe_session_run(&visit->session, &session_input);
	visit->has_session = true;
	if (visit->session.has_tls && tls.kept)
		resume(visit, &session_input);
	kept_session_free(tls.kept);
}

int
probe_visit_run(struct probe_visit *visit, const struct probe_visit_input *input,
    const struct probe_server *server, struct err *err)
{
	const struct probe_target *target = input->target;
	int result;

	*visit = (struct probe_visit){ .server = server };
	visit->namaddr = target->path
			     ? alloc_printf("%s[%s]", server->host, server->address)
			     : alloc_printf("%s[%s]:%d", server->host, server->address, target->port);
	policy_destination_init(
	    &visit->destination, input->nexthop, server->host, input->settings->policy.myhostname);
	policy_result_init(&visit->policy);
	log_divert(&visit->log);
	result = find_policy(visit, input, err);
	if (result == 0 && !visit->policy.dsn)
		run_session(visit, input);
	log_divert(NULL);
	visit->dsn = visit->policy.dsn ? visit->policy.dsn : visit->session.dsn;
	visit->reason = visit->policy.dsn ? visit->policy.reason : visit->session.reason;
	return result;
}

void
probe_visit_release(struct probe_visit *visit)
{
	if (visit->has_session)
		probe_session_release(&visit->session);
	policy_result_release(&visit->policy);
	policy_destination_release(&visit->destination);
	dane_set_free(visit->records);
	buf_release(&visit->log);
	free(visit->namaddr);
	*visit = (struct probe_visit){ 0 };
}
