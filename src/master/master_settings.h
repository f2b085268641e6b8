/* SPDX-License-Identifier: ISC */
/*
 * master_settings: what master takes from main.cf and its command line.
 */
#ifndef MASTER_MASTER_SETTINGS_H
#define MASTER_MASTER_SETTINGS_H

#include <stdbool.h>
#include <sys/types.h>

struct err;
struct maincf;

struct master_settings {
	char *queue_directory;
	char *data_directory;
	char *daemon_directory;
	char *mail_owner;
	char *inet_interfaces;
	char *inet_protocols;
	char *import_environment;
	char *master_service_disable;
	char *debugger_command;
	char *mail_version;
	char *compatibility_level;
	int default_process_limit;
	int service_throttle_time_s;

	/* Filled by master_settings_load() too. */
	char *config_directory;
	bool privileged; /* runs as root: owners are set and daemons are told to drop their rights */
	uid_t owner_uid; /* of mail_owner; without privileges the caller's own */
	gid_t owner_gid;

	/* From the command line; master_settings_load() leaves them alone. */
	bool not_daemon; /* -d */
	bool verbose;
};

/* Replaces what main.cf decides. On failure -1 and `settings` as it was. */
int master_settings_load(struct master_settings *settings, struct maincf *cf, const char *config_directory,
    struct err *err) __attribute__((warn_unused_result));
void master_settings_release(struct master_settings *settings);

/* Becomes mail_owner for what follows, and root again. Nothing without privileges. */
void master_settings_become_owner(const struct master_settings *settings);
void master_settings_become_root(const struct master_settings *settings);

/* Whether the default of the chroot column is y. */
bool master_settings_chroot_default(const struct master_settings *settings);

#endif
