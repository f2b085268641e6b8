/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"
#include "log_capture.h"

#include <stdlib.h>

#include "mail/attr.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/table.h"

/* A string literal with its embedded zero bytes, without the one the compiler adds. */
#define BYTES(literal) (literal), sizeof(literal) - 1

/* --- writing --- */

static void
put_request(struct buf *to, enum attr_encoding as)
{
	attr_put_str_as(to, as, "request", "seed");
	attr_put_int_as(to, as, "size", 32);
}

static void
put_negative(struct buf *to, enum attr_encoding as)
{
	attr_put_int_as(to, as, "i", -2);
	attr_put_long_as(to, as, "l", -1);
}

static void
put_data(struct buf *to, enum attr_encoding as)
{
	attr_put_data_as(to, as, "seed", "\x00\x01\x02\xff\x5a", 5);
	attr_put_data_as(to, as, "e", NULL, 0);
	attr_put_str_as(to, as, "empty", "");
}

static void
put_hash(struct buf *to, enum attr_encoding as)
{
	struct table *hash = table_new(free);

	table_put(hash, "k1", alloc_string("v1"));
	attr_put_hash_as(to, as, hash);
	attr_put_str_as(to, as, "z", "1");
	table_free(hash);
}

static void
put_nothing(struct buf *to, enum attr_encoding as)
{
	(void)to;
	(void)as;
}

static void
samples_are_written_byte_for_byte(void **state)
{
	static const struct {
		const char *name;
		void (*put)(struct buf *, enum attr_encoding);
		struct {
			const char *bytes;
			size_t len;
		} as[3];
	} cases[] = {
		{ "request", put_request,
		    { { BYTES("request\0seed\0size\0"
			      "32\0\0") },
			{ BYTES("request=seed\nsize=32\n\n") },
			{ BYTES("cmVxdWVzdA==:c2VlZA==\nc2l6ZQ==:MzI=\n\n") } } },
		{ "negative", put_negative,
		    { { BYTES("i\0"
			      "4294967294\0l\0"
			      "18446744073709551615\0\0") },
			{ BYTES("i=4294967294\nl=18446744073709551615\n\n") },
			{ BYTES("aQ==:NDI5NDk2NzI5NA==\nbA==:MTg0NDY3NDQwNzM3MDk1NTE2MTU=\n\n") } } },
		{ "data", put_data,
		    { { BYTES("seed\0AAEC/1o=\0e\0\0empty\0\0\0") },
			{ BYTES("seed=AAEC/1o=\ne=\nempty=\n\n") },
			{ BYTES("c2VlZA==:AAEC/1o=\nZQ==:\nZW1wdHk=:\n\n") } } },
		{ "hash", put_hash,
		    { { BYTES("{\0k1\0v1\0}\0z\0"
			      "1\0\0") },
			{ BYTES("{\0\nk1=v1\n}\0\nz=1\n\n") },
			{ BYTES("ew==\nazE=:djE=\nfQ==\neg==:MQ==\n\n") } } },
		{ "nothing", put_nothing, { { BYTES("\0") }, { BYTES("\n") }, { BYTES("\n") } } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		for (int as = ATTR_NULL; as <= ATTR_BASE64; as++) {
			struct buf buf = BUF_INIT;
			cases[i].put(&buf, (enum attr_encoding)as);
			attr_put_end_as(&buf, (enum attr_encoding)as);
			CASE_IS(buf.len == cases[i].as[as].len, cases[i].name);
			CASE_IS(memcmp(buf.bytes, cases[i].as[as].bytes, buf.len) == 0, cases[i].name);
			buf_release(&buf);
		}
	}
}

static void
what_was_written_reads_back_in_every_encoding(void **state)
{
	(void)state;
	for (int as = ATTR_NULL; as <= ATTR_BASE64; as++) {
		struct table *hash = table_new(free);
		struct buf list = BUF_INIT, data = BUF_INIT, scratch = BUF_INIT;
		struct attr_scan scan;
		const char *text;
		int number;
		long large;

		log_capture_start();
		put_request(&list, (enum attr_encoding)as);
		put_negative(&list, (enum attr_encoding)as);
		put_data(&list, (enum attr_encoding)as);
		put_hash(&list, (enum attr_encoding)as);
		attr_put_end_as(&list, (enum attr_encoding)as);
		attr_scan_init_as(
		    &scan, (enum attr_encoding)as, list.bytes, list.len, ATTR_FLAG_STRICT, "test", &scratch);
		assert_int_equal(attr_scan_str(&scan, "request", &text), 1);
		assert_int_equal(attr_scan_int(&scan, "size", &number), 1);
		assert_int_equal(number, 32);
		assert_int_equal(attr_scan_int(&scan, "i", &number), 1);
		assert_int_equal(number, -2);
		assert_int_equal(attr_scan_long(&scan, "l", &large), 1);
		assert_true(large == -1);
		assert_int_equal(attr_scan_data(&scan, "seed", &data), 1);
		assert_int_equal(data.len, 5);
		assert_memory_equal(data.bytes, "\x00\x01\x02\xff\x5a", 5);
		assert_int_equal(attr_scan_data(&scan, "e", &data), 1);
		assert_int_equal(data.len, 0);
		assert_int_equal(attr_scan_match(&scan, "empty", ""), 1); /* does not count */
		assert_int_equal(attr_scan_hash(&scan, hash), 1);
		assert_string_equal(table_get(hash, "k1"), "v1");
		assert_string_equal(text, "seed"); /* still there: nothing has moved */
		assert_int_equal(attr_scan_str(&scan, "z", &text), 1);
		assert_string_equal(text, "1");
		assert_int_equal(attr_scan_end(&scan), 8);
		assert_true(scan.ended);
		assert_string_equal(log_capture.text, "");
		buf_release(&list);
		buf_release(&data);
		buf_release(&scratch);
		table_free(hash);
	}
}

/* --- reading: a request with a string and a number, as tlsmgr reads it --- */

static void
results_and_log_lines_are_postfixs(void **state)
{
	static const struct {
		const char *name;
		const char *list;
		size_t len;
		int flags;
		int result;
		const char *log;
	} cases[] = {
		{ "good",
		    BYTES("request\0seed\0size\0"
			  "8\0\0"),
		    ATTR_FLAG_STRICT, 2, "" },
		{ "nothing at all", BYTES(""), ATTR_FLAG_STRICT, 0, "" },
		{ "empty list", BYTES("\0"), ATTR_FLAG_STRICT, 0,
		    "warning: missing attribute request in input from test\n" },
		{ "empty list, not strict", BYTES("\0"), ATTR_FLAG_NONE, 0, "" },
		{ "other name", BYTES("rquest\0seed\0\0"), ATTR_FLAG_STRICT, 0,
		    "warning: unexpected attribute rquest from test (expecting: request)\n" },
		{ "leading extra",
		    BYTES("foo\0bar\0request\0seed\0size\0"
			  "8\0\0"),
		    ATTR_FLAG_STRICT, 0,
		    "warning: unexpected attribute foo from test (expecting: request)\n" },
		{ "leading extra, not strict",
		    BYTES("foo\0bar\0request\0seed\0size\0"
			  "8\0\0"),
		    ATTR_FLAG_NONE, 2, "" },
		{ "trailing extra",
		    BYTES("request\0seed\0size\0"
			  "8\0foo\0bar\0\0"),
		    ATTR_FLAG_STRICT, 2,
		    "warning: unexpected attribute foo from test (expecting: (list terminator))\n" },
		{ "trailing extra, missing only",
		    BYTES("request\0seed\0size\0"
			  "8\0foo\0bar\0\0"),
		    ATTR_FLAG_MISSING, 2, "" },
		{ "number missing", BYTES("request\0seed\0\0"), ATTR_FLAG_STRICT, 1,
		    "warning: missing attribute size in input from test\n" },
		{ "wrong order",
		    BYTES("size\0"
			  "8\0request\0seed\0\0"),
		    ATTR_FLAG_MISSING, 1, "warning: missing attribute size in input from test\n" },
		{ "no number",
		    BYTES("request\0seed\0size\0"
			  "5a\0\0"),
		    ATTR_FLAG_STRICT, -1,
		    "warning: malformed numerical data from test while reading input attribute value: 5a\n" },
		{ "long no number",
		    BYTES("request\0seed\0size\0"
			  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
			  "xxxxxxxxx"
			  "xxxxxxxxxxxxxxxxx\0\0"),
		    ATTR_FLAG_STRICT, -1,
		    "warning: malformed numerical data from test while reading input attribute value: "
		    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		    "xxxxxxxxxxxx"
		    "\n" },
		{ "end at a name", BYTES("request\0seed\0"), ATTR_FLAG_STRICT, -1,
		    "warning: premature end-of-input on test while reading input attribute name\n" },
		{ "end at a value", BYTES("request\0"), ATTR_FLAG_STRICT, -1,
		    "warning: premature end-of-input on test while reading input attribute value\n" },
		{ "end in a name", BYTES("requ"), ATTR_FLAG_STRICT, -1,
		    "warning: unexpected end-of-input from test while reading input attribute name\n" },
		{ "end in a value",
		    BYTES("request\0seed\0size\0"
			  "8"),
		    ATTR_FLAG_STRICT, -1,
		    "warning: unexpected end-of-input from test while reading input attribute value\n" },
		{ "end before the end marker",
		    BYTES("request\0seed\0size\0"
			  "8\0"),
		    ATTR_FLAG_STRICT, -1,
		    "warning: premature end-of-input on test while reading input attribute name\n" },
		{ "unprintable name",
		    BYTES("s\x01ze\0"
			  "8\0\0"),
		    ATTR_FLAG_STRICT, 0,
		    "warning: unexpected attribute s?ze from test (expecting: request)\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct attr_scan scan;
		const char *request;
		int size;

		log_capture_start();
		attr_scan_init(&scan, cases[i].list, cases[i].len, cases[i].flags, "test");
		int first = attr_scan_str(&scan, "request", &request);
		int second = attr_scan_int(&scan, "size", &size);
		CASE_IS(attr_scan_end(&scan) == cases[i].result, cases[i].name);
		CASE_IS(attr_scan_end(&scan) == cases[i].result, cases[i].name);
		CASE_IS(cases[i].result < 0 || first + second == cases[i].result, cases[i].name);
		CASE_TEXT(log_capture.text, cases[i].log, cases[i].name);
	}
}

static void
numbers_follow_scanf(void **state)
{
	static const struct {
		const char *text;
		int result;
		unsigned int value;
	} cases[] = { { "0", 1, 0 }, { "+5", 1, 5 }, { " 5", 1, 5 }, { "007", 1, 7 }, { "4294967301", 1, 5 },
		{ "-1", 1, 4294967295u }, { "99999999999999999999999", 1, 4294967295u },
		{ "4294967294", 1, 4294967294u }, { "", -1, 0 }, { "5a", -1, 0 }, { "0x10", -1, 0 },
		{ "5 ", -1, 0 }, { "-", -1, 0 }, { " ", -1, 0 } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf list = BUF_INIT;
		struct attr_scan scan;
		int value = 0;

		log_capture_start();
		attr_put_str(&list, "n", cases[i].text);
		attr_put_end(&list);
		attr_scan_init(&scan, list.bytes, list.len, ATTR_FLAG_STRICT, "test");
		CASE_IS(attr_scan_int(&scan, "n", &value) == cases[i].result, cases[i].text);
		CASE_IS((unsigned int)value == cases[i].value, cases[i].text);
		CASE_IS(log_capture.lines == (cases[i].result < 0), cases[i].text);
		buf_release(&list);
	}
}

static void
data_is_base64_up_to_its_padding(void **state)
{
	static const struct {
		const char *text, *data; /* NULL: malformed */
	} cases[] = { { "", "" }, { "Zm9v", "foo" }, { "Zg==rest", "f" }, { "Zg=", NULL }, { "Zm9 ", NULL },
		{ "Zm9vZg", NULL } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf list = BUF_INIT, data = BUF_INIT;
		struct attr_scan scan;

		log_capture_start();
		attr_put_str(&list, "seed", cases[i].text);
		attr_put_end(&list);
		attr_scan_init(&scan, list.bytes, list.len, ATTR_FLAG_STRICT, "test");
		buf_add_str(&data, "old");
		CASE_IS(attr_scan_data(&scan, "seed", &data) == (cases[i].data ? 1 : -1), cases[i].text);
		CASE_TEXT(buf_str(&data), cases[i].data ? cases[i].data : "", cases[i].text);
		CASE_IS(
		    cases[i].data || strstr(log_capture.text, "malformed base64 data from test while reading "
							      "input attribute value: "),
		    cases[i].text);
		buf_release(&list);
		buf_release(&data);
	}
}

static void
announcement_must_match(void **state)
{
	static const struct {
		const char *name;
		const char *list;
		size_t len;
		int result;
		const char *log;
	} cases[] = {
		{ "right", BYTES("protocol\0p\0\0"), 0, "" },
		{ "other value", BYTES("protocol\0q\0\0"), -1,
		    "warning: unexpected protocol q from test (expected: p)\n" },
		{ "other name", BYTES("x\0p\0\0"), 0,
		    "warning: unexpected attribute x from test (expecting: protocol)\n" },
		{ "extra", BYTES("protocol\0p\0x\0y\0\0"), 0,
		    "warning: unexpected attribute x from test (expecting: (list terminator))\n" },
		{ "empty", BYTES("\0"), 0, "warning: missing attribute protocol in input from test\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct attr_scan scan;

		log_capture_start();
		attr_scan_init(&scan, cases[i].list, cases[i].len, ATTR_FLAG_STRICT, "test");
		attr_scan_match(&scan, "protocol", "p");
		CASE_IS(attr_scan_end(&scan) == cases[i].result, cases[i].name);
		CASE_TEXT(log_capture.text, cases[i].log, cases[i].name);
	}
}

static void
a_name_may_come_twice(void **state)
{
	static const char list[] = "timeout\0"
				   "300\0timeout\0"
				   "10\0\0";
	struct attr_scan scan;
	int first, second;

	(void)state;
	log_capture_start();
	attr_scan_init(&scan, list, sizeof list - 1, ATTR_FLAG_STRICT, "test");
	assert_string_equal(attr_scan_peek(&scan), "timeout");
	attr_scan_int(&scan, "timeout", &first);
	attr_scan_int(&scan, "timeout", &second);
	assert_null(attr_scan_peek(&scan));
	assert_int_equal(attr_scan_end(&scan), 2);
	assert_int_equal(first, 300);
	assert_int_equal(second, 10);
	assert_int_equal(log_capture.lines, 0);
}

static void
plain_and_base64_complain_in_their_words(void **state)
{
	static const struct {
		const char *name;
		enum attr_encoding as;
		const char *list;
		int result;
		const char *log;
	} cases[] = {
		{ "empty name", ATTR_PLAIN, "=x\nn=5\n\n", 1, "" },
		{ "equals in a value", ATTR_PLAIN, "a=b=c\nn=5\n\n", 1, "" },
		{ "no value", ATTR_PLAIN, "n\n\n", -1,
		    "warning: missing value for number attribute n from test\n" },
		{ "cut", ATTR_PLAIN, "n=5", -1,
		    "warning: premature end-of-input on test while reading input attribute value\n" },
		{ "base64", ATTR_BASE64, "bg==:NQ==\n\n", 1, "" },
		{ "base64 no value", ATTR_BASE64, "bg==\n\n", -1,
		    "warning: missing value for number attribute n from test\n" },
		{ "base64 two values", ATTR_BASE64, "bg==:NQ==:NQ==\n\n", -1,
		    "warning: multiple values for attribute n from test\n" },
		{ "base64 malformed", ATTR_BASE64, "bg=:NQ==\n\n", -1,
		    "warning: malformed base64 data from test: bg=\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf scratch = BUF_INIT;
		struct attr_scan scan;
		int number;

		log_capture_start();
		attr_scan_init_as(&scan, cases[i].as, cases[i].list, strlen(cases[i].list), ATTR_FLAG_NONE,
		    "test", &scratch);
		if (attr_scan_int(&scan, "n", &number) == 1)
			CASE_IS(number == 5, cases[i].name);
		CASE_IS(attr_scan_end(&scan) == cases[i].result, cases[i].name);
		CASE_TEXT(log_capture.text, cases[i].log, cases[i].name);
		buf_release(&scratch);
	}
}

/* --- hashes --- */

static void
hash_with_and_without_braces(void **state)
{
	static const struct {
		const char *name;
		const char *list;
		size_t len;
		int flags;
		int result;
		size_t stored;
		const char *log;
	} cases[] = {
		{ "braces",
		    BYTES("{\0a\0"
			  "1\0b\0"
			  "2\0}\0\0"),
		    ATTR_FLAG_STRICT, 2, 2, "" },
		{ "no braces",
		    BYTES("a\0"
			  "1\0b\0"
			  "2\0\0"),
		    ATTR_FLAG_NONE, 2, 2, "" },
		{ "empty list", BYTES("\0"), ATTR_FLAG_NONE, 0, 0, "" },
		{ "duplicate",
		    BYTES("{\0a\0"
			  "1\0a\0"
			  "2\0}\0\0"),
		    ATTR_FLAG_NONE, 2, 1, "" },
		{ "duplicate, strict",
		    BYTES("{\0a\0"
			  "1\0a\0"
			  "2\0}\0\0"),
		    ATTR_FLAG_STRICT, 1, 1, "warning: duplicate attribute a in input from test\n" },
		{ "not closed",
		    BYTES("{\0a\0"
			  "1\0\0"),
		    ATTR_FLAG_STRICT, 1, 1,
		    "warning: missing attribute (any attribute name or '}') in input from test\n" },
		{ "cut", BYTES("{\0a\0"), ATTR_FLAG_STRICT, -1, 0,
		    "warning: premature end-of-input on test while reading input attribute value\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct table *hash = table_new(free);
		struct attr_scan scan;

		log_capture_start();
		attr_scan_init(&scan, cases[i].list, cases[i].len, cases[i].flags, "test");
		attr_scan_hash(&scan, hash);
		CASE_IS(attr_scan_end(&scan) == cases[i].result, cases[i].name);
		CASE_IS(table_count(hash) == cases[i].stored, cases[i].name);
		CASE_IS(cases[i].stored == 0 || strcmp(table_get(hash, "a"), "1") == 0, cases[i].name);
		CASE_TEXT(log_capture.text, cases[i].log, cases[i].name);
		table_free(hash);
	}
}

static void
hash_stops_at_its_limit(void **state)
{
	struct table *hash = table_new(free);
	struct buf list = BUF_INIT;
	struct attr_scan scan;

	(void)state;
	log_capture_start();
	buf_add(&list, "{", 2);
	for (int i = 0; i < 1025; i++) {
		char key[16];
		snprintf(key, sizeof key, "k%d", i);
		attr_put_int(&list, key, i);
	}
	buf_add(&list, "}", 2);
	attr_put_end(&list);
	attr_scan_init(&scan, list.bytes, list.len, ATTR_FLAG_STRICT, "test");
	attr_scan_hash(&scan, hash);
	assert_int_equal(table_count(hash), 1024);
	assert_string_equal(
	    log_capture.text, "warning: attribute count exceeds limit 1024 in input from test\n");
	table_free(hash);
	buf_release(&list);
}

/* --- framing --- */

static void
a_list_ends_at_its_marker_however_it_arrives(void **state)
{
	static const struct {
		const char *name;
		const char *bytes;
		size_t len;
		size_t list_len; /* 0: not complete */
	} cases[] = {
		{ "request",
		    BYTES("request\0seed\0size\0"
			  "8\0\0"),
		    21 },
		{ "two lists", BYTES("a\0b\0\0c\0d\0\0"), 5 },
		{ "empty value", BYTES("a\0\0b\0\0\0"), 7 },
		{ "empty list", BYTES("\0"), 1 },
		{ "hash",
		    BYTES("{\0k\0v\0}\0z\0"
			  "1\0\0"),
		    13 },
		{ "brace as first letter", BYTES("{x\0\0\0"), 5 },
		{ "brace as value", BYTES("a\0{\0\0"), 5 },
		{ "cut", BYTES("a\0b\0c"), 0 },
		{ "cut at a value", BYTES("a\0"), 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct attr_frame frame;
		enum attr_progress progress = ATTR_MORE;
		size_t list_len = 0;

		attr_frame_init(&frame, 100);
		for (size_t n = 0; n <= cases[i].len && progress == ATTR_MORE; n++)
			progress = attr_frame_feed(&frame, cases[i].bytes, n, &list_len);
		CASE_IS(progress == (cases[i].list_len ? ATTR_COMPLETE : ATTR_MORE), cases[i].name);
		CASE_IS(list_len == cases[i].list_len, cases[i].name);
	}
}

static void
a_list_past_the_limit_is_refused(void **state)
{
	struct attr_frame frame;
	size_t list_len;

	(void)state;
	attr_frame_init(&frame, 5);
	assert_int_equal(attr_frame_feed(&frame, "a\0b\0\0", 5, &list_len), ATTR_COMPLETE);
	assert_int_equal(list_len, 5);
	attr_frame_init(&frame, 4);
	assert_int_equal(attr_frame_feed(&frame, "a\0b\0\0", 5, &list_len), ATTR_TOO_LONG);
	attr_frame_init(&frame, 4);
	assert_int_equal(attr_frame_feed(&frame, "aaa", 3, &list_len), ATTR_MORE);
	assert_int_equal(attr_frame_feed(&frame, "aaaa", 4, &list_len), ATTR_TOO_LONG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_are_written_byte_for_byte),
		cmocka_unit_test(what_was_written_reads_back_in_every_encoding),
		cmocka_unit_test(results_and_log_lines_are_postfixs),
		cmocka_unit_test(numbers_follow_scanf),
		cmocka_unit_test(data_is_base64_up_to_its_padding),
		cmocka_unit_test(announcement_must_match),
		cmocka_unit_test(a_name_may_come_twice),
		cmocka_unit_test(plain_and_base64_complain_in_their_words),
		cmocka_unit_test(hash_with_and_without_braces),
		cmocka_unit_test(hash_stops_at_its_limit),
		cmocka_unit_test(a_list_ends_at_its_marker_however_it_arrives),
		cmocka_unit_test(a_list_past_the_limit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
