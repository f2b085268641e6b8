/* SPDX-License-Identifier: ISC */
#include "tlsmgr_fixture.h"

#include "mail/tlsmgr_proto.h"
#include "util/buf.h"

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
	struct buf reply = BUF_INIT, seed = BUF_INIT;
	int status = 7;

	(void)state;
	tlsmgr_proto_reply_status(&reply, TLSMGR_PROTO_OK);
	assert_int_equal(tlsmgr_proto_get_seed(reply.bytes, reply.len, "t", &status, &seed), -1);
	assert_int_equal(status, 7);
	assert_string_equal(fixture_log, "warning: missing attribute seed in input from t\n");
	buf_clear(&reply);
	tlsmgr_proto_reply_data(&reply, TLSMGR_PROTO_ERR, "seed", "", 0);
	assert_int_equal(tlsmgr_proto_get_seed(reply.bytes, reply.len, "t", &status, &seed), 0);
	assert_int_equal(status, TLSMGR_PROTO_ERR);
	buf_release(&reply);
	buf_release(&seed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(key_record_has_its_layout, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
		    reply_that_is_not_complete_is_refused, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
