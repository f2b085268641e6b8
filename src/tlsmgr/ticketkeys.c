/* SPDX-License-Identifier: ISC */
#include "tlsmgr/ticketkeys.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mail/tlsmgr_proto.h"
#include "tls/random.h"
#include "util/alloc.h"
#include "util/now.h"

struct ticketkeys {
	int half_s; /* 0: no keys */
	struct {
		struct tlsmgr_ticket_key key;
		bool present;
	} slots[TICKETKEYS_MAX]; /* the latest first */
};

struct ticketkeys *
ticketkeys_new(int period_s)
{
	struct ticketkeys *keys = alloc_zero(sizeof *keys);

	keys->half_s = period_s > 0 ? period_s / 2 : 0;
	return keys;
}

void
ticketkeys_free(struct ticketkeys *keys)
{
	if (!keys)
		return;
	alloc_wipe(keys, sizeof *keys);
	free(keys);
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
	int64_t now = now_wall();
	struct tlsmgr_ticket_key key = { 0 };

	if (keys->half_s == 0)
		return NULL;
	if (keys->slots[0].present && keys->slots[0].key.tout > now)
		return &keys->slots[0].key;

	/* One second early, so that a ticket never outlives the key by the length of the second it was made
	 * in. */
	if (make_key(&key, now + keys->half_s - 1)) {
		keys->slots[1] = keys->slots[0];
		keys->slots[0].key = key;
		keys->slots[0].present = true;
		alloc_wipe(&key, sizeof key);
		return &keys->slots[0].key;
	}
	alloc_wipe(&key, sizeof key);
	return NULL;
}

const struct tlsmgr_ticket_key *
ticketkeys_find(struct ticketkeys *keys, const void *name)
{
	int64_t now = now_wall();

	for (int i = 0; i < TICKETKEYS_MAX; i++)
		if (keys->slots[i].present &&
		    memcmp(keys->slots[i].key.name, name, TLSMGR_TICKET_NAME_LEN) == 0)
			return keys->slots[i].key.tout + keys->half_s > now ? &keys->slots[i].key : NULL;
	return NULL;
}

int
ticketkeys_export(const struct ticketkeys *keys, unsigned char *records)
{
	int64_t now = now_wall();
	int count = 0;

	for (int i = 0; i < TICKETKEYS_MAX; i++)
		if (keys->slots[i].present && keys->slots[i].key.tout + keys->half_s > now)
			tlsmgr_proto_pack_key(
			    &keys->slots[i].key, records + count++ * TLSMGR_TICKET_RECORD_LEN);
	return count;
}

void
ticketkeys_import(struct ticketkeys *keys, const unsigned char *record)
{
	int64_t now = now_wall();
	struct tlsmgr_ticket_key key;

	tlsmgr_proto_unpack_key(&key, record);
	if (key.tout < now + keys->half_s && key.tout > now - keys->half_s &&
	    !ticketkeys_find(keys, key.name)) {
		keys->slots[1] = keys->slots[0];
		keys->slots[0].key = key;
		keys->slots[0].present = true;
	}
	alloc_wipe(&key, sizeof key);
}
