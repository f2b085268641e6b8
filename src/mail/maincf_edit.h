/* SPDX-License-Identifier: ISC */
/*
 * maincf_edit: changes settings in main.cf and leaves every other byte alone.
 *
 * Comments and blank lines stay where they are. The file is replaced in one step; editors, Postfix's
 * included, take turns by a lock on main.cf.tmp. As with Postfix the new file belongs to the caller and has
 * mode 0644 and is no link, unless asked otherwise. What is not yet in the file goes behind its end, in byte
 * order of the names; a last line without newline is completed first.
 */
#ifndef MAIL_MAINCF_EDIT_H
#define MAIL_MAINCF_EDIT_H

#include <stddef.h>

struct buf;
struct err;
struct maincf_edit;

enum maincf_edit_kind { MAINCF_EDIT_SET, MAINCF_EDIT_REMOVE, MAINCF_EDIT_COMMENT };

/* An edit without requests. Freed by the caller. */
struct maincf_edit *maincf_edit_new(enum maincf_edit_kind kind);
void maincf_edit_free(struct maincf_edit *edit);

/* Adds a request as a user types it: "name = value" to set, a name otherwise. A name that was there before is
 * warned about, and the later request counts. 0 or -1. */
int maincf_edit_request(struct maincf_edit *edit, const char *text, struct err *err)
    __attribute__((warn_unused_result));

/*
 * From now on: if the file does not hold these bytes (borrowed) any more, nothing is changed; and it keeps
 * its mode and owner, and its place if main.cf is a link.
 */
void maincf_edit_carefully(struct maincf_edit *edit, const void *bytes, size_t len);

/* Edits DIR/main.cf. Settings that occur more than once are warned about. 0, or -1 and the file is what it
 * was. */
int maincf_edit_apply(struct maincf_edit *edit, const char *dir, struct err *err)
    __attribute__((warn_unused_result));

/* The same in memory: appends the new text; `path` is for warnings. */
void maincf_edit_text(
    struct maincf_edit *edit, const char *path, const void *bytes, size_t len, struct buf *to);

#endif
