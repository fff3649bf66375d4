// SPDX-License-Identifier: MIT
#include "crit/convert.h"
#include "crit/verb.h"

struct encode {
	const char *in, *arg, *out;
	bool lenient;
};

// clang-format off
static const struct cr_opt opts[] = {
	{ 'i', "in", "input", CR_STRING(struct encode, in, CR_TAKES_FILE), "FILE", "the JSON or the directory (default: standard input)" },
	{ 'o', "out", "output", CR_STRING(struct encode, out, CR_TAKES_FILE), "FILE", "where the image goes (default: standard output); for a directory, the directory to make" },
	{ 0, "lenient", NULL, CR_FLAG(struct encode, lenient), NULL, "pass over keys that the schema does not know" },
	{ CR_ARG, CR_STRING(struct encode, arg, CR_TAKES_FILE), "FILE", "the same as --in", CR_OPTIONAL },
	{ 0 },
};
// clang-format on

static struct cr_error *run(const struct cr_verb_call *call)
{
	const struct encode *o = call->values;
	struct cr_convert c = { .to = CR_TO_IMAGE, .lenient = o->lenient };
	const char *in;
	struct cr_error *err = cr_crit_one_input(o->in, o->arg, &in);
	return err ? err : cr_crit_convert(call, &c, in, o->out);
}

const struct cr_verb cr_verb_encode = {
	.name = "encode",
	.summary = "JSON to images",
	.text = "Writes the image that a JSON document says, compact or pretty, "
		"in this tool's dialect, the Python tool's or the Go tool's. "
		"The output file is replaced in one step once the whole input "
		"has proved good.\n"
		"\n"
		"Given a directory that 'crit decode' made, encodes every "
		"NAME.img.json in it and carries everything else over.",
	.opts = opts,
	.values_size = sizeof(struct encode),
	.run = run,
};
