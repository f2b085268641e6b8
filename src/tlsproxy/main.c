/* SPDX-License-Identifier: ISC */
/*
 * tlsproxy: plaintext on a local stream to TLS on a passed socket, and back.
 */
#include <stddef.h>
#include <stdlib.h>

#include "mail/param.h"
#include "mail/service.h"
#include "tls/context.h"
#include "tls/mgr_client.h"
#include "tls/resume.h"
#include "tlsproxy/caller_settings.h"
#include "tlsproxy/globals.h"
#include "tlsproxy/role_client.h"
#include "tlsproxy/role_server.h"
#include "tlsproxy/session.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/log.h"

/* A handshake that waits for tlsmgr waits no longer than this. */
enum { TLSMGR_REPLY_MS = 3000 };

struct tlsmgr_settings {
	int ipc_idle_s;
	int ipc_ttl_s;
};

static const struct param tlsmgr_params[] = {
	{ "ipc_idle", PARAM_TIME, offsetof(struct tlsmgr_settings, ipc_idle_s), 1, 0 },
	{ "ipc_ttl", PARAM_TIME, offsetof(struct tlsmgr_settings, ipc_ttl_s), 1, 0 },
	PARAM_END,
};

static struct globals globals;
static struct role_server_settings server_settings;
static struct role_client_settings client_settings;
static struct tlsmgr_settings tlsmgr_settings;
static struct session_shared shared;

static void
make_resumable(struct context *context)
{
	resume_install(context_ssl_ctx(context));
	resume_install(context_sni_ssl_ctx(context));
}

static void
pre_jail(struct service *service)
{
	struct err err;

	if (param_load(service_maincf(service), globals_params, &globals, &err) < 0 ||
	    param_load(service_maincf(service), role_client_params, &client_settings, &err) < 0 ||
	    param_load(service_maincf(service), tlsmgr_params, &tlsmgr_settings, &err) < 0)
		log_fatal("%s", err.text);
	shared.server = role_server_context(&server_settings, &globals);
	shared.client = role_client_new(&client_settings, &globals);
}

static void
session_gone(void *service)
{
	service_client_gone(service);
}

static void
post_jail(struct service *service)
{
	shared.base = service_base(service);
	shared.gone = session_gone;
	shared.context = service;
	if (!shared.server && !shared.client)
		return;

	char *path = alloc_printf("private/%s", globals.tlsmgr_service_name);
	struct mgr_client *mgr = mgr_client_new(shared.base, &(struct mgr_client_settings){ .path = path,
								 .idle_s = tlsmgr_settings.ipc_idle_s,
								 .ttl_s = tlsmgr_settings.ipc_ttl_s,
								 .reply_ms = TLSMGR_REPLY_MS });
	free(path);
	shared.caller = caller_settings_new(&server_settings, &globals, make_resumable);
	if (shared.client)
		role_client_begin(shared.client, shared.base, mgr);
	if (!shared.server)
		return;
	shared.resume = resume_new(shared.base, mgr, "smtpd",
	    context_tickets(shared.server) ? context_ticket_cipher(shared.server) : "");
	make_resumable(shared.server);
}

static void
client(struct service *service, int fd)
{
	(void)service;
	session_start(&shared, fd);
}

int
main(int argc, char **argv)
{
	static const struct service_program program = {
		.name = "tlsproxy",
		.kind = SERVICE_EVENTS,
		.process_limit = 0,
		.params = role_server_params,
		.settings = &server_settings,
		.watchdog_param = "tlsproxy_watchdog_timeout",
		.pre_jail = pre_jail,
		.post_jail = post_jail,
		.client = client,
	};

	return service_main(&program, argc, argv);
}
