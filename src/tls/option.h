/* SPDX-License-Identifier: ISC */
/*
 * option: tls_disable_workarounds and tls_ssl_options as OpenSSL option bits.
 */
#ifndef TLS_OPTION_H
#define TLS_OPTION_H

#include <stdint.h>

/* The bits to set on every context. Unknown names are logged and skipped. */
uint64_t option_bits(const char *disable_workarounds, const char *ssl_options);

#endif
