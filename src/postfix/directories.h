/* SPDX-License-Identifier: ISC */
/*
 * directories: those a running system needs, and who may write into them.
 */
#ifndef POSTFIX_DIRECTORIES_H
#define POSTFIX_DIRECTORIES_H

struct err;
struct instance;

/* Makes what is missing. What is there stays as it is. 0 or -1. */
int directories_create(const struct instance *instance, struct err *err) __attribute__((warn_unused_result));

/* Logs a warning for each that is not as it should be. */
void directories_check(const struct instance *instance);

#endif
