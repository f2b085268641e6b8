/* SPDX-License-Identifier: ISC */
/*
 * postfix-tls-helper: "postfix tls SUBCOMMAND". Started by postfix-tls-script, which is started by postfix(1)
 * with the instance's directories in the environment.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postfix-tls/command.h"
#include "postfix-tls/help.h"
#include "postfix-tls/leftovers.h"
#include "postfix-tls/openssl_path.h"
#include "postfix-tls/postconf.h"
#include "postfix-tls/report.h"
#include "postfix-tls/site.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"

enum { EXIT_ERRORS = 2, EXIT_UNKNOWN = 3 };

enum command_kind {
	TELLS,
	CHANGES, /* one at a time */
	TRIES,   /* status 1 is taken, so failures have their own */
	JUDGES,  /* likewise, and says itself what is wrong with main.cf */
};

static const struct command {
	const char *name;
	const char *arguments;
	command_fn run;
	enum command_kind kind;
} commands[] = {
	{ "enable-client", " [-r devrandom]", cmd_enable_client, CHANGES },
	{ "enable-server", " [-a algorithm] [-b bits ] [-r devrandom] [hostname ...]", cmd_enable_server,
	    CHANGES },
	{ "new-server-key", " [-a algorithm] [-b bits ] [hostname ...]", cmd_new_server_key, CHANGES },
	{ "new-server-cert", " [-a algorithm] [-b bits ] [hostname ...]", cmd_new_server_cert, CHANGES },
	{ "deploy-server-cert", " certfile keyfile", cmd_deploy_server_cert, CHANGES },
	{ "output-server-csr", " [-k keyfile] [hostname ...]", cmd_output_server_csr, TELLS },
	{ "output-server-tlsa", " [-h hostname] [keyfile ...]", cmd_output_server_tlsa, TELLS },
	{ "all-default-client", "", cmd_all_default_client, TELLS },
	{ "all-default-server", "", cmd_all_default_server, TELLS },
	{ "status", " [--json]", cmd_status, TELLS },
	{ "policy", " [--json] nexthop [host]", cmd_policy, TELLS },
	{ "probe",
	    " [--json] [--first] [--resume | --tlsproxy] [-l level] [-o name=value ...] [--resolver address]"
	    " [--trust-anchor file] [--timeout seconds] nexthop",
	    cmd_probe, TRIES },
	{ "check",
	    " [--json | --fix [--yes]] [--dns] [--resolver address] [--trust-anchor file] [--timeout seconds]"
	    " | --list",
	    cmd_check, JUDGES },
};

enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

_Noreturn static void
fail_unknown(const char *name)
{
	struct buf rest = BUF_INIT;

	for (size_t i = 1; i < COMMAND_COUNT; i++)
		buf_printf(&rest, "%s, ", commands[i].name);
	log_error("unknown tls command: '%s'", name);
	log_fatal("usage: postfix tls %s (or %shelp)", commands[0].name, buf_str(&rest));
}

/* NULL: there is none of this name. */
static const struct command *
find_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* What is to be explained: "" for all. NULL when the arguments ask for something else. */
static const char *
help_topic(int argc, char **argv)
{
	if (argc > 1 && (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0))
		return argc > 2 ? argv[2] : "";
	return argc > 2 && strcmp(argv[2], "--help") == 0 ? argv[1] : NULL;
}

static int
explain(const char *topic)
{
	struct buf text = BUF_INIT;
	const struct command *one = *topic ? find_command(topic) : NULL;

	if (*topic && !one)
		fail_unknown(topic);
	if (one)
		help_put_options(&text, one->name, one->arguments);
	for (size_t i = 0; !one && i < COMMAND_COUNT; i++)
		help_put(&text, commands[i].name, commands[i].arguments);
	if (!one)
		buf_add_str(&text,
		    "postfix tls help subcommand\n    says what its options mean; see postfix-tls(1)\n");
	fputs(buf_str(&text), stdout);
	buf_release(&text);
	if (fflush(stdout) != 0)
		log_fatal("write standard output: %m");
	return EXIT_SUCCESS;
}

static const char *
environment(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

static int
run(const struct site *site, const struct command *command, int argc, char **argv)
{
	struct err err = { 0 };

	/* Their order is part of the error message of none of them. */
	opterr = 0;
	switch (command->run(site, argc, argv, &err)) {
	case COMMAND_DONE:
		/* Output that was cut off is no success. */
		if (fflush(stdout) == 0 && !ferror(stdout))
			return EXIT_SUCCESS;
		log_fatal("write standard output: %m");
	case COMMAND_FAILED:
		log_fatal("%s", err.text);
	case COMMAND_USAGE:
		log_fatal("usage: postfix tls %s%s", command->name, command->arguments);
	case COMMAND_ERRORS:
		return EXIT_ERRORS;
	case COMMAND_UNKNOWN:
		return EXIT_UNKNOWN;
	case COMMAND_NO:
		break;
	}
	return EXIT_FAILURE;
}

/* What the command will see is what it changes: nobody else gets in between. */
static void
start(struct site *site, const struct command *command, const char *command_directory)
{
	struct err err = { 0 };

	if (command->kind == CHANGES && leftovers_lock(site->config_directory, &err) < 0)
		log_fatal("%s", err.text);
	site->postconf =
	    postconf_new(command_directory, site->config_directory, command->kind == JUDGES, &err);
	if (site->postconf)
		report_configure(postconf_maincf(site->postconf));
	else
		log_fatal("%s", err.text);
	if (command->kind == CHANGES)
		leftovers_remove(site->config_directory, postconf_text(site->postconf));
}

int
main(int argc, char **argv)
{
	const char *command_directory = environment("command_directory");
	const char *topic = help_topic(argc, argv);
	struct err err = { 0 };
	struct site site = {
		.config_directory = environment("config_directory"),
		.queue_directory = environment("queue_directory"),
	};
	const char *name = argc > 1 ? argv[1] : "";
	const struct command *command = find_command(name);
	struct stat st;
	int status;

	if (!*environment("daemon_directory")) {
		fputs("This script must be run by the postfix command.\nDo not run directly.\n", stderr);
		return EXIT_FAILURE;
	}
	umask(022);
	report_start();
	if (command && (command->kind == JUDGES || command->kind == TRIES))
		log_set_fatal(EXIT_UNKNOWN, 0);
	if (!*command_directory || chdir(command_directory) < 0)
		log_fatal("no Postfix command directory '%s'", command_directory);
	if (openssl_path_check(&err) < 0)
		log_fatal("%s", err.text);
	if (!*site.config_directory || stat(site.config_directory, &st) < 0 || !S_ISDIR(st.st_mode))
		log_fatal("no Postfix configuration directory %s!", site.config_directory);
	if (topic)
		return explain(topic);
	if (command) {
		start(&site, command, command_directory);
		status = run(&site, command, argc - 1, argv + 1);
		postconf_free(site.postconf);
		return status;
	}
	fail_unknown(name);
}
