/* SPDX-License-Identifier: ISC */
#include "tlsmgr_fixture.h"

#include "mail/tlsmgr_proto.h"
#include "util/buf.h"
#include "util/table.h"

static void
key_record_has_its_layout(void **state)
{
	struct tlsmgr_ticket_key key = { .tout = 1795253110 }, back;
	unsigned char record[TLSMGR_TICKET_RECORD_LEN];
	static const unsigned char tout[8] = { 0x76, 0x63, 0x01, 0x6b };

	(void)state;
	memset(key.name, 1, sizeof key.name);
	memset(key.bits, 2, sizeof key.bits);
	memset(key.hmac, 3, sizeof key.hmac);
	tlsmgr_proto_pack_key(&key, record);
	assert_int_equal(record[15], 1);
	assert_int_equal(record[16], 2);
	assert_int_equal(record[48], 3);
	if (*(const char *)&(int){ 1 } == 1)
		assert_memory_equal(record + 80, tout, 8);
	tlsmgr_proto_unpack_key(&back, record);
	assert_memory_equal(&back, &key, sizeof key);
}

static void
reply_that_is_not_complete_is_refused(void **state)
{
	struct buf reply = BUF_INIT, session = BUF_INIT;
	int status = 7;

	(void)state;
	tlsmgr_proto_reply_status(&reply, TLSMGR_PROTO_OK);
	assert_int_equal(tlsmgr_proto_get_session(reply.bytes, reply.len, "t", &status, &session), -1);
	assert_int_equal(status, 7);
	assert_string_equal(fixture_log, "warning: missing attribute session in input from t\n");
	buf_clear(&reply);
	tlsmgr_proto_reply_data(&reply, TLSMGR_PROTO_ERR, "session", "", 0);
	assert_int_equal(tlsmgr_proto_get_session(reply.bytes, reply.len, "t", &status, &session), 0);
	assert_int_equal(status, TLSMGR_PROTO_ERR);
	buf_release(&reply);
	buf_release(&session);
}

static void
statistics_are_names_and_numbers(void **state)
{
	static const char list[] = "status\0000\0smtpd_entries\00018446744073709551615\0seed_ok\0007\0";
	struct table *numbers = table_new(free);
	int status = 7;

	(void)state;
	assert_int_equal(tlsmgr_proto_get_stats(list, sizeof list, "t", &status, numbers), 0);
	assert_int_equal(status, TLSMGR_PROTO_OK);
	assert_int_equal(table_count(numbers), 2);
	assert_string_equal(table_get(numbers, "smtpd_entries"), "18446744073709551615");
	assert_string_equal(table_get(numbers, "seed_ok"), "7");
	table_free(numbers);
}

/* Postfix's answers nothing, other servers of ours -2. */
static void
statistics_may_be_refused(void **state)
{
	struct buf reply = BUF_INIT;
	struct table *numbers = table_new(free);
	int status = 7;

	(void)state;
	assert_int_equal(tlsmgr_proto_get_stats("", 0, "t", &status, numbers), -1);
	assert_int_equal(status, 7);
	tlsmgr_proto_reply_status(&reply, TLSMGR_PROTO_FAIL);
	assert_int_equal(tlsmgr_proto_get_stats(reply.bytes, reply.len, "t", &status, numbers), 0);
	assert_int_equal(status, TLSMGR_PROTO_FAIL);
	assert_int_equal(table_count(numbers), 0);
	table_free(numbers);
	buf_release(&reply);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(key_record_has_its_layout, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
		    reply_that_is_not_complete_is_refused, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
		    statistics_are_names_and_numbers, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(statistics_may_be_refused, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
