// SPDX-License-Identifier: MIT
#include "lib/ops/domain.h"

#include <errno.h>
#include <stdlib.h>

#include "crit/edit/edit.h"
#include "lib/base/cleanup.h"

/* Results go to standard output, so that these never stand among them. */
static void remark(void *arg, const char *text)
{
	fprintf(stderr, "crit: note: %s\n", text);
}

static struct cr_error *read_offset(const char *text, int64_t *ret)
{
	char *end;
	*ret = 0;
	if (!text)
		return NULL;
	errno = 0;
	*ret = strtoll(text, &end, 10);
	if (errno || *end || end == text || !*ret || *ret > INT32_MAX ||
	    *ret < -INT32_MAX)
		return cr_error_new(CR_ERR_USAGE, "--offset '%s' is no number",
				    text);
	return NULL;
}

static struct cr_error *run(struct cr_edit_call *call, cr_domain_fn *fn)
{
	const struct cr_edit_options *o = call->o;
	cr_auto_free uint32_t *pids = NULL;
	struct cr_domain d = {
		.change = call->change,
		.if_exists = o->if_exists,
		.sysroot = o->sysroot,
		.side = o->src    ? CR_SIDE_SRC :
			o->dst    ? CR_SIDE_DST :
			o->listen ? CR_SIDE_LISTEN :
				    CR_SIDE_BOTH,
		.remark = remark,
	};
	struct cr_error *err = read_offset(o->offset, &d.offset);
	if (!err && o->pids)
		err = cr_opts_pids(o->pids, &pids, &d.nr_pids);
	d.pid = pids;
	if (!err && call->image)
		err = cr_error_new(CR_ERR_USAGE, "this needs the whole "
						 "checkpoint, not one image");
	if (!err && o->src + o->dst + o->listen > 1)
		err = cr_error_new(CR_ERR_USAGE, "--src, --dst and --listen do "
						 "not go together");
	return err ? err : fn(&d, o->args.word, o->args.nr);
}

#define DOMAIN(id, ...)                                              \
	struct cr_error *cr_edit_act_##id(struct cr_edit_call *call) \
	{                                                            \
		return run(call, cr_domain_##id);                    \
	}
#include "crit/edit/domain.def"
#undef DOMAIN
