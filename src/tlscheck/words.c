/* SPDX-License-Identifier: ISC */
#include "tlscheck/words.h"

#include <string.h>

#include "tls/protocol.h"
#include "util/buf.h"
#include "util/text.h"

unsigned int
words_protocols(const struct protocol_set *set)
{
	static const struct {
		unsigned int bit;
		int wire;
	} protocols[] = { { PROTOCOL_SSLV3, 0x0300 }, { PROTOCOL_TLSV1, 0x0301 },
		{ PROTOCOL_TLSV1_1, 0x0302 }, { PROTOCOL_TLSV1_2, 0x0303 }, { PROTOCOL_TLSV1_3, 0x0304 } };
	unsigned int usable = 0;

	for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++) {
		int wire = protocols[i].wire;

		if (!(set->excluded & protocols[i].bit) && (set->floor == 0 || wire >= set->floor) &&
		    (set->ceiling == 0 || wire <= set->ceiling))
			usable |= protocols[i].bit;
	}
	return usable;
}

bool
words_has_hole(unsigned int protocols)
{
	if (protocols == 0)
		return false;
	/* Without the zeros at its end, a run of ones is one less than a power of two. */
	while (!(protocols & 1))
		protocols >>= 1;
	return (protocols & (protocols + 1)) != 0;
}

static bool
is_operator(const char *word, size_t len)
{
	return len == 2 && (*word == '>' || *word == '<') && word[1] == '=';
}

bool
words_has_lone_operator(const char *list)
{
	const char *word;
	size_t len;

	while ((word = text_token(&list, ", \t\r\n:", &len)))
		if (is_operator(word, len))
			return true;
	return false;
}

char *
words_joined(const char *list)
{
	struct buf joined = BUF_INIT;
	const char *word;
	bool open = true;
	size_t len;

	while ((word = text_token(&list, ", \t\r\n:", &len))) {
		buf_printf(&joined, "%s%.*s", open ? "" : ", ", (int)len, word);
		open = is_operator(word, len);
	}
	buf_add_str(&joined, "");
	return buf_detach(&joined);
}

char *
words_without(const char *list, const char *unary)
{
	struct buf plain = BUF_INIT;
	const char *word;
	size_t len;

	while ((word = text_token(&list, ", \t\r\n:", &len))) {
		size_t skipped = strspn(word, unary);

		if (skipped < len)
			buf_printf(&plain, "%s%.*s", plain.len > 0 ? ", " : "", (int)(len - skipped),
			    word + skipped);
	}
	buf_add_str(&plain, "");
	return buf_detach(&plain);
}
