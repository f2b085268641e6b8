/* SPDX-License-Identifier: ISC */
/*
 * tlsmgr: one process that keeps the TLS session caches, the ticket keys and the random state for all others.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "mail/param.h"
#include "mail/service.h"
#include "tls/loglevel.h"
#include "tls/random.h"
#include "tlsmgr/bootid.h"
#include "tlsmgr/client.h"
#include "tlsmgr/location.h"
#include "tlsmgr/mgr_request.h"
#include "tlsmgr/scache.h"
#include "tlsmgr/statistics.h"
#include "tlsmgr/sweep.h"
#include "tlsmgr/ticketkeeper.h"
#include "tlsmgr/ticketkeys.h"
#include "tlsmgr/ticketsecret.h"
#include "tlsmgr/upkeep.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/confine.h"
#include "util/err.h"
#include "util/fdio.h"
#include "util/log.h"

enum {
	TIMEOUT_MAX_S = 8640000,
};

enum { SMTPD, SMTP, LMTP };

static struct {
	struct {
		char *database, *loglevel;
		int timeout_s;
	} cache[MGR_REQUEST_CACHES];
	char *data_directory, *default_database_type;
	char *random_source, *exchange_name;
	int random_bytes, reseed_period_s, update_period_s;
	int ipc_timeout_s;
	int entry_limit;
	int64_t size_limit;
	bool smtputf8;
	bool key_persist;
	char *secret_file;
} settings;

#define ROW(parameter, kind, member, ...)                                                                    \
	{                                                                                                    \
		.name = parameter, .type = kind, .offset = offsetof(__typeof__(settings), member),           \
		__VA_ARGS__                                                                                  \
	}

static const struct param params[] = {
	ROW("smtpd_tls_session_cache_database", PARAM_STRING, cache[SMTPD].database, ),
	ROW("smtp_tls_session_cache_database", PARAM_STRING, cache[SMTP].database, ),
	ROW("lmtp_tls_session_cache_database", PARAM_STRING, cache[LMTP].database, ),
	ROW("smtpd_tls_session_cache_timeout", PARAM_TIME, cache[SMTPD].timeout_s, .max = TIMEOUT_MAX_S),
	ROW("smtp_tls_session_cache_timeout", PARAM_TIME, cache[SMTP].timeout_s, .max = TIMEOUT_MAX_S),
	ROW("lmtp_tls_session_cache_timeout", PARAM_TIME, cache[LMTP].timeout_s, .max = TIMEOUT_MAX_S),
	ROW("smtpd_tls_loglevel", PARAM_STRING, cache[SMTPD].loglevel, ),
	ROW("smtp_tls_loglevel", PARAM_STRING, cache[SMTP].loglevel, ),
	ROW("lmtp_tls_loglevel", PARAM_STRING, cache[LMTP].loglevel, ),
	ROW("data_directory", PARAM_STRING, data_directory, ),
	ROW("default_database_type", PARAM_STRING, default_database_type, ),
	ROW("tlsmgr_session_cache_entry_limit", PARAM_INT, entry_limit, ),
	ROW("tlsmgr_session_cache_size_limit", PARAM_LONG, size_limit, ),
	ROW("tls_random_source", PARAM_STRING, random_source, ),
	ROW("tls_random_exchange_name", PARAM_STRING, exchange_name, ),
	ROW("tls_random_bytes", PARAM_INT, random_bytes, .min = 1),
	ROW("tls_random_reseed_period", PARAM_TIME, reseed_period_s, .min = 1),
	ROW("tls_random_prng_update_period", PARAM_TIME, update_period_s, .min = 1),
	ROW("ipc_timeout", PARAM_TIME, ipc_timeout_s, .min = 1),
	ROW("smtputf8_enable", PARAM_BOOL, smtputf8, ),
	ROW("tlsmgr_ticket_key_persist", PARAM_BOOL, key_persist, ),
	ROW("tlsmgr_ticket_secret_file", PARAM_STRING, secret_file, ),
	PARAM_END,
};

static const struct {
	const char *label, *loglevel;
} types[MGR_REQUEST_CACHES] = {
	[SMTPD] = { "smtpd", "smtpd_tls_loglevel" },
	[SMTP] = { "smtp", "smtp_tls_loglevel" },
	[LMTP] = { "lmtp", "lmtp_tls_loglevel" },
};

static struct {
	struct mgr_request_env env;
	struct statistics statistics;
	struct client_set *clients;
	struct upkeep *upkeep;
	struct ticketkeeper *keeper;
	struct sweep *sweeps[MGR_REQUEST_CACHES];
	struct event *term;
	char *boot_id; /* owned */
} mgr;

/* --- randomness --- */

static void
open_source(void)
{
	struct upkeep_config config = {
		.source = settings.random_source,
		.bytes = settings.random_bytes,
		.reseed_period_s = settings.reseed_period_s,
		.update_period_s = settings.update_period_s,
		.reseeded_ms = &mgr.statistics.reseeded_ms,
		.updated_ms = &mgr.statistics.exchanged_ms,
	};

	mgr.upkeep = upkeep_new(&config);
}

static void
use_exchange(const struct location *location)
{
	if (!settings.exchange_name[0])
		return;
	char *path = location_choose(location, settings.exchange_name, "file", settings.exchange_name);
	upkeep_use_exchange(mgr.upkeep, path);
	free(path);
}

/* --- ticket keys --- */

/* As root. */
static void
read_secret(const char *owner, struct buf *secret)
{
	const struct passwd *pw = getpwnam(owner);
	struct err err = { 0 };

	/* Without it mail still flows, and hosts resume only what they began themselves. */
	if (settings.secret_file[0] &&
	    ticketsecret_read(settings.secret_file, pw ? pw->pw_uid : 0, secret, &err) < 0)
		log_warn("%s: using keys of this host", err.text);
}

/* As mail_owner; `secret` is left empty. */
static void
open_keys(struct buf *secret)
{
	mgr.env.keys = ticketkeys_new(scache_timeout_s(mgr.env.caches[SMTPD]));
	if (secret->len > 0)
		ticketkeys_set_secret(mgr.env.keys, secret);
	mgr.keeper = ticketkeeper_new(mgr.env.keys, settings.data_directory, settings.key_persist);
}

/* --- caches --- */

/* Before any is opened: opening may empty the file. */
static void
check_duplicates(void)
{
	for (int i = 0; i < MGR_REQUEST_CACHES; i++) {
		for (int j = 0; j < i; j++) {
			if (settings.cache[i].database[0] && settings.cache[i].timeout_s > 0 &&
			    settings.cache[j].timeout_s > 0 &&
			    strcmp(settings.cache[i].database, settings.cache[j].database) == 0)
				log_fatal("do not use the same TLS cache file %s for %s and %s",
				    settings.cache[i].database, types[j].label, types[i].label);
		}
	}
}

static void
open_caches(const struct location *location)
{
	check_duplicates();
	mgr.boot_id = bootid_read();
	for (int i = 0; i < MGR_REQUEST_CACHES; i++) {
		bool enabled = settings.cache[i].database[0] && settings.cache[i].timeout_s > 0;
		struct scache_config config = {
			.label = types[i].label,
			.database = settings.cache[i].database,
			.default_type = settings.default_database_type,
			.boot = mgr.boot_id,
			.timeout_s = settings.cache[i].timeout_s,
			.log = enabled && (loglevel_parse(types[i].loglevel, settings.cache[i].loglevel) &
					      LOGLEVEL_CACHE),
			.check_utf8 = settings.smtputf8,
			.entry_limit = settings.entry_limit > 0 ? (uint64_t)settings.entry_limit : 0,
			.size_limit = settings.size_limit > 0 ? (uint64_t)settings.size_limit : 0,
			.location = location,
		};

		mgr.env.caches[i] = scache_new(&config);
	}
}

static void
close_caches(void)
{
	for (int i = 0; i < MGR_REQUEST_CACHES; i++) {
		sweep_free(mgr.sweeps[i]);
		scache_free(mgr.env.caches[i]);
	}
}

/* This is how master ends everybody at "postfix stop". Caches are for the process of the next start. */
static void
on_term(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	(void)context;
	close_caches();
	signal(SIGTERM, SIG_DFL);
	raise(SIGTERM);
}

static void
watch_term(struct event_base *base)
{
	mgr.term = evsignal_new(base, SIGTERM, on_term, NULL);
	if (!mgr.term || event_add(mgr.term, NULL) < 0)
		log_fatal("cannot watch for SIGTERM");
}

/* --- the jail --- */

/* From a directory that is open all others can be reached: the jail alone is none. */
static void
close_ways_out(void)
{
	enum { ROOT = MGR_REQUEST_CACHES, EXCHANGE, COUNT };
	int directories[COUNT];
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; i < MGR_REQUEST_CACHES; i++)
		directories[i] = scache_directory(mgr.env.caches[i]);
	directories[ROOT] = root;
	directories[EXCHANGE] = upkeep_directory(mgr.upkeep);
	if (confine(confine_everything, directories, COUNT) < 0 && errno != ENOSYS && errno != EOPNOTSUPP)
		log_warn("cannot confine this process to its directories: %m");
	fdio_close(&root);
}

/* --- the program --- */

static void
pre_jail(struct service *service)
{
	struct timespec now;
	pid_t pid = getpid();
	struct location location = { settings.data_directory, service_mail_owner(service) };
	struct buf secret = BUF_INIT;

	clock_gettime(CLOCK_REALTIME, &now);
	random_add(&now, sizeof now);
	random_add(&pid, sizeof pid);
	open_source();
	read_secret(service_mail_owner(service), &secret);
	service_become_owner(service);
	use_exchange(&location);
	open_caches(&location);
	open_keys(&secret);
	service_become_root(service);
}

static void
post_jail(struct service *service)
{
	if (service_is_jailed(service))
		close_ways_out();
	service_never_retire(service);
	mgr.env.stream = alloc_printf("%s socket", service_name(service));
	mgr.env.statistics = &mgr.statistics;
	statistics_init(&mgr.statistics);
	mgr.clients = client_set_new(service, &mgr.env, settings.ipc_timeout_s);
	upkeep_start(mgr.upkeep, service_base(service));
	ticketkeeper_start(mgr.keeper, service_base(service));
	for (int i = 0; i < MGR_REQUEST_CACHES; i++)
		if (scache_is_enabled(mgr.env.caches[i]))
			mgr.sweeps[i] = sweep_new(service_base(service), mgr.env.caches[i]);
	watch_term(service_base(service));
}

static void
client(struct service *service, int fd)
{
	(void)service;
	client_start(mgr.clients, fd);
}

static void
pre_exit(struct service *service)
{
	(void)service;
	event_free(mgr.term);
	upkeep_free(mgr.upkeep);
	close_caches();
	free(mgr.boot_id);
	ticketkeeper_free(mgr.keeper);
	ticketkeys_free(mgr.env.keys);
}

int
main(int argc, char **argv)
{
	static const struct service_program program = {
		.name = "tlsmgr",
		.kind = SERVICE_MANY,
		.process_limit = 1,
		.params = params,
		.settings = &settings,
		.pre_jail = pre_jail,
		.post_jail = post_jail,
		.client = client,
		.pre_exit = pre_exit,
	};

	return service_main(&program, argc, argv);
}
