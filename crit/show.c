// SPDX-License-Identifier: MIT
#include "crit/convert.h"
#include "crit/verb.h"

struct show {
	const char *in;
	bool nopl, dotted;
};

// clang-format off
static const struct cr_opt opts[] = {
	{ 0, "nopl", NULL, CR_FLAG(struct show, nopl), NULL, "payloads' sizes in place of the payloads" },
	{ 0, "dotted", NULL, CR_FLAG(struct show, dotted), NULL, "IPv4-mapped addresses as ::ffff:127.0.0.1" },
	{ CR_ARG, CR_STRING(struct show, in, CR_TAKES_IMAGE), "FILE", "the image, - for standard input" },
	{ 0 },
};
// clang-format on

static struct cr_error *run(const struct cr_verb_call *call)
{
	const struct show *o = call->values;
	struct cr_convert c = {
		.to = CR_TO_JSON,
		.style = { .indent = true,
			   .forms = true,
			   .dotted = o->dotted },
		.nopl = o->nopl,
	};
	return cr_crit_convert(call, &c, o->in, NULL);
}

const struct cr_verb cr_verb_show = {
	.name = "show",
	.summary = "an image as people read it",
	.text = "The same as 'crit decode --pretty -i FILE': all of it, keys and "
		"other secrets too.",
	.opts = opts,
	.values_size = sizeof(struct show),
	.run = run,
};
