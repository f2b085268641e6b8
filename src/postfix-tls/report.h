/* SPDX-License-Identifier: ISC */
/*
 * report: where this command's messages go: to standard error, terminal or not, and to the mail log.
 */
#ifndef POSTFIX_TLS_REPORT_H
#define POSTFIX_TLS_REPORT_H

struct maincf;

/* From what postfix(1) put into the environment. */
void report_start(void);

/* What main.cf says of the log from now on. */
void report_configure(struct maincf *cf);

#endif
