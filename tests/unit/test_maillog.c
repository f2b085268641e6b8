/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "mail/maillog.h"
#include "util/log.h"
#include "util/now.h"

enum { HOLD_MS = 10, LIMIT = 4096 };

static int postlog;
static int waits;
static time_t wall = 1700000000;

static void
on_wait(void *context)
{
	assert_ptr_equal(context, &waits);
	waits++;
}

/* The next datagram: the texts of its lines, each with '|' behind it; "" if there is none. */
static const char *
received(void)
{
	static char texts[LIMIT];
	char bytes[2 * LIMIT + 1];
	ssize_t len = recv(postlog, bytes, sizeof bytes - 1, MSG_DONTWAIT);

	texts[0] = 0;
	if (len < 0)
		return texts;
	assert_in_range(len, 1, LIMIT);
	bytes[len] = 0;
	for (char *line = strtok(bytes, "\n"); line; line = strtok(NULL, "\n")) {
		char *text = strstr(line, "]: ");

		assert_non_null(text);
		strcat(strcat(texts, text + 3), "|");
	}
	return texts;
}

static int
set_up(void **state)
{
	static char dir[] = "/tmp/test_maillog.XXXXXX";
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(address.sun_path, sizeof address.sun_path, "%s/log", dir);
	postlog = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind(postlog, (struct sockaddr *)&address, sizeof address) < 0)
		return -1;
	setenv("POSTLOG_SERVICE", address.sun_path, 1);
	maillog_init("test");
	unlink(address.sun_path);
	return rmdir(dir);
}

/* Longer ago than any line may wait. */
static int
pause_between(void **state)
{
	(void)state;
	now_set(wall += 60);
	maillog_hold(HOLD_MS, on_wait, &waits);
	waits = 0;
	return 0;
}

static void
without_hold_each_line_goes_at_once(void **state)
{
	(void)state;
	maillog_hold(0, NULL, NULL);
	log_info("one");
	log_info("two");
	assert_string_equal(received(), "one|");
	assert_string_equal(received(), "two|");
}

static void
first_line_goes_at_once_and_others_together(void **state)
{
	(void)state;
	log_info("one");
	assert_string_equal(received(), "one|");
	assert_int_equal(waits, 0);
	log_info("two");
	log_info("three");
	assert_int_equal(waits, 1);
	assert_string_equal(received(), "");
	maillog_flush();
	assert_string_equal(received(), "two|three|");
	maillog_flush();
	assert_string_equal(received(), "");
	log_info("four");
	assert_int_equal(waits, 2);
	maillog_flush();
	assert_string_equal(received(), "four|");
}

static void
warning_does_not_wait_nor_overtake(void **state)
{
	(void)state;
	log_info("one");
	log_info("two");
	log_warn("three");
	assert_string_equal(received(), "one|");
	assert_string_equal(received(), "two|warning: three|");
	log_warn("four");
	assert_string_equal(received(), "warning: four|");
}

static void
datagrams_are_no_larger_than_postlogd_reads(void **state)
{
	char text[1001];
	int lines = 0;

	(void)state;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	for (int i = 0; i < 9; i++)
		log_info("%s", text);
	maillog_flush();
	for (const char *texts; *(texts = received());)
		lines += (int)(strlen(texts) / sizeof text);
	assert_int_equal(lines, 9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(without_hold_each_line_goes_at_once, pause_between),
		cmocka_unit_test_setup(first_line_goes_at_once_and_others_together, pause_between),
		cmocka_unit_test_setup(warning_does_not_wait_nor_overtake, pause_between),
		cmocka_unit_test_setup(datagrams_are_no_larger_than_postlogd_reads, pause_between),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
