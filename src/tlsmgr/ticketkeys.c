/* SPDX-License-Identifier: ISC */
#include "tlsmgr/ticketkeys.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "tls/random.h"
#include "tlsmgr/ticketsecret.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/now.h"

/* Periods around the present one whose keys are at hand. */
enum { PREVIOUS, PRESENT, NEXT, AFTER_NEXT, PERIODS };

struct slot {
	struct ticketkeys_record record;
	bool kept; /* came from another process */
};

struct ticketkeys {
	int half_s;                                  /* 0: no keys */
	struct slot slots[TICKETKEYS_MAX - PERIODS]; /* the latest first */
	int count;
	struct buf secret;                         /* owned; empty: none */
	struct tlsmgr_ticket_key derived[PERIODS]; /* with a secret */
	int64_t present;                           /* number of the period these are for */
	struct tlsmgr_ticket_key shown;            /* a key as the last caller got it */
	struct ticketkeys_keeper keeper;           /* functions NULL: none */
	const char *seal;                          /* a constant */
};

struct ticketkeys *
ticketkeys_new(int period_s)
{
	struct ticketkeys *keys = alloc_zero(sizeof *keys);

	keys->half_s = period_s > 0 ? period_s / 2 : 0;
	keys->present = -1;
	keys->seal = "none";
	return keys;
}

void
ticketkeys_free(struct ticketkeys *keys)
{
	if (!keys)
		return;
	buf_release_secret(&keys->secret);
	alloc_wipe(keys, sizeof *keys);
	free(keys);
}

void
ticketkeys_set_secret(struct ticketkeys *keys, struct buf *secret)
{
	buf_release_secret(&keys->secret);
	keys->secret = *secret;
	*secret = (struct buf)BUF_INIT;
	keys->present = -1;
}

void
ticketkeys_set_keeper(struct ticketkeys *keys, const struct ticketkeys_keeper *keeper)
{
	keys->keeper = *keeper;
}

void
ticketkeys_set_seal(struct ticketkeys *keys, const char *seal)
{
	keys->seal = seal;
}

/* --- keys of the secret --- */

/* False: there are none, for want of a secret or because the library failed. */
static bool
derive(struct ticketkeys *keys)
{
	int64_t present;

	if (keys->half_s == 0 || keys->secret.len == 0)
		return false;
	present = now_wall() / keys->half_s;
	if (keys->present == present)
		return true;
	keys->present = -1;
	for (int i = 0; i < PERIODS; i++)
		if (ticketsecret_derive(
			&keys->secret, keys->half_s, present + i - PRESENT, &keys->derived[i]) < 0)
			return false;
	keys->present = present;
	return true;
}

/* --- keys that are held --- */

/*
 * What decrypts. The spare time at the far end is for keys of a period that begins earlier on another host,
 * and for a clock that went back a little. A key from further ahead would be used until then, which may be
 * years.
 */
static bool
is_good(const struct ticketkeys *keys, const struct ticketkeys_record *record)
{
	int64_t now = now_wall();

	return record->key.tout + keys->half_s > now && record->key.tout <= now + 2 * (int64_t)keys->half_s;
}

static void
remove_slot(struct ticketkeys *keys, int i)
{
	keys->count--;
	memmove(&keys->slots[i], &keys->slots[i + 1], sizeof keys->slots[0] * (size_t)(keys->count - i));
	alloc_wipe(&keys->slots[keys->count], sizeof keys->slots[0]);
}

static void
insert(struct ticketkeys *keys, const struct slot *slot)
{
	int at = 0;

	if (keys->count == (int)(sizeof keys->slots / sizeof keys->slots[0]))
		remove_slot(keys, keys->count - 1);
	while (at < keys->count && keys->slots[at].record.key.tout > slot->record.key.tout)
		at++;
	memmove(&keys->slots[at + 1], &keys->slots[at], sizeof keys->slots[0] * (size_t)(keys->count - at));
	keys->slots[at] = *slot;
	keys->count++;
}

/*
 * Drops what no longer decrypts. Of one process's random keys that is the last but two as well, although its
 * time may have a second left. Counted in time, so that keys of two processes do not push each other out.
 */
void
ticketkeys_expire(struct ticketkeys *keys)
{
	int64_t span = 2 * (int64_t)(keys->half_s - 1), latest = INT64_MIN;

	for (int i = keys->count - 1; i >= 0; i--)
		if (!is_good(keys, &keys->slots[i].record))
			remove_slot(keys, i);
	for (int i = 0; i < keys->count && latest == INT64_MIN; i++)
		if (keys->slots[i].record.origin == TICKETKEYS_RANDOM)
			latest = keys->slots[i].record.key.tout;
	for (int i = keys->count - 1; i >= 0; i--)
		if (keys->slots[i].record.origin == TICKETKEYS_RANDOM &&
		    keys->slots[i].record.key.tout <= latest - span)
			remove_slot(keys, i);
}

static const struct slot *
issuing_slot(const struct ticketkeys *keys)
{
	for (int i = 0; i < keys->count; i++)
		if (keys->slots[i].record.origin == TICKETKEYS_RANDOM &&
		    is_good(keys, &keys->slots[i].record))
			return keys->slots[i].record.key.tout > now_wall() ? &keys->slots[i] : NULL;
	return NULL;
}

static bool
make_key(struct tlsmgr_ticket_key *key, int64_t tout)
{
	if (random_bytes(key->name, sizeof key->name) < 0 || random_bytes(key->bits, sizeof key->bits) < 0 ||
	    random_bytes(key->hmac, sizeof key->hmac) < 0)
		return false;
	key->tout = tout;
	return true;
}

const struct tlsmgr_ticket_key *
ticketkeys_current(struct ticketkeys *keys)
{
	struct slot made = { .record.origin = TICKETKEYS_RANDOM };
	const struct slot *slot;

	if (keys->half_s == 0)
		return NULL;
	if (keys->secret.len > 0)
		return derive(keys) ? &keys->derived[PRESENT] : NULL;
	slot = issuing_slot(keys);
	if (slot)
		return &slot->record.key;

	/* One second early, so that a ticket never outlives the key by the length of the second it was made
	 * in. */
	if (!make_key(&made.record.key, now_wall() + keys->half_s - 1))
		return NULL;
	insert(keys, &made);
	alloc_wipe(&made, sizeof made);
	ticketkeys_expire(keys);
	if (keys->keeper.made)
		keys->keeper.made(keys->keeper.context);

	slot = issuing_slot(keys);
	return slot ? &slot->record.key : NULL;
}

static const struct tlsmgr_ticket_key *
find_known(struct ticketkeys *keys, const void *name)
{
	if (derive(keys))
		for (int i = PREVIOUS; i <= NEXT; i++)
			if (memcmp(keys->derived[i].name, name, TLSMGR_TICKET_NAME_LEN) == 0)
				return &keys->derived[i];
	for (int i = 0; i < keys->count; i++)
		if (memcmp(keys->slots[i].record.key.name, name, TLSMGR_TICKET_NAME_LEN) == 0)
			return is_good(keys, &keys->slots[i].record) ? &keys->slots[i].record.key : NULL;
	return NULL;
}

static bool
may_issue(const struct ticketkeys *keys, const struct tlsmgr_ticket_key *key)
{
	if (keys->secret.len > 0)
		return key == &keys->derived[PRESENT];
	for (int i = 0; i < keys->count; i++)
		if (key == &keys->slots[i].record.key)
			return keys->slots[i].record.origin == TICKETKEYS_RANDOM;
	return false;
}

const struct tlsmgr_ticket_key *
ticketkeys_find(struct ticketkeys *keys, const void *name)
{
	const struct tlsmgr_ticket_key *key = find_known(keys, name);

	if (!key && keys->keeper.missed && keys->keeper.missed(keys->keeper.context))
		key = find_known(keys, name);
	if (!key || may_issue(keys, key) || key->tout <= now_wall())
		return key;
	keys->shown = *key;
	keys->shown.tout = now_wall();
	return &keys->shown;
}

/* --- keys on their way --- */

int
ticketkeys_export(struct ticketkeys *keys, struct ticketkeys_record *records)
{
	int count = 0;

	ticketkeys_expire(keys);
	if (derive(keys)) {
		for (int i = 0; i < PERIODS; i++) {
			records[count].key = keys->derived[i];
			records[count++].origin = TICKETKEYS_DERIVED;
		}
	}
	for (int i = 0; i < keys->count; i++)
		records[count++] = keys->slots[i].record;
	return count;
}

/* One that can be reckoned with. */
static bool
is_time(int64_t tout)
{
	return tout > 0 && tout < INT64_MAX / 2;
}

bool
ticketkeys_import(struct ticketkeys *keys, const struct ticketkeys_record *record)
{
	struct slot slot = { .record = *record, .kept = true };
	bool taken = keys->half_s > 0 && is_time(record->key.tout) && is_good(keys, record) &&
		     !find_known(keys, record->key.name) &&
		     (record->origin == TICKETKEYS_DERIVED || record->key.tout < now_wall() + keys->half_s);

	if (taken)
		insert(keys, &slot);
	alloc_wipe(&slot, sizeof slot);
	return taken;
}

static int
seconds_until(int64_t then)
{
	int64_t now = now_wall();

	if (then <= now)
		return 0;
	return then - now < INT_MAX ? (int)(then - now) : INT_MAX;
}

int
ticketkeys_next_change_s(struct ticketkeys *keys)
{
	int64_t next = INT64_MAX;

	if (derive(keys))
		next = keys->derived[PRESENT].tout;
	for (int i = 0; i < keys->count; i++)
		if (keys->slots[i].record.key.tout + keys->half_s < next)
			next = keys->slots[i].record.key.tout + keys->half_s;
	return next == INT64_MAX ? -1 : seconds_until(next);
}

int
ticketkeys_lifetime_s(const struct ticketkeys *keys, const struct ticketkeys_record *records, int count)
{
	int64_t last = 0;

	for (int i = 0; i < count; i++)
		if (records[i].key.tout + keys->half_s > last)
			last = records[i].key.tout + keys->half_s;
	return seconds_until(last);
}

/* --- statistics --- */

void
ticketkeys_stats(struct ticketkeys *keys, struct ticketkeys_stats *stats)
{
	const struct slot *slot = keys->secret.len > 0 ? NULL : issuing_slot(keys);
	int64_t now = now_wall();

	*stats = (struct ticketkeys_stats){ .source = "none", .seal = keys->seal };
	for (int i = 0; i < keys->count; i++)
		stats->count += is_good(keys, &keys->slots[i].record);
	if (derive(keys)) {
		stats->count += NEXT - PREVIOUS + 1;
		stats->source = "secret";
		stats->left_s = (int)(keys->derived[PRESENT].tout - now);
		stats->age_s = keys->half_s - stats->left_s;
	} else if (slot) {
		stats->source = slot->kept ? "kept" : "random";
		stats->left_s = (int)(slot->record.key.tout - now);
		stats->age_s = keys->half_s - 1 - stats->left_s;
	}
}
