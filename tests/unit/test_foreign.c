/* SPDX-License-Identifier: ISC */
/* Files that Postfix's postmap makes, whole and damaged, and files that nobody makes. */
#include "store_fixture.h"

#include <fcntl.h>

#include "tlsmgr/entry.h"
#include "tlsmgr/foreign.h"
#include "util/file.h"

enum { RECORDS = 1500 };

/* Sizes up to several pages, as postmap takes them from a text file. */
static size_t
length_of(unsigned int i)
{
	return i % 50 == 0 ? 9000 + i : i * 7 % 2500;
}

static void
add_nth(struct buf *text, unsigned int i)
{
	int64_t stamp = 1000 + i;
	char key[80];

	store_key(key, i);
	buf_printf(text, "%s ", key);
	for (size_t n = 0; n < sizeof stamp; n++)
		buf_printf(text, "%02X", ((unsigned char *)&stamp)[n]);
	for (size_t n = 0; n <= length_of(i); n++)
		buf_printf(text, "%02X", (unsigned int)((i + n + n / 256) & 0xff));
	buf_add_byte(text, '\n');
}

/* False: postmap is not there, or does not know this type. */
static bool
make_file(const struct store_kind *kind)
{
	struct buf text = BUF_INIT;
	struct err err = { 0 };
	char command[512];

	if (access(fixture_path("cache"), F_OK) < 0) {
		static const char settings[] = "compatibility_level = 3.6\n";

		for (unsigned int i = 0; i < RECORDS; i++)
			add_nth(&text, i);
		assert_int_equal(file_create(fixture_path("cache"), text.bytes, text.len, 0600, &err), 0);
		assert_int_equal(
		    file_create(fixture_path("main.cf"), settings, strlen(settings), 0600, &err), 0);
		snprintf(command, sizeof command,
		    "cp -r /etc/postfix/dynamicmaps.cf* %s/ 2>/dev/null || :", fixture_dir);
		assert_int_equal(system(command), 0);
		buf_release(&text);
	}
	snprintf(command, sizeof command, "postmap -f -c %s %s:%s/cache 2>/dev/null", fixture_dir, kind->type,
	    fixture_dir);
	return system(command) == 0;
}

struct harvest {
	unsigned int good, wrong, strange, full;
	bool ended;
	unsigned int seen[RECORDS];
};

static void
judge(struct harvest *harvest, const struct buf *key, const struct buf *value)
{
	struct buf session = BUF_INIT, wanted = BUF_INIT;
	char digits[41] = "", name[80];
	int64_t stamp;

	if (key->len > 48)
		memcpy(digits, key->bytes + 8, 40);
	unsigned int i = (unsigned int)strtoul(digits, NULL, 16);
	store_key(name, i);
	if (i >= RECORDS || strcmp(name, buf_str(key)) != 0 ||
	    entry_decode(buf_str(value), value->len, &stamp, &session) != ENTRY_GOOD) {
		harvest->strange++;
	} else {
		store_pattern(&wanted, i, length_of(i) + 1);
		bool same = stamp == 1000 + i && session.len == wanted.len &&
			    memcmp(session.bytes, wanted.bytes, wanted.len) == 0;
		harvest->good += same;
		harvest->wrong += !same;
		harvest->seen[i]++;
	}
	buf_release(&session);
	buf_release(&wanted);
}

/* False: nobody's file. */
static bool
read_file(const char *path, struct harvest *harvest)
{
	struct buf key = BUF_INIT, value = BUF_INIT;
	struct stat st;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	memset(harvest, 0, sizeof *harvest);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	struct foreign *foreign = foreign_new(fd);
	if (!foreign) {
		close(fd);
		return false;
	}
	/* A number of calls that only circles could need. */
	uint64_t most = (uint64_t)st.st_size * 4 + 100;
	for (uint64_t calls = 0; calls < most && !harvest->ended; calls++) {
		switch (foreign_next(foreign, &key, &value)) {
		case FOREIGN_RECORD:
			judge(harvest, &key, &value);
			break;
		case FOREIGN_END:
			harvest->ended = true;
			break;
		case FOREIGN_FULL:
			harvest->full++;
			break;
		case FOREIGN_NOTHING:
			break;
		}
	}
	foreign_free(foreign);
	buf_release(&key);
	buf_release(&value);
	return true;
}

static void
whole_file_is_read_once(void **state)
{
	struct harvest harvest;

	(void)state;
	for (EACH_FILE_KIND(kind)) {
		if (!make_file(kind)) {
			print_message("postmap does not make %s\n", kind->type);
			continue;
		}
		assert_true(read_file(store_path(kind), &harvest));
		assert_true(harvest.ended);
		assert_int_equal(harvest.good, RECORDS);
		assert_int_equal(harvest.wrong + harvest.strange + harvest.full, 0);
		for (unsigned int i = 0; i < RECORDS; i++)
			assert_int_equal(harvest.seen[i], 1);
	}
}

static unsigned long long dice = 1;

static size_t
roll(size_t sides)
{
	dice = dice * 6364136223846793005u + 1442695040888963407u;
	return (size_t)(dice >> 33) % sides;
}

/* As it was, with some bytes changed, a piece of it over another, or the end gone. */
static void
write_damaged(const struct buf *whole, const char *path, bool ends_of_pages)
{
	struct buf bytes = BUF_INIT;
	struct err err = { 0 };

	buf_add(&bytes, whole->bytes, whole->len);
	for (size_t flips = 1 + roll(5) * roll(60); flips > 0; flips--) {
		size_t at = ends_of_pages ? roll(bytes.len / 4096) * 4096 + roll(96) : roll(bytes.len);
		bytes.bytes[at] ^= (char)(1 + roll(255));
	}
	if (roll(4) == 0) {
		size_t len = roll(3) ? 4096 : roll(bytes.len / 2);
		memmove(bytes.bytes + roll(bytes.len / 2 - 4096), bytes.bytes + roll(bytes.len / 2 - 4096),
		    len / 2);
	}
	if (roll(6) == 0)
		buf_truncate(&bytes, roll(bytes.len));
	unlink(path);
	assert_int_equal(file_create(path, buf_str(&bytes), bytes.len, 0600, &err), 0);
	buf_release(&bytes);
}

/* Postfix's records have no sums: a digit that was changed cannot be seen. All else can. */
static void
damage_costs_records_and_nothing_else(void **state)
{
	enum { TIMES = 150 };
	struct harvest harvest;

	(void)state;
	for (EACH_FILE_KIND(kind)) {
		struct buf whole = BUF_INIT;
		struct err err = { 0 };
		unsigned int read = 0;
		uint64_t good = 0;

		if (!make_file(kind))
			continue;
		assert_int_equal(file_read(store_path(kind), 1 << 26, &whole, &err), 0);
		for (int i = 0; i < TIMES; i++) {
			write_damaged(&whole, fixture_path("damaged"), i % 2);
			if (!read_file(fixture_path("damaged"), &harvest))
				continue;
			read++;
			good += harvest.good;
			assert_true(harvest.ended);
			assert_true(harvest.good + harvest.wrong + harvest.strange <= 4 * RECORDS);
		}
		print_message("%s: %u of %d read, %llu records in the mean\n", kind->type, read, TIMES,
		    (unsigned long long)(read ? good / read : 0));
		assert_true(read > TIMES / 2);
		assert_true(good / read > RECORDS / 4);
		buf_release(&whole);
	}
}

static void
what_is_no_database_is_nobodys(void **state)
{
	static const char *const contents[] = { "", "x", "sealpost", "SQLite format 3" };
	struct harvest harvest;
	struct err err = { 0 };
	char bytes[20000];

	(void)state;
	for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
		unlink(fixture_path("file"));
		assert_int_equal(
		    file_create(fixture_path("file"), contents[i], strlen(contents[i]), 0600, &err), 0);
		assert_false(read_file(fixture_path("file"), &harvest));
	}
	for (int i = 0; i < 50; i++) {
		for (size_t n = 0; n < sizeof bytes; n++)
			bytes[n] = (char)roll(256);
		unlink(fixture_path("file"));
		assert_int_equal(file_create(fixture_path("file"), bytes, roll(sizeof bytes), 0600, &err), 0);
		assert_false(read_file(fixture_path("file"), &harvest));
	}
}

/* As a killed process leaves it, or one of another boot of the system. */
static void
our_own_file_has_nothing_for_us(void **state)
{
	struct harvest harvest;

	(void)state;
	for (EACH_FILE_KIND(kind)) {
		struct store *store = store_open(kind, "boot");

		for (unsigned int i = 0; i < RECORDS; i++) {
			struct buf value = BUF_INIT;
			struct err err = { 0 };
			char key[80];

			store_key(key, i);
			entry_encode(&value, 1000 + i, key, i % 2 ? strlen(key) : 0);
			assert_int_equal(store_put(store, key, value.bytes, value.len, &err), 0);
			buf_release(&value);
		}
		store_free(store);
		assert_true(read_file(store_path(kind), &harvest));
		assert_true(harvest.ended);
		assert_int_equal(harvest.good + harvest.wrong + harvest.strange, 0);
		store = store_open(kind, "another boot");
		assert_false(store_has_old_records(store));
		assert_int_equal(store_count(store), 0);
		store_free(store);
	}
}

static void
file_of_others_or_behind_a_link_is_emptied(void **state)
{
	(void)state;
	for (EACH_FILE_KIND(kind)) {
		for (int i = 0; i < 3; i++) {
			store_remove_file(kind);
			if (!make_file(kind))
				continue;
			if (i == 0)
				assert_int_equal(chmod(store_path(kind), 0620), 0);
			if (i == 1) {
				char elsewhere[256];

				snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", fixture_dir);
				assert_int_equal(rename(store_path(kind), elsewhere), 0);
				assert_int_equal(symlink(elsewhere, store_path(kind)), 0);
			}
			struct store *store = store_open(kind, "boot");
			assert_int_equal(store_has_foreign_records(store), i == 2);
			assert_int_equal(store_count(store), 0);
			store_fill(store, 0, 10, 100);
			store_free(store);
			store = store_open(kind, "boot");
			assert_false(store_has_foreign_records(store));
			assert_int_equal(store_count(store), 10);
			store_free(store);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
		TEST(whole_file_is_read_once),
		TEST(damage_costs_records_and_nothing_else),
		TEST(what_is_no_database_is_nobodys),
		TEST(our_own_file_has_nothing_for_us),
		TEST(file_of_others_or_behind_a_link_is_emptied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
