/* SPDX-License-Identifier: ISC */
#include "tlsproxy/score.h"

#include <stddef.h>

#include "mail/service.h"
#include "mail/tlsproxy_score.h"
#include "tls/served.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"

const struct param score_params[] = {
	{ TLSPROXY_SCORE_PARAM, PARAM_STRING, offsetof(struct score_settings, status_file), 0, 0 },
	PARAM_END,
};

struct scoreboard *
score_open(struct service *service, const struct score_settings *settings)
{
	struct scoreboard *board;
	struct err err;

	if (!settings->status_file[0] || service_is_stand_alone(service))
		return NULL;
	service_become_owner(service);
	board = scoreboard_open(settings->status_file, &err);
	service_become_root(service);
	if (!board)
		log_warn(TLSPROXY_SCORE_PARAM ": %s: nothing is counted", err.text);
	return board;
}

void
score_handshake(struct scoreboard *board, bool is_client, bool done, bool resumed)
{
	static const enum tlsproxy_score full[] = {
		[false] = TLSPROXY_SCORE_SERVER_FULL,
		[true] = TLSPROXY_SCORE_CLIENT_FULL,
	};
	enum { FULL, RESUMED, FAILED };

	scoreboard_add(board, (int)full[is_client] + (!done ? FAILED : resumed ? RESUMED : FULL), 1);
}

void
score_serve(struct scoreboard *board, int generation, struct context *context)
{
	struct buf text = BUF_INIT;

	buf_printf(&text, "generation %d\n", generation);
	if (context)
		served_describe(context, &text);
	scoreboard_say(board, buf_str(&text));
	buf_release(&text);
}
