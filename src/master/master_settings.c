/* SPDX-License-Identifier: ISC */
#include "master/master_settings.h"

#include <pwd.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "mail/compat_level.h"
#include "mail/param.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/log.h"

#define ROW(name_, type_, member, min_, max_)                                                                \
	{                                                                                                    \
		.name = name_, .type = type_, .offset = offsetof(struct master_settings, member),            \
		.min = min_, .max = max_                                                                     \
	}

static const struct param rows[] = {
	ROW("queue_directory", PARAM_STRING, queue_directory, 1, 0),
	ROW("data_directory", PARAM_STRING, data_directory, 1, 0),
	ROW("daemon_directory", PARAM_STRING, daemon_directory, 1, 0),
	ROW("mail_owner", PARAM_STRING, mail_owner, 1, 0),
	ROW("inet_interfaces", PARAM_STRING, inet_interfaces, 0, 0),
	ROW("inet_protocols", PARAM_STRING, inet_protocols, 0, 0),
	ROW("import_environment", PARAM_STRING, import_environment, 0, 0),
	ROW("master_service_disable", PARAM_STRING, master_service_disable, 0, 0),
	ROW("debugger_command", PARAM_STRING, debugger_command, 0, 0),
	ROW("mail_version", PARAM_STRING, mail_version, 1, 0),
	ROW("compatibility_level", PARAM_STRING, compatibility_level, 0, 0),
	ROW("default_process_limit", PARAM_INT, default_process_limit, 1, 0),
	ROW("service_throttle_time", PARAM_TIME, service_throttle_time_s, 1, 0),
	PARAM_END,
};

static int
find_owner(struct master_settings *settings, struct err *err)
{
	const struct passwd *user;

	settings->privileged = geteuid() == 0;
	settings->owner_uid = getuid();
	settings->owner_gid = getgid();
	if (!settings->privileged)
		return 0;
	user = getpwnam(settings->mail_owner);
	if (!user)
		return err_set(err, "file %s/main.cf: parameter mail_owner: unknown user name value: %s",
		    settings->config_directory, settings->mail_owner);
	if (user->pw_uid == 0)
		return err_set(err, "file %s/main.cf: parameter mail_owner: user %s has privileged user ID",
		    settings->config_directory, settings->mail_owner);
	settings->owner_uid = user->pw_uid;
	settings->owner_gid = user->pw_gid;
	return 0;
}

int
master_settings_load(
    struct master_settings *settings, struct maincf *cf, const char *config_directory, struct err *err)
{
	struct master_settings fresh = { .not_daemon = settings->not_daemon, .verbose = settings->verbose };

	fresh.config_directory = alloc_string(config_directory);
	if (param_load(cf, rows, &fresh, err) < 0 || find_owner(&fresh, err) < 0) {
		master_settings_release(&fresh);
		return -1;
	}
	master_settings_release(settings);
	*settings = fresh;
	return 0;
}

void
master_settings_release(struct master_settings *settings)
{
	param_release(rows, settings);
	free(settings->config_directory);
	settings->config_directory = NULL;
}

void
master_settings_become_owner(const struct master_settings *settings)
{
	if (!settings->privileged)
		return;
	if (setegid(settings->owner_gid) < 0 || seteuid(settings->owner_uid) < 0)
		log_fatal("set effective ids to %s: %m", settings->mail_owner);
}

void
master_settings_become_root(const struct master_settings *settings)
{
	if (!settings->privileged)
		return;
	if (seteuid(0) < 0 || setegid(getgid()) < 0)
		log_fatal("set effective ids to root: %m");
}

static bool
level_below_one(const char *text)
{
	int64_t level, one;

	return compat_level_parse(text, &level) && compat_level_parse("1", &one) && level < one;
}

bool
master_settings_chroot_default(const struct master_settings *settings)
{
	return settings->privileged && level_below_one(settings->compatibility_level);
}
