// SPDX-License-Identifier: MIT
/*
 * Words KEY=VALUE, and the images of the threads or processes that they are for.
 */
#ifndef CR_LIB_OPS_DOMAIN_SETTINGS_H
#define CR_LIB_OPS_DOMAIN_SETTINGS_H

#include "lib/ops/domain/inside.h"

/* A word: text up to the equals sign, and behind it (where it may be empty). */
struct cr_setting {
	char *key;
	const char *value;
};

/** USAGE: no equals sign. Free the list with cr_settings_free(). */
struct cr_error *cr_settings_parse(char *const *word, size_t nr,
				   struct cr_setting **ret) CR_MUST_CHECK;

/** Accepts NULL. */
void cr_settings_free(struct cr_setting *settings, size_t nr);

/** True if the image core-N.img, creds-N.img... is of a process or thread that
 * the edit is for. */
bool cr_domain_wants(const struct cr_domain *d, const json_t *tids,
		     const char *image);

/** The numbers of the processes' threads, as keys of an object; NULL in *ret: all
 * processes are meant. NOT_FOUND: no such process. */
struct cr_error *cr_domain_tids(const struct cr_domain *d, json_t **ret)
	CR_MUST_CHECK;

#endif
