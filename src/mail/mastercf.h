/* SPDX-License-Identifier: ISC */
/*
 * mastercf: master.cf: the services a system consists of.
 *
 * Only the text is judged here: host names are not looked up and no file but master.cf is touched. Of entries
 * with the same endpoint and type the last one counts.
 */
#ifndef MAIL_MASTERCF_H
#define MAIL_MASTERCF_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct mastercf;

enum mastercf_type { MASTERCF_INET, MASTERCF_UNIX, MASTERCF_FIFO, MASTERCF_PASS, MASTERCF_UNIX_DGRAM };

struct mastercf_entry {
	char *name; /* first field, as written */
	enum mastercf_type type;
	bool is_private;
	bool unprivileged;
	bool chroot;
	int wakeup_s;        /* 0: never */
	bool wakeup_if_used; /* only after the first process was started for another reason */
	int process_limit;   /* 0: none */
	char *command;       /* relative to daemon_directory, or absolute */
	char **args;         /* NULL behind the last */
	size_t arg_count;
	char *host;     /* inet: "" stands for inet_interfaces; NULL for other types */
	char *port;     /* inet: a number or a name; NULL for other types */
	char *endpoint; /* private/NAME, public/NAME, PORT or [HOST]:PORT */
	int line;       /* first line of the entry in the file */
};

struct mastercf_options {
	int default_process_limit;
	bool chroot_default;
	const char *disabled; /* master_service_disable, expanded; "" for none */
};

/* Reads DIR/master.cf. NULL with "DIR/master.cf: line N: ..." in err. Freed by the caller. */
struct mastercf *mastercf_load(const char *dir, const struct mastercf_options *options, struct err *err)
    __attribute__((warn_unused_result));

/* The same from memory; `file` is for messages. */
struct mastercf *mastercf_parse(const char *file, const void *bytes, size_t len,
    const struct mastercf_options *options, struct err *err) __attribute__((warn_unused_result));
void mastercf_free(struct mastercf *mastercf);

/* Active entries in the order of the file. Borrowed; NULL when taken. */
size_t mastercf_count(const struct mastercf *mastercf);
const struct mastercf_entry *mastercf_entry(const struct mastercf *mastercf, size_t index);

/* Takes the entry out: from now on it is the caller's, to be freed with mastercf_entry_free(). */
struct mastercf_entry *mastercf_take(struct mastercf *mastercf, size_t index);
void mastercf_entry_free(struct mastercf_entry *entry);

/* NULL when there is none of that name and type. */
const struct mastercf_entry *mastercf_find(
    const struct mastercf *mastercf, const char *name, enum mastercf_type type);

/* "inet", "unix", ... */
const char *mastercf_type_name(enum mastercf_type type);

#endif
