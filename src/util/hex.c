/* SPDX-License-Identifier: ISC */
#include "util/hex.h"

#include <stdint.h>
#include <string.h>

#include "util/buf.h"

static const char digits[] = "0123456789ABCDEF";
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
hex_encode(struct buf *to, const void *bytes, size_t len, char separator)
{
	const unsigned char *from = bytes;
	char *at = buf_reserve(to, len * 3);

	for (size_t i = 0; i < len; i++) {
		if (i > 0 && separator)
			*at++ = separator;
		*at++ = digits[from[i] >> 4];
		*at++ = digits[from[i] & 15];
	}
	to->len = (size_t)(at - to->bytes);
	buf_terminate(to);
}

static int
digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

bool
hex_decode(struct buf *to, const char *text, size_t len)
{
	if (len % 2 != 0)
		return false;
	for (size_t i = 0; i < len; i++)
		if (digit_value(text[i]) < 0)
			return false;

	char *at = buf_reserve(to, len / 2);
	for (size_t i = 0; i < len; i += 2)
		*at++ = (char)(digit_value(text[i]) << 4 | digit_value(text[i + 1]));
	to->len += len / 2;
	buf_terminate(to);
	return true;
}

void
hex_base64_encode(struct buf *to, const void *bytes, size_t len)
{
	const unsigned char *from = bytes;
	char *at = buf_reserve(to, len / 3 * 4 + 4);
	size_t left = len;

	for (; left >= 3; left -= 3, from += 3) {
		uint32_t group = (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 | from[2];
		*at++ = alphabet[group >> 18];
		*at++ = alphabet[group >> 12 & 63];
		*at++ = alphabet[group >> 6 & 63];
		*at++ = alphabet[group & 63];
	}
	if (left > 0) {
		uint32_t group = (uint32_t)from[0] << 16 | (left > 1 ? (uint32_t)from[1] << 8 : 0);
		*at++ = alphabet[group >> 18];
		*at++ = alphabet[group >> 12 & 63];
		*at++ = left > 1 ? alphabet[group >> 6 & 63] : '=';
		*at++ = '=';
	}
	to->len = (size_t)(at - to->bytes);
	buf_terminate(to);
}

/* Values of the characters from '+' to 'z'; -1: no digit. */
static const signed char values[] = { 62, -1, -1, -1, 63, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, -1, -1, -1,
	-1, -1, -1, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
	24, 25, -1, -1, -1, -1, -1, -1, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42,
	43, 44, 45, 46, 47, 48, 49, 50, 51 };

static int
base64_value(char c)
{
	unsigned char at = (unsigned char)(c - '+');

	return at < sizeof values ? values[at] : -1;
}

/* The bytes of one group of four, 0 when it is none. */
static size_t
decode_group(const char *text, unsigned char out[3])
{
	int v[4];

	for (int i = 0; i < 4; i++)
		v[i] = base64_value(text[i]);
	if (v[0] < 0 || v[1] < 0)
		return 0;
	out[0] = (unsigned char)(v[0] << 2 | v[1] >> 4);
	if (text[2] == '=')
		return 1;
	if (v[2] < 0)
		return 0;
	out[1] = (unsigned char)((v[1] & 15) << 4 | v[2] >> 2);
	if (text[3] == '=')
		return 2;
	if (v[3] < 0)
		return 0;
	out[2] = (unsigned char)((v[2] & 3) << 6 | v[3]);
	return 3;
}

bool
hex_base64_decode(struct buf *to, const char *text, size_t len)
{
	if (len % 4 != 0)
		return false;

	unsigned char *out = (unsigned char *)buf_reserve(to, len / 4 * 3);
	size_t made = 0;
	for (size_t i = 0; i < len; i += 4) {
		size_t got = decode_group(text + i, out + made);
		if (got == 0) {
			buf_terminate(to);
			return false;
		}
		made += got;
		if (got < 3)
			break;
	}
	to->len += made;
	buf_terminate(to);
	return true;
}
