/* SPDX-License-Identifier: ISC */
/*
 * group: which key exchange groups are offered or accepted.
 */
#ifndef TLS_GROUP_H
#define TLS_GROUP_H

struct ssl_ctx_st;

/*
 * `curves` is tls_eecdh_auto_curves. `ffdhe` is tls_ffdhe_auto_groups; NULL: the rules of Postfix 3.7, which
 * has no such parameter. What cannot be used is logged; in the worst case the library's own choice stays.
 */
void group_configure(struct ssl_ctx_st *ctx, const char *curves, const char *ffdhe);

#endif
