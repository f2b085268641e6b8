/* SPDX-License-Identifier: ISC */
/*
 * survey: which names of main.cf and of -o settings in master.cf mean something.
 *
 * A name is known when the system has such a parameter, or when main.cf sets it and some value there, or of a
 * -o setting, refers to it. A service's own setting is known, too, when main.cf or that service refers to it.
 */
#ifndef POSTCONF_SURVEY_H
#define POSTCONF_SURVEY_H

#include <stdbool.h>
#include <stddef.h>

struct entry_list;
struct err;
struct maincf;
struct survey;

/* Walks every value of `cf` and `services`. References to nothing and what cannot be parsed are warned about.
 * Borrows all three; freed by the caller. */
struct survey *survey_new(const struct maincf *cf, const struct entry_list *services, const char *dir);
void survey_free(struct survey *survey);

bool survey_knows(const struct survey *survey, const char *name);

/* Set by the program, never by main.cf. */
bool survey_is_read_only(const char *name);

/* Warn about settings that mean nothing, in the order of the file. */
void survey_warn_unused_in_main(const struct survey *survey);
void survey_warn_unused_in_services(const struct survey *survey);

/* Expands every parameter of the system, set or not, as Postfix's postconf does before it prints. 0 or -1. */
int survey_check(struct maincf *cf, struct err *err) __attribute__((warn_unused_result));

#endif
