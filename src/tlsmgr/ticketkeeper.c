/* SPDX-License-Identifier: ISC */
#include "tlsmgr/ticketkeeper.h"

#include <stdlib.h>
#include <string.h>

#include "mail/timer.h"
#include "tlsmgr/bootid.h"
#include "tlsmgr/ticketfile.h"
#include "tlsmgr/ticketkeys.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/log.h"

enum {
	RETRY_S = 60,
	LOOK_S = 3600, /* the wall clock may be set */
};

struct ticketkeeper {
	struct ticketkeys *keys; /* borrowed */
	struct ticketfile *file; /* owned; NULL: keys are not kept */
	struct timer *timer;     /* owned */
	bool failed;             /* the last save; it was said */
};

static void
schedule(struct ticketkeeper *keeper)
{
	int delay_s = ticketkeys_next_change_s(keeper->keys);

	if (keeper->failed)
		delay_s = RETRY_S;
	else if (delay_s < 0)
		return;
	if (delay_s > LOOK_S)
		delay_s = LOOK_S;
	timer_start(keeper->timer, delay_s > 0 ? (int64_t)delay_s * 1000 : 1000);
}

static void
save(void *context)
{
	struct ticketkeeper *keeper = context;
	struct err err;
	bool failed = false;

	ticketkeys_expire(keeper->keys);
	if (keeper->file)
		failed = ticketfile_save(keeper->file, keeper->keys, &err) < 0;
	if (failed && !keeper->failed)
		log_warn("%s", err.text);
	keeper->failed = failed;
	schedule(keeper);
}

/* A process that is about to end, or one that took over, may have made a key that a client has by now. */
static bool
look_again(void *context)
{
	struct ticketkeeper *keeper = context;

	return keeper->file && ticketfile_is_changed(keeper->file) &&
	       ticketfile_load(keeper->file, keeper->keys, NULL) == 1;
}

static struct ticketfile *
open_file(const char *path, struct err *err)
{
	char *boot_id = bootid_read(); /* without one the kernel's keyring has to do */
	struct ticketfile *file = ticketfile_new(path, boot_id, err);

	free(boot_id);
	return file;
}

struct ticketkeeper *
ticketkeeper_new(struct ticketkeys *keys, const char *directory, bool persist)
{
	struct ticketkeeper *keeper = alloc_zero(sizeof *keeper);
	char *path = alloc_printf("%s/tlsmgr_ticket_keys", directory);
	struct err err;

	keeper->keys = keys;
	if (persist)
		keeper->file = open_file(path, &err);
	if (persist ? !keeper->file : ticketfile_remove_keys(path, &err) < 0)
		log_warn("%s", err.text);
	free(path);
	return keeper;
}

void
ticketkeeper_free(struct ticketkeeper *keeper)
{
	if (!keeper)
		return;
	timer_free(keeper->timer);
	ticketfile_free(keeper->file);
	free(keeper);
}

void
ticketkeeper_start(struct ticketkeeper *keeper, struct event_base *base)
{
	struct ticketkeys_keeper functions = { .made = save, .missed = look_again, .context = keeper };
	struct err err;

	keeper->timer = timer_new(base, save, keeper);
	ticketkeys_set_keeper(keeper->keys, &functions);

	int loaded = keeper->file ? ticketfile_load(keeper->file, keeper->keys, &err) : 1;
	if (loaded < 0)
		log_warn("%s", err.text);
	else if (loaded == 0)
		log_info("%s", err.text);
	/* With a secret its keys belong into the file; without, what is too old does not. */
	save(keeper);
}
