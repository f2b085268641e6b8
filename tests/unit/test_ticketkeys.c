/* SPDX-License-Identifier: ISC */
#include "tlsmgr_fixture.h"

#include "mail/tlsmgr_proto.h"
#include "tlsmgr/ticketkeys.h"
#include "util/now.h"

static void
keys_rotate_every_half_period(void **state)
{
	struct ticketkeys *keys = ticketkeys_new(120);
	struct tlsmgr_ticket_key k[4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		now_set(1000000 + i * 59);
		k[i] = *ticketkeys_current(keys);
		assert_int_equal(k[i].tout, 1000000 + i * 59 + 59);
		for (int j = 0; j <= i; j++) {
			if (j >= i - 1)
				assert_non_null(ticketkeys_find(keys, k[j].name));
			else
				assert_null(ticketkeys_find(keys, k[j].name));
		}
	}
	now_set(0);
	ticketkeys_free(keys);
}

static void
key_decrypts_for_half_a_period_more(void **state)
{
	struct ticketkeys *keys = ticketkeys_new(120);
	struct tlsmgr_ticket_key key;

	(void)state;
	now_set(5000);
	key = *ticketkeys_current(keys);
	now_set(5058);
	assert_memory_equal(ticketkeys_current(keys)->name, key.name, sizeof key.name);
	now_set(key.tout + 59);
	assert_non_null(ticketkeys_find(keys, key.name));
	now_set(key.tout + 60);
	assert_null(ticketkeys_find(keys, key.name));
	assert_null(ticketkeys_find(keys, "0123456789abcdef"));
	now_set(0);
	ticketkeys_free(keys);
}

static void
no_period_no_keys(void **state)
{
	struct ticketkeys *keys = ticketkeys_new(0);

	(void)state;
	assert_null(ticketkeys_current(keys));
	ticketkeys_free(keys);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_rotate_every_half_period),
		cmocka_unit_test(key_decrypts_for_half_a_period_more),
		cmocka_unit_test(no_period_no_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
