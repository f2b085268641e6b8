/* SPDX-License-Identifier: ISC */
#include "tlspolicy/policy_words.h"

#include <stdlib.h>

#include "util/alloc.h"
#include "util/text.h"

void
policy_words_release(struct policy_words *words)
{
	for (size_t i = 0; i < words->count; i++)
		free(words->word[i]);
	free(words->word);
	*words = (struct policy_words){ 0 };
}

void
policy_words_take(struct policy_words *words, char *word)
{
	words->word = alloc_resize(words->word, words->count + 1, sizeof *words->word);
	words->word[words->count++] = word;
}

void
policy_words_split(struct policy_words *words, const char *text, const char *separators)
{
	const char *word;
	size_t len;

	while ((word = text_token(&text, separators, &len)) != NULL)
		policy_words_take(words, alloc_string_n(word, len));
}
