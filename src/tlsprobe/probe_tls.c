/* SPDX-License-Identifier: ISC */
#include "tlsprobe/probe_tls.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tls/conn.h"
#include "tls/context.h"
#include "tls/dane.h"
#include "tls/level.h"
#include "tls/loglevel.h"
#include "tls/summary.h"
#include "tlspolicy/policy_result.h"
#include "tlsprobe/probe_plan.h"
#include "tlsprobe/probe_settings.h"
#include "tlsprobe/probe_wire.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/file.h"
#include "util/log.h"

enum { ANCHORS_LIMIT = 16 << 20, DANE_NAMES = 3 };

struct context *
probe_tls_context(const struct probe_settings *settings)
{
	const struct context_client_settings wanted = {
		.log_param = PROBE_TLS_LOG_PARAM,
		.log_level = PROBE_TLS_LOG_LEVEL,
		.verifydepth = settings->policy.tls_scert_verifydepth,
		PROBE_SETTINGS_FILES(settings),
		.append_default_CA = settings->tls_append_default_CA,
		.fingerprint_digest = settings->policy.tls_fingerprint_digest,
		.legacy_public_key_fingerprints = settings->tls_legacy_public_key_fingerprints,
		.dane_digests = settings->tls_dane_digests,
		.eecdh_auto_curves = settings->tls_eecdh_auto_curves,
		.ffdhe_auto_groups = *settings->tls_ffdhe_auto_groups ? settings->tls_ffdhe_auto_groups : NULL,
		.cipher_grades = {
			.high = settings->tls_high_cipherlist,
			.medium = settings->tls_medium_cipherlist,
			.low = settings->tls_low_cipherlist,
			.export = settings->tls_export_cipherlist,
			.null = settings->tls_null_cipherlist,
		},
		.disable_workarounds = settings->tls_disable_workarounds,
		.ssl_options = settings->tls_ssl_options,
		.config_file = settings->tls_config_file,
		.config_name = settings->tls_config_name,
	};

	return context_new_client(&wanted);
}

/* --- who the server has to be --- */

static void
add_anchors(struct dane_set *set, const char *file)
{
	struct buf pem = BUF_INIT;
	struct err err = { 0 };

	/* It could be read when the policy was found. */
	if (file_read_at_once(file, ANCHORS_LIMIT, &pem, &err) < 0 ||
	    dane_set_add_anchors(
		set, file, pem.bytes, pem.len, loglevel_parse(PROBE_TLS_LOG_PARAM, PROBE_TLS_LOG_LEVEL)) < 0)
		log_warn("trust anchor file %s cannot be used", file);
	buf_release(&pem);
}

static struct dane_set *
records_of(const struct probe_tls *tls)
{
	const struct policy_result *policy = tls->policy;
	struct dane_set *set = NULL;

	if (policy->level == LEVEL_FINGERPRINT) {
		set = dane_set_new("");
		for (size_t i = 0; i < policy->match.count; i++)
			dane_set_add_fingerprints(set, policy->match.word[i], 0);
	} else if (level_needs_pkix(policy->level) && policy->anchor_files.count > 0) {
		set = dane_set_new("");
		for (size_t i = 0; i < policy->anchor_files.count; i++)
			add_anchors(set, policy->anchor_files.word[i]);
	}
	return set;
}

/* The TLSA base domain, then whose MX records led here, the name behind aliases first. */
static size_t
dane_names(const struct probe_tls *tls, const char **match)
{
	const struct probe_plan *plan = tls->plan;
	size_t count = 0;

	match[count++] = dane_set_domain(tls->records);
	if (!plan->mx_qname)
		return count;
	match[count++] = plan->mx_rname;
	if (strcasecmp(plan->mx_rname, plan->mx_qname) != 0)
		match[count++] = plan->mx_qname;
	return count;
}

static size_t
names_of(const struct probe_tls *tls, const char **match)
{
	if (level_is_dane(tls->policy->level))
		return dane_names(tls, match);
	if (!level_needs_pkix(tls->policy->level))
		return 0;
	for (size_t i = 0; i < tls->policy->match.count; i++)
		match[i] = tls->policy->match.word[i];
	return tls->policy->match.count;
}

void
probe_tls_describe(
    const struct probe_tls *tls, struct conn_client_settings *settings, struct probe_tls_needs *needs)
{
	const struct policy_result *policy = tls->policy;

	needs->match = alloc_array(policy->match.count + DANE_NAMES, sizeof *needs->match);
	needs->records = records_of(tls);
	*settings = (struct conn_client_settings){
		.release = tls->release,
		.level = policy->level,
		.nexthop = tls->nexthop,
		.host = tls->server->host,
		.namaddr = tls->namaddr,
		.sni = policy->servername,
		.serverid = tls->namaddr,
		.helo = tls->helo,
		.protocols = policy->protocols,
		.cipher_grade = policy->ciphers,
		.cipher_exclusions = policy->exclude,
		.match = needs->match,
		.match_count = names_of(tls, needs->match),
		.mdalg = tls->settings->policy.tls_fingerprint_digest,
		.dane = level_is_dane(policy->level) ? tls->records : needs->records,
		.enable_rpk = -1,
		.log_failure = true,
		.kept = tls->kept,
	};
}

void
probe_tls_needs_release(struct probe_tls_needs *needs)
{
	free(needs->match);
	dane_set_free(needs->records);
}

int
probe_tls_start(
    const struct probe_tls *tls, struct context *context, struct probe_wire *wire, struct summary *summary)
{
	struct conn_client_settings settings;
	struct probe_tls_needs needs;
	struct conn *conn;

	probe_tls_describe(tls, &settings, &needs);
	settings.fd = wire->fd;
	conn = conn_new_client(context, NULL, &settings);
	probe_tls_needs_release(&needs);
	if (!conn || probe_wire_start_tls(wire, conn, tls->namaddr) < 0)
		return -1;
	conn_summary(conn, summary);
	return 0;
}
