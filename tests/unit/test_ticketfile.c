/* SPDX-License-Identifier: ISC */
/* ticketfile: keys that survive their process, nobody else, and not for longer than they are good. */
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "cmocka_all.h"
#include "no_keyring.h"
#include "tlsmgr_fixture.h"

#include "mail/tlsmgr_proto.h"
#include "tlsmgr/ticketblob.h"
#include "tlsmgr/ticketfile.h"
#include "tlsmgr/ticketkeys.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/file.h"
#include "util/now.h"

#define BOOT "4cf3d2a6-6c62-4571-aa0c-fbecf206831d\n"

enum { NOW = 1700000000 };

static int
set_up(void **state)
{
	now_set(NOW);
	return fixture_setup(state);
}

static int
tear_down(void **state)
{
	now_set(0);
	return fixture_teardown(state);
}

/* A process. */
struct run {
	struct ticketfile *file;
	struct ticketkeys *keys;
};

static struct run
run_new(int period_s)
{
	struct err err;
	struct run run = { ticketfile_new(fixture_path("keys"), BOOT, &err), ticketkeys_new(period_s) };

	assert_non_null(run.file);
	return run;
}

static int
run_load(struct run *run, struct err *err)
{
	return ticketfile_load(run->file, run->keys, err);
}

static void
run_save(struct run *run)
{
	struct err err;

	if (ticketfile_save(run->file, run->keys, &err) < 0)
		fail_msg("%s", err.text);
}

/* The keys are on disk or they are not: an orderly end adds nothing. */
static void
run_kill(struct run *run)
{
	ticketfile_free(run->file);
	ticketkeys_free(run->keys);
}

static struct tlsmgr_ticket_key
make_and_save(int period_s)
{
	struct run run = run_new(period_s);
	struct tlsmgr_ticket_key key = *ticketkeys_current(run.keys);

	run_save(&run);
	run_kill(&run);
	return key;
}

static bool
next_run_knows(int period_s, const struct tlsmgr_ticket_key *key)
{
	struct run run = run_new(period_s);
	struct err err;

	assert_int_equal(run_load(&run, &err), 1);
	bool known = ticketkeys_find(run.keys, key->name) != NULL;
	run_kill(&run);
	return known;
}

static off_t
file_size(void)
{
	struct stat st;

	assert_int_equal(stat(fixture_path("keys"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	return st.st_size;
}

static void
read_all(struct buf *bytes)
{
	struct err err;

	buf_clear(bytes);
	assert_int_equal(file_read(fixture_path("keys"), 1 << 20, bytes, &err), 0);
}

static void
write_file(const char *name, const void *bytes, size_t len)
{
	FILE *file = fopen(fixture_path(name), "w");

	assert_non_null(file);
	assert_int_equal(fchmod(fileno(file), 0600), 0);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	fclose(file);
}

static void
keys_survive_any_number_of_processes(void **state)
{
	struct tlsmgr_ticket_key key = make_and_save(3600);

	(void)state;
	assert_int_equal(file_size(), TICKETBLOB_LEN);
	assert_true(next_run_knows(3600, &key));
	assert_true(next_run_knows(3600, &key));
}

static void
no_key_is_readable_in_the_file(void **state)
{
	struct tlsmgr_ticket_key key = make_and_save(3600);
	struct buf bytes = BUF_INIT;

	(void)state;
	read_all(&bytes);
	assert_null(memmem(bytes.bytes, bytes.len, key.name, 8));
	assert_null(memmem(bytes.bytes, bytes.len, key.bits, 8));
	assert_null(memmem(bytes.bytes, bytes.len, key.hmac, 8));
	buf_release(&bytes);
}

static void
file_is_empty_when_no_key_is_good(void **state)
{
	struct run run = run_new(3600);
	struct err err;

	(void)state;
	struct tlsmgr_ticket_key key = *ticketkeys_current(run.keys);
	run_save(&run);
	now_set(NOW + 3598);
	run_save(&run);
	assert_int_equal(file_size(), TICKETBLOB_LEN);
	now_set(NOW + 3599);
	run_save(&run);
	assert_int_equal(file_size(), 0);
	run_kill(&run);
	assert_false(next_run_knows(3600, &key));

	/* The same when the next process finds old keys. */
	key = make_and_save(3600);
	now_set(NOW + 2 * 3600);
	run = run_new(3600);
	assert_int_equal(run_load(&run, &err), 1);
	run_save(&run);
	assert_int_equal(file_size(), 0);
	run_kill(&run);
}

static void
copy_of_an_earlier_file_cannot_be_opened(void **state)
{
	struct buf earlier = BUF_INIT, later = BUF_INIT;
	struct run run = run_new(3600);
	struct err err;

	(void)state;
	ticketkeys_current(run.keys);
	run_save(&run);
	read_all(&earlier);
	run_save(&run);
	read_all(&later);
	assert_memory_not_equal(earlier.bytes, later.bytes, TICKETBLOB_HEADER_LEN);
	run_kill(&run);
	if (earlier.bytes[9] == SEALKEY_KEYRING) {
		write_file("keys", earlier.bytes, earlier.len);
		run = run_new(3600);
		assert_int_equal(run_load(&run, &err), 0);
		run_kill(&run);
	}
	buf_release(&earlier);
	buf_release(&later);
}

static void
file_of_another_boot_gives_one_line_and_new_keys(void **state)
{
	struct run run = { .keys = ticketkeys_new(3600) };
	struct buf bytes = BUF_INIT;
	struct err err;

	(void)state;
	/* Neither in the keyring nor of this boot. */
	struct tlsmgr_ticket_key key = make_and_save(3600);
	read_all(&bytes);
	write_file("copy", bytes.bytes, bytes.len);
	run.file = ticketfile_new(fixture_path("copy"), "another boot", &err);
	assert_int_equal(run_load(&run, &err), 0);
	assert_non_null(
	    strstr(err.text, "sealed before the system was started, or elsewhere: making new keys"));
	assert_null(ticketkeys_find(run.keys, key.name));
	ticketkeys_current(run.keys);
	run_save(&run);
	assert_int_equal(run_load(&run, &err), 1);
	run_kill(&run);
	buf_release(&bytes);
}

static void
damaged_file_gives_one_line_and_new_keys(void **state)
{
	static const struct {
		const char *name;
		size_t at, len; /* byte that is changed, and what is left */
		int result;
	} rows[] = {
		{ "magic", 0, TICKETBLOB_LEN, -1 },
		{ "version", 8, TICKETBLOB_LEN, -1 },
		{ "kind", 9, TICKETBLOB_LEN, -1 },
		{ "salt", 12, TICKETBLOB_LEN, 0 },
		{ "check", 44, TICKETBLOB_LEN, 0 },
		{ "nonce", 52, TICKETBLOB_LEN, -1 },
		{ "sealed", 64, TICKETBLOB_LEN, -1 },
		{ "tag", TICKETBLOB_LEN - 1, TICKETBLOB_LEN, -1 },
		{ "one byte", 0, 1, -1 },
		{ "short header", TICKETBLOB_LEN, 63, -1 },
		{ "short", TICKETBLOB_LEN, TICKETBLOB_LEN - 1, -1 },
		{ "long", TICKETBLOB_LEN, TICKETBLOB_LEN + 1, -1 },
	};
	struct buf bytes = BUF_INIT;
	struct err err;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct tlsmgr_ticket_key key = make_and_save(3600);
		struct run run = run_new(3600);

		read_all(&bytes);
		buf_add_byte(&bytes, 0);
		bytes.bytes[rows[i].at] ^= 0x55;
		write_file("keys", bytes.bytes, rows[i].len);
		CASE_IS(run_load(&run, &err) == rows[i].result, rows[i].name);
		CASE_IS(strstr(err.text, "making new keys") != NULL, rows[i].name);
		CASE_IS(ticketkeys_find(run.keys, key.name) == NULL, rows[i].name);
		key = *ticketkeys_current(run.keys);
		run_save(&run);
		CASE_IS(file_size() == TICKETBLOB_LEN, rows[i].name);
		run_kill(&run);
		CASE_IS(next_run_knows(3600, &key), rows[i].name);
	}
	buf_release(&bytes);
}

static void
file_that_is_not_ours_alone_is_refused(void **state)
{
	struct err err;

	(void)state;
	make_and_save(3600);
	assert_int_equal(chmod(fixture_path("keys"), 0640), 0);
	assert_null(ticketfile_new(fixture_path("keys"), BOOT, &err));
	assert_non_null(strstr(err.text, "not a file of mode 0600 of our own: remove it"));
	assert_int_equal(chmod(fixture_path("keys"), 0600), 0);

	char *link_path = strdup(fixture_path("link"));
	assert_int_equal(link(fixture_path("keys"), link_path), 0);
	assert_null(ticketfile_new(fixture_path("keys"), BOOT, &err));
	assert_non_null(strstr(err.text, "not a file of mode 0600"));
	assert_int_equal(unlink(link_path), 0);
	assert_int_equal(symlink(fixture_path("keys"), link_path), 0);
	assert_null(ticketfile_new(link_path, BOOT, &err));
	assert_int_equal(ticketfile_remove_keys(link_path, &err), -1);
	assert_int_equal(file_size(), TICKETBLOB_LEN);
	free(link_path);
	if (geteuid() == 0) {
		assert_int_equal(chown(fixture_path("keys"), 4711, (gid_t)-1), 0);
		assert_null(ticketfile_new(fixture_path("keys"), BOOT, &err));
		assert_non_null(strstr(err.text, "not a file of mode 0600"));
	}
	assert_null(ticketfile_new(fixture_dir, BOOT, &err));
}

static void
old_file_is_emptied_when_keys_are_not_kept(void **state)
{
	struct stat st;
	struct err err;

	(void)state;
	assert_int_equal(ticketfile_remove_keys(fixture_path("keys"), &err), 0);
	assert_int_equal(stat(fixture_path("keys"), &st), -1);
	make_and_save(3600);
	assert_int_equal(ticketfile_remove_keys(fixture_path("keys"), &err), 0);
	assert_int_equal(file_size(), 0);
}

static void
processes_that_overlap_lose_no_key(void **state)
{
	struct run old = run_new(3600), next = run_new(3600);
	struct tlsmgr_ticket_key before, late, other;
	struct err err;

	(void)state;
	before = *ticketkeys_current(old.keys);
	run_save(&old);
	assert_int_equal(run_load(&next, &err), 1);
	run_save(&next);
	assert_false(ticketfile_is_changed(next.file));
	assert_true(ticketfile_is_changed(old.file));

	/* Both find that it is time for a new one. */
	now_set(NOW + 1799);
	late = *ticketkeys_current(old.keys);
	run_save(&old);
	other = *ticketkeys_current(next.keys);
	assert_true(ticketfile_is_changed(next.file));
	assert_null(ticketkeys_find(next.keys, late.name));
	run_save(&next);
	assert_non_null(ticketkeys_find(next.keys, late.name));
	run_kill(&old);
	run_kill(&next);
	assert_true(next_run_knows(3600, &before));
	assert_true(next_run_knows(3600, &late));
	assert_true(next_run_knows(3600, &other));
}

static void
lock_that_somebody_keeps_fails_soon(void **state)
{
	struct run run = run_new(3600);
	struct err err;
	int fd = open(fixture_path("keys"), O_RDWR | O_CLOEXEC);

	(void)state;
	assert_int_equal(flock(fd, LOCK_EX), 0);
	ticketkeys_current(run.keys);
	assert_int_equal(ticketfile_save(run.file, run.keys, &err), -1);
	assert_non_null(strstr(err.text, "cannot lock ticket key file"));
	assert_int_equal(run_load(&run, &err), -1);
	close(fd);
	run_save(&run);
	run_kill(&run);
}

static void
full_disk_leaves_nothing_torn(void **state)
{
	struct rlimit limit, small;
	struct run run = run_new(3600);
	struct err err;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	struct tlsmgr_ticket_key key = *ticketkeys_current(run.keys);
	for (rlim_t room = 0; room <= 1000; room += 1000) {
		small = (struct rlimit){ room, limit.rlim_max };
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
		int result = ticketfile_save(run.file, run.keys, &err);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
		assert_int_equal(result, -1);
		assert_non_null(strstr(err.text, "cannot write ticket key file"));
		assert_int_equal(file_size(), 0);
	}
	run_save(&run);
	run_kill(&run);
	assert_true(next_run_knows(3600, &key));
}

static void
removed_file_gets_no_keys(void **state)
{
	struct run run = run_new(3600);
	struct err err;

	(void)state;
	assert_int_equal(unlink(fixture_path("keys")), 0);
	ticketkeys_current(run.keys);
	assert_int_equal(ticketfile_save(run.file, run.keys, &err), -1);
	assert_non_null(strstr(err.text, "was removed"));
	run_kill(&run);
}

/* At every moment of being killed the next process finds the old keys or the new. */
static void
process_that_is_killed_leaves_old_or_new(void **state)
{
	struct tlsmgr_ticket_key first = make_and_save(3600);

	(void)state;
	for (int i = 0; i < 200; i++) {
		pid_t pid = fork();

		assert_int_not_equal(pid, -1);
		if (pid == 0) {
			struct run run = run_new(3600);
			struct err err;

			if (run_load(&run, &err) != 1)
				_exit(1);
			for (;;)
				if (ticketfile_save(run.file, run.keys, &err) < 0)
					_exit(1);
		}
		usleep((useconds_t)(i * 37 % 3000));
		kill(pid, SIGKILL);
		int status;
		waitpid(pid, &status, 0);
		assert_true(WIFSIGNALED(status));
		assert_true(next_run_knows(3600, &first));
	}
}

static void
without_keyring_the_boot_id_seals(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		struct ticketkeys_stats stats;
		struct err err;

		if (no_keyring() < 0)
			_exit(2);
		struct run run = run_new(3600), again = run_new(3600);
		struct tlsmgr_ticket_key key = *ticketkeys_current(run.keys);
		run_save(&run);
		run_save(&run);
		ticketkeys_stats(run.keys, &stats);
		if (strcmp(stats.seal, "boot") != 0 || run_load(&again, &err) != 1 ||
		    !ticketkeys_find(again.keys, key.name))
			_exit(3);
		/* Said once. */
		const char *line = strstr(fixture_log, "sealing with the boot id");
		if (!line || strstr(line + 1, "sealing with"))
			_exit(4);
		struct ticketfile *elsewhere = ticketfile_new(fixture_path("keys"), "other", &err);
		struct ticketkeys *none = ticketkeys_new(3600);
		if (ticketfile_load(elsewhere, none, &err) != 0)
			_exit(5);
		struct ticketfile *unknown = ticketfile_new(fixture_path("keys"), "", &err);
		if (ticketfile_load(unknown, none, &err) != 0 ||
		    ticketfile_save(unknown, run.keys, &err) != -1 ||
		    !strstr(err.text, "no keyring and no boot id"))
			_exit(6);
		ticketfile_free(unknown);
		ticketkeys_free(none);
		ticketfile_free(elsewhere);
		run_kill(&again);
		run_kill(&run);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
		skip();
	assert_int_equal(status, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keys_survive_any_number_of_processes),
		TEST(no_key_is_readable_in_the_file),
		TEST(file_is_empty_when_no_key_is_good),
		TEST(copy_of_an_earlier_file_cannot_be_opened),
		TEST(file_of_another_boot_gives_one_line_and_new_keys),
		TEST(damaged_file_gives_one_line_and_new_keys),
		TEST(file_that_is_not_ours_alone_is_refused),
		TEST(old_file_is_emptied_when_keys_are_not_kept),
		TEST(processes_that_overlap_lose_no_key),
		TEST(lock_that_somebody_keeps_fails_soon),
		TEST(full_disk_leaves_nothing_torn),
		TEST(removed_file_gets_no_keys),
		TEST(process_that_is_killed_leaves_old_or_new),
		TEST(without_keyring_the_boot_id_seals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
