/* SPDX-License-Identifier: ISC */
/*
 * finding: what a check has to say: which kind, where, what, why, and what mends it.
 *
 * All functions take a NULL finding, which is what a repetition is.
 */
#ifndef TLSCHECK_FINDING_H
#define TLSCHECK_FINDING_H

#include <stdbool.h>
#include <stddef.h>

struct finding_list;

enum finding_severity {
	FINDING_NOTE,
	FINDING_WARNING,
	FINDING_UNKNOWN, /* it could not be looked at: there may be an error */
	FINDING_ERROR,
};

enum finding_step_kind {
	FINDING_SET,            /* a parameter in main.cf */
	FINDING_REMOVE,         /* likewise */
	FINDING_SERVICE_SET,    /* a parameter of a service in master.cf */
	FINDING_SERVICE_REMOVE, /* likewise */
	FINDING_MODE,           /* of a file */
	FINDING_POSTMAP,        /* an index is made anew */
};

struct finding_step {
	enum finding_step_kind kind;
	char *name;  /* parameter, SERVICE/TYPE/parameter, path or TYPE:PATH; owned */
	char *value; /* of a parameter, mode as chmod has it, options of postmap; owned */
};

struct finding {
	const char *id;
	enum finding_severity severity;
	char *where;                /* FILE:LINE, a file, or a name; owned */
	char *what;                 /* owned */
	char *why;                  /* owned */
	char *command;              /* what mends it; "": nothing that could be named; owned */
	struct finding_step *steps; /* what is safe to be done without a look; owned */
	size_t step_count;
};

struct finding_list *finding_list_new(void);
void finding_list_free(struct finding_list *findings);

size_t finding_list_count(const struct finding_list *findings);
const struct finding *finding_list_at(const struct finding_list *findings, size_t index);
size_t finding_list_of(const struct finding_list *findings, enum finding_severity severity);

/* Errors come first then, and notes last. */
void finding_list_sort(struct finding_list *findings);

/* Adds one of a kind that findkind has. NULL when the same was found in the same place before. */
struct finding *finding_add(struct finding_list *findings, const char *id, const char *where,
    const char *what, ...) __attribute__((format(printf, 4, 5)));

/* Instead of the reason of its kind. */
void finding_because(struct finding *finding, const char *why, ...) __attribute__((format(printf, 2, 3)));

void finding_set_severity(struct finding *finding, enum finding_severity severity);

/* Adds a command, after " && " if there is one. */
void finding_mend(struct finding *finding, const char *command, ...) __attribute__((format(printf, 2, 3)));

/* Notes that a step of that command can be taken by this program. `value` may be NULL. */
void finding_step(struct finding *finding, enum finding_step_kind kind, const char *name, const char *value);

/* chmod, as a command and as a step. */
void finding_mend_mode(struct finding *finding, const char *path, const char *mode);

/* A word for the shell. Freed by the caller. */
char *finding_quote(const char *text);

/* "note", "warning", "unknown", "error" */
const char *finding_severity_name(enum finding_severity severity);

#endif
