/* SPDX-License-Identifier: ISC */
#include "postfix-tls/openssl_path.h"

#include "config.h"
#include "mail/maincf.h"
#include "mail/param.h"
#include "postfix-tls/child.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"

#define NAME "openssl_path"

/* 1: appended. 0: main.cf says nothing of it, or cannot be read: that is for those to say who work with it.
 */
static int
configured(struct buf *value)
{
	struct maincf *cf = maincf_new(CONFIG_CONFIG_DIRECTORY, param_default);
	struct buf said = BUF_INIT;
	struct err err;
	int found;

	maincf_behave_as_postconf(cf);
	log_divert(&said);
	found =
	    maincf_load(cf, &err) == 0 && maincf_raw(cf, NAME) && maincf_lookup(cf, NAME, value, &err) >= 0;
	log_divert(NULL);
	buf_release(&said);
	maincf_free(cf);
	return found;
}

int
openssl_path_check(struct err *err)
{
	struct buf program = BUF_INIT;
	const char *argv[] = { NULL, "version", NULL };
	int result = 0;

	if (configured(&program)) {
		argv[0] = buf_str(&program);
		if (!*argv[0] || child_run(argv, NULL, NULL, NULL, err) != 0)
			result =
			    err_set(err, "No working openssl(1) command found with '" NAME " = %s'", argv[0]);
	}
	buf_release(&program);
	return result;
}
