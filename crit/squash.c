// SPDX-License-Identifier: MIT
#include <inttypes.h>

#include "crit/change.h"
#include "crit/verb.h"
#include "lib/ops/squash.h"

struct squash {
	const char *target;
	struct cr_crit_change change;
};

// clang-format off
static const struct cr_opt opts[] = {
	CR_CRIT_CHANGE_OPTS(struct squash, change),
	{ CR_ARG, CR_STRING(struct squash, target, CR_TAKES_CHECKPOINT), "TARGET", "the checkpoint: a directory or an archive" },
	{ 0 },
};
// clang-format on

static void print(FILE *out, const struct cr_squash *s)
{
	if (!s->nr_parents) {
		fprintf(out, "has no parent\n");
		return;
	}
	fprintf(out,
		"%" PRIu64 " pages (%" PRIu64 " bytes) from %u parent%s in "
		"%" PRIu64 " pagemap%s\n",
		s->nr_pages, s->size, s->nr_parents,
		s->nr_parents == 1 ? "" : "s", s->nr_pagemaps,
		s->nr_pagemaps == 1 ? "" : "s");
}

static struct cr_error *run(const struct cr_verb_call *call)
{
	const struct squash *o = call->values;
	struct cr_change *change;
	struct cr_squash s;
	struct cr_error *err =
		cr_crit_change_open(call, o->target, &o->change, &change);
	if (err)
		return err;
	err = cr_squash(change, &s);
	if (!err)
		err = cr_crit_change_commit(change, &o->change, call->out);
	if (!err && !o->change.json)
		print(call->out, &s);
	cr_change_close(change);
	return err;
}

const struct cr_verb cr_verb_squash = {
	.name = "squash",
	.summary = "make one checkpoint of a chain of parents",
	.text = "Takes over the pages that are in parents, through any number "
		"of them, and removes the link `parent`. Memory reads the same "
		"afterwards; pages images that have nothing in a parent, and "
		"all other images, are left as they are. The parents are not "
		"touched. Without a parent nothing changes.",
	.opts = opts,
	.values_size = sizeof(struct squash),
	.run = run,
};
