/* SPDX-License-Identifier: ISC */
/*
 * instance: the mail system a command is for: its directories, its owner, the environment of its programs.
 */
#ifndef POSTFIX_INSTANCE_H
#define POSTFIX_INSTANCE_H

#include <stdbool.h>
#include <sys/types.h>

struct err;
struct maincf;

struct instance {
	char *command_directory;
	char *daemon_directory;
	char *data_directory;
	char *queue_directory;
	char *mail_owner;
	char *setgid_group;
	char *import_environment;
	char *master_service_disable;
	char *maillog_file;
	char *maillog_file_compressor;
	char *maillog_file_rotate_suffix;
	char *postlog_service_name;
	char *multi_instance_directories;
	char *multi_instance_wrapper;
	char *compatibility_level;
	int default_process_limit;

	char *config_directory;
	struct maincf *cf; /* owned */
	bool privileged;   /* root; otherwise everything belongs to, and runs as, the caller */
	uid_t root_uid, owner_uid;
	gid_t root_gid, drop_gid; /* drop_gid: of setgid_group */
};

/* Reads main.cf of the directory MAIL_CONFIG names, or of the default one. 0 or -1. */
int instance_load(struct instance *instance, struct err *err) __attribute__((warn_unused_result));
void instance_release(struct instance *instance);

/* Replaces the environment by the one programs of the instance are promised. 0 or -1. */
int instance_export(struct instance *instance, struct err *err) __attribute__((warn_unused_result));

/* Whether compatibility_level is below `level`, text that is a level. */
bool instance_level_below(const struct instance *instance, const char *level);

#endif
