/* SPDX-License-Identifier: ISC */
/*
 * config_trust: which configuration a program believes that runs with more rights than its caller has.
 *
 * Such a program, set-group-id for instance, reads the directory that is built in, or one that main.cf there
 * names in alternate_config_directories or multi_instance_directories: word for word, in any of their
 * settings, without expansion.
 */
#ifndef MAIL_CONFIG_TRUST_H
#define MAIL_CONFIG_TRUST_H

struct err;

/* 0: `dir` may be read. -1: it may not; Postfix's words are in the log and in `err`. */
int config_trust_check(const char *dir, struct err *err) __attribute__((warn_unused_result));

#endif
