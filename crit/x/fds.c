// SPDX-License-Identifier: MIT
#include <fcntl.h>

#include "crit/x/views.h"

static void show_fd(struct cr_x *x, void *arg, uint32_t pid,
		    const FdinfoEntry *fd, struct cr_x_from from)
{
	cr_x_text(x, "\t%7u: ", fd->fd);
	cr_x_open(x, NULL, '{');
	cr_x_u64(x, "fd", fd->fd);
	cr_x_bool(x, "cloexec", fd->flags & FD_CLOEXEC);
	cr_x_file_members(x, fd->type, fd->id, from);
	cr_x_close(x, '}');
	cr_x_text(x, "\n");
}

static void show_dir(struct cr_x *x, const char *name, uint32_t pid,
		     uint32_t id)
{
	struct cr_x_from from = { "fs", pid, "entry", 0 };
	cr_x_text(x, "\t%7s: ", name);
	cr_x_file(x, name, FD_TYPES__REG, id, from);
	cr_x_text(x, "\n");
}

static void show_dirs(struct cr_x *x, uint32_t pid)
{
	FsEntry *fs = NULL;
	cr_x_find(x, cr_message_load(&x->set, &fs_entry__descriptor, &fs,
				     "fs-%u.img", pid));
	if (fs) {
		show_dir(x, "cwd", pid, fs->cwd_id);
		show_dir(x, "root", pid, fs->root_id);
	}
	cr_message_free(fs);
}

void cr_x_view_fds(struct cr_x *x)
{
	cr_x_open(x, NULL, '[');
	cr_x_for_each(task, x) {
		if (!cr_x_open_process(x, task)) {
			cr_x_open(x, "fds", '[');
			cr_x_each_fd(x, task->entry->pid, show_fd, NULL);
			cr_x_close(x, ']');
			show_dirs(x, task->entry->pid);
		}
		cr_x_close(x, '}');
	}
	cr_x_close(x, ']');
}
