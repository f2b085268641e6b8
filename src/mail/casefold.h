/* SPDX-License-Identifier: ISC */
/*
 * casefold: text in which case makes no difference.
 */
#ifndef MAIL_CASEFOLD_H
#define MAIL_CASEFOLD_H

/* A lower-case copy, freed by the caller; of all letters in text that is UTF-8, otherwise of those of ASCII.
 * The first call with other letters reads locale data. */
char *casefold(const char *text);

#endif
