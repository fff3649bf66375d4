// SPDX-License-Identifier: MIT
#include "restore/inject.h"

#include <elf.h>
#include <errno.h>

#include "restore/arch/arch.h"

static struct cr_error *get(struct cr_thread *thread,
			    struct user_regs_struct *regs)
{
	size_t size = sizeof(*regs);
	return cr_tracee_get(thread, NT_PRSTATUS, regs, &size);
}

static enum cr_tracee_go how_to_go(const struct cr_thread *thread)
{
	return thread->by_syscalls ? CR_GO_SYSCALL : CR_GO_STEP;
}

/*
 * Goes on until the call has been made. A clone stops before it returns. With
 * system call stops there is one on the way in and one on the way out.
 */
static struct cr_error *until_done(struct cr_thread *thread)
{
	unsigned nr_stops = thread->by_syscalls ? 2 : 1;
	for (;;) {
		enum cr_tracee_stop stop;
		struct cr_error *err = cr_tracee_wait(thread, &stop);
		if (!err && stop == CR_STOP_CLONE)
			err = cr_tracee_message(thread, &thread->cloned);
		else
			nr_stops--;
		if (err || !nr_stops)
			return err;
		err = cr_tracee_go(thread, how_to_go(thread));
		if (err)
			return err;
	}
}

static struct cr_error *begin(struct cr_thread *thread,
			      const struct cr_call *call)
{
	struct user_regs_struct regs;
	struct cr_error *err = get(thread, &regs);
	if (err)
		return err;
	cr_native.prepare(&regs, thread->proc->syscall_ip, call->nr,
			  call->args);
	err = cr_tracee_set(thread, NT_PRSTATUS, &regs, sizeof(regs));
	if (!err)
		err = cr_tracee_go(thread, how_to_go(thread));
	return err ? cr_error_at(err, "%s", call->name) : NULL;
}

static struct cr_error *end(struct cr_thread *thread,
			    const struct cr_call *call, int64_t *ret)
{
	struct user_regs_struct regs;
	struct cr_error *err = until_done(thread);
	if (!err)
		err = get(thread, &regs);
	if (err)
		return cr_error_at(err, "%s", call->name);
	int64_t result = cr_native.result(&regs);
	if (ret) {
		*ret = result;
	} else if (result < 0 && result > -4096) {
		errno = (int)-result;
		err = cr_error_sys("%s", call->name);
		return cr_error_at(err, "process %u: thread %u",
				   (unsigned)thread->proc->vpid,
				   (unsigned)thread->vtid);
	}
	return NULL;
}

struct cr_error *cr_inject_call(struct cr_thread *thread,
				const struct cr_call *call, int64_t *ret)
{
	struct cr_error *err = begin(thread, call);
	return err ?: end(thread, call, ret);
}

struct cr_error *cr_inject_all(struct cr_proc *proc, cr_call_fn *call_of)
{
	struct cr_call call;
	struct cr_error *err = NULL;
	cr_proc_each_thread(thread, proc) {
		if (!err && call_of(thread, &call))
			err = begin(thread, &call);
	}
	cr_proc_each_thread(thread, proc) {
		if (!err && call_of(thread, &call))
			err = end(thread, &call, NULL);
	}
	return err;
}

struct cr_error *cr_scratch(struct cr_thread *thread, size_t off,
			    const void *data, size_t size)
{
	if (off > CR_SCRATCH_SIZE || size > CR_SCRATCH_SIZE - off)
		return cr_error_new(CR_ERR_INTERNAL,
				    "%zu bytes do not fit the scratch memory",
				    size);
	return cr_tracee_write(thread, thread->proc->scratch + off, data, size);
}
