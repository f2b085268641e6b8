/* SPDX-License-Identifier: ISC */
/*
 * postconf: the only way main.cf is read or changed.
 *
 * It is read once, in process: a postconf(1) for each question would take longer than all the rest, and each
 * waits while main.cf is younger than a second or two. Defaults are those postfix(1) put into the
 * environment, then our own; only a value that refers to a parameter neither knows is asked of the installed
 * postconf(1). What is said of main.cf goes to standard error, not to the log: every daemon says it there
 * anyway.
 */
#ifndef POSTFIX_TLS_POSTCONF_H
#define POSTFIX_TLS_POSTCONF_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct err;
struct maincf;
struct postconf;

struct postconf_setting {
	const char *name;
	const char *value; /* literally: a file name goes through postconf_quote() */
};

/* Reads the main.cf of `config_directory`; `quiet`: nothing is said of it. NULL with err. Freed by the
 * caller. */
struct postconf *postconf_new(
    const char *command_directory, const char *config_directory, bool quiet, struct err *err);
void postconf_free(struct postconf *postconf);

/* Appends the effective value, expanded; nothing when it is empty. */
int postconf_value(struct postconf *postconf, const char *name, struct buf *value, struct err *err)
    __attribute__((warn_unused_result));

/* What main.cf says, unexpanded; NULL when it does not set `name`. Borrowed. */
const char *postconf_raw(const struct postconf *postconf, const char *name);

/* main.cf as it was read. Borrowed. */
const char *postconf_text(const struct postconf *postconf);

/* For those who read main.cf by themselves, such as the log. Borrowed. */
struct maincf *postconf_maincf(struct postconf *postconf);

/* 1: `word` is among the table types that the installed Postfix has. 0: not. -1: err. */
int postconf_has_type(struct postconf *postconf, const char *word, struct err *err)
    __attribute__((warn_unused_result));

/* Appends all that the installed postconf prints with this option; nothing when there is none. */
int postconf_print(const struct postconf *postconf, const char *option, struct buf *to, struct err *err)
    __attribute__((warn_unused_result));

/* Changes all in one step, unless main.cf is no longer what was read. 0, or -1 with err and nothing changed.
 */
int postconf_edit(struct postconf *postconf, const struct postconf_setting *settings, size_t count,
    struct err *err) __attribute__((warn_unused_result));

/* Appends `text` so that main.cf readers see it unexpanded. */
void postconf_quote(struct buf *to, const char *text);

#endif
