/* SPDX-License-Identifier: ISC */
/*
 * service_stdio: the one client of a stand-alone program (-S), on stdin and stdout.
 */
#ifndef MAIL_SERVICE_STDIO_H
#define MAIL_SERVICE_STDIO_H

/*
 * The client as one socket, non-blocking and close-on-exec. Unless stdin is a socket, this forks: the caller
 * goes on in the child, while the parent carries bytes between the socket and stdin and stdout, and exits
 * with the child's status. Any failure is fatal.
 */
int service_stdio_client(void);

#endif
