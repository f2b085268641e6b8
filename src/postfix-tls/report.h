/* SPDX-License-Identifier: ISC */
/*
 * report: where this command's messages go: to standard error at once, and to the mail log.
 *
 * The log is reached through postlog(1), which knows facility, log file and postlogd. Lines of one level
 * that follow each other are handed over together.
 */
#ifndef POSTFIX_TLS_REPORT_H
#define POSTFIX_TLS_REPORT_H

/* Becomes the sink of util/log. What is still held back is handed over at exit. */
void report_start(const char *command_directory);

/* Hands over now: before something that may not come back. */
void report_flush(void);

#endif
