// SPDX-License-Identifier: MIT
#include "crit/verb.h"

#include "crit/manual.h"

#define VERB(name) extern const struct cr_verb cr_verb_##name;
#include "crit/verbs.def"
#undef VERB
extern const struct cr_verb cr_verb_core;
extern const struct cr_verb cr_verb_compress;
extern const struct cr_verb cr_verb_decode;
extern const struct cr_verb cr_verb_diff;
extern const struct cr_verb cr_verb_decompress;
extern const struct cr_verb cr_verb_encode;
extern const struct cr_verb cr_verb_help;
extern const struct cr_verb cr_verb_info;
extern const struct cr_verb cr_verb_mem;
extern const struct cr_verb cr_verb_list;
extern const struct cr_verb cr_verb_shell;
extern const struct cr_verb cr_verb_show;
extern const struct cr_verb cr_verb_squash;
extern const struct cr_verb cr_verb_x;

static const struct cr_verb *const verbs[] = {
#define VERB(name) &cr_verb_##name,
#include "crit/verbs.def"
#undef VERB
	&cr_verb_decode,
	&cr_verb_encode,
	&cr_verb_show,
	&cr_verb_info,
	&cr_verb_list,
	&cr_verb_x,
	&cr_verb_mem,
	&cr_verb_diff,
	&cr_verb_core,
	&cr_verb_shell,
	&cr_verb_squash,
	&cr_verb_compress,
	&cr_verb_decompress,
	&cr_verb_help,
	NULL,
};

const struct cr_command cr_crit = {
	.name = "crit",
	.package = "critter",
	.version = CRITTER_VERSION,
	.date = "2026-11-20",
	.summary = "look into and change checkpoints made by CRIU",
	.text = "Looks into and changes the image files of a process "
		"checkpoint made by CRIU. Each verb does one thing; 'crit help "
		"VERB' says how.",
	.verbs = verbs,
	.sections = cr_manual_sections,
};
