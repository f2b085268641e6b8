/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "mail/attr.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/hex.h"
#include "util/log.h"
#include "util/table.h"

enum { HASH_LIMIT = 1024 };

#define LIST_END     "(list terminator)"
#define ANY_OR_BRACE "(any attribute name or '}')"

void
attr_scan_init(struct attr_scan *scan, const void *list, size_t len, int flags, const char *stream)
{
	*scan = (struct attr_scan){ .encoding = ATTR_NULL, .flags = flags, .stream = stream };
	reader_init(&scan->in, list, len);
}

void
attr_scan_init_as(struct attr_scan *scan, enum attr_encoding encoding, const void *list, size_t len,
    int flags, const char *stream, struct buf *scratch)
{
	attr_scan_init(scan, list, len, flags, stream);
	scan->encoding = encoding;
	scan->scratch = scratch;
	buf_clear(scratch);

	/* Names and values are handed out while later ones are added: it must not move. A token and its
	 * separator are never shorter than the text and its zero byte; only the one cut by the end can be. */
	buf_reserve(scratch, len + 1);
}

static int
malformed(struct attr_scan *scan)
{
	scan->stopped = true;
	scan->malformed = true;
	return -1;
}

static int
stopped(const struct attr_scan *scan)
{
	return scan->malformed ? -1 : 0;
}

/* --- tokens: a name or a value, whatever the encoding --- */

static const char *
premature(struct attr_scan *scan, const char *what)
{
	log_warn("premature end-of-input on %s while reading input attribute %s", scan->stream, what);
	malformed(scan);
	return NULL;
}

static const char *
take_null_token(struct attr_scan *scan, const char *what)
{
	if (reader_left(&scan->in) == 0)
		return premature(scan, what);

	const char *text = reader_string(&scan->in, NULL);
	if (!text) {
		log_warn(
		    "unexpected end-of-input from %s while reading input attribute %s", scan->stream, what);
		malformed(scan);
		return NULL;
	}
	scan->separator = 0;
	return text;
}

/* A plain or base64 token up to newline, or `separator`. */
static const char *
take_line_token(struct attr_scan *scan, char separator, const char *what, size_t *len)
{
	const char *start = (const char *)scan->in.bytes + scan->in.at;
	size_t left = reader_left(&scan->in);
	size_t n = 0;

	while (n < left && start[n] != '\n' && (!separator || start[n] != separator))
		n++;
	if (n == left)
		return premature(scan, what);
	scan->separator = start[n];
	reader_take(&scan->in, n + 1);

	struct buf *scratch = scan->scratch;
	size_t at = scratch->len;
	if (scan->encoding == ATTR_PLAIN) {
		buf_add(scratch, start, n);
	} else if (!hex_base64_decode(scratch, start, n)) {
		log_warn("malformed base64 data from %s: %.*s", scan->stream, n < 100 ? (int)n : 100, start);
		malformed(scan);
		return NULL;
	}
	*len = scratch->len - at;
	buf_add_byte(scratch, 0);
	return scratch->bytes + at;
}

/* The next name. NULL: the list ended, or is malformed; either way the scan has stopped. */
static const char *
take_name(struct attr_scan *scan)
{
	static const char separators[] = { [ATTR_PLAIN] = '=', [ATTR_BASE64] = ':' };
	const char *name;
	size_t len;

	if (scan->stopped)
		return NULL;
	if (scan->in.at == 0 && reader_left(&scan->in) == 0) {
		/* The peer left without a word: that is no list at all, and no reason to complain. */
		scan->stopped = true;
		return NULL;
	}
	if (scan->encoding == ATTR_NULL)
		name = take_null_token(scan, "name");
	else
		name = take_line_token(scan, separators[scan->encoding], "name", &len);
	if (!name)
		return NULL;
	if (!*name && (scan->encoding == ATTR_NULL || scan->separator == '\n')) {
		scan->stopped = true;
		scan->ended = true;
		return NULL;
	}
	return name;
}

/* The value of the attribute whose name was taken last; NULL: malformed. `len` may be NULL. */
static const char *
take_value(struct attr_scan *scan, const char *name, const char *type, size_t *len)
{
	size_t value_len;
	const char *value;

	if (scan->encoding == ATTR_NULL) {
		value = take_null_token(scan, "value");
		value_len = value ? strlen(value) : 0;
	} else if (scan->separator == '\n') {
		log_warn("missing value for %s attribute %s from %s", type, name, scan->stream);
		malformed(scan);
		return NULL;
	} else {
		value = take_line_token(scan, scan->encoding == ATTR_BASE64 ? ':' : 0, "value", &value_len);
		if (value && scan->separator != '\n') {
			log_warn("multiple values for attribute %s from %s", name, scan->stream);
			malformed(scan);
			return NULL;
		}
	}
	if (len)
		*len = value_len;
	return value;
}

static bool
is_brace(const char *name)
{
	return (name[0] == '{' || name[0] == '}') && name[1] == 0;
}

static bool
skip_value(struct attr_scan *scan, const char *name)
{
	size_t len;

	if (scan->encoding == ATTR_NULL)
		return is_brace(name) || take_null_token(scan, "value");
	while (scan->separator != '\n')
		if (!take_line_token(scan, 0, "value", &len))
			return false;
	return true;
}

static int
unexpected(struct attr_scan *scan, const char *name, const char *wanted)
{
	log_warn("unexpected attribute %s from %s (expecting: %s)", name, scan->stream, wanted);
	scan->stopped = true;
	return 0;
}

static int
missing(struct attr_scan *scan, const char *name)
{
	if (scan->ended && (scan->flags & ATTR_FLAG_MISSING))
		log_warn("missing attribute %s in input from %s", name, scan->stream);
	return stopped(scan);
}

/* Goes to the value of attribute `wanted`. 1: there. 0, -1: what the caller returns. */
static int
find(struct attr_scan *scan, const char *wanted)
{
	const char *name;

	if (scan->stopped)
		return stopped(scan);
	while ((name = take_name(scan))) {
		if (strcmp(name, wanted) == 0)
			return 1;
		if (scan->flags & ATTR_FLAG_EXTRA)
			return unexpected(scan, name, wanted);
		if (!skip_value(scan, name))
			return -1;
	}
	return missing(scan, wanted);
}

/* --- typed values --- */

/* The grammar of scanf("%lu"): blanks, sign, digits; nothing behind. Too large becomes the greatest. */
static bool
parse_number(const char *text, unsigned long *number)
{
	char *end;

	*number = strtoul(text, &end, 10);
	return end != text && *end == 0;
}

static int
scan_number(struct attr_scan *scan, const char *name, unsigned long *number)
{
	int rc = find(scan, name);

	if (rc <= 0)
		return rc;
	const char *text = take_value(scan, name, "number", NULL);
	if (!text)
		return -1;
	if (!parse_number(text, number)) {
		log_warn("malformed numerical data from %s while reading input attribute value: %.100s",
		    scan->stream, text);
		return malformed(scan);
	}
	scan->count++;
	return 1;
}

int
attr_scan_int(struct attr_scan *scan, const char *name, int *value)
{
	unsigned long number;
	int rc = scan_number(scan, name, &number);

	if (rc > 0)
		*value = (int)(unsigned int)number;
	return rc;
}

int
attr_scan_long(struct attr_scan *scan, const char *name, long *value)
{
	unsigned long number;
	int rc = scan_number(scan, name, &number);

	if (rc > 0)
		*value = (long)number;
	return rc;
}

int
attr_scan_str(struct attr_scan *scan, const char *name, const char **value)
{
	int rc = find(scan, name);

	if (rc <= 0)
		return rc;
	const char *text = take_value(scan, name, "string", NULL);
	if (!text)
		return -1;
	*value = text;
	scan->count++;
	return 1;
}

int
attr_scan_data(struct attr_scan *scan, const char *name, struct buf *to)
{
	int rc = find(scan, name);
	size_t len;

	if (rc <= 0)
		return rc;
	const char *text = take_value(scan, name, "data", &len);
	if (!text)
		return -1;
	buf_clear(to);
	if (scan->encoding == ATTR_BASE64) {
		buf_add(to, text, len);
	} else if (!hex_base64_decode(to, text, len)) {
		log_warn("malformed base64 data from %s while reading input attribute value: %.100s",
		    scan->stream, text);
		return malformed(scan);
	}
	scan->count++;
	return 1;
}

int
attr_scan_match(struct attr_scan *scan, const char *name, const char *value)
{
	int rc = find(scan, name);

	if (rc <= 0)
		return rc;
	const char *text = take_value(scan, name, "string", NULL);
	if (!text)
		return -1;
	if (strcmp(text, value) != 0) {
		log_warn("unexpected %s %s from %s (expected: %s)", name, text, scan->stream, value);
		return malformed(scan);
	}
	return 1;
}

/* One pair into `hash`. False: the scan has stopped. */
static bool
take_pair(struct attr_scan *scan, struct table *hash, const char *name)
{
	const char *value = take_value(scan, name, "string", NULL);

	if (!value)
		return false;
	if (table_count(hash) >= HASH_LIMIT) {
		log_warn("attribute count exceeds limit %d in input from %s", HASH_LIMIT, scan->stream);
		scan->stopped = true;
		return false;
	}
	if (!table_get(hash, name)) {
		table_put(hash, name, alloc_string(value));
	} else if (scan->flags & ATTR_FLAG_EXTRA) {
		log_warn("duplicate attribute %s in input from %s", name, scan->stream);
		scan->stopped = true;
		return false;
	}
	return true;
}

int
attr_scan_hash(struct attr_scan *scan, struct table *hash)
{
	const char *name = take_name(scan);
	int pairs = 0;

	/* Without braces, as releases before 3.4 sent it, the rest of the list is the hash. */
	bool braces = name && strcmp(name, "{") == 0;
	if (braces)
		name = take_name(scan);
	while (name && !(braces && strcmp(name, "}") == 0)) {
		if (braces && strcmp(name, "{") == 0) {
			unexpected(scan, name, ANY_OR_BRACE);
			break;
		}
		if (!take_pair(scan, hash, name))
			break;
		pairs++;
		scan->count++;
		name = take_name(scan);
	}
	if (!name && braces)
		missing(scan, ANY_OR_BRACE);
	return scan->malformed ? -1 : pairs;
}

void
attr_scan_refuse(struct attr_scan *scan)
{
	malformed(scan);
}

int
attr_scan_end(struct attr_scan *scan)
{
	const char *name;

	while (!(scan->flags & ATTR_FLAG_MORE) && (name = take_name(scan))) {
		if (scan->flags & ATTR_FLAG_EXTRA)
			unexpected(scan, name, LIST_END);
		else if (!skip_value(scan, name))
			break;
	}
	return scan->malformed ? -1 : scan->count;
}

const char *
attr_scan_peek(const struct attr_scan *scan)
{
	struct reader ahead = scan->in;

	if (scan->encoding != ATTR_NULL)
		log_panic("attr_scan_peek: only in attr0 lists");
	if (scan->stopped)
		return NULL;
	const char *name = reader_string(&ahead, NULL);
	return name && *name ? name : NULL;
}
