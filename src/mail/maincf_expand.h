/* SPDX-License-Identifier: ISC */
/*
 * maincf_expand: the language of $name references in main.cf values.
 *
 *   $$                a dollar sign             $name ${name} $(name)     the value, expanded in turn
 *   ${name?text}      if name is not empty      ${name:text}              if it is
 *   ${name?{a}:{b}}   one or the other          ${{a} == {b}}             "true" or nothing; also != < <= >
 * >=,
 *   ${{a} <level {b} ? {c} : {d}}               and any of these with "level", for compatibility levels
 *
 * Text comes from the administrator, so what is wrong with it is logged, as Postfix words it, when it is
 * found. Nesting, the number of steps and the size of the result are bounded.
 */
#ifndef MAIL_MAINCF_EXPAND_H
#define MAIL_MAINCF_EXPAND_H

#include <stdbool.h>

struct buf;
struct err;

/* The unexpanded value of `name`; NULL when there is none. *is_default, false on entry, is set when a
 * condition must look at the expanded value instead of at this text. */
typedef const char *(*maincf_expand_lookup_fn)(const char *name, bool *is_default, void *context);

/* Appends the expansion of `text`. On -1 the reason has been logged, `err` reads "macro processing error",
 * and `value` may hold a part; only a number that is too big is not logged but put in `err`. */
int maincf_expand_text(const char *text, maincf_expand_lookup_fn lookup, void *context, struct buf *value,
    struct err *err) __attribute__((warn_unused_result));

/* Calls `visit` with each name that `text` refers to, whether or not a condition selects it. Not those in
 * their values. -1: as above; names before the error have been visited. */
typedef void (*maincf_expand_visit_fn)(const char *name, void *context);
int maincf_expand_names(const char *text, maincf_expand_visit_fn visit, void *context)
    __attribute__((warn_unused_result));

#endif
