/* SPDX-License-Identifier: ISC */
#include "tls/cipher.h"

#include <stddef.h>
#include <string.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/text.h"

#define SEPARATORS TEXT_LIST_SEPARATORS ":"

/* NULL: no such grade. */
static const char *
list_of_grade(const struct cipher_grades *grades, const char *grade)
{
	if (text_equal_nocase(grade, "high"))
		return grades->high;
	if (text_equal_nocase(grade, "medium"))
		return grades->medium;
	if (text_equal_nocase(grade, "low"))
		return grades->low ? grades->low : grades->medium;
	if (text_equal_nocase(grade, "export"))
		return grades->export ? grades->export : grades->medium;
	if (text_equal_nocase(grade, "null"))
		return grades->null;
	return NULL;
}

int
cipher_list(struct buf *list, const struct cipher_grades *grades, const char *grade, const char *exclusions,
    struct err *err)
{
	const char *start = list_of_grade(grades, grade);
	const char *word;
	size_t len;

	buf_clear(list);
	if (!start)
		return err_set(err, "invalid cipher grade: \"%s\"", grade);
	buf_add_str(list, start);
	if (!exclusions)
		return 0;
	while ((word = text_token(&exclusions, SEPARATORS, &len)) != NULL) {
		if (strchr("!+-@", *word))
			return err_set(err, "invalid unary '!+-@' in cipher exclusion: %.*s", (int)len, word);
		buf_add_str(list, ":!");
		buf_add(list, word, len);
	}
	return 0;
}
