// SPDX-License-Identifier: MIT
/*
 * What --keys means for a checkpoint on this machine: a table, by what was asked
 * for, whether the images hold keys, whether this processor signs pointers, and
 * whether theirs were signed as it does. Pure.
 */
#ifndef CR_RESTORE_KEYS_DECIDE_H
#define CR_RESTORE_KEYS_DECIDE_H

#include <stdbool.h>
#include <stddef.h>

#include "restore/options.h"

/* How the pointers of the images were signed. */
enum cr_keys_how {
	CR_KEYS_ALIKE, /* as this processor does, or too few to tell */
	CR_KEYS_OTHERWISE,
	CR_KEYS_UNPROVED, /* none of the known ways, nor this processor's */
	CR_NR_KEYS_HOW,
};

struct cr_keys_facts {
	enum cr_keys_word want;
	bool in_images;
	bool here; /* this processor signs */
	enum cr_keys_how how;
};

enum cr_keys_do {
	CR_KEYS_NOTHING,
	CR_KEYS_SET,	 /* those of the images; pointers stay as they are */
	CR_KEYS_RESIGN,	 /* the same; pointers are signed as is done here */
	CR_KEYS_RENEW,	 /* new ones, and pointers are signed with these */
	CR_KEYS_STRIP,	 /* pointers become plain, keys are disabled */
	CR_KEYS_DISABLE, /* all of them; nothing may be signed */
	CR_KEYS_REFUSE,
};

struct cr_keys_row {
	unsigned want; /* bits 1 << enum cr_keys_word */
	unsigned in_images, here; /* bits 1 << bool */
	unsigned how; /* bits 1 << enum cr_keys_how */
	enum cr_keys_do what;
	const char *why; /* for people */
};

extern const size_t cr_keys_nr_rows;

/** The row for these facts; there always is one. */
const struct cr_keys_row *cr_keys_decide(const struct cr_keys_facts *facts);

/** What was asked for, without the default. */
enum cr_keys_word cr_keys_want(const struct cr_options *options);

/** "saved", ... */
const char *cr_keys_name(enum cr_keys_word want);

/** True if the slots have to be found for it. */
bool cr_keys_signs(enum cr_keys_do what);

#endif
