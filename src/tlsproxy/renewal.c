/* SPDX-License-Identifier: ISC */
#include "tlsproxy/renewal.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/timer.h"
#include "tls/context.h"
#include "tls/loglevel.h"
#include "tls/served.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"
#include "util/now.h"

enum {
	POLL_MS = 750,
	SETTLE_MS = 500,
	PATIENCE_MS = 5000,
	RETRY_MS = 60 * 1000,
	HINT_MS = 20, /* changes that are seen come together */
	SILENCE_MS = 60 * 1000,
	DAY_MS = 24 * 3600 * 1000,
};

#define NAME "tlsproxy_certificate_reload"

struct renewal {
	struct renewal_settings settings;
	struct certfiles *files; /* owned; NULL: no longer looked at */
	struct timer *timer;     /* owned; the next look, or, during one, the end of patience with it */
	struct timer *daily;     /* owned */
	bool silence_told;
	bool held;
	bool hinted; /* the next look is to be soon */

	struct context *context; /* owned reference; in service; NULL: none */
	int generation;

	/* Of certfiles_state(). */
	uint64_t used;    /* in service, if there is a context */
	uint64_t seen;    /* by the last look */
	uint64_t refused; /* complained about, if is_refused */
	bool is_refused;
	int64_t changed_ms; /* since when `seen` is as it is */
	int64_t tried_ms;
};

/* --- trying --- */

/* What the library thinks, of "error:CODE:LIBRARY:FUNCTION:REASON:FILE:LINE". */
static int
library_reason(const char *lines, const char **reason)
{
	static const char label[] = "TLS library problem: error:";
	const char *at = strstr(lines, label);

	if (!at)
		return 0;
	at += strlen(label);
	for (int colons = 0; colons < 3; at++)
		if (*at == '\n' || !*at)
			return 0;
		else if (*at == ':')
			colons++;
	*reason = at;
	return (int)strcspn(at, ":\n");
}

/* Without the label, and without what would follow from it at the start. */
static int
bare_line(const char **line)
{
	static const char consequence[] = ": disabling TLS support";
	const char *label = log_label(LOG_LEVEL_WARNING);
	size_t len = strcspn(*line, "\n");

	if (len >= strlen(label) && memcmp(*line, label, strlen(label)) == 0) {
		*line += strlen(label);
		len -= strlen(label);
	}
	if (len >= strlen(consequence) &&
	    memcmp(*line + len - strlen(consequence), consequence, strlen(consequence)) == 0)
		len -= strlen(consequence);
	return (int)len;
}

/* The first line that names a file says what is wrong. Those before are about settings. */
static void
set_reason(const struct certfiles *files, const struct buf *lines, struct err *err)
{
	const char *line = buf_str(lines), *reason = "";

	for (const char *at = line; *at; at += strcspn(at, "\n") + 1)
		if (certfiles_in_text(files, at, strcspn(at, "\n"))) {
			line = at;
			break;
		}

	int reason_len = library_reason(line, &reason);
	int len = bare_line(&line);

	err_set(err, "%.*s%s%.*s", len, line, reason_len > 0 ? ": " : "", reason_len, reason);
}

static struct context *
build(struct renewal *renewal, struct err *err)
{
	struct buf lines = BUF_INIT;

	log_divert(&lines);
	struct context *context =
	    renewal->settings.build(certfiles_read, renewal->files, renewal->settings.arg);
	log_divert(NULL);
	if (!context)
		set_reason(renewal->files, &lines, err);
	buf_release(&lines);
	return context;
}

static struct context *
try_new(struct renewal *renewal, struct err *err)
{
	if (certfiles_check(renewal->files, err) < 0)
		return NULL;

	struct context *context = build(renewal, err);

	if (!context || served_check(context, renewal->settings.bare, err) == 0)
		return context;
	context_unref(context);
	return NULL;
}

static void
log_used(const struct renewal *renewal, const char *what)
{
	char *words = alloc_printf(NAME ": %s%s%s in service, generation %d", renewal->settings.label, what,
	    renewal->settings.bare ? "certification authorities" : "certificate", renewal->generation);

	served_log(renewal->context, words);
	free(words);
}

static void
hold(struct renewal *renewal, bool on)
{
	if (renewal->held == on)
		return;
	renewal->held = on;
	if (renewal->settings.hold)
		renewal->settings.hold(on, renewal->settings.arg);
}

static void
use(struct renewal *renewal, struct context *context, uint64_t state)
{
	context_unref(renewal->context);
	renewal->context = context_ref(context);
	renewal->generation++;
	renewal->is_refused = false;
	renewal->used = state;
	certfiles_mark(renewal->files);
	hold(renewal, false);
	renewal->settings.use(context, renewal->settings.arg);
	log_used(renewal, "new ");
}

static void
refuse(struct renewal *renewal, uint64_t state, const struct err *err)
{
	renewal->refused = state;
	renewal->is_refused = true;
	if (renewal->context)
		log_warn(NAME ": %schanged files are not used, generation %d stays in service: %s",
		    renewal->settings.label, renewal->generation, err->text);
	else
		log_warn(NAME ": %sstill nothing that can be used: %s", renewal->settings.label, err->text);
}

/* --- deciding --- */

/* How long it must have been as it is. */
static int
settle_ms(const struct renewal *renewal)
{
	return certfiles_is_shorter(renewal->files) ? renewal->settings.patience_ms
						    : renewal->settings.settle_ms;
}

static void
next_look(struct renewal *renewal, int64_t wait_ms)
{
	if (renewal->hinted)
		wait_ms = HINT_MS;
	renewal->hinted = false;
	if (wait_ms > renewal->settings.poll_ms)
		wait_ms = renewal->settings.poll_ms;
	timer_start(renewal->timer, wait_ms > 0 ? wait_ms : 0);
}

static void
look(struct renewal *renewal, bool content)
{
	renewal->hinted = false;
	certfiles_look(renewal->files, content);
	timer_start(renewal->timer, SILENCE_MS);
}

/* All content is here. */
static void
try_state(struct renewal *renewal, uint64_t state, int64_t age_ms)
{
	struct err err;
	struct context *context = try_new(renewal, &err);

	renewal->tried_ms = now_ms();
	if (context)
		use(renewal, context, state);
	else if (age_ms >= renewal->settings.patience_ms &&
		 !(renewal->is_refused && renewal->refused == state))
		refuse(renewal, state, &err);
}

static void
decide(struct renewal *renewal)
{
	int64_t now = now_ms();
	uint64_t state = certfiles_state(renewal->files);

	if (state != renewal->seen) {
		renewal->seen = state;
		renewal->changed_ms = now;
	}
	hold(renewal, renewal->context && state != renewal->used);
	if (renewal->context && state == renewal->used) {
		renewal->is_refused = false;
		next_look(renewal, renewal->settings.poll_ms);
		return;
	}

	int64_t age_ms = now - renewal->changed_ms;
	bool known = renewal->is_refused && state == renewal->refused;

	if (known && now - renewal->tried_ms < renewal->settings.retry_ms)
		next_look(renewal, renewal->settings.poll_ms);
	else if (age_ms < settle_ms(renewal))
		next_look(renewal, settle_ms(renewal) - age_ms);
	else if (!certfiles_has_content(renewal->files))
		look(renewal, true);
	else {
		try_state(renewal, state, age_ms);
		next_look(renewal, renewal->settings.poll_ms);
	}
}

static void
stop(struct renewal *renewal)
{
	certfiles_free(renewal->files);
	renewal->files = NULL;
	timer_stop(renewal->timer);
	timer_stop(renewal->daily);
}

static bool
is_over(const struct renewal *renewal)
{
	return renewal->settings.is_over && renewal->settings.is_over(renewal->settings.arg);
}

/* --- events --- */

static void
on_looked(void *context)
{
	struct renewal *renewal = context;

	renewal->silence_told = false;
	decide(renewal);
	certfiles_forget(renewal->files);
}

static void
on_changed(void *context)
{
	struct renewal *renewal = context;

	if (renewal->hinted)
		return;
	renewal->hinted = true;
	if (timer_is_running(renewal->timer) && !certfiles_looking_at(renewal->files))
		timer_start(renewal->timer, HINT_MS);
}

/* A process that drains has lost its opener with its parent, and has no use for one. */
static void
on_gone(void *context)
{
	struct renewal *renewal = context;

	if (!is_over(renewal))
		log_warn(NAME ": %sthe process that opens files has ended: this process keeps the "
			      "certificates it has, the next one will see changes",
		    renewal->settings.label);
	hold(renewal, false);
	if (renewal->files)
		stop(renewal);
}

static void
on_timer(void *context)
{
	struct renewal *renewal = context;
	const char *path = certfiles_looking_at(renewal->files);

	if (is_over(renewal)) {
		stop(renewal);
		return;
	}
	if (!path) {
		look(renewal, false);
		return;
	}
	if (!renewal->silence_told)
		log_warn(NAME ": %sno answer about %s for %d seconds", renewal->settings.label, path,
		    SILENCE_MS / 1000);
	renewal->silence_told = true;
}

static void
on_day(void *context)
{
	struct renewal *renewal = context;

	if (renewal->context && !is_over(renewal))
		served_warn(renewal->context);
	timer_start(renewal->daily, DAY_MS);
}

/* --- the beginning and the end --- */

static void
or_usual(int *ms, int usual)
{
	if (*ms == 0)
		*ms = usual;
}

struct renewal *
renewal_new(const struct renewal_settings *settings, struct err *err)
{
	struct renewal *renewal = alloc_zero(sizeof *renewal);
	const struct certfiles_handler handler = {
		.looked = on_looked,
		.changed = on_changed,
		.gone = on_gone,
		.context = renewal,
	};

	renewal->settings = *settings;
	or_usual(&renewal->settings.poll_ms, POLL_MS);
	or_usual(&renewal->settings.settle_ms, SETTLE_MS);
	or_usual(&renewal->settings.patience_ms, PATIENCE_MS);
	or_usual(&renewal->settings.retry_ms, RETRY_MS);
	renewal->timer = timer_new(settings->base, on_timer, renewal);
	renewal->daily = timer_new(settings->base, on_day, renewal);
	renewal->files = certfiles_new(settings->base, settings->names, settings->count, &handler, err);
	if (renewal->files)
		return renewal;
	renewal_free(renewal);
	return NULL;
}

void
renewal_start(struct renewal *renewal, struct context *context)
{
	uint64_t state = certfiles_state(renewal->files);

	renewal->seen = state;
	renewal->changed_ms = renewal->tried_ms = now_ms();
	if (context) {
		renewal->context = context_ref(context);
		renewal->generation = 1;
		renewal->used = state;
		certfiles_mark(renewal->files);
		if (context_log_mask(context) & LOGLEVEL_VERBOSE)
			log_used(renewal, "");
	} else {
		renewal->refused = state;
		renewal->is_refused = true;
	}
	timer_start(renewal->timer, 0);
	timer_start(renewal->daily, DAY_MS);
}

int
renewal_generation(const struct renewal *renewal)
{
	return renewal->generation;
}

void
renewal_free(struct renewal *renewal)
{
	if (!renewal)
		return;
	stop(renewal);
	context_unref(renewal->context);
	timer_free(renewal->daily);
	timer_free(renewal->timer);
	free(renewal);
}
