/* SPDX-License-Identifier: ISC */
#include "tlsproxy/sni_tables.h"

#include <stddef.h>
#include <stdint.h>

#include "mail/map_keeper.h"
#include "mail/map_list.h"
#include "mail/map_source.h"
#include "mail/service.h"
#include "tls/library.h"
#include "tls/sni.h"
#include "tlsproxy/globals.h"
#include "tlsproxy/role_server.h"
#include "util/err.h"
#include "util/log.h"

#define NAME "tlsproxy_certificate_reload"

/* In the process that reads them. */
static int
check(const struct map_list *list, const struct map_list *old, void *arg, struct err *err)
{
	const struct globals *globals = arg;

	if (library_init(globals->config_file, globals->config_name) < 0)
		return err_set(err, "the TLS library cannot be used");
	return sni_check(list, old, err);
}

static void
on_exchanged(void *service)
{
	(void)service;
	log_info(NAME ": new tables of " ROLE_SERVER_SNI_TITLE " in service");
}

static void
on_refused(const char *why, void *service)
{
	(void)service;
	log_warn(NAME ": changed tables of " ROLE_SERVER_SNI_TITLE " are not used: %s", why);
}

static void
on_gone(void *service)
{
	if (!service_is_draining(service))
		log_warn(NAME ": the process that reads " ROLE_SERVER_SNI_TITLE
			      " has ended: this process keeps the tables it has, the next one will see "
			      "changes");
}

static void
keep(struct service *service, const struct role_server_settings *settings, const struct globals *globals,
    struct map_source *source, void (*hold)(bool on, void *service))
{
	struct err err;
	const struct map_keeper_tables tables = {
		.title = ROLE_SERVER_SNI_TITLE,
		.names = globals->server_sni_maps,
		.flags = ROLE_SERVER_SNI_FLAGS,
		.list = settings->sni_maps,
		.source = source,
		.check = check,
		.check_arg = (void *)(uintptr_t)globals,
	};
	const struct map_keeper_handler handler = {
		.exchanged = on_exchanged,
		.refused = on_refused,
		.hold = hold,
		.gone = on_gone,
		.context = service,
	};

	if (!map_keeper_new(service_base(service), &tables, &handler, &err))
		log_warn(NAME ": %s: changes of " ROLE_SERVER_SNI_TITLE " will not be noticed", err.text);
}

void
sni_tables_open(struct service *service, struct role_server_settings *settings, const struct globals *globals,
    void (*hold)(bool on, void *service))
{
	struct map_source *source =
	    settings->certificate_reload && !service_is_stand_alone(service) ? map_source_new() : NULL;
	size_t at = 0;

	role_server_open_maps(settings, globals, source);
	if (source && map_source_next(source, &at))
		keep(service, settings, globals, source, hold);
	else
		map_source_free(source);
}
