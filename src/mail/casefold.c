/* SPDX-License-Identifier: ISC */
#include "mail/casefold.h"

#include <limits.h>
#include <locale.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/text.h"

static bool
is_ascii(const char *text)
{
	while (*text && !(*text & 0x80))
		text++;
	return *text == '\0';
}

/* False: the system has no such locale, or the text no such characters. */
static bool
fold_wide(const char *text, struct buf *to)
{
	static locale_t utf8;

	if (!utf8)
		utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (!utf8)
		return false;

	locale_t before = uselocale(utf8);
	mbstate_t in = { 0 }, out = { 0 };
	size_t left = strlen(text);
	bool ok = true;

	while (ok && left > 0) {
		wchar_t wide;
		size_t len = mbrtowc(&wide, text, left, &in);

		ok = len > 0 && len <= left;
		if (ok) {
			char *at = buf_reserve(to, MB_LEN_MAX);
			size_t made = wcrtomb(at, (wchar_t)towlower_l((wint_t)wide, utf8), &out);

			ok = made != (size_t)-1;
			to->len += ok ? made : 0;
			buf_terminate(to);
			text += len;
			left -= len;
		}
	}
	uselocale(before);
	return ok;
}

char *
casefold(const char *text)
{
	struct buf folded = BUF_INIT;

	if (!is_ascii(text) && text_is_utf8(text, strlen(text)) && fold_wide(text, &folded))
		return buf_detach(&folded);
	buf_release(&folded);
	return text_lower(alloc_string(text));
}
