/* SPDX-License-Identifier: ISC */
/* hello: the extensions that say what a client wants to resume. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tls/hello.h"

static void
first_identity_is_found(void **state)
{
	static const unsigned char extension[] = { 0, 9, 0, 3, 'a', 'b', 'c', 1, 2, 3, 4, 0, 0 };
	const unsigned char *identity = NULL;
	size_t len = 0;

	(void)state;
	assert_int_equal(hello_first_identity(extension, sizeof extension, &identity, &len), 0);
	assert_int_equal(len, 3);
	assert_memory_equal(identity, "abc", 3);
}

static void
malformed_identities_are_refused(void **state)
{
	static const struct {
		const char *name;
		unsigned char bytes[8];
		size_t len;
	} cases[] = {
		{ "nothing", { 0 }, 0 },
		{ "half a length", { 0 }, 1 },
		{ "no identity", { 0, 2 }, 2 },
		{ "empty identity", { 0, 2, 0, 0 }, 4 },
		{ "longer than the list", { 0, 3, 0, 2, 'a', 'b' }, 6 },
		{ "longer than the extension", { 0, 9, 0, 7, 'a', 'b' }, 6 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const unsigned char *identity;
		size_t len;

		if (hello_first_identity(cases[i].bytes, cases[i].len, &identity, &len) != -1)
			fail_msg("%s: accepted", cases[i].name);
	}
}

static void
offer_of_tls13_is_seen(void **state)
{
	static const struct {
		const char *name;
		unsigned char bytes[8];
		size_t len;
		int offers;
	} cases[] = {
		{ "alone", { 2, 3, 4 }, 3, 1 },
		{ "last", { 4, 3, 3, 3, 4 }, 5, 1 },
		{ "absent", { 4, 3, 3, 3, 2 }, 5, 0 },
		{ "outside the list", { 2, 3, 3, 3, 4 }, 5, 0 },
		{ "cut off", { 4, 3, 3, 3 }, 4, 0 },
		{ "empty", { 0 }, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (hello_offers_tls13(cases[i].bytes, cases[i].len) != cases[i].offers)
			fail_msg("%s: not %d", cases[i].name, cases[i].offers);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_identity_is_found),
		cmocka_unit_test(malformed_identities_are_refused),
		cmocka_unit_test(offer_of_tls13_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
