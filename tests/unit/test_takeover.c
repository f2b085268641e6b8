/* SPDX-License-Identifier: ISC */
/* A session cache over a file that Postfix's tlsmgr has left. */
#include "scache_fixture.h"

#include <stdint.h>
#include <stdio.h>

#include "tlsmgr/scache.h"

enum { START_S = 10000 };

/* As Postfix writes it: time and session in hex. */
static const char *
stock_value(int64_t stamp, const char *hex)
{
	static char values[16][128];
	static unsigned int next;
	char *value = values[next++ % 16];

	for (size_t i = 0; i < sizeof stamp; i++)
		sprintf(value + 2 * i, "%02X", ((unsigned char *)&stamp)[i]);
	strcpy(value + 2 * sizeof stamp, hex);
	return value;
}

static void
session_is(struct scache *cache, const char *id, const char *wanted)
{
	bool found = scache_lookup(cache, id, &session);

	assert_int_equal(found, wanted != NULL);
	if (wanted)
		assert_string_equal(buf_str(&session), wanted);
}

static void
sessions_are_taken_over_with_their_age(void **state)
{
	const struct fake_foreign records[] = {
		{ "fresh", stock_value(START_S, "41") },
		{ "old", stock_value(START_S - 100, "42") },
		{ "nothing this time", NULL },
		{ "expired", stock_value(START_S - 121, "43") },
		{ "from the future", stock_value(START_S + 121, "44") },
		{ "malformed", stock_value(START_S, "4x") },
		{ "truncated", "4142" },
		{ "no text \xff", stock_value(START_S, "45") },
		{ "twice", stock_value(START_S - 5, "46") },
		{ "twice", stock_value(START_S - 4, "47") },
		{ "twice", stock_value(START_S - 6, "48") },
		{ 0 },
	};

	(void)state;
	fake.foreign = records;
	struct scache *cache = scache_new(&config);
	assert_true(stats_of(cache).loading);
	tend(cache);
	assert_false(stats_of(cache).loading);
	assert_int_equal(stats_of(cache).entries, 3);
	session_is(cache, "fresh", "A");
	session_is(cache, "old", "B");
	session_is(cache, "twice", "G");
	log_is("smtpd TLS session cache internal:x: took over 4 sessions of Postfix\n");
	now_set(START_S + 21);
	tend(cache);
	session_is(cache, "old", NULL);
	assert_int_equal(stats_of(cache).entries, 2);
	scache_free(cache);
}

static void
what_clients_did_meanwhile_stays(void **state)
{
	const struct fake_foreign records[] = {
		{ "stored", stock_value(START_S, "41") },
		{ "stored and deleted", stock_value(START_S, "42") },
		{ "deleted", stock_value(START_S, "43") },
		{ "too large", stock_value(START_S, "44") },
		{ "other", stock_value(START_S, "45") },
		{ 0 },
	};
	char large[1000] = "";

	(void)state;
	fake.foreign = records;
	config.size_limit = sizeof large - 1;
	struct scache *cache = scache_new(&config);
	scache_update(cache, "stored", "new", 3);
	scache_update(cache, "stored and deleted", "new", 3);
	assert_int_equal(scache_delete(cache, "stored and deleted"), 1);
	assert_int_equal(scache_delete(cache, "deleted"), 0);
	scache_update(cache, "too large", large, sizeof large);
	tend(cache);
	session_is(cache, "stored", "new");
	session_is(cache, "stored and deleted", NULL);
	session_is(cache, "deleted", NULL);
	session_is(cache, "too large", NULL);
	session_is(cache, "other", "E");
	log_is("smtpd TLS session cache internal:x: took over 1 sessions of Postfix\n");
	scache_free(cache);
}

static void
limits_hold_and_the_latest_stay(void **state)
{
	const struct fake_foreign records[] = {
		{ "5", stock_value(START_S - 5, "41") },
		{ "9", stock_value(START_S - 9, "42") },
		{ "2", stock_value(START_S - 2, "43") },
		{ "7", stock_value(START_S - 7, "44") },
		{ "1", stock_value(START_S - 1, "45") },
		{ 0 },
	};

	(void)state;
	fake.foreign = records;
	config.entry_limit = 3;
	struct scache *cache = scache_new(&config);
	scache_update(cache, "new", "new", 3);
	while (scache_tend(cache) == 0)
		assert_true(stats_of(cache).entries <= 3);
	session_is(cache, "new", "new");
	session_is(cache, "1", "E");
	session_is(cache, "2", "C");
	scache_free(cache);
}

static void
end_before_the_end_is_told(void **state)
{
	const struct fake_foreign records[] = {
		{ "a", stock_value(START_S, "41") },
		{ "b", stock_value(START_S, "42") },
		{ 0 },
	};

	(void)state;
	fake.foreign = records;
	struct scache *cache = scache_new(&config);
	scache_tend(cache);
	scache_free(cache);
	log_is("smtpd TLS session cache internal:x: took over 1 sessions of Postfix, the rest is lost\n");

	fake_reset();
	fake.foreign = records;
	cache = scache_new(&config);
	scache_tend(cache);
	fake.disk_full = true;
	tend(cache);
	log_is("smtpd TLS session cache internal:x: took over 1 sessions of Postfix, the rest is lost\n");
	session_is(cache, "a", "A");
	scache_free(cache);
	log_is("");

	/* More ids than can be remembered. */
	fake_reset();
	fake.foreign = records;
	cache = scache_new(&config);
	for (int i = 0; i <= 100000; i++) {
		char id[16];

		snprintf(id, sizeof id, "%d", i);
		scache_delete(cache, id);
	}
	tend(cache);
	log_is("smtpd TLS session cache internal:x: took over 0 sessions of Postfix, the rest is lost\n");
	session_is(cache, "a", NULL);
	scache_free(cache);
}

/* They would take memory without bound otherwise. */
static void
ids_that_are_long_are_not_all_remembered(void **state)
{
	const struct fake_foreign records[] = {
		{ "a", stock_value(START_S, "41") },
		{ 0 },
	};
	static char id[100000];

	(void)state;
	fake.foreign = records;
	struct scache *cache = scache_new(&config);
	memset(id, 'x', sizeof id - 1);
	for (int i = 0; i < 1000; i++)
		scache_delete(cache, id);
	assert_false(fake.foreign_stopped);
	for (int i = 0; i < 200; i++) {
		snprintf(id, sizeof id, "%03d", i);
		id[3] = 'x';
		scache_delete(cache, id);
	}
	assert_true(fake.foreign_stopped);
	tend(cache);
	log_is("smtpd TLS session cache internal:x: took over 0 sessions of Postfix, the rest is lost\n");
	scache_free(cache);
}

static void
database_that_fails_ends_it(void **state)
{
	const struct fake_foreign records[] = {
		{ "a", stock_value(START_S, "41") },
		{ 0 },
	};

	(void)state;
	fake.foreign = records;
	struct scache *cache = scache_new(&config);
	fake.broken = true;
	scache_tend(cache);
	log_is("warning: database is broken; continuing without smtpd TLS session cache\n");
	assert_false(stats_of(cache).loading);
	scache_free(cache);
	log_is("");
}

/* A file with nothing to take over is not worth a line. */
static void
nothing_is_not_told(void **state)
{
	const struct fake_foreign none = { 0 };

	(void)state;
	fake.foreign = &none;
	struct scache *cache = scache_new(&config);
	tend(cache);
	scache_free(cache);
	log_is("");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sessions_are_taken_over_with_their_age),
		TEST(what_clients_did_meanwhile_stays),
		TEST(limits_hold_and_the_latest_stay),
		TEST(end_before_the_end_is_told),
		TEST(ids_that_are_long_are_not_all_remembered),
		TEST(database_that_fails_ends_it),
		TEST(nothing_is_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
