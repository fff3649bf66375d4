// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "crit/ghost/ghost.h"
#include "images/fifo.pb-c.h"
#include "images/tty.pb-c.h"

enum { FILE_MAPPED = 1 << 6 | 1 << 7 }; /* vma_entry.status */

static void add(struct cr_ghosts *g, struct cr_ghost_user user)
{
	if (!cr_remaps_find(&g->remaps, user.file))
		return;
	if (g->nr_users == g->cap_users) {
		size_t cap = g->cap_users ? 2 * g->cap_users : 16;
		void *more = realloc(g->user, cap * sizeof(g->user[0]));
		if (!more) {
			cr_x_fail(&g->x, cr_enomem);
			return;
		}
		g->user = more;
		g->cap_users = cap;
	}
	g->user[g->nr_users++] = user;
}

/* The path of some other kinds of file is a regular file's. */
static uint32_t path_of(const struct cr_opened *opened)
{
	if (!opened->msg)
		return 0;
	if (opened->ref->type == FD_TYPES__FIFO)
		return ((const FifoEntry *)(const void *)opened->msg)->regf_id;
	return ((const TtyFileEntry *)(const void *)opened->msg)->regf_id;
}

static void note_fd(struct cr_x *x, void *arg, uint32_t pid,
		    const FdinfoEntry *fd, struct cr_x_from from)
{
	struct cr_ghosts *g = arg;
	uint32_t file = fd->id;
	if (fd->type == FD_TYPES__FIFO || fd->type == FD_TYPES__TTY) {
		struct cr_opened opened = { 0 };
		cr_x_find(x, cr_files_get(cr_x_files(x), fd->type, fd->id,
					  &opened));
		file = path_of(&opened);
		cr_opened_free(&opened);
	} else if (fd->type != FD_TYPES__REG) {
		return;
	}
	add(g, (struct cr_ghost_user){ file, pid, CR_USER_FD, fd->fd, 0 });
}

static void note_memory(struct cr_ghosts *g, uint32_t pid)
{
	struct cr_mm mm = { 0 };
	cr_x_find(&g->x, cr_mm_load(&g->x.set, pid, &mm));
	if (mm.entry)
		add(g, (struct cr_ghost_user){ mm.entry->exe_file_id, pid,
					       CR_USER_EXE, 0, 0 });
	for (size_t i = 0; i < mm.nr_vmas; i++) {
		const VmaEntry *vma = mm.vma[i];
		if (vma->status & FILE_MAPPED)
			add(g, (struct cr_ghost_user){ (uint32_t)vma->shmid,
						       pid, CR_USER_MAP,
						       vma->start, vma->end });
	}
	cr_mm_free(&mm);
}

static void note_dirs(struct cr_ghosts *g, uint32_t pid)
{
	FsEntry *fs = NULL;
	cr_x_find(&g->x, cr_message_load(&g->x.set, &fs_entry__descriptor, &fs,
					 "fs-%u.img", pid));
	if (fs) {
		add(g, (struct cr_ghost_user){ fs->cwd_id, pid, CR_USER_CWD, 0,
					       0 });
		add(g, (struct cr_ghost_user){ fs->root_id, pid, CR_USER_ROOT,
					       0, 0 });
	}
	cr_message_free(fs);
}

static int by_file(const void *a, const void *b)
{
	const struct cr_ghost_user *x = a, *y = b;
	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return (x->start > y->start) - (x->start < y->start);
}

void cr_ghosts_find_users(struct cr_ghosts *g)
{
	struct cr_x *x = &g->x;
	if (!g->remaps.nr)
		return;
	cr_x_for_each(task, x) {
		uint32_t pid = task->entry->pid;
		cr_x_each_fd(x, pid, note_fd, g);
		note_memory(g, pid);
		note_dirs(g, pid);
	}
	if (g->nr_users)
		qsort(g->user, g->nr_users, sizeof(g->user[0]), by_file);
}
