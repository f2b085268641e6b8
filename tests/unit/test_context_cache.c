/* SPDX-License-Identifier: ISC */
/* context_cache: contexts are made once, few are kept, failures are remembered for a short time; drift: told
 * once. */
#include "tls_fixture.h"

#include "tls/context.h"
#include "tlsproxy/context_cache.h"
#include "tlsproxy/drift.h"
#include "util/now.h"

static int built;
static bool fail_builds;

static struct context *
build(void *arg)
{
	const struct context_client_settings settings = {
		.log_param = "smtp_tls_loglevel",
		.log_level = "0",
		.fingerprint_digest = "sha256",
		.dane_digests = "sha256",
		.eecdh_auto_curves = "X25519",
		.cipher_grades = { .high = "HIGH", .medium = "HIGH", .null = "eNULL" },
		.config_file = "none",
	};

	(void)arg;
	built++;
	return fail_builds ? NULL : context_new_client(&settings);
}

static struct context *
get(struct context_cache *cache, int number)
{
	struct buf key = BUF_INIT;

	buf_printf(&key, "key %d", number);
	struct context *context = context_cache_get(cache, &key, build, NULL);
	buf_release(&key);
	return context;
}

static void
touch(struct context_cache *cache, int number)
{
	context_unref(get(cache, number));
}

static void
same_key_same_context(void **state)
{
	struct context_cache *cache = context_cache_new(4);

	(void)state;
	built = 0;
	struct context *first = get(cache, 1);
	struct context *second = get(cache, 1);
	struct context *other = get(cache, 2);
	assert_non_null(first);
	assert_ptr_equal(first, second);
	assert_ptr_not_equal(first, other);
	assert_int_equal(built, 2);
	context_unref(first);
	context_unref(second);
	context_cache_free(cache);
	/* Who has a reference may use it without the cache. */
	assert_non_null(context_ssl_ctx(other));
	context_unref(other);
}

static void
unused_and_oldest_goes_first(void **state)
{
	struct context_cache *cache = context_cache_new(3);

	(void)state;
	struct context *used = get(cache, 1);
	touch(cache, 2);
	touch(cache, 3);
	touch(cache, 2);
	built = 0;
	touch(cache, 4); /* in place of 3 */
	assert_int_equal(context_cache_count(cache), 3);
	touch(cache, 1);
	touch(cache, 2);
	touch(cache, 4);
	assert_int_equal(built, 1);
	touch(cache, 3);
	assert_int_equal(built, 2);
	context_unref(used);
	context_cache_free(cache);
}

static void
number_is_bounded_when_all_are_used(void **state)
{
	struct context_cache *cache = context_cache_new(3);
	struct context *held[10];

	(void)state;
	for (int i = 0; i < 10; i++)
		held[i] = get(cache, i);
	assert_int_equal(context_cache_count(cache), 3);
	for (int i = 0; i < 10; i++) {
		assert_non_null(held[i]);
		context_unref(held[i]);
	}
	context_cache_free(cache);
}

static void
pinned_context_stays(void **state)
{
	struct context_cache *cache = context_cache_new(2);
	struct buf key = BUF_INIT;
	struct context *pinned = build(NULL), *newer = build(NULL);

	(void)state;
	buf_add_str(&key, "key 0");
	context_cache_pin(cache, &key, pinned);
	for (int i = 1; i < 10; i++)
		touch(cache, i);
	assert_int_equal(context_cache_count(cache), 3);
	struct context *found = get(cache, 0);
	assert_ptr_equal(found, pinned);
	context_unref(found);
	context_cache_pin(cache, &key, newer);
	found = get(cache, 0);
	assert_ptr_equal(found, newer);
	context_unref(found);
	context_unref(pinned);
	context_unref(newer);
	buf_release(&key);
	context_cache_free(cache);
}

static void
failure_is_remembered_for_a_short_time(void **state)
{
	struct context_cache *cache = context_cache_new(2);

	(void)state;
	built = 0;
	fail_builds = true;
	now_set(1000000);
	assert_null(get(cache, 1));
	assert_null(get(cache, 1));
	assert_int_equal(built, 1);
	now_set(1000000 + CONTEXT_CACHE_FAILED_MS / 1000 + 1);
	fail_builds = false;
	struct context *context = get(cache, 1);
	assert_non_null(context);
	assert_int_equal(built, 2);
	context_unref(context);
	now_set(0);
	context_cache_free(cache);
}

/* A burst of requests that cannot be served must not drive out those that can. */
static void
failures_go_before_contexts(void **state)
{
	struct context_cache *cache = context_cache_new(4);

	(void)state;
	touch(cache, 0);
	touch(cache, 1);
	fail_builds = true;
	for (int i = 10; i < 100; i++)
		assert_null(get(cache, i));
	fail_builds = false;
	built = 0;
	touch(cache, 0);
	touch(cache, 1);
	assert_int_equal(built, 0);
	assert_int_equal(context_cache_count(cache), 4);
	context_cache_free(cache);
}

static void
difference_is_told_once(void **state)
{
	struct drift *drift = drift_new();

	(void)state;
	fixture_log_clear();
	drift_warn(drift, "client", "(server) 'a=1' != (client) 'a=2'");
	fixture_log_is(
	    "warning: request from tlsproxy client with unexpected settings\n"
	    "warning: (server) 'a=1' != (client) 'a=2'\n"
	    "warning: to avoid this warning, 1) identify the tlsproxy client that is making this "
	    "request, 2) configure a custom tlsproxy service with settings that match that tlsproxy "
	    "client, and 3) configure that tlsproxy client with a tlsproxy_service_name setting "
	    "that resolves to that custom tlsproxy service\n");
	fixture_log_clear();
	drift_warn(drift, "client", "(server) 'a=1' != (client) 'a=2'");
	fixture_log_is("");
	drift_warn(drift, "server", "(server) 'a=1' != (client) 'a=2'");
	assert_int_equal(fixture_log_count("request from tlsproxy server with unexpected settings"), 1);
	for (int i = 0; i < 300; i++) {
		char *words = alloc_printf("(server) 'a=1' != (client) 'a=%d'", 10 + i);

		fixture_log_clear();
		drift_warn(drift, "client", words);
		assert_int_equal(fixture_log_count("request from tlsproxy client"), 1);
		free(words);
	}
	drift_free(drift);
}

static void
all_but_pinned_are_forgotten(void **state)
{
	struct context_cache *cache = context_cache_new(4);
	struct buf key = BUF_INIT;

	(void)state;
	built = 0;
	struct context *used = get(cache, 1);
	struct context *pinned = get(cache, 2);
	buf_printf(&key, "key %d", 2);
	context_cache_pin(cache, &key, pinned);
	buf_release(&key);
	context_cache_forget(cache);
	assert_int_equal(context_cache_count(cache), 1);
	assert_non_null(context_ssl_ctx(used));
	struct context *newer = get(cache, 1);
	assert_ptr_not_equal(newer, used);
	touch(cache, 2);
	assert_int_equal(built, 3);
	context_unref(newer);
	context_unref(pinned);
	context_unref(used);
	context_cache_free(cache);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_key_same_context),
		cmocka_unit_test(unused_and_oldest_goes_first),
		cmocka_unit_test(number_is_bounded_when_all_are_used),
		cmocka_unit_test(pinned_context_stays),
		cmocka_unit_test(all_but_pinned_are_forgotten),
		cmocka_unit_test(failure_is_remembered_for_a_short_time),
		cmocka_unit_test(failures_go_before_contexts),
		cmocka_unit_test(difference_is_told_once),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
