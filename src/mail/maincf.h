/* SPDX-License-Identifier: ISC */
/*
 * maincf: main.cf as programs read it: logical lines, assignments, $name expansion.
 */
#ifndef MAIL_MAINCF_H
#define MAIL_MAINCF_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct err;
struct maincf;

/* Unexpanded default of a parameter that main.cf does not set; NULL when it has none. */
typedef const char *(*maincf_default_fn)(const char *name);

/* An empty configuration for directory `dir`. Freed by the caller. */
struct maincf *maincf_new(const char *dir, maincf_default_fn defaults);
void maincf_free(struct maincf *cf);

/* The directory programs use: MAIL_CONFIG, else the one built in. Borrowed. */
const char *maincf_directory(void);

/* What postconf does otherwise than programs: conditions look at the unexpanded text of a default, and an
 * expansion error does not name the dictionary. */
void maincf_behave_as_postconf(struct maincf *cf);

/* Reads DIR/main.cf, unless config_trust has something against it. Warnings (overridden settings, malformed
 * lines) are logged. 0 or -1. */
int maincf_load(struct maincf *cf, struct err *err) __attribute__((warn_unused_result));

/* The same from memory; `bytes` need no zero byte behind them. 0 or -1, and what came before the error stays
 * set. */
int maincf_parse(struct maincf *cf, const void *bytes, size_t len, struct err *err)
    __attribute__((warn_unused_result));

/* Splits "name = value" in place. 0; or -1 with `text` as it was, and in err what is missing. */
int maincf_split(char *text, char **name, char **value, struct err *err) __attribute__((warn_unused_result));

/* A setting that goes over main.cf (-o name=value). */
void maincf_set(struct maincf *cf, const char *name, const char *value);

/* Names that go over all others while the expansion is that of one service; NULL ends it. `fn` returns
 * unexpanded text, or NULL for a name it does not know. */
typedef const char *(*maincf_scope_fn)(const char *name, void *context);
void maincf_set_scope(struct maincf *cf, maincf_scope_fn fn, void *context);

/* A default that goes before those of maincf_new(): what another installation would have. */
void maincf_set_default(struct maincf *cf, const char *name, const char *value);

/* The unexpanded text from -o or main.cf; NULL when the name is not set there. Borrowed. */
const char *maincf_raw(const struct maincf *cf, const char *name);

/* The expanded value, or the expanded default, appended to `value`. 1: there is one. 0: the name is
 * unknown (nothing appended). -1: expansion failed (recursion, syntax). */
int maincf_lookup(struct maincf *cf, const char *name, struct buf *value, struct err *err)
    __attribute__((warn_unused_result));

/* Expands $name, ${name?text}, ${name:text}, ${{a} == {b} ? {c} : {d}} in `text`. 0 or -1. */
int maincf_expand(struct maincf *cf, const char *text, struct buf *value, struct err *err)
    __attribute__((warn_unused_result));

/* Names set in main.cf or with -o, in the order of the file; *at starts at 0; NULL at the end. */
const char *maincf_next(const struct maincf *cf, size_t *at);

#endif
