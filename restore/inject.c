// SPDX-License-Identifier: MIT
#include "restore/inject.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "restore/arch/arch.h"

typedef unsigned long long ull;

#define CALLS_MAX  24
#define PIECES_MAX 16
#define DATA_MAX   4096

// The code goes through them by words.
_Static_assert(sizeof(struct cr_call) == 64, "eight words");

/* What stays to be done, in order: bytes to write, then calls. */
struct cr_soon {
	struct cr_thread *thread;
	struct cr_call call[CALLS_MAX + 1];
	const char *step[CALLS_MAX];
	size_t nr;
	struct cr_tracee_piece piece[PIECES_MAX + 1]; // the last: calls
	size_t nr_pieces;
	uint8_t data[DATA_MAX];
	size_t used;
	const char *failed; // step of the call that did
};

struct cr_soon *cr_soon_new(void)
{
	return calloc(1, sizeof(struct cr_soon));
}

const char *cr_soon_failed(const struct cr_soon *soon)
{
	return soon->failed;
}

/* ---- one call ---- */

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

static struct cr_error *failed(const struct cr_thread *thread,
			       const char *name, int64_t result)
{
	errno = (int)-result;
	struct cr_error *err = cr_error_sys("%s", name);
	return cr_error_at(err, "process %u: thread %u",
			   (unsigned)thread->proc->vpid,
			   (unsigned)thread->vtid);
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
	if (ret)
		*ret = result;
	else if (result < 0 && result > -4096)
		err = failed(thread, call->name, result);
	return err;
}

static struct cr_error *call_now(struct cr_thread *thread,
				 const struct cr_call *call, int64_t *ret)
{
	struct cr_error *err = begin(thread, call);
	return err ?: end(thread, call, ret);
}

/* ---- many ---- */

// Only the first that failed is told of: nothing came after it.
static struct cr_error *check(struct cr_soon *s, uint64_t calls)
{
	struct user_regs_struct regs;
	uint64_t at;
	struct cr_error *err = get(s->thread, &regs);
	if (err)
		return err;
	memcpy(&at, (const char *)&regs + cr_native.calls.at, sizeof(at));
	at = (at - calls) / sizeof(s->call[0]);
	if (at == s->nr)
		return NULL;
	if (at > s->nr)
		return cr_error_new(CR_ERR_INTERNAL,
				    "thread %u stopped elsewhere",
				    (unsigned)s->thread->vtid);
	char text[80];
	const struct cr_call *call = &s->call[at];
	snprintf(text, sizeof(text), "%s(0x%llx, 0x%llx, ...)", call->name,
		 (ull)call->args[0], (ull)call->args[1]);
	s->failed = s->step[at];
	return failed(s->thread, text, cr_native.result(&regs));
}

static struct cr_error *call_all(struct cr_soon *s)
{
	static const uint64_t none[6];
	struct user_regs_struct regs;
	enum cr_tracee_stop stop;
	uint64_t scratch = s->thread->proc->scratch;
	uint64_t calls = scratch + CR_SCRATCH_DATA;
	struct cr_error *err = get(s->thread, &regs);
	if (err)
		return err;
	cr_native.prepare(&regs, scratch + CR_SCRATCH_CODE, -1, none);
	memcpy((char *)&regs + cr_native.calls.at, &calls, sizeof(calls));
	err = cr_tracee_set(s->thread, NT_PRSTATUS, &regs, sizeof(regs));
	if (!err)
		err = cr_tracee_go(s->thread, CR_GO_ON);
	if (!err)
		err = cr_tracee_wait(s->thread, &stop);
	return err ?: check(s, calls);
}

static struct cr_error *do_all(struct cr_soon *s)
{
	if (s->nr > 1) {
		s->call[s->nr].nr = -1;
		s->piece[s->nr_pieces++] = (struct cr_tracee_piece){
			s->thread->proc->scratch + CR_SCRATCH_DATA, s->call,
			(s->nr + 1) * sizeof(s->call[0]),
		};
	}
	struct cr_error *err =
		s->nr_pieces ? cr_tracee_write_all(s->thread, s->piece,
						   s->nr_pieces) :
			       NULL;
	if (err || !s->nr)
		return err;
	if (s->nr > 1)
		return call_all(s);
	err = call_now(s->thread, &s->call[0], NULL);
	s->failed = err ? s->step[0] : NULL;
	return err;
}

static struct cr_error *flush(struct cr_soon *s)
{
	struct cr_error *err = s->thread ? do_all(s) : NULL;
	s->thread = NULL;
	s->nr = s->nr_pieces = s->used = 0;
	return err;
}

struct cr_error *cr_inject_now(struct cr_thread *thread)
{
	return flush(thread->proc->soon);
}

// What waits is for one thread.
static struct cr_error *make_room(struct cr_soon *s, struct cr_thread *thread,
				  bool is_full)
{
	struct cr_error *err =
		s->thread != thread || is_full ? flush(s) : NULL;
	s->thread = err ? NULL : thread;
	return err;
}

static struct cr_error *call_soon(struct cr_soon *s, struct cr_thread *thread,
				  const struct cr_call *call)
{
	struct cr_error *err = make_room(s, thread, s->nr == CALLS_MAX);
	if (err)
		return err;
	s->call[s->nr] = *call;
	s->step[s->nr++] = thread->proc->step;
	return NULL;
}

struct cr_error *cr_inject_call(struct cr_thread *thread,
				const struct cr_call *call, int64_t *ret)
{
	struct cr_proc *proc = thread->proc;
	if (!ret && proc->joins_calls && !thread->by_syscalls)
		return call_soon(proc->soon, thread, call);
	struct cr_error *err = flush(proc->soon);
	return err ?: call_now(thread, call, ret);
}

struct cr_error *cr_inject_all(struct cr_proc *proc, cr_call_fn *call_of)
{
	struct cr_call call;
	if (proc->nr_threads == 1)
		return call_of(proc->thread, &call) ?
			       cr_inject_call(proc->thread, &call, NULL) :
			       NULL;
	struct cr_error *err = flush(proc->soon);
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

/* ---- what calls need ---- */

// Whether bytes that calls wait for would be overwritten, or there is no room.
static bool is_in_use(const struct cr_soon *s, uint64_t vaddr, size_t size)
{
	if (size > DATA_MAX - s->used || s->nr_pieces == PIECES_MAX)
		return true;
	for (size_t i = 0; i < s->nr_pieces; i++) {
		const struct cr_tracee_piece *p = &s->piece[i];
		if (vaddr < p->vaddr + p->size && p->vaddr < vaddr + size)
			return true;
	}
	return false;
}

static struct cr_error *write_soon(struct cr_soon *s, struct cr_thread *thread,
				   uint64_t vaddr, const void *data,
				   size_t size)
{
	struct cr_error *err =
		make_room(s, thread, is_in_use(s, vaddr, size));
	if (err)
		return err;
	if (size > DATA_MAX)
		return cr_tracee_write(thread, vaddr, data, size);
	uint8_t *to = s->data + s->used;
	memcpy(to, data, size);
	s->used += size;
	s->piece[s->nr_pieces++] = (struct cr_tracee_piece){ vaddr, to, size };
	return NULL;
}

struct cr_error *cr_scratch(struct cr_thread *thread, size_t off,
			    const void *data, size_t size)
{
	if (off > CR_SCRATCH_DATA || size > CR_SCRATCH_DATA - off)
		return cr_error_new(CR_ERR_INTERNAL,
				    "%zu bytes do not fit the scratch memory",
				    size);
	return write_soon(thread->proc->soon, thread,
			  thread->proc->scratch + off, data, size);
}
