/* SPDX-License-Identifier: ISC */
/*
 * options: the arguments of a subcommand: one-letter options as they always were, and words that all share.
 */
#ifndef POSTFIX_TLS_OPTIONS_H
#define POSTFIX_TLS_OPTIONS_H

#include <stdbool.h>

struct options {
	bool json;   /* --json: the result as a document on standard output */
	bool strict; /* --strict: what would be warned about is refused */
	bool force;  /* --force: what would be refused is done with a warning, where that is sane */
};

/* What a subcommand takes besides its letters. */
enum options_words { OPTIONS_JSON = 1, OPTIONS_CHECKS = 2 /* --strict, --force */ };

/* As getopt(3): the next letter, -1 at the end, '?' when the arguments make no sense. Words go to `options`.
 */
int options_next(int argc, char **argv, const char *letters, int words, struct options *options);

#endif
