/* SPDX-License-Identifier: ISC */
/*
 * overrides: settings in master.cf (-o name=value), which count more than main.cf for their service.
 */
#ifndef POSTFIX_TLS_OVERRIDES_H
#define POSTFIX_TLS_OVERRIDES_H

struct findings;
struct json_t;
struct site;

/* Finds those of `names` (NULL at the end). A master.cf that cannot be read is a finding, too. */
void overrides_find(const struct site *site, const char *const *names, struct findings *findings);

/* The same for what says which keys the servers have. */
void overrides_find_keys(const struct site *site, struct findings *findings);

/* An array of objects: service, type, name, value. Released with json_decref(). */
struct json_t *overrides_json(const struct site *site, const char *const *names);

#endif
