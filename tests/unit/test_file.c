/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/file.h"

static char dir[] = "/tmp/test_file.XXXXXX";
static char path[64];

static int
make_directory(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/test_file.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof path, "%s/file", dir);
	return 0;
}

static int
remove_directory(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir); /* fails when something was left behind */
}

static void
expect_content(const char *wanted)
{
	struct buf buf = BUF_INIT;
	struct err err;

	assert_int_equal(file_read(path, 100, &buf, &err), 0);
	assert_string_equal(buf_str(&buf), wanted);
	buf_release(&buf);
}

static void
create_does_not_touch_what_exists(void **state)
{
	struct err err;
	struct stat st;

	(void)state;
	assert_int_equal(file_create(path, "one", 3, 0640, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(file_create(path, "two", 3, 0600, &err), -1);
	assert_int_equal(err.code, EEXIST);
	expect_content("one");
}

static void
read_keeps_to_its_limit(void **state)
{
	struct buf buf = BUF_INIT;
	struct err err;

	(void)state;
	assert_int_equal(file_read(path, 10, &buf, &err), -1);
	assert_int_equal(err.code, ENOENT);
	assert_int_equal(file_create(path, "0123456789", 10, 0600, &err), 0);
	buf_add_str(&buf, "before ");
	assert_int_equal(file_read(path, 9, &buf, &err), -1);
	assert_string_equal(buf_str(&buf), "before ");
	assert_int_equal(file_read(path, 10, &buf, &err), 0);
	assert_string_equal(buf_str(&buf), "before 0123456789");
	buf_release(&buf);
}

/* Nobody writes to it, now or ever. */
static void
reading_at_once_does_not_wait(void **state)
{
	struct buf buf = BUF_INIT;
	struct err err;
	char fifo[600];

	(void)state;
	snprintf(fifo, sizeof fifo, "%s.fifo", path);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(file_read_at_once(fifo, 100, &buf, &err), 0);
	assert_int_equal(buf.len, 0);
	int writer = open(fifo, O_RDWR);
	assert_int_equal(file_read_at_once(fifo, 100, &buf, &err), -1);
	assert_int_equal(err.code, EAGAIN);
	close(writer);
	unlink(fifo);
	buf_release(&buf);
}

static void
one_holds_the_lock(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(file_create(path, "", 0, 0600, &err), 0);
	int first = open(path, O_RDWR), second = open(path, O_RDWR);
	assert_int_equal(file_lock(first, false), 1);
	assert_int_equal(file_lock(second, false), 0);
	file_unlock(first);
	assert_int_equal(file_lock(second, true), 1);
	close(first);
	close(second);
	assert_int_equal(file_lock(-1, false), -1);
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(create_does_not_touch_what_exists),
		IN_DIRECTORY(read_keeps_to_its_limit),
		IN_DIRECTORY(reading_at_once_does_not_wait),
		IN_DIRECTORY(one_holds_the_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
