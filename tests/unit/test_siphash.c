/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/siphash.h"

/* From the paper and its reference code: key 00 01 … 0f, message 00 01 … */
static void
values_are_those_of_the_reference(void **state)
{
	static const struct {
		size_t len;
		uint64_t hash;
	} cases[] = {
		{ 0, 0x726fdb47dd0e0e31u },
		{ 1, 0x74f839c593dc67fdu },
		{ 8, 0x93f5f5799a932462u },
		{ 15, 0xa129ca6149be45e5u },
	};
	unsigned char bytes[16];

	(void)state;
	for (int i = 0; i < 16; i++)
		bytes[i] = (unsigned char)i;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		print_message("%zu bytes\n", cases[i].len);
		assert_true(siphash(bytes, bytes, cases[i].len) == cases[i].hash);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(values_are_those_of_the_reference) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
