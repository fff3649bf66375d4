// SPDX-License-Identifier: MIT
#include "restore/shares.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "images/regfile.pb-c.h"
#include "lib/base/cleanup.h"
#include "lib/ops/secrets.h"
#include "restore/arch/arch.h"
#include "restore/fd/kind.h"

typedef unsigned long long ull;

/* Where what is found goes. */
struct look {
	struct cr_rplan *plan;
	cr_share_fn *fn;
	void *arg;
};

static struct cr_error *tell(struct look *l, const struct cr_proc *proc,
			     const char *what, const char *remedy,
			     const char *form, ...)
	__attribute__((format(printf, 5, 6)));

static struct cr_error *tell(struct look *l, const struct cr_proc *proc,
			     const char *what, const char *remedy,
			     const char *form, ...)
{
	char where[4200];
	va_list ap;
	va_start(ap, form);
	vsnprintf(where, sizeof(where), form, ap);
	va_end(ap);
	struct cr_share share = { proc, what, remedy, where };
	return l->fn(l->arg, &share);
}

/* ---- of processes ---- */

static struct cr_error *at_random(struct look *l, struct cr_proc *proc)
{
	const MmEntry *mm = proc->mm.entry;
	for (size_t i = 0; i + 1 < mm->n_mm_saved_auxv; i += 2) {
		if (mm->mm_saved_auxv[i] == AT_RANDOM)
			return tell(l, proc, "AT_RANDOM", NULL,
				    "0x%llx: 16 bytes",
				    (ull)mm->mm_saved_auxv[i + 1]);
	}
	return NULL;
}

// What the processor's registers lead to.
static struct cr_error *native(struct look *l, struct cr_proc *proc)
{
	struct cr_error *err = NULL;
	struct cr_native_secret s;
	for (size_t i = 0; !err; i++) {
		s = (struct cr_native_secret){ 0 };
		if (!cr_native.secret(l->plan, proc->thread, i, &s))
			break;
		if (s.what && s.vaddr)
			err = tell(l, proc, s.what, s.remedy, "0x%llx",
				   (ull)s.vaddr);
		else if (s.what)
			err = tell(l, proc, s.what, s.remedy, "%s", s.where);
	}
	return err;
}

// Mappings with a piece of advice.
static struct cr_error *advised(struct look *l, struct cr_proc *proc,
				int advice, const char *what,
				const char *remedy)
{
	struct cr_error *err = NULL;
	for (size_t i = 0; !err && i < proc->nr_mappings; i++) {
		const struct cr_mapping *m = proc->mapping + i;
		const VmaEntry *vma = m->vma;
		if (m->filled && vma->has_madv && vma->madv >> advice & 1)
			err = tell(l, proc, what, remedy, "0x%llx: %llu bytes",
				   (ull)vma->start,
				   (ull)(vma->end - vma->start));
	}
	return err;
}

static struct cr_error *random_state(struct look *l, struct cr_proc *proc)
{
	return advised(l, proc, MADV_WIPEONFORK, "state that a fork zeroes",
		       "--wipe-on-fork");
}

static struct cr_error *not_handed_on(struct look *l, struct cr_proc *proc)
{
	return advised(l, proc, MADV_DONTFORK, "memory that a fork lacks", NULL);
}

#define ENV_MAX (1u << 20)

static struct cr_error *count(void *arg, const uint8_t *data,
			      const struct cr_secret *secret)
{
	++*(size_t *)arg;
	return NULL;
}

static struct cr_error *environment(struct look *l, struct cr_proc *proc)
{
	const MmEntry *mm = proc->mm.entry;
	uint64_t start = mm->mm_env_start, size = mm->mm_env_end - start;
	size_t nr = 0;
	if (mm->mm_env_end <= start)
		return NULL;
	size_t have = size < ENV_MAX ? size : ENV_MAX;
	cr_auto_free uint8_t *data = malloc(have);
	cr_auto_free struct cr_secrets *secrets = malloc(sizeof(*secrets));
	if (!data || !secrets)
		return cr_enomem;
	cr_secrets_init(secrets);
	struct cr_error *err = cr_pages_read(&proc->pages, start, data, have);
	if (!err)
		err = cr_secrets_find(secrets, data, have, 0, true, count, &nr);
	// That it cannot be read is not for us to say.
	cr_error_free(err);
	return tell(l, proc, "environment", NULL,
		    "0x%llx: %llu bytes, %zu probably secret", (ull)start,
		    (ull)size, nr);
}

static struct cr_error *mapped(struct look *l, struct cr_proc *proc)
{
	struct cr_error *err = NULL;
	for (size_t i = 0; !err && i < proc->nr_mappings; i++) {
		const struct cr_mapping *m = proc->mapping + i;
		char key[4096] = "";
		if (!m->file || m->file->type != FD_TYPES__REG ||
		    (m->vma->flags & MAP_TYPE) != MAP_SHARED ||
		    !(m->vma->prot & PROT_WRITE))
			continue;
		m->file->kind->key(m->file, key, sizeof(key));
		err = tell(l, proc, "memory of a file", NULL, "0x%llx: %s",
			   (ull)m->vma->start, key);
	}
	return err;
}

// A row for each thing that is a process's.
static struct cr_error *(*const of_processes[])(struct look *l,
						struct cr_proc *proc) = {
	at_random, native, random_state, not_handed_on, environment, mapped,
};

/* ---- of files ---- */

// Kinds of which there is one for all copies, whoever opens it.
static const struct {
	uint32_t type;
	const char *what;
} kinds[] = {
	// clang-format off
	{ FD_TYPES__FIFO,      "named pipe" },
	{ FD_TYPES__INETSK,    "address and port" },
	{ FD_TYPES__UNIXSK,    "name of a socket" },
	{ FD_TYPES__PACKETSK,  "packets of an interface" },
	{ FD_TYPES__NETLINKSK, "netlink socket" },
	{ FD_TYPES__TUNF,      "network interface" },
	// clang-format on
};

static bool is_written(const struct cr_ofile *file)
{
	const RegFileEntry *e = (const RegFileEntry *)file->opened.msg;
	bool writes = file->has_flags &&
		      (file->flags & O_ACCMODE) != O_RDONLY;
	// Nothing that one writes to /dev/null is there for another.
	return writes && !(e->has_mode && S_ISCHR(e->mode));
}

static const char *why(const struct cr_ofile *file)
{
	if (file->inherited >= 0)
		return "descriptor that is given";
	if (file->type == FD_TYPES__REG)
		return is_written(file) ? "file open for writing" : NULL;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (file->type == kinds[i].type)
			return kinds[i].what;
	}
	return NULL;
}

static struct cr_error *open_files(struct look *l)
{
	struct cr_error *err = NULL;
	for (size_t i = 0; !err && i < l->plan->nr_ofiles; i++) {
		const struct cr_ofile *file = l->plan->ofile + i;
		const char *what = file->is_fd ? why(file) : NULL;
		char key[4096];
		if (!what)
			continue;
		if (file->kind->key && file->opened.msg)
			file->kind->key(file, key, sizeof(key));
		else
			snprintf(key, sizeof(key), "file %u of %s",
				 (unsigned)file->id, file->image);
		err = tell(l, NULL, what, NULL, "%s", key);
	}
	return err;
}

/* ---- the whole ---- */

struct cr_error *cr_shares_each(struct cr_rplan *plan, cr_share_fn *fn, void *arg)
{
	struct look l = { plan, fn, arg };
	struct cr_error *err = NULL;
	cr_rplan_each_proc(proc, plan) {
		size_t nr = sizeof(of_processes) / sizeof(of_processes[0]);
		if (proc->zombie || proc->unread)
			continue;
		for (size_t i = 0; !err && i < nr; i++)
			err = of_processes[i](&l, proc);
	}
	if (!err)
		err = open_files(&l);
	if (!err)
		err = tell(&l, NULL, "namespaces", NULL,
			   "network, IPC, host name, users: the caller's");
	if (!err)
		err = tell(&l, NULL, "what is not known here", NULL,
			   "seeds, session keys, ids that a program has made "
			   "and keeps in memory");
	return err;
}
