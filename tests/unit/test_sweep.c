/* SPDX-License-Identifier: ISC */
#include "tlsmgr_fixture.h"

#include <event2/event.h>

#include "tlsmgr/location.h"
#include "tlsmgr/scache.h"
#include "tlsmgr/sweep.h"
#include "util/now.h"

static void
walk_takes_turns_with_the_event_loop(void **state)
{
	char database[256], id[16];
	struct location location = { fixture_dir, "postfix" };
	struct scache_config config = { .label = "smtpd",
		.database = database,
		.default_type = "hash",
		.timeout_s = 3600,
		.location = &location };
	struct event_base *base = event_base_new();
	int turns = 0;

	(void)state;
	snprintf(database, sizeof database, "btree:%s", fixture_path("cache"));
	struct scache *cache = scache_new(&config);
	now_set(10000);
	for (int i = 0; i < 200; i++) {
		snprintf(id, sizeof id, "id%d", i);
		scache_update(cache, id, "x", 1);
	}
	now_set(20000);
	struct sweep *sweep = sweep_new(base, cache);
	do {
		event_base_loop(base, EVLOOP_ONCE);
		turns++;
	} while (sweep_is_running(sweep));
	assert_in_range(turns, 3, 100);
	assert_false(scache_sweep_step(cache, true));
	now_set(0);
	sweep_free(sweep);
	scache_free(cache);
	event_base_free(base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    walk_takes_turns_with_the_event_loop, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
