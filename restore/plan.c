// SPDX-License-Identifier: MIT
#include "restore/plan.h"

#include <stdlib.h>
#include <string.h>

#include "restore/arch/arch.h"
#include "restore/early.h"
#include "restore/fd/kind.h"
#include "restore/fd/pipes.h"
#include "restore/keys/keys.h"
#include "restore/maps.h"
#include "restore/steps.h"

/* ---- what is refused ---- */

static struct cr_error *refuse(struct cr_rplan *plan, struct cr_error *err,
			       bool of_host)
{
	enum cr_err code = err ? cr_error_code(err) : CR_ERR_INTERNAL;
	size_t nr = plan->nr_refusals;
	bool refuses = code == CR_ERR_FORMAT || code == CR_ERR_UNSUPPORTED ||
		       code == CR_ERR_NOT_FOUND ||
		       (of_host && code == CR_ERR_SYSTEM);
	if (!refuses)
		return err;
	if (nr == CR_REFUSALS_MAX) {
		plan->nr_more++;
		cr_error_free(err);
		return NULL;
	}
	// The room is doubled when it is full.
	if (!(nr & (nr - 1))) {
		void *more = reallocarray(plan->refusal, nr ? nr * 2 : 1,
					  sizeof(plan->refusal[0]));
		if (!more) {
			cr_error_free(err);
			return cr_enomem;
		}
		plan->refusal = more;
	}
	plan->refusal[plan->nr_refusals++] = (struct cr_refusal){
		.err = err,
		.of_host = of_host,
	};
	return NULL;
}

struct cr_error *cr_rplan_refuse(struct cr_rplan *plan, struct cr_error *err)
{
	return refuse(plan, err, false);
}

struct cr_error *cr_rplan_lacks(struct cr_rplan *plan, struct cr_error *err)
{
	return refuse(plan, err, true);
}

// What is wrong with the images comes before what this machine lacks.
struct cr_error *cr_rplan_verdict(struct cr_rplan *plan)
{
	const struct cr_error *first[2] = { NULL, NULL };
	size_t nr[2] = { plan->nr_more, 0 };
	for (size_t i = 0; i < plan->nr_refusals; i++) {
		const struct cr_refusal *r = plan->refusal + i;
		first[r->of_host] = first[r->of_host] ?: r->err;
		nr[r->of_host]++;
	}
	bool of_host = !first[false];
	if (!first[of_host])
		return NULL;
	struct cr_error *err =
		cr_error_new(cr_error_code(first[of_host]), "%s",
			     cr_error_text(first[of_host]));
	err = cr_error_at(err, "%s", plan->options->images);
	return cr_error_more(err, nr[of_host] - 1);
}

/* ---- open files ---- */

static int compare_files(const struct cr_ofile *f, uint32_t type, uint32_t id)
{
	if (f->type != type)
		return f->type < type ? -1 : 1;
	return f->id < id ? -1 : f->id > id;
}

// Where a file is, or belongs.
static size_t place_of(const struct cr_rplan *plan, uint32_t type, uint32_t id)
{
	size_t low = 0, high = plan->nr_ofiles;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (compare_files(plan->ofile + mid, type, id) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct cr_ofile *cr_rplan_find(struct cr_rplan *plan, uint32_t type, uint32_t id)
{
	size_t i = place_of(plan, type, id);
	if (i < plan->nr_ofiles && !compare_files(plan->ofile + i, type, id))
		return plan->ofile + i;
	return NULL;
}

struct cr_error *cr_rplan_file(struct cr_rplan *plan, uint32_t type, uint32_t id,
			      struct cr_ofile **ret)
{
	struct cr_ofile *file = cr_rplan_find(plan, type, id);
	if (!file || !file->opened.msg)
		return cr_error_new(CR_ERR_FORMAT, "no file %s %u",
				    cr_file_type_name(type) ?: "of no kind,",
				    (unsigned)id);
	if (!file->kind)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "file %s %u: files of this kind cannot be "
				    "restored",
				    cr_file_type_name(type) ?: "of no kind,",
				    (unsigned)id);
	*ret = file;
	return NULL;
}

static const char *image_of(const struct cr_rplan *plan, uint32_t type)
{
	const struct cr_file_kind *kind = cr_file_kind(type);
	return plan->files.split && kind && kind->image ? kind->image :
							  "files.img";
}

// Every file of the images, in the order of cr_files: by type, then id.
static struct cr_error *load_files(struct cr_rplan *plan)
{
	struct cr_error *err = cr_files_load(&plan->set, &plan->files);
	if (err)
		return err;
	plan->ofile = calloc(plan->files.nr + 1, sizeof(plan->ofile[0]));
	if (!plan->ofile)
		return cr_enomem;
	for (size_t i = 0; !err && i < plan->files.nr; i++) {
		const struct cr_file_ref *ref = plan->files.ref + i;
		struct cr_ofile *file = plan->ofile + plan->nr_ofiles;
		if (cr_rplan_find(plan, ref->type, ref->id))
			continue;
		*file = (struct cr_ofile){
			.type = ref->type,
			.id = ref->id,
			.kind = cr_fd_kind(ref->type),
			.image = image_of(plan, ref->type),
			.fd = -1,
			.inherited = -1,
		};
		plan->nr_ofiles++;
		err = cr_files_open(&plan->files, ref, &file->opened);
		if (!err && file->kind && file->opened.msg)
			cr_ofile_describe(file);
	}
	return err;
}

/* ---- processes ---- */

static struct cr_error *load_thread(struct cr_rplan *plan,
				    struct cr_thread *thread)
{
	struct cr_error *err = cr_set_loadf(&plan->set,
					    &core_entry__descriptor,
					    &thread->messages, "core-%u.img",
					    (unsigned)thread->vtid);
	if (err)
		return err;
	if (!thread->messages.nr)
		return cr_error_new(CR_ERR_FORMAT, "core-%u.img: no entry",
				    (unsigned)thread->vtid);
	thread->core = (const CoreEntry *)thread->messages.msg[0];
	return NULL;
}

static struct cr_error *check_thread(const struct cr_thread *thread)
{
	if (thread->core->thread_core)
		return NULL;
	return cr_error_new(CR_ERR_UNSUPPORTED,
			    "core-%u.img: entry 0: no thread_core",
			    (unsigned)thread->vtid);
}

static struct cr_error *load_core(struct cr_rplan *plan, struct cr_proc *proc)
{
	proc->thread[0] = (struct cr_thread){ .proc = proc,
					      .vtid = proc->vpid };
	proc->nr_threads = 1;
	struct cr_error *err = load_thread(plan, proc->thread);
	if (err)
		return err;
	proc->core = proc->thread->core;
	if (!proc->core->tc)
		return cr_error_new(CR_ERR_FORMAT,
				    "core-%u.img: entry 0: it is not that of a "
				    "process",
				    (unsigned)proc->vpid);
	proc->zombie = cr_core_is_zombie(proc->core);
	return NULL;
}

static struct cr_error *load_threads(struct cr_rplan *plan, struct cr_proc *proc)
{
	const PstreeEntry *e = proc->task->entry;
	struct cr_error *err = check_thread(proc->thread);
	for (size_t i = 0; !err && i < e->n_threads; i++) {
		struct cr_thread *thread = proc->thread + proc->nr_threads;
		if (e->threads[i] == proc->vpid)
			continue;
		*thread = (struct cr_thread){ .proc = proc,
					      .vtid = e->threads[i] };
		proc->nr_threads++;
		err = load_thread(plan, thread);
		if (!err)
			err = check_thread(thread);
	}
	return err;
}

static struct cr_error *load_fd(struct cr_rplan *plan, struct cr_proc *proc,
				const FdinfoEntry *entry)
{
	struct cr_pfd *fd = proc->fd + proc->nr_fds;
	if (entry->fd >= INT32_MAX)
		return cr_error_new(CR_ERR_FORMAT, "descriptor %u",
				    (unsigned)entry->fd);
	struct cr_error *err =
		cr_rplan_file(plan, entry->type, entry->id, &fd->file);
	if (err)
		return err;
	fd->entry = entry;
	fd->file->is_fd = true;
	if (!fd->file->first) {
		fd->file->first = proc;
		fd->file->first_fd = (int)entry->fd;
	}
	proc->nr_fds++;
	return NULL;
}

static struct cr_error *load_fds(struct cr_rplan *plan, struct cr_proc *proc)
{
	unsigned id = proc->ids->files_id;
	struct cr_error *err =
		cr_set_load_optionalf(&plan->set, &fdinfo_entry__descriptor,
				      &proc->fdinfo, "fdinfo-%u.img", id);
	if (err)
		return err;
	proc->fd = calloc(proc->fdinfo.nr + 1, sizeof(proc->fd[0]));
	if (!proc->fd)
		return cr_enomem;
	for (size_t i = 0; !err && i < proc->fdinfo.nr; i++) {
		err = load_fd(plan, proc, (const FdinfoEntry *)proc->fdinfo.msg[i]);
		if (err)
			err = cr_error_at(err, "fdinfo-%u.img: entry %zu", id,
					  i);
		err = cr_rplan_refuse(plan, err);
	}
	return err;
}

static struct cr_error *load_fs(struct cr_rplan *plan, struct cr_proc *proc)
{
	unsigned pid = proc->vpid;
	struct cr_error *err = cr_message_load(&plan->set, &fs_entry__descriptor,
					       &proc->fs, "fs-%u.img", pid);
	if (err || !proc->fs)
		return err;
	err = cr_rplan_file(plan, FD_TYPES__REG, proc->fs->cwd_id, &proc->cwd);
	if (!err)
		err = cr_rplan_file(plan, FD_TYPES__REG, proc->fs->root_id,
				   &proc->root);
	if (err)
		return cr_error_at(err, "fs-%u.img: entry 0", pid);
	proc->cwd->is_place = true;
	proc->root->is_place = true;
	return NULL;
}

// Reading takes a missing pagemap for memory that was never touched.
static struct cr_error *check_pagemap(struct cr_rplan *plan,
				      struct cr_proc *proc)
{
	const struct cr_pagemap *map;
	struct cr_error *err =
		cr_object_map(&proc->pages.own, &plan->memory, 0, &map);
	if (!err && !map)
		err = cr_error_new(CR_ERR_FORMAT, "pagemap-%u.img: no such file",
				   (unsigned)proc->vpid);
	return err;
}

static struct cr_error *load_memory(struct cr_rplan *plan, struct cr_proc *proc)
{
	unsigned pid = proc->vpid;
	struct cr_error *err = cr_mm_load(&plan->set, proc->vpid, &proc->mm);
	if (err)
		return err;
	if (!proc->mm.entry)
		return cr_error_new(CR_ERR_FORMAT, "mm-%u.img: no such file",
				    pid);
	if (proc->mm.entry->n_mm_saved_auxv > CR_AUXV_MAX)
		return cr_error_new(CR_ERR_FORMAT,
				    "mm-%u.img: entry 0: %zu words of auxiliary "
				    "vector",
				    pid, proc->mm.entry->n_mm_saved_auxv);
	err = cr_rplan_file(plan, FD_TYPES__REG, proc->mm.entry->exe_file_id,
			   &proc->exe);
	if (err)
		err = cr_rplan_refuse(
			plan, cr_error_at(err, "mm-%u.img: entry 0", pid));
	else
		proc->exe->is_place = true;
	if (!err)
		err = cr_pages_open(&proc->pages, &plan->memory, proc->vpid);
	return err ?: check_pagemap(plan, proc);
}

static struct cr_error *load_proc(struct cr_rplan *plan, struct cr_proc *proc)
{
	const PstreeEntry *e = proc->task->entry;
	proc->thread = calloc(e->n_threads + 1, sizeof(proc->thread[0]));
	if (!proc->thread)
		return cr_enomem;
	struct cr_error *err = cr_pstree_fault(&plan->tree, proc->task);
	if (!err)
		err = load_core(plan, proc);
	if (err || proc->zombie)
		return err;
	err = load_threads(plan, proc);
	if (!err)
		err = cr_process_ids(&plan->set, proc->vpid, &proc->ids);
	if (!err && !proc->ids)
		err = cr_error_new(CR_ERR_FORMAT, "ids-%u.img: no such file",
				   (unsigned)proc->vpid);
	if (!err)
		err = load_fds(plan, proc);
	if (!err)
		err = cr_rplan_refuse(plan, load_fs(plan, proc));
	if (!err)
		err = load_memory(plan, proc);
	return err;
}

struct cr_proc *cr_rplan_proc(struct cr_rplan *plan, uint32_t vpid)
{
	cr_rplan_each_proc(p, plan) {
		if (p->vpid == vpid)
			return p;
	}
	return NULL;
}

// No process outside of a namespace is seen as the first of it.
bool cr_proc_has_our_ids(const struct cr_proc *proc)
{
	while (proc->parent)
		proc = proc->parent;
	return proc->pid == (pid_t)proc->vpid;
}

// A walk goes through all descendants of the root, parents first; depth says
// whose child each one is.
static struct cr_error *load_procs(struct cr_rplan *plan)
{
	size_t depth = 0;
	struct cr_error *err = NULL;
	plan->proc = calloc(plan->tree.nr + 1, sizeof(plan->proc[0]));
	if (!plan->proc)
		return cr_enomem;
	const struct cr_task *task = plan->tree.root;
	if (!task)
		return cr_error_new(CR_ERR_FORMAT, "pstree.img: no process");
	for (; !err && task; task = cr_pstree_next(task, &depth)) {
		struct cr_proc *proc = plan->proc + plan->nr_procs;
		if (plan->nr_procs && !depth)
			return cr_error_new(CR_ERR_UNSUPPORTED,
					    "pstree.img: entry %zu: a second "
					    "process without a parent",
					    cr_pstree_entry(&plan->tree, task));
		proc->i = plan->nr_procs++;
		proc->task = task;
		proc->vpid = task->entry->pid;
		proc->pages.file_fd = -1;
		// Its parent is an ancestor of the one before it.
		proc->parent = proc->i ? proc - 1 : NULL;
		while (proc->parent && proc->parent->task != task->parent)
			proc->parent = proc->parent->parent;
		err = load_proc(plan, proc);
		proc->unread = err;
		err = cr_rplan_refuse(plan, err);
	}
	return err;
}

/* ---- the whole ---- */

static struct cr_error *load_inventory(struct cr_rplan *plan)
{
	struct cr_error *err = cr_message_load(&plan->set,
					       &inventory_entry__descriptor,
					       &plan->inventory,
					       "inventory.img");
	if (!err && !plan->inventory)
		err = cr_error_new(CR_ERR_NOT_FOUND,
				   "inventory.img: no such file");
	if (err)
		return err;
	if (plan->inventory->img_version < 1 ||
	    plan->inventory->img_version > 3)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "inventory.img: entry 0: images of version "
				    "%u",
				    (unsigned)plan->inventory->img_version);
	return NULL;
}

static void find_base(struct cr_rplan *plan)
{
	plan->fd_base = 64;
	cr_rplan_each_proc(proc, plan) {
		for (size_t i = 0; i < proc->nr_fds; i++) {
			uint32_t fd = proc->fd[i].entry->fd;
			if ((int)fd >= plan->fd_base)
				plan->fd_base = (int)fd + 1;
		}
	}
}

struct cr_error *cr_rplan_load(struct cr_rplan *plan)
{
	struct cr_error *err = load_inventory(plan);
	if (!err)
		err = cr_pstree_load(&plan->set, &plan->tree);
	if (!err)
		err = cr_memory_init(&plan->memory, &plan->set, NULL);
	if (!err)
		err = load_files(plan);
	if (!err)
		err = load_procs(plan);
	if (err)
		return err;
	find_base(plan);
	return cr_steps_plan(plan);
}

struct cr_error *cr_rplan_make(const struct cr_options *options,
			      struct cr_rplan *plan)
{
	*plan = (struct cr_rplan){ .options = options };
	struct cr_error *err = cr_set_open(options->images, &plan->set);
	if (!err)
		err = cr_rplan_load(plan);
	return err ? cr_error_at(err, "%s", options->images) : NULL;
}

static void deinit_proc(struct cr_proc *proc)
{
	cr_proc_each_thread(thread, proc)
		cr_messages_free(&thread->messages);
	free(proc->thread);
	cr_message_free(proc->ids);
	cr_message_free(proc->fs);
	cr_pages_close(&proc->pages);
	cr_mm_free(&proc->mm);
	free(proc->mapping);
	free(proc->fd);
	cr_messages_free(&proc->fdinfo);
}

void cr_rplan_deinit(struct cr_rplan *plan)
{
	if (plan->proc) {
		cr_early_drop(plan);
		cr_rplan_each_proc(proc, plan)
			deinit_proc(proc);
	}
	free(plan->proc);
	for (size_t i = 0; i < plan->nr_ofiles; i++) {
		free(plan->ofile[i].data);
		cr_opened_free(&plan->ofile[i].opened);
	}
	free(plan->ofile);
	free(plan->shared);
	if (plan->own)
		cr_maps_free(plan->own);
	free(plan->own);
	cr_memfds_free(plan->memfds);
	cr_ttys_free(plan->ttys);
	cr_remaps_free(&plan->remaps);
	cr_locks_free(&plan->locks);
	cr_keys_free(plan->keys);
	cr_message_free(plan->seccomp);
	cr_pipes_free(plan->pipes[0]);
	cr_pipes_free(plan->pipes[1]);
	cr_files_free(&plan->files);
	cr_memory_deinit(&plan->memory);
	cr_pstree_free(&plan->tree);
	cr_message_free(plan->inventory);
	for (size_t i = 0; i < plan->nr_refusals; i++)
		cr_error_free(plan->refusal[i].err);
	free(plan->refusal);
	cr_set_close(&plan->set);
	*plan = (struct cr_rplan){ 0 };
}
