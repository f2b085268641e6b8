/* SPDX-License-Identifier: ISC */
#include "tlsmgr/upkeep.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mail/timer.h"
#include "tls/random.h"
#include "tlsmgr/entropy.h"
#include "tlsmgr/exchange.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/log.h"
#include "util/now.h"

enum {
	CHANCE_MAX = UCHAR_MAX,
	PERIOD_MAX_S = INT_MAX / CHANCE_MAX,
	RETRY_MAX_S = 60,
	LOCK_RETRY_S = 1,
	LOCK_TRIES = 10, /* before the log hears of it */
};

struct upkeep {
	struct upkeep_config config;
	struct event_base *base; /* borrowed from who started it */

	struct entropy *entropy; /* owned */
	struct timer *reseed;    /* owned; NULL until it starts */
	int reseed_retry_s;      /* 0: the last one was good */

	struct exchange *exchange; /* owned; NULL: none */
	struct timer *update;      /* owned; NULL until it starts */
	int update_retry_s;        /* 0: the last one was good */
	int lock_tries;            /* in a row, all in vain */
	bool told;                 /* the log knows that the exchange file is not written */
};

int
upkeep_delay_s(int period_s, unsigned char chance)
{
	return (period_s < PERIOD_MAX_S ? period_s : PERIOD_MAX_S) * chance / CHANCE_MAX;
}

static void
start_timer_s(struct timer *timer, int delay_s)
{
	timer_start(timer, (int64_t)delay_s * 1000);
}

static void
start_random_timer(struct timer *timer, int period_s)
{
	unsigned char chance;

	if (random_bytes(&chance, 1) < 0)
		chance = (unsigned char)getpid();
	start_timer_s(timer, upkeep_delay_s(period_s, chance));
}

static void
start_retry_timer(struct timer *timer, int *retry_s)
{
	*retry_s = *retry_s == 0 ? 1 : *retry_s * 2;
	if (*retry_s > RETRY_MAX_S)
		*retry_s = RETRY_MAX_S;
	start_timer_s(timer, *retry_s);
}

static void
note(int64_t *when_ms)
{
	if (when_ms)
		*when_ms = now_ms();
}

/* --- the external source --- */

static void
on_entropy(bool done, void *context)
{
	struct upkeep *upkeep = context;

	if (done) {
		upkeep->reseed_retry_s = 0;
		note(upkeep->config.reseeded_ms);
	}
	if (!entropy_has_more(upkeep->entropy))
		return;
	if (done)
		start_random_timer(upkeep->reseed, upkeep->config.reseed_period_s);
	else
		start_retry_timer(upkeep->reseed, &upkeep->reseed_retry_s);
}

static void
on_reseed(void *context)
{
	struct upkeep *upkeep = context;

	entropy_read(upkeep->entropy, upkeep->base, on_entropy, upkeep);
}

/* --- the exchange file --- */

static void
tell(struct upkeep *upkeep, const char *text)
{
	if (!upkeep->told)
		log_warn("%s", text);
	upkeep->told = true;
}

static void
update_done(struct upkeep *upkeep)
{
	if (upkeep->told)
		log_info("PRNG exchange file %s is updated again", exchange_path(upkeep->exchange));
	upkeep->told = false;
	upkeep->update_retry_s = 0;
	upkeep->lock_tries = 0;
	note(upkeep->config.updated_ms);
	start_random_timer(upkeep->update, upkeep->config.update_period_s);
}

static void
update_locked(struct upkeep *upkeep)
{
	struct err err = { 0 };

	if (++upkeep->lock_tries == LOCK_TRIES) {
		errno = EAGAIN;
		err_errno(&err, "cannot lock PRNG exchange file %s", exchange_path(upkeep->exchange));
		tell(upkeep, err.text);
	}
	start_timer_s(upkeep->update, LOCK_RETRY_S);
}

/* The text is what administrators know from Postfix, though we do not exit. */
static void
replace_removed(struct upkeep *upkeep)
{
	struct err err = { 0 };

	log_warn("PRNG exchange file was removed -- exiting to reopen");
	if (exchange_open(upkeep->exchange, &err) < 0)
		tell(upkeep, err.text);
	else
		log_info("created PRNG exchange file %s", exchange_path(upkeep->exchange));
}

static void
on_update(void *context)
{
	struct upkeep *upkeep = context;
	struct err err = { 0 };

	log_debug("tlsmgr_prng_exch_event: update PRNG exchange file");
	if (exchange_is_removed(upkeep->exchange))
		replace_removed(upkeep);
	switch (exchange_update(upkeep->exchange, &err)) {
	case 1:
		update_done(upkeep);
		return;
	case 0:
		update_locked(upkeep);
		return;
	default:
		tell(upkeep, err.text);
		start_retry_timer(upkeep->update, &upkeep->update_retry_s);
	}
}

void
upkeep_use_exchange(struct upkeep *upkeep, const char *path)
{
	struct err err = { 0 };

	upkeep->exchange = exchange_new(path);
	if (exchange_open(upkeep->exchange, &err) < 0) {
		err_prefix(&err, "tls_prng_exch_open");
		tell(upkeep, err.text);
	}
}

int
upkeep_directory(const struct upkeep *upkeep)
{
	return upkeep->exchange ? exchange_directory(upkeep->exchange) : -1;
}

/* --- both --- */

struct upkeep *
upkeep_new(const struct upkeep_config *config)
{
	struct upkeep *upkeep = alloc_zero(sizeof *upkeep);

	upkeep->config = *config;
	upkeep->config.source = NULL;
	upkeep->entropy = entropy_new(config->source, config->bytes);
	return upkeep;
}

void
upkeep_start(struct upkeep *upkeep, struct event_base *base)
{
	upkeep->base = base;
	upkeep->reseed = timer_new(base, on_reseed, upkeep);
	upkeep->update = timer_new(base, on_update, upkeep);
	if (entropy_has_more(upkeep->entropy))
		on_reseed(upkeep);
	if (upkeep->exchange)
		on_update(upkeep);
}

void
upkeep_free(struct upkeep *upkeep)
{
	struct err err = { 0 };

	if (!upkeep)
		return;
	if (upkeep->exchange && exchange_update(upkeep->exchange, &err) < 0)
		tell(upkeep, err.text);
	timer_free(upkeep->update);
	exchange_free(upkeep->exchange);
	timer_free(upkeep->reseed);
	entropy_free(upkeep->entropy);
	free(upkeep);
}
