/* SPDX-License-Identifier: ISC */
#include "mail/braces.h"

#include <stddef.h>
#include <string.h>

#include "mail/logical_line.h"
#include "util/alloc.h"
#include "util/err.h"

char *
braces_next_word(const char **at, const char *separators)
{
	const char *start = *at + strspn(*at, separators), *end = start;
	int depth = 0;

	for (; *end && (depth > 0 || !strchr(separators, *end)); end++)
		depth += *end == '{' ? 1 : *end == '}' && depth > 0 ? -1 : 0;
	*at = end;
	return end > start ? alloc_string_n(start, (size_t)(end - start)) : NULL;
}

const char *
braces_end(const char *text)
{
	int depth = 0;

	for (; *text; text++) {
		depth += *text == '{' ? 1 : *text == '}' ? -1 : 0;
		if (depth == 0)
			break;
	}
	return *text == '}' ? text : NULL;
}

int
braces_take_off(char *word, char **inside, struct err *err)
{
	int result = 0;

	*inside = word;
	if (*word != '{')
		return 0;

	const char *end = braces_end(word);

	if (!end)
		result = err_set(err, "missing '}' in \"%s\"", word);
	else if (end[1])
		result = err_set(err, "syntax error after '}' in \"%s\"", word);
	if (end)
		word[end - word] = '\0';
	*inside = logical_line_trim(word + 1);
	return result;
}
