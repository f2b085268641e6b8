/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"

#include "util/buf.h"
#include "util/hex.h"

static void
digits_are_upper_case_with_separator(void **state)
{
	struct buf buf = BUF_INIT;

	(void)state;
	hex_encode(&buf, "\x00\xab\x9f", 3, ':');
	assert_string_equal(buf_str(&buf), "00:AB:9F");
	hex_encode(&buf, "\x01\xff", 2, 0);
	assert_string_equal(buf_str(&buf), "00:AB:9F01FF");
	hex_encode(&buf, "", 0, ':');
	assert_int_equal(buf.len, 12);
	buf_release(&buf);
}

static void
only_pairs_of_digits_decode(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = { { "", true }, { "00fFA0", true }, { "0", false }, { "0g", false }, { "0x10", false },
		{ " 00", false }, { "00 1", false } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf buf = BUF_INIT;
		buf_add_str(&buf, "keep");
		bool good = hex_decode(&buf, cases[i].text, strlen(cases[i].text));
		CASE_IS(good == cases[i].good, cases[i].text);
		CASE_IS(buf.len == 4 + (good ? strlen(cases[i].text) / 2 : 0), cases[i].text);
		buf_release(&buf);
	}
}

/* RFC 4648 section 10. */
static void
base64_follows_rfc_4648(void **state)
{
	static const struct {
		const char *bytes, *text;
	} cases[] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf buf = BUF_INIT;
		hex_base64_encode(&buf, cases[i].bytes, strlen(cases[i].bytes));
		CASE_TEXT(buf_str(&buf), cases[i].text, cases[i].bytes);
		buf_clear(&buf);
		CASE_IS(hex_base64_decode(&buf, cases[i].text, strlen(cases[i].text)), cases[i].text);
		CASE_TEXT(buf_str(&buf), cases[i].bytes, cases[i].text);
		buf_release(&buf);
	}
}

static void
base64_stops_at_padding_and_refuses_the_rest(void **state)
{
	static const struct {
		const char *text, *bytes; /* NULL: refused */
	} cases[] = { { "Zg==Zg==", "f" }, { "Zm8=!!!!", "fo" }, { "Zg=x", "f" }, { "Zm9vZg==????", "foof" },
		{ "Zm9", NULL }, { "Zm9v Zm", NULL }, { "Z===", NULL }, { "====", NULL },
		{ "Zm9v\nZm9", NULL }, { "Zm-_", NULL }, { "Zm9vZ", NULL } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf buf = BUF_INIT;
		bool good = hex_base64_decode(&buf, cases[i].text, strlen(cases[i].text));
		CASE_IS(good == (cases[i].bytes != NULL), cases[i].text);
		CASE_TEXT(buf_str(&buf), cases[i].bytes ? cases[i].bytes : "", cases[i].text);
		buf_release(&buf);
	}
}

static void
every_byte_survives_base64(void **state)
{
	unsigned char bytes[256];

	(void)state;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)i;
	for (size_t len = 0; len <= sizeof bytes; len++) {
		struct buf text = BUF_INIT, back = BUF_INIT;
		hex_base64_encode(&text, bytes, len);
		assert_true(hex_base64_decode(&back, text.bytes, text.len));
		assert_int_equal(back.len, len);
		assert_memory_equal(back.bytes, bytes, len);
		buf_release(&text);
		buf_release(&back);
	}
}

static void
every_character_is_a_digit_or_refused(void **state)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	(void)state;
	for (int c = 0; c < 256; c++) {
		const char *digit = c ? strchr(digits, c) : NULL;
		for (int place = 0; place < 4; place++) {
			struct buf buf = BUF_INIT;
			char text[] = "AAAA";
			text[place] = (char)c;
			bool good = hex_base64_decode(&buf, text, 4);
			bool padding = c == '=' && place > 1;
			assert_int_equal(good, digit != NULL || padding);
			if (digit) {
				unsigned long group = (unsigned long)(digit - digits) << 6 * (3 - place);
				assert_int_equal(buf.len, 3);
				assert_int_equal(buf.bytes[0] & 255, group >> 16);
				assert_int_equal(buf.bytes[1] & 255, group >> 8 & 255);
				assert_int_equal(buf.bytes[2] & 255, group & 255);
			}
			buf_release(&buf);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digits_are_upper_case_with_separator),
		cmocka_unit_test(only_pairs_of_digits_decode),
		cmocka_unit_test(base64_follows_rfc_4648),
		cmocka_unit_test(base64_stops_at_padding_and_refuses_the_rest),
		cmocka_unit_test(every_byte_survives_base64),
		cmocka_unit_test(every_character_is_a_digit_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
