/* SPDX-License-Identifier: ISC */
#include "store_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "tlsmgr/store.h"
#include "util/file.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* More than the pool of Berkeley DB has room for, so that pages are read again. */
enum { RECORDS = 4000, LEN = 2017 };

static unsigned long long dice = 1;

static size_t
roll(size_t sides)
{
	dice = dice * 6364136223846793005u + 1442695040888963407u;
	return (size_t)(dice >> 33) % sides;
}

/* Each exit status of a child says what it came to. */
enum { FINE, SANITIZED, WRONG_RECORD = 50, NOT_OPENED, NOT_EMPTY, GAVE_UP };

/* All that can be done with a store; what it gives must be what was put, or nothing. */
static int
use(struct store *store)
{
	struct buf key = BUF_INIT, value = BUF_INIT;
	struct err err = { 0 };
	int status = FINE, rc = 0;

	for (unsigned int i = 0; i < RECORDS && rc >= 0; i++)
		rc = store_check_nth(store, i, LEN, &err);
	if (rc == -2)
		status = WRONG_RECORD;
	for (rc = rc < 0 ? rc : store_next(store, true, &key, &value, &err); rc > 0;)
		rc = store_next(store, false, &key, &value, &err);
	for (unsigned int i = 0; i < 500 && rc >= 0; i++) {
		char at[80];

		store_key(at, i * 3);
		rc = store_remove(store, at, &err);
		if (rc >= 0)
			rc = store_put_nth(store, RECORDS + i, LEN, &err);
	}
	buf_release(&key);
	buf_release(&value);
	return status != FINE ? status : rc < 0 ? GAVE_UP : FINE;
}

static int
open_and_use(const void *context)
{
	struct err err = { 0 };
	struct store *store = store_open_in(context, ".", "boot", &err);

	if (!store)
		return NOT_OPENED;
	int status = use(store);
	store_free(store);
	return status;
}

/* An old record in a file that had to be emptied is a mistake. */
static int
open_empty_and_use(const void *context)
{
	struct err err = { 0 };
	struct store *store = store_open_in(context, ".", "boot", &err);

	if (!store)
		return NOT_OPENED;
	int status = store_has_old_records(store) || store_check_nth(store, 1, LEN, &err) != 0 ? NOT_EMPTY
											       : use(store);
	store_free(store);
	return status;
}

static void
make_file(const struct store_kind *kind)
{
	struct store *store;

	store_remove_file(kind);
	store = store_open(kind, "boot");
	store_fill(store, 0, RECORDS, LEN);
	store_free(store);
}

/* Flips bits at random places, or cuts; `times` keeps the time of the last change. */
static void
damage(const char *path, bool keep_time)
{
	static const size_t places[] = { 512, 2048, 4096, 65536, 0 };
	int fd = open(path, O_RDWR);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	size_t size = (size_t)st.st_size, within = places[roll(COUNT(places))];
	if (within == 0 || within > size)
		within = size;
	if (roll(8) == 0) {
		assert_int_equal(ftruncate(fd, (off_t)roll(within)), 0);
	} else {
		for (size_t flips = 1 + roll(4) * roll(20); flips > 0; flips--) {
			off_t at = (off_t)roll(within);
			unsigned char byte;

			assert_int_equal(pread(fd, &byte, 1, at), 1);
			byte ^= (unsigned char)(1 + roll(255));
			assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		}
	}
	if (keep_time)
		assert_int_equal(
		    futimens(fd, (struct timespec[2]){ { .tv_nsec = UTIME_OMIT }, st.st_mtim }), 0);
	close(fd);
}

static void
file_that_somebody_changed_is_emptied(void **state)
{
	(void)state;
	for (EACH_FILE_KIND(kind)) {
		for (int i = 0; i < 8; i++) {
			make_file(kind);
			damage(store_path(kind), false);
			assert_int_equal(store_in_child(open_empty_and_use, kind), 0);
			store_assert_silent(kind->type);
		}
	}
}

/* As a disk does it: nothing tells of the change but the bytes. */
static void
damage_that_does_not_show_never_ends_the_process(void **state)
{
	(void)state;
	for (EACH_FILE_KIND(kind)) {
		int gave_up = 0, crashed = 0;

		for (int i = 0; i < 25; i++) {
			make_file(kind);
			damage(store_path(kind), true);
			int status = store_in_child(open_and_use, kind);
			/* A sanitizer makes an exit status of a signal. */
			if (!kind->has_guard && (WIFSIGNALED(status) || WEXITSTATUS(status) == SANITIZED)) {
				crashed++;
			} else {
				if (!WIFEXITED(status) ||
				    (WEXITSTATUS(status) != FINE && WEXITSTATUS(status) != GAVE_UP))
					fail_msg("%s, round %d: status %#x", kind->type, i, status);
				gave_up += WEXITSTATUS(status) == GAVE_UP;
			}
			if (kind->has_guard)
				store_assert_silent(kind->type);
			/* However it ended, the next one starts. */
			if (WIFSIGNALED(status) || WEXITSTATUS(status) == GAVE_UP)
				assert_int_equal(store_in_child(open_empty_and_use, kind), 0);
		}
		print_message("%s: %d gave up, %d crashed\n", kind->type, gave_up, crashed);
	}
}

static int
use_while_damaged(const void *context)
{
	const struct store_kind *kind = context;
	struct err err = { 0 };
	struct store *store = store_open_in(kind, ".", "boot", &err);
	int status = FINE;

	if (!store)
		return NOT_OPENED;
	for (int i = 0; i < 10; i++) {
		damage(store_path(kind), false);
		if ((status = use(store)) != FINE)
			break;
	}
	store_free(store);
	return status;
}

static void
damage_to_a_file_in_use_is_an_error(void **state)
{
	(void)state;
	for (EACH_FILE_KIND(kind)) {
		if (!kind->has_guard)
			continue;
		for (int i = 0; i < 8; i++) {
			make_file(kind);
			dice += (unsigned int)i;
			int status = store_in_child(use_while_damaged, kind);
			if (!WIFEXITED(status) ||
			    (WEXITSTATUS(status) != FINE && WEXITSTATUS(status) != GAVE_UP))
				fail_msg("%s, round %d: status %#x", kind->type, i, status);
			store_assert_silent(kind->type);
			if (WEXITSTATUS(status) == GAVE_UP)
				assert_int_equal(store_in_child(open_empty_and_use, kind), 0);
			roll(7);
		}
	}
}

static void
foreign_file_is_emptied(void **state)
{
	static const size_t lengths[] = { 0, 1, 100, 511, 512, 1024, 2047, 2048, 4096, 8192, 100000 };
	struct err err = { 0 };

	(void)state;
	for (EACH_FILE_KIND(kind)) {
		for (size_t i = 0; i < COUNT(lengths); i++) {
			struct buf junk = BUF_INIT;

			for (size_t at = 0; at < lengths[i]; at++)
				buf_add_byte(&junk, (char)roll(256));
			store_remove_file(kind);
			assert_int_equal(
			    file_create(store_path(kind), buf_str(&junk), junk.len, 0600, &err), 0);
			assert_int_equal(store_in_child(open_empty_and_use, kind), 0);
			store_assert_silent(kind->type);
			buf_release(&junk);
		}
	}
}

static int
write_for_ever(const void *context)
{
	struct err err = { 0 };
	struct store *store = store_open_in(context, ".", "boot", &err);

	if (!store || store_has_old_records(store))
		return NOT_OPENED;
	for (unsigned int i = 0;; i++)
		if (store_put_nth(store, i % RECORDS, LEN, &err) < 0)
			return GAVE_UP;
}

/* Whenever it comes: before the file is there, while it is small, when it has outgrown the pool. */
static void
nothing_is_kept_after_a_kill(void **state)
{
	(void)state;
	for (EACH_FILE_KIND(kind)) {
		store_remove_file(kind);
		for (int i = 0; i < 20; i++) {
			pid_t child = fork();
			int status;

			if (child == 0)
				_exit(write_for_ever(kind));
			usleep((useconds_t)roll(30000));
			kill(child, SIGKILL);
			assert_int_equal(waitpid(child, &status, 0), child);
			assert_true(WIFSIGNALED(status));
		}
		assert_int_equal(store_in_child(open_empty_and_use, kind), 0);
		store_assert_silent(kind->type);
	}
}

static struct store *
fill_up(const struct store_kind *kind, const char *dir, struct err *err)
{
	struct store *store = store_open_in(kind, dir, "boot", err);

	if (!store)
		return NULL;
	for (unsigned int i = 0; i < 20 * RECORDS; i++) {
		err->text[0] = 0;
		if (store_put_nth(store, i, LEN, err) < 0)
			return store;
	}
	store_free(store);
	err_set(err, "never full");
	return NULL;
}

static int
run_into_limit(const void *context)
{
	const struct store_kind *kind = context;
	struct rlimit limit = { 1 << 20, 1 << 20 };
	struct err err = { 0 };
	struct store *store;

	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
		return NOT_OPENED;
	for (int i = 0; i < 3; i++) {
		store = fill_up(kind, ".", &err);
		if (!store || err.text[0] == 0)
			return NOT_OPENED;
		store_free(store);
	}
	return FINE;
}

static void
file_that_cannot_grow_is_an_error(void **state)
{
	(void)state;
	for (EACH_FILE_KIND(kind)) {
		assert_int_equal(store_in_child(run_into_limit, kind), 0);
		store_assert_silent(kind->type);
		assert_int_equal(store_in_child(open_empty_and_use, kind), 0);
	}
}

/* A disk of 1 MB, in "small". */
static void
make_small_disk(void)
{
	const char *dir = fixture_path("small");

	assert_int_equal(mkdir(dir, 0700), 0);
	if (geteuid() != 0 || mount("store", dir, "tmpfs", 0, "size=1m") < 0)
		skip();
}

static int
teardown(void **state)
{
	if (umount(fixture_path("small")) < 0)
		errno = 0; /* most tests have none */
	return fixture_teardown(state);
}

static void
full_disk_is_an_error_and_given_back(void **state)
{
	struct err err = { 0 };
	struct stat st;
	char path[256];

	(void)state;
	make_small_disk();
	for (EACH_FILE_KIND(kind)) {
		for (int i = 0; i < 3; i++) {
			struct store *store = fill_up(kind, "small", &err);

			assert_non_null(store);
			/* LMDB has another word for it. */
			assert_int_equal(err.code, kind->has_guard ? ENOSPC : EIO);
			store_free(store);
			snprintf(path, sizeof path, "%s/small/cache%s", fixture_dir, kind->suffix);
			assert_int_equal(stat(path, &st), 0);
			assert_int_equal(st.st_size, 0);
		}
	}
}

/* Records that the pool holds are written at the end, which may be too late. */
static void
full_disk_at_the_end_keeps_nothing(void **state)
{
	struct err err = { 0 };

	(void)state;
	make_small_disk();
	for (EACH_FILE_KIND(kind)) {
		struct store *store = store_open_in(kind, "small", "boot", &err);

		assert_non_null(store);
		for (unsigned int i = 0; i < 600; i++)
			if (store_put_nth(store, i, LEN, &err) < 0)
				break;
		store_free(store);
		store = store_open_in(kind, "small", "boot", &err);
		assert_non_null(store);
		assert_false(store_has_old_records(store));
		store->failed = true;
		store_free(store);
	}
}

static int
as_directory(const char *path, const char *dir)
{
	(void)dir;
	return mkdir(path, 0700);
}

static int
as_fifo(const char *path, const char *dir)
{
	(void)dir;
	return mkfifo(path, 0666);
}

static int
as_read_only_file(const char *path, const char *dir)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0444);

	(void)dir;
	return fd < 0 ? -1 : close(fd);
}

static int
as_read_only_directory(const char *path, const char *dir)
{
	(void)path;
	return chmod(dir, 0555);
}

static int
as_missing_directory(const char *path, const char *dir)
{
	(void)path;
	return rmdir(dir);
}

static const struct refusal {
	const char *name;
	int (*prepare)(const char *path, const char *dir);
	int code;
} refusals[] = {
	{ "a directory", as_directory, EISDIR },
	{ "a FIFO", as_fifo, 0 },
	{ "a file that may not be written", as_read_only_file, EACCES },
	{ "a directory that may not be written", as_read_only_directory, EACCES },
	{ "a directory that is not there", as_missing_directory, ENOENT },
};

struct
try {
	const struct store_kind *kind;
	const struct refusal *refusal;
	const char *dir;
};

/* Root may write everywhere. */
static int
try_to_open(const void *context)
{
	const struct try *try = context;
	struct err err = { 0 };

	if (geteuid() == 0 && seteuid(65534) < 0)
		return 1;
	if (store_open_in(try->kind, try->dir, "boot", &err))
		return 2;
	if (try->refusal->code && err.code != try->refusal->code)
		return 3;
	return strstr(err.text, "open database cache") ? 0 : 4;
}

static void
what_is_no_writable_file_is_refused(void **state)
{
	(void)state;
	assert_int_equal(chmod(fixture_dir, 0755), 0);
	for (EACH_FILE_KIND(kind)) {
		for (size_t i = 0; i < COUNT(refusals); i++) {
			char name[32], dir[128], path[256];
			struct try try = { kind, &refusals[i], name };

			snprintf(name, sizeof name, "%s%zu", kind->type, i);
			snprintf(dir, sizeof dir, "%s", fixture_path(name));
			snprintf(path, sizeof path, "%s/cache%s", dir, kind->suffix);
			assert_int_equal(mkdir(dir, 0777), 0);
			assert_int_equal(chmod(dir, 0777), 0);
			assert_int_equal(refusals[i].prepare(path, dir), 0);
			print_message("%s, %s\n", kind->type, refusals[i].name);
			assert_int_equal(store_in_child(try_to_open, &try), 0);
			store_assert_silent(kind->type);
		}
	}
}

static void
symbolic_link_is_followed(void **state)
{
	(void)state;
	for (EACH_FILE_KIND(kind)) {
		char target[256];
		struct stat st;

		snprintf(target, sizeof target, "%s.%s", fixture_path("elsewhere"), kind->type);
		store_remove_file(kind);
		assert_int_equal(symlink(target, store_path(kind)), 0);
		for (int run = 0; run < 2; run++) {
			struct store *store = store_open(kind, "boot");

			assert_int_equal(store_count(store), run ? 10 : 0);
			store_fill(store, 0, 10, 100);
			store_free(store);
		}
		assert_int_equal(lstat(target, &st), 0);
		assert_true(S_ISREG(st.st_mode));
		assert_int_equal(lstat(store_path(kind), &st), 0);
		assert_true(S_ISLNK(st.st_mode));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, teardown)
		TEST(file_that_somebody_changed_is_emptied),
		TEST(damage_that_does_not_show_never_ends_the_process),
		TEST(damage_to_a_file_in_use_is_an_error),
		TEST(foreign_file_is_emptied),
		TEST(nothing_is_kept_after_a_kill),
		TEST(file_that_cannot_grow_is_an_error),
		TEST(full_disk_is_an_error_and_given_back),
		TEST(full_disk_at_the_end_keeps_nothing),
		TEST(what_is_no_writable_file_is_refused),
		TEST(symbolic_link_is_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
