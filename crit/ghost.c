// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "crit/ghost/ghost.h"
#include "crit/kept.h"
#include "crit/verb.h"

struct ghost {
	const char *dir, *id, *out;
	bool json;
};

// clang-format off
static const struct cr_opt opts[] = {
	{ 'o', "out", "output", CR_STRING(struct ghost, out, CR_TAKES_FILE), "OUT", "write contents: of all ghosts to files in a new directory, of one to a file" },
	{ 0, "json", NULL, CR_FLAG(struct ghost, json), NULL, "write JSON" },
	{ CR_ARG, CR_STRING(struct ghost, dir, CR_TAKES_CHECKPOINT), "DIR", "the checkpoint" },
	{ CR_ARG, CR_STRING(struct ghost, id, CR_TAKES_ANYTHING), "ID", "this ghost only", CR_OPTIONAL },
	{ 0 },
};
// clang-format on

static struct cr_error *parse_id(const char *text, uint32_t *ret)
{
	uint64_t id;
	struct cr_error *err = cr_opts_number(text, &id);
	if (!err && id > UINT32_MAX)
		err = cr_error_new(CR_ERR_USAGE, "'%s' is too large", text);
	if (err)
		return cr_error_at(err, "ID");
	*ret = (uint32_t)id;
	return NULL;
}

static struct cr_error *start(struct cr_ghosts *g,
			      const struct cr_verb_call *call, uint32_t *id)
{
	const struct ghost *o = call->values;
	struct cr_error *err = NULL;
	if (o->json && o->out)
		err = cr_error_new(CR_ERR_USAGE,
				   "--json lists and -o writes contents: one "
				   "of them");
	if (!err && o->id)
		err = parse_id(o->id, id);
	if (!err)
		err = cr_kept_set(call, o->dir, &g->x.set);
	if (!err)
		err = cr_ghosts_load(g);
	return err;
}

static struct cr_error *show(struct cr_ghosts *g, const struct ghost *o,
			     uint32_t id)
{
	struct cr_error *err = cr_pstree_load(&g->x.set, &g->x.tree);
	// Without processes there are no users.
	cr_error_catch(&err, CR_ERR_NOT_FOUND);
	if (err)
		return err;
	cr_ghosts_find_users(g);
	cr_ghosts_list(g, o->id, id);
	return NULL;
}

static struct cr_error *run(const struct cr_verb_call *call)
{
	const struct ghost *o = call->values;
	struct cr_ghosts g = { .x = { .json = o->json, .term = call->term } };
	uint32_t id = 0;
	struct cr_error *err = start(&g, call, &id);
	if (!err)
		err = cr_x_begin(&g.x, call->out);
	if (!err && !o->out)
		err = show(&g, o, id);
	else if (!err && o->id)
		err = cr_ghosts_extract(&g, id, o->out);
	else if (!err)
		err = cr_ghosts_extract_all(&g, o->out);
	if (!err)
		err = cr_x_end(&g.x);
	cr_remaps_free(&g.remaps);
	free(g.row);
	free(g.user);
	cr_x_deinit(&g.x);
	return err;
}

const struct cr_verb cr_verb_ghost = {
	.name = "ghost",
	.summary = "list and write out deleted files held in a checkpoint",
	.text = "Lists files that lost the name they were opened by, and what "
		"stands in for each of them: a ghost, whose content is in the "
		"checkpoint; linked, another name of the file; procfs, an "
		"entry of a process that is gone. Users are the first few of "
		"the processes that use it, each with the descriptor, or map, "
		"exe, cwd or root. stored is what the image has of size: the "
		"rest are holes.\n"
		"\n"
		"JSON: [{id, files: [{id, path}], stands, kind, image, chunks, "
		"pieces, accessed, rdev, target, mode, uid, gid, size, stored, "
		"dev, ino, modified, users: [{pid, as, fd or start, end}], "
		"name, path}]. id is the ghost's, of a linked one the id of "
		"the file that stands in, whose path is name, of procfs the "
		"pid. All that an image does not say is null or absent.\n"
		"\n"
		"-o OUT without ID: writes the content of each ghost that is a "
		"regular file to a file ID-NAME of the directory OUT, which is "
		"made; an empty one may be there. With ID: to the file OUT. "
		"Holes stay holes, times are kept, the files are the caller's "
		"alone. A ghost that is broken is left out; that is then said, "
		"and the exit status is 1.",
	.opts = opts,
	.values_size = sizeof(struct ghost),
	.run = run,
};
