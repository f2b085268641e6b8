/* SPDX-License-Identifier: ISC */
#include "tlsmgr_fixture.h"

#include <errno.h>
#include <fcntl.h>

#include "tlsmgr/store_guard.h"
#include "util/buf.h"

enum { PAGE = 512, PAGES = 3000 };

static unsigned char page[PAGE], got[PAGE];

static void
number_page(size_t i)
{
	memset(page, (int)i, PAGE);
	memcpy(page, &i, sizeof i);
}

static int
make_file(struct store_guard *guard)
{
	int fd = open(fixture_path("file"), O_RDWR | O_CREAT | O_TRUNC, 0600);

	store_guard_watch(guard, fd);
	for (size_t i = 0; i < PAGES; i++) {
		number_page(i);
		assert_int_equal(store_guard_pwrite(fd, page, PAGE, (off_t)(i * PAGE)), PAGE);
	}
	return fd;
}

static void
written_pages_pass(void **state)
{
	struct store_guard *guard = store_guard_new(PAGE);
	int fd = make_file(guard);

	(void)state;
	for (size_t i = 0; i < PAGES; i++) {
		number_page(i);
		assert_int_equal(store_guard_pread(fd, got, PAGE, (off_t)(i * PAGE)), PAGE);
		assert_memory_equal(got, page, PAGE);
	}
	/* Behind the end there is nothing to compare. */
	assert_int_equal(store_guard_pread(fd, got, PAGE, PAGES * PAGE), 0);
	assert_int_equal(store_guard_seek(fd, 0, SEEK_SET), 0);
	assert_int_equal(store_guard_error(guard), 0);
	close(fd);
	store_guard_free(guard);
}

static void
any_changed_bit_is_noticed(void **state)
{
	(void)state;
	for (size_t bit = 0; bit < PAGE * 8; bit++) {
		struct store_guard *guard = store_guard_new(PAGE);
		int fd = open(fixture_path("file"), O_RDWR | O_CREAT | O_TRUNC, 0600);

		store_guard_watch(guard, fd);
		number_page(7);
		assert_int_equal(store_guard_pwrite(fd, page, PAGE, 0), PAGE);
		page[bit / 8] ^= (unsigned char)(1 << bit % 8);
		assert_int_equal(pwrite(fd, page, PAGE, 0), PAGE);
		assert_false(store_guard_is_intact(guard, fd, 0));
		assert_int_equal(store_guard_pread(fd, got, PAGE, 0), -1);
		assert_int_equal(errno, EIO);
		/* The way around is closed. */
		assert_int_equal(store_guard_seek(fd, 0, SEEK_SET), -1);
		assert_int_equal(store_guard_error(guard), EIO);
		close(fd);
		store_guard_free(guard);
	}
}

static void
cut_file_is_noticed(void **state)
{
	struct store_guard *guard = store_guard_new(PAGE);
	int fd = make_file(guard);

	(void)state;
	assert_int_equal(ftruncate(fd, PAGE * 10 + 1), 0);
	assert_int_equal(store_guard_pread(fd, got, PAGE, PAGE * 9), PAGE);
	assert_false(store_guard_is_intact(guard, fd, 10));
	assert_int_equal(store_guard_pread(fd, got, PAGE, PAGE * 11), -1);
	close(fd);
	store_guard_free(guard);
}

static void
pages_that_were_given_up_are_forgotten(void **state)
{
	struct store_guard *guard = store_guard_new(PAGE);
	int fd = make_file(guard);

	(void)state;
	assert_int_equal(store_guard_truncate(fd, PAGE * 10), 0);
	assert_int_equal(store_guard_pread(fd, got, PAGE, PAGE * 10), 0);
	number_page(9);
	assert_int_equal(store_guard_pread(fd, got, PAGE, PAGE * 9), PAGE);
	assert_memory_equal(got, page, PAGE);
	close(fd);
	store_guard_free(guard);
}

static void
sums_can_be_kept(void **state)
{
	struct store_guard *first = store_guard_new(PAGE), *second = store_guard_new(PAGE);
	struct buf sums = BUF_INIT;
	int fd = make_file(first);

	(void)state;
	store_guard_save(first, &sums);
	assert_int_equal(sums.len % PAGE, 0);
	store_guard_free(first);
	store_guard_load(second, &sums);
	store_guard_watch(second, fd);
	for (size_t i = 0; i < PAGES; i++)
		assert_true(store_guard_is_intact(second, fd, i));
	assert_int_equal(pwrite(fd, "x", 1, PAGE * 5 + 100), 1);
	assert_false(store_guard_is_intact(second, fd, 5));
	close(fd);
	store_guard_free(second);
	buf_release(&sums);
}

static void
other_files_are_left_alone(void **state)
{
	struct store_guard *guard = store_guard_new(PAGE);
	int fd = make_file(guard), other = open(fixture_path("other"), O_RDWR | O_CREAT, 0600);

	(void)state;
	number_page(1);
	assert_int_equal(store_guard_pwrite(other, page, PAGE, 0), PAGE);
	assert_int_equal(pwrite(other, "x", 1, 0), 1);
	assert_int_equal(store_guard_pread(other, got, PAGE, 0), PAGE);
	assert_int_equal(store_guard_seek(other, 0, SEEK_SET), 0);
	close(other);
	close(fd);
	store_guard_free(guard);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
		TEST(written_pages_pass),
		TEST(any_changed_bit_is_noticed),
		TEST(cut_file_is_noticed),
		TEST(pages_that_were_given_up_are_forgotten),
		TEST(sums_can_be_kept),
		TEST(other_files_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
