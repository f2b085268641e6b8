/* SPDX-License-Identifier: ISC */
/*
 * cmocka_all: cmocka with what it wants included before it, and how tests name their cases.
 */
#ifndef TEST_CMOCKA_ALL_H
#define TEST_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Says which row of a table failed, before cmocka says where. */
#define CASE_IS(condition, name)                                                                             \
	do {                                                                                                 \
		if (!(condition)) {                                                                          \
			print_message("# case %s\n", (name));                                                \
			fail_msg("case %s: %s", (name), #condition);                                         \
		}                                                                                            \
	} while (0)

#define CASE_TEXT(got, wanted, name)                                                                         \
	do {                                                                                                 \
		if (strcmp((got), (wanted)) != 0)                                                            \
			fail_msg("case %s: got \"%s\", wanted \"%s\"", (name), (got), (wanted));             \
	} while (0)

#endif
