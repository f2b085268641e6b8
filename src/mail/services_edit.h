/* SPDX-License-Identifier: ISC */
/*
 * services_edit: changes master.cf: whole entries, their fields, their -o settings.
 *
 * An entry that is changed is written anew, in columns; comments inside it come before it, or behind one that
 * is replaced as a whole. All other lines stay as they are.
 */
#ifndef MAIL_SERVICES_EDIT_H
#define MAIL_SERVICES_EDIT_H

struct config_replace_expected;
struct err;

enum services_edit_kind { SERVICES_SET, SERVICES_REMOVE, SERVICES_COMMENT };

/* `what` is 'M', 'F' or 'P', as the option; `texts` are requests as a user types them: SERVICE/TYPE=LINE,
 * SERVICE/TYPE/FIELD=VALUE, SERVICE/TYPE/NAME=VALUE to set, without "=..." otherwise. 0, or -1 and
 * DIR/master.cf is what it was. `expected` is that of config_replace(), and may be NULL. */
int services_edit(const char *dir, char what, enum services_edit_kind kind, char **texts, int count,
    const struct config_replace_expected *expected, struct err *err) __attribute__((warn_unused_result));

#endif
