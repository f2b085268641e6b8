/* SPDX-License-Identifier: ISC */
/*
 * cipher: from a cipher grade and exclusions to OpenSSL's cipher list.
 */
#ifndef TLS_CIPHER_H
#define TLS_CIPHER_H

struct buf;
struct err;

/* The tls_*_cipherlist parameters. `low` or `export` NULL: that grade is medium, as from Postfix 3.8 on. */
struct cipher_grades {
	const char *high;
	const char *medium;
	const char *low;
	const char *export;
	const char *null;
};

/* Replaces `list`. 0, or -1 with the words that follow "NAMADDR: " in the warning. */
int cipher_list(struct buf *list, const struct cipher_grades *grades, const char *grade,
    const char *exclusions, struct err *err) __attribute__((warn_unused_result));

#endif
