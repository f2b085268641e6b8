/* SPDX-License-Identifier: ISC */
/*
 * fix: takes the steps that findings offer: settings of main.cf and master.cf, modes of files, tables made
 * anew.
 */
#ifndef POSTFIX_TLS_FIX_H
#define POSTFIX_TLS_FIX_H

#include <stdbool.h>

struct err;
struct finding_list;
struct site;

/*
 * One finding after the other. `yes`: all of them. Otherwise the terminal is asked about each; without one it
 * is only said what would be done. 0; or -1 when a step failed, no further was taken, and what is left was
 * said.
 */
int fix_all(const struct site *site, const struct finding_list *findings, bool yes, struct err *err)
    __attribute__((warn_unused_result));

#endif
