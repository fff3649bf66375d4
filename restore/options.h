// SPDX-License-Identifier: MIT
/*
 * What the user asked for: the option table of crit-restore, and its manual.
 */
#ifndef CR_RESTORE_OPTIONS_H
#define CR_RESTORE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crit/verb.h"

/* Without the option, or the first of its words: SAVED. */
enum cr_keys_word {
	CR_KEYS_DEFAULT,
	CR_KEYS_SAVED,
	CR_KEYS_FRESH,
	CR_KEYS_AUTO,
	CR_KEYS_OFF,
	CR_KEYS_UNCHECKED,
};

extern const char *const cr_keys_words[]; /* from SAVED on, then NULL */

struct cr_options {
	const char *images; /* -D or the argument */
	const char *dir;    /* the argument */
	const char *pidfile;
	const char *root;
	const char *inherit; /* "fd[3]:pipe:[123],..." */
	bool detach, shell_job, leave_stopped;
	bool plan, json;
	bool no_verify_files, no_verify_cpu, verify;
	bool pidns;
	uint64_t clones; /* 0: without the option */
	bool wipe_on_fork;
	bool verbose;
	unsigned keys;	      /* enum cr_keys_word */
	const char *accept;   /* risks of signing anew: "residual,stack" */
	const char *from;     /* how it was signed: "qarma5/48" */
	const char *gcs_lock; /* "none", "all", "0x7"; NULL: all */
	bool version, man;
	bool any_host; /* for tests, see steps.h */
};

extern const struct cr_opt cr_options[];

/* The whole command as the writers of help and manual take it. */
extern const struct cr_command cr_restore_command;

#endif
