// SPDX-License-Identifier: MIT
#include "crit/convert.h"
#include "crit/verb.h"
#include "lib/base/cleanup.h"
#include "lib/image/json.h"

struct info {
	const char *in;
};

// clang-format off
static const struct cr_opt opts[] = {
	{ CR_ARG, CR_STRING(struct info, in, CR_TAKES_IMAGE), "FILE", "the image, - for standard input" },
	{ 0 },
};
// clang-format on

static struct cr_error *run(const struct cr_verb_call *call)
{
	const struct info *o = call->values;
	cr_auto_close int fd = -1;
	const char *name;
	struct cr_source src;
	struct cr_codec codec;
	struct cr_image_info info;
	struct cr_error *err = cr_crit_open(call, o->in, &fd, &name);
	if (err)
		return err;
	cr_codec_init(&codec, (struct cr_style){ 0 });
	err = cr_source_init_fd(&src, fd);
	if (!err)
		err = cr_image_read_info(&codec, &src, name, &info);
	cr_source_deinit(&src);
	cr_codec_deinit(&codec);
	if (err)
		return cr_error_at(err, "%s", name ?: "standard input");
	fprintf(call->out, "{\n    \"magic\": \"%s\",\n    \"count\": %llu\n}\n",
		info.type->id, (unsigned long long)info.nr_entries);
	return NULL;
}

const struct cr_verb cr_verb_info = {
	.name = "info",
	.summary = "an image's kind and number of entries",
	.text = "Counts entries without decoding them. A pagemap's head is not "
		"counted.",
	.opts = opts,
	.values_size = sizeof(struct info),
	.run = run,
};
