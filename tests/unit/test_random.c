/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"

#include <openssl/err.h>

#include "tls/random.h"

static int generator_says;

static int
broken_generator(unsigned char *bytes, int len)
{
	memset(bytes, 'w', (size_t)len);
	return generator_says;
}

static void
failed_generator_is_an_error_and_leaves_zeros(void **state)
{
	static const unsigned char zeros[32];
	unsigned char bytes[32];

	(void)state;
	for (generator_says = -1; generator_says <= 0; generator_says++) {
		random_set_generator(broken_generator);
		memset(bytes, 'x', sizeof bytes);
		assert_int_equal(random_bytes(bytes, sizeof bytes), -1);
		assert_memory_equal(bytes, zeros, sizeof bytes);
		random_set_generator(NULL);
	}
	assert_int_equal(random_bytes(bytes, sizeof bytes), 0);
	assert_memory_not_equal(bytes, zeros, sizeof bytes);
}

static void
bytes_are_others_each_time(void **state)
{
	unsigned char first[64], second[64];

	(void)state;
	assert_int_equal(random_bytes(first, sizeof first), 0);
	random_add("the same", 8);
	assert_int_equal(random_bytes(second, sizeof second), 0);
	assert_memory_not_equal(first, second, sizeof first);
	random_add(NULL, 0);
	assert_int_equal(random_bytes(first, 0), 0);
	assert_int_equal(ERR_peek_error(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failed_generator_is_an_error_and_leaves_zeros),
		cmocka_unit_test(bytes_are_others_each_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
