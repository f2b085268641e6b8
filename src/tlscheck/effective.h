/* SPDX-License-Identifier: ISC */
/*
 * effective: main.cf and master.cf, and the settings as each service gets them.
 */
#ifndef TLSCHECK_EFFECTIVE_H
#define TLSCHECK_EFFECTIVE_H

#include <stdbool.h>
#include <stddef.h>

struct effective;
struct err;
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

/* Scopes are those of main.cf alone, the first, and of all services in the order of master.cf. Borrowed. */
size_t effective_count(const struct effective *effective);
struct scope *effective_scope(const struct effective *effective, size_t index);

/* As given. Borrowed. */
const struct effective_site *effective_site(const struct effective *effective);

/* main.cf and master.cf, with the directory. Borrowed. */
const char *effective_main_path(const struct effective *effective);
const char *effective_master_path(const struct effective *effective);

/* The first service of a program or NULL. Borrowed. */
struct scope *effective_find(const struct effective *effective, const char *program);

/* One assignment in main.cf; all of them, also those that a later one overrides, in the order of the file. */
struct effective_line {
	const char *name;
	const char *value;
	int line;
};

const struct effective_line *effective_line(const struct effective *effective, size_t index);

/* The line of the assignment that decides, the last one; 0: there is none. */
int effective_line_of(const struct effective *effective, const char *name);

/* The installed mail system has such a parameter, or would pass one of this name. */
bool effective_knows(const struct effective *effective, const char *name);

#endif
