/* SPDX-License-Identifier: ISC */
/*
 * openssl_path: the openssl(1) that an administrator has chosen for "postfix tls".
 *
 * Keys and certificates are made in this process, so a system without that program is none the worse. But a
 * choice that cannot work is said as it always was, and nothing is done: somebody expects that program to be
 * used.
 */
#ifndef POSTFIX_TLS_OPENSSL_PATH_H
#define POSTFIX_TLS_OPENSSL_PATH_H

struct err;

/* Runs it, if the main.cf of the default instance names one. 0, or -1 when it does not work. */
int openssl_path_check(struct err *err) __attribute__((warn_unused_result));

#endif
