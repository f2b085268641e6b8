/* SPDX-License-Identifier: ISC */
/*
 * effective: the settings as each service gets them, and where each comes from.
 *
 * A scope is main.cf with the -o settings of one service over it; the first scope is main.cf alone.
 */
#ifndef TLSCHECK_EFFECTIVE_H
#define TLSCHECK_EFFECTIVE_H

#include <stdbool.h>
#include <stddef.h>

struct effective;
struct err;
struct finding;
struct maincf;
struct mastercf_entry;
struct scope;
struct table;

/* What the installation is like. All is borrowed. */
struct effective_site {
	const char *config_directory;
	const char *option;           /* what postconf needs to find it, "-c DIR " or "" */
	const struct table *defaults; /* parameters the installed mail system knows, to their defaults */
};

/* Reads main.cf and master.cf. NULL with err. Freed by the caller. */
struct effective *effective_new(const struct effective_site *site, struct err *err);
void effective_free(struct effective *effective);

/* Scopes are those of main.cf and of all services in the order of master.cf. */
size_t effective_count(const struct effective *effective);
struct scope *effective_scope(const struct effective *effective, size_t index);

/* main.cf and master.cf, with the directory. */
const char *effective_main_path(const struct effective *effective);
const char *effective_master_path(const struct effective *effective);

/* The first service of a program or NULL. */
struct scope *effective_find(const struct effective *effective, const char *program);

/* One assignment in main.cf; all of them, also those that a later one overrides, in the order of the file. */
struct effective_line {
	const char *name;
	const char *value;
	int line;
};

const struct effective_line *effective_line(const struct effective *effective, size_t index);

/* The installed mail system has such a parameter, or would pass one of this name. */
bool effective_knows(const struct effective *effective, const char *name);

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
