/* SPDX-License-Identifier: ISC */
/*
 * environment: what the programs of one instance inherit from each other, and nothing else.
 */
#ifndef MAIL_ENVIRONMENT_H
#define MAIL_ENVIRONMENT_H

struct err;
struct maincf;

/*
 * Keeps the variables that `list` (import_environment) names, sets those it gives as NAME=VALUE, and removes
 * all others. A word in braces is one item, so that a value may hold blanks. 0, or -1 with the environment
 * unchanged.
 */
int environment_import(const char *list, struct err *err) __attribute__((warn_unused_result));

/* MAIL_CONFIG, MAIL_LOGTAG and, if there is a maillog_file, POSTLOG_SERVICE and POSTLOG_HOSTNAME. */
int environment_export(struct maincf *cf, const char *config_directory, struct err *err)
    __attribute__((warn_unused_result));

/* setenv() that ends the process when memory is out. */
void environment_set(const char *name, const char *value);

#endif
