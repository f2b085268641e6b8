/* SPDX-License-Identifier: ISC */
/*
 * loglevel: the words of the *_tls_loglevel parameters as a mask of what to log.
 */
#ifndef TLS_LOGLEVEL_H
#define TLS_LOGLEVEL_H

enum loglevel_bit {
	LOGLEVEL_SUMMARY = 1 << 0, /* one line a handshake */
	LOGLEVEL_UNTRUSTED = 1 << 1,
	LOGLEVEL_PEERCERT = 1 << 2,
	LOGLEVEL_CERTMATCH = 1 << 3,
	LOGLEVEL_VERBOSE = 1 << 4,
	LOGLEVEL_CACHE = 1 << 5,
	LOGLEVEL_DANE = 1 << 6,
	LOGLEVEL_SSL_DEBUG = 1 << 7,         /* states of the handshake */
	LOGLEVEL_HANDSHAKE_PACKETS = 1 << 8, /* hex dump while the handshake lasts */
	LOGLEVEL_SESSION_PACKETS = 1 << 9,   /* and after it */
};

/*
 * The union of all words of `value`, the value of parameter `param`. One unknown word is warned about and
 * turns everything off: the result is 0.
 */
unsigned int loglevel_parse(const char *param, const char *value);

#endif
