/* SPDX-License-Identifier: ISC */
/*
 * caller_settings: contexts of the server role for callers of Postfix 3.12, whose requests say how they want
 * it.
 *
 * What such a caller wants is mostly what tlsproxy has. Otherwise the caller's settings make a context of
 * their own, of files that are read as the user and in the jail that the process is in.
 */
#ifndef TLSPROXY_CALLER_SETTINGS_H
#define TLSPROXY_CALLER_SETTINGS_H

struct caller_settings;
struct context;
struct globals;
struct role_server_settings;
struct tlsproxy_server_request;

/* A new context goes to `prepare` before it is used. All are borrowed. */
struct caller_settings *caller_settings_new(const struct role_server_settings *settings,
    const struct globals *globals, void (*prepare)(struct context *context));
void caller_settings_free(struct caller_settings *caller);

/* The context that the request asks for, with a reference for the caller: `own`, if it says what our settings
 * say. NULL: there is none. Warns about settings that are not ours. */
struct context *caller_settings_context(
    struct caller_settings *caller, const struct tlsproxy_server_request *request, struct context *own);

/* Certificates have been renewed: contexts of older files are not for new sessions. */
void caller_settings_forget(struct caller_settings *caller);

#endif
