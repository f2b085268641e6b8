/* SPDX-License-Identifier: ISC */
/* handover: ticket keys that survive a reload, and only that. */
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmocka_all.h"

#include "mail/tlsmgr_proto.h"
#include "tlsmgr/handover.h"
#include "tlsmgr/ticketkeys.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/now.h"

static char dir[64];
static char *path;

static int
set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/test-handover.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	path = alloc_printf("%s/keys", dir);
	now_set(1700000000);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	unlink(path);
	free(path);
	now_set(0);
	return rmdir(dir);
}

static off_t
size_now(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	return st.st_size;
}

/* A process that ends in an orderly way after making one key, whose name is stored. */
static void
first_run(int period_s, unsigned char *name)
{
	struct err err;
	struct handover *handover = handover_new(path, &err);
	struct ticketkeys *keys = ticketkeys_new(period_s);

	assert_non_null(handover);
	memcpy(name, ticketkeys_current(keys)->name, TLSMGR_TICKET_NAME_LEN);
	assert_int_equal(handover_save(handover, keys, &err), 0);
	ticketkeys_free(keys);
	handover_free(handover);
}

static bool
next_run_knows(int period_s, const unsigned char *name)
{
	struct err err;
	struct handover *handover = handover_new(path, &err);
	struct ticketkeys *keys = ticketkeys_new(period_s);

	assert_non_null(handover);
	assert_int_equal(handover_load(handover, keys, &err), 0);
	assert_int_equal(size_now(), 0);
	bool known = ticketkeys_find(keys, name) != NULL;
	ticketkeys_free(keys);
	handover_free(handover);
	return known;
}

static void
keys_pass_to_the_next_process_once(void **state)
{
	unsigned char name[TLSMGR_TICKET_NAME_LEN];

	(void)state;
	first_run(3600, name);
	assert_int_equal(size_now(), TLSMGR_TICKET_RECORD_LEN);
	assert_true(next_run_knows(3600, name));
	assert_false(next_run_knows(3600, name));
}

static void
old_keys_stay_behind(void **state)
{
	unsigned char name[TLSMGR_TICKET_NAME_LEN];

	(void)state;
	first_run(3600, name);
	now_set(now_wall() + 3600);
	assert_false(next_run_knows(3600, name));
}

static void
key_with_a_longer_life_than_the_period_allows_stays_behind(void **state)
{
	unsigned char name[TLSMGR_TICKET_NAME_LEN];

	(void)state;
	first_run(3600, name);
	assert_false(next_run_knows(120, name));
}

static void
latest_key_goes_on_issuing(void **state)
{
	struct err err;
	unsigned char first[TLSMGR_TICKET_NAME_LEN], second[TLSMGR_TICKET_NAME_LEN];
	struct handover *handover = handover_new(path, &err);
	struct ticketkeys *keys = ticketkeys_new(3600);

	(void)state;
	memcpy(first, ticketkeys_current(keys)->name, sizeof first);
	now_set(now_wall() + 1800);
	memcpy(second, ticketkeys_current(keys)->name, sizeof second);
	assert_int_equal(handover_save(handover, keys, &err), 0);
	ticketkeys_free(keys);
	keys = ticketkeys_new(3600);
	assert_int_equal(handover_load(handover, keys, &err), 0);
	assert_memory_equal(ticketkeys_current(keys)->name, second, sizeof second);
	assert_non_null(ticketkeys_find(keys, first));
	ticketkeys_free(keys);
	handover_free(handover);
}

static void
file_that_others_can_read_is_refused(void **state)
{
	unsigned char name[TLSMGR_TICKET_NAME_LEN];
	struct err err;

	(void)state;
	first_run(3600, name);
	assert_int_equal(chmod(path, 0644), 0);
	assert_null(handover_new(path, &err));
	assert_non_null(strstr(err.text, "not a file of mode 0600"));
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_pass_to_the_next_process_once),
		cmocka_unit_test(old_keys_stay_behind),
		cmocka_unit_test(key_with_a_longer_life_than_the_period_allows_stays_behind),
		cmocka_unit_test(latest_key_goes_on_issuing),
		cmocka_unit_test(file_that_others_can_read_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
