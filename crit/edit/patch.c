// SPDX-License-Identifier: MIT
#include "lib/ops/patch.h"

#include "crit/convert.h"
#include "crit/edit/edit.h"
#include "lib/base/cleanup.h"

struct cr_error *cr_edit_act_patch(struct cr_edit_call *call)
{
	const char *path = call->o->patch, *name;
	struct cr_reader r = { 0 };
	cr_auto_close int fd = -1;
	struct cr_error *err = cr_crit_open(call->verb, path, &fd, &name);
	if (err)
		return err;
	err = cr_reader_init_fd(&r, fd);
	if (!err)
		err = cr_patch_apply(call->change, call->image, &r);
	cr_reader_deinit(&r);
	return err ? cr_error_at(err, "%s", name ?: "standard input") : NULL;
}
