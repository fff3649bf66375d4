// SPDX-License-Identifier: MIT
/*
 * --verify, when everything is done but letting go: what the kernel says of each
 * process and thread is what the images say. Lines of /proc/PID/status are compared
 * as text, a row for each; then descriptors. The first difference is the error; -v
 * shows all.
 *
 * Facts: man 5 proc_pid_status, man 5 proc_pid_fdinfo; Linux v6.12
 * fs/proc/array.c.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/regfile.pb-c.h"
#include "lib/base/cleanup.h"
#include "restore/fd/kind.h"
#include "restore/steps.h"

/* What has been found. */
struct differences {
	FILE *log;
	const struct cr_thread *thread;
	struct cr_error *first;
	size_t nr_more;
};

static void found(struct differences *d, struct cr_error *err)
{
	err = cr_error_at(err, "process %u: thread %u",
			  (unsigned)d->thread->proc->vpid,
			  (unsigned)d->thread->vtid);
	if (d->log)
		fprintf(d->log, "differs: %s\n", cr_error_text(err));
	if (d->first) {
		cr_error_free(err);
		d->nr_more++;
	} else {
		d->first = err;
	}
}

/* ---- status ---- */

// What a line says behind its key; a row gives NULL if nothing is known.
#define LINE_MAX_SIZE 0x20000

typedef const char *line_fn(const struct cr_thread *t, char *buf, size_t size);

static bool leads(const struct cr_thread *t)
{
	return t == t->proc->thread;
}

static const char *name(const struct cr_thread *t, char *buf, size_t size)
{
	const char *comm = t->core->thread_core->comm ?:
						       t->proc->core->tc->comm;
	for (const char *p = comm; p && *p; p++) {
		// The kernel escapes some.
		if (!isgraph((unsigned char)*p) || *p == '\\')
			return NULL;
	}
	if (!comm)
		return NULL;
	snprintf(buf, size, "%.15s", comm);
	return buf;
}

static const char *mask_of_files(const struct cr_thread *t, char *buf,
				 size_t size)
{
	const FsEntry *fs = t->proc->fs;
	if (!leads(t) || !fs || !fs->has_umask)
		return NULL;
	snprintf(buf, size, "%04o", (unsigned)fs->umask);
	return buf;
}

static const char *four(char *buf, size_t size, uint32_t a, uint32_t b,
			uint32_t c, uint32_t d)
{
	snprintf(buf, size, "%u\t%u\t%u\t%u", (unsigned)a, (unsigned)b,
		 (unsigned)c, (unsigned)d);
	return buf;
}

static const char *users(const struct cr_thread *t, char *buf, size_t size)
{
	const CredsEntry *e = cr_core_creds(t->core);
	return four(buf, size, e->uid, e->euid, e->suid, e->fsuid);
}

static const char *main_groups(const struct cr_thread *t, char *buf,
			       size_t size)
{
	const CredsEntry *e = cr_core_creds(t->core);
	return four(buf, size, e->gid, e->egid, e->sgid, e->fsgid);
}

static const char *groups(const struct cr_thread *t, char *buf, size_t size)
{
	const CredsEntry *e = cr_core_creds(t->core);
	size_t at = 0;
	*buf = 0;
	for (size_t i = 0; i < e->n_groups && at + 12 < size; i++)
		at += (size_t)snprintf(buf + at, size - at, "%s%u",
				       i ? " " : "", (unsigned)e->groups[i]);
	return buf;
}

static const char *set(uint64_t bits, char *buf, size_t size)
{
	snprintf(buf, size, "%016" PRIx64, bits);
	return buf;
}

static const char *blocked(const struct cr_thread *t, char *buf, size_t size)
{
	const ThreadCoreEntry *e = t->core->thread_core;
	return set(e->has_blk_sigset ? e->blk_sigset :
				       t->proc->core->tc->blk_sigset,
		   buf, size);
}

// Signals whose handler is such; in the images neither SIGKILL nor SIGSTOP.
static uint64_t actions(const struct cr_thread *t, bool ignored)
{
	const TaskCoreEntry *tc = t->proc->core->tc;
	uint64_t bits = 0;
	int signo = 1;
	for (size_t i = 0; i < tc->n_sigactions; i++, signo++) {
		uint64_t handler = tc->sigactions[i]->sigaction;
		while (signo == SIGKILL || signo == SIGSTOP)
			signo++;
		if (ignored ? handler == 1 : handler > 1)
			bits |= UINT64_C(1) << (signo - 1);
	}
	return bits;
}

static const char *ignored(const struct cr_thread *t, char *buf, size_t size)
{
	return set(actions(t, true), buf, size);
}

static const char *caught(const struct cr_thread *t, char *buf, size_t size)
{
	return set(actions(t, false), buf, size);
}

static const char *caps(const uint32_t *words, size_t nr, char *buf,
			size_t size)
{
	return set((nr > 0 ? words[0] : 0) |
			   (nr > 1 ? (uint64_t)words[1] << 32 : 0),
		   buf, size);
}

#define CAPS(field)                                                        \
	static const char *field(const struct cr_thread *t, char *buf,    \
				 size_t size)                              \
	{                                                                  \
		const CredsEntry *e = cr_core_creds(t->core);              \
		return caps(e->field, e->n_##field, buf, size);            \
	}
CAPS(cap_inh)
CAPS(cap_prm)
CAPS(cap_eff)
CAPS(cap_bnd)
CAPS(cap_amb)

static const char *no_new_privs(const struct cr_thread *t, char *buf,
				size_t size)
{
	const CredsEntry *e = cr_core_creds(t->core);
	snprintf(buf, size, "%u", (unsigned)e->no_new_privs);
	return buf;
}

static const char *seccomp(const struct cr_thread *t, char *buf, size_t size)
{
	const ThreadCoreEntry *e = t->core->thread_core;
	if (!e->has_seccomp_mode)
		return NULL;
	snprintf(buf, size, "%u", (unsigned)e->seccomp_mode);
	return buf;
}

static const struct {
	const char *key;
	line_fn *want;
} lines[] = {
	// clang-format off
	{ "Name",       name },
	{ "Umask",      mask_of_files },
	{ "Uid",        users },
	{ "Gid",        main_groups },
	{ "Groups",     groups },
	{ "SigBlk",     blocked },
	{ "SigIgn",     ignored },
	{ "SigCgt",     caught },
	{ "CapInh",     cap_inh },
	{ "CapPrm",     cap_prm },
	{ "CapEff",     cap_eff },
	{ "CapBnd",     cap_bnd },
	{ "CapAmb",     cap_amb },
	{ "NoNewPrivs", no_new_privs },
	{ "Seccomp",    seccomp },
	// clang-format on
};

// What stands behind "KEY:", without blanks around it; NULL: nothing.
static char *line_of(const char *text, const char *key)
{
	size_t size = strlen(key);
	const char *p = text;
	while (p && (strncmp(p, key, size) || p[size] != ':')) {
		p = strchr(p, '\n');
		p = p ? p + 1 : NULL;
	}
	if (!p)
		return NULL;
	p += size + 1;
	p += strspn(p, "\t ");
	size_t n = strcspn(p, "\n");
	while (n && strchr("\t ", p[n - 1]))
		n--;
	return strndup(p, n);
}

static void compare_line(struct differences *d, const char *text, size_t i)
{
	cr_auto_free char *buf = malloc(LINE_MAX_SIZE);
	cr_auto_free char *is = line_of(text, lines[i].key);
	const char *want =
		buf ? lines[i].want(d->thread, buf, LINE_MAX_SIZE) : NULL;
	// A kernel may lack a line.
	if (want && is && strcmp(want, is))
		found(d, cr_error_new(CR_ERR_INTERNAL, "%s is %s, not %s",
				      lines[i].key, is, want));
}

static uint64_t queued(const SignalQueueEntry *queue)
{
	uint64_t bits = 0;
	for (size_t i = 0; queue && i < queue->n_signals; i++) {
		int32_t signo;
		memcpy(&signo, queue->signals[i]->siginfo.data, sizeof(signo));
		bits |= UINT64_C(1) << (signo - 1);
	}
	return bits;
}

// More may have come: timers run.
static void compare_pending(struct differences *d, const char *text,
			    const char *key, const SignalQueueEntry *queue)
{
	cr_auto_free char *is = line_of(text, key);
	uint64_t want = queued(queue);
	if (is && want & ~strtoull(is, NULL, 16))
		found(d, cr_error_new(CR_ERR_INTERNAL,
				      "%s is %s, and lacks some of %016" PRIx64,
				      key, is, want));
}

// The last number is that in its own namespace.
static void compare_id(struct differences *d, const char *text,
		       const char *key, uint32_t want)
{
	cr_auto_free char *is = line_of(text, key);
	const char *last = is ? strrchr(is, '\t') : NULL;
	last = last ? last + 1 : is;
	if (last && strtoul(last, NULL, 10) != want)
		found(d, cr_error_new(CR_ERR_INTERNAL, "%s is %s, not %u", key,
				      last, (unsigned)want));
}

static struct cr_error *read_file(int dir_fd, const char *path, char **ret)
{
	cr_auto_free char *text = malloc(LINE_MAX_SIZE);
	cr_auto_close int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
	size_t size = 0;
	ssize_t n = 0;
	if (!text)
		return cr_enomem;
	while (fd >= 0 && size < LINE_MAX_SIZE - 1 &&
	       (n = read(fd, text + size, LINE_MAX_SIZE - 1 - size)) > 0)
		size += (size_t)n;
	if (fd < 0 || n < 0)
		return cr_error_sys("/proc/%s", path);
	text[size] = 0;
	*ret = cr_take_ptr(text);
	return NULL;
}

static struct cr_error *compare_status(struct cr_restore *run,
				       struct differences *d)
{
	char path[64];
	cr_auto_free char *text = NULL;
	const struct cr_thread *t = d->thread;
	const PstreeEntry *e = t->proc->task->entry;
	snprintf(path, sizeof(path), "%d/task/%d/status", (int)t->proc->pid,
		 (int)t->tid);
	struct cr_error *err = read_file(run->proc_fd, path, &text);
	if (err)
		return err;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		compare_line(d, text, i);
	compare_pending(d, text, "SigPnd", t->core->thread_core->signals_p);
	compare_pending(d, text, "ShdPnd", t->proc->core->tc->signals_s);
	compare_id(d, text, "NStgid", t->proc->vpid);
	compare_id(d, text, "NSpid", t->vtid);
	// Those of who restores it may take the place of the others.
	if (cr_rplan_proc(run->plan, e->pgid))
		compare_id(d, text, "NSpgid", e->pgid);
	if (cr_rplan_proc(run->plan, e->sid))
		compare_id(d, text, "NSsid", e->sid);
	return NULL;
}

/* ---- descriptors ---- */

// Flags that stay with an open file.
#define SEEN_FLAGS                                                      \
	(O_ACCMODE | O_APPEND | O_NONBLOCK | O_ASYNC | O_DIRECT | O_NOATIME | \
	 O_PATH)

static void compare_position(struct differences *d, const struct cr_pfd *fd,
			     const char *text)
{
	const RegFileEntry *e = (const RegFileEntry *)fd->file->opened.msg;
	cr_auto_free char *is = line_of(text, "pos");
	if (fd->file->type != FD_TYPES__REG || !e->has_mode ||
	    !S_ISREG(e->mode) || e->pos == UINT64_MAX)
		return;
	if (is && strtoull(is, NULL, 10) != e->pos)
		found(d, cr_error_new(CR_ERR_INTERNAL,
				      "descriptor %u is at %s, not %" PRIu64,
				      (unsigned)fd->entry->fd, is, e->pos));
}

static struct cr_error *compare_fd(struct cr_restore *run,
				   struct differences *d,
				   const struct cr_pfd *fd)
{
	char path[64];
	cr_auto_free char *text = NULL;
	snprintf(path, sizeof(path), "%d/fdinfo/%u", (int)d->thread->proc->pid,
		 (unsigned)fd->entry->fd);
	struct cr_error *err = read_file(run->proc_fd, path, &text);
	if (err)
		return err;
	cr_auto_free char *is = line_of(text, "flags");
	unsigned long flags = is ? strtoul(is, NULL, 8) : 0;
	bool closes = flags & O_CLOEXEC, want = fd->entry->flags & FD_CLOEXEC;
	if (closes != want)
		found(d, cr_error_new(CR_ERR_INTERNAL,
				      "descriptor %u has close-on-exec %d",
				      (unsigned)fd->entry->fd, closes));
	// What is given has its own.
	if (fd->file->inherited >= 0)
		return NULL;
	if (fd->file->has_flags &&
	    (flags ^ fd->file->flags) & (unsigned)SEEN_FLAGS)
		found(d, cr_error_new(CR_ERR_INTERNAL,
				      "descriptor %u has flags 0%lo, not 0%o",
				      (unsigned)fd->entry->fd, flags,
				      (unsigned)fd->file->flags));
	compare_position(d, fd, text);
	return NULL;
}

static struct cr_error *compare_numbers(struct cr_restore *run,
					struct differences *d)
{
	char path[64];
	cr_auto_free uint32_t *numbers = NULL;
	const struct cr_proc *proc = d->thread->proc;
	struct cr_error *err = cr_fds_numbers(proc, &numbers);
	if (err)
		return err;
	snprintf(path, sizeof(path), "%d/fd", (int)proc->pid);
	int fd = openat(run->proc_fd, path,
			O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir)
		return cr_error_sys("/proc/%s", path);
	for (struct dirent *e; (e = readdir(dir));) {
		unsigned long nr = strtoul(e->d_name, NULL, 10);
		if (isdigit((unsigned char)*e->d_name) &&
		    !cr_fds_has(numbers, proc->nr_fds, (uint32_t)nr))
			found(d, cr_error_new(CR_ERR_INTERNAL,
					      "descriptor %lu is open", nr));
	}
	closedir(dir);
	return NULL;
}

static struct cr_error *compare_fds(struct cr_restore *run,
				    struct differences *d)
{
	const struct cr_proc *proc = d->thread->proc;
	struct cr_error *err = compare_numbers(run, d);
	for (size_t i = 0; !err && i < proc->nr_fds; i++) {
		err = compare_fd(run, d, proc->fd + i);
		// That it is not there is a difference like others.
		if (err && cr_error_code(err) == CR_ERR_SYSTEM) {
			found(d, err);
			err = NULL;
		}
	}
	return err;
}

/* ---- the step ---- */

static struct cr_error *compare(struct cr_restore *run, struct differences *d,
				struct cr_thread *thread)
{
	d->thread = thread;
	struct cr_error *err = compare_status(run, d);
	if (!err && leads(thread))
		err = compare_fds(run, d);
	return err;
}

struct cr_error *cr_verify_state(struct cr_restore *run,
				 struct cr_thread *leader)
{
	struct differences d = { .log = run->log };
	struct cr_error *err = NULL;
	if (!run->options->verify)
		return NULL;
	cr_proc_each_thread(thread, leader->proc) {
		if (!err)
			err = compare(run, &d, thread);
	}
	if (err) {
		cr_error_free(d.first);
		return err;
	}
	return cr_error_more(d.first, d.nr_more);
}
