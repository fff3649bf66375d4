// SPDX-License-Identifier: MIT
/*
 * Option tables. One table per verb says which options and arguments there are;
 * parsing, the usage line, -h, the man page and the shell completions are all
 * derived from its rows. Knows nothing of verbs, keeps no state; strings that
 * parsing hands out point into the words given to it, but for lists.
 *
 * A row is an option if it has a letter or a name, otherwise an argument, told
 * apart by position. Both say what they store and where:
 *
 *	struct decode {
 *		const char *in;
 *		bool pretty;
 *	};
 *
 *	static const struct cr_opt opts[] = {
 *		{ 'i', "in", "input",
 *		  CR_STRING(struct decode, in, CR_TAKES_FILE),
 *		  "FILE", "the image (default: standard input)" },
 *		{ 0, "pretty", NULL, CR_FLAG(struct decode, pretty),
 *		  NULL, "indent by four" },
 *		{ CR_ARG, CR_STRING(struct decode, in, CR_TAKES_FILE),
 *		  "FILE", "the same as --in", CR_OPTIONAL },
 *		{ 0 },
 *	};
 *
 * On the command line: -i FILE, -iFILE, -i=FILE, --in FILE, --in=FILE, long
 * names shortened while unambiguous (--pre), letters joined (-pq), options and
 * arguments in any order, "--" ends options, "-" alone is an argument. When an
 * option is repeated the last one wins, but for lists: those are joined, -p 1 -p 2
 * is -p 1,2. The rest is what both existing crits accept: CRIU
 * crit/crit/__main__.py, v4.2 (argparse) and go-criu cmd/crit, v8 (pflag).
 */
#ifndef CR_CRIT_OPTS_H
#define CR_CRIT_OPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/base/error.h"

/* What a row stores. A new kind: a value here and a row in opts.c, kinds[]. */
enum cr_kind {
	CR_KIND_END = 0,
	CR_KIND_FLAG,	/* bool: true if given */
	CR_KIND_STRING, /* const char *: NULL if not given */
	CR_KIND_LIST,	/* the same, "1,2" if given twice; see cr_opts_free() */
	CR_KIND_CHOICE, /* unsigned: 0 if not given, else 1 + index */
	CR_KIND_NUMBER, /* uint64_t: 0 if not given */
	CR_KIND_COUNT,	/* the same; 0 is refused */
	CR_KIND_WORDS,	/* struct cr_words: arguments only */
	CR_KIND_HELP,	/* -h, which every table has without listing it */
};

/* What a value is: what shells offer to complete it, and what `crit shell` puts
 * in where it is not given. */
enum cr_takes {
	CR_TAKES_ANYTHING = 0, /* nothing to offer */
	CR_TAKES_FILE,
	CR_TAKES_DIR,
	CR_TAKES_CHECKPOINT, /* a directory, an archive, an OCI layout */
	CR_TAKES_IMAGE,	     /* a file that may be an image of a checkpoint */
	CR_TAKES_PATH,	     /* one of words; then IMAGE:PATH of a checkpoint */
	CR_TAKES_PID,	     /* of a checkpoint; several by commas */
	CR_TAKES_ADDRESS,    /* in a process of a checkpoint, among other things */
	CR_TAKES_CHOICE, /* one of words */
	CR_TAKES_VERB,
};

/* How often an argument is given. Options have CR_ONE and may be left out. */
enum cr_arity {
	CR_ONE = 0,
	CR_OPTIONAL, /* none or one; only further optional ones may follow */
	CR_MANY,     /* one or more; CR_KIND_WORDS, the last row */
	CR_ANY,	     /* none or more; CR_KIND_WORDS, the last row */
	CR_REST,     /* like CR_ANY, and parsing stops where it begins */
};

struct cr_words {
	char **word;
	size_t nr;
};

struct cr_opt {
	char letter;	   /* 0: none; 'h' is taken */
	const char *name;  /* without dashes; NULL: none; "help" is taken */
	const char *alias; /* second name, accepted but not advertised in -h */
	enum cr_kind kind;
	enum cr_takes takes;
	const char *const *words; /* to choose from, NULL at the end */
	size_t off;		  /* where in the values the result goes */
	const char *value;	  /* what it is called, "FILE" */
	const char *help;	  /* lower case, without full stop */
	enum cr_arity arity;
	const char *of; /* an option of these words of the argument that is a
			 * choice, "read dump"; NULL: of all */
};

/* Columns letter, name and alias of an argument. */
#define CR_ARG 0, NULL, NULL

/*
 * Columns kind, takes, words and off; they do not compile if the member is not
 * of the type that the kind stores.
 */
#define CR_FLAG(type, member) \
	CR_KIND_FLAG, CR_TAKES_ANYTHING, NULL, CR_OPTS_OFF(bool, type, member)
#define CR_STRING(type, member, takes) \
	CR_KIND_STRING, takes, NULL, CR_OPTS_OFF(const char *, type, member)
#define CR_LIST(type, member, takes) \
	CR_KIND_LIST, takes, NULL, CR_OPTS_OFF(const char *, type, member)
#define CR_CHOICE(type, member, words)          \
	CR_KIND_CHOICE, CR_TAKES_CHOICE, words, \
		CR_OPTS_OFF(unsigned, type, member)
#define CR_NUMBER(type, member)                    \
	CR_KIND_NUMBER, CR_TAKES_ANYTHING, NULL, \
		CR_OPTS_OFF(uint64_t, type, member)
#define CR_COUNT(type, member)                    \
	CR_KIND_COUNT, CR_TAKES_ANYTHING, NULL, \
		CR_OPTS_OFF(uint64_t, type, member)
#define CR_WORDS(type, member, takes) \
	CR_KIND_WORDS, takes, NULL, CR_OPTS_OFF(struct cr_words, type, member)
#define CR_ACTION(type, member, words)         \
	CR_KIND_WORDS, CR_TAKES_PATH, words, \
		CR_OPTS_OFF(struct cr_words, type, member)

#define CR_OPTS_OFF(want, type, member)                                 \
	(offsetof(type, member) +                                       \
	 0 * sizeof(char[__builtin_types_compatible_p(                  \
				 want, __typeof__(((type *)0)->member)) \
				 ? 1                                    \
				 : -1]))

/**
 * Walks a table: the row after prev, NULL after the last. The first (prev NULL)
 * is always the row of -h. opts may be NULL: no rows but that one.
 */
const struct cr_opt *cr_opts_next(const struct cr_opt *opts,
				  const struct cr_opt *prev);

#define cr_opts_for_each(opt, opts)                                      \
	for (const struct cr_opt *opt = cr_opts_next((opts), NULL); opt; \
	     opt = cr_opts_next((opts), opt))

/** True if the row is told by position. */
bool cr_opts_is_arg(const struct cr_opt *opt);

/** True if the row is an option that is followed by a value. */
bool cr_opts_has_value(const struct cr_opt *opt);

/**
 * Parses words[0..nr_words) into the struct at values, which the caller has
 * zeroed. Reorders words: arguments move to the front, and struct cr_words
 * point there. *help_ret is set if -h was met; parsing ends there, and nothing
 * is missed.
 *
 * CR_ERR_USAGE: unknown or ambiguous option, a value missing, not wanted or
 * not allowed, an argument missing or too many, an option of other words than
 * the one chosen. What values holds then is
 * undefined, though nothing in it needs freeing; otherwise free it with
 * cr_opts_free().
 */
struct cr_error *cr_opts_parse(const struct cr_opt *opts, char **words,
			       size_t nr_words, void *values,
			       bool *help_ret) CR_MUST_CHECK;

/**
 * The same with a second table whose options, not its arguments, are understood
 * where the first has none of that name; they go to the struct at more_values.
 */
struct cr_error *cr_opts_parse_both(const struct cr_opt *opts, void *values,
				    const struct cr_opt *more,
				    void *more_values, char **words,
				    size_t nr_words, bool *help_ret)
	CR_MUST_CHECK;

/** Frees what parsing has made: lists. */
void cr_opts_free(const struct cr_opt *opts, void *values);

/**
 * What parsing would take a word for: the option it gives (of joined letters,
 * the last), or NULL for an argument or a mistake. *next_ret: the word behind it
 * is the value. more may be NULL.
 */
const struct cr_opt *cr_opts_option(const struct cr_opt *opts,
				    const struct cr_opt *more, const char *word,
				    bool *next_ret);

/**
 * Reads a number as a NUMBER option does: decimal, or hex behind "0x". USAGE:
 * anything else, or more than 64 bits.
 */
struct cr_error *cr_opts_number(const char *text, uint64_t *ret) CR_MUST_CHECK;

/** The same with K, M, G or T behind it: times 1024 that often. */
struct cr_error *cr_opts_size(const char *text, uint64_t *ret) CR_MUST_CHECK;

/** Reads "12,34". USAGE: anything else. The list, which the caller frees, is
 * ascending, each once. */
struct cr_error *cr_opts_pids(const char *text, uint32_t **ret, size_t *nr_ret)
	CR_MUST_CHECK;

/**
 * The words of a usage line, one per call: "[-i FILE]", "[FILE...]". Writes
 * into buf (cut off if too small) and returns it.
 */
const char *cr_opts_usage_word(const struct cr_opt *opt, char *buf,
			       size_t size);

/** Writes "usage: PROG [-h] ...", filled to the terminal's width. */
void cr_opts_usage(FILE *out, const char *prog, const struct cr_opt *opts);

/**
 * The help text of a row, followed by the allowed words if any. Returns buf
 * (cut off if too small) or a string of the row.
 */
const char *cr_opts_row_help(const struct cr_opt *opt, char *buf, size_t size);

/** Writes the sections "arguments:" and "options:" of -h. */
void cr_opts_help(FILE *out, const struct cr_opt *opts);

#endif
