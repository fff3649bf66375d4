// SPDX-License-Identifier: MIT
#include "restore/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "restore/arch/arch.h"
#include "restore/early.h"
#include "restore/fd/kind.h"
#include "restore/inject.h"
#include "restore/keys/keys.h"
#include "restore/maps.h"
#include "restore/steps.h"
#include "restore/tasks.h"
#include "restore/tracee.h"
#include "restore/vdso.h"

typedef unsigned long long ull;

/* ---- where we are ---- */

static bool overlaps(const struct cr_area *a, uint64_t start, uint64_t end)
{
	return a->start < end && start < a->end;
}

// Whether one of our own mappings is where a process will have one of its own.
static bool clashes(const struct cr_maps *own, const struct cr_proc *proc)
{
	size_t i = 0;
	for (size_t j = 0; j < proc->nr_mappings; j++) {
		const VmaEntry *vma = proc->mapping[j].vma;
		while (i < own->nr && own->area[i].end <= vma->start)
			i++;
		if (i < own->nr && overlaps(&own->area[i], vma->start, vma->end))
			return true;
	}
	for (i = 0; i < own->nr; i++) {
		const struct cr_area *a = &own->area[i];
		// The vdso may go where it is.
		bool is_vdso = a->kind == CR_AREA_VDSO ||
			       a->kind == CR_AREA_VVAR;
		if (overlaps(a, proc->scratch, proc->scratch + CR_SCRATCH_SIZE) ||
		    (!is_vdso && !proc->vdso_leads &&
		     overlaps(a, proc->vdso, proc->vdso_end)))
			return true;
	}
	return false;
}

static struct cr_error *check_room(struct cr_restore *run,
				   const struct cr_maps *own)
{
	cr_rplan_each_proc(proc, run->plan) {
		if (proc->zombie || !clashes(own, proc))
			continue;
		run->clash = true;
		return cr_error_new(CR_ERR_SYSTEM,
				    "process %u: its memory is where ours is",
				    (unsigned)proc->vpid);
	}
	return NULL;
}

// What we map from here on may clash, too: map_at() of map.c.
static struct cr_error *find_room(struct cr_restore *run)
{
	struct cr_maps own = { 0 };
	struct cr_error *err = cr_maps_read(run->proc_fd, "self", &own);
	if (!err)
		err = check_room(run, &own);
	cr_maps_free(&own);
	return err;
}

static uint64_t find_call(const struct cr_maps *own)
{
	for (size_t i = 0; i < own->nr; i++) {
		const struct cr_area *a = own->area + i;
		if (a->kind != CR_AREA_VDSO)
			continue;
		const void *vdso = (const void *)(uintptr_t)a->start;
		const void *p = memmem(vdso, a->end - a->start, cr_native.call,
				       cr_native.call_size);
		return (uintptr_t)p;
	}
	return 0;
}

static struct cr_error *look_around(struct cr_restore *run)
{
	uint64_t start, end;
	cr_maps_vdso(run->plan->own, &start, &end);
	uint64_t ip = find_call(run->plan->own);
	if (!ip)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "the vdso of this kernel makes no system "
				    "calls");
	cr_rplan_each_proc(proc, run->plan) {
		// The instruction goes where the vdso goes.
		proc->syscall_ip =
			proc->vdso_leads ? ip : ip - start + proc->vdso;
	}
	return run->plan->early ? NULL : find_room(run);
}

/* ---- the whole ---- */

static struct cr_error *seize_all(struct cr_restore *run)
{
	run->soon = cr_soon_new();
	if (!run->soon)
		return cr_enomem;
	cr_rplan_each_proc(proc, run->plan) {
		proc->soon = run->soon;
		proc->joins_calls = run->board->slot[proc->i].joins_calls;
		struct cr_error *err =
			proc->zombie ? NULL : cr_tracee_seize(proc->thread);
		if (err)
			return err;
	}
	return NULL;
}

static struct cr_error *restore(struct cr_restore *run)
{
	struct cr_error *err = cr_steps_once(run);
	if (!err)
		err = look_around(run);
	if (!err)
		err = cr_tasks_start(run);
	if (!err)
		cr_steps_say_child(run);
	if (!err)
		err = seize_all(run);
	if (!err)
		err = cr_steps_inject(run);
	cr_release_end(run, !err);
	return err;
}

// Descriptors of the controller's that steps use are high from the beginning.
static struct cr_error *open_proc(struct cr_restore *run)
{
	run->proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (run->proc_fd < 0)
		return cr_error_sys("/proc");
	return cr_fds_stash(run, &run->proc_fd);
}

// As many descriptors as may be, until each process gets its own limit.
static void raise_limit(struct rlimit *before)
{
	struct rlimit more;
	getrlimit(RLIMIT_NOFILE, before);
	more = *before;
	more.rlim_cur = more.rlim_max;
	setrlimit(RLIMIT_NOFILE, &more);
}

struct cr_error *cr_restore_run(const struct cr_options *options,
				struct cr_rplan *plan, FILE *log,
				const char *fault, const struct cr_gate *gate,
				bool *clash_ret)
{
	struct cr_restore run = {
		.options = options,
		.plan = plan,
		.log = log,
		.fault = fault,
		.gate = gate,
		.bell = { -1, -1 },
		.proc_fd = -1,
		.self_fd = -1,
		.guard_fd = -1,
	};
	struct rlimit before;
	raise_limit(&before);
	struct cr_error *err = open_proc(&run);
	if (!err)
		err = cr_tasks_init(&run);
	if (!err)
		err = restore(&run);
	if (err) {
		if (run.board)
			cr_tasks_kill(&run);
		cr_steps_undo(&run);
	}
	cr_keys_forget(plan, &run.keys);
	free(run.soon);
	cr_tasks_deinit(&run);
	if (run.proc_fd >= 0)
		close(run.proc_fd);
	if (run.self_fd >= 0)
		close(run.self_fd);
	setrlimit(RLIMIT_NOFILE, &before);
	*clash_ret = run.clash;
	return err;
}

/* ---- early: once for all copies ---- */

struct cr_error *cr_restore_early(const struct cr_options *options,
				  struct cr_rplan *plan, FILE *log,
				  bool *clash_ret)
{
	struct cr_restore run = {
		.options = options,
		.plan = plan,
		.log = log,
		.bell = { -1, -1 },
	};
	run.proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (run.proc_fd < 0)
		return cr_error_sys("/proc");
	cr_map_plan_early(plan);
	struct cr_error *err = cr_early_reserve(plan);
	if (!err)
		err = find_room(&run);
	if (!err) {
		err = cr_map_early(&run, plan->proc);
		if (err)
			err = cr_error_at(err, "process %u",
					  (unsigned)plan->proc->vpid);
	}
	if (!err)
		err = cr_early_read(plan);
	plan->early = !err;
	close(run.proc_fd);
	*clash_ret = run.clash;
	return err;
}

void cr_restore_drop_early(struct cr_rplan *plan)
{
	if (plan->early)
		cr_map_drop_early(plan);
	cr_early_drop(plan);
	plan->early = false;
}
