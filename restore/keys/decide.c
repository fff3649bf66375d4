// SPDX-License-Identifier: MIT
#include "restore/keys/decide.h"

// clang-format off
enum {
	SAVED = 1 << CR_KEYS_SAVED, FRESH = 1 << CR_KEYS_FRESH,
	AUTO  = 1 << CR_KEYS_AUTO,  OFF   = 1 << CR_KEYS_OFF,
	UNCHECKED = 1 << CR_KEYS_UNCHECKED,
	NO = 1 << false, YES = 1 << true,
	ALIKE = 1 << CR_KEYS_ALIKE, OTHERWISE = 1 << CR_KEYS_OTHERWISE,
	UNPROVED = 1 << CR_KEYS_UNPROVED,
	ANY = ~0,
};

// The first that fits counts.
static const struct cr_keys_row rows[] = {
	// asked for           in images here how
	{ ANY,                  NO,  NO,  ANY,       CR_KEYS_NOTHING,
	  "there are no keys in the images, and none here" },
	{ ANY,                  NO,  YES, ANY,       CR_KEYS_DISABLE,
	  "there are no keys in the images: all are disabled" },
	{ OFF,                  YES, ANY, ANY,       CR_KEYS_STRIP,
	  "pointers are made plain, keys are disabled" },
	{ AUTO,                 YES, NO,  ANY,       CR_KEYS_STRIP,
	  "this processor signs none: pointers are made plain" },
	{ ANY,                  YES, NO,  ANY,       CR_KEYS_REFUSE,
	  "it has keys for signed pointers, and this processor signs none (see --keys)" },
	{ UNCHECKED,            YES, YES, ANY,       CR_KEYS_SET,
	  "keys as saved, pointers are not looked at" },
	{ SAVED | AUTO,         YES, YES, ALIKE,     CR_KEYS_SET,
	  "keys as saved: this processor signs alike" },
	{ SAVED,                YES, YES, OTHERWISE, CR_KEYS_RESIGN,
	  "keys as saved: this processor signs otherwise, pointers are signed anew" },
	{ AUTO,                 YES, YES, OTHERWISE, CR_KEYS_RENEW,
	  "fresh keys: this processor signs otherwise, pointers are signed anew" },
	{ FRESH,                YES, YES, ALIKE | OTHERWISE, CR_KEYS_RENEW,
	  "fresh keys, pointers are signed anew" },
	{ ANY,                  YES, YES, UNPROVED,  CR_KEYS_REFUSE,
	  "its pointers were signed otherwise than this processor signs" },
};
// clang-format on

const size_t cr_keys_nr_rows = sizeof(rows) / sizeof(rows[0]);

const struct cr_keys_row *cr_keys_decide(const struct cr_keys_facts *facts)
{
	const struct cr_keys_row *row = rows;
	while (!(row->want >> facts->want & 1 &&
		 row->in_images >> facts->in_images & 1 &&
		 row->here >> facts->here & 1 && row->how >> facts->how & 1))
		row++;
	return row;
}

enum cr_keys_word cr_keys_want(const struct cr_options *options)
{
	if (options->keys)
		return (enum cr_keys_word)options->keys;
	return options->clones ? CR_KEYS_FRESH : CR_KEYS_SAVED;
}

const char *cr_keys_name(enum cr_keys_word want)
{
	return cr_keys_words[want - 1];
}

bool cr_keys_signs(enum cr_keys_do what)
{
	return what == CR_KEYS_RESIGN || what == CR_KEYS_RENEW ||
	       what == CR_KEYS_STRIP;
}
