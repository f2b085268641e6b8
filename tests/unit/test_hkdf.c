/* SPDX-License-Identifier: ISC */
/* hkdf and seal: known answers, and what does not open. */
#include <stdio.h>
#include <string.h>

#include "cmocka_all.h"

#include "tls/hkdf.h"
#include "tls/seal.h"
#include "util/buf.h"
#include "util/hex.h"

static struct buf
from_hex(const char *text)
{
	struct buf bytes = BUF_INIT;

	assert_true(hex_decode(&bytes, text, strlen(text)));
	return bytes;
}

/* RFC 5869, appendix A, cases 1 to 3. */
static void
answers_of_the_rfc(void **state)
{
	static const struct {
		const char *name, *secret, *salt, *info, *key;
	} rows[] = {
		{ "basic", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
		    "f0f1f2f3f4f5f6f7f8f9",
		    "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865" },
		{ "longer",
		    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
		    "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
		    "404142434445464748494a4b4c4d4e4f",
		    "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
		    "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
		    "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
		    "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
		    "d0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeef"
		    "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
		    "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
		    "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
		    "cc30c58179ec3e87c14c01d5c1f3434f1d87" },
		{ "no salt, no info", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
		    "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf secret = from_hex(rows[i].secret), salt = from_hex(rows[i].salt),
			   info = from_hex(rows[i].info), wanted = from_hex(rows[i].key);
		struct hkdf_input input = { secret.bytes, secret.len, salt.bytes, salt.len, info.bytes,
			info.len };
		unsigned char key[128];

		print_message("%s\n", rows[i].name);
		assert_int_equal(hkdf_derive(&input, key, wanted.len), 0);
		assert_memory_equal(key, wanted.bytes, wanted.len);
		buf_release(&secret);
		buf_release(&salt);
		buf_release(&info);
		buf_release(&wanted);
	}
}

static void
library_that_fails_leaves_zeros(void **state)
{
	static unsigned char key[255 * 32 + 1], zeros[sizeof key];
	struct hkdf_input input = { .secret = "s", .secret_len = 1 };

	(void)state;
	memset(key, 1, sizeof key);
	assert_int_equal(hkdf_derive(&input, key, sizeof key), -1); /* more than HKDF can give */
	assert_memory_equal(key, zeros, sizeof key);
}

static const unsigned char seal_key[SEAL_KEY_LEN] = { 1, 2, 3 };
static const unsigned char nonce[SEAL_NONCE_LEN] = { 4 };

/* Test case 14 of the GCM specification: a zero key, a zero nonce, 16 zero bytes. */
static void
known_answer_of_the_seal(void **state)
{
	static const unsigned char zeros[SEAL_KEY_LEN];
	struct seal seal = { .key = zeros, .nonce = zeros, .header = "", .header_len = 0 };
	struct buf sealed = from_hex("cea7403d4d606b6e074ec5d3baf39d18"),
		   wanted_tag = from_hex("d0d1c8a799996bf0265b98b5d48ab919");
	unsigned char bytes[16], tag[SEAL_TAG_LEN];

	(void)state;
	assert_int_equal(seal_close(&seal, zeros, sizeof bytes, bytes, tag), 0);
	assert_memory_equal(bytes, sealed.bytes, sizeof bytes);
	assert_memory_equal(tag, wanted_tag.bytes, sizeof tag);
	buf_release(&sealed);
	buf_release(&wanted_tag);
}

static void
only_what_was_sealed_opens(void **state)
{
	static const struct {
		const char *name;
		int key, nonce, header, body, tag;
		int result;
	} rows[] = {
		{ .name = "untouched", .result = 0 },
		{ .name = "another key", .key = 1, .result = -1 },
		{ .name = "another nonce", .nonce = 1, .result = -1 },
		{ .name = "another header", .header = 1, .result = -1 },
		{ .name = "another body", .body = 1, .result = -1 },
		{ .name = "another tag", .tag = 1, .result = -1 },
	};
	static const char plain[] = "sixteen or more bytes of text";

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		unsigned char k[SEAL_KEY_LEN], n[SEAL_NONCE_LEN], body[sizeof plain], tag[SEAL_TAG_LEN];
		char header[] = "header", opened[sizeof plain];
		struct seal seal = { k, n, header, sizeof header };

		print_message("%s\n", rows[i].name);
		memcpy(k, seal_key, sizeof k);
		memcpy(n, nonce, sizeof n);
		assert_int_equal(seal_close(&seal, plain, sizeof plain, body, tag), 0);
		assert_memory_not_equal(body, plain, sizeof plain);
		k[31] ^= rows[i].key;
		n[11] ^= rows[i].nonce;
		header[3] ^= rows[i].header;
		body[7] ^= rows[i].body;
		tag[15] ^= rows[i].tag;
		assert_int_equal(seal_open(&seal, body, sizeof body, tag, opened), rows[i].result);
		if (rows[i].result == 0)
			assert_memory_equal(opened, plain, sizeof plain);
		else
			assert_memory_equal(opened, (char[sizeof plain]){ 0 }, sizeof plain);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_of_the_rfc),
		cmocka_unit_test(library_that_fails_leaves_zeros),
		cmocka_unit_test(known_answer_of_the_seal),
		cmocka_unit_test(only_what_was_sealed_opens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
