/* SPDX-License-Identifier: ISC */
#include "tlsprobe/probe_run.h"

#include <stdlib.h>

#include "tls/context.h"
#include "tlscheck/resolver.h"
#include "tlspolicy/policy_dane.h"
#include "tlspolicy/policy_global.h"
#include "tlspolicy/policy_result.h"
#include "tlsprobe/probe_settings.h"
#include "tlsprobe/probe_visit.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/log.h"

/* Without keys to begin with nothing can be proven; that is worth a warning, and asking all the same. 0;
 * `resolver` is NULL where DNS is not to be asked, or the system's resolver cannot be. -1: nobody can be
 * asked as the options say. */
static int
start_resolver(struct probe_run *run, const struct probe_settings *settings,
    const struct probe_options *options, struct resolver **resolver, struct err *err)
{
	struct resolver_config config = {
		.address = options->resolver,
		.trust_anchor = options->trust_anchor,
		.timeout_s = options->timeout_s,
		.unvalidated = !probe_settings_dnssec(settings),
	};

	*resolver = NULL;
	if (run->target.path || !probe_settings_dns(settings))
		return 0;
	*resolver = resolver_new(&config, err);
	run->validated = *resolver && !config.unvalidated;
	if (!*resolver && !config.unvalidated) {
		log_warn("answers of DNS are not validated: %s", err->text);
		config.unvalidated = true;
		*resolver = resolver_new(&config, err);
	}
	run->asked_dns = *resolver != NULL;
	if (*resolver)
		return 0;
	if (options->resolver)
		return -1;
	log_warn("DNS is not asked: %s", err->text);
	return 0;
}

static int
visit_servers(struct probe_run *run, const struct probe_visit_input *input,
    const struct probe_options *options, struct err *err)
{
	run->visit = alloc_array(run->plan.count > 0 ? run->plan.count : 1, sizeof *run->visit);
	for (size_t i = 0; i < run->plan.count; i++) {
		run->count++;
		if (probe_visit_run(&run->visit[i], input, &run->plan.server[i], err) < 0)
			return -1;
		if (options->first && !run->visit[i].dsn)
			break;
	}
	return 0;
}

static int
find_target(struct probe_run *run, const struct probe_settings *settings, const struct probe_options *options,
    struct err *err)
{
	if (probe_target_init(&run->target, options->destination, err) < 0)
		return -1;
	if (run->target.path)
		return 0;
	return probe_target_find_port(&run->target, settings->tcp_port, settings->known_tcp_ports, err);
}

/* What the client would not start with. */
static int
check_settings(const struct policy_settings *settings, struct err *err)
{
	struct policy_result result;
	int status;

	policy_result_init(&result);
	status = policy_global_level(settings, &result, err);
	policy_result_release(&result);
	return status < 0 ? -1 : policy_dane_check(settings, err);
}

int
probe_run(struct probe_run *run, const struct probe_settings *settings, const struct probe_options *options,
    struct err *err)
{
	struct context *context = NULL;
	struct probe_visit_input input = {
		.settings = settings,
		.target = &run->target,
		.plan = &run->plan,
		.nexthop = options->destination,
		.lookup = options->lookup,
		.anchors = options->anchors,
		.tables = options->tables,
		.context = &context,
		.proxy = options->proxy,
		.resume = options->resume,
		.release = options->release,
		.timeout_s = options->timeout_s,
	};
	int result;

	*run = (struct probe_run){ 0 };
	if (check_settings(&settings->policy, err) < 0 || find_target(run, settings, options, err) < 0)
		return -1;
	log_divert(&run->log);
	result = start_resolver(run, settings, options, &input.resolver, err);
	if (result == 0)
		probe_plan_make(&run->plan, &run->target, settings, input.resolver);
	log_divert(NULL);
	if (result == 0)
		result = visit_servers(run, &input, options, err);
	resolver_free(input.resolver);
	context_unref(context);
	return result;
}

void
probe_run_release(struct probe_run *run)
{
	for (size_t i = 0; i < run->count; i++)
		probe_visit_release(&run->visit[i]);
	free(run->visit);
	buf_release(&run->log);
	probe_plan_release(&run->plan);
	probe_target_release(&run->target);
	*run = (struct probe_run){ 0 };
}

size_t
probe_run_delivered(const struct probe_run *run)
{
	size_t delivered = 0;

	for (size_t i = 0; i < run->count; i++)
		delivered += run->visit[i].dsn == NULL;
	return delivered;
}
