/* SPDX-License-Identifier: ISC */
/* ticketsecret: which files are taken, and the keys that follow, as "openssl kdf" computes them. */
#include "cmocka_all.h"
#include "tlsmgr_fixture.h"

#include "mail/tlsmgr_proto.h"
#include "tlsmgr/ticketsecret.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/hex.h"

static const char *
put_file(const char *bytes, size_t len, mode_t mode)
{
	const char *path = fixture_path("secret");
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

static void
content_less_one_newline_is_the_secret(void **state)
{
	static const char bytes[] = "0123456789abcdef0123456789abcdef\n\n";
	static const struct {
		const char *name;
		size_t file_len, secret_len;
	} rows[] = {
		{ "no newline", 32, 32 },
		{ "one newline", 33, 32 },
		{ "two newlines", 34, 33 },
	};
	struct buf secret = BUF_INIT;
	struct err err;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(
		    ticketsecret_read(put_file(bytes, rows[i].file_len, 0600), 0, &secret, &err), 0);
		CASE_IS(secret.len == rows[i].secret_len, rows[i].name);
		assert_memory_equal(secret.bytes, bytes, secret.len);
	}
	assert_int_equal(ticketsecret_read(put_file("\0\0"
						    "23456789abcdef0123456789abcdef",
					       32, 0640),
			     0, &secret, &err),
	    0);
	assert_memory_equal(secret.bytes,
	    "\0\0"
	    "2",
	    3);
	buf_release_secret(&secret);
}

static void
unsafe_files_are_refused(void **state)
{
	static const char many[TICKETSECRET_MAX + 1];
	static const struct {
		const char *name, *bytes;
		size_t len;
		mode_t mode;
		const char *words;
	} rows[] = {
		{ "others read", many, 40, 0604, "everybody can read it" },
		{ "others write", many, 40, 0602, "others than its owner can change it" },
		{ "group writes", many, 40, 0660, "others than its owner can change it" },
		{ "empty", "", 0, 0600, "shorter than 32 bytes" },
		{ "short", many, 31, 0600, "shorter than 32 bytes" },
		{ "short without its newline", "0123456789abcdef0123456789abcde\n", 32, 0600,
		    "shorter than 32 bytes" },
		{ "long", many, TICKETSECRET_MAX + 1, 0600, "longer than 4096 bytes" },
	};
	struct buf secret = BUF_INIT;
	struct err err;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *path = put_file(rows[i].bytes, rows[i].len, rows[i].mode);

		CASE_IS(ticketsecret_read(path, 0, &secret, &err) == -1, rows[i].name);
		CASE_IS(secret.len == 0, rows[i].name);
		CASE_IS(strstr(err.text, rows[i].words) != NULL, rows[i].name);
		CASE_IS(strstr(err.text, path) != NULL, rows[i].name);
	}
	assert_int_equal(ticketsecret_read(put_file(many, TICKETSECRET_MAX, 0600), 0, &secret, &err), 0);
	buf_release_secret(&secret);
}

static void
what_is_no_file_is_refused(void **state)
{
	struct buf secret = BUF_INIT;
	struct err err;

	(void)state;
	assert_int_equal(ticketsecret_read(fixture_path("absent"), 0, &secret, &err), -1);
	assert_non_null(strstr(err.text, "No such file"));
	assert_int_equal(ticketsecret_read(fixture_dir, 0, &secret, &err), -1);
	assert_non_null(strstr(err.text, "not a regular file"));
	assert_int_equal(ticketsecret_read("/dev/zero", 0, &secret, &err), -1);
	assert_non_null(strstr(err.text, "not a regular file"));
	assert_int_equal(mkfifo(fixture_path("fifo"), 0600), 0);
	assert_int_equal(ticketsecret_read(fixture_path("fifo"), 0, &secret, &err), -1);
	assert_non_null(strstr(err.text, "not a regular file"));
}

static void
file_of_a_stranger_is_refused(void **state)
{
	const char *path = put_file("0123456789abcdef0123456789abcdef", 32, 0600);
	struct buf secret = BUF_INIT;
	struct err err;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(path, 4711, (gid_t)-1), 0);
	assert_int_equal(ticketsecret_read(path, 0, &secret, &err), -1);
	assert_non_null(strstr(err.text, "belongs to user 4711"));
	assert_int_equal(ticketsecret_read(path, 4711, &secret, &err), 0);
	buf_release_secret(&secret);
}

/* Who has the directory could have it name any file of root, and guess at its content. */
static void
file_of_root_in_the_directory_of_another_is_refused(void **state)
{
	struct buf secret = BUF_INIT;
	struct err err;
	const char *path;

	(void)state;
	if (geteuid() != 0)
		skip();
	put_file("0123456789abcdef0123456789abcdef", 32, 0600);
	assert_int_equal(mkdir(fixture_path("his"), 0755), 0);
	assert_int_equal(symlink("../secret", fixture_path("his/link")), 0);
	assert_int_equal(symlink("..", fixture_path("his/up")), 0);
	assert_int_equal(ticketsecret_read(fixture_path("his/link"), 4711, &secret, &err), 0);
	assert_int_equal(chown(fixture_path("his"), 4711, (gid_t)-1), 0);
	assert_int_equal(ticketsecret_read(fixture_path("his/link"), 4711, &secret, &err), -1);
	assert_non_null(strstr(err.text, "it belongs to root, but others can write to "));
	assert_int_equal(ticketsecret_read(fixture_path("his/up/secret"), 4711, &secret, &err), -1);
	assert_int_equal(secret.len, 0);
	/* His own may be there. */
	path = put_file("0123456789abcdef0123456789abcdef", 32, 0600);
	assert_int_equal(chown(path, 4711, (gid_t)-1), 0);
	assert_int_equal(ticketsecret_read(fixture_path("his/link"), 4711, &secret, &err), 0);
	buf_release_secret(&secret);
}

/*
 * Each from
 *   openssl kdf -keylen 80 -kdfopt digest:SHA256 -kdfopt hexkey:0102...28 -kdfopt hexinfo:INFO HKDF
 * where INFO is the label, 00, and period and number as 8 bytes.
 */
static void
keys_are_those_of_the_openssl_command(void **state)
{
	static const struct {
		int period_s;
		int64_t number;
		const char *hex;
	} rows[] = {
		{ 1800, 944444,
		    "DDDDE37859DAFAC13041595C44A68AFED3D8A577D48329F9A68C141BB6B15EC2C4F4C70DC4B4498A"
		    "0AF501A3FF46E2B4C50305A5EB38888766FD44ADBFAB8B30860CFE75EF20B359809FB6BEEAB68EAC" },
		{ 60, 28333333,
		    "DD1F8F08FC9ABDCCC4B7AA09E988536C3E1AC40589A6F59986777910C106F75A4C1100375B2A421E"
		    "7F05E8C16342CB38AC9869BEAFDB5A55432EF142AB6A7BD1C42FDAE0D085ECD5DC9D5159672AFCFB" },
		{ 1800, 944445,
		    "D68854395AA176BE19F1E81C32B70D266D980EF2672F424BF5A365053EBD152EB9BD984C0927DF63"
		    "83E0412D3213822B7A7F25B4AC57BF5411DEFE05CF07A0382634AD6B8D8DADB587CCED46F4C991B7" },
	};
	struct buf secret = BUF_INIT;

	(void)state;
	for (int i = 1; i <= 40; i++)
		buf_add_byte(&secret, (char)i);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct tlsmgr_ticket_key key;
		struct buf wanted = BUF_INIT;

		assert_true(hex_decode(&wanted, rows[i].hex, strlen(rows[i].hex)));
		assert_int_equal(ticketsecret_derive(&secret, rows[i].period_s, rows[i].number, &key), 0);
		assert_memory_equal(key.name, wanted.bytes, 16);
		assert_memory_equal(key.bits, wanted.bytes + 16, 32);
		assert_memory_equal(key.hmac, wanted.bytes + 48, 32);
		assert_int_equal(key.tout, (rows[i].number + 1) * rows[i].period_s);
		buf_release(&wanted);
	}
	buf_release_secret(&secret);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    content_less_one_newline_is_the_secret, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(unsafe_files_are_refused, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(what_is_no_file_is_refused, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
		    file_of_root_in_the_directory_of_another_is_refused, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
		    file_of_a_stranger_is_refused, fixture_setup, fixture_teardown),
		cmocka_unit_test(keys_are_those_of_the_openssl_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
