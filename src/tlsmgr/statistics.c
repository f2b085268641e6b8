/* SPDX-License-Identifier: ISC */
#include "tlsmgr/statistics.h"

#include <stdio.h>

#include "mail/attr.h"
#include "mail/tlsmgr_proto.h"
#include "tlsmgr/mgr_request.h"
#include "tlsmgr/scache.h"
#include "tlsmgr/ticketkeys.h"
#include "util/buf.h"
#include "util/now.h"

static const char *const requests[STATISTICS_REQUESTS] = {
	[STATISTICS_SEED] = TLSMGR_PROTO_SEED,
	[STATISTICS_POLICY] = TLSMGR_PROTO_POLICY,
	[STATISTICS_LOOKUP] = TLSMGR_PROTO_LOOKUP,
	[STATISTICS_UPDATE] = TLSMGR_PROTO_UPDATE,
	[STATISTICS_DELETE] = TLSMGR_PROTO_DELETE,
	[STATISTICS_TKTKEY] = TLSMGR_PROTO_TKTKEY,
	[STATISTICS_STATS] = TLSMGR_PROTO_STATS,
	[STATISTICS_OTHER] = "other",
};

static const char *const results[STATISTICS_RESULTS] = { "ok", "err", "fail" };

void
statistics_init(struct statistics *statistics)
{
	*statistics = (struct statistics){ .started_ms = now_ms() };
}

void
statistics_count(struct statistics *statistics, enum statistics_request request, int status)
{
	int result = status == TLSMGR_PROTO_OK ? 0 : status == TLSMGR_PROTO_ERR ? 1 : 2;

	statistics->requests[request][result]++;
}

static void
put(struct buf *reply, const char *group, const char *name, uint64_t number)
{
	char full[64];

	snprintf(full, sizeof full, "%s_%s", group, name);
	attr_put_long_as(reply, ATTR_NULL, full, (long)number);
}

/* How long ago, in seconds; nothing when it never was. */
static void
put_age(struct buf *reply, const char *group, const char *name, int64_t then_ms)
{
	if (then_ms)
		put(reply, group, name, (uint64_t)(now_ms() - then_ms) / 1000);
}

static void
put_cache(struct buf *reply, const struct scache *cache)
{
	const char *label = scache_label(cache);
	struct scache_stats stats;

	scache_stats(cache, &stats);
	const struct {
		const char *name;
		uint64_t number;
	} rows[] = {
		{ "enabled", scache_is_enabled(cache) },
		{ "timeout", (uint64_t)scache_timeout_s(cache) },
		{ "available", stats.available },
		{ "loading", stats.loading },
		{ "entries", stats.entries },
		{ "bytes", stats.bytes },
		{ "file_bytes", stats.file_bytes },
		{ "hits", stats.hits },
		{ "misses", stats.misses },
		{ "updates", stats.updates },
		{ "refused", stats.refused },
		{ "deletes", stats.deletes },
		{ "expired", stats.expired },
		{ "evicted", stats.evicted },
		{ "failures", stats.failures },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		put(reply, label, rows[i].name, rows[i].number);
}

static void
put_keys(struct buf *reply, struct ticketkeys *keys)
{
	struct ticketkeys_stats stats;

	ticketkeys_stats(keys, &stats);
	put(reply, "keys", "count", (uint64_t)stats.count);
	put(reply, "keys", "age", (uint64_t)stats.age_s);
	put(reply, "keys", "left", (uint64_t)stats.left_s);
	attr_put_str(reply, "keys_source", stats.source);
	attr_put_str(reply, "keys_seal", stats.seal);
}

void
statistics_put(const struct mgr_request_env *env, struct buf *reply)
{
	const struct statistics *statistics = env->statistics;

	put_age(reply, "process", "uptime", statistics->started_ms);
	put(reply, "clients", "now", statistics->clients);
	put(reply, "clients", "ever", statistics->clients_ever);
	put(reply, "clients", "timeouts", statistics->timeouts);
	put(reply, "clients", "dropped", statistics->dropped);
	for (int i = 0; i < STATISTICS_REQUESTS; i++)
		for (int j = 0; j < STATISTICS_RESULTS; j++)
			put(reply, requests[i], results[j], statistics->requests[i][j]);
	put_age(reply, "entropy", "age", statistics->reseeded_ms);
	put_age(reply, "exchange", "age", statistics->exchanged_ms);
	for (int i = 0; i < MGR_REQUEST_CACHES; i++)
		put_cache(reply, env->caches[i]);
	put_keys(reply, env->keys);
}
