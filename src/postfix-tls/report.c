/* SPDX-License-Identifier: ISC */
#include "postfix-tls/report.h"

#include <stdlib.h>

#include "mail/maillog.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/log.h"

#define NAME "postfix-tls-script"

static void
set_tag(void)
{
	const char *log_tag = getenv("MAIL_LOGTAG");
	char *tag = alloc_printf("%s/" NAME, log_tag && *log_tag ? log_tag : "postfix");

	maillog_set_tag(tag);
	free(tag);
}

void
report_start(void)
{
	maillog_init(NAME);
	maillog_also_stderr(true);
	maillog_allow_file(true);
	log_set_fatal(EXIT_FAILURE, 0);
	set_tag();
}

void
report_configure(struct maincf *cf)
{
	struct err err = { 0 };

	/* It has its log already; that is not worth an end. */
	if (maillog_configure(cf, NAME, &err) < 0)
		log_warn("%s", err.text);
}
