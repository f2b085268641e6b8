/* SPDX-License-Identifier: ISC */
/*
 * tlsproxy: plaintext on a local stream to TLS on a passed socket, and back.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "mail/param.h"
#include "mail/scoreboard.h"
#include "mail/service.h"
#include "tls/context.h"
#include "tls/mgr_client.h"
#include "tls/resume.h"
#include "tls/served.h"
#include "tlsproxy/caller_settings.h"
#include "tlsproxy/globals.h"
#include "tlsproxy/heap.h"
#include "tlsproxy/renewal.h"
#include "tlsproxy/role_client.h"
#include "tlsproxy/role_files.h"
#include "tlsproxy/role_server.h"
#include "tlsproxy/score.h"
#include "tlsproxy/session.h"
#include "tlsproxy/sni_tables.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/log.h"

/* A handshake that waits for tlsmgr waits no longer than this. */
enum { TLSMGR_REPLY_MS = 3000 };

enum { HEAP_PERIOD_MS = 10 * 1000 };

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
static struct score_settings score_settings;
static int generation; /* how many contexts the server role has had */
static struct session_shared shared;
static struct mgr_client *mgr;
static struct heap *heap;
static struct renewal *server_renewal; /* NULL: certificates stay as they are until the next process */
static struct renewal *client_renewal; /* the same */
static int holders;                    /* those that have something better than there is on disk */

static void
make_resumable(struct context *context)
{
	resume_install(context_ssl_ctx(context));
	if (context_sni_ssl_ctx(context))
		resume_install(context_sni_ssl_ctx(context));
}

static struct context *
build_server(chain_read_fn read, void *read_arg, void *service)
{
	struct role_server_settings settings = server_settings;

	(void)service;
	settings.read_file = read;
	settings.read_arg = read_arg;
	return role_server_context(&settings, &globals);
}

/* The first one may come late: when the files that were there at the start were of no use. */
static void
use_server(struct context *context, void *service)
{
	(void)service;
	if (!shared.resume)
		shared.resume = resume_new(
		    shared.base, mgr, "smtpd", context_tickets(context) ? globals.session_ticket_cipher : "");
	make_resumable(context);
	if (shared.server != context)
		context_unref(shared.server);
	shared.server = context;
	caller_settings_forget(shared.caller);
	score_serve(shared.board, ++generation, context);
}

static struct context *
build_client(chain_read_fn read, void *read_arg, void *service)
{
	(void)service;
	return role_client_rebuild(shared.client, read, read_arg);
}

static void
use_client(struct context *context, void *service)
{
	(void)service;
	role_client_exchange(shared.client, context);
}

static bool
is_over(void *service)
{
	return service_is_draining(service);
}

/* Each holder says so when it becomes one, and when it is none any more. */
static void
hold(bool on, void *service)
{
	holders += on ? 1 : -1;
	service_hold(service, holders > 0);
}

static struct renewal *
new_renewal(struct service *service, const struct role_files *files, struct renewal_settings settings)
{
	struct err err;

	if (files->count == 0)
		return NULL;
	settings.base = service_base(service);
	settings.names = files->names;
	settings.count = files->count;
	settings.bare = !files->certificates;
	settings.is_over = is_over;
	settings.hold = hold;
	settings.arg = service;

	struct renewal *renewal = renewal_new(&settings, &err);

	if (!renewal)
		log_warn("tlsproxy_certificate_reload: %s%s: changes will not be noticed", settings.label,
		    err.text);
	return renewal;
}

/* Before anything is read or started: what it forks is to know as little as possible. */
static void
prepare_renewal(struct service *service)
{
	struct role_files files;

	if (!server_settings.certificate_reload || service_is_stand_alone(service))
		return;
	role_files_of_server(&files, &server_settings, &globals);
	server_renewal = new_renewal(service, &files,
	    (struct renewal_settings){ .label = "", .build = build_server, .use = use_server });
	role_files_release(&files);
	role_files_of_client(&files, &client_settings, &globals);
	client_renewal = new_renewal(service, &files,
	    (struct renewal_settings){ .label = "client role: ", .build = build_client, .use = use_client });
	role_files_release(&files);
}

static void
pre_jail(struct service *service)
{
	struct err err;

	if (param_load(service_maincf(service), globals_params, &globals, &err) < 0 ||
	    param_load(service_maincf(service), role_client_params, &client_settings, &err) < 0 ||
	    param_load(service_maincf(service), tlsmgr_params, &tlsmgr_settings, &err) < 0 ||
	    param_load(service_maincf(service), score_params, &score_settings, &err) < 0)
		log_fatal("%s", err.text);
	prepare_renewal(service);
	sni_tables_open(service, &server_settings, &globals, hold);
	shared.server = role_server_context(&server_settings, &globals);
	if (shared.server)
		served_warn(shared.server);
	shared.client = role_client_new(&client_settings, &globals, shared.server != NULL);
	if (shared.client && role_client_expected(shared.client))
		served_warn(role_client_expected(shared.client));
	shared.board = score_open(service, &score_settings);
}

static void
session_gone(void *service)
{
	heap_leave(heap);
	service_client_gone(service);
}

static void
post_jail(struct service *service)
{
	heap = heap_new(service_base(service), HEAP_PERIOD_MS);
	shared.base = service_base(service);
	shared.gone = session_gone;
	shared.context = service;
	role_server_check_jail(&server_settings);
	if (!shared.server && !shared.client && !server_renewal)
		return;

	char *path = alloc_printf("private/%s", globals.tlsmgr_service_name);
	mgr = mgr_client_new(shared.base, &(struct mgr_client_settings){ .path = path,
					      .idle_s = tlsmgr_settings.ipc_idle_s,
					      .ttl_s = tlsmgr_settings.ipc_ttl_s,
					      .reply_ms = TLSMGR_REPLY_MS });
	free(path);
	shared.caller = caller_settings_new(&server_settings, &globals, make_resumable);
	if (shared.client)
		role_client_begin(shared.client, shared.base, mgr);
	if (shared.server)
		use_server(shared.server, service);
	if (server_renewal)
		renewal_start(server_renewal, shared.server);
	if (client_renewal)
		renewal_start(client_renewal, role_client_expected(shared.client));
}

static void
client(struct service *service, int fd)
{
	(void)service;
	heap_enter(heap);
	session_start(&shared, fd);
}

static void
pre_exit(struct service *service)
{
	(void)service;
	scoreboard_close(shared.board);
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
		.pre_exit = pre_exit,
	};

	return service_main(&program, argc, argv);
}
