/* SPDX-License-Identifier: ISC */
/*
 * check_impl: what the checks have in common. Each check_SUBJECT.c goes over one subject.
 */
#ifndef TLSCHECK_CHECK_IMPL_H
#define TLSCHECK_CHECK_IMPL_H

#include <stdbool.h>
#include <sys/types.h>

#include "tlscheck/check.h"
#include "tlscheck/effective.h"
#include "tlscheck/finding.h"
#include "tlscheck/scope.h"
#include "tls/level.h"

struct check {
	const struct check_site *site;
	struct effective *effective;
	struct finding_list *findings;
};

/* One side of TLS in one scope: the parameters whose names begin with `prefix`. */
struct role {
	struct check *check;
	struct scope *scope;
	const char *prefix; /* smtpd_tls_, smtp_tls_, lmtp_tls_, tlsproxy_tls_, tlsproxy_client_ */
	bool server;
};

/* All roles there are: of main.cf, and of each service that has a part in TLS. */
typedef void (*role_fn)(const struct role *role);
void check_each_role(struct check *check, role_fn fn);

/* main.cf alone, and each service. */
typedef void (*check_scope_fn)(struct check *check, struct scope *scope);
void check_each_scope(struct check *check, check_scope_fn fn);

/* The name of a parameter of the role, and its value. Borrowed from the scope. */
const char *role_name(const struct role *role, const char *rest);
const char *role_value(const struct role *role, const char *rest);
bool role_is_yes(const struct role *role, const char *rest);

/* The level in force; LEVEL_INVALID when it is no level. A wrapper-mode server's is LEVEL_ENCRYPT. */
enum level role_level(const struct role *role);

/* The parameter that this level comes from. */
const char *role_level_name(const struct role *role);

/* Adds a finding about a parameter, where its text is. */
#define check_found(check, scope, id, name, ...) check_add(check, id, scope_where(scope, name), __VA_ARGS__)
#define role_found(role, id, rest, ...)                                                                      \
	check_found((role)->check, (role)->scope, id, role_name(role, rest), __VA_ARGS__)

/* Takes `where`. */
struct finding *check_add(struct check *check, const char *id, char *where, const char *what, ...)
    __attribute__((format(printf, 4, 5)));

/* "NAME = VALUE" of the parameter that decides about a name. Borrowed from the scope. */
const char *check_setting(struct scope *scope, const char *name);

/* The path as a service sees it before its jail: relative ones count from the queue directory. Freed by the
 * caller. */
char *check_path(struct scope *scope, const char *path);

/* True, and found: it is only this user who may not look at a file, as errno tells. Takes `where`. */
bool check_is_denied(struct check *check, char *where, const char *path, int code);

/* What goes with a restriction, a word of parameter `name`, that looks at client certificates. `asked`:
 * clients are asked for them, which `ask` sees to. In check_levels.c. */
void check_ccert_restriction(struct check *check, struct scope *scope, const char *name, const char *word,
    bool asked, const char *ask);

/* The fingerprints of client certificates in a table; a tables_fn. In check_tables.c. */
struct tables_item;
void check_client_list(
    struct check *check, struct scope *scope, const char *name, const struct tables_item *item);

/* A service on port 25 that others can reach requires TLS. `setting` mends it. In check_levels.c. */
void check_required_on_25(struct check *check, struct scope *scope, bool requires, const char *setting);

/* What a member of a list is: "word" in "other, word". */
bool check_lists(const char *list, const char *word);

/* Whether certificates that start at the leaf with this index are fit to be shown. In check_chain.c. */
struct pemfile;
struct check_chain {
	const struct pemfile *pemfile;
	struct scope *scope;
	const char *name;     /* parameter that names the files */
	const char *key_file; /* of the leaf; NULL: there is none that could be named */
	const char *where;    /* of that instead of the parameter's place; may be NULL */
	const char *ca_file;  /* of authorities that peers may know; "" */
	const char *ca_path;
	const char *host; /* the server's name; NULL: client */
};
void check_chain(struct check *check, const struct check_chain *chain, size_t leaf);
char *check_chain_where(const struct check_chain *chain); /* freed by the caller */

/* What chmod is to take away of a secret's mode: all of others' rights, and the group's right to write, as
 * far as they are there. In check_files.c. */
const char *check_open_bits(mode_t mode);

/* Adds the commands that make a key and put it in force. */
void check_mend_new_key(struct check *check, struct finding *found);

/* For certificates that are renewed by another program: adds commands, if there is one that would do. In
 * check_renewal.c. */
struct lineage;

/* fullchain.pem beside `file`, if it begins with the certificate of this public key. */
void check_renewal_mend_chain(
    const struct check_chain *chain, struct finding *found, const char *file, const char *digest);

/* privkey.pem beside `file`, if it is this key, for parameter `name`. */
void check_renewal_mend_key(
    struct scope *scope, struct finding *found, const char *name, const char *file, const char *digest);

/* Links that lead to files that belong together. False: there are none. */
bool check_renewal_mend_links(struct finding *found, const char *key, const char *cert);

/* A program that runs `command` after each renewal. */
void check_renewal_mend_hook(const struct lineage *lineage, struct finding *found, const char *command);

/* Modes and owners of a file with a private key in it. In check_files.c. */
void check_key_file(struct check *check, struct scope *scope, const char *name, const char *path);

/* The file of the system's authorities. In check_files.c. */
const char *check_system_authorities(void);

void check_legacy(struct check *check);
void check_names(struct check *check);
void check_values(struct check *check);
void check_words(struct check *check);
void check_levels(struct check *check);
void check_clients(struct check *check);
void check_certs(struct check *check);
void check_renewal(struct check *check);
void check_files(struct check *check);
void check_tables(struct check *check);
void check_sni(struct check *check);
void check_caches(struct check *check);
void check_services(struct check *check);
void check_tlsgate(struct check *check);
void check_dns(struct check *check);

#endif
