/* SPDX-License-Identifier: ISC */
/*
 * fuzz_ticketfile: the file of ticket keys: any bytes as the whole file, and as what is inside the seal,
 * which nobody without its key can choose.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "mail/tlsmgr_proto.h"
#include "tlsmgr/ticketblob.h"
#include "tlsmgr/ticketkeys.h"
#include "util/log.h"
#include "util/now.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const unsigned char key[SEAL_KEY_LEN];

static bool
is_same(const struct ticketkeys_record *a, const struct ticketkeys_record *b)
{
	unsigned char x[TLSMGR_TICKET_RECORD_LEN], y[TLSMGR_TICKET_RECORD_LEN];

	tlsmgr_proto_pack_key(&a->key, x);
	tlsmgr_proto_pack_key(&b->key, y);
	return a->origin == b->origin && memcmp(x, y, sizeof x) == 0;
}

/* What was read can be written, and reads the same. */
static void
check_round_trip(const struct ticketkeys_record *records, int count)
{
	struct ticketblob_header header = { .seal.kind = SEALKEY_BOOT }, got;
	struct ticketkeys_record again[TICKETKEYS_MAX];
	unsigned char bytes[TICKETBLOB_LEN];

	if (ticketblob_close(&header, key, records, count, bytes) < 0 ||
	    ticketblob_get_header(bytes, sizeof bytes, &got) < 0 ||
	    ticketblob_open(bytes, sizeof bytes, key, again) != count)
		log_panic("what was sealed does not open");
	for (int i = 0; i < count; i++)
		if (!is_same(&records[i], &again[i]))
			log_panic("record %d is another one", i);
}

/* Any times, any number of times. */
static void
check_import(const struct ticketkeys_record *records, int count)
{
	struct ticketkeys *keys = ticketkeys_new(3600);
	struct ticketkeys_record out[TICKETKEYS_MAX];

	for (int turn = 0; turn < 3; turn++)
		for (int i = 0; i < count; i++)
			ticketkeys_import(keys, &records[i]);
	if (!ticketkeys_current(keys) || ticketkeys_export(keys, out) > TICKETKEYS_MAX)
		log_panic("keys that were read are in the way");
	ticketkeys_free(keys);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ticketkeys_record records[TICKETKEYS_MAX];
	struct ticketblob_header header;
	int count;

	now_set(1700000000);
	if (ticketblob_get_header(data, size, &header) == 0 && header.seal.place >= SEALKEY_PLACES)
		log_panic("a place that is none");
	count = ticketblob_open(data, size, key, records);
	if (count < 0)
		count = ticketblob_get_body(data, size, records);
	if (count >= 0) {
		check_round_trip(records, count);
		check_import(records, count);
	}
	return 0;
}
