// SPDX-License-Identifier: MIT
#include "crit/x/views.h"

// Deeper than this children are not indented any more, so that a chain of
// processes does not print the square of its length.
#define DEEPEST 200

static void show(struct cr_x *x, const struct cr_task *task, size_t depth)
{
	const PstreeEntry *e = task->entry;
	struct cr_brief brief;
	cr_x_find(x, cr_pstree_fault(&x->tree, task));
	depth = depth < DEEPEST ? depth : DEEPEST;
	cr_x_open(x, NULL, '{');
	cr_x_u64(x, "pid", e->pid);
	cr_x_u64(x, "ppid", e->ppid);
	cr_x_u64(x, "pgid", e->pgid);
	cr_x_u64(x, "sid", e->sid);
	cr_x_brief(x, e->pid, &brief);
	cr_x_open(x, "threads", '[');
	/* CRIU writes a zombie's thread id at random. */
	if (brief.zombie)
		cr_x_u64(x, NULL, e->pid);
	for (size_t i = 0; i < e->n_threads && !brief.zombie; i++)
		cr_x_u64(x, NULL, e->threads[i]);
	cr_x_close(x, ']');
	cr_x_close(x, '}');
	cr_x_text(x, "%7u%7u%7u   %*s", e->pid, e->pgid, e->sid,
		  (int)(4 * depth), "");
	cr_x_safe(x, brief.comm ?: "?", brief.comm ? brief.comm_size : 1);
	cr_x_text(x, "\n");
	cr_brief_free(&brief);
}

void cr_x_view_ps(struct cr_x *x)
{
	size_t depth = 0;
	const struct cr_task *task = x->tree.root;
	cr_x_heading(x, "%7s%7s%7s   %s", "PID", "PGID", "SID", "COMM");
	cr_x_open(x, NULL, '[');
	for (; task && !x->err; task = cr_pstree_next(task, &depth)) {
		if (cr_x_wants(x, task->entry->pid))
			show(x, task, depth);
	}
	cr_x_close(x, ']');
}
