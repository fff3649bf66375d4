// SPDX-License-Identifier: MIT
/*
 * The frame of a command made of verbs: the row of a verb, and what finds one,
 * parses its options, runs it and reports how it went.
 *
 * Everything here is constant and static; a call lives as long as its run
 * function. How to add a verb stands above the list in crit/verbs.def.
 */
#ifndef CR_CRIT_VERB_H
#define CR_CRIT_VERB_H

#include <stdio.h>

#include "crit/opts.h"
#include "crit/term.h"
#include "lib/base/error.h"
#include "lib/store/store.h"

struct cr_command;
struct cr_kept;
struct cr_verb;

/* The options that are no verb's own: in front of the verb, or behind it. */
struct cr_global {
	bool version, no_pager;
	unsigned color;	      /* enum cr_color, or 0 */
	const char *limit;    /* see limits.h */
	struct cr_store_limits limits; /* what it says */
	struct cr_words rest; /* the verb and its words */
};

/* One invocation of a verb. */
struct cr_verb_call {
	const struct cr_command *command;
	const struct cr_verb *verb;
	const void *values; /* the verb's struct, filled from its options */
	FILE *out;	    /* results; the frame flushes and checks it */
	const struct cr_term *term;
	const struct cr_global *global;
	struct cr_kept *kept; /* a checkpoint, or NULL: see kept.h */
};

struct cr_verb {
	const char *name;
	const char *summary; /* one line for lists: lower case, no full stop */
	const char *text;    /* paragraphs, see cr_text_next() */
	const struct cr_opt *opts; /* NULL: no options, no arguments */
	size_t values_size;	   /* of the struct that opts fill */
	bool interactive; /* talks with a terminal itself: it gets no pager */

	/*
	 * CR_ERR_USAGE makes the command exit with 2 and point to -h,
	 * CR_ERR_UNTOLD with 3; any other error makes it exit with 1.
	 */
	struct cr_error *(*run)(const struct cr_verb_call *call);
};

/* A section of the man page that is about no verb. */
struct cr_section {
	const char *title; /* "EXIT STATUS" */
	const char *text;  /* paragraphs, see cr_text_next() */
};

struct cr_command {
	const char *name;    /* "crit" */
	const char *package; /* "critter" */
	const char *version; /* "0.1.0" */
	const char *date;    /* of the manual, "2025-11-20" */
	const char *summary;
	const char *text;
	const struct cr_opt *opts;	    /* in front of the verb */
	const struct cr_verb *const *verbs; /* NULL at the end */
	const struct cr_section *sections;  /* {0} at the end */
};

/* crit itself. */
extern const struct cr_command cr_crit;

/* The options in front of the verb, and the verb with what follows it. */
extern const struct cr_opt cr_command_opts[];

/* Those of them that may stand behind the verb as well: all but --version. */
extern const struct cr_opt *const cr_global_opts;

/**
 * Runs the command: results to out, the one line about an error to errors.
 * Reorders argv. Returns the exit status: 0 done, 1 failed (also if out could
 * not be written), 2 wrong usage, 3 no verdict can be given.
 */
int cr_command_run(const struct cr_command *command, int argc, char **argv,
		   FILE *out, FILE *errors);

/** The same from within a verb: with global options that count unless argv has
 * others, and with a checkpoint that is open already, or NULL. */
int cr_command_run_within(const struct cr_command *command,
			  const struct cr_global *global,
			  struct cr_kept *kept, int argc, char **argv,
			  FILE *out, FILE *errors);

/**
 * Finds a verb by its name. CR_ERR_USAGE: there is none; the text names the
 * nearest one if there is one.
 */
struct cr_error *cr_command_find(const struct cr_command *command,
				 const char *name,
				 const struct cr_verb **verb_ret)
	CR_MUST_CHECK;

/** Writes what -h prints: for a verb, or with verb NULL for the command. */
void cr_command_help(FILE *out, const struct cr_command *command,
		     const struct cr_verb *verb);

#endif
