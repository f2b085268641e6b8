/* SPDX-License-Identifier: ISC */
/*
 * check_files: who can read and change the files, and whether they are where a jail lets them be seen.
 */
#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/mastercf.h"
#include "tls/authority.h"
#include "tls/pemfile.h"
#include "tls/probe.h"
#include "tlscheck/check_impl.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"

/* --- keys --- */

static char *
directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash > path ? alloc_string_n(path, (size_t)(slash - path)) : alloc_string("/");
}

static bool
is_mail_owner(struct scope *scope, uid_t uid)
{
	const struct passwd *owner = getpwnam(scope_value(scope, "mail_owner"));

	/* An ordinary user's system has one user only. */
	return owner && owner->pw_uid == uid && uid != geteuid();
}

static void
check_key_directory(struct check *check, struct scope *scope, const char *name, const char *path)
{
	char *directory = directory_of(path);
	struct stat st;

	if (stat(directory, &st) == 0 && (st.st_mode & S_IWOTH) && !(st.st_mode & S_ISVTX))
		finding_mend_mode(check_found(check, scope, "key-directory", name,
				      "%s: everybody can replace what is in %s", path, directory),
		    directory, "o-w");
	free(directory);
}

const char *
check_open_bits(mode_t mode)
{
	if (!(mode & S_IWGRP))
		return "o-rwx";
	return mode & S_IRWXO ? "g-w,o-rwx" : "g-w";
}

void
check_key_file(struct check *check, struct scope *scope, const char *name, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return;
	if (st.st_mode & S_IROTH)
		finding_mend_mode(check_found(check, scope, "key-readable", name,
				      "%s: everybody can read the private key", path),
		    path, check_open_bits(st.st_mode));
	else if (st.st_mode & (S_IWGRP | S_IWOTH))
		finding_mend_mode(check_found(check, scope, "key-writable", name,
				      "%s: others than the owner can change the private key", path),
		    path, check_open_bits(st.st_mode));
	if (is_mail_owner(scope, st.st_uid)) {
		char *quoted = finding_quote(path);

		finding_mend(check_found(check, scope, "key-owner", name, "%s: the private key belongs to %s",
				 path, scope_value(scope, "mail_owner")),
		    "chown root %s", quoted);
		free(quoted);
	}
	check_key_directory(check, scope, name, path);
}

/* --- configuration --- */

static void
check_configuration(struct check *check, const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && st.st_mode & S_IWOTH)
		finding_mend_mode(
		    check_add(check, "config-writable", alloc_string(path), "everybody can change the file"),
		    path, "o-w");
}

static void
check_data_directory(struct check *check, struct scope *scope)
{
	const char *directory = scope_value(scope, "data_directory"),
		   *name = scope_value(scope, "mail_owner");
	const struct passwd *owner = getpwnam(name);
	struct stat st;

	if (!owner || stat(directory, &st) < 0 || st.st_uid == owner->pw_uid)
		return;
	/* An ordinary user's system takes nobody's name. */
	if (st.st_uid == 0 || st.st_uid != geteuid()) {
		char *quoted = finding_quote(directory);
		struct finding *found = check_found(check, scope, "data-directory-owner", "data_directory",
		    "%s does not belong to %s", directory, name);

		finding_mend(found, "chown %s %s", name, quoted);
		free(quoted);
	}
}

/* --- authorities --- */

const char *
check_system_authorities(void)
{
	const char *file = authority_default_file();

	return access(file, R_OK) == 0 ? file : "/etc/ssl/certs/ca-certificates.crt";
}

static void
check_ca_file(const struct role *role, const char *rest)
{
	const char *value = role_value(role, rest);
	char *path = check_path(role->scope, value);
	struct pemfile *pemfile = pemfile_new();
	int code = access(path, R_OK) < 0 ? errno : 0;
	struct err err;

	if (!*value)
		goto out;
	if (code != 0 &&
	    !check_is_denied(role->check, scope_where(role->scope, role_name(role, rest)), path, code))
		role_found(role, "file-unusable", rest, "%s: open %s: %s",
		    scope_source(role->scope, role_name(role, rest)), path, strerror(code));
	/* One that is larger than a key ever is will be a bundle. */
	else if (pemfile_add_file(pemfile, path, &err) < 0)
		goto out;
	else if (pemfile_next(pemfile, PEMFILE_CERTIFICATE, 0) == pemfile_count(pemfile))
		role_found(role, "ca-file-empty", rest, "%s: there is no certificate in %s",
		    scope_source(role->scope, role_name(role, rest)), value);
out:
	pemfile_free(pemfile);
	free(path);
}

/* Names as openssl rehash makes them: eight hexadecimal digits, a dot, a number. */
static bool
has_hashes(const char *path)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	bool found = false, any = false;

	if (!directory)
		return true;
	while (!found && (entry = readdir(directory))) {
		any = any || entry->d_name[0] != '.';
		found = strspn(entry->d_name, "0123456789abcdef") == 8 && entry->d_name[8] == '.';
	}
	closedir(directory);
	return found || !any;
}

static bool
verifies(const struct role *role)
{
	if (role->server)
		return role_is_yes(role, "ask_ccert");
	return level_must_match(role_level(role));
}

static void
check_ca_path(const struct role *role)
{
	const char *value = role_value(role, "CApath");
	const char *name = scope_source(role->scope, role_name(role, "CApath"));
	const struct mastercf_entry *entry = scope_entry(role->scope);
	char *path = check_path(role->scope, value), *quoted = finding_quote(path);
	char *jailed = alloc_printf("%s%s", scope_value(role->scope, "queue_directory"), path);
	struct finding *found;
	struct stat st;

	if (!*value)
		goto out;
	if (stat(path, &st) < 0 && check_is_denied(role->check, scope_where(role->scope, name), path, errno))
		goto out;
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
		found = role_found(role, "ca-path-missing", "CApath", "%s: %s is no directory", name, value);
		scope_mend_remove(role->scope, found, name, false);
		goto out;
	}
	if (!has_hashes(path))
		finding_mend(role_found(role, "ca-path-unhashed", "CApath",
				 "%s: nothing in %s has a hash for a name", name, value),
		    "openssl rehash %s", quoted);
	if (entry && entry->chroot && !*role_value(role, "CAfile") && stat(jailed, &st) < 0) {
		found = role_found(role, "ca-path-jail", "CApath", "%s: %s is not in the jail", name, value);
		if (!verifies(role))
			finding_set_severity(found, FINDING_NOTE);
		scope_mend_set(
		    role->scope, found, role_name(role, "CAfile"), check_system_authorities(), false);
	}
out:
	free(jailed);
	free(quoted);
	free(path);
}

/* --- DH parameters --- */

static void
check_dh(const struct role *role)
{
	enum { STRONG_BITS = 2048 };
	const char *value = role_value(role, "dh1024_param_file");
	const char *name = scope_source(role->scope, role_name(role, "dh1024_param_file"));
	struct buf log = BUF_INIT;
	struct finding *found = NULL;
	int bits;

	if (!role->server || !*value || strcmp(value, "auto") == 0)
		return;
	bits = probe_dh_bits(value, &log);
	if (bits == 0)
		found = role_found(role, "dh-file-unusable", "dh1024_param_file",
		    "%s: there are no parameters in %s", name, value);
	else if (bits < STRONG_BITS)
		found = role_found(role, "dh-weak", "dh1024_param_file",
		    "%s: the parameters in %s have %d bits", name, value, bits);
	scope_mend_remove(role->scope, found, name, false);
	buf_release(&log);
}

static void
check_role(const struct role *role)
{
	check_ca_file(role, "CAfile");
	if (!role->server)
		check_ca_file(role, "trust_anchor_file");
	check_ca_path(role);
	check_dh(role);
}

void
check_files(struct check *check)
{
	check_configuration(check, effective_main_path(check->effective));
	check_configuration(check, effective_master_path(check->effective));
	check_data_directory(check, effective_scope(check->effective, 0));
	check_each_role(check, check_role);
}
