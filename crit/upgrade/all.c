// SPDX-License-Identifier: MIT
/*
 * Many checkpoints: threads that each take some at a time, collect their changes
 * and commit these together, which shares the syncing.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crit/find.h"
#include "crit/upgrade/upgrade.h"
#include "lib/base/cleanup.h"

/* So many changes are open at a time, each with a few files. */
#define OPEN_MAX_ALL  64
#define OPEN_MAX_EACH 32

struct all {
	const struct cr_crit_upgrade *o;
	const struct cr_upgrade_opts *opts;
	const char *done; /* what a changed one is called */
	const struct cr_store_limits *limits;
	FILE *out;
	char **path;
	size_t nr, cap;
	size_t batch;
	bool progress; /* on standard error */

	pthread_mutex_t lock; /* of what follows, and of out */
	size_t next;
	size_t nr_changed, nr_unchanged, nr_failed;
	unsigned shown; /* of the bar */
	struct cr_error *err; /* that ends everything */
};

static struct cr_error *add_path(void *arg, const char *path, bool named)
{
	struct all *all = arg;
	if (all->nr == all->cap) {
		size_t cap = all->cap ? 2 * all->cap : 64;
		char **more = reallocarray(all->path, cap, sizeof(more[0]));
		if (!more)
			return cr_enomem;
		all->path = more;
		all->cap = cap;
	}
	all->path[all->nr] = strdup(path);
	return all->path[all->nr] ? (all->nr++, NULL) : cr_enomem;
}

/* ---- telling ---- */

#define BAR 40

static size_t nr_told(const struct all *all)
{
	return all->nr_changed + all->nr_unchanged + all->nr_failed;
}

/* Drawn again only if it looks different, or if a line was written over it. */
static void show_progress(struct all *all, bool again)
{
	size_t told = nr_told(all);
	unsigned parts = (unsigned)(told * 1000 / all->nr);
	if (!all->progress || (!again && parts == all->shown))
		return;
	all->shown = parts;
	int bar = (int)(told * BAR / all->nr);
	fprintf(stderr, "\r[%.*s%*s] %zu of %zu, %zu failed", bar,
		"########################################", BAR - bar, "", told,
		all->nr, all->nr_failed);
}

static void clear_progress(const struct all *all)
{
	if (all->progress)
		fprintf(stderr, "\r\033[K");
}

static struct cr_error *put_line(struct cr_out *out, const struct all *all,
				 const char *path, const char *result,
				 const struct cr_upgrade *u,
				 const struct cr_error *failed)
{
	struct cr_writer w = { .out = out };
	struct cr_error *err = cr_writer_open(&w, '{');
	if (!err)
		err = cr_crit_upgrade_text(&w, "path", path);
	if (!err)
		err = cr_crit_upgrade_text(&w, "result", result);
	if (!err && all->o->change.dry_run)
		err = cr_writer_key(&w, "dry_run");
	if (!err && all->o->change.dry_run)
		err = cr_writer_raw(&w, "true");
	if (!err)
		err = cr_crit_upgrade_put(&w, u);
	if (!err && failed)
		err = cr_crit_upgrade_text(&w, "error", cr_error_text(failed));
	if (!err)
		err = cr_writer_close(&w, '}');
	return err ? err : cr_out_put(out, "\n", 1);
}

static const char *count(struct all *all, bool changed,
			 const struct cr_error *failed)
{
	if (failed)
		return all->nr_failed++, "failed";
	if (changed)
		return all->nr_changed++, all->done;
	return all->nr_unchanged++, "unchanged";
}

/* Takes failed, and frees u. */
static void tell(struct all *all, const char *path, struct cr_upgrade *u,
		 bool changed, struct cr_error *failed)
{
	struct cr_out out = { 0 };
	pthread_mutex_lock(&all->lock);
	const char *result = count(all, changed, failed);
	struct cr_error *err = cr_out_init_mem(&out);
	if (!err)
		err = put_line(&out, all, path, result, u, failed);
	if (!err) {
		bool mixed = all->progress && isatty(fileno(all->out));
		if (mixed)
			clear_progress(all);
		fwrite(out.buf, 1, cr_out_buffered(&out), all->out);
		fflush(all->out);
		show_progress(all, mixed);
	}
	if (err && !all->err)
		all->err = err;
	else
		cr_error_free(err);
	pthread_mutex_unlock(&all->lock);
	cr_out_deinit(&out);
	cr_error_free(failed);
	cr_upgrade_free(u);
}

/* ---- working ---- */

/* A change that waits for being committed with others. */
struct waiting {
	const char *path;
	struct cr_change *change;
	struct cr_upgrade u;
};

/* *nr_ret paths from `first` on; false: none is left. */
static bool take(struct all *all, size_t *first_ret, size_t *nr_ret)
{
	pthread_mutex_lock(&all->lock);
	size_t left = all->err ? 0 : all->nr - all->next;
	*first_ret = all->next;
	*nr_ret = left < all->batch ? left : all->batch;
	all->next += *nr_ret;
	pthread_mutex_unlock(&all->lock);
	return *nr_ret;
}

/* Upgrades one; true: w is to be committed. Others have been told. */
static bool prepare(struct all *all, const char *path, struct waiting *w)
{
	const struct cr_change_opts how = {
		.dry_run = all->o->change.dry_run,
		.count_only = true,
		.limits = all->limits,
	};
	*w = (struct waiting){ .path = path };
	struct cr_error *err = cr_change_open(path, &how, &w->change);
	if (!err)
		err = cr_crit_upgrade_one(all->o, all->opts, w->change, &w->u);
	if (!err && !cr_change_is_empty(w->change))
		return true;
	tell(all, path, &w->u, false, err);
	cr_change_close(w->change);
	return false;
}

/* A failure is that of one; the others go on. */
static void commit(struct all *all, struct waiting *w, size_t nr)
{
	struct cr_change *changes[OPEN_MAX_EACH];
	size_t done = 0;
	for (size_t i = 0; i < nr; i++)
		changes[i] = w[i].change;
	while (done < nr) {
		size_t n = 0;
		struct cr_error *err = cr_change_commit_all(
			changes + done, nr - done, &n);
		for (size_t i = done; i < done + n; i++)
			tell(all, w[i].path, &w[i].u, true, NULL);
		done += n;
		if (err && done < nr) {
			tell(all, w[done].path, &w[done].u, false, err);
			done++;
		} else {
			cr_error_free(err);
		}
	}
	for (size_t i = 0; i < nr; i++)
		cr_change_close(w[i].change);
}

static void *work(void *arg)
{
	struct all *all = arg;
	struct waiting w[OPEN_MAX_EACH];
	size_t first, nr;
	while (take(all, &first, &nr)) {
		size_t nr_waiting = 0;
		for (size_t i = first; i < first + nr; i++)
			nr_waiting += prepare(all, all->path[i], &w[nr_waiting]);
		commit(all, w, nr_waiting);
	}
	return NULL;
}

static size_t nr_processors(void)
{
	cpu_set_t set;
	return sched_getaffinity(0, sizeof(set), &set) ? 1 :
							 (size_t)CPU_COUNT(&set);
}

/* Threads beside this one; a thread that cannot be made is one less. */
static void work_all(struct all *all)
{
	pthread_t thread[255];
	size_t nr = all->o->jobs ?: nr_processors(), started = 0;
	if (nr > all->nr)
		nr = all->nr;
	if (nr > 256)
		nr = 256;
	all->batch = nr && OPEN_MAX_ALL / nr ? OPEN_MAX_ALL / nr : 1;
	if (all->batch > OPEN_MAX_EACH)
		all->batch = OPEN_MAX_EACH;
	while (started + 1 < nr &&
	       !pthread_create(&thread[started], NULL, work, all))
		started++;
	work(all);
	for (size_t i = 0; i < started; i++)
		pthread_join(thread[i], NULL);
}

static struct cr_error *result(struct all *all)
{
	if (all->err)
		return cr_take_ptr(all->err);
	if (!all->nr)
		return cr_error_new(CR_ERR_NOT_FOUND,
				    "%s: there is no checkpoint in it",
				    all->o->path);
	if (all->nr_failed)
		return cr_error_new(CR_ERR_FORMAT,
				    "%zu of %zu checkpoints failed, %zu %s, "
				    "%zu unchanged",
				    all->nr_failed, all->nr, all->nr_changed,
				    all->done, all->nr_unchanged);
	return NULL;
}

struct cr_error *cr_crit_upgrade_all(const struct cr_verb_call *call,
				     const struct cr_upgrade_opts *opts,
				     const char *done)
{
	const struct cr_crit_upgrade *o = call->values;
	struct all all = {
		.o = o,
		.opts = opts,
		.done = done,
		.out = call->out,
		.limits = &call->global->limits,
		.progress = isatty(STDERR_FILENO),
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	struct cr_error *err = cr_crit_find(o->path, add_path, &all);
	if (!err && all.nr)
		work_all(&all);
	if (!err)
		clear_progress(&all);
	if (!err)
		err = result(&all);
	cr_error_free(all.err);
	for (size_t i = 0; i < all.nr; i++)
		free(all.path[i]);
	free(all.path);
	return err;
}
