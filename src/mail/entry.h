/* SPDX-License-Identifier: ISC */
/*
 * entry: a service in master.cf as postconf shows and rewrites it.
 *
 * mastercf judges what a service is; here the text of its fields is kept as it was written. Arguments are
 * taken apart as far as their -o settings need it: options that stand together are separated ("-vo a=b" is
 * "-v -o a=b"), and braces around an argument are taken off, to come back where they are needed.
 */
#ifndef MAIL_ENTRY_H
#define MAIL_ENTRY_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct err;
struct listing_line;
struct maincf;
struct table;

enum entry_field {
	ENTRY_SERVICE,
	ENTRY_TYPE,
	ENTRY_PRIVATE,
	ENTRY_UNPRIVILEGED,
	ENTRY_CHROOT,
	ENTRY_WAKEUP,
	ENTRY_PROCESS_LIMIT,
	ENTRY_COMMAND, /* with its arguments */
	ENTRY_FIELDS
};

extern const char *const entry_field_names[ENTRY_FIELDS];

/* An argument. */
struct entry_word {
	const char *option; /* "-o": `text` is its value; "-", likewise, means nothing; NULL */
	char *text;         /* owned */
};

struct entry {
	char *fields[ENTRY_FIELDS]; /* owned; of the last one the command's name */
	struct entry_word *words;   /* owned */
	size_t count;
	size_t options; /* words before the first that is no option */
};

/* Of a logical line. NULL with Postfix's words in `err`; "bad field count" is all of them then. Freed by the
 * caller. */
struct entry *entry_new(const char *line, struct err *err);
struct entry *entry_copy(const struct entry *entry);
void entry_free(struct entry *entry);

/* 0, or -1: no such field can have that value. */
int entry_set_field(struct entry *entry, enum entry_field field, const char *value, struct err *err)
    __attribute__((warn_unused_result));

/* What its -o options set: values, borrowed, by name; the last one of a name counts. Freed by the caller. */
struct table *entry_settings(const struct entry *entry);

/* The value that counts, the last one; NULL: not set. Borrowed. */
const char *entry_value(const struct entry *entry, const char *name);

/* Sets every -o of that name, or adds one behind the options. */
void entry_set_value(struct entry *entry, const char *name, const char *value);
void entry_remove_value(struct entry *entry, const char *name);

/* Expands the values of all -o, as the service sees them. 0 or -1. */
int entry_expand(struct entry *entry, struct maincf *cf, struct err *err) __attribute__((warn_unused_result));

/* Appends the line, or with `fold` lines, in columns. */
void entry_put(const struct entry *entry, bool fold, struct buf *to);

/* The words of command and arguments. */
void entry_put_command(const struct entry *entry, struct listing_line *line);

/* The services of DIR/master.cf. */
struct entry_list {
	struct entry **entries; /* owned, each */
	size_t count;
};

/* 0; 1: the file cannot be read, and `err` says why; -1: it is wrong. */
int entry_list_load(struct entry_list *list, const char *dir, struct err *err)
    __attribute__((warn_unused_result));
void entry_list_release(struct entry_list *list);

#endif
