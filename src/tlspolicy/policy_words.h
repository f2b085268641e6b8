/* SPDX-License-Identifier: ISC */
/*
 * policy_words: a growing list of strings.
 */
#ifndef TLSPOLICY_POLICY_WORDS_H
#define TLSPOLICY_POLICY_WORDS_H

#include <stddef.h>

/* Set up with zeros. */
struct policy_words {
	char **word; /* owned, each one too */
	size_t count;
};

void policy_words_release(struct policy_words *words);

/* Takes `word`. */
void policy_words_take(struct policy_words *words, char *word);

/* Adds the pieces between `separators` that are not empty. */
void policy_words_split(struct policy_words *words, const char *text, const char *separators);

#endif
