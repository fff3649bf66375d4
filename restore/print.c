// SPDX-License-Identifier: MIT
/*
 * A plan as text or JSON, for --plan.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/out.h"
#include "lib/base/utf8.h"
#include "lib/codec/writer.h"
#include "restore/plan.h"

static uint64_t mapped(const struct cr_proc *proc)
{
	uint64_t size = 0;
	for (size_t i = 0; i < proc->nr_mappings; i++)
		size += proc->mapping[i].vma->end - proc->mapping[i].vma->start;
	return size;
}

static struct cr_error *text(struct cr_out *out, const char *fmt, ...)
	CR_PRINTF(2, 3) CR_MUST_CHECK;

static struct cr_error *text(struct cr_out *out, const char *fmt, ...)
{
	char buf[200];
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(buf, sizeof(buf), fmt, args);
	va_end(args);
	return cr_out_put(out, buf, (size_t)n < sizeof(buf) ? (size_t)n :
							       sizeof(buf) - 1);
}

static unsigned depth_of(const struct cr_proc *proc)
{
	unsigned depth = 0;
	while ((proc = proc->parent) && depth < 40)
		depth++;
	return depth;
}

static struct cr_error *row(struct cr_out *out, const struct cr_proc *proc)
{
	struct cr_error *err = text(out, "%7u%8zu%10zu%12llu%7zu   %*s",
				    (unsigned)proc->vpid, proc->nr_threads,
				    proc->nr_mappings,
				    (unsigned long long)mapped(proc) / 1024,
				    proc->nr_fds, (int)(4 * depth_of(proc)), "");
	const char *comm = proc->core->tc->comm;
	cr_auto_free char *safe = cr_utf8_safe(comm);
	if (!err && !safe)
		err = cr_enomem;
	return err ?: text(out, "%.32s%s\n", safe,
			   proc->zombie ? " (a zombie)" : "");
}

static struct cr_error *print_text(struct cr_out *out,
				   const struct cr_rplan *plan)
{
	struct cr_error *err = text(out, "%7s%8s%10s%12s%7s   %s\n", "PID",
				    "THREADS", "MAPPINGS", "KIB", "FDS",
				    "COMM");
	cr_rplan_each_proc(proc, plan)
		err = err ?: row(out, proc);
	return err;
}

static struct cr_error *number(struct cr_writer *w, const char *key,
			       uint64_t value)
{
	struct cr_error *err = cr_writer_key(w, key);
	return err ?: cr_writer_u64(w, value);
}

static struct cr_error *object(struct cr_writer *w, const struct cr_proc *proc)
{
	const char *comm = proc->core->tc->comm;
	cr_auto_free char *safe = cr_utf8_safe(comm);
	struct cr_error *err = safe ? cr_writer_item(w) : cr_enomem;
	err = err ?: cr_writer_open(w, '{');
	err = err ?: number(w, "pid", proc->vpid);
	err = err ?: number(w, "ppid", proc->parent ? proc->parent->vpid : 0);
	err = err ?: cr_writer_key(w, "comm");
	err = err ?: cr_writer_string(w, safe, strlen(safe));
	err = err ?: cr_writer_key(w, "zombie");
	err = err ?: cr_writer_raw(w, proc->zombie ? "true" : "false");
	err = err ?: number(w, "threads", proc->nr_threads);
	err = err ?: number(w, "mappings", proc->nr_mappings);
	err = err ?: number(w, "mapped", mapped(proc));
	err = err ?: number(w, "fds", proc->nr_fds);
	return err ?: cr_writer_close(w, '}');
}

static struct cr_error *print_json(struct cr_out *out,
				   const struct cr_rplan *plan)
{
	struct cr_writer w = { .out = out, .style = { .indent = true } };
	struct cr_error *err = cr_writer_open(&w, '[');
	cr_rplan_each_proc(proc, plan)
		err = err ?: object(&w, proc);
	err = err ?: cr_writer_close(&w, ']');
	return err ?: cr_out_put(out, "\n", 1);
}

struct cr_error *cr_rplan_print(const struct cr_rplan *plan, bool json, int fd)
{
	struct cr_out out;
	struct cr_error *err = cr_out_init_fd(&out, fd, false);
	if (err)
		return err;
	err = json ? print_json(&out, plan) : print_text(&out, plan);
	if (!err)
		err = cr_out_flush(&out);
	cr_out_deinit(&out);
	return err;
}
