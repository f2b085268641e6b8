/* SPDX-License-Identifier: ISC */
#include "postfix/instance.h"

#include <grp.h>
#include <pwd.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "mail/compat_level.h"
#include "mail/environment.h"
#include "mail/maincf.h"
#include "mail/param.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"

#define STRING(name_, min_)                                                                                  \
	{                                                                                                    \
		.name = #name_, .type = PARAM_STRING, .offset = offsetof(struct instance, name_),            \
		.min = min_                                                                                  \
	}

static const struct param rows[] = {
	STRING(command_directory, 1),
	STRING(daemon_directory, 1),
	STRING(data_directory, 1),
	STRING(queue_directory, 1),
	STRING(mail_owner, 1),
	STRING(setgid_group, 1),
	STRING(import_environment, 0),
	STRING(master_service_disable, 0),
	STRING(maillog_file, 0),
	STRING(maillog_file_compressor, 1),
	STRING(maillog_file_rotate_suffix, 1),
	STRING(postlog_service_name, 1),
	STRING(multi_instance_directories, 0),
	STRING(multi_instance_wrapper, 0),
	STRING(compatibility_level, 0),
	{ .name = "default_process_limit",
	    .type = PARAM_INT,
	    .offset = offsetof(struct instance, default_process_limit),
	    .min = 1 },
	PARAM_END,
};

/* What scripts find in their environment under the name of the parameter. */
static const char *const exported[] = {
	"command_directory",
	"daemon_directory",
	"data_directory",
	"meta_directory",
	"queue_directory",
	"shlib_directory",
	"mail_owner",
	"setgid_group",
	"sendmail_path",
	"mailq_path",
	"newaliases_path",
	"manpage_directory",
	"sample_directory",
	"readme_directory",
	"html_directory",
};

static int
find_ids(struct instance *instance, struct err *err)
{
	const struct passwd *user;
	const struct group *group;

	instance->privileged = geteuid() == 0;
	instance->root_uid = instance->owner_uid = geteuid();
	instance->root_gid = instance->drop_gid = getegid();
	if (!instance->privileged)
		return 0;
	user = getpwnam(instance->mail_owner);
	if (!user)
		return err_set(err, "file %s/main.cf: parameter mail_owner: unknown user name value: %s",
		    instance->config_directory, instance->mail_owner);
	if (user->pw_uid == 0)
		return err_set(err, "file %s/main.cf: parameter mail_owner: user %s has privileged user ID",
		    instance->config_directory, instance->mail_owner);
	group = getgrnam(instance->setgid_group);
	if (!group)
		return err_set(err, "file %s/main.cf: parameter setgid_group: unknown group name: %s",
		    instance->config_directory, instance->setgid_group);
	instance->owner_uid = user->pw_uid;
	instance->drop_gid = group->gr_gid;
	return 0;
}

/* Commands change directory between one use of a path and the next. */
static int
check_paths(const struct instance *instance, struct err *err)
{
	const struct {
		const char *name, *path;
	} paths[] = {
		{ "command_directory", instance->command_directory },
		{ "daemon_directory", instance->daemon_directory },
		{ "data_directory", instance->data_directory },
		{ "queue_directory", instance->queue_directory },
	};

	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		if (*paths[i].path != '/')
			return err_set(err, "file %s/main.cf: parameter %s: not an absolute path: %s",
			    instance->config_directory, paths[i].name, paths[i].path);
	}
	return 0;
}

int
instance_load(struct instance *instance, struct err *err)
{
	*instance = (struct instance){ .cf = maincf_new(maincf_directory(), param_default) };
	instance->config_directory = alloc_string(maincf_directory());
	if (maincf_load(instance->cf, err) == 0 && param_load(instance->cf, rows, instance, err) == 0 &&
	    check_paths(instance, err) == 0 && find_ids(instance, err) == 0)
		return 0;
	instance_release(instance);
	return -1;
}

void
instance_release(struct instance *instance)
{
	param_release(rows, instance);
	free(instance->config_directory);
	instance->config_directory = NULL;
	maincf_free(instance->cf);
	instance->cf = NULL;
}

int
instance_export(struct instance *instance, struct err *err)
{
	if (environment_import(instance->import_environment, err) < 0 ||
	    environment_export(instance->cf, instance->config_directory, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof exported / sizeof exported[0]; i++) {
		struct buf value = BUF_INIT;
		int found = maincf_lookup(instance->cf, exported[i], &value, err);

		if (found > 0)
			environment_set(exported[i], buf_str(&value));
		buf_release(&value);
		if (found < 0)
			return -1;
	}
	environment_set("config_directory", instance->config_directory);
	environment_set("PATH", "/bin:/usr/bin:/sbin:/usr/sbin");
	return 0;
}

bool
instance_level_below(const struct instance *instance, const char *level)
{
	int64_t own, other;

	return compat_level_parse(instance->compatibility_level, &own) && compat_level_parse(level, &other) &&
	       own < other;
}
