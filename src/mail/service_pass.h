/* SPDX-License-Identifier: ISC */
/*
 * service_pass: clients of a `pass` service: a connection that brings the real one.
 */
#ifndef MAIL_SERVICE_PASS_H
#define MAIL_SERVICE_PASS_H

struct event_base;

typedef void (*service_pass_fn)(void *context, int fd);

/*
 * Takes `fd`, an accepted connection, and waits for the descriptor and the attribute list it brings
 * behind it; no step may take longer than 100 s. Then `received` gets the descriptor, non-blocking and
 * close-on-exec. A failure is logged and ends the connection.
 */
void service_pass_receive(struct event_base *base, int fd, service_pass_fn received, void *context);

#endif
