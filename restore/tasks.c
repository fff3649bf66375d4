// SPDX-License-Identifier: MIT
#include "restore/tasks.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "restore/fd/kind.h"

/* ---- shared memory ---- */

static void futex_wake(uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static void futex_wait(uint32_t *word, uint32_t value)
{
	syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

static struct cr_told *slot_of(struct cr_restore *run,
			       const struct cr_proc *proc)
{
	return &run->board->slot[proc->i];
}

static void tell(struct cr_restore *run, struct cr_told *slot,
		 enum cr_slot_state state)
{
	char byte = 0;
	__atomic_store_n(&slot->state, state, __ATOMIC_RELEASE);
	// Nobody waits for a birth. A full pipe is a bell that rings.
	if (state != CR_SLOT_BORN && write(run->bell[1], &byte, 1) < 0)
		return;
}

static const int enders[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };

struct cr_error *cr_tasks_init(struct cr_restore *run)
{
	sigset_t most;
	run->board_size = sizeof(*run->board) +
			  run->plan->nr_procs * sizeof(run->board->slot[0]);
	void *p = mmap(NULL, run->board_size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return cr_error_sys("map shared memory");
	run->board = p;
	if (pipe2(run->bell, O_CLOEXEC | O_NONBLOCK))
		return cr_error_sys("make a pipe");
	struct cr_error *err = cr_fds_stash(run, &run->bell[0]);
	if (!err)
		err = cr_fds_stash(run, &run->bell[1]);
	if (err)
		return err;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1))
		return cr_error_sys("become a subreaper");
	// Who ends us ends what we make.
	sigfillset(&most);
	for (size_t i = 0; i < sizeof(enders) / sizeof(enders[0]); i++)
		sigdelset(&most, enders[i]);
	sigprocmask(SIG_SETMASK, &most, &run->mask);
	return NULL;
}

void cr_tasks_deinit(struct cr_restore *run)
{
	if (run->board)
		munmap(run->board, run->board_size);
	run->board = NULL;
	for (int i = 0; i < 2; i++) {
		if (run->bell[i] >= 0)
			close(run->bell[i]);
		run->bell[i] = -1;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	sigprocmask(SIG_SETMASK, &run->mask, NULL);
}

/* ---- being born ---- */

static void copy_text(char *to, size_t size, const char *from)
{
	size_t len = strlen(from);
	len = len < size ? len : size - 1;
	memcpy(to, from, len);
	to[len] = 0;
}

static void tell_error(struct cr_restore *run, struct cr_told *slot,
		       const struct cr_error *err)
{
	slot->code = cr_error_code(err);
	slot->clash = run->clash;
	copy_text(slot->text, sizeof(slot->text), cr_error_text(err));
	tell(run, slot, CR_SLOT_FAILED);
}

// Its pid in the controller's namespace, which that one's /proc knows. That of the
// first process it knows itself.
static struct cr_error *learn_pid(struct cr_restore *run,
				  const struct cr_proc *proc)
{
	struct cr_told *slot = slot_of(run, proc);
	char text[32] = "";
	if (!proc->parent)
		return NULL;
	if (readlinkat(run->proc_fd, "self", text, sizeof(text) - 1) < 0)
		return cr_error_sys("/proc/self");
	slot->pid = (int32_t)strtol(text, NULL, 10);
	tell(run, slot, CR_SLOT_BORN);
	return NULL;
}

static bool is_orphan(const struct cr_restore *run, const struct cr_proc *proc)
{
	struct pollfd maker = { .fd = run->self_fd, .events = POLLIN };
	// The first process of a pid namespace has no parent in it.
	return proc->maker ? getppid() != proc->maker : poll(&maker, 1, 0) != 0;
}

// Whoever made us may be gone already; nobody would kill us then.
struct cr_error *cr_task_tie(struct cr_restore *run, struct cr_proc *proc)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		return cr_error_sys("set the signal of the parent's death");
	if (is_orphan(run, proc))
		_exit(1);
	return NULL;
}

static _Noreturn void live(struct cr_restore *run, struct cr_proc *proc)
{
	struct cr_told *slot = slot_of(run, proc);
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	struct cr_error *err = cr_task_tie(run, proc);
	proc->pid = getpid();
	if (!err)
		err = learn_pid(run, proc);
	if (!err)
		err = cr_steps_child(run, proc);
	if (err)
		tell_error(run, slot, err);
	else
		tell(run, slot, CR_SLOT_READY);
	// The controller ends this, one way or the other.
	for (;;)
		pause();
}

/*
 * The pid of a process that was killed a moment ago may still be taken, even if
 * nothing shows it any more. How long depends on the load; less is waited for one
 * that is there to be seen.
 */
#define PID_TRIES     3000
#define PID_TRIES_FEW 200
#define PID_PAUSE_NS  1000000

static bool is_worth_waiting(uint32_t pid, int try)
{
	bool seen = !kill((pid_t)pid, 0) || errno != ESRCH;
	return try < (seen ? PID_TRIES_FEW : PID_TRIES);
}

bool cr_task_wait_for_id(uint32_t id, int try)
{
	struct timespec pause_time = { .tv_nsec = PID_PAUSE_NS };
	if (!is_worth_waiting(id, try))
		return false;
	nanosleep(&pause_time, NULL);
	return true;
}

static pid_t clone_with_pid(uint32_t vpid, uint64_t flags)
{
	pid_t set_tid = (pid_t)vpid;
	struct clone_args args = {
		.flags = flags,
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)&set_tid,
		.set_tid_size = 1,
	};
	for (int try = 0;; try++) {
		pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
		if (pid >= 0 || errno != EEXIST)
			return pid;
		if (!cr_task_wait_for_id(vpid, try)) {
			errno = EEXIST;
			return -1;
		}
	}
}

static struct cr_error *know_self(struct cr_restore *run)
{
	run->self_fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	return run->self_fd < 0 ? cr_error_sys("open ourselves") :
				  cr_fds_stash(run, &run->self_fd);
}

static struct cr_error *make(struct cr_restore *run, struct cr_proc *proc)
{
	bool first = run->options->pidns && !proc->parent && proc->vpid == 1;
	struct cr_error *err = first ? know_self(run) : NULL;
	if (err)
		return err;
	proc->maker = first ? 0 : getpid();
	pid_t pid = clone_with_pid(proc->vpid, first ? CLONE_NEWPID : 0);
	if (!pid)
		live(run, proc);
	if (pid > 0) {
		proc->pid = pid;
		if (!proc->parent) // then we are the controller
			slot_of(run, proc)->pid = pid;
		return NULL;
	}
	if (errno == EEXIST)
		return cr_error_new(CR_ERR_SYSTEM,
				    "process %u: its pid is in use",
				    (unsigned)proc->vpid);
	err = cr_error_sys("make it");
	return cr_error_at(err, "process %u", (unsigned)proc->vpid);
}

/* ---- steps ---- */

// The root's session or group when its leader is not among the processes: that
// of whoever runs us takes its place.
static bool is_outside(struct cr_rplan *plan, uint32_t id)
{
	const PstreeEntry *root = plan->proc->task->entry;
	return (id == root->sid || id == root->pgid) && !cr_rplan_proc(plan, id);
}

static struct cr_error *check_session(struct cr_rplan *plan,
				      struct cr_proc *proc)
{
	uint32_t sid = proc->task->entry->sid;
	if (sid == proc->vpid)
		return NULL;
	if (is_outside(plan, sid) && !plan->options->shell_job)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "the leader of session %u is not among the "
				    "processes (see --shell-job)",
				    (unsigned)sid);
	if (proc->parent && sid != proc->parent->task->entry->sid)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "session %u is neither its own nor that of "
				    "its parent",
				    (unsigned)sid);
	return NULL;
}

static struct cr_error *check_group(struct cr_rplan *plan, struct cr_proc *proc)
{
	const PstreeEntry *e = proc->task->entry;
	const struct cr_proc *leader = cr_rplan_proc(plan, e->pgid);
	if (leader ? leader->task->entry->pgid == e->pgid &&
			     leader->task->entry->sid == e->sid :
		     is_outside(plan, e->pgid) && plan->options->shell_job)
		return NULL;
	return cr_error_new(CR_ERR_UNSUPPORTED,
			    "process group %u has no leader in its session",
			    (unsigned)e->pgid);
}

static long pid_max(void)
{
	char text[24] = "";
	cr_auto_close int fd =
		open("/proc/sys/kernel/pid_max", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return INT_MAX;
	return strtol(text, NULL, 10);
}

// A pid namespace of ours has the same limit.
static struct cr_error *check_id(const struct cr_options *options, unsigned id)
{
	if (id >= pid_max())
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "core-%u.img: entry 0: id %u is not below "
				    "/proc/sys/kernel/pid_max",
				    id, id);
	if (options->pidns || (kill((pid_t)id, 0) && errno == ESRCH))
		return NULL;
	return cr_error_new(CR_ERR_UNSUPPORTED,
			    "core-%u.img: entry 0: id %u is in use here (see "
			    "--pidns)",
			    id, id);
}

// Not before a restore: the ids may be free in a moment, see below.
static struct cr_error *check_ids(struct cr_rplan *plan, struct cr_proc *proc)
{
	struct cr_error *err = NULL;
	if (!plan->options->plan || plan->options->any_host)
		return NULL;
	cr_proc_each_thread(thread, proc) {
		if (!err)
			err = cr_rplan_lacks(
				plan, check_id(plan->options, thread->vtid));
	}
	return err;
}

struct cr_error *cr_task_plan(struct cr_rplan *plan, struct cr_proc *proc)
{
	unsigned pid = proc->vpid;
	size_t i = cr_pstree_entry(&plan->tree, proc->task);
	if (!pid || pid > INT32_MAX)
		return cr_error_new(CR_ERR_FORMAT,
				    "pstree.img: entry %zu: pid %u is none", i,
				    pid);
	struct cr_error *err = check_ids(plan, proc);
	if (err || proc->zombie)
		return err;
	err = check_session(plan, proc);
	if (!err)
		err = check_group(plan, proc);
	return err ? cr_error_at(err, "pstree.img: entry %zu", i) : NULL;
}

struct cr_error *cr_task_session(struct cr_restore *run, struct cr_proc *proc)
{
	if (proc->task->entry->sid != proc->vpid)
		return NULL;
	return setsid() < 0 ? cr_error_sys("setsid") : NULL;
}

struct cr_error *cr_task_personality(struct cr_restore *run,
				     struct cr_proc *proc)
{
	uint32_t want = cr_core_personality(proc->core->tc);
	if (want != (uint32_t)personality(UINT32_MAX) && personality(want) < 0)
		return cr_error_sys("personality 0x%x", (unsigned)want);
	return NULL;
}

struct cr_error *cr_task_lead(struct cr_restore *run, struct cr_proc *proc)
{
	const PstreeEntry *e = proc->task->entry;
	// A session's leader leads its group.
	if (e->pgid != proc->vpid || e->sid == proc->vpid)
		return NULL;
	return setpgid(0, 0) ? cr_error_sys("lead a process group") : NULL;
}

struct cr_error *cr_task_children(struct cr_restore *run, struct cr_proc *proc)
{
	struct cr_rplan *plan = run->plan;
	for (size_t i = proc->i + 1; i < plan->nr_procs; i++) {
		struct cr_proc *child = plan->proc + i;
		if (child->parent != proc)
			continue;
		struct cr_error *err = make(run, child);
		if (err)
			return err;
	}
	return NULL;
}

static struct cr_error *meet(struct cr_restore *run, unsigned which)
{
	uint32_t *word = &run->board->met[which];
	if (run->plan->nr_procs == 1)
		return NULL;
	uint32_t nr = __atomic_add_fetch(word, 1, __ATOMIC_ACQ_REL);
	if (nr == run->plan->nr_procs)
		futex_wake(word);
	while ((nr = __atomic_load_n(word, __ATOMIC_ACQUIRE)) <
	       run->plan->nr_procs)
		futex_wait(word, nr);
	return NULL;
}

struct cr_error *cr_task_meet(struct cr_restore *run, struct cr_proc *proc)
{
	return meet(run, 0);
}

struct cr_error *cr_task_group(struct cr_restore *run, struct cr_proc *proc)
{
	uint32_t pgid = proc->task->entry->pgid;
	if (is_outside(run->plan, pgid) || pgid == (uint32_t)getpgrp())
		return NULL;
	if (setpgid(0, (pid_t)pgid))
		return cr_error_sys("join process group %u", (unsigned)pgid);
	return NULL;
}

struct cr_error *cr_task_zombie(struct cr_restore *run, struct cr_proc *proc)
{
	if (!proc->zombie)
		return NULL;
	int status = (int)proc->core->tc->exit_code;
	tell(run, slot_of(run, proc), CR_SLOT_READY);
	if (WIFSIGNALED(status)) {
		int signo = WTERMSIG(status);
		struct sigaction dfl = { .sa_handler = SIG_DFL };
		sigset_t set;
		prctl(PR_SET_DUMPABLE, 0);
		sigaction(signo, &dfl, NULL);
		sigemptyset(&set);
		sigaddset(&set, signo);
		raise(signo);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
	}
	_exit(WEXITSTATUS(status));
}

/* ---- waiting for them ---- */

int cr_task_status(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) :
					  WEXITSTATUS(wait_status);
}

static struct cr_error *told_error(const struct cr_proc *proc,
				   const struct cr_told *slot)
{
	return cr_error_new((enum cr_err)slot->code, "process %u: %s",
			    (unsigned)proc->vpid, slot->text);
}

// 'Z' and the like; 0 if there is no such process.
static char state_of(struct cr_restore *run, pid_t pid)
{
	char name[40], text[512] = "";
	snprintf(name, sizeof(name), "%d/stat", (int)pid);
	cr_auto_close int fd =
		openat(run->proc_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return 0;
	const char *p = strrchr(text, ')');
	return p && p[1] ? p[2] : 0;
}

static struct cr_error *check_alive(struct cr_restore *run,
				    const struct cr_proc *proc, pid_t pid)
{
	char state = pid ? state_of(run, pid) : 'R';
	if (state && !strchr("ZX", state))
		return NULL;
	siginfo_t info = { 0 };
	// Only of our own child it is known how.
	if (!waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) &&
	    info.si_code == CLD_KILLED)
		return cr_error_new(CR_ERR_INTERNAL,
				    "process %u was killed by signal %d while "
				    "it was being made",
				    (unsigned)proc->vpid, info.si_status);
	return cr_error_new(CR_ERR_INTERNAL,
			    "process %u died while it was being made",
			    (unsigned)proc->vpid);
}

// True in *all_ret if every process is ready.
static struct cr_error *look(struct cr_restore *run, bool rang, bool *all_ret)
{
	*all_ret = true;
	cr_rplan_each_proc(proc, run->plan) {
		struct cr_told *slot = slot_of(run, proc);
		uint32_t state = __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE);
		if (state != CR_SLOT_UNBORN)
			proc->pid = slot->pid;
		if (state == CR_SLOT_FAILED) {
			run->clash = slot->clash;
			return told_error(proc, slot);
		}
		if (state == CR_SLOT_READY)
			continue;
		*all_ret = false;
		struct cr_error *err =
			rang ? NULL : check_alive(run, proc, proc->pid);
		if (err)
			return err;
	}
	return NULL;
}

#define LOOK_MS 100

static struct cr_error *wait_all(struct cr_restore *run)
{
	for (;;) {
		struct pollfd bell = { .fd = run->bell[0], .events = POLLIN };
		int n = poll(&bell, 1, LOOK_MS);
		char bytes[64];
		bool all;
		while (n > 0 && read(run->bell[0], bytes, sizeof(bytes)) > 0)
			;
		struct cr_error *err = look(run, n > 0, &all);
		if (err || all)
			return err;
	}
}

struct cr_error *cr_tasks_start(struct cr_restore *run)
{
	struct cr_error *err = make(run, run->plan->proc);
	return err ?: wait_all(run);
}

void cr_tasks_kill(struct cr_restore *run)
{
	bool any = false;
	cr_rplan_each_proc(proc, run->plan) {
		struct cr_told *slot = slot_of(run, proc);
		if (!proc->pid && slot->state != CR_SLOT_UNBORN)
			proc->pid = slot->pid;
		if (proc->pid) {
			kill(proc->pid, SIGKILL);
			any = true;
		}
		proc->pid = 0;
	}
	// Children of the dead come to us; they die with their parents.
	while (any && (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR))
		;
}
