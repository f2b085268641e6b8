/* SPDX-License-Identifier: ISC */
#include "tlsproxy/role_client.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "mail/param.h"
#include "mail/tlsproxy_proto_client.h"
#include "tls/conn.h"
#include "tls/context.h"
#include "tls/dane.h"
#include "tls/level.h"
#include "tls/resume_client.h"
#include "tlsproxy/context_cache.h"
#include "tlsproxy/drift.h"
#include "tlsproxy/globals.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/table.h"
#include "util/text.h"

enum {
	CONTEXT_LIMIT = 64,
	RELATED_LIMIT = 16,
	CACHE_TYPE_LIMIT = 8, /* "smtp" and "lmtp" are two */
};

#define ROW(type, member, min)                                                                               \
	{                                                                                                    \
		"tlsproxy_client_" #member, PARAM_##type, offsetof(struct role_client_settings, member),     \
		    min, 0                                                                                   \
	}

const struct param role_client_params[] = {
	ROW(STRING, security_level, 0),
	ROW(BOOL, use_tls, 0),
	ROW(BOOL, enforce_tls, 0),
	ROW(STRING, per_site, 0),
	ROW(STRING, policy_maps, 0),
	ROW(STRING, chain_files, 0),
	ROW(STRING, cert_file, 0),
	ROW(STRING, key_file, 0),
	ROW(STRING, dcert_file, 0),
	ROW(STRING, dkey_file, 0),
	ROW(STRING, eccert_file, 0),
	ROW(STRING, eckey_file, 0),
	ROW(STRING, CAfile, 0),
	ROW(STRING, CApath, 0),
	ROW(STRING, fingerprint_digest, 1),
	ROW(STRING, loglevel, 0),
	ROW(STRING, loglevel_parameter, 0),
	ROW(INT, scert_verifydepth, 0),
	PARAM_END,
};

struct role_client {
	const struct globals *globals;         /* borrowed from main */
	struct tlsproxy_client_init reference; /* borrowed from the settings */
	struct tlsproxy_client_params params;  /* borrowed from the globals */
	struct context *expected;              /* a reference; NULL: there is none */
	bool late;                             /* the expected context is made with the first request */
	struct context_cache *contexts;        /* owned */
	struct context_cache *related;         /* owned; of requests with a file of the reference */
	struct drift *drift;                   /* owned */
	struct table *session_caches;          /* owned; by the cache type */
	struct event_base *base;               /* borrowed; NULL before role_client_begin() */
	struct mgr_client *mgr;                /* borrowed */
};

/* --- the role --- */

bool
role_client_is_on(const struct role_client_settings *in)
{
	bool use = in->use_tls || in->enforce_tls;

	if (*in->security_level) {
		enum level level = level_from_name(in->security_level);

		if (level < LEVEL_NONE)
			log_fatal("Invalid TLS level \"%s\"", in->security_level);
		use = level > LEVEL_NONE;
	}
	return use || *in->per_site || *in->policy_maps;
}

static struct context *
build(const struct globals *globals, const struct tlsproxy_client_init *init, chain_read_fn read,
    void *read_arg)
{
	const struct context_client_settings settings = {
		.log_param = init->log_param,
		.log_level = init->log_level,
		.verifydepth = init->verifydepth,
		CONTEXT_FILE_NAMES(init),
		.append_default_CA = globals->append_default_CA,
		.fingerprint_digest = init->mdalg,
		.legacy_public_key_fingerprints = globals->legacy_public_key_fingerprints,
		.dane_digests = globals->dane_digests,
		.eecdh_auto_curves = globals->eecdh_auto_curves,
		.ffdhe_auto_groups = globals_ffdhe_auto_groups(globals),
		.cipher_grades = globals_cipher_grades(globals),
		.disable_workarounds = globals->disable_workarounds,
		.ssl_options = globals->ssl_options,
		.config_file = globals->config_file,
		.config_name = globals->config_name,
		.read_file = read,
		.read_arg = read_arg,
	};

	return context_new_client(&settings);
}

enum { FILES = 9 };

/* Each a file, "", or a list of files. */
static void
files_of(const struct tlsproxy_client_init *init, const char *files[FILES])
{
	const char *const all[FILES] = { init->chain_files, init->cert_file, init->key_file, init->dcert_file,
		init->dkey_file, init->eccert_file, init->eckey_file, init->CAfile, init->CApath };

	memcpy(files, all, sizeof all);
}

static bool
names_file(const struct tlsproxy_client_init *init, const char *file, size_t file_len)
{
	const char *files[FILES], *word;
	size_t len;

	files_of(init, files);
	for (size_t i = 0; i < FILES; i++)
		while ((word = text_token(&files[i], TEXT_LIST_SEPARATORS, &len)) != NULL)
			if (len == file_len && memcmp(word, file, len) == 0)
				return true;
	return false;
}

/* Is there a file that both name, under whatever parameter? */
static bool
is_related(const struct tlsproxy_client_init *one, const struct tlsproxy_client_init *other)
{
	const char *files[FILES], *word;
	size_t len;

	files_of(one, files);
	for (size_t i = 0; i < FILES; i++)
		while ((word = text_token(&files[i], TEXT_LIST_SEPARATORS, &len)) != NULL)
			if (names_file(other, word, len))
				return true;
	return false;
}

static struct context_cache *
cache_for(const struct role_client *role, const struct tlsproxy_client_init *init)
{
	return is_related(&role->reference, init) ? role->related : role->contexts;
}

/* Under the keys of both kinds of callers: those of Postfix 3.12 leave `log_param` out. */
static void
pin_expected(struct role_client *role)
{
	struct context_cache *cache = cache_for(role, &role->reference);
	struct tlsproxy_client_request request = { .init = role->reference };
	struct buf key = BUF_INIT;

	tlsproxy_proto_client_key(&key, &request);
	context_cache_pin(cache, &key, role->expected);
	buf_clear(&key);
	request.start.log_param = role->reference.log_param;
	tlsproxy_proto_client_key(&key, &request);
	context_cache_pin(cache, &key, role->expected);
	buf_release(&key);
}

static bool
names_files(const struct tlsproxy_client_init *init)
{
	return *init->chain_files || *init->cert_file || *init->key_file || *init->dcert_file ||
	       *init->dkey_file || *init->eccert_file || *init->eckey_file || *init->CAfile || *init->CApath;
}

/* Whoever has more logged wants to see the start, too. */
static bool
logs_little(const char *level)
{
	return !*level || strcmp(level, "0") == 0 || strcmp(level, "1") == 0;
}

static void
make_expected(struct role_client *role)
{
	role->late = false;
	role->expected = build(role->globals, &role->reference, NULL, NULL);
	if (role->expected)
		pin_expected(role);
	else
		log_warn("TLS client initialization failed");
}

struct role_client *
role_client_new(const struct role_client_settings *in, const struct globals *globals, bool library_ready)
{
	if (!role_client_is_on(in))
		return NULL;

	struct role_client *role = alloc_zero(sizeof *role);
	role->globals = globals;
	role->reference = (struct tlsproxy_client_init){
		.log_param = in->loglevel_parameter,
		.log_level = in->loglevel,
		.verifydepth = in->scert_verifydepth,
		.cache_type = "smtp",
		CONTEXT_FILE_NAMES(in),
		.mdalg = in->fingerprint_digest,
	};
	globals_as_client_params(globals, &role->params);
	role->contexts = context_cache_new(CONTEXT_LIMIT);
	role->related = context_cache_new(RELATED_LIMIT);
	role->drift = drift_new();
	role->late = library_ready && !names_files(&role->reference) && logs_little(in->loglevel);
	if (!role->late)
		make_expected(role);
	return role;
}

struct context *
role_client_expected(const struct role_client *role)
{
	return role->expected;
}

struct context *
role_client_rebuild(const struct role_client *role, chain_read_fn read, void *read_arg)
{
	return build(role->globals, &role->reference, read, read_arg);
}

void
role_client_exchange(struct role_client *role, struct context *context)
{
	context_unref(role->expected);
	role->expected = context;
	context_cache_forget(role->related);
	pin_expected(role);
}

static void
free_session_cache(void *value)
{
	resume_client_free(value);
}

/* The cache of that type; NULL: there are too many types. */
static struct resume_client *
session_cache(struct role_client *role, const char *cache_type)
{
	struct resume_client *cache = table_get(role->session_caches, cache_type);

	if (!cache && table_count(role->session_caches) < CACHE_TYPE_LIMIT) {
		cache = resume_client_new(role->base, role->mgr, cache_type);
		table_put(role->session_caches, cache_type, cache);
	}
	return cache;
}

void
role_client_begin(struct role_client *role, struct event_base *base, struct mgr_client *mgr)
{
	role->base = base;
	role->mgr = mgr;
	role->session_caches = table_new(free_session_cache);
	/* Its policy is asked for now, so that the first session need not wait for it. */
	session_cache(role, role->reference.cache_type);
}

void
role_client_free(struct role_client *role)
{
	if (!role)
		return;
	if (role->session_caches)
		table_free(role->session_caches);
	drift_free(role->drift);
	context_cache_free(role->related);
	context_cache_free(role->contexts);
	context_unref(role->expected);
	free(role);
}

/* --- contexts --- */

static void
warn_of_params(struct role_client *role, const struct tlsproxy_client_params *params)
{
	struct buf words = BUF_INIT;

	if (tlsproxy_proto_client_params_differ(&words, &role->params, params))
		drift_warn(role->drift, "client", buf_str(&words));
	buf_release(&words);
}

/* Settings without files are nobody's secret and nobody's mistake. */
static void
warn_of_init(struct role_client *role, const struct tlsproxy_client_request *request)
{
	struct tlsproxy_client_init init = request->init;
	struct buf words = BUF_INIT;

	if (!names_files(&init))
		return;
	if (request->start.log_param)
		init.log_param = NULL;
	if (tlsproxy_proto_client_init_differ(&words, &role->reference, &init))
		drift_warn(role->drift, "client", buf_str(&words));
	buf_release(&words);
}

struct question {
	struct role_client *role;
	const struct tlsproxy_client_request *request;
};

static struct context *
build_for_request(void *arg)
{
	const struct question *question = arg;

	warn_of_init(question->role, question->request);
	return build(question->role->globals, &question->request->init, NULL, NULL);
}

struct context *
role_client_context(struct role_client *role, const struct tlsproxy_client_request *request)
{
	struct question question = { role, request };
	struct buf key = BUF_INIT;

	if (role->late)
		make_expected(role);
	warn_of_params(role, &request->params);
	tlsproxy_proto_client_key(&key, request);
	struct context *context =
	    context_cache_get(cache_for(role, &request->init), &key, build_for_request, &question);
	buf_release(&key);
	return context;
}

/* --- sessions --- */

static struct dane_set *
records_of(const struct tlsproxy_dane *dane)
{
	if (!dane->present)
		return NULL;

	struct dane_set *set = dane_set_new(dane->domain);
	for (size_t i = 0; i < dane->count; i++) {
		const struct tlsproxy_tlsa *record = &dane->records[i];

		dane_set_add(set, (uint8_t)record->usage, (uint8_t)record->selector, (uint8_t)record->mtype,
		    record->data, record->len);
	}
	return set;
}

/* The oldest release whose callers send such a request. */
static int
release_of(const struct tlsproxy_client_request *request)
{
	switch (tlsproxy_proto_client_shape(request)) {
	case TLSPROXY_CONTEXT_3_6:
		return request->params.ffdhe_auto_groups ? CONN_RELEASE_3_8 : CONN_RELEASE_3_7;
	case TLSPROXY_CONTEXT_3_9:
		return CONN_RELEASE_3_9;
	default:
		return request->params.legacy_public_key_fingerprints == TLSPROXY_SHAPE_ABSENT
			   ? CONN_RELEASE_3_11
			   : CONN_RELEASE_3_10;
	}
}

struct conn *
role_client_conn(struct role_client *role, struct context *context,
    const struct tlsproxy_client_request *request, int fd, resume_ready_fn ready, void *arg)
{
	const struct tlsproxy_client_start *start = &request->start;
	struct dane_set *records = records_of(&start->dane);
	const struct conn_client_settings settings = {
		.release = release_of(request),
		.level = start->tls_level,
		.nexthop = start->nexthop,
		.host = start->host,
		.namaddr = start->namaddr,
		.sni = start->sni,
		.serverid = start->serverid,
		.helo = start->helo,
		.protocols = start->protocols,
		.cipher_grade = start->cipher_grade,
		.cipher_exclusions = start->cipher_exclusions,
		.match = start->matchargv.values,
		.match_count = start->matchargv.count,
		.mdalg = start->mdalg,
		.dane = records,
		.enable_rpk = start->enable_rpk == TLSPROXY_SHAPE_ABSENT ? -1 : start->enable_rpk,
		.forced_failure_type = start->forced_failure_type,
		.log_param = start->log_param,
		.log_level = start->log_level,
		.fd = fd,
		.ready = ready,
		.context = arg,
	};
	struct conn *conn =
	    conn_new_client(context, session_cache(role, request->init.cache_type), &settings);

	dane_set_free(records);
	return conn;
}
