/* SPDX-License-Identifier: ISC */
#include "tlsmgr_fixture.h"

#include "mail/tlsmgr_proto.h"
#include "tls/random.h"
#include "tlsmgr/location.h"
#include "tlsmgr/mgr_request.h"
#include "tlsmgr/scache.h"
#include "tlsmgr/statistics.h"
#include "tlsmgr/ticketkeys.h"
#include "util/buf.h"
#include "util/table.h"

static struct statistics statistics;
static struct mgr_request_env env = { .stream = "tlsmgr socket", .statistics = &statistics };

static int
open_all(void **state)
{
	static char database[256];
	static struct location location = { fixture_dir, "postfix" };
	static const char *const labels[] = { "smtpd", "smtp", "lmtp" };

	if (fixture_setup(state) != 0)
		return -1;
	snprintf(database, sizeof database, "btree:%s", fixture_path("cache"));
	for (int i = 0; i < 3; i++) {
		struct scache_config config = { .label = labels[i],
			.database = i == 0 ? database : "",
			.default_type = "hash",
			.timeout_s = 3600,
			.location = &location };

		env.caches[i] = scache_new(&config);
	}
	env.keys = ticketkeys_new(3600);
	return 0;
}

static int
close_all(void **state)
{
	for (int i = 0; i < 3; i++)
		scache_free(env.caches[i]);
	ticketkeys_free(env.keys);
	return fixture_teardown(state);
}

static void
session_comes_back_as_it_was(void **state)
{
	struct buf request = BUF_INIT, reply = BUF_INIT, session = BUF_INIT;
	static const char done[] = "status\0000\0";
	int status;

	(void)state;
	tlsmgr_proto_put_update(&request, "smtpd", "id", "\0\xff", 2);
	assert_true(mgr_request_handle(&env, request.bytes, request.len, &reply));
	assert_int_equal(reply.len, sizeof done);
	assert_memory_equal(reply.bytes, done, reply.len);
	buf_clear(&request);
	buf_clear(&reply);
	tlsmgr_proto_put_lookup(&request, "smtpd", "id");
	assert_true(mgr_request_handle(&env, request.bytes, request.len, &reply));
	assert_int_equal(tlsmgr_proto_get_session(reply.bytes, reply.len, "t", &status, &session), 0);
	assert_int_equal(session.len, 2);
	assert_memory_equal(session.bytes, "\0\xff", 2);
	buf_release(&request);
	buf_release(&reply);
	buf_release(&session);
}

static void
replies_are_exact(void **state)
{
#define BYTES(text) text, sizeof text - 1
	static const struct {
		const char *name, *request;
		size_t request_len;
		const char *reply;
		size_t reply_len;
		bool proper;
	} cases[] = {
		{ "policy", BYTES("request\0policy\0cache_type\0smtpd\0\0"),
		    BYTES("status\0000\0cachable\0001\0timeout\0003600\0\0"), true },
		{ "no database", BYTES("request\0policy\0cache_type\0smtp\0\0"),
		    BYTES("status\0000\0cachable\0000\0timeout\0003600\0\0"), true },
		{ "no such type", BYTES("request\0policy\0cache_type\0x\0\0"),
		    BYTES("status\0004294967294\0cachable\0000\0timeout\0000\0\0"), true },
		{ "miss", BYTES("request\0lookup\0cache_type\0smtpd\0cache_id\0none\0\0"),
		    BYTES("status\0004294967295\0session\0\0\0"), true },
		{ "not enabled", BYTES("request\0delete\0cache_type\0smtp\0cache_id\0none\0\0"),
		    BYTES("status\0004294967294\0\0"), true },
		{ "missing", BYTES("request\0seed\0\0"), BYTES("status\0004294967294\0seed\0\0\0"), true },
		{ "seed size", BYTES("request\0seed\0size\000256\0\0"),
		    BYTES("status\0004294967294\0seed\0\0\0"), true },
		{ "first name", BYTES("rquest\0seed\0"), BYTES("status\0004294967294\0\0"), false },
		{ "unknown", BYTES("request\0new\0a\0b\0\0"), BYTES("status\0004294967294\0\0"), true },
		{ "cut", BYTES("request\0update\0cache_type\0sm"), BYTES("status\0004294967294\0\0"), true },
		{ "key name", BYTES("request\0tktkey\0keyname\0AAAA\0\0"),
		    BYTES("status\0004294967294\0keybuf\0\0\0"), true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf reply = BUF_INIT;

		print_message("%s\n", cases[i].name);
		assert_int_equal(mgr_request_handle(&env, cases[i].request, cases[i].request_len, &reply),
		    cases[i].proper);
		assert_int_equal(reply.len, cases[i].reply_len);
		assert_memory_equal(reply.bytes, cases[i].reply, reply.len);
		buf_release(&reply);
	}
}

static void
requests_are_counted_by_result(void **state)
{
	static const char good[] = "request\0seed\0size\0004\0", bad[] = "request\0seed\0size\0000\0",
			  stats[] = "request\0stats\0";
	struct buf reply = BUF_INIT;
	struct table *numbers = table_new(free);
	int status = 1;

	(void)state;
	statistics_init(&statistics);
	mgr_request_handle(&env, good, sizeof good, &reply);
	mgr_request_handle(&env, good, sizeof good, &reply);
	mgr_request_handle(&env, bad, sizeof bad, &reply);
	mgr_request_handle(&env, "\0", 1, &reply);
	buf_clear(&reply);
	mgr_request_handle(&env, stats, sizeof stats, &reply);
	assert_int_equal(tlsmgr_proto_get_stats(reply.bytes, reply.len, "t", &status, numbers), 0);
	assert_int_equal(status, TLSMGR_PROTO_OK);
	assert_string_equal(table_get(numbers, "seed_ok"), "2");
	assert_string_equal(table_get(numbers, "seed_fail"), "1");
	assert_string_equal(table_get(numbers, "other_fail"), "1");
	assert_string_equal(table_get(numbers, "stats_ok"), "0");
	assert_string_equal(table_get(numbers, "smtpd_enabled"), "1");
	assert_string_equal(table_get(numbers, "smtpd_entries"), "0");
	assert_string_equal(table_get(numbers, "smtp_available"), "0");
	assert_string_equal(table_get(numbers, "keys_source"), "none");
	assert_null(table_get(numbers, "entropy_age"));
	table_free(numbers);
	buf_release(&reply);
}

static int
broken_generator(unsigned char *bytes, int len)
{
	memset(bytes, 'w', (size_t)len);
	return 0;
}

static void
failed_generator_is_an_error_and_never_a_weak_seed(void **state)
{
	static const char seed[] = "request\0seed\0size\00032\0", key[] = "request\0tktkey\0keyname\0\0";
	static const char no_seed[] = "status\0004294967295\0seed\0\0",
			  no_key[] = "status\0004294967295\0keybuf\0\0";
	struct buf reply = BUF_INIT;

	(void)state;
	random_set_generator(broken_generator);
	mgr_request_handle(&env, seed, sizeof seed, &reply);
	assert_int_equal(reply.len, sizeof no_seed);
	assert_memory_equal(reply.bytes, no_seed, sizeof no_seed);
	buf_clear(&reply);
	mgr_request_handle(&env, key, sizeof key, &reply);
	random_set_generator(NULL);
	assert_int_equal(reply.len, sizeof no_key);
	assert_memory_equal(reply.bytes, no_key, sizeof no_key);
	buf_release(&reply);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(session_comes_back_as_it_was, open_all, close_all),
		cmocka_unit_test_setup_teardown(replies_are_exact, open_all, close_all),
		cmocka_unit_test_setup_teardown(requests_are_counted_by_result, open_all, close_all),
		cmocka_unit_test_setup_teardown(
		    failed_generator_is_an_error_and_never_a_weak_seed, open_all, close_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
