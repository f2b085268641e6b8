/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"

#include <sys/socket.h>
#include <unistd.h>

#include "mail/service_status.h"

static void
record_has_masters_layout(void **state)
{
	unsigned char record[SERVICE_STATUS_SIZE];
	struct service_status status = { .pid = 10868, .generation = 044, .is = SERVICE_STATUS_AVAILABLE },
			      back;

	(void)state;
	service_status_encode(&status, record);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	assert_memory_equal(record, "\x74\x2a\0\0\x24\0\0\0\x01\0\0\0", SERVICE_STATUS_SIZE);
#endif
	service_status_decode(record, &back);
	assert_memory_equal(&back, &status, sizeof back);
}

static void
generation_is_octal(void **state)
{
	static const struct {
		const char *text;
		bool good;
		uint32_t number;
	} cases[] = { { NULL, true, 0 }, { "0", true, 0 }, { "10", true, 8 }, { "44", true, 36 },
		{ "9z", false, 0 }, { "", false, 0 }, { "-1", false, 0 }, { "8", false, 0 } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint32_t number;
		const char *name = cases[i].text ? cases[i].text : "none";
		CASE_IS(service_status_generation(cases[i].text, &number) == cases[i].good, name);
		CASE_IS(!cases[i].good || number == cases[i].number, name);
	}
}

static void
channel_is_over_at_end_of_file_only(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_false(service_status_is_over(pair[0]));
	assert_int_equal(write(pair[1], "x", 1), 1);
	assert_false(service_status_is_over(pair[0]));
	close(pair[1]);
	assert_true(service_status_is_over(pair[0]));
	close(pair[0]);
	assert_true(service_status_is_over(pair[0]));
}

static void
used_is_taken_and_available_and_never_waits(void **state)
{
	unsigned char records[3 * SERVICE_STATUS_SIZE];
	struct service_status status;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(service_status_send_used(pair[0], 7), 0);
	assert_int_equal(read(pair[1], records, sizeof records), 2 * SERVICE_STATUS_SIZE);
	for (int i = 0; i < 2; i++) {
		service_status_decode(records + i * SERVICE_STATUS_SIZE, &status);
		assert_int_equal(status.pid, getpid());
		assert_int_equal(status.generation, 7);
		assert_int_equal(status.is, i == 0 ? SERVICE_STATUS_TAKEN : SERVICE_STATUS_AVAILABLE);
	}
	for (int i = 0; i < 100000; i++)
		assert_int_equal(service_status_send_used(pair[0], 7), 0);
	close(pair[1]);
	assert_int_equal(service_status_send_used(pair[0], 7), -1);
	close(pair[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(record_has_masters_layout),
		cmocka_unit_test(generation_is_octal),
		cmocka_unit_test(channel_is_over_at_end_of_file_only),
		cmocka_unit_test(used_is_taken_and_available_and_never_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
