// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/ops/core/parts.h"

/* criu/include/pstree.h, v4.2 */
#define TASK_STOPPED 3

/* More than elf_prstatus and elf_prpsinfo have. */
#define NOTE_MAX 1024

/* Room for an auxiliary vector; the kernel has less than 50 pairs. */
#define AUXV_MAX 4096

#define SIGINFO_SIZE 128

/* ---- notes ---- */

static struct cr_error *begin_note(struct cr_dump *dump, struct cr_sink *sink,
				   const char *owner, uint32_t type,
				   uint64_t size)
{
	uint8_t header[CR_ELF_MAX];
	Elf64_Nhdr nhdr = { .n_namesz = (Elf64_Word)strlen(owner) + 1,
			    .n_descsz = (Elf64_Word)size,
			    .n_type = type };
	if (size > UINT32_MAX)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "a note of %llu bytes is longer than "
				    "notes can be",
				    (unsigned long long)size);
	struct cr_error *err = cr_elf_nhdr(&dump->elf, &nhdr, header);
	if (!err)
		err = cr_sink_put(sink, header, sizeof(nhdr));
	if (!err)
		err = cr_sink_put(sink, owner, nhdr.n_namesz);
	return err ? err : cr_sink_align(sink, 4);
}

static struct cr_error *put_note(struct cr_dump *dump, struct cr_sink *sink,
				 const char *owner, uint32_t type,
				 const void *data, size_t size)
{
	struct cr_error *err = begin_note(dump, sink, owner, type, size);
	if (!err)
		err = cr_sink_put(sink, data, size);
	return err ? err : cr_sink_align(sink, 4);
}

/* ---- signals ---- */

static uint64_t blocked(const CoreEntry *core)
{
	const ThreadCoreEntry *t = core->thread_core;
	if (t && t->has_blk_sigset)
		return t->blk_sigset;
	return core->tc ? core->tc->blk_sigset : 0;
}

/* The number that a siginfo_t begins with; 0 for none. */
static uint32_t signo_of(const struct cr_dump *dump, const SiginfoEntry *info)
{
	uint32_t no;
	if (info->siginfo.len < sizeof(no))
		return 0;
	memcpy(&no, info->siginfo.data, sizeof(no));
	no = dump->elf.big ? be32toh(no) : le32toh(no);
	return no <= 64 ? no : 0;
}

static uint64_t pending(const struct cr_dump *dump,
			const SignalQueueEntry *queue)
{
	uint64_t set = 0;
	for (size_t i = 0; queue && i < queue->n_signals; i++) {
		uint32_t no = signo_of(dump, queue->signals[i]);
		set |= no ? UINT64_C(1) << (no - 1) : 0;
	}
	return set;
}

/* True if a signal has no handler and is not ignored. The image leaves SIGKILL
 * and SIGSTOP out of the list; where there is no list nothing is known. */
static bool is_default(const struct cr_dump *dump, uint32_t no)
{
	const TaskCoreEntry *tc = dump->leader->tc;
	const uint32_t kill = 9, stop = dump->arch->signals->stop;
	size_t i = no - 1 - (no > kill) - (no > stop);
	if (no == kill)
		return true;
	return tc && i < tc->n_sigactions && !tc->sigactions[i]->sigaction;
}

static bool ends_process(const struct cr_dump *dump, uint32_t no)
{
	uint64_t bit = UINT64_C(1) << (no - 1);
	return !(dump->arch->signals->harmless & bit) &&
	       !(blocked(dump->leader) & bit) && is_default(dump, no);
}

static void find_in(struct cr_dump *dump, const SignalQueueEntry *queue)
{
	for (size_t i = 0; queue && !dump->siginfo && i < queue->n_signals;
	     i++) {
		uint32_t no = signo_of(dump, queue->signals[i]);
		if (!no || !ends_process(dump, no))
			continue;
		dump->signo = no;
		dump->siginfo = queue->signals[i];
	}
}

void cr_dump_find_signal(struct cr_dump *dump)
{
	const CoreEntry *leader = dump->leader;
	const TaskCoreEntry *tc = leader->tc;
	if (leader->thread_core)
		find_in(dump, leader->thread_core->signals_p);
	if (tc)
		find_in(dump, tc->signals_s);
	if (dump->siginfo || !tc || tc->task_state != TASK_STOPPED)
		return;
	dump->signo = tc->has_stop_signo ? tc->stop_signo
					 : dump->arch->signals->stop;
}

/* ---- the process ---- */

static void put_ids(struct cr_regs *to, const PstreeEntry *task, uint32_t pid)
{
	cr_regs_u32(to, pid);
	cr_regs_u32(to, task->ppid);
	cr_regs_u32(to, task->pgid);
	cr_regs_u32(to, task->sid);
}

/* struct elf_prstatus */
static struct cr_error *prstatus(struct cr_dump *dump, struct cr_sink *sink,
				 uint32_t tid, const struct cr_arch_task *task)
{
	uint8_t buf[NOTE_MAX];
	struct cr_regs to;
	const unsigned word = dump->arch->word;
	const ThreadCoreEntry *t = task->core->thread_core;
	cr_regs_init(&to, buf, sizeof(buf), dump->elf.big);
	cr_regs_u32(&to, dump->signo); /* si_signo, si_code, si_errno */
	cr_regs_skip(&to, 8);
	cr_regs_u16(&to, dump->signo);
	cr_regs_skip(&to, 2);
	cr_regs_word(&to, word, pending(dump, t ? t->signals_p : NULL));
	cr_regs_word(&to, word, blocked(task->core));
	put_ids(&to, dump->task, tid);
	cr_regs_skip(&to, 8 * word); /* four struct timeval: not saved */
	dump->arch->general.fill(&to, task);
	cr_regs_u32(&to, 1); /* pr_fpvalid, and padding */
	cr_regs_skip(&to, word - 4);
	return put_note(dump, sink, "CORE", NT_PRSTATUS, buf,
			cr_regs_size(&to));
}

static void put_uid(struct cr_regs *to, bool uid16, uint32_t id)
{
	if (!uid16)
		cr_regs_u32(to, id);
	else
		cr_regs_u16(to, id > UINT16_MAX ? 65534 : id);
}

/* The command line as the kernel puts it: blanks for the zeros. */
static void put_args(struct cr_regs *to, struct cr_dump *dump)
{
	char args[80] = { 0 };
	uint64_t size = dump->arg_end - dump->arg_start;
	if (dump->arg_end < dump->arg_start)
		size = 0;
	if (size > sizeof(args) - 1)
		size = sizeof(args) - 1;
	cr_error_free(cr_pages_read(&dump->pages, dump->arg_start, args,
				    (size_t)size));
	for (size_t i = 0; i < size; i++)
		if (!args[i])
			args[i] = ' ';
	cr_regs_bytes(to, args, sizeof(args));
}

/* struct elf_prpsinfo */
static struct cr_error *prpsinfo(struct cr_dump *dump, struct cr_sink *sink)
{
	uint8_t buf[NOTE_MAX];
	char comm[16] = { 0 };
	struct cr_regs to;
	const struct cr_arch *arch = dump->arch;
	const TaskCoreEntry *tc = dump->leader->tc;
	const ThreadCoreEntry *t = dump->leader->thread_core;
	const CredsEntry *creds = cr_core_creds(dump->leader);
	bool stopped = tc && tc->task_state == TASK_STOPPED;
	cr_regs_init(&to, buf, sizeof(buf), dump->elf.big);
	cr_regs_u8(&to, stopped ? 3 : 0);
	cr_regs_u8(&to, stopped ? 'T' : 'R');
	cr_regs_u8(&to, 0); /* a zombie */
	cr_regs_u8(&to, t ? (uint8_t)t->sched_nice : 0);
	cr_regs_skip(&to, arch->word == 8 ? 4 : 0);
	cr_regs_word(&to, arch->word, tc ? tc->flags : 0);
	put_uid(&to, arch->uid16, creds ? creds->uid : 0);
	put_uid(&to, arch->uid16, creds ? creds->gid : 0);
	put_ids(&to, dump->task, dump->task->pid);
	if (tc)
		memcpy(comm, tc->comm, strnlen(tc->comm, sizeof(comm) - 1));
	cr_regs_bytes(&to, comm, sizeof(comm));
	put_args(&to, dump);
	return put_note(dump, sink, "CORE", NT_PRPSINFO, buf,
			cr_regs_size(&to));
}

static struct cr_error *siginfo(struct cr_dump *dump, struct cr_sink *sink)
{
	uint8_t buf[SIGINFO_SIZE];
	struct cr_regs to;
	if (!dump->siginfo)
		return NULL;
	cr_regs_init(&to, buf, sizeof(buf), dump->elf.big);
	cr_regs_bytes(&to, dump->siginfo->siginfo.data,
		      dump->siginfo->siginfo.len);
	return put_note(dump, sink, "CORE", NT_SIGINFO, buf, sizeof(buf));
}

uint64_t cr_dump_auxv(const struct cr_dump *dump, uint64_t type)
{
	for (size_t i = 0; i + 1 < dump->nr_auxv; i += 2)
		if (dump->auxv[i] == type)
			return dump->auxv[i + 1];
	return 0;
}

static struct cr_error *auxv(struct cr_dump *dump, struct cr_sink *sink)
{
	uint8_t buf[AUXV_MAX];
	struct cr_regs to;
	cr_regs_init(&to, buf, sizeof(buf), dump->elf.big);
	for (size_t i = 0; i < dump->nr_auxv; i++)
		cr_regs_word(&to, dump->arch->word, dump->auxv[i]);
	return put_note(dump, sink, "CORE", NT_AUXV, buf, cr_regs_size(&to));
}

/* ---- mapped files ---- */

typedef struct cr_error *name_fn(struct cr_dump *dump, const char *name,
				 void *arg);

/* Calls fn with the path of every mapping that is of a file, in order. */
static struct cr_error *each_name(struct cr_dump *dump, name_fn *fn, void *arg)
{
	const struct cr_space *space = &dump->pages.space;
	struct cr_error *err = NULL;
	cr_auto_free char *name = NULL;
	uint64_t of = 0;
	for (size_t i = 0; !err && i < space->nr; i++) {
		const struct cr_vma *vma = &space->vma[i];
		if (!cr_vma_is_file(vma))
			continue;
		if (!name || of != vma->shmid) {
			free(cr_take_ptr(name));
			of = vma->shmid;
			err = cr_memory_name(dump->core->memory, vma, &name);
		}
		if (!err)
			err = fn(dump, name, arg);
	}
	return err;
}

static struct cr_error *count_name(struct cr_dump *dump, const char *name,
				   void *arg)
{
	(void)arg;
	dump->nr_files++;
	dump->names_size += strlen(name) + 1;
	return NULL;
}

static struct cr_error *put_name(struct cr_dump *dump, const char *name,
				 void *sink)
{
	(void)dump;
	return cr_sink_put(sink, name, strlen(name) + 1);
}

static struct cr_error *put_words(struct cr_dump *dump, struct cr_sink *sink,
				  const uint64_t *words, size_t nr)
{
	uint8_t buf[64];
	struct cr_regs to;
	cr_regs_init(&to, buf, sizeof(buf), dump->elf.big);
	for (size_t i = 0; i < nr; i++)
		cr_regs_word(&to, dump->arch->word, words[i]);
	return cr_sink_put(sink, buf, cr_regs_size(&to));
}

/* Count and page size; start, end and offset in pages of each; the names. */
static struct cr_error *files(struct cr_dump *dump, struct cr_sink *sink)
{
	const struct cr_space *space = &dump->pages.space;
	struct cr_error *err = NULL;
	if (!dump->nr_files)
		err = each_name(dump, count_name, NULL);
	if (err || !dump->nr_files)
		return err;
	uint64_t head[] = { dump->nr_files, space->page_size };
	err = begin_note(dump, sink, "CORE", NT_FILE,
			 (2 + 3 * (uint64_t)dump->nr_files) *
					 dump->arch->word +
				 dump->names_size);
	if (!err)
		err = put_words(dump, sink, head, 2);
	for (size_t i = 0; !err && i < space->nr; i++) {
		const struct cr_vma *vma = &space->vma[i];
		uint64_t row[] = { vma->start, vma->end,
				   vma->pgoff / space->page_size };
		if (cr_vma_is_file(vma))
			err = put_words(dump, sink, row, 3);
	}
	if (!err)
		err = each_name(dump, put_name, sink);
	return err ? err : cr_sink_align(sink, 4);
}

/* ---- threads ---- */

static struct cr_error *sets(struct cr_dump *dump, struct cr_sink *sink,
			     const struct cr_arch_task *task)
{
	struct cr_error *err = NULL;
	for (const struct cr_arch_set *set = dump->arch->sets;
	     !err && set->fill; set++) {
		uint8_t buf[CR_ARCH_SET_MAX];
		struct cr_regs to;
		if (set->secret && !dump->core->secrets)
			continue;
		cr_regs_init(&to, buf, set->size, dump->elf.big);
		if (set->fill(&to, task))
			err = put_note(dump, sink, set->owner, set->type, buf,
				       cr_regs_size(&to));
	}
	return err;
}

static struct cr_arch_task task_of(const struct cr_dump *dump,
				   const CoreEntry *core)
{
	return (struct cr_arch_task){ .core = core,
				      .hwcap = dump->hwcap,
				      .va_bits = dump->va_bits };
}

static struct cr_error *leader(struct cr_dump *dump, struct cr_sink *sink)
{
	struct cr_arch_task task = task_of(dump, dump->leader);
	struct cr_error *err = prstatus(dump, sink, dump->task->pid, &task);
	if (!err)
		err = prpsinfo(dump, sink);
	if (!err)
		err = siginfo(dump, sink);
	if (!err)
		err = auxv(dump, sink);
	if (!err)
		err = files(dump, sink);
	return err ? err : sets(dump, sink, &task);
}

static struct cr_error *thread(struct cr_dump *dump, struct cr_sink *sink,
			       uint32_t tid)
{
	CoreEntry *core = NULL;
	struct cr_error *fault = cr_message_load(
		dump->core->memory->set, &core_entry__descriptor, &core,
		"core-%u.img", tid);
	struct cr_error *err = NULL;
	if (!fault && !core)
		fault = cr_error_new(CR_ERR_NOT_FOUND,
				     "core-%u.img: no such file", tid);
	if (!fault && cr_arch_of(core) != dump->arch)
		fault = cr_error_new(CR_ERR_FORMAT,
				     "core-%u.img: has no registers of %s, "
				     "which its process has",
				     tid, dump->arch->name);
	if (!fault) {
		struct cr_arch_task task = task_of(dump, core);
		err = prstatus(dump, sink, tid, &task);
		if (!err)
			err = sets(dump, sink, &task);
	}
	cr_message_free(core);
	if (sink->fd >= 0)
		cr_dump_found(dump, fault);
	else
		cr_error_free(fault);
	return err;
}

struct cr_error *cr_dump_notes(struct cr_dump *dump, struct cr_sink *sink)
{
	const PstreeEntry *task = dump->task;
	struct cr_error *err = leader(dump, sink);
	for (size_t i = 0; !err && i < task->n_threads; i++)
		if (task->threads[i] != task->pid)
			err = thread(dump, sink, task->threads[i]);
	return err;
}
