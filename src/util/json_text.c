/* SPDX-License-Identifier: ISC */
#include "util/json_text.h"

#include <string.h>

#include <jansson.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"
#include "util/text.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

enum { INDENT = 2 };

struct json_t *
json_text_bytes(const void *bytes, size_t len)
{
	const char *at = bytes;
	struct buf text = BUF_INIT;
	json_t *string;

	while (len > 0) {
		size_t step = text_utf8_length(at, len);
		if (step > 0)
			buf_add(&text, at, step);
		else
			buf_add_str(&text, REPLACEMENT);
		step = step > 0 ? step : 1;
		at += step;
		len -= step;
	}
	string = json_stringn(buf_str(&text), text.len);
	buf_release(&text);
	if (!string)
		log_panic("json_text_bytes: no string of %zu bytes", len);
	return string;
}

struct json_t *
json_text_string(const char *text)
{
	return json_text_bytes(text, strlen(text));
}

void
json_text_set(struct json_t *object, const char *name, const char *text)
{
	json_object_set_new(object, name, text ? json_text_string(text) : json_null());
}

int
json_text_print(const struct json_t *document, FILE *to, struct err *err)
{
	if (json_dumpf(document, to, JSON_INDENT(INDENT) | JSON_ENCODE_ANY) < 0 || fputc('\n', to) == EOF ||
	    fflush(to) != 0 || ferror(to))
		return err_errno(err, "write JSON");
	return 0;
}
