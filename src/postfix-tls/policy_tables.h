/* SPDX-License-Identifier: ISC */
/*
 * policy_tables: the tables and files that a policy is found with, as the client would read them.
 *
 * What tables say of themselves goes to standard error: it is for who asks, not for the mail log.
 */
#ifndef POSTFIX_TLS_POLICY_TABLES_H
#define POSTFIX_TLS_POLICY_TABLES_H

struct buf;
struct err;
struct policy_settings;
struct policy_tables;

/* NULL: there is one that only the installed Postfix can read. Freed by the caller. */
struct policy_tables *policy_tables_new(const struct policy_settings *settings, struct err *err);
void policy_tables_free(struct policy_tables *tables);

/* For policy_request.h; the context is the tables. */
int policy_tables_look_up(const char *parameter, const char *key, struct buf *value, void *context);
int policy_tables_find_anchors(const char *file, void *context, struct err *err);

/* Ends log_divert() into `said`, and prints it. */
void policy_tables_pass_on(struct buf *said);

#endif
