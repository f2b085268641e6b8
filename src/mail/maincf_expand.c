/* SPDX-License-Identifier: ISC */
#include "mail/maincf_expand.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/compat_level.h"
#include "mail/logical_line.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"

enum {
	DEEPEST = 100,         /* Postfix's limit; reached by loops first of all */
	DEEPEST_RELATION = 10, /* the sides of a comparison start a new count, which must end too */
	MOST_STEPS = 1000000,  /* a = $b$b, b = $c$c, ... doubles at each step */
	LONGEST = 256 << 20,
	REST_SHOWN = 20,
};

struct slice {
	const char *at;
	size_t len;
};

struct expansion {
	maincf_expand_lookup_fn lookup; /* or */
	maincf_expand_visit_fn visit;   /* every branch is walked and nothing is looked up */
	void *context;
	struct err *err;
	int steps;
	int relations; /* how deep inside sides of comparisons */
};

static int expand(struct expansion *x, struct slice text, int depth, struct buf *to);

/* printf arguments for "%.*s" */
#define SHOW(slice)      (int)((slice).len < INT32_MAX ? (slice).len : INT32_MAX), (slice).at
#define SHOW_REST(slice) (int)((slice).len < REST_SHOWN ? (slice).len : REST_SHOWN), (slice).at

static int
failed(struct expansion *x)
{
	return err_set(x->err, "macro processing error");
}

static bool
is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static struct slice
slice_of(const char *text)
{
	return (struct slice){ .at = text, .len = strlen(text) };
}

static void
skip(struct slice *text, size_t len)
{
	text->at += len;
	text->len -= len;
}

static void
skip_space(struct slice *text)
{
	while (text->len > 0 && logical_line_is_space(text->at[0]))
		skip(text, 1);
}

static size_t
name_len(struct slice text)
{
	size_t len = 0;

	while (len < text.len && is_name_char(text.at[len]))
		len++;
	return len;
}

/* `text` begins with `open`; its content goes to `inside`, and `text` moves behind the matching `close`. */
static bool
take_bracketed(struct slice *text, char open, char close, struct slice *inside)
{
	size_t nesting = 0;

	for (size_t i = 0; i < text->len; i++) {
		if (text->at[i] == open)
			nesting++;
		else if (text->at[i] == close && --nesting == 0) {
			*inside = (struct slice){ .at = text->at + 1, .len = i - 1 };
			skip(text, i + 1);
			return true;
		}
	}
	return false;
}

static int
take_braces(struct expansion *x, struct slice *text, struct slice *inside)
{
	if (take_bracketed(text, '{', '}', inside))
		return 0;
	log_warn("unbalanced {} in attribute expression: \"%.*s\"", SHOW(*text));
	return failed(x);
}

/* {text} with white space around it, or everything that is left. */
static int
take_operand(struct expansion *x, struct slice *text, struct slice *operand)
{
	struct slice rest = *text;

	skip_space(&rest);
	if (rest.len == 0 || rest.at[0] != '{') {
		*operand = *text;
		skip(text, text->len);
		return 0;
	}
	*text = rest;
	if (take_braces(x, text, operand) < 0)
		return -1;
	skip_space(text);
	return 0;
}

/* --- comparisons --- */

enum comparison { EQUAL, UNEQUAL, BELOW, AT_MOST, AT_LEAST, ABOVE };

static const char *const comparisons[] = {
	[EQUAL] = "==",
	[UNEQUAL] = "!=",
	[BELOW] = "<",
	[AT_MOST] = "<=",
	[AT_LEAST] = ">=",
	[ABOVE] = ">",
};

struct relation {
	struct slice left, right;
	enum comparison comparison;
	bool by_level;
};

static bool
holds(enum comparison comparison, int order)
{
	switch (comparison) {
	case EQUAL:
		return order == 0;
	case UNEQUAL:
		return order != 0;
	case BELOW:
		return order < 0;
	case AT_MOST:
		return order <= 0;
	case AT_LEAST:
		return order >= 0;
	case ABOVE:
		return order > 0;
	}
	return false;
}

/* The longest run of operator characters must be an operator as a whole. */
static bool
take_comparison(struct slice *text, enum comparison *comparison)
{
	size_t len = 0;

	while (len < text->len && text->at[len] != '\0' && strchr("<>!=?+-*/~&|%", text->at[len]) != NULL)
		len++;
	for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++)
		if (strlen(comparisons[i]) == len && memcmp(comparisons[i], text->at, len) == 0) {
			*comparison = (enum comparison)i;
			skip(text, len);
			return true;
		}
	return false;
}

static int
take_relation(struct expansion *x, struct slice *text, struct relation *relation)
{
	struct slice rest;
	size_t suffix_len = 0;

	if (take_braces(x, text, &relation->left) < 0)
		return -1;
	skip_space(text);
	if (!take_comparison(text, &relation->comparison)) {
		log_warn("\"==\" or \"!=\"\" or \"<\"\" or \"<=\"\" or \">=\"\" or \">\" expected at: "
			 "\"...%.*s}>>>%.*s\"",
		    SHOW(relation->left), SHOW_REST(*text));
		return failed(x);
	}
	while (suffix_len < text->len && text->at[suffix_len] != '_' && is_name_char(text->at[suffix_len]))
		suffix_len++;
	relation->by_level = suffix_len == 5 && memcmp(text->at, "level", 5) == 0;
	if (suffix_len > 0 && !relation->by_level) {
		log_warn("bad operator suffix at: \"...%s>>>%.*s\"", comparisons[relation->comparison],
		    (int)(suffix_len < REST_SHOWN ? suffix_len : REST_SHOWN), text->at);
		return failed(x);
	}
	skip(text, suffix_len);
	rest = *text;
	skip_space(&rest);
	if (rest.len == 0 || rest.at[0] != '{') {
		log_warn("\"{expression}\" expected at: \"...{%.*s} %s>>>%.*s\"", SHOW(relation->left),
		    comparisons[relation->comparison], SHOW_REST(*text));
		return failed(x);
	}
	*text = rest;
	return take_braces(x, text, &relation->right);
}

static bool
is_number(const char *text)
{
	return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static int
to_number(struct expansion *x, const char *text, int64_t *number)
{
	errno = 0;
	*number = strtoll(text, NULL, 10);
	if (errno != 0)
		return err_set(x->err, "mac_exp_eval: bad conversion: %s", text);
	return 0;
}

static int
to_level(struct expansion *x, const char *text, int64_t *level)
{
	if (compat_level_parse(text, level))
		return 0;
	log_warn("malformed compatibility level syntax: \"%s\"", text);
	return failed(x);
}

/* 1, 0 or -1. */
static int
compare(struct expansion *x, const struct relation *relation, const char *left, const char *right)
{
	int (*convert)(struct expansion *, const char *, int64_t *) = NULL;
	int64_t a, b;

	if (relation->by_level)
		convert = to_level;
	else if (is_number(left) && is_number(right))
		convert = to_number;
	else
		return holds(relation->comparison, strcmp(left, right));
	if (convert(x, left, &a) < 0 || convert(x, right, &b) < 0)
		return -1;
	return holds(relation->comparison, (a > b) - (a < b));
}

static int
eval_relation(struct expansion *x, const struct relation *relation)
{
	struct buf left = BUF_INIT, right = BUF_INIT;
	int result = -1;

	if (++x->relations > DEEPEST_RELATION) {
		log_warn("unreasonable macro call nesting: \"%.*s\"", SHOW(relation->left));
		result = failed(x);
	} else if (expand(x, relation->left, 0, &left) == 0 && expand(x, relation->right, 0, &right) == 0) {
		result = x->visit != NULL ? 1 : compare(x, relation, buf_str(&left), buf_str(&right));
	}
	x->relations--;
	buf_release(&left);
	buf_release(&right);
	return result;
}

/* --- expressions: what is inside ${...} --- */

struct expression {
	bool is_relation;
	struct relation relation;
	struct slice name;
	bool has_if_true, has_if_false;
	struct slice if_true, if_false;
};

static int
take_branches(struct expansion *x, struct slice *text, struct expression *e)
{
	if (text->at[0] == '?') {
		skip(text, 1);
		if (take_operand(x, text, &e->if_true) < 0)
			return -1;
		e->has_if_true = true;
		if (text->len == 0)
			return 0;
		if (text->at[0] != ':') {
			log_warn(
			    "\":\" expected at: \"...%.*s}>>>%.*s\"", SHOW(e->if_true), SHOW_REST(*text));
			return failed(x);
		}
	}
	skip(text, 1);
	if (take_operand(x, text, &e->if_false) < 0)
		return -1;
	e->has_if_false = true;
	if (text->len > 0) {
		log_warn("unexpected input at: \"...%.*s}>>>%.*s\"", SHOW(e->if_false), SHOW_REST(*text));
		return failed(x);
	}
	return 0;
}

/* The name or comparison at the start; what is left of `text` is its branches. */
static int
take_head(struct expansion *x, struct slice *text, struct expression *e)
{
	struct slice start = *text, rest;

	*e = (struct expression){ 0 };
	skip_space(text);
	if (text->len > 0 && text->at[0] == '{') {
		e->is_relation = true;
		if (take_relation(x, text, &e->relation) < 0)
			return -1;
	} else {
		e->name = (struct slice){ .at = text->at, .len = name_len(*text) };
		skip(text, e->name.len);
	}
	rest = *text;
	skip_space(text);
	if (text->len == 0 || text->at[0] == '?' || text->at[0] == ':')
		return 0;
	if (e->is_relation)
		log_warn("\"?\" or \":\" expected at: \"...}>>>%.*s\"", SHOW_REST(*text));
	else
		log_warn("attribute name syntax error at: \"...%.*s>>>%.*s\"", (int)(rest.at - start.at),
		    start.at, SHOW_REST(rest));
	return failed(x);
}

/* The expanded value of the name, or, for a condition, whether it is set: 1, 0 or -1. */
static int
eval_name(struct expansion *x, struct slice name, bool is_condition, int depth, struct buf *to)
{
	char *key = alloc_string_n(name.at, name.len);
	const char *value = NULL;
	bool is_default = false;
	int result = 0;

	if (x->visit != NULL)
		x->visit(key, x->context);
	else
		value = x->lookup(key, &is_default, x->context);
	free(key);
	if (value == NULL)
		return 0;
	if (is_condition && !is_default)
		return *value != '\0';
	if (is_condition) {
		struct buf expanded = BUF_INIT;

		result = expand(x, slice_of(value), depth + 1, &expanded);
		if (result == 0)
			result = expanded.len > 0;
		buf_release(&expanded);
		return result;
	}
	return expand(x, slice_of(value), depth + 1, to);
}

static int
eval_expression(struct expansion *x, struct slice text, int depth, struct buf *to)
{
	struct expression e;
	int is_true;

	if (take_head(x, &text, &e) < 0)
		return -1;
	if (!e.is_relation && text.len == 0)
		return eval_name(x, e.name, false, depth, to);
	/* What is wrong with the branches comes to light only now. */
	is_true = e.is_relation ? eval_relation(x, &e.relation) : eval_name(x, e.name, true, depth, NULL);
	if (is_true < 0)
		return -1;
	if (text.len == 0) {
		if (is_true)
			buf_add_str(to, "true");
		return 0;
	}
	if (take_branches(x, &text, &e) < 0)
		return -1;
	if ((is_true || x->visit != NULL) && e.has_if_true && expand(x, e.if_true, depth + 1, to) < 0)
		return -1;
	if ((!is_true || x->visit != NULL) && e.has_if_false && expand(x, e.if_false, depth + 1, to) < 0)
		return -1;
	return 0;
}

/* --- text: literals and references --- */

struct token {
	bool is_reference;
	struct slice text; /* the literal, or what is inside the brackets */
};

/* The next token of `text`, which is not empty and moves on; `whole` is for messages. */
static int
take_token(struct expansion *x, struct slice *text, struct slice whole, struct token *token)
{
	const char *dollar = memchr(text->at, '$', text->len);
	char open = '\0';

	token->is_reference = dollar == text->at;
	if (!token->is_reference) {
		token->text = (struct slice){ .at = text->at,
			.len = dollar != NULL ? (size_t)(dollar - text->at) : text->len };
		skip(text, token->text.len);
		return 0;
	}
	skip(text, 1);
	if (text->len > 0)
		open = text->at[0];
	if (open == '$') {
		*token = (struct token){ .is_reference = false, .text = { .at = text->at, .len = 1 } };
		skip(text, 1);
		return 0;
	}
	if (open == '{' || open == '(') {
		if (!take_bracketed(text, open, open == '{' ? '}' : ')', &token->text)) {
			log_warn("truncated macro reference: \"%.*s\"", SHOW(whole));
			return failed(x);
		}
	} else {
		token->text = (struct slice){ .at = text->at, .len = name_len(*text) };
		skip(text, token->text.len);
	}
	if (token->text.len == 0) {
		log_warn("empty macro name: \"%.*s\"", SHOW(whole));
		return failed(x);
	}
	return 0;
}

static int
expand(struct expansion *x, struct slice text, int depth, struct buf *to)
{
	struct slice whole = text;
	struct token token;

	while (text.len > 0) {
		if (take_token(x, &text, whole, &token) < 0)
			return -1;
		if (depth > DEEPEST || ++x->steps > MOST_STEPS || to->len + token.text.len > LONGEST) {
			log_warn("unreasonable macro call nesting: \"%.*s\"", SHOW(token.text));
			return failed(x);
		}
		if (!token.is_reference)
			buf_add(to, token.text.at, token.text.len);
		else if (eval_expression(x, token.text, depth, to) < 0)
			return -1;
	}
	return 0;
}

int
maincf_expand_text(
    const char *text, maincf_expand_lookup_fn lookup, void *context, struct buf *value, struct err *err)
{
	struct expansion x = { .lookup = lookup, .context = context, .err = err };

	return expand(&x, slice_of(text), 0, value);
}

int
maincf_expand_names(const char *text, maincf_expand_visit_fn visit, void *context)
{
	struct expansion x = { .visit = visit, .context = context };
	struct buf scratch = BUF_INIT;
	int result = expand(&x, slice_of(text), 0, &scratch);

	buf_release(&scratch);
	return result;
}
