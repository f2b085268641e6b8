/* SPDX-License-Identifier: ISC */
#include "master/roster.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "mail/mastercf.h"
#include "master/master_settings.h"
#include "master/pool.h"
#include "util/alloc.h"
#include "util/log.h"

struct member {
	struct pool *pool; /* owned */
	bool listed;       /* in the master.cf just read */
	bool retired;
	struct member *next;
};

struct roster {
	struct event_base *base;                /* borrowed */
	const struct master_settings *settings; /* borrowed */
	struct member *members;                 /* owned, in the order of master.cf */
	bool told_no_jail;
};

struct roster *
roster_new(struct event_base *base, const struct master_settings *settings)
{
	struct roster *roster = alloc_zero(sizeof *roster);

	roster->base = base;
	roster->settings = settings;
	return roster;
}

void
roster_free(struct roster *roster)
{
	if (!roster)
		return;
	while (roster->members) {
		struct member *next = roster->members->next;
		pool_free(roster->members->pool);
		free(roster->members);
		roster->members = next;
	}
	free(roster);
}

static struct member *
find(const struct roster *roster, const struct mastercf_entry *wanted)
{
	for (struct member *member = roster->members; member; member = member->next) {
		const struct mastercf_entry *entry = pool_entry(member->pool);
		if (!member->retired && entry->type == wanted->type &&
		    strcmp(entry->endpoint, wanted->endpoint) == 0)
			return member;
	}
	return NULL;
}

/* Takes `entry`. */
static int
add(struct roster *roster, struct mastercf_entry *entry, struct err *err)
{
	struct member **link = &roster->members;
	struct pool *pool = pool_new(roster->base, roster->settings, entry, err);

	if (!pool)
		return -1;
	while (*link)
		link = &(*link)->next;
	*link = alloc_zero(sizeof **link);
	(*link)->pool = pool;
	(*link)->listed = true;
	pool_start(pool);
	return 0;
}

static void
remove_empty(struct roster *roster)
{
	struct member **link = &roster->members;

	while (*link) {
		struct member *member = *link;
		if (!member->retired || !pool_is_empty(member->pool)) {
			link = &member->next;
			continue;
		}
		*link = member->next;
		pool_free(member->pool);
		free(member);
	}
}

static void
retire_unlisted(struct roster *roster)
{
	for (struct member *member = roster->members; member; member = member->next) {
		if (member->listed || member->retired)
			continue;
		member->retired = true;
		pool_retire(member->pool);
	}
	remove_empty(roster);
}

static void
warn_without_privileges(struct roster *roster, const struct mastercf_entry *entry)
{
	if (!entry->chroot || roster->settings->privileged || roster->told_no_jail)
		return;
	roster->told_no_jail = true;
	log_warn("service %s: no chroot without superuser privileges; all services run as the user that "
		 "started master",
	    entry->name);
}

int
roster_load(struct roster *roster, bool interfaces_changed, struct err *err)
{
	const struct mastercf_options options = {
		.default_process_limit = roster->settings->default_process_limit,
		.chroot_default = master_settings_chroot_default(roster->settings),
		.disabled = roster->settings->master_service_disable,
	};
	struct mastercf *mastercf = mastercf_load(roster->settings->config_directory, &options, err);
	int result = 0;

	if (!mastercf)
		return -1;
	for (struct member *member = roster->members; member; member = member->next)
		member->listed = false;
	for (size_t i = 0; result == 0 && i < mastercf_count(mastercf); i++) {
		struct mastercf_entry *entry = mastercf_take(mastercf, i);
		struct member *member = find(roster, entry);

		warn_without_privileges(roster, entry);
		if (!member) {
			result = add(roster, entry, err);
			continue;
		}
		if (interfaces_changed && entry->type == MASTERCF_INET) {
			log_warn("service %s: ignoring inet_interfaces change", entry->name);
			log_warn("to change inet_interfaces, stop and start Postfix");
		}
		member->listed = true;
		pool_reload(member->pool, entry);
	}
	if (result == 0)
		retire_unlisted(roster);
	mastercf_free(mastercf);
	return result;
}

void
roster_reap(struct roster *roster)
{
	pid_t pid;
	int status;

	/* Children that are nobody's are reaped all the same: those master inherits as process 1. */
	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
		struct member *member = roster->members;
		while (member && !pool_reap(member->pool, pid, status))
			member = member->next;
	}
	remove_empty(roster);
}
