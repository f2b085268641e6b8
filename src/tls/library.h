/* SPDX-License-Identifier: ISC */
/*
 * library: OpenSSL as a whole: start-up, version check, the error queue in words.
 */
#ifndef TLS_LIBRARY_H
#define TLS_LIBRARY_H

/*
 * Starts the library with `tls_config_file` and `tls_config_name` (NULL: "default" and ""). A second call
 * does nothing. 0, or -1 after logging why TLS is off.
 */
int library_init(const char *config_file, const char *config_name) __attribute__((warn_unused_result));

/* Warns when the library that runs does not fit the headers this was built with. */
void library_check_version(void);

/* Name, version and date of the library this was built with, and of the one that runs. */
const char *library_compiled_version(void);
const char *library_running_version(void);

/* Empties the error queue of this thread into warnings, oldest first. */
void library_log_errors(void);

/* Adds process id and time to the random generator: at start, and around every handshake. */
void library_stir(void);

#endif
