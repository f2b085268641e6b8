/* SPDX-License-Identifier: ISC */
/*
 * tlsgate: accepts clients, offers STARTTLS or starts TLS at once, and has tlsproxy do the TLS.
 */
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mail/address_list.h"
#include "mail/param.h"
#include "mail/service.h"
#include "tls/server_level.h"
#include "tlsgate/gate_access.h"
#include "tlsgate/gate_backend.h"
#include "tlsgate/gate_crowd.h"
#include "tlsgate/gate_session.h"
#include "tlsgate/gate_smtp.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/log.h"

struct settings {
	char *myhostname;
	char *tlsproxy_service_name;
	char *backend;
	char *backend_proxy_protocol;
	char *certified_backend;
	char *client_restrictions;
	char *relay_clientcerts;
	bool backend_xclient;
	bool tls_ask_ccert;
	bool tls_req_ccert;
	bool tls_received_header;
	char *protocol;
	char *tls_security_level;
	bool use_tls;
	bool enforce_tls;
	bool tls_auth_only;
	bool wrappermode;
	int timeout_s;
	int connect_timeout_s;
	int starttls_timeout_s;
	int client_limit;
	char *client_file;
	int client_connection_count_limit;
	int client_connection_rate_limit;
	char *client_event_limit_exceptions;
	int client_ipv4_prefix_length;
	int client_ipv6_prefix_length;
	int rate_time_unit_s;
};

#define ROW(param_name, param_type, member, least, most)                                                     \
	{                                                                                                    \
		.name = param_name, .type = param_type, .offset = offsetof(struct settings, member),         \
		.min = least, .max = most                                                                    \
	}

/* Times fit milliseconds in an int, and what tlsproxy adds to them. */
enum { TIME_MAX_S = INT_MAX / 1000 - 10 };

static const struct param params[] = {
	ROW("myhostname", PARAM_STRING, myhostname, 1, 255),
	ROW("tlsproxy_service_name", PARAM_STRING, tlsproxy_service_name, 1, 0),
	ROW("tlsgate_backend", PARAM_STRING, backend, 1, 0),
	ROW("tlsgate_backend_proxy_protocol", PARAM_STRING, backend_proxy_protocol, 1, 0),
	ROW("tlsgate_backend_xclient", PARAM_BOOL, backend_xclient, 0, 0),
	ROW("tlsgate_certified_backend", PARAM_STRING, certified_backend, 0, 0),
	ROW("tlsgate_client_restrictions", PARAM_STRING, client_restrictions, 0, 0),
	ROW("relay_clientcerts", PARAM_STRING, relay_clientcerts, 0, 0),
	ROW("tlsgate_tls_ask_ccert", PARAM_BOOL, tls_ask_ccert, 0, 0),
	ROW("tlsgate_tls_received_header", PARAM_BOOL, tls_received_header, 0, 0),
	ROW("tlsgate_tls_req_ccert", PARAM_BOOL, tls_req_ccert, 0, 0),
	ROW("tlsgate_enforce_tls", PARAM_BOOL, enforce_tls, 0, 0),
	ROW("tlsgate_protocol", PARAM_STRING, protocol, 1, 0),
	ROW("tlsgate_tls_auth_only", PARAM_BOOL, tls_auth_only, 0, 0),
	ROW("tlsgate_tls_security_level", PARAM_STRING, tls_security_level, 0, 0),
	ROW("tlsgate_use_tls", PARAM_BOOL, use_tls, 0, 0),
	ROW("tlsgate_tls_wrappermode", PARAM_BOOL, wrappermode, 0, 0),
	ROW("tlsgate_timeout", PARAM_TIME, timeout_s, 1, TIME_MAX_S),
	ROW("tlsgate_connect_timeout", PARAM_TIME, connect_timeout_s, 1, TIME_MAX_S),
	ROW("tlsgate_starttls_timeout", PARAM_TIME, starttls_timeout_s, 1, TIME_MAX_S),
	ROW("tlsgate_client_connection_count_limit", PARAM_INT, client_connection_count_limit, 0, 0),
	ROW("tlsgate_client_connection_rate_limit", PARAM_INT, client_connection_rate_limit, 0, 0),
	ROW("tlsgate_client_event_limit_exceptions", PARAM_STRING, client_event_limit_exceptions, 0, 0),
	ROW("tlsgate_client_ipv4_prefix_length", PARAM_INT, client_ipv4_prefix_length, 1, 32),
	ROW("tlsgate_client_ipv6_prefix_length", PARAM_INT, client_ipv6_prefix_length, 1, 128),
	ROW("tlsgate_client_file", PARAM_STRING, client_file, 0, 0),
	ROW("anvil_rate_time_unit", PARAM_TIME, rate_time_unit_s, 1, 0),
	ROW("tlsgate_client_limit", PARAM_INT, client_limit, 1, 0),
	PARAM_END,
};

static struct settings settings;
static struct gate gate;
static bool relays;
static int sessions;

static void
session_gone(void *context)
{
	sessions--;
	service_client_gone(context);
}

static const struct gate_protocol *
protocol_of(const struct settings *s)
{
	const struct gate_protocol *protocol = gate_talk_protocol(s->protocol);

	if (protocol)
		return protocol;
	if (strcasecmp(s->protocol, "none") != 0)
		log_fatal(
		    "bad value of tlsgate_protocol: \"%s\" is neither smtp, lmtp, pop3, imap, sieve nor none",
		    s->protocol);
	/* Only a protocol has a command with which TLS could start later. */
	if (!s->wrappermode)
		log_fatal("tlsgate_protocol = none requires tlsgate_tls_wrappermode = yes");
	return NULL;
}

/* In wrapper mode there is TLS in any case, and the level is not looked at. */
static struct server_level
level_of(const struct settings *s)
{
	struct server_level level = { .use = true, .enforce = true };
	struct err err;

	if (!s->wrappermode && server_level_read("tlsgate_tls_security_level", s->tls_security_level,
				   s->use_tls, s->enforce_tls, &level, &err) < 0)
		log_fatal("%s", err.text);
	return level;
}

static bool
sends_proxy_protocol(const struct settings *s)
{
	bool v2 = strcasecmp(s->backend_proxy_protocol, "v2") == 0;

	if (!v2 && strcasecmp(s->backend_proxy_protocol, "no") != 0)
		log_fatal("bad value of tlsgate_backend_proxy_protocol: \"%s\" is neither no nor v2",
		    s->backend_proxy_protocol);
	return v2;
}

static const struct gate_backend *
backend_of(const char *parameter, const char *value)
{
	struct err err;
	const struct gate_backend *backend = gate_backend_new(value, &err);

	if (!backend)
		log_fatal("bad value of %s: %s", parameter, err.text);
	return backend;
}

static bool
requires_ccert(const struct settings *s, bool enforce)
{
	if (s->tls_req_ccert && !enforce)
		log_warn("Can't require client certs unless TLS is required");
	return s->tls_req_ccert && enforce;
}

static const struct gate_access *
access_of(const struct settings *s)
{
	const struct gate_access_settings rules = {
		.restrictions = s->client_restrictions,
		.relay_clientcerts = s->relay_clientcerts,
		.ask_ccert = s->tls_ask_ccert || s->tls_req_ccert,
	};
	struct err err;

	if (!*s->client_restrictions)
		return NULL;
	const struct gate_access *access = gate_access_new(&rules, &err);
	if (!access)
		log_fatal("bad value of tlsgate_client_restrictions: %s", err.text);
	return access;
}

/* What only works together, or not together. */
static void
check_settings(const struct gate *g)
{
	bool mail = g->protocol == &gate_smtp_protocol || g->protocol == &gate_lmtp_protocol;
	bool builtin = gate_backend_is_builtin(g->backend) ||
		       (g->certified_backend && gate_backend_is_builtin(g->certified_backend));

	if (builtin && g->protocol && g->protocol != &gate_smtp_protocol)
		log_fatal("tlsgate_backend = builtin requires tlsgate_protocol = smtp");
	if (builtin && g->proxy_protocol)
		log_fatal("tlsgate_backend = builtin requires tlsgate_backend_proxy_protocol = no");
	if (builtin && g->xclient)
		log_fatal("tlsgate_backend = builtin requires tlsgate_backend_xclient = no");
	if (g->xclient && g->proxy_protocol)
		log_fatal("tlsgate_backend_xclient = yes requires tlsgate_backend_proxy_protocol = no");
	if (g->xclient && !mail)
		log_fatal("tlsgate_backend_xclient = yes requires tlsgate_protocol = smtp or lmtp");
	if (g->received_header && g->protocol != &gate_smtp_protocol)
		log_fatal("tlsgate_tls_received_header = yes requires tlsgate_protocol = smtp");
	if (g->access && !mail)
		log_fatal("tlsgate_client_restrictions requires tlsgate_protocol = smtp or lmtp");
	if (g->certified_backend && !g->access)
		log_warn("tlsgate_certified_backend is not used: tlsgate_client_restrictions is empty");
}

/* One file a service: the limits are those of the service. */
static struct gate_crowd *
crowd_of(struct service *service, const struct settings *s)
{
	struct gate_crowd_limits limits = {
		.sessions = s->client_connection_count_limit,
		.rate = s->client_connection_rate_limit,
		.unit_s = s->rate_time_unit_s,
		.ipv4_bits = s->client_ipv4_prefix_length,
		.ipv6_bits = s->client_ipv6_prefix_length,
	};
	struct err err;

	if (limits.sessions == 0 && limits.rate == 0)
		return NULL;
	limits.exceptions =
	    address_list_new("tlsgate_client_event_limit_exceptions", s->client_event_limit_exceptions);
	if (!*s->client_file || service_is_stand_alone(service))
		return gate_crowd_new(NULL, &limits, &err);

	char *path = alloc_printf("%s.%s", s->client_file, service_name(service));
	for (char *at = path + strlen(s->client_file); (at = strchr(at, '/'));)
		*at = '_';
	service_become_owner(service);
	struct gate_crowd *crowd = gate_crowd_new(path, &limits, &err);
	service_become_root(service);
	if (!crowd)
		log_warn("tlsgate_client_file: %s: this process counts alone", err.text);
	free(path);
	return crowd ? crowd : gate_crowd_new(NULL, &limits, &err);
}

static void
pre_jail(struct service *service)
{
	struct server_level level = level_of(&settings);

	gate.backend = backend_of("tlsgate_backend", settings.backend);
	if (*settings.certified_backend)
		gate.certified_backend = backend_of("tlsgate_certified_backend", settings.certified_backend);
	gate.wrappermode = settings.wrappermode;
	gate.protocol = protocol_of(&settings);
	gate.proxy_protocol = sends_proxy_protocol(&settings);
	gate.no_tls = !level.use;
	gate.encrypt = level.enforce;
	gate.auth_only = settings.tls_auth_only;
	gate.relays = &relays;
	gate.xclient = settings.backend_xclient;
	gate.received_header = settings.tls_received_header;
	gate.ask_ccert = settings.tls_ask_ccert;
	gate.req_ccert = requires_ccert(&settings, level.enforce);
	gate.access = access_of(&settings);
	check_settings(&gate);
	gate.hostname = settings.myhostname;
	gate.tlsproxy = alloc_printf("private/%s", settings.tlsproxy_service_name);
	gate.timeout_s = settings.timeout_s;
	gate.connect_timeout_s = settings.connect_timeout_s;
	gate.starttls_timeout_s = settings.starttls_timeout_s;
	gate.crowd = crowd_of(service, &settings);
	gate.gone = session_gone;
	gate.context = service;
}

static void
client(struct service *service, int fd)
{
	gate.base = service_base(service);
	gate.service = service_name(service);
	if (sessions >= settings.client_limit) {
		log_warn("too many sessions: limit is tlsgate_client_limit = %d", settings.client_limit);
		gate_session_refuse(&gate, fd, GATE_WORD_BUSY);
		service_client_gone(service);
		return;
	}
	sessions++;
	gate_session_start(&gate, fd);
}

int
main(int argc, char **argv)
{
	static const struct service_program program = {
		.name = "tlsgate",
		.kind = SERVICE_EVENTS,
		.process_limit = -1,
		.names_service = true,
		.params = params,
		.settings = &settings,
		.pre_jail = pre_jail,
		.client = client,
	};

	return service_main(&program, argc, argv);
}
