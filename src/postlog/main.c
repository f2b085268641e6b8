/* SPDX-License-Identifier: ISC */
/*
 * postlog: logs for shell scripts, where and how the daemons log.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mail/environment.h"
#include "mail/maillog.h"
#include "mail/maincf.h"
#include "mail/param.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"
#include "util/text.h"

struct options {
	enum log_level level;
	const char *tag; /* NULL: the usual one */
};

static enum log_level
level_named(const char *word)
{
	static const struct {
		const char *word;
		enum log_level level;
	} levels[] = {
		{ "info", LOG_LEVEL_INFO },
		{ "warn", LOG_LEVEL_WARNING },
		{ "warning", LOG_LEVEL_WARNING },
		{ "error", LOG_LEVEL_ERROR },
		{ "fatal", LOG_LEVEL_FATAL },
		{ "panic", LOG_LEVEL_PANIC },
	};

	for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
		if (text_equal_nocase(word, levels[i].word))
			return levels[i].level;
	}
	log_fatal("unknown priority \"%s\": use info, warn, error, fatal or panic", word);
}

static struct options
parse_options(int argc, char **argv)
{
	struct options options = { .level = LOG_LEVEL_INFO };
	int option;

	opterr = 0;
	while ((option = getopt(argc, argv, "c:ip:t:v")) > 0) {
		switch (option) {
		case 'c':
			environment_set("MAIL_CONFIG", optarg);
			break;
		case 'i':
			/* The process id is always there. */
			break;
		case 'p':
			options.level = level_named(optarg);
			break;
		case 't':
			options.tag = optarg;
			break;
		case 'v':
			log_verbosity++;
			break;
		default:
			log_fatal("usage: postlog [-iv] [-c config_dir] [-p priority] [-t tag] [text...]");
		}
	}
	return options;
}

static void
configure(const struct options *options, bool terminal)
{
	struct maincf *cf = maincf_new(maincf_directory(), param_default);
	struct err err;

	if (maincf_load(cf, &err) < 0 || maillog_configure(cf, "postlog", &err) < 0)
		log_fatal("%s", err.text);
	if (options->tag)
		maillog_set_tag(options->tag);
	maillog_also_stderr(terminal);
	maincf_free(cf);
}

static void
log_arguments(enum log_level level, char **words)
{
	struct buf text = BUF_INIT;

	for (; *words; words++) {
		buf_add_str(&text, *words);
		if (words[1])
			buf_add_byte(&text, ' ');
	}
	log_line(level, "%s", buf_str(&text));
	buf_release(&text);
}

static void
log_input(enum log_level level)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t len;

	while ((len = getline(&line, &room, stdin)) >= 0) {
		if (len > 0 && line[len - 1] == '\n')
			line[len - 1] = '\0';
		log_line(level, "%s", line);
	}
	if (ferror(stdin))
		log_fatal("read standard input: %m");
	free(line);
}

int
main(int argc, char **argv)
{
	bool terminal = isatty(STDERR_FILENO);
	struct options options;

	maillog_allow_file(true);
	maillog_init("postlog");
	/* What is wrong with the command itself, its user should see. */
	maillog_also_stderr(true);
	options = parse_options(argc, argv);
	configure(&options, terminal);
	if (optind < argc)
		log_arguments(options.level, argv + optind);
	else
		log_input(options.level);
	if (options.level >= LOG_LEVEL_FATAL)
		sleep(1);
	return 0;
}
