// SPDX-License-Identifier: MIT
#include "crit/convert.h"
#include "crit/verb.h"

struct decode {
	const char *in, *arg, *out;
	bool pretty, nopl, dotted;
	unsigned dialect;
};

static const char *const dialects[] = { "crit", "go", NULL };

// clang-format off
static const struct cr_opt opts[] = {
	{ 'i', "in", "input", CR_STRING(struct decode, in, CR_TAKES_IMAGE), "FILE", "the image or the directory (default: standard input)" },
	{ 'o', "out", "output", CR_STRING(struct decode, out, CR_TAKES_FILE), "FILE", "where the JSON goes (default: standard output); for a directory, the directory to make" },
	{ 0, "pretty", NULL, CR_FLAG(struct decode, pretty), NULL, "one key a line, and flags, devices, addresses and registers as people read them" },
	{ 0, "nopl", NULL, CR_FLAG(struct decode, nopl), NULL, "payloads' sizes in place of the payloads; cannot be encoded" },
	{ 0, "dialect", NULL, CR_CHOICE(struct decode, dialect, dialects), "NAME", "whose JSON to write" },
	{ 0, "dotted", NULL, CR_FLAG(struct decode, dotted), NULL, "IPv4-mapped addresses as ::ffff:127.0.0.1, as Python 3.13 and later write them" },
	{ CR_ARG, CR_STRING(struct decode, arg, CR_TAKES_IMAGE), "FILE", "the same as --in", CR_OPTIONAL },
	{ 0 },
};
// clang-format on

static struct cr_error *run(const struct cr_verb_call *call)
{
	const struct decode *o = call->values;
	bool go = o->dialect == 2;
	struct cr_convert c = {
		.to = CR_TO_JSON,
		.style = { .indent = o->pretty,
			   .forms = o->pretty,
			   .go = go,
			   .dotted = o->dotted },
		.nopl = o->nopl,
	};
	const char *in;
	struct cr_error *err = cr_crit_one_input(o->in, o->arg, &in);
	return err ? err : cr_crit_convert(call, &c, in, o->out);
}

const struct cr_verb cr_verb_decode = {
	.name = "decode",
	.summary = "images to JSON",
	.text = "Writes an image as JSON. Standard output gets a newline at the "
		"end, a file does not. All of an image is written, keys and "
		"other secrets too: 'crit redact' takes them out.\n"
		"\n"
		"Given a directory, decodes every image in it to NAME.img.json "
		"in the directory that -o names, and carries everything else "
		"over as it is: as a reflink or hard link where the file "
		"system allows it. 'crit encode' turns such a directory back "
		"into one that CRIU accepts.",
	.opts = opts,
	.values_size = sizeof(struct decode),
	.run = run,
};
