/* SPDX-License-Identifier: ISC */
/*
 * words: what lists of words come to.
 */
#ifndef TLSCHECK_WORDS_H
#define TLSCHECK_WORDS_H

#include <stdbool.h>

struct protocol_set;

/* The protocols that remain, as bits of enum protocol_version; SSLv2 never does. */
unsigned int words_protocols(const struct protocol_set *set);

/* A protocol is missing between two that are there. */
bool words_has_hole(unsigned int protocols);

/* ">=" or "<=" is a word by itself, which sets no limit. */
bool words_has_lone_operator(const char *list);

/* The list, without blanks behind these. Freed by the caller. */
char *words_joined(const char *list);

/* The list, its words without any of these characters in front. Freed by the caller. */
char *words_without(const char *list, const char *unary);

#endif
