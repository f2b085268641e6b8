/* SPDX-License-Identifier: ISC */
/*
 * scope: main.cf with the -o settings of one service over it, and where each setting comes from; or main.cf
 * alone.
 */
#ifndef TLSCHECK_SCOPE_H
#define TLSCHECK_SCOPE_H

#include <stdbool.h>

struct buf;
struct effective;
struct err;
struct finding;
struct maincf;
struct mastercf_entry;
struct scope;

/* Of the text of main.cf, and `entry` or NULL: main.cf alone. `effective` and `entry` are borrowed for as
 * long as the scope lasts, the text for the call. NULL with err. Freed by the caller. */
struct scope *scope_new(const struct effective *effective, const struct mastercf_entry *entry,
    const struct buf *text, struct err *err);
void scope_free(struct scope *scope);

/* NULL for main.cf alone. */
const struct mastercf_entry *scope_entry(const struct scope *scope);

/* Its program by name, without directory; "" for main.cf alone. */
const char *scope_program(const struct scope *scope);

/* Its settings, to be loaded from. */
struct maincf *scope_maincf(const struct scope *scope);

/* The expanded value; "" when there is none or it cannot be expanded. Borrowed from the scope. */
const char *scope_value(struct scope *scope, const char *name);

/* 1: true. 0: false, also when it is no word for either. */
bool scope_is_yes(struct scope *scope, const char *name);

/* The two put together, for as long as the scope lasts. */
const char *scope_name(const struct scope *scope, const char *prefix, const char *rest);

/* Unexpanded, as set with -o or in main.cf; NULL when it is set in neither. */
const char *scope_raw(const struct scope *scope, const char *name);

/* Set with -o for this service. */
bool scope_overrides(const struct scope *scope, const char *name);

/* Where master.cf has the service: FILE:LINE. Not for main.cf alone. Freed by the caller. */
char *scope_line(const struct scope *scope);

/* The parameter whose text decides about `name`: itself if it is set, else the one its default is a mere
 * reference to, and so on. Borrowed. */
const char *scope_source(const struct scope *scope, const char *name);

/* Where that text is: FILE:LINE; main.cf when it is a default. Freed by the caller. */
char *scope_where(const struct scope *scope, const char *name);

/* Adds a command to a finding that gives `name` a value, or takes its text away, there; `safe` also as a step
 * that can be taken by this program. scope_mend_service: in master.cf, whether or not it is set there. */
void scope_mend_service(
    const struct scope *scope, struct finding *finding, const char *name, const char *value, bool safe);
void scope_mend_set(
    const struct scope *scope, struct finding *finding, const char *name, const char *value, bool safe);
void scope_mend_remove(const struct scope *scope, struct finding *finding, const char *name, bool safe);

#endif
