/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#include "captured_log.h"
#include "map_dir.h"
#include "tsv.h"
#include "vector_text.h"

#include "mail/map.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/file.h"
#include "util/now.h"

/* `text` with @DIR@ replaced. */
static char *
in_dir(const char *text)
{
	struct buf to = BUF_INIT;
	const char *at;

	while ((at = strstr(text, "@DIR@")) != NULL) {
		buf_add(&to, text, (size_t)(at - text));
		buf_add_str(&to, map_dir);
		text = at + 5;
	}
	buf_add_str(&to, text);
	return buf_detach(&to);
}

/* Has Postfix's postmap make an index; false if there is no such program or it cannot do it. */
static bool
index_made(const char *options, const char *type, const char *name)
{
	char *command = alloc_printf(
	    "/usr/sbin/postmap -c %s %s %s:%s/%s >/dev/null 2>&1", map_dir, options, type, map_dir, name);
	bool made = access("/usr/sbin/postmap", X_OK) == 0 && system(command) == 0;

	free(command);
	return made;
}

static const char table_text[] = "# lines are counted\n"
				 "Example.COM value One\n"
				 "other two\n"
				 "  continued\n"
				 "\"a b\" quoted\n"
				 ".example.org sub\n"
				 "empty\n"
				 "key: colon\n"
				 "dup one\n"
				 "dup two\n"
				 "über umlaut\n";

static int
make_files(void **state)
{
	(void)state;
	if (map_dir_make() < 0)
		return -1;
	map_dir_write("main.cf", "compatibility_level = 3.6\nsmtputf8_enable = yes\n");
	map_dir_write("t", table_text);
	map_dir_write("c", "192.0.2.0/24 net24\n"
			   "2001:db8::/32 v6\n"
			   "IF 10.9.0.0/16\n"
			   "10.9.0.1 never asked\n"
			   "10.1.2.3/8 bad\n"
			   "ENDIF\n"
			   "!192.0.2.0/24 other\n");
	map_dir_write("r", "/^mx([0-9]+)\\.example\\.test$/ number-$1\n"
			   "/foo/ folded\n"
			   "/Bar/i casesens\n"
			   "IF /\\.example$/\n"
			   "/^a\\./ inif\n"
			   "ENDIF\n"
			   "# a comment\n"
			   "/[/ bad\n"
			   "!/\\./ negated\n");
	map_dir_write("f1", "AAA\n");
	map_dir_write("f2", "BBB\n");
	char *ff = in_dir("one @DIR@/f1\ntwo @DIR@/f1, @DIR@/f2\nthree @DIR@/f1 @DIR@/f2\nbad @DIR@/nosuch\n"
			  "empty /dev/null\n");
	map_dir_write("ff", ff);
	free(ff);
	map_dir_write("plain64", "raw QUFBCg==\nnot64 hello!\n");
	char *fc = in_dir("192.0.2.1 @DIR@/f1\n"), *fr = in_dir("/x/ @DIR@/f1\n");
	map_dir_write("fc", fc);
	map_dir_write("fr", fr);
	free(fc);
	free(fr);
	return 0;
}

static int
remove_files(void **state)
{
	(void)state;
	buf_release(&captured_log);
	return map_dir_remove();
}

/* Makes the index that a row is about. */
static bool
prepare_row(const char *options, const char *table, const char *note)
{
	const char *colon = strchr(table, ':');
	char *type = alloc_string_n(table, colon ? (size_t)(colon - table) : 0);
	bool indexed = strcmp(type, "hash") == 0 || strcmp(type, "btree") == 0 || strcmp(type, "lmdb") == 0 ||
		       strcmp(type, "cdb") == 0;
	bool ok = true;

	if (indexed && strstr(table, "/t"))
		ok = index_made(strstr(note, "without nulls") ? "-n"
				: strstr(note, "with nulls")  ? "-N"
				: strstr(note, "with -f")     ? "-f"
				: strcmp(options, "-f") == 0  ? "-f"
							      : "",
		    type, "t");
	else if (indexed && strstr(table, "/ff"))
		ok = index_made("-F", type, "ff");
	else if (indexed && strstr(table, "/plain64"))
		ok = index_made("", type, "plain64");
	free(type);
	return ok;
}

/* What postmap -q says beyond what the table itself does. */
static void
as_postmap(const char *table, const char *key, int result, const struct buf *value, const struct err *err,
    struct buf *to)
{
	const char *text = err->text;

	if (result < 0 && strstr(text, "malformed BASE64"))
		buf_printf(to, "warning: %s\nfatal: table %s.db: query error\n", text, table);
	else if (result < 0 && strstr(text, "lookup error for"))
		buf_printf(to, "fatal: table %s: query error: Application error\n", table);
	else if (result < 0)
		buf_printf(to, "fatal: %s\n", text);
	else if (result == 1 && value->len == 0)
		buf_printf(to,
		    "warning: table %s: key %s: empty string result is not allowed\n"
		    "warning: table %s should return NO RESULT in case of NOT FOUND\n",
		    table, key, table);
}

static void
check_row(const struct tsv *tsv)
{
	const char *options = tsv->column[0], *key = tsv->column[2];
	char *table = in_dir(tsv->column[1]), *messages = in_dir(tsv->column[5]);
	unsigned int flags = strcmp(options, "-f") == 0 ? 0 : MAP_FOLD;
	struct buf value = BUF_INIT, expected = BUF_INIT, seen = BUF_INIT;
	struct err err = { 0 };
	int result = -1;

	flags |= strcmp(options, "-F") == 0 ? MAP_FILES : 0;
	flags |= strcmp(options, "-N") == 0   ? MAP_WITH_ZERO
		 : strcmp(options, "-n") == 0 ? MAP_WITHOUT_ZERO
					      : 0;
	captured_log_start();
	struct map *map = map_new(table, flags, &err);
	if (map)
		result = map_get(map, key, &value, &err);
	buf_add_str(&seen, buf_str(&captured_log));
	as_postmap(table, key, result, &value, &err, &seen);
	vector_text_messages(&expected, messages);
	if (strcmp(buf_str(&seen), buf_str(&expected)) != 0)
		fail_msg(
		    "%s %s %s: said\n%swanted\n%s", options, table, key, buf_str(&seen), buf_str(&expected));
	assert_int_equal(result == 1 ? 0 : 1, atoi(tsv->column[3]));
	if (result == 1) {
		char *wanted = in_dir(tsv->column[4]);

		vector_text_decode(&expected, wanted);
		free(wanted);
		/* The files of the vectors end without a newline in one place and with one in another. */
		while (value.len > 0 && value.bytes[value.len - 1] == '\n')
			buf_truncate(&value, value.len - 1);
		if (strncmp(tsv->column[4], "QUFB", 4) != 0)
			assert_string_equal(buf_str(&value), buf_str(&expected));
		else
			assert_memory_equal(buf_str(&value), "QUFB", 4);
	}
	map_free(map);
	buf_release(&seen);
	buf_release(&expected);
	buf_release(&value);
	free(messages);
	free(table);
}

/* Types of Postfix that are none of ours, one that its vector is without, and what a command makes of a name
 * without a type. */
static bool
is_beyond(const char *table)
{
	static const char *const beyond[] = { "internal:", "pcre:", "unix:" };

	for (size_t i = 0; i < COUNT(beyond); i++)
		if (strncmp(table, beyond[i], strlen(beyond[i])) == 0)
			return true;
	return strcmp(table, "hash") == 0;
}

/* The row as Postfix's own command answers it. */
static void
check_row_with_postmap(const struct tsv *tsv)
{
	const char *options = strcmp(tsv->column[0], "-") == 0 ? "" : tsv->column[0];

	char *table = in_dir(tsv->column[1]), *messages = in_dir(tsv->column[5]);
	char *command = alloc_printf("/usr/sbin/postmap -c %s %s -q '%s' '%s' 2>%s/said >/dev/null", map_dir,
	    options, tsv->column[2], table, map_dir);
	char *said = alloc_printf("%s/said", map_dir);
	struct buf expected = BUF_INIT, lines = BUF_INIT, text = BUF_INIT;
	struct err err;
	int status = system(command);

	assert_int_equal(file_read(said, 1 << 20, &text, &err), 0);
	for (const char *at = buf_str(&text); *at; at += strcspn(at, "\n") + 1) {
		const char *from = strncmp(at, "postmap: ", 9) == 0 ? at + 9 : at;

		buf_printf(&lines, "%.*s\n", (int)strcspn(from, "\n"), from);
	}
	vector_text_messages(&expected, messages);
	assert_int_equal(WEXITSTATUS(status), atoi(tsv->column[3]));
	if (!captured_log_same(buf_str(&lines), buf_str(&expected)))
		fail_msg("postmap said\n%swanted\n%s", buf_str(&lines), buf_str(&expected));
	buf_release(&text);
	buf_release(&lines);
	buf_release(&expected);
	free(said);
	free(command);
	free(messages);
	free(table);
}

static void
run_rows(void (*check)(const struct tsv *tsv))
{
	struct tsv tsv;
	int rows = 0, skipped = 0;

	assert_true(tsv_open(&tsv, "maps"));
	assert_true(tsv_next(&tsv));
	while (tsv_next(&tsv)) {
		/* The empty key is never looked up, except by static. */
		if (is_beyond(tsv.column[1]) || !prepare_row(tsv.column[0], tsv.column[1], tsv.column[6])) {
			skipped++;
			continue;
		}
		print_message("%s %s %s\n", tsv.column[0], tsv.column[1], tsv.column[2]);
		check(&tsv);
		rows++;
	}
	print_message("%d rows, %d left out\n", rows, skipped);
	assert_true(rows >= 50);
}

static void
tables_answer_as_in_the_vectors(void **state)
{
	(void)state;
	run_rows(check_row);
}

static void
vectors_are_what_postmap_says(void **state)
{
	(void)state;
	if (!index_made("", "hash", "t"))
		skip();
	run_rows(check_row_with_postmap);
}

static void
bad_rules_are_skipped_in_postfix_words(void **state)
{
	static const struct {
		const char *type, *line, *words;
	} cases[] = {
		{ "cidr", "1.2.3 x", "bad address pattern: \"1.2.3\": skipping this rule" },
		{ "cidr", "[::1 x", "missing ']' character after \"[::1\": skipping this rule" },
		{ "cidr", "[::1]x x", "garbage after \"[::1]\": skipping this rule" },
		{ "cidr", "10.0.0.0/33 x", "bad mask length in \"10.0.0.0/33\": skipping this rule" },
		{ "cidr", "10.0.0.0/x x", "bad mask value in \"10.0.0.0/x\": skipping this rule" },
		{ "cidr", "10.0.0.0", "no lookup result: skipping this rule" },
		{ "cidr", "ENDIF", "ENDIF without IF: skipping this rule" },
		{ "cidr", "ENDIF x", "garbage after ENDIF: skipping this rule" },
		{ "cidr", "IF", "no address pattern: skipping this rule" },
		{ "cidr", "IF 1.2.3.4 x", "bad address pattern: \"1.2.3.4 x\": skipping this rule" },
		{ "cidr", "IF 1.2.3.4", "IF has no matching ENDIF" },
		{ "regexp", "/a(/ x", "Unmatched ( or \\(" },
		{ "regexp", "/a/q x", "unknown regexp option \"q\": skipping this rule" },
		{ "regexp", "/a/", "no replacement text: using empty string" },
		{ "regexp", "a b", "ignoring unrecognized request" },
		{ "regexp", "/x/ $3", "out of range replacement index \"3\": skipping this rule" },
		{ "regexp", "/(k)/ $10", "out of range replacement index \"10\": skipping this rule" },
		{ "regexp", "!/(x)/ $1",
		    "$number found in negative match replacement text: skipping this rule" },
		{ "regexp", "ENDIF", "ignoring ENDIF without matching IF" },
		{ "regexp", "IF", "no regexp: skipping this rule" },
		{ "regexp", "IF /x/", "IF has no matching ENDIF" },
		{ "regexp", "/x", "no closing regexp delimiter \"/\": skipping this rule" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *name = alloc_printf("%s:%s/rule", cases[i].type, map_dir);
		char *line = alloc_printf("%s\n", cases[i].line);
		char *expected = alloc_printf(
		    "warning: %s map %s/rule, line 1: %s\n", cases[i].type, map_dir, cases[i].words);
		struct err err;

		print_message("%s %s\n", cases[i].type, cases[i].line);
		map_dir_write("rule", line);
		captured_log_start();
		struct map *map = map_new(name, 0, &err);
		assert_non_null(map);
		assert_string_equal(buf_str(&captured_log), expected);
		map_free(map);
		free(expected);
		free(line);
		free(name);
	}
}

static void
rules_match_as_written(void **state)
{
	static const struct {
		const char *type, *rules, *key, *value; /* NULL: not found */
	} cases[] = {
		{ "regexp", "/(a)(b)?/ [$1][$2][${1}][$(1)][$$]", "xa", "[a][][a][a][$]" },
		{ "regexp", "|g/| pipe", "g/", "pipe" },
		{ "regexp", "// empty", "anything", "empty" },
		{ "regexp", "IF !/x/i\n/y/ yy\nENDIF\n/./ z", "Xy", "yy" },
		{ "regexp", "IF !/x/i\n/y/ yy\nENDIF\n/./ z", "xy", "z" },
		{ "regexp", "IF /a/\nIF /b/\n/./ both\nENDIF\n/./ a\nENDIF\n/./ none", "ab", "both" },
		{ "regexp", "IF /a/\nIF /b/\n/./ both\nENDIF\n/./ a\nENDIF\n/./ none", "ac", "a" },
		{ "regexp", "IF /a/\nIF /b/\n/./ both\nENDIF\n/./ a\nENDIF\n/./ none", "b", "none" },
		{ "regexp", "if /q/\n/q/ lower\nendif", "q", "lower" },
		{ "cidr", "[192.0.2.7] x", "192.0.2.7", "x" },
		{ "cidr", "[2001:db8::]/32 x", "2001:db8::1", "x" },
		{ "cidr", "[2001:db8::/32] x", "2001:db8::1", "x" },
		{ "cidr", "0.0.0.0/0 all", "203.0.113.1", "all" },
		{ "cidr", "0.0.0.0/0 all", "::1", NULL },
		{ "cidr", "!10.0.0.0/8 not", "::1", NULL },
		{ "cidr", "IF !10.0.0.0/8\n192.0.2.1 x\nENDIF", "192.0.2.1", "x" },
		{ "cidr", "192.0.2.128/25 x", "192.0.2.127", NULL },
		{ "cidr", "2001:db8:8000::/33 x", "2001:db8:8fff::1", "x" },
		{ "cidr", "0.0.0.0/0 all", "name", NULL },
		{ "pipemap", "{inline:{a=b},fail:x}", "a", "ERROR" },
		{ "pipemap", "{inline:{a=b},fail:x}", "z", NULL },
		{ "unionmap", "{inline:{a=1},inline:{a=2},inline:{b=3}}", "a", "1,2" },
		{ "unionmap", "{static:x,fail:y}", "a", "ERROR" },
		{ "proxy:inline", "{a=1}", "a", "1" },
		{ "fail", "x", "a", "ERROR" },
		{ "environ", "x", "test_map_variable", "its value" },
		{ "environ", "x", "test_map_other", NULL },
	};

	(void)state;
	assert_int_equal(setenv("test_map_variable", "its value", 1), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		bool in_file = strcmp(cases[i].type, "regexp") == 0 || strcmp(cases[i].type, "cidr") == 0;
		char *name = in_file ? alloc_printf("%s:%s/rule", cases[i].type, map_dir)
				     : alloc_printf("%s:%s", cases[i].type, cases[i].rules);
		struct buf value = BUF_INIT;
		struct err err;

		print_message("%s %s: %s\n", cases[i].type, cases[i].rules, cases[i].key);
		map_dir_write("rule", cases[i].rules);
		captured_log_start();
		struct map *map = map_new(name, MAP_FOLD, &err);
		assert_non_null(map);
		int result = map_get(map, cases[i].key, &value, &err);
		if (cases[i].value && strcmp(cases[i].value, "ERROR") == 0) {
			assert_int_equal(result, -1);
		} else {
			assert_int_equal(result, cases[i].value != NULL);
			assert_string_equal(buf_str(&value), cases[i].value ? cases[i].value : "");
		}
		assert_string_equal(buf_str(&captured_log), "");
		map_free(map);
		buf_release(&value);
		free(name);
	}
}

static void
index_older_than_its_source_is_warned_about(void **state)
{
	static const char *const types[][2] = { { "hash", ".db" }, { "btree", ".db" }, { "lmdb", ".lmdb" } };
	char *source = in_dir("@DIR@/aged");

	(void)state;
	map_dir_write("aged", "a b\n");
	for (size_t i = 0; i < COUNT(types); i++) {
		char *name = alloc_printf("%s:%s", types[i][0], source);
		char *index = alloc_printf("%s%s", source, types[i][1]);
		char *words =
		    alloc_printf("warning: database %s is older than source file %s\n", index, source);
		time_t now = now_wall();
		struct err err;

		if (!index_made("", types[i][0], "aged"))
			skip();
		for (int turn = 0; turn < 3; turn++) {
			/* Made after its source; before it; and before a source that is still being edited.
			 */
			time_t changed = turn == 0 ? now - 9000 : turn == 1 ? now - 1000 : now - 10;

			assert_int_equal(utime(index, &(struct utimbuf){ now - 5000, now - 5000 }), 0);
			assert_int_equal(utime(source, &(struct utimbuf){ changed, changed }), 0);
			captured_log_start();
			struct map *map = map_new(name, MAP_FOLD, &err);
			assert_non_null(map);
			assert_string_equal(buf_str(&captured_log), turn == 1 ? words : "");
			map_free(map);
		}
		free(words);
		free(index);
		free(name);
	}
	free(source);
}

static void
damaged_index_is_an_error(void **state)
{
	static const char *const names[] = { "bad.db", "bad.lmdb", "bad.cdb" };

	(void)state;
	for (int turn = 0; turn < 3; turn++) {
		static const char *const contents[] = { "", "garbage",
			"garbage that is longer than any header could be: "
			"0123456789012345678901234567890123456789012345678901234567890123456789" };

		for (size_t i = 0; i < COUNT(names); i++)
			map_dir_write(names[i], contents[turn]);
		for (int type = 0; type < 4; type++) {
			static const char *const types[] = { "hash", "btree", "lmdb", "cdb" };
			char *name = alloc_printf("%s:%s/bad", types[type], map_dir);
			struct err err = { 0 };

			captured_log_start();
			assert_null(map_new(name, 0, &err));
			assert_non_null(strstr(err.text, "open database /"));
			free(name);
		}
	}
}

/* The reader of these files is our own: cut short anywhere they are refused, and no byte leads it astray. */
static void
damaged_cdb_is_read_within_its_bounds(void **state)
{
	char *path = in_dir("@DIR@/t.cdb"), *name = in_dir("cdb:@DIR@/cut"), *cut = in_dir("@DIR@/cut.cdb");
	struct buf whole = BUF_INIT, value = BUF_INIT;
	struct err err;

	(void)state;
	if (!index_made("", "cdb", "t"))
		skip();
	assert_int_equal(file_read(path, 1 << 20, &whole, &err), 0);
	for (size_t i = 0; i < whole.len; i++) {
		FILE *file = fopen(cut, "w");

		assert_non_null(file);
		assert_int_equal(fwrite(whole.bytes, 1, i, file), i);
		assert_int_equal(fclose(file), 0);
		assert_null(map_new(name, 0, &err));

		file = fopen(cut, "w");
		assert_non_null(file);
		whole.bytes[i] = (char)~whole.bytes[i];
		assert_int_equal(fwrite(whole.bytes, 1, whole.len, file), whole.len);
		whole.bytes[i] = (char)~whole.bytes[i];
		assert_int_equal(fclose(file), 0);
		struct map *map = map_new(name, 0, &err);
		if (map)
			assert_true(map_get(map, "other", &value, &err) >= 0);
		map_free(map);
	}
	buf_release(&value);
	buf_release(&whole);
	free(cut);
	free(name);
	free(path);
}

static void
lookups_do_not_need_the_files(void **state)
{
	static const char *const types[] = { "hash", "lmdb", "texthash" };
	struct buf value = BUF_INIT;
	struct err err;

	(void)state;
	for (size_t i = 0; i < COUNT(types); i++) {
		char *name = alloc_printf("%s:%s/gone", types[i], map_dir);

		map_dir_write("gone", "a b\n");
		if (i < 2 && !index_made("", types[i], "gone"))
			skip();
		captured_log_start();
		struct map *map = map_new(name, MAP_FOLD, &err);
		assert_non_null(map);
		char *command = alloc_printf("rm -f %s/gone*", map_dir);
		assert_int_equal(system(command), 0);
		free(command);
		assert_int_equal(map_get(map, "A", &value, &err), 1);
		assert_string_equal(buf_str(&value), "b");
		map_free(map);
		free(name);
	}
	buf_release(&value);
}

static void
count_file(const char *path, void *context)
{
	struct buf *list = context;

	buf_printf(list, "%s ", strrchr(path, '/') + 1);
}

static void
files_that_a_table_was_made_from_are_known(void **state)
{
	char *name = in_dir("pipemap:{texthash:@DIR@/ff, inline:{{a = @DIR@/f2}}}");
	struct buf list = BUF_INIT;
	struct err err;

	(void)state;
	captured_log_start();
	struct map *map = map_new(name, MAP_FILES, &err);
	assert_non_null(map);
	map_files(map, count_file, &list);
	assert_string_equal(buf_str(&list), "ff f1 f2 nosuch null f2 ");
	map_free(map);
	buf_release(&list);
	free(name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_answer_as_in_the_vectors),
		cmocka_unit_test(vectors_are_what_postmap_says),
		cmocka_unit_test(bad_rules_are_skipped_in_postfix_words),
		cmocka_unit_test(rules_match_as_written),
		cmocka_unit_test(index_older_than_its_source_is_warned_about),
		cmocka_unit_test(damaged_index_is_an_error),
		cmocka_unit_test(damaged_cdb_is_read_within_its_bounds),
		cmocka_unit_test(lookups_do_not_need_the_files),
		cmocka_unit_test(files_that_a_table_was_made_from_are_known),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
