// SPDX-License-Identifier: MIT
#include "crit/verb.h"

#include "crit/manual.h"

#define VERB(name) extern const struct cr_verb cr_verb_##name;
#include "crit/verbs.def"
#undef VERB

static const struct cr_verb *const verbs[] = {
#define VERB(name) &cr_verb_##name,
#include "crit/verbs.def"
#undef VERB
	NULL,
};

const struct cr_command cr_crit = {
	.name = "crit",
	.package = "critter",
	.version = CRITTER_VERSION,
	.date = "2026-11-20",
	.summary = "look into, check and change checkpoints made by CRIU",
	.text = "Looks into process checkpoints made by CRIU (processes, files, "
		"memory), compares, checks, changes and converts them: a "
		"directory of images, or a container's archive as it is. Each "
		"verb does one thing; 'crit help VERB' says how.",
	.opts = cr_command_opts,
	.verbs = verbs,
	.sections = cr_manual_sections,
};
