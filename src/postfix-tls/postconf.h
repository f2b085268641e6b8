/* SPDX-License-Identifier: ISC */
/*
 * postconf: the only way main.cf is read or changed: the postconf(1) program of the command directory.
 *
 * What postconf says on its standard error is passed on, each distinct line once.
 */
#ifndef POSTFIX_TLS_POSTCONF_H
#define POSTFIX_TLS_POSTCONF_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct err;
struct postconf;

struct postconf_setting {
	const char *name;
	const char *value; /* literally: a file name goes through postconf_quote() */
};

/* Reads and changes the main.cf of `config_directory`. Freed by the caller. */
struct postconf *postconf_new(const char *command_directory, const char *config_directory);
void postconf_free(struct postconf *postconf);

/* Appends the effective value, expanded; nothing when it is empty. */
int postconf_value(struct postconf *postconf, const char *name, struct buf *value, struct err *err)
    __attribute__((warn_unused_result));

/* 1: main.cf sets one of `names` (NULL at the end) to something that is not empty. 0: none. -1: err. */
int postconf_any_set(struct postconf *postconf, const char *const *names, struct err *err)
    __attribute__((warn_unused_result));

/* 1: `word` is a line of what postconf prints with these options ("-m", "-T public-key-algorithms"). 0: not.
 * -1: err. `argument` may be NULL. */
int postconf_lists(struct postconf *postconf, const char *option, const char *argument, const char *word,
    struct err *err) __attribute__((warn_unused_result));

/* Appends the value in the main.cf of the default instance. False, quietly, when there is none to be had. */
bool postconf_default_instance(struct postconf *postconf, const char *name, struct buf *value);

/* Changes all in one step. 0, or -1 after postconf has told why on standard error. */
int postconf_edit(struct postconf *postconf, const struct postconf_setting *settings, size_t count)
    __attribute__((warn_unused_result));

/* Appends `text` so that main.cf readers see it unexpanded. */
void postconf_quote(struct buf *to, const char *text);

#endif
