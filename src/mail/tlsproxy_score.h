/* SPDX-License-Identifier: ISC */
/*
 * tlsproxy_score: what tlsproxy's processes have on their scoreboard, for who reads it.
 *
 * The text of a page are lines of what is served:
 *
 *   generation N
 *   certificate KIND TAB NAMES TAB END TAB CERTIFICATE TAB KEY
 *
 * with END in seconds since 1970 and SHA-256 fingerprints of certificate and public key as XX:XX:...
 */
#ifndef MAIL_TLSPROXY_SCORE_H
#define MAIL_TLSPROXY_SCORE_H

#include "mail/scoreboard.h"

/* In the data directory, unless tlsproxy_status_file says otherwise. */
#define TLSPROXY_SCORE_PARAM "tlsproxy_status_file"

enum tlsproxy_score {
	TLSPROXY_SCORE_SESSIONS = 0, /* now; refused requests are none */

	TLSPROXY_SCORE_SERVER_FULL = SCOREBOARD_GAUGES, /* handshakes by role */
	TLSPROXY_SCORE_SERVER_RESUMED,
	TLSPROXY_SCORE_SERVER_FAILED,
	TLSPROXY_SCORE_CLIENT_FULL,
	TLSPROXY_SCORE_CLIENT_RESUMED,
	TLSPROXY_SCORE_CLIENT_FAILED,
};

#endif
