/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"

#include "mail/tlsmgr_proto.h"
#include "tlsmgr/ticketkeys.h"
#include "util/buf.h"
#include "util/now.h"

enum { HALF_S = 1800, NOW = 1700000000 };

static struct ticketkeys *
keys_of_secret(int period_s, const char *text)
{
	struct ticketkeys *keys = ticketkeys_new(period_s);
	struct buf secret = BUF_INIT;

	buf_add_str(&secret, text);
	ticketkeys_set_secret(keys, &secret);
	assert_int_equal(secret.len, 0);
	return keys;
}

static bool
knows(struct ticketkeys *keys, const struct tlsmgr_ticket_key *key)
{
	return ticketkeys_find(keys, key->name) != NULL;
}

/* What one process leaves to the next. */
static void
hand_on(struct ticketkeys *from, struct ticketkeys *to)
{
	struct ticketkeys_record records[TICKETKEYS_MAX];
	int count = ticketkeys_export(from, records);

	for (int i = 0; i < count; i++)
		ticketkeys_import(to, &records[i]);
}

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
		for (int j = 0; j <= i; j++)
			assert_int_equal(knows(keys, &k[j]), j >= i - 1);
	}
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
	ticketkeys_free(keys);
}

static void
no_period_no_keys(void **state)
{
	struct ticketkeys *keys = ticketkeys_new(0), *shared = keys_of_secret(0, "secret");
	struct ticketkeys_record records[TICKETKEYS_MAX];

	(void)state;
	assert_null(ticketkeys_current(keys));
	assert_null(ticketkeys_current(shared));
	assert_null(ticketkeys_find(shared, "0123456789abcdef"));
	assert_int_equal(ticketkeys_export(shared, records), 0);
	assert_int_equal(ticketkeys_next_change_s(shared), -1);
	ticketkeys_free(shared);
	ticketkeys_free(keys);
}

/* It would issue for years otherwise. */
static void
key_made_while_the_clock_was_years_ahead_goes(void **state)
{
	static const int ahead_s[] = { 100000, 10 * 365 * 24 * 3600 };

	(void)state;
	for (size_t i = 0; i < COUNT(ahead_s); i++) {
		struct ticketkeys *keys = ticketkeys_new(3600);
		struct tlsmgr_ticket_key ahead, now;

		now_set(NOW + ahead_s[i]);
		ahead = *ticketkeys_current(keys);
		now_set(NOW);
		now = *ticketkeys_current(keys);
		assert_int_equal(now.tout, NOW + 1800 - 1);
		assert_memory_not_equal(now.name, ahead.name, sizeof now.name);
		assert_false(knows(keys, &ahead));
		assert_true(knows(keys, &now));
		assert_memory_equal(ticketkeys_current(keys)->name, now.name, sizeof now.name);
		ticketkeys_free(keys);
	}
}

static void
key_goes_on_in_the_next_process(void **state)
{
	static const struct {
		const char *name;
		int age_s, next_period_s;
		bool issues, decrypts;
	} rows[] = {
		{ "at once", 0, 3600, true, true },
		{ "last second of issuing", 1798, 3600, true, true },
		{ "issuing is over", 1799, 3600, false, true },
		{ "last second", 3598, 3600, false, true },
		{ "too old", 3599, 3600, false, false },
		{ "the clock went back", -100, 3600, false, false },
		{ "a shorter period", 0, 120, false, false },
		{ "a longer period", 0, 7200, true, true },
		{ "no tickets any more", 0, 0, false, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct ticketkeys *first = ticketkeys_new(3600),
				  *next = ticketkeys_new(rows[i].next_period_s);
		struct tlsmgr_ticket_key key;
		struct ticketkeys_record record = { .origin = TICKETKEYS_RANDOM };

		now_set(NOW);
		key = record.key = *ticketkeys_current(first);
		now_set(NOW + rows[i].age_s);
		CASE_IS(ticketkeys_import(next, &record) == rows[i].decrypts, rows[i].name);
		CASE_IS(!ticketkeys_import(next, &record), rows[i].name);
		CASE_IS(knows(next, &key) == rows[i].decrypts, rows[i].name);
		if (rows[i].next_period_s > 0)
			CASE_IS((memcmp(ticketkeys_current(next)->name, key.name, sizeof key.name) == 0) ==
				    rows[i].issues,
			    rows[i].name);
		ticketkeys_free(next);
		ticketkeys_free(first);
	}
}

static void
keys_of_two_processes_do_not_push_each_other_out(void **state)
{
	struct ticketkeys *old = ticketkeys_new(3600), *next = ticketkeys_new(3600);
	struct tlsmgr_ticket_key before, late, other;

	(void)state;
	now_set(NOW);
	before = *ticketkeys_current(old);
	hand_on(old, next);
	now_set(NOW + 1799);
	late = *ticketkeys_current(old);
	other = *ticketkeys_current(next);
	hand_on(old, next);
	assert_true(knows(next, &before));
	assert_true(knows(next, &late));
	assert_true(knows(next, &other));
	now_set(NOW + 2 * 1799);
	ticketkeys_current(next);
	assert_false(knows(next, &before));
	assert_true(knows(next, &late));
	assert_true(knows(next, &other));
	ticketkeys_free(old);
	ticketkeys_free(next);
}

static void
too_many_keys_cost_the_oldest(void **state)
{
	struct ticketkeys *keys = ticketkeys_new(3600);
	struct ticketkeys_record record = { .origin = TICKETKEYS_RANDOM }, records[TICKETKEYS_MAX];

	(void)state;
	now_set(NOW);
	for (int i = 0; i < 100; i++) {
		record.key.name[0] = (unsigned char)i;
		record.key.tout = NOW + i;
		assert_true(ticketkeys_import(keys, &record));
	}
	assert_int_equal(record.key.tout, ticketkeys_current(keys)->tout);
	assert_in_range(ticketkeys_export(keys, records), 10, TICKETKEYS_MAX);
	ticketkeys_free(keys);
}

static void
every_host_has_the_key_of_a_period(void **state)
{
	struct ticketkeys *here = keys_of_secret(3600, "a secret of all hosts");
	struct ticketkeys *there = keys_of_secret(3600, "a secret of all hosts");
	struct ticketkeys *other_secret = keys_of_secret(3600, "a secret of other hosts");
	struct ticketkeys *other_period = keys_of_secret(7200, "a secret of all hosts");

	(void)state;
	now_set(944444L * HALF_S);
	struct tlsmgr_ticket_key key = *ticketkeys_current(here);
	assert_int_equal(key.tout, 944445L * HALF_S);
	now_set(944445L * HALF_S - 1);
	assert_memory_equal(ticketkeys_current(here), &key, sizeof key);
	assert_memory_equal(ticketkeys_current(there), &key, sizeof key);
	assert_memory_not_equal(ticketkeys_current(other_secret)->name, key.name, sizeof key.name);
	assert_memory_not_equal(ticketkeys_current(other_period)->name, key.name, sizeof key.name);
	now_set(944445L * HALF_S);
	assert_memory_not_equal(ticketkeys_current(there)->name, key.name, sizeof key.name);
	ticketkeys_free(here);
	ticketkeys_free(there);
	ticketkeys_free(other_secret);
	ticketkeys_free(other_period);
}

static void
clocks_may_differ_by_less_than_a_period(void **state)
{
	static const struct {
		const char *name;
		long ahead_s; /* of the host that decrypts */
		bool found;
	} rows[] = {
		{ "the same second", 0, true },
		{ "the last of the next period", 2 * HALF_S - 1, true },
		{ "one later", 2 * HALF_S, false },
		{ "the first of the previous period", -HALF_S, true },
		{ "one earlier", -HALF_S - 1, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct ticketkeys *issues = keys_of_secret(3600, "secret"),
				  *decrypts = keys_of_secret(3600, "secret");

		now_set(944444L * HALF_S);
		struct tlsmgr_ticket_key key = *ticketkeys_current(issues);
		now_set(944444L * HALF_S + rows[i].ahead_s);
		CASE_IS(knows(decrypts, &key) == rows[i].found, rows[i].name);
		ticketkeys_free(issues);
		ticketkeys_free(decrypts);
	}
}

/* The secret changes on this host in the middle of a period; other hosts follow up to a period later. */
static void
previous_secret_is_good_for_what_others_still_issue(void **state)
{
	static const struct {
		const char *name;
		long written_s, issued_s, used_s; /* after the change */
		bool found;
	} rows[] = {
		{ "issued before", -10, -10, 10, true },
		{ "issued in the period before", -10, -HALF_S, 10, true },
		{ "no longer good", -10, -HALF_S, HALF_S, false },
		{ "issued by a host that follows a period later", -10, HALF_S, HALF_S, true },
		{ "the same, used later", -10, HALF_S, 2 * HALF_S, true },
		{ "written in the period before", -HALF_S, HALF_S, HALF_S, true },
		{ "issued two periods later", -10, 2 * HALF_S, 2 * HALF_S, false },
	};
	const long changed = 944444L * HALF_S + HALF_S / 2;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct ticketkeys *before = keys_of_secret(3600, "old"), *after = keys_of_secret(3600, "new");
		struct ticketkeys *other_host = keys_of_secret(3600, "old"),
				  *last = keys_of_secret(3600, "new");

		now_set(changed + rows[i].issued_s);
		struct tlsmgr_ticket_key key = *ticketkeys_current(other_host);
		struct ticketkeys_record records[TICKETKEYS_MAX];
		now_set(changed + rows[i].written_s);
		int count = ticketkeys_export(before, records);
		now_set(changed);
		for (int j = 0; j < count; j++)
			ticketkeys_import(after, &records[j]);
		CASE_IS(memcmp(ticketkeys_current(after)->name, ticketkeys_current(before)->name, 16) != 0,
		    rows[i].name);
		/* And over one more restart. */
		hand_on(after, last);
		now_set(changed + rows[i].used_s);
		CASE_IS(knows(after, &key) == rows[i].found, rows[i].name);
		CASE_IS(knows(last, &key) == rows[i].found, rows[i].name);
		ticketkeys_free(before);
		ticketkeys_free(after);
		ticketkeys_free(other_host);
		ticketkeys_free(last);
	}
}

static void
random_keys_decrypt_beside_a_secret_and_the_other_way_round(void **state)
{
	struct ticketkeys *random = ticketkeys_new(3600), *shared = keys_of_secret(3600, "secret");
	struct ticketkeys *again = ticketkeys_new(3600);

	(void)state;
	now_set(NOW);
	struct tlsmgr_ticket_key first = *ticketkeys_current(random), second = *ticketkeys_current(shared);
	hand_on(random, shared);
	assert_true(knows(shared, &first));
	assert_memory_equal(ticketkeys_current(shared), &second, sizeof second);
	hand_on(shared, again);
	assert_true(knows(again, &first));
	assert_true(knows(again, &second));
	/* The secret's keys never issue without it. */
	assert_memory_equal(ticketkeys_current(again), &first, sizeof first);
	now_set(first.tout);
	assert_memory_not_equal(ticketkeys_current(again)->name, second.name, sizeof second.name);
	ticketkeys_free(random);
	ticketkeys_free(shared);
	ticketkeys_free(again);
}

/* A client uses the key with the latest time for new tickets, whatever it asked for it for. */
static void
key_that_only_decrypts_here_is_past_issuing(void **state)
{
	enum { RANDOM, OLD, NEW };
	static const struct {
		const char *name;
		int from, to;
		long ahead_s; /* of the host where the key issues */
		bool issues;
	} rows[] = {
		{ "random, in the next process", RANDOM, RANDOM, 0, true },
		{ "random, after there is a secret", RANDOM, NEW, 0, false },
		{ "of a secret that is no more", NEW, RANDOM, 0, false },
		{ "of the same secret", NEW, NEW, 0, true },
		{ "of the next period", NEW, NEW, HALF_S, false },
		{ "of the previous secret", OLD, NEW, 0, false },
		{ "of its next period", OLD, NEW, HALF_S, false },
	};
	const time_t now = 944444L * HALF_S + 100;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct ticketkeys *keys[2], *before;

		for (int j = 0; j < 2; j++) {
			int kind = j == 0 ? rows[i].from : rows[i].to;
			keys[j] = kind == RANDOM ? ticketkeys_new(3600)
						 : keys_of_secret(3600, kind == OLD ? "old" : "new");
		}
		before = keys[0];
		now_set(now + rows[i].ahead_s);
		struct tlsmgr_ticket_key key = *ticketkeys_current(before);
		now_set(now);
		hand_on(before, keys[1]);
		const struct tlsmgr_ticket_key *found = ticketkeys_find(keys[1], key.name);
		CASE_IS(found != NULL, rows[i].name);
		CASE_IS(memcmp(found->bits, key.bits, sizeof key.bits) == 0, rows[i].name);
		CASE_IS(found->tout == (rows[i].issues ? key.tout : now), rows[i].name);
		/* It does not become shorter by that. */
		now_set(key.tout + HALF_S - 1);
		CASE_IS(knows(keys[1], &key), rows[i].name);
		ticketkeys_free(keys[0]);
		ticketkeys_free(keys[1]);
	}
}

static void
what_is_exported_can_still_be_needed(void **state)
{
	struct ticketkeys *keys = ticketkeys_new(3600), *shared = keys_of_secret(3600, "secret");
	struct ticketkeys_record records[TICKETKEYS_MAX];

	(void)state;
	now_set(944444L * HALF_S);
	assert_int_equal(ticketkeys_export(keys, records), 0);
	assert_int_equal(ticketkeys_next_change_s(keys), -1);
	ticketkeys_current(keys);
	assert_int_equal(ticketkeys_export(keys, records), 1);
	assert_int_equal(ticketkeys_next_change_s(keys), 3599);
	assert_int_equal(ticketkeys_lifetime_s(keys, records, 1), 3599);
	now_set(944444L * HALF_S + 3598);
	assert_int_equal(ticketkeys_export(keys, records), 1);
	assert_int_equal(ticketkeys_next_change_s(keys), 1);
	now_set(944444L * HALF_S + 3599);
	assert_int_equal(ticketkeys_next_change_s(keys), 0);
	assert_int_equal(ticketkeys_export(keys, records), 0);
	assert_int_equal(ticketkeys_next_change_s(keys), -1);

	now_set(944444L * HALF_S + 100);
	assert_int_equal(ticketkeys_export(shared, records), 4);
	assert_int_equal(ticketkeys_next_change_s(shared), 1700);
	assert_int_equal(ticketkeys_lifetime_s(shared, records, 4), 4 * HALF_S - 100);
	ticketkeys_free(keys);
	ticketkeys_free(shared);
}

static int made;

static void
count_made(void *context)
{
	(void)context;
	made++;
}

static bool
import_missed(void *context)
{
	struct ticketkeys **keys = context;

	hand_on(keys[0], keys[1]);
	return true;
}

static void
keeper_hears_of_new_and_of_unknown_keys(void **state)
{
	struct ticketkeys *keys[2] = { ticketkeys_new(3600), ticketkeys_new(3600) };
	struct ticketkeys_keeper keeper = { .made = count_made, .missed = import_missed, .context = keys };

	(void)state;
	now_set(NOW);
	ticketkeys_set_keeper(keys[1], &keeper);
	struct tlsmgr_ticket_key key = *ticketkeys_current(keys[0]);
	ticketkeys_current(keys[1]);
	ticketkeys_current(keys[1]);
	assert_int_equal(made, 1);
	assert_true(knows(keys[1], &key));
	ticketkeys_free(keys[0]);
	ticketkeys_free(keys[1]);
}

static void
statistics_tell_source_and_ages(void **state)
{
	struct ticketkeys *keys = ticketkeys_new(3600), *next = ticketkeys_new(3600);
	struct ticketkeys *shared = keys_of_secret(3600, "secret");
	struct ticketkeys_stats stats;

	(void)state;
	now_set(944444L * HALF_S);
	ticketkeys_stats(keys, &stats);
	assert_int_equal(stats.count, 0);
	assert_string_equal(stats.source, "none");
	assert_string_equal(stats.seal, "none");
	ticketkeys_current(keys);
	hand_on(keys, next);
	ticketkeys_set_seal(next, "keyring");
	now_set(944444L * HALF_S + 99);
	ticketkeys_stats(keys, &stats);
	assert_int_equal(stats.count, 1);
	assert_int_equal(stats.age_s, 99);
	assert_int_equal(stats.left_s, 1700);
	assert_string_equal(stats.source, "random");
	ticketkeys_stats(next, &stats);
	assert_int_equal(stats.age_s, 99);
	assert_string_equal(stats.source, "kept");
	assert_string_equal(stats.seal, "keyring");
	hand_on(keys, shared);
	ticketkeys_stats(shared, &stats);
	assert_int_equal(stats.count, 4);
	assert_int_equal(stats.age_s, 99);
	assert_int_equal(stats.left_s, 1701);
	assert_string_equal(stats.source, "secret");
	ticketkeys_free(keys);
	ticketkeys_free(next);
	ticketkeys_free(shared);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_rotate_every_half_period),
		cmocka_unit_test(key_decrypts_for_half_a_period_more),
		cmocka_unit_test(no_period_no_keys),
		cmocka_unit_test(key_goes_on_in_the_next_process),
		cmocka_unit_test(keys_of_two_processes_do_not_push_each_other_out),
		cmocka_unit_test(too_many_keys_cost_the_oldest),
		cmocka_unit_test(every_host_has_the_key_of_a_period),
		cmocka_unit_test(key_made_while_the_clock_was_years_ahead_goes),
		cmocka_unit_test(clocks_may_differ_by_less_than_a_period),
		cmocka_unit_test(previous_secret_is_good_for_what_others_still_issue),
		cmocka_unit_test(random_keys_decrypt_beside_a_secret_and_the_other_way_round),
		cmocka_unit_test(key_that_only_decrypts_here_is_past_issuing),
		cmocka_unit_test(what_is_exported_can_still_be_needed),
		cmocka_unit_test(keeper_hears_of_new_and_of_unknown_keys),
		cmocka_unit_test(statistics_tell_source_and_ages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
