// SPDX-License-Identifier: MIT
#include "crit/complete.h"
#include "crit/manual.h"
#include "crit/shell/here.h"
#include "crit/verb.h"

struct help {
	const char *verb;
	bool man;
	unsigned shell;
};

// clang-format off
static const struct cr_opt opts[] = {
	{ CR_ARG, CR_STRING(struct help, verb, CR_TAKES_VERB),
	  "VERB", "the verb to explain, or one of its views (default: list "
	  "all)", CR_OPTIONAL },
	{ 0, "man", NULL, CR_FLAG(struct help, man),
	  NULL, "write the manual page, as troff" },
	{ 0, "completion", NULL,
	  CR_CHOICE(struct help, shell, cr_complete_shells),
	  "SHELL", "write the completion script for a shell" },
	{ 0 },
};
// clang-format on

static struct cr_error *run(const struct cr_verb_call *call)
{
	const struct help *help = call->values;
	const struct cr_verb *verb = NULL;

	if (!!help->verb + help->man + !!help->shell > 1)
		return cr_error_new(CR_ERR_USAGE, "give only one of VERB, "
						  "--man and --completion");
	if (help->man) {
		cr_manual_write(call->out, call->command);
	} else if (help->shell) {
		cr_complete_write(call->out, call->command, help->shell);
	} else {
		bool is_view;

		if (help->verb)
			verb = cr_here_verb(call->command, help->verb,
					    &is_view);
		if (help->verb && !verb)
			return cr_command_find(call->command, help->verb,
					       &verb);
		cr_command_help(call->out, call->command, verb);
	}
	return NULL;
}

const struct cr_verb cr_verb_help = {
	.name = "help",
	.summary = "explain a verb, or list all",
	.text = "Lists the verbs, or explains one: 'crit help VERB' and 'crit "
		"VERB -h' print the same.\n\n"
		"The manual page and the completion scripts are written from "
		"the same tables. To have completion in the running shell:\n\n"
		"    bash:  source <(crit help --completion bash)\n"
		"    zsh:   source <(crit help --completion zsh)\n"
		"    fish:  crit help --completion fish | source",
	.opts = opts,
	.values_size = sizeof(struct help),
	.run = run,
};
