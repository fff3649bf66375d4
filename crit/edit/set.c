// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "crit/edit/edit.h"
#include "lib/base/cleanup.h"
#include "lib/ops/edit.h"

/* set, unset and append: all arguments at once. */
static struct cr_error *run(struct cr_edit_call *call, enum cr_edit_op op)
{
	const struct cr_words *args = &call->o->args;
	struct cr_edit_opts opts = { call->image, call->o->if_exists };
	cr_auto_free struct cr_edit *edits = calloc(args->nr, sizeof(edits[0]));
	struct cr_error *err = edits ? NULL : cr_enomem;
	for (size_t i = 0; i < args->nr && !err; i++)
		err = cr_edit_parse(op, args->word[i], &edits[i]);
	if (!err)
		err = cr_edit_run(call->change, &opts, edits, args->nr);
	for (size_t i = 0; edits && i < args->nr; i++)
		cr_path_free(&edits[i].path);
	return err;
}

struct cr_error *cr_edit_act_set(struct cr_edit_call *call)
{
	return run(call, CR_EDIT_SET);
}

struct cr_error *cr_edit_act_unset(struct cr_edit_call *call)
{
	return run(call, CR_EDIT_UNSET);
}

struct cr_error *cr_edit_act_append(struct cr_edit_call *call)
{
	return run(call, CR_EDIT_APPEND);
}
