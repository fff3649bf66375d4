// SPDX-License-Identifier: MIT
#include "crit/kept.h"

#include <string.h>

#include "crit/limits.h"

struct cr_error *cr_kept_set(const struct cr_verb_call *call,
			     const char *path, struct cr_set *ret)
{
	struct cr_kept *kept = call->kept;
	if (!kept || !kept->path || strcmp(kept->path, path))
		return cr_limits_open(call, path, ret);
	*ret = kept->set;
	*kept = (struct cr_kept){ .path = NULL };
	return NULL;
}
