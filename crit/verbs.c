// SPDX-License-Identifier: MIT
#include "crit/verb.h"

#include "crit/manual.h"

extern const struct cr_verb cr_verb_core;
extern const struct cr_verb cr_verb_check;
extern const struct cr_verb cr_verb_decode;
extern const struct cr_verb cr_verb_diff;
extern const struct cr_verb cr_verb_encode;
extern const struct cr_verb cr_verb_help;
extern const struct cr_verb cr_verb_info;
extern const struct cr_verb cr_verb_mem;
extern const struct cr_verb cr_verb_list;
extern const struct cr_verb cr_verb_shell;
extern const struct cr_verb cr_verb_show;
extern const struct cr_verb cr_verb_x;

// To add a verb:
//
// 1. crit/NAME.c with `const struct cr_verb cr_verb_NAME`: its summary, text,
//    table of options (crit/opts.h shows one) and a run function of a few
//    calls, which writes results to call->out and returns errors.
// 2. Here, its declaration above and its row below; the place is its place in
//    `crit help` and in the man page.
// 3. tests/golden/NAME/CASE with at least one case, and its line in README.md.
//
// Parsing, -h, the man page and the completions need nothing more, and neither
// does `crit shell`: it puts in what a table says is a checkpoint or a process
// (CR_TAKES_CHECKPOINT, CR_TAKES_PID) and finds images (CR_TAKES_IMAGE). A verb
// that itself talks with a terminal, or starts what does, is `interactive`.
static const struct cr_verb *const verbs[] = {
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
	&cr_verb_check,
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
