// SPDX-License-Identifier: MIT
#include "lib/ops/path.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

/* Tests within tests. */
#define DEPTH_MAX 8

struct parse {
	const char *text, *p, *end;
	bool payload;
	unsigned depth;
};

static struct cr_error *bad(const struct parse *s, const char *what)
{
	if (s->p == s->end)
		return cr_error_new(CR_ERR_USAGE, "path '%.*s': %s at its end",
				    (int)(s->end - s->text), s->text, what);
	return cr_error_new(CR_ERR_USAGE, "path '%.*s': %s at column %td",
			    (int)(s->end - s->text), s->text, what,
			    s->p - s->text + 1);
}

static char peek(const struct parse *s)
{
	return s->p < s->end ? *s->p : 0;
}

static bool accept(struct parse *s, char c)
{
	if (peek(s) != c || !c)
		return false;
	s->p++;
	return true;
}

static void skip_blanks(struct parse *s)
{
	while (accept(s, ' '))
		;
}

/* Fields, and the escapes: "@packed:threads". */
static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '@' || c == ':';
}

static struct cr_error *parse_name(struct parse *s, char **ret)
{
	const char *start = s->p;
	while (is_name(peek(s)))
		s->p++;
	if (s->p == start)
		return bad(s, "need a name");
	*ret = strndup(start, (size_t)(s->p - start));
	if (*ret && !strcmp(*ret, "extra"))
		s->payload = true;
	return *ret ? NULL : cr_enomem;
}

static struct cr_path_step *add_step(struct cr_path_steps *at)
{
	/* Doubling at each power of two. */
	if (!(at->nr & (at->nr - 1))) {
		size_t cap = at->nr ? 2 * at->nr : 1;
		void *step = realloc(at->step, cap * sizeof(at->step[0]));
		if (!step)
			return NULL;
		at->step = step;
	}
	at->step[at->nr] = (struct cr_path_step){ .kind = CR_PATH_ANY };
	return &at->step[at->nr++];
}

static struct cr_error *parse_steps(struct parse *s, struct cr_path_steps *at);

static enum cr_path_op parse_op(struct parse *s)
{
	static const struct {
		const char *text;
		enum cr_path_op op;
	} ops[] = {
		{ "!=", CR_PATH_NE }, { "<=", CR_PATH_LE }, { ">=", CR_PATH_GE },
		{ "=", CR_PATH_EQ },  { "<", CR_PATH_LT },  { ">", CR_PATH_GT },
	};
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		size_t size = strlen(ops[i].text);
		if ((size_t)(s->end - s->p) >= size &&
		    !memcmp(s->p, ops[i].text, size)) {
			s->p += size;
			return ops[i].op;
		}
	}
	return CR_PATH_HAS;
}

/* The end of a JSON string that begins here, or of plain text. */
static struct cr_error *parse_test_value(struct parse *s, char **ret)
{
	skip_blanks(s);
	const char *start = s->p, *end;
	if (accept(s, '"')) {
		while (s->p < s->end && *s->p != '"')
			s->p += 1 + (*s->p == '\\' && s->p + 1 < s->end);
		if (!accept(s, '"'))
			return bad(s, "need '\"'");
		end = s->p;
	} else {
		while (s->p < s->end && *s->p != ',' && *s->p != ']')
			s->p++;
		end = s->p;
		while (end > start && end[-1] == ' ')
			end--;
	}
	*ret = strndup(start, (size_t)(end - start));
	return *ret ? NULL : cr_enomem;
}

static struct cr_error *parse_test(struct parse *s, struct cr_path_step *step)
{
	void *tests = realloc(step->test,
			      (step->nr_tests + 1) * sizeof(step->test[0]));
	if (!tests)
		return cr_enomem;
	step->test = tests;
	struct cr_path_test *test = &step->test[step->nr_tests++];
	*test = (struct cr_path_test){ .op = CR_PATH_HAS };
	skip_blanks(s);
	struct cr_error *err = NULL;
	if (is_name(peek(s)))
		err = parse_steps(s, &test->at);
	if (err)
		return err;
	skip_blanks(s);
	test->op = parse_op(s);
	if (test->op == CR_PATH_HAS)
		return test->at.nr ? NULL : bad(s, "need an index or a test");
	err = parse_test_value(s, &test->value);
	skip_blanks(s);
	return err;
}

static struct cr_error *parse_tests(struct parse *s, struct cr_path_step *step)
{
	struct cr_error *err = NULL;
	do {
		err = parse_test(s, step);
	} while (!err && accept(s, ','));
	return err;
}

/* Digits that are followed by the bracket: an index. */
static bool parse_index(struct parse *s, int64_t *ret)
{
	const char *p = s->p;
	bool negative = p < s->end && *p == '-';
	int64_t v = 0;
	p += negative;
	const char *digits = p;
	for (; p < s->end && *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, *p - '0', &v))
			return false;
	if (p == digits || p == s->end || *p != ']' || (negative && !v))
		return false;
	*ret = negative ? -v : v;
	s->p = p;
	return true;
}

static struct cr_error *parse_select(struct parse *s, struct cr_path_step *step)
{
	struct cr_error *err = NULL;
	skip_blanks(s);
	if (parse_index(s, &step->index)) {
		step->kind = CR_PATH_INDEX;
	} else {
		step->kind = CR_PATH_EACH;
		step->all = accept(s, '*');
		skip_blanks(s);
		if (!step->all || accept(s, ','))
			err = parse_tests(s, step);
	}
	if (!err && !accept(s, ']'))
		err = bad(s, "need ']'");
	return err;
}

static struct cr_error *parse_step(struct parse *s, struct cr_path_steps *at,
				   bool first)
{
	bool select = !first && accept(s, '[');
	if (!first && !select && !accept(s, '.'))
		return bad(s, "need '.' or '['");
	struct cr_path_step *step = add_step(at);
	if (!step)
		return cr_enomem;
	if (select)
		return parse_select(s, step);
	if (!first && accept(s, '*'))
		return NULL;
	step->kind = CR_PATH_NAME;
	return parse_name(s, &step->name);
}

static struct cr_error *parse_steps(struct parse *s, struct cr_path_steps *at)
{
	if (++s->depth > DEPTH_MAX)
		return bad(s, "tests nested too deeply");
	struct cr_error *err = parse_step(s, at, true);
	while (!err && (peek(s) == '.' || peek(s) == '['))
		err = parse_step(s, at, false);
	s->depth--;
	return err;
}

/* What stands before the first colon, if no bracket does. */
static struct cr_error *parse_image(struct parse *s, struct cr_path *ret)
{
	const char *p = s->p;
	while (p < s->end && *p != ':' && *p != '[')
		p++;
	if (p == s->end || *p != ':')
		return NULL;
	if (p == s->p)
		return bad(s, "need the name of an image");
	ret->image = strndup(s->p, (size_t)(p - s->p));
	if (!ret->image)
		return cr_enomem;
	ret->glob = strpbrk(ret->image, "*?");
	s->p = p + 1;
	return NULL;
}

struct cr_error *cr_path_parse(const char *text, size_t size,
			       struct cr_path *ret)
{
	struct parse s = { text, text, text + size };
	struct cr_path path = { .image = NULL };
	struct cr_error *err = NULL;
	if (memchr(text, 0, size))
		err = cr_error_new(CR_ERR_USAGE, "a path with a NUL");
	if (!err)
		err = parse_image(&s, &path);
	if (!err)
		err = parse_steps(&s, &path.at);
	if (!err && s.p < s.end)
		err = bad(&s, "need '.' or '['");
	if (!err && strcmp(path.at.step[0].name, "entries"))
		err = cr_error_new(CR_ERR_USAGE,
				   "path '%.*s': begins with 'entries', as in "
				   "entries[0].%s",
				   (int)size, text, path.at.step[0].name);
	if (err) {
		cr_path_free(&path);
		return err;
	}
	path.payload = s.payload;
	*ret = path;
	return NULL;
}

static void free_steps(struct cr_path_steps *at)
{
	for (size_t i = 0; i < at->nr; i++) {
		struct cr_path_step *step = &at->step[i];
		for (size_t j = 0; j < step->nr_tests; j++) {
			free_steps(&step->test[j].at);
			free(step->test[j].value);
			json_decref(step->test[j].want);
		}
		free(step->test);
		free(step->name);
	}
	free(at->step);
}

void cr_path_free(struct cr_path *path)
{
	free_steps(&path->at);
	free(path->image);
}

bool cr_path_takes(const struct cr_path *path, const char *image)
{
	if (!path->glob)
		return !path->image || !strcmp(path->image, image);
	return !fnmatch(path->image, image, FNM_NOESCAPE);
}
