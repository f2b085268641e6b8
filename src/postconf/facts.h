/* SPDX-License-Identifier: ISC */
/*
 * facts: what this build can do, as scripts ask for it: table types, the TLS library.
 */
#ifndef POSTCONF_FACTS_H
#define POSTCONF_FACTS_H

/* Prints the table types, one a line (postconf -m). */
void facts_show_types(void);

/* Prints what `mode` asks about the TLS library (postconf -T). 0, or -1 after a warning about an unknown
 * mode. */
int facts_show_tls(const char *mode) __attribute__((warn_unused_result));

#endif
