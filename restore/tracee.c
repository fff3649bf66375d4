// SPDX-License-Identifier: MIT
#include "restore/tracee.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

#define OPTIONS (PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD)

#ifndef PTRACE_O_SUSPEND_SECCOMP
#define PTRACE_O_SUSPEND_SECCOMP (1 << 21)
#endif

#ifndef PTRACE_GET_RSEQ_CONFIGURATION
#define PTRACE_GET_RSEQ_CONFIGURATION 0x420f
#endif

static void *address(uint64_t vaddr)
{
	return (void *)(uintptr_t)vaddr; // NOLINT: theirs, not ours
}

static struct cr_error *failed(const struct cr_thread *thread, const char *what)
{
	struct cr_error *err = cr_error_sys("%s", what);
	return cr_error_at(err, "process %u: thread %u",
			   (unsigned)thread->proc->vpid,
			   (unsigned)thread->vtid);
}

static struct cr_error *request(struct cr_thread *thread, int what,
				const char *name, uint64_t addr, void *data)
{
	if (ptrace(what, thread->tid, address(addr), data) < 0)
		return failed(thread, name);
	return NULL;
}

// What a wait status means that none expected.
static struct cr_error *odd(const struct cr_thread *thread, int status)
{
	unsigned vpid = thread->proc->vpid, vtid = thread->vtid;
	if (WIFEXITED(status))
		return cr_error_new(CR_ERR_INTERNAL,
				    "process %u: thread %u exited with %d",
				    vpid, vtid, WEXITSTATUS(status));
	if (WIFSIGNALED(status))
		return cr_error_new(CR_ERR_INTERNAL,
				    "process %u: thread %u was killed by "
				    "signal %d",
				    vpid, vtid, WTERMSIG(status));
	return cr_error_new(CR_ERR_INTERNAL,
			    "process %u: thread %u stopped with status 0x%x",
			    vpid, vtid, (unsigned)status);
}

static struct cr_error *wait_for(struct cr_thread *thread, int *status_ret)
{
	pid_t got;
	do
		got = waitpid(thread->tid, status_ret, __WALL);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return failed(thread, "wait");
	if (!WIFSTOPPED(*status_ret)) {
		thread->tid = 0;
		return odd(thread, *status_ret);
	}
	return NULL;
}

static struct cr_error *wait_for_event_stop(struct cr_thread *thread)
{
	int status;
	struct cr_error *err = wait_for(thread, &status);
	if (!err && status >> 16 != PTRACE_EVENT_STOP)
		err = odd(thread, status);
	return err;
}

struct cr_error *cr_tracee_seize(struct cr_thread *thread)
{
	uint64_t tell = cr_proc_has_our_ids(thread->proc) ?
				0 :
				PTRACE_O_TRACECLONE;
	thread->tid = thread->proc->pid;
	struct cr_error *err = request(thread, PTRACE_SEIZE, "seize", 0,
				       address(OPTIONS | tell));
	if (err) {
		thread->tid = 0;
		return err;
	}
	err = request(thread, PTRACE_INTERRUPT, "interrupt", 0, NULL);
	if (!err)
		err = wait_for_event_stop(thread);
	return err;
}

struct cr_error *cr_tracee_born(struct cr_thread *thread)
{
	return wait_for_event_stop(thread);
}

struct cr_error *cr_tracee_message(struct cr_thread *thread, pid_t *ret)
{
	unsigned long value;
	struct cr_error *err = request(thread, PTRACE_GETEVENTMSG,
				       "get the event", 0, &value);
	if (!err)
		*ret = (pid_t)value;
	return err;
}

struct cr_error *cr_tracee_go(struct cr_thread *thread, enum cr_tracee_go how)
{
	static const struct {
		int request;
		const char *name;
	} go[] = {
		[CR_GO_STEP] = { PTRACE_SINGLESTEP, "step" },
		[CR_GO_SYSCALL] = { PTRACE_SYSCALL, "go on" },
		[CR_GO_ON] = { PTRACE_CONT, "go on" },
	};
	return request(thread, go[how].request, go[how].name, 0, NULL);
}

struct cr_error *cr_tracee_wait(struct cr_thread *thread,
				enum cr_tracee_stop *ret)
{
	int status;
	struct cr_error *err = wait_for(thread, &status);
	if (err)
		return err;
	if (status >> 8 == SIGTRAP)
		*ret = CR_STOP_STEP;
	else if (status >> 8 == (SIGTRAP | 0x80))
		*ret = CR_STOP_SYSCALL;
	else if (status >> 8 == (SIGTRAP | PTRACE_EVENT_CLONE << 8))
		*ret = CR_STOP_CLONE;
	else
		return odd(thread, status);
	return NULL;
}

struct cr_error *cr_tracee_get(struct cr_thread *thread, unsigned set,
			       void *data, size_t *size)
{
	struct iovec iov = { data, *size };
	struct cr_error *err = request(thread, PTRACE_GETREGSET,
				       "get registers", set, &iov);
	if (err)
		return cr_error_at(err, "set 0x%x", set);
	*size = iov.iov_len;
	return NULL;
}

struct cr_error *cr_tracee_set(struct cr_thread *thread, unsigned set,
			       const void *data, size_t size)
{
	struct iovec iov = { (void *)(uintptr_t)data, size };
	struct cr_error *err = request(thread, PTRACE_SETREGSET,
				       "set registers", set, &iov);
	return err ? cr_error_at(err, "set 0x%x", set) : NULL;
}

#define SET_MAX 65536

static struct cr_error *differs(const struct cr_thread *thread, size_t at)
{
	struct cr_error *err = cr_error_new(CR_ERR_INTERNAL,
					    "byte %zu is not as it should be",
					    at);
	return cr_error_at(err, "thread %u", (unsigned)thread->vtid);
}

static struct cr_error *compare(const struct cr_thread *thread,
				const uint8_t *is, const uint8_t *should,
				size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (is[i] != should[i])
			return differs(thread, i);
	}
	return NULL;
}

static struct cr_error *look(struct cr_thread *thread, unsigned set,
			     const void *data, size_t size)
{
	size_t have = SET_MAX;
	cr_auto_free uint8_t *is = calloc(1, SET_MAX);
	if (!is)
		return cr_enomem;
	struct cr_error *err = cr_tracee_get(thread, set, is, &have);
	if (err)
		return err;
	err = compare(thread, is, data, size < have ? size : have);
	if (!err && have < size)
		err = differs(thread, have);
	explicit_bzero(is, have); // there are keys
	return err ? cr_error_at(err, "registers of set 0x%x", set) : NULL;
}

struct cr_error *cr_tracee_put(struct cr_thread *thread, unsigned set,
			       const void *data, size_t size)
{
	return thread->comparing ? look(thread, set, data, size) :
				   cr_tracee_set(thread, set, data, size);
}

// They move as much as there is; a short count is an address that is not there.
static struct cr_error *moved(const struct cr_thread *thread, ssize_t n,
			      size_t size, const char *what)
{
	if (n == (ssize_t)size)
		return NULL;
	if (n >= 0)
		errno = EFAULT;
	return failed(thread, what);
}

struct cr_error *cr_tracee_write_all(struct cr_thread *thread,
				     const struct cr_tracee_piece *piece,
				     size_t nr)
{
	struct iovec ours[CR_PIECES_MAX], theirs[CR_PIECES_MAX];
	size_t size = 0;
	for (size_t i = 0; i < nr; i++) {
		const struct cr_tracee_piece *p = &piece[i];
		ours[i] = (struct iovec){ (void *)(uintptr_t)p->data, p->size };
		theirs[i] = (struct iovec){ address(p->vaddr), p->size };
		size += p->size;
	}
	return moved(thread,
		     process_vm_writev(thread->tid, ours, nr, theirs, nr, 0),
		     size, "write its memory");
}

struct cr_error *cr_tracee_write(struct cr_thread *thread, uint64_t vaddr,
				 const void *data, size_t size)
{
	struct cr_tracee_piece piece = { vaddr, data, size };
	return cr_tracee_write_all(thread, &piece, 1);
}

struct cr_error *cr_tracee_read(struct cr_thread *thread, uint64_t vaddr,
				void *data, size_t size)
{
	struct iovec ours = { data, size }, theirs = { address(vaddr), size };
	return moved(thread,
		     process_vm_readv(thread->tid, &ours, 1, &theirs, 1, 0),
		     size, "read its memory");
}

static struct cr_error *poke_words(struct cr_thread *thread, uint64_t vaddr,
				   const void *data, size_t size)
{
	for (size_t at = 0; at + 8 <= size; at += 8) {
		uint64_t word;
		memcpy(&word, (const char *)data + at, 8);
		struct cr_error *err = request(thread, PTRACE_POKEDATA,
					       "write its memory", vaddr + at,
					       address(word));
		if (err)
			return err;
	}
	return NULL;
}

struct cr_error *cr_tracee_poke(struct cr_thread *thread, int proc_fd,
				uint64_t vaddr, const void *data, size_t size)
{
	char name[32];
	snprintf(name, sizeof(name), "%d/mem", (int)thread->tid);
	cr_auto_close int fd = openat(proc_fd, name, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && pwrite(fd, data, size, (off_t)vaddr) == (ssize_t)size)
		return NULL;
	return poke_words(thread, vaddr, data, size);
}

struct cr_error *cr_tracee_leave_call(struct cr_thread *thread)
{
	struct cr_error *err =
		request(thread, PTRACE_INTERRUPT, "interrupt", 0, NULL);
	if (!err)
		err = request(thread, PTRACE_CONT, "go on", 0, NULL);
	return err ?: wait_for_event_stop(thread);
}

static struct cr_error *look_at_mask(struct cr_thread *thread, uint64_t mask)
{
	uint64_t is = 0;
	struct cr_error *err = request(thread, PTRACE_GETSIGMASK,
				       "get the signal mask", sizeof(is), &is);
	if (!err && is != mask)
		err = cr_error_new(CR_ERR_INTERNAL,
				   "thread %u: signal mask 0x%llx, not 0x%llx",
				   (unsigned)thread->vtid,
				   (unsigned long long)is,
				   (unsigned long long)mask);
	return err;
}

struct cr_error *cr_tracee_put_mask(struct cr_thread *thread, uint64_t mask)
{
	if (thread->comparing)
		return look_at_mask(thread, mask);
	return request(thread, PTRACE_SETSIGMASK, "set the signal mask",
		       sizeof(mask), &mask);
}

struct cr_error *cr_tracee_suspend_seccomp(struct cr_thread *thread)
{
	return request(thread, PTRACE_SETOPTIONS, "suspend seccomp", 0,
		       address(OPTIONS | PTRACE_O_SUSPEND_SECCOMP));
}

struct cr_error *cr_tracee_rseq(struct cr_thread *thread, uint64_t *vaddr_ret,
				uint32_t *size_ret, uint32_t *signature_ret)
{
	// man 2 ptrace, struct ptrace_rseq_configuration
	struct {
		uint64_t pointer;
		uint32_t size, signature, flags, pad;
	} c;
	struct cr_error *err = request(thread, PTRACE_GET_RSEQ_CONFIGURATION,
				       "get the rseq area", sizeof(c), &c);
	if (err)
		return err;
	*vaddr_ret = c.pointer;
	*size_ret = c.size;
	*signature_ret = c.signature;
	return NULL;
}

struct cr_error *cr_tracee_release(struct cr_thread *thread, int signo)
{
	struct cr_error *err = request(thread, PTRACE_DETACH, "detach", 0,
				       address((uint64_t)signo));
	thread->tid = 0;
	return err;
}
