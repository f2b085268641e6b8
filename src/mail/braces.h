/* SPDX-License-Identifier: ISC */
/*
 * braces: words in which braces keep together what belongs together: separators inside them do not count.
 */
#ifndef MAIL_BRACES_H
#define MAIL_BRACES_H

struct err;

/* The next word, in a copy to be freed, moving *at behind it; NULL at the end. What is behind a brace that is
 * never closed is one word. */
char *braces_next_word(const char **at, const char *separators);

/* The brace that closes the one `text` begins with; NULL: none does. */
const char *braces_end(const char *text);

/* What a word in braces holds, without white space at its ends; any other word is itself. Works in place. -1:
 * a brace is missing or something is behind it, and *inside is what there is up to there. */
int braces_take_off(char *word, char **inside, struct err *err) __attribute__((warn_unused_result));

#endif
