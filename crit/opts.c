// SPDX-License-Identifier: MIT
#include "crit/opts.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crit/text.h"
#include "lib/base/cleanup.h"
#include "lib/base/nearest.h"

static const struct cr_opt help_row = {
	.letter = 'h',
	.name = "help",
	.kind = CR_KIND_HELP,
	.help = "show this help and exit",
};

const struct cr_opt *cr_opts_next(const struct cr_opt *opts,
				  const struct cr_opt *prev)
{
	const struct cr_opt *next;

	if (!prev)
		return &help_row;
	next = prev == &help_row ? opts : prev + 1;
	return next && next->kind != CR_KIND_END ? next : NULL;
}

bool cr_opts_is_arg(const struct cr_opt *opt)
{
	return !opt->letter && !opt->name;
}

// What is being parsed. The words before nr_args are arguments found so far,
// those between nr_args and next are used up.
struct parse {
	const struct cr_opt *opts, *more;
	char **words;
	size_t nr_words, nr_args, next;
	char *own_values, *more_values;
	char *values; // those of the table that has the option at hand
	uint64_t limited; // rows that were given and have words they are of
	bool help;
};

// "bash, zsh, fish"
static const char *join(const char *const *words, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = 0;
	for (; *words && len < size; words++)
		len += snprintf(buf + len, size - len, "%s%s", len ? ", " : "",
				*words);
	return buf;
}

static struct cr_error *store_flag(struct parse *p, const struct cr_opt *opt,
				   char *text)
{
	*(bool *)(void *)(p->values + opt->off) = true;
	return NULL;
}

static struct cr_error *store_help(struct parse *p, const struct cr_opt *opt,
				   char *text)
{
	p->help = true;
	return NULL;
}

static struct cr_error *store_string(struct parse *p, const struct cr_opt *opt,
				     char *text)
{
	*(const char **)(void *)(p->values + opt->off) = text;
	return NULL;
}

static char **list_of(const struct cr_opt *opt, char *values)
{
	return (char **)(void *)(values + opt->off);
}

static struct cr_error *store_list(struct parse *p, const struct cr_opt *opt,
				   char *text)
{
	char **list = list_of(opt, p->values), *more;

	if (asprintf(&more, "%s%s%s", *list ? *list : "", *list ? "," : "",
		     text) < 0)
		return cr_enomem;
	free(*list);
	*list = more;
	return NULL;
}

void cr_opts_free(const struct cr_opt *opts, void *values)
{
	cr_opts_for_each(opt, opts) {
		if (opt->kind != CR_KIND_LIST)
			continue;
		char **list = list_of(opt, values);
		free(*list);
		*list = NULL;
	}
}

static struct cr_error *store_choice(struct parse *p, const struct cr_opt *opt,
				     char *text)
{
	char known[256];

	for (unsigned i = 0; opt->words[i]; i++) {
		if (!strcmp(opt->words[i], text)) {
			*(unsigned *)(void *)(p->values + opt->off) = i + 1;
			return NULL;
		}
	}
	return cr_error_new(CR_ERR_USAGE, "'%s' is not one of %s", text,
			    join(opt->words, known, sizeof(known)));
}

// The digits at text; NULL: there are none, or too many.
static const char *read_digits(const char *text, uint64_t *ret)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = text + (hex ? 2 : 0);
	unsigned char first = (unsigned char)*digits;
	char *end;

	if (!(hex ? isxdigit(first) : isdigit(first)))
		return NULL;
	errno = 0;
	*ret = strtoull(digits, &end, hex ? 16 : 10);
	return errno ? NULL : end;
}

struct cr_error *cr_opts_number(const char *text, uint64_t *ret)
{
	const char *end = read_digits(text, ret);

	if (!end || *end)
		return cr_error_new(CR_ERR_USAGE, "'%s' is not a number", text);
	return NULL;
}

struct cr_error *cr_opts_size(const char *text, uint64_t *ret)
{
	static const char units[] = "KMGT";
	const char *end = read_digits(text, ret), *unit;

	unit = end && *end && !end[1] ? strchr(units, toupper(*end)) : NULL;
	if (!end || (*end && !unit) ||
	    (unit && __builtin_mul_overflow(
			     *ret, 1ull << 10 * (unit - units + 1), ret)))
		return cr_error_new(CR_ERR_USAGE, "'%s' is not a size", text);
	return NULL;
}

static struct cr_error *parse_pid(const char *text, uint32_t *ret,
				  const char **end_ret)
{
	char *end;
	errno = 0;
	unsigned long pid = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || errno || pid > UINT32_MAX ||
	    (*end && *end != ','))
		return cr_error_new(CR_ERR_USAGE, "'%.*s' is no pid",
				    (int)strcspn(text, ","), text);
	*ret = (uint32_t)pid;
	*end_ret = end;
	return NULL;
}

static int by_pid(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

struct cr_error *cr_opts_pids(const char *text, uint32_t **ret, size_t *nr_ret)
{
	size_t nr = 0;
	uint32_t *pids = calloc(strlen(text) / 2 + 1, sizeof(pids[0]));
	if (!pids)
		return cr_enomem;
	for (;;) {
		struct cr_error *err = parse_pid(text, &pids[nr], &text);
		if (err) {
			free(pids);
			return err;
		}
		nr++;
		if (!*text++)
			break;
	}
	qsort(pids, nr, sizeof(pids[0]), by_pid);
	*ret = pids;
	*nr_ret = 1;
	for (size_t i = 1; i < nr; i++) {
		if (pids[i] != pids[*nr_ret - 1])
			pids[(*nr_ret)++] = pids[i];
	}
	return NULL;
}

static struct cr_error *store_number(struct parse *p, const struct cr_opt *opt,
				     char *text)
{
	return cr_opts_number(text,
			      (uint64_t *)(void *)(p->values + opt->off));
}

static struct cr_error *store_count(struct parse *p, const struct cr_opt *opt,
				    char *text)
{
	uint64_t *value = (void *)(p->values + opt->off);
	struct cr_error *err = store_number(p, opt, text);
	if (!err && !*value)
		return cr_error_new(CR_ERR_USAGE, "0 is too small");
	return err;
}

// To add a kind: its value in enum cr_kind, a macro beside CR_FLAG that names
// the type it stores, and a row here. The text is NULL without a value. Its
// error says what is wrong with the text; parsing puts the option in front.
// clang-format off
static const struct {
	bool has_value;
	struct cr_error *(*store)(struct parse *p, const struct cr_opt *opt,
				  char *text);
} kinds[] = {
	[CR_KIND_FLAG]   = { false, store_flag },
	[CR_KIND_STRING] = { true,  store_string },
	[CR_KIND_LIST]   = { true,  store_list },
	[CR_KIND_CHOICE] = { true,  store_choice },
	[CR_KIND_NUMBER] = { true,  store_number },
	[CR_KIND_COUNT]  = { true,  store_count },
	[CR_KIND_WORDS]  = { true,  NULL }, // by position, see assign_words()
	[CR_KIND_HELP]   = { false, store_help },
};
// clang-format on

bool cr_opts_has_value(const struct cr_opt *opt)
{
	return !cr_opts_is_arg(opt) && kinds[opt->kind].has_value;
}

// Stores an option; attached is the value in the same word, NULL if none.
static struct cr_error *take(struct parse *p, const struct cr_opt *opt,
			     const char *dashes, const char *name,
			     char *attached)
{
	struct cr_error *err;

	if (!cr_opts_has_value(opt) && attached)
		return cr_error_new(CR_ERR_USAGE,
				    "option '%s%s' takes no value", dashes,
				    name);
	if (cr_opts_has_value(opt) && !attached) {
		if (p->next == p->nr_words)
			return cr_error_new(CR_ERR_USAGE,
					    "option '%s%s' needs %s", dashes,
					    name, opt->value);
		attached = p->words[p->next++];
	}
	err = kinds[opt->kind].store(p, opt, attached);
	if (err)
		return cr_error_at(err, "option '%s%s'", dashes, name);
	if (opt->of) {
		assert(p->values == p->own_values && opt - p->opts < 64);
		p->limited |= 1ull << (opt - p->opts);
	}
	return NULL;
}

static const struct cr_opt *find_letter(const struct cr_opt *opts, char letter)
{
	cr_opts_for_each(opt, opts) {
		if (opt->letter == letter)
			return opt;
	}
	return NULL;
}

// The same in both tables; what it stores goes to the values of its own.
static const struct cr_opt *find_letter_of(struct parse *p, char letter)
{
	const struct cr_opt *opt = find_letter(p->opts, letter);

	p->values = opt ? p->own_values : p->more_values;
	return opt || !p->more ? opt : find_letter(p->more, letter);
}

// The word after its dash: "p", "pq", "iFILE", "i=FILE".
static struct cr_error *parse_letters(struct parse *p, char *text)
{
	for (; *text && !p->help; text++) {
		const struct cr_opt *opt = find_letter_of(p, *text);
		const char name[] = { *text, 0 };
		struct cr_error *err;

		if (!opt)
			return cr_error_new(CR_ERR_USAGE,
					    "unknown option '-%s'", name);
		if (cr_opts_has_value(opt)) {
			text += text[1] == '=' ? 2 : 1;
			return take(p, opt, "-", name, *text ? text : NULL);
		}
		err = take(p, opt, "-", name, NULL);
		if (err)
			return err;
	}
	return NULL;
}

static void try_names(struct cr_nearest *near, const struct cr_opt *opts)
{
	cr_opts_for_each(opt, opts) {
		if (opt->name)
			cr_nearest_try(near, opt->name);
		if (opt->alias)
			cr_nearest_try(near, opt->alias);
	}
}

static struct cr_error *unknown_name(const struct parse *p, const char *text)
{
	struct cr_nearest near = { text };

	try_names(&near, p->opts);
	try_names(&near, p->more);
	if (!near.best)
		return cr_error_new(CR_ERR_USAGE, "unknown option '--%s'",
				    text);
	return cr_error_new(CR_ERR_USAGE,
			    "unknown option '--%s' (did you mean '--%s'?)",
			    text, near.best);
}

// The spelling of the row that starts with text, NULL if none; an exact one is
// preferred.
static const char *spelling(const struct cr_opt *opt, const char *text)
{
	const char *const names[] = { opt->name, opt->alias };
	const char *ret = NULL;

	for (size_t i = 0; i < 2; i++) {
		if (!names[i] || strncmp(names[i], text, strlen(text)))
			continue;
		if (!ret || !strcmp(names[i], text))
			ret = names[i];
	}
	return ret;
}

// *opt_ret is NULL if there is none.
static struct cr_error *find_name(const struct cr_opt *opts, const char *text,
				  const struct cr_opt **opt_ret,
				  const char **name_ret)
{
	const struct cr_opt *found = NULL;
	const char *name = NULL, *other = NULL;

	cr_opts_for_each(opt, opts) {
		const char *candidate = spelling(opt, text);
		bool exact = candidate && !strcmp(candidate, text);

		if (found && candidate && !exact) {
			other = candidate;
		} else if (candidate) {
			found = opt;
			name = candidate;
		}
		if (exact) {
			other = NULL;
			break;
		}
	}
	if (other)
		return cr_error_new(
			CR_ERR_USAGE,
			"option '--%s' is ambiguous: '--%s' or '--%s'", text,
			name, other);
	*opt_ret = found;
	*name_ret = name;
	return NULL;
}

// The word after its two dashes: "in", "in=FILE".
static struct cr_error *parse_name(struct parse *p, char *text)
{
	cr_auto_free char *typed = strndup(text, strcspn(text, "="));
	char *value = strchr(text, '=');
	const struct cr_opt *opt = NULL;
	const char *name = NULL;
	struct cr_error *err;

	if (!typed)
		return cr_enomem;
	p->values = p->own_values;
	err = find_name(p->opts, typed, &opt, &name);
	if (!err && !opt && p->more) {
		p->values = p->more_values;
		err = find_name(p->more, typed, &opt, &name);
	}
	if (err)
		return err;
	if (!opt)
		return unknown_name(p, typed);
	return take(p, opt, "--", name, value ? value + 1 : NULL);
}

static const struct cr_opt *first_arg(const struct cr_opt *opts)
{
	cr_opts_for_each(opt, opts) {
		if (cr_opts_is_arg(opt))
			return opt;
	}
	return NULL;
}

static void keep_arg(struct parse *p, char *word)
{
	p->words[p->nr_args++] = word;
}

// Stores all options and moves the arguments to the front.
static struct cr_error *parse_options(struct parse *p)
{
	const struct cr_opt *arg = first_arg(p->opts);
	bool stop_at_arg = arg && arg->arity == CR_REST;
	bool stop = false;

	while (p->next < p->nr_words && !p->help) {
		char *word = p->words[p->next++];
		struct cr_error *err = NULL;

		if (stop || word[0] != '-' || !word[1]) {
			keep_arg(p, word);
			stop = stop || stop_at_arg;
		} else if (word[1] != '-') {
			err = parse_letters(p, word + 1);
		} else if (word[2]) {
			err = parse_name(p, word + 2);
		} else {
			stop = true;
		}
		if (err)
			return err;
	}
	return NULL;
}

static size_t assign_words(struct parse *p, const struct cr_opt *opt,
			   size_t at)
{
	struct cr_words *words = (void *)(p->values + opt->off);

	words->word = p->words + at;
	words->nr = p->nr_args - at;
	return p->nr_args;
}

static bool is_needed(const struct cr_opt *opt)
{
	return opt->arity == CR_ONE || opt->arity == CR_MANY;
}

static struct cr_error *assign_args(struct parse *p)
{
	struct cr_error *err;
	size_t at = 0;

	p->values = p->own_values;
	cr_opts_for_each(opt, p->opts) {
		if (!cr_opts_is_arg(opt))
			continue;
		if (at == p->nr_args && is_needed(opt))
			return cr_error_new(CR_ERR_USAGE, "%s is missing",
					    opt->value);
		if (opt->kind == CR_KIND_WORDS) {
			at = assign_words(p, opt, at);
		} else if (at < p->nr_args) {
			err = kinds[opt->kind].store(p, opt, p->words[at++]);
			if (err)
				return cr_error_at(err, "%s", opt->value);
		}
	}
	if (at < p->nr_args)
		return cr_error_new(CR_ERR_USAGE, "unexpected argument '%s'",
				    p->words[at]);
	return NULL;
}

static bool has_word(const char *words, const char *word)
{
	size_t size = strlen(word);

	for (; words; words = strchr(words, ' ')) {
		words += *words == ' ';
		if (!strncmp(words, word, size) &&
		    (!words[size] || words[size] == ' '))
			return true;
	}
	return false;
}

// "read dump" as "read, dump": where an option may be given.
static struct cr_error *not_of(const struct cr_opt *opt, const char *word)
{
	char list[200], *o = list;

	for (const char *p = opt->of; *p && o < list + sizeof(list) - 3; p++) {
		if (*p == ' ')
			*o++ = ',';
		*o++ = *p;
	}
	*o = 0;
	return cr_error_new(CR_ERR_USAGE,
			    "option '%s%s' is for %s, not for %s",
			    opt->name ? "--" : "-",
			    opt->name ?: (char[]){ opt->letter, 0 }, list,
			    word);
}

// That options which are not for every word of a choice suit the one chosen.
static struct cr_error *check_limited(const struct parse *p)
{
	const char *word = NULL;

	cr_opts_for_each(opt, p->opts) {
		unsigned chosen;

		if (!cr_opts_is_arg(opt) || opt->kind != CR_KIND_CHOICE)
			continue;
		memcpy(&chosen, p->own_values + opt->off, sizeof(chosen));
		word = chosen ? opt->words[chosen - 1] : NULL;
	}
	for (unsigned i = 0; word && p->limited >> i; i++) {
		if (p->limited >> i & 1 && !has_word(p->opts[i].of, word))
			return not_of(&p->opts[i], word);
	}
	return NULL;
}

struct cr_error *cr_opts_parse_both(const struct cr_opt *opts, void *values,
				    const struct cr_opt *more,
				    void *more_values, char **words,
				    size_t nr_words, bool *help_ret)
{
	struct parse p = {
		.opts = opts,
		.more = more,
		.words = words,
		.nr_words = nr_words,
		.own_values = values,
		.more_values = more_values,
	};
	struct cr_error *err = parse_options(&p);

	if (!err && !p.help)
		err = assign_args(&p);
	if (!err && !p.help)
		err = check_limited(&p);
	if (err) {
		cr_opts_free(opts, values);
		cr_opts_free(more, more_values);
		return err;
	}
	*help_ret = p.help;
	return NULL;
}

struct cr_error *cr_opts_parse(const struct cr_opt *opts, char **words,
			       size_t nr_words, void *values, bool *help_ret)
{
	return cr_opts_parse_both(opts, values, NULL, NULL, words, nr_words,
				  help_ret);
}

static const struct cr_opt *option_by_letters(const struct cr_opt *opts,
					      const struct cr_opt *more,
					      const char *text, bool *next_ret)
{
	const struct cr_opt *opt = NULL;

	for (; *text; text++) {
		opt = find_letter(opts, *text);
		if (!opt && more)
			opt = find_letter(more, *text);
		if (!opt)
			return NULL;
		if (cr_opts_has_value(opt)) {
			*next_ret = !text[1];
			return opt;
		}
	}
	return opt;
}

static const struct cr_opt *option_by_name(const struct cr_opt *opts,
					   const struct cr_opt *more,
					   const char *text, bool *next_ret)
{
	cr_auto_free char *typed = strndup(text, strcspn(text, "="));
	const struct cr_opt *opt = NULL;
	const char *name;

	if (!typed)
		return NULL;
	cr_error_free(find_name(opts, typed, &opt, &name));
	if (!opt && more)
		cr_error_free(find_name(more, typed, &opt, &name));
	if (opt)
		*next_ret = cr_opts_has_value(opt) && !strchr(text, '=');
	return opt;
}

const struct cr_opt *cr_opts_option(const struct cr_opt *opts,
				    const struct cr_opt *more, const char *word,
				    bool *next_ret)
{
	*next_ret = false;
	if (word[0] != '-' || !word[1])
		return NULL;
	if (word[1] != '-')
		return option_by_letters(opts, more, word + 1, next_ret);
	return word[2] ? option_by_name(opts, more, word + 2, next_ret) : NULL;
}

static const char *arg_usage_word(const struct cr_opt *opt, char *buf,
				  size_t size)
{
	// clang-format off
	static const char *const ends[][2] = {
		[CR_ONE]      = { "",  "" },
		[CR_OPTIONAL] = { "[", "]" },
		[CR_MANY]     = { "",  "..." },
		[CR_ANY]      = { "[", "...]" },
		[CR_REST]     = { "",  " ..." },
	};
	// clang-format on

	snprintf(buf, size, "%s%s%s", ends[opt->arity][0], opt->value,
		 ends[opt->arity][1]);
	return buf;
}

const char *cr_opts_usage_word(const struct cr_opt *opt, char *buf, size_t size)
{
	bool value = cr_opts_has_value(opt);
	const char letter[] = { opt->letter, 0 };

	if (cr_opts_is_arg(opt))
		return arg_usage_word(opt, buf, size);
	snprintf(buf, size, "[%s%s%s%s]", opt->letter ? "-" : "--",
		 opt->letter ? letter : opt->name, value ? " " : "",
		 value ? opt->value : "");
	return buf;
}

void cr_opts_usage(FILE *out, const char *prog, const struct cr_opt *opts)
{
	size_t col = fprintf(out, "usage: %s", prog);
	struct cr_text_line line = { out, col + 1, col };
	char word[80];

	// Options first, whatever the order of the rows.
	for (int args = 0; args < 2; args++) {
		cr_opts_for_each(opt, opts) {
			if (cr_opts_is_arg(opt) != args)
				continue;
			cr_opts_usage_word(opt, word, sizeof(word));
			cr_text_word(&line, word, strlen(word));
		}
	}
	fputc('\n', out);
}

const char *cr_opts_row_help(const struct cr_opt *opt, char *buf, size_t size)
{
	char words[256];

	if (!opt->words)
		return opt->help;
	snprintf(buf, size, "%s (%s)", opt->help,
		 join(opt->words, words, sizeof(words)));
	return buf;
}

// "FILE", "-i, --in FILE", "    --pretty"
static const char *label(const struct cr_opt *opt, char *buf, size_t size)
{
	const char letter[] = { '-', opt->letter, 0 };
	bool value = cr_opts_has_value(opt);

	if (cr_opts_is_arg(opt))
		return opt->value;
	snprintf(buf, size, "%s%s%s%s%s%s", opt->letter ? letter : "  ",
		 !opt->name    ? ""
		 : opt->letter ? ", "
			       : "  ",
		 opt->name ? "--" : "", opt->name ? opt->name : "",
		 value ? " " : "", value ? opt->value : "");
	return buf;
}

#define WIDEST_LABEL 26

static size_t help_column(const struct cr_opt *opts)
{
	size_t widest = 0;
	char buf[80];

	cr_opts_for_each(opt, opts) {
		size_t len = strlen(label(opt, buf, sizeof(buf)));

		if (len > widest && len <= WIDEST_LABEL)
			widest = len;
	}
	return widest + 4;
}

static void help_section(FILE *out, const struct cr_opt *opts, bool args)
{
	const char *title = args ? "\narguments:\n" : "\noptions:\n";
	size_t column = help_column(opts);
	char name[80], help[1024];

	cr_opts_for_each(opt, opts) {
		if (cr_opts_is_arg(opt) != args)
			continue;
		fputs(title, out);
		title = "";
		cr_text_row(out, label(opt, name, sizeof(name)), column,
			    cr_opts_row_help(opt, help, sizeof(help)));
	}
}

void cr_opts_help(FILE *out, const struct cr_opt *opts)
{
	help_section(out, opts, true);
	help_section(out, opts, false);
}
