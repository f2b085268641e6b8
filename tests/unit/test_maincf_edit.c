/* SPDX-License-Identifier: ISC */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "captured_log.h"
#include "mail/maincf_edit.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/file.h"

#define CASES "tests/vectors/postconf-edit"

enum { MOST_ARGS = 8, FILE_LIMIT = 1 << 20 };

/* Cases that are not tried here, or not with the result of 3.7.11, and why. */
static const struct {
	const char *name;
	const char *after; /* the result that holds instead; NULL: not tried */
	const char *reason;
} special[] = {
	{ "23-no-final-newline-append", "after-3.11.6", "3.7.11 joins the new setting to the last line" },
	{ "47-error-no-argument", NULL, "the program's command line; 10-postconf.t" },
	{ "48-error-exclude-no-argument", NULL, "the program's command line; 10-postconf.t" },
	{ "49-error-e-and-n", NULL, "the program's command line; 10-postconf.t" },
};

struct edit_case {
	char *args[MOST_ARGS]; /* owned */
	size_t arg_count;
	struct buf messages; /* expected */
	bool fails;
};

static char dir[64];

static void
read_into(struct buf *to, const char *path)
{
	struct err err;

	buf_clear(to);
	if (file_read(path, FILE_LIMIT, to, &err) < 0)
		fail_msg("%s", err.text);
}

static void
write_main_cf(const char *text, size_t len, mode_t mode)
{
	struct err err;
	char *path = alloc_printf("%s/main.cf", dir);

	unlink(path);
	if (file_create(path, text, len, mode, &err) < 0)
		fail_msg("%s", err.text);
	free(path);
}

/* A string as JSON has it, with \n, \" and \\ in it. Moves behind it. */
static char *
take_string(const char **at)
{
	struct buf string = BUF_INIT;
	const char *p = strchr(*at, '"') + 1;

	for (; *p != '"'; p++)
		if (*p == '\\')
			buf_add_byte(&string, *++p == 'n' ? '\n' : *p);
		else
			buf_add_byte(&string, *p);
	*at = p + 1;
	buf_add_str(&string, "");
	return buf_detach(&string);
}

static void
case_read(struct edit_case *c, const char *name)
{
	char *path = alloc_printf(CASES "/%s.txt", name);
	struct buf text = BUF_INIT;

	*c = (struct edit_case){ 0 };
	read_into(&text, path);
	for (const char *at = text.bytes; *at != '\0'; at += strcspn(at, "\n") + 1) {
		const char *value = strchr(at, ':') + 1;

		if (strncmp(at, "arguments:", 10) == 0)
			while (strpbrk(value, "\"]")[0] == '"')
				c->args[c->arg_count++] = take_string(&value);
		else if (strncmp(at, "status:", 7) == 0)
			c->fails = atoi(value) != 0;
		else if (strncmp(at, "stderr:", 7) == 0) {
			char *messages = take_string(&value);
			buf_add_str(&c->messages, messages);
			free(messages);
		}
	}
	buf_release(&text);
	free(path);
}

static void
case_release(struct edit_case *c)
{
	for (size_t i = 0; i < c->arg_count; i++)
		free(c->args[i]);
	buf_release(&c->messages);
}

static int
apply(const struct edit_case *c, struct err *err)
{
	enum maincf_edit_kind kind = MAINCF_EDIT_SET;
	size_t first = c->args[0][0] == '-';
	struct maincf_edit *edit;
	int result = 0;

	if (strcmp(c->args[0], "-X") == 0)
		kind = MAINCF_EDIT_REMOVE;
	else if (strcmp(c->args[0], "-#") == 0)
		kind = MAINCF_EDIT_COMMENT;
	edit = maincf_edit_new(kind);
	for (size_t i = first; result == 0 && i < c->arg_count; i++)
		result = maincf_edit_request(edit, c->args[i], err);
	if (result == 0)
		result = maincf_edit_apply(edit, dir, err);
	maincf_edit_free(edit);
	return result;
}

/* Messages carry the scratch directory where the case has @CONFIG@. */
static void
hide_directory(const struct buf *messages, struct buf *to)
{
	for (const char *at = buf_str(messages); *at != '\0';)
		if (strncmp(at, dir, strlen(dir)) == 0) {
			buf_add_str(to, "@CONFIG@");
			at += strlen(dir);
		} else {
			buf_add_byte(to, *at++);
		}
}

static bool
case_agrees(const char *name, const char *after)
{
	char *before_path = alloc_printf(CASES "/%s.before", name),
	     *after_path = alloc_printf(CASES "/%s.%s", name, after);
	char *main_cf = alloc_printf("%s/main.cf", dir), *temporary = alloc_printf("%s/main.cf.tmp", dir);
	struct buf text = BUF_INIT, expected = BUF_INIT, messages = BUF_INIT;
	struct err err = { 0 };
	struct edit_case c;
	struct stat st;

	case_read(&c, name);
	read_into(&text, before_path);
	write_main_cf(buf_str(&text), text.len, 0640);
	captured_log_start();
	int result = apply(&c, &err);
	if (result < 0)
		buf_printf(&captured_log, "fatal: %s\n", err.text);
	hide_directory(&captured_log, &messages);
	read_into(&text, main_cf);
	read_into(&expected, after_path);
	bool agrees = (result < 0) == c.fails && text.len == expected.len &&
		      memcmp(buf_str(&text), buf_str(&expected), text.len) == 0 &&
		      strcmp(buf_str(&messages), buf_str(&c.messages)) == 0 && stat(main_cf, &st) == 0 &&
		      (st.st_mode & 07777) == (result < 0 ? 0640 : 0644) && access(temporary, F_OK) < 0;
	if (!agrees)
		print_error("%s: %s\n%s", name, buf_str(&messages), buf_str(&text));
	case_release(&c);
	buf_release(&text);
	buf_release(&expected);
	buf_release(&messages);
	free(before_path);
	free(after_path);
	free(main_cf);
	free(temporary);
	return agrees;
}

static int
is_case(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot != NULL && strcmp(dot, ".txt") == 0;
}

static void
files_are_edited_as_postfix_does(void **state)
{
	struct dirent **entries;
	int count = scandir(CASES, &entries, is_case, alphasort);
	int wrong = 0, tried = 0;

	(void)state;
	assert_true(count > 30);
	for (int i = 0; i < count; i++) {
		const char *after = "after";

		*strrchr(entries[i]->d_name, '.') = '\0';
		for (size_t s = 0; s < sizeof special / sizeof *special; s++)
			if (strcmp(special[s].name, entries[i]->d_name) == 0) {
				print_message("%s: %s\n", special[s].name, special[s].reason);
				after = special[s].after;
			}
		tried += after != NULL;
		wrong += after != NULL && !case_agrees(entries[i]->d_name, after);
		free(entries[i]);
	}
	free(entries);
	print_message("%d of %d cases tried\n", tried, count);
	assert_int_equal(wrong, 0);
	buf_release(&captured_log);
}

static int
try_one(const char *setting)
{
	struct maincf_edit *edit = maincf_edit_new(MAINCF_EDIT_SET);
	struct err err = { 0 };
	int result = maincf_edit_request(edit, setting, &err);

	if (result == 0)
		result = maincf_edit_apply(edit, dir, &err);
	if (result < 0)
		print_message("# %s\n", err.text);
	maincf_edit_free(edit);
	return result;
}

static void
set_one(const char *setting)
{
	assert_int_equal(try_one(setting), 0);
}

static void
concurrent_editors_lose_nothing(void **state)
{
	enum { EDITORS = 60 };
	struct buf text = BUF_INIT;
	char *path = alloc_printf("%s/main.cf", dir);

	(void)state;
	write_main_cf("", 0, 0644);
	for (int i = 0; i < EDITORS; i++) {
		pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0) {
			char *setting = alloc_printf("name%d = %d", i, i);

			int result = try_one(setting);
			free(setting);
			_exit(result < 0);
		}
	}
	for (int i = 0; i < EDITORS; i++) {
		int status;

		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	read_into(&text, path);
	for (int i = 0; i < EDITORS; i++) {
		char *setting = alloc_printf("name%d = %d\n", i, i);

		assert_non_null(strstr(text.bytes, setting));
		free(setting);
	}
	buf_release(&text);
	free(path);
}

static void
odd_temporary_files_are_not_followed(void **state)
{
	char *temporary = alloc_printf("%s/main.cf.tmp", dir), *target = alloc_printf("%s/target", dir);
	struct err err = { 0 };
	struct buf text = BUF_INIT;

	(void)state;
	write_main_cf("a = 1\n", 6, 0644);
	assert_int_equal(file_create(target, "keep\n", 5, 0600, &err), 0);
	assert_int_equal(link(target, temporary), 0);
	set_one("a = 2");
	read_into(&text, target);
	assert_string_equal(text.bytes, "keep\n");

	assert_int_equal(symlink(target, temporary), 0);
	struct maincf_edit *edit = maincf_edit_new(MAINCF_EDIT_SET);
	assert_int_equal(maincf_edit_request(edit, "a = 3", &err), 0);
	assert_int_equal(maincf_edit_apply(edit, dir, &err), -1);
	maincf_edit_free(edit);
	read_into(&text, target);
	assert_string_equal(text.bytes, "keep\n");
	unlink(temporary);

	assert_int_equal(file_create(temporary, "left behind", 11, 0600, &err), 0);
	set_one("a = 4");
	unlink(target);
	buf_release(&text);
	free(temporary);
	free(target);
}

/* 0 or -1; the file is expected to hold `expected`. */
static int
try_carefully(const char *setting, const char *expected)
{
	struct maincf_edit *edit = maincf_edit_new(MAINCF_EDIT_SET);
	struct err err = { 0 };
	int result = maincf_edit_request(edit, setting, &err);

	assert_int_equal(result, 0);
	maincf_edit_carefully(edit, expected, strlen(expected));
	result = maincf_edit_apply(edit, dir, &err);
	maincf_edit_free(edit);
	return result;
}

static void
a_careful_edit_keeps_what_it_did_not_expect(void **state)
{
	char *path = alloc_printf("%s/main.cf", dir);
	struct buf text = BUF_INIT;

	(void)state;
	write_main_cf("a = 1\n", 6, 0644);
	assert_int_equal(try_carefully("a = 2", "a = 0\n"), -1);
	assert_int_equal(try_carefully("a = 2", "a = 1\nb = 1\n"), -1);
	read_into(&text, path);
	assert_string_equal(text.bytes, "a = 1\n");
	assert_int_equal(try_carefully("a = 2", "a = 1\n"), 0);
	read_into(&text, path);
	assert_string_equal(text.bytes, "a = 2\n");
	buf_release(&text);
	free(path);
}

static void
a_careful_edit_keeps_mode_and_link(void **state)
{
	char *path = alloc_printf("%s/main.cf", dir), *target = alloc_printf("%s/elsewhere", dir);
	char *temporary = alloc_printf("%s.tmp", target), *lock = alloc_printf("%s.tmp", path);
	struct buf text = BUF_INIT;
	struct stat st;

	(void)state;
	write_main_cf("a = 1\n", 6, 0640);
	assert_int_equal(try_carefully("a = 2", "a = 1\n"), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);

	assert_int_equal(rename(path, target), 0);
	assert_int_equal(symlink("elsewhere", path), 0);
	assert_int_equal(try_carefully("a = 3", "a = 2\n"), 0);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	read_into(&text, target);
	assert_string_equal(text.bytes, "a = 3\n");
	assert_int_equal(access(temporary, F_OK), -1);
	assert_int_equal(access(lock, F_OK), -1);

	assert_int_equal(unlink(path), 0);
	assert_int_equal(unlink(target), 0);
	buf_release(&text);
	free(lock);
	free(temporary);
	free(target);
	free(path);
}

static void
new_settings_come_in_order_of_name(void **state)
{
	struct maincf_edit *edit = maincf_edit_new(MAINCF_EDIT_SET);
	struct buf text = BUF_INIT;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(maincf_edit_request(edit, "c=3", &err), 0);
	assert_int_equal(maincf_edit_request(edit, "a=1", &err), 0);
	assert_int_equal(maincf_edit_request(edit, "B=2", &err), 0);
	maincf_edit_text(edit, "main.cf", "x", 1, &text);
	assert_string_equal(text.bytes, "x\nB = 2\na = 1\nc = 3\n");
	buf_release(&text);
	maincf_edit_free(edit);
}

static int
make_directory(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/test_maincf_edit.XXXXXX");
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static int
remove_directory(void **state)
{
	char *path = alloc_printf("%s/main.cf", dir);

	(void)state;
	unlink(path);
	free(path);
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_edited_as_postfix_does),
		cmocka_unit_test(concurrent_editors_lose_nothing),
		cmocka_unit_test(odd_temporary_files_are_not_followed),
		cmocka_unit_test(a_careful_edit_keeps_what_it_did_not_expect),
		cmocka_unit_test(a_careful_edit_keeps_mode_and_link),
		cmocka_unit_test(new_settings_come_in_order_of_name),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
