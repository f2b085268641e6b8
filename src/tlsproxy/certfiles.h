/* SPDX-License-Identifier: ISC */
/*
 * certfiles: what is in certain files, as of the last look at all of them.
 *
 * Files are read through an opener, so jail and rights stay as they are, and changes in their directories are
 * watched. Content is at hand only between a look and certfiles_forget(). Of a directory it is noticed when
 * names come and go.
 */
#ifndef TLSPROXY_CERTFILES_H
#define TLSPROXY_CERTFILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct certfiles;
struct err;
struct event_base;

struct certfiles_name {
	const char *path;
	bool needed; /* else it may be unreadable or incomplete */
};

/* Any of them may free the files; `looked` may begin the next look. */
struct certfiles_handler {
	void (*looked)(void *context);  /* a look has ended */
	void (*changed)(void *context); /* it is worth a look */
	void (*gone)(void *context);    /* the opener has ended: no look will end any more */
	void *context;
};

/* As root: forks the opener, begins to watch the directories, and looks; returns when that is done. Names and
 * handler are copied; only `gone` is called before it returns. NULL with `err`. */
struct certfiles *certfiles_new(struct event_base *base, const struct certfiles_name *names, size_t count,
    const struct certfiles_handler *handler, struct err *err);
void certfiles_free(struct certfiles *files);

/* Begins a look, of which there is one at a time. `content`: all that is in them is wanted, not only what is
 * new. */
void certfiles_look(struct certfiles *files, bool content);

/* Wipes the content, unless the next look has begun. */
void certfiles_forget(struct certfiles *files);

/* NULL: none is under way. */
const char *certfiles_looking_at(const struct certfiles *files);

/* Was the last look for all content? */
bool certfiles_has_content(const struct certfiles *files);

/* The same number: the same content or errors. */
uint64_t certfiles_state(const struct certfiles *files);

/* Each file that is needed can be read and ends where PEM may end. 0 or -1. */
int certfiles_check(const struct certfiles *files, struct err *err) __attribute__((warn_unused_result));

/* What they hold now is in service. */
void certfiles_mark(struct certfiles *files);

/* Since then one was rewritten in its place, and has fewer PEM blocks now. */
bool certfiles_is_shorter(const struct certfiles *files);

/* Does the text have the name of a file that is needed? */
bool certfiles_in_text(const struct certfiles *files, const char *text, size_t len);

/* A chain_read_fn; `files` is the struct. */
int certfiles_read(const char *path, struct buf *to, void *files);

#endif
