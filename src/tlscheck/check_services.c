/* SPDX-License-Identifier: ISC */
/*
 * check_services: the services that TLS needs, and postscreen's own level.
 */
#include <stdlib.h>
#include <string.h>

#include "mail/mastercf.h"
#include "tls/level.h"
#include "tlscheck/check_impl.h"
#include "util/alloc.h"

static struct scope *
service_named(struct check *check, const char *name)
{
	for (size_t i = 1; i < effective_count(check->effective); i++) {
		const struct mastercf_entry *entry = scope_entry(effective_scope(check->effective, i));

		if (strcmp(entry->name, name) == 0 && entry->type == MASTERCF_UNIX)
			return effective_scope(check->effective, i);
	}
	return NULL;
}

/* A line for master.cf that is complete. */
static void
mend_service(struct check *check, struct finding *found, const char *name, const char *line)
{
	finding_mend(found, "postconf %s-M %s/unix='%s %s'", check->site->option, name, name, line);
}

static void
need_tlsmgr(const struct role *role)
{
	struct check *check = role->check;
	const char *name = scope_value(role->scope, "tlsmgr_service_name");

	if (role_level(role) >= LEVEL_MAY && !service_named(check, name))
		mend_service(check,
		    check_add(check, "tlsmgr-missing", alloc_string(effective_master_path(check->effective)),
			"there is no service %s", name),
		    name, "unix - - n 1000? 1 tlsmgr");
}

static void
check_tlsmgr(struct check *check)
{
	struct scope *global = effective_scope(check->effective, 0);
	const char *name = scope_value(global, "tlsmgr_service_name");
	struct scope *service = service_named(check, name);

	if (service && scope_entry(service)->process_limit != 1) {
		finding_mend(
		    check_add(check, "tlsmgr-limit", scope_line(service), "service %s may have %d processes",
			name, scope_entry(service)->process_limit),
		    "postconf %s-F %s/unix/process_limit=1", check->site->option, name);
	}
}

static void
need_tlsproxy(struct check *check, char *where, const char *what)
{
	const char *name = scope_value(effective_scope(check->effective, 0), "tlsproxy_service_name");

	if (service_named(check, name)) {
		free(where);
		return;
	}
	mend_service(check,
	    check_add(check, "tlsproxy-missing", where, "%s, but there is no service %s", what, name), name,
	    "unix - - n - 0 tlsproxy");
}

static enum level
postscreen_level(struct scope *scope)
{
	const char *word = scope_value(scope, "postscreen_tls_security_level");

	if (*word)
		return level_from_name(word);
	if (scope_is_yes(scope, "postscreen_enforce_tls"))
		return LEVEL_ENCRYPT;
	return scope_is_yes(scope, "postscreen_use_tls") ? LEVEL_MAY : LEVEL_NONE;
}

static void
check_postscreen(struct check *check, struct scope *scope)
{
	static const char name[] = "postscreen_tls_security_level";
	enum level level = postscreen_level(scope);
	struct finding *found;

	if (level == LEVEL_INVALID || level_is_dane(level)) {
		found = check_found(check, scope, "level-unknown", name, "%s is no level of a server",
		    check_setting(scope, name));
		scope_mend_set(scope, found, scope_source(scope, name), "may", false);
	} else if (level >= LEVEL_MAY) {
		check_required_on_25(check, scope, level >= LEVEL_ENCRYPT, name);
		char *what = alloc_printf("postscreen offers TLS (%s)", check_setting(scope, name));

		need_tlsproxy(check, scope_line(scope), what);
		free(what);
	}
}

static void
check_gate(struct check *check, struct scope *scope)
{
	if (scope_is_yes(scope, "tlsgate_tls_wrappermode") ||
	    level_from_name(scope_value(scope, "tlsgate_tls_security_level")) >= LEVEL_MAY)
		need_tlsproxy(check, scope_line(scope), "tlsgate offers TLS");
}

static void
check_reuse(const struct role *role)
{
	if (role->server || strcmp(role->prefix, "tlsproxy_client_") == 0 || role_level(role) < LEVEL_MAY ||
	    !role_is_yes(role, "connection_reuse"))
		return;
	need_tlsproxy(role->check, scope_where(role->scope, role_name(role, "connection_reuse")),
	    check_setting(role->scope, role_name(role, "connection_reuse")));
}

void
check_services(struct check *check)
{
	check_tlsmgr(check);
	check_each_role(check, need_tlsmgr);
	check_each_role(check, check_reuse);
	for (size_t i = 1; i < effective_count(check->effective); i++) {
		struct scope *scope = effective_scope(check->effective, i);

		if (strcmp(scope_program(scope), "postscreen") == 0)
			check_postscreen(check, scope);
		else if (strcmp(scope_program(scope), "tlsgate") == 0)
			check_gate(check, scope);
	}
}
