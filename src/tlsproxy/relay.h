/* SPDX-License-Identifier: ISC */
/*
 * relay: plaintext both ways between the caller and the TLS connection, with back-pressure.
 *
 * The two directions never wait for each other. A direction reads no more while what it
 * read last is not passed on; one wake-up moves a bounded amount.
 */
#ifndef TLSPROXY_RELAY_H
#define TLSPROXY_RELAY_H

struct session;

enum relay_result {
	RELAY_WAIT,       /* for the other side, or for more to come */
	RELAY_MORE,       /* the budget is used up; there may be more right now */
	RELAY_SOURCE_END, /* the sender is gone and all it sent is passed on */
	RELAY_TARGET_END, /* the receiver is gone; what it did not take is lost */
};

enum relay_result relay_to_remote(struct session *session);
enum relay_result relay_to_caller(struct session *session);

/* Passes on what is buffered and reads no more. RELAY_SOURCE_END: nothing is left. */
enum relay_result relay_flush_to_remote(struct session *session);
enum relay_result relay_flush_to_caller(struct session *session);

#endif
