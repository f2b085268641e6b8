/* SPDX-License-Identifier: ISC */
#include "scache_fixture.h"

#include "tlsmgr/entry.h"
#include "tlsmgr/scache.h"

/* --- what an earlier run left --- */

static void
leave(const char *id, int64_t stamp, const char *text)
{
	struct buf value = BUF_INIT;

	entry_encode(&value, stamp, text, strlen(text));
	fake_put(id, value.bytes, value.len);
	buf_release(&value);
}

static void
records_of_an_earlier_run_are_found_at_once_and_read_by_and_by(void **state)
{
	static const struct {
		const char *id;
		int64_t stamp;
		bool kept;
	} records[] = {
		{ "now", 10000, true },
		{ "just in time", 9880, true },
		{ "too late", 9879, false },
		{ "a little ahead", 10120, true },
		{ "far ahead", 10121, false },
		{ "end of time", INT64_MAX, false },
		{ "1970", 0, false },
		{ "before", -1, false },
		{ "beginning of time", INT64_MIN, false },
	};

	(void)state;
	/* Asked for before they are read, and afterwards. */
	for (int late = 0; late < 2; late++) {
		fake_reset();
		fake.keeps = true;
		for (size_t i = 0; i < COUNT(records); i++)
			leave(records[i].id, records[i].stamp, records[i].id);
		struct scache *cache = scache_new(&config);
		assert_true(stats_of(cache).loading);
		if (late)
			assert_int_equal(tend(cache), COUNT(records) + 1);
		for (size_t i = 0; i < COUNT(records); i++) {
			CASE_IS(
			    scache_lookup(cache, records[i].id, &session) == records[i].kept, records[i].id);
			if (records[i].kept)
				assert_string_equal(session.bytes, records[i].id);
		}
		assert_int_equal(scache_lookup(cache, "none", &session), 0);
		tend(cache);
		assert_false(stats_of(cache).loading);
		assert_int_equal(stats_of(cache).entries, 3);
		assert_int_equal(stats_of(cache).bytes, 2 * (3 + 12 + 14));
		assert_int_equal(table_count(fake.by_key), 3);
		fake.gets = 0;
		assert_int_equal(scache_lookup(cache, "none", &session), 0);
		assert_int_equal(fake.gets, 0);
		log_is("");
		scache_free(cache);
	}
}

static void
requests_go_before_what_an_earlier_run_left(void **state)
{
	(void)state;
	fake.keeps = true;
	leave("replaced", 9990, "old");
	leave("deleted", 9990, "old");
	leave("left", 9990, "old");
	struct scache *cache = scache_new(&config);
	scache_update(cache, "replaced", "new", 3);
	assert_int_equal(scache_delete(cache, "deleted"), 1);
	tend(cache);
	assert_int_equal(scache_lookup(cache, "replaced", &session), 1);
	assert_string_equal(session.bytes, "new");
	assert_int_equal(scache_lookup(cache, "deleted", &session), 0);
	assert_int_equal(scache_lookup(cache, "left", &session), 1);

	/* By age, not by when they were read. */
	now_set(10111);
	assert_int_equal(tend(cache), 1);
	assert_int_equal(scache_lookup(cache, "replaced", &session), 1);
	assert_int_equal(scache_lookup(cache, "left", &session), 0);
	scache_free(cache);
}

static void
record_dated_in_the_future_goes_after_the_timeout(void **state)
{
	(void)state;
	fake.keeps = true;
	leave("ahead", 10100, "x");
	struct scache *cache = scache_new(&config);
	tend(cache);
	now_set(10125);
	assert_int_equal(tend(cache), 1);
	assert_int_equal(stats_of(cache).entries, 0);
	scache_free(cache);
}

static void
limits_hold_for_what_an_earlier_run_left(void **state)
{
	char id[16];

	(void)state;
	fake.keeps = true;
	for (int i = 0; i < 1000; i++) {
		snprintf(id, sizeof id, "id%d", i);
		leave(id, 9900 + i * 7 % 100, "x");
	}
	config.entry_limit = 100;
	struct scache *cache = scache_new(&config);
	tend(cache);
	assert_int_equal(stats_of(cache).entries, 100);
	assert_int_equal(stats_of(cache).evicted, 900);
	assert_int_equal(table_count(fake.by_key), 100);
	/* Those of the last ten seconds. */
	for (int i = 0; i < 1000; i++) {
		snprintf(id, sizeof id, "id%d", i);
		CASE_IS(scache_lookup(cache, id, &session) == (i * 7 % 100 >= 90), id);
	}
	scache_free(cache);
}

static void
damaged_record_is_dropped_with_a_warning(void **state)
{
	(void)state;
	fake.keeps = true;
	fake_put("short", "00112233\0", 9);
	fake_put("odd", "00112233445566778\0", 18);
	leave("good", 9990, "x");
	struct scache *cache = scache_new(&config);
	assert_int_equal(scache_lookup(cache, "odd", &session), 0);
	log_is("warning: smtpd TLS cache: malformed entry for odd: 00112233445566778\n");
	tend(cache);
	log_is("warning: smtpd TLS cache: truncated entry for short: 00112233\n");
	assert_int_equal(table_count(fake.by_key), 1);
	scache_free(cache);
}

/* --- a database that fails --- */

static void
broken_database_costs_its_entries_and_comes_back(void **state)
{
	struct scache *cache = scache_new(&config);
	char id[16];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(id, sizeof id, "id%d", i);
		scache_update(cache, id, "x", 1);
	}
	fake.broken = true;
	scache_update(cache, "id", "x", 1);
	log_is("warning: database is broken; continuing without smtpd TLS session cache\n");
	assert_true(scache_is_enabled(cache));
	scache_update(cache, "id", "x", 1);
	assert_int_equal(scache_lookup(cache, "id1", &session), 0);
	assert_int_equal(scache_delete(cache, "id1"), 0);
	log_is("");
	assert_false(stats_of(cache).available);
	assert_int_equal(stats_of(cache).failures, 1);

	/* What it knew is forgotten a little at a time. */
	assert_true(tend(cache) > 100);
	assert_int_equal(fake.opens, 1);
	fake.broken = false;
	now_set(10001);
	tend(cache);
	log_is("smtpd TLS session cache internal:x is back\n");
	assert_int_equal(scache_lookup(cache, "id1", &session), 0);
	scache_update(cache, "id", "x", 1);
	assert_int_equal(scache_lookup(cache, "id", &session), 1);
	scache_free(cache);
}

/* How often it is opened within `seconds`. */
static int
attempts(struct scache *cache, int seconds)
{
	int before = fake.opens;

	for (int i = 0; i < seconds; i++) {
		now_set(now_wall() + 1);
		tend(cache);
	}
	return fake.opens - before;
}

static void
attempts_become_rare_while_a_database_fails(void **state)
{
	static const struct {
		const char *name;
		int error;
		int first_hour, second_hour;
		const char *line;
	} cases[] = {
		{ "no such directory", ENOENT, 8 + 11, 12, "error: cannot open internal:x\n" },
		{ "locked", EAGAIN, 8 + 11 + 3, 12, "error: cannot open internal:x\n" },
		{ "no such type", EINVAL, 0, 0, "error: cannot open internal:x\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		fake_reset();
		fake.open_error = cases[i].error;
		struct scache *cache = scache_new(&config);

		print_message("%s\n", cases[i].name);
		assert_in_range(attempts(cache, 3600), cases[i].first_hour, cases[i].first_hour + 2);
		assert_in_range(attempts(cache, 3600), cases[i].second_hour, cases[i].second_hour);
		log_is(cases[i].line);
		fake.open_error = 0;
		attempts(cache, 300);
		log_is(cases[i].error == EINVAL ? "" : "smtpd TLS session cache internal:x is back\n");
		assert_int_equal(scache_tend(cache), cases[i].error == EINVAL ? -1 : 1000);

		/* It is no better: the pauses go on growing. */
		fake.broken = true;
		for (int j = 0; j < 7200; j++) {
			attempts(cache, 1);
			scache_update(cache, "id", "x", 1);
		}
		if (cases[i].error != EINVAL)
			assert_in_range(stats_of(cache).failures, 20, 30);
		buf_clear(&captured_log);
		scache_free(cache);
	}
}

static void
database_of_the_process_before_is_waited_for_in_silence(void **state)
{
	(void)state;
	fake.keeps = true;
	leave("id", 9990, "x");
	fake.open_error = EAGAIN;
	struct scache *cache = scache_new(&config);
	assert_in_range(scache_tend(cache), 1, 100);
	assert_int_equal(scache_lookup(cache, "id", &session), 0);
	fake.open_error = 0;
	now_set(10001);
	tend(cache);
	assert_int_equal(scache_lookup(cache, "id", &session), 1);
	log_is("");
	scache_free(cache);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(records_of_an_earlier_run_are_found_at_once_and_read_by_and_by),
		TEST(requests_go_before_what_an_earlier_run_left),
		TEST(record_dated_in_the_future_goes_after_the_timeout),
		TEST(limits_hold_for_what_an_earlier_run_left),
		TEST(damaged_record_is_dropped_with_a_warning),
		TEST(broken_database_costs_its_entries_and_comes_back),
		TEST(attempts_become_rare_while_a_database_fails),
		TEST(database_of_the_process_before_is_waited_for_in_silence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
