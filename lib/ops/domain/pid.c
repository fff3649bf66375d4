// SPDX-License-Identifier: MIT
//
// Process ids: every field that is one, names of images, siginfo_t, paths below
// /proc, control groups named by one. CRIU criu/pstree.c, criu/files-reg.c
// (remaps of /proc), v4.2; man 2 sigaction for when si_pid is there.
#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/inventory.pb-c.h"
#include "images/remap-file-path.pb-c.h"
#include "lib/base/cleanup.h"
#include "lib/image/process.h"
#include "lib/ops/domain/inside.h"
#include "lib/ops/domain/pids.h"
#include "lib/pages/scan.h"

#define MAP_FILE_MAX (16 << 20)

struct edit {
	const struct cr_domain *d;
	struct cr_pids pids;
	bool mips_remarked;
};

/* ---- which ids there are ---- */

struct collect {
	struct cr_pids there; /* ids as they are */
};

static struct cr_error *found_id(struct collect *c, uint64_t id)
{
	/* What a zombie's entry has for threads is noise. */
	if (!id || id >= CR_PID_MAX)
		return NULL;
	return cr_pids_add(&c->there, (uint32_t)id, (uint32_t)id, false);
}

static struct cr_error *collect_tree(void *arg, const struct cr_rewrite_at *at,
				     json_t *entry, enum cr_rewrite *ret)
{
	struct collect *c = arg;
	const json_t *threads = json_object_get(entry, "threads");
	struct cr_error *err = found_id(c, cr_domain_get(entry, "pid", 0));
	if (!err)
		err = found_id(c, cr_domain_get(entry, "pgid", 0));
	if (!err)
		err = found_id(c, cr_domain_get(entry, "sid", 0));
	for (size_t i = 0; i < json_array_size(threads) && !err; i++) {
		uint64_t tid;
		if (cr_domain_u64(json_array_get(threads, i), &tid))
			err = found_id(c, tid);
	}
	return err;
}

static bool is_procfs(const json_t *entry)
{
	const json_t *type = json_object_get(entry, "remap_type");
	uint64_t v;
	return (json_is_string(type) &&
		!strcmp(json_string_value(type), "PROCFS")) ||
	       (cr_domain_u64(type, &v) && v == REMAP_TYPE__PROCFS);
}

static struct cr_error *collect_remap(void *arg,
				      const struct cr_rewrite_at *at,
				      json_t *entry, enum cr_rewrite *ret)
{
	if (!is_procfs(entry))
		return NULL;
	return found_id(arg, cr_domain_get(entry, "remap_id", 0));
}

/* With an offset every id moves; without one, those that were said. */
static struct cr_error *make_map(struct edit *e, const struct cr_pids *there)
{
	struct cr_error *err = NULL;
	int64_t offset = e->d->offset;
	for (size_t i = 0; i < there->nr && !err; i++) {
		uint32_t id = there->pair[i].old;
		int64_t to = (int64_t)id + offset;
		if (to < 1 || to >= CR_PID_MAX)
			return cr_error_new(CR_ERR_USAGE, "%u%+lld is no process "
							  "id, they are 1 to "
							  "%d",
					    id, (long long)offset,
					    CR_PID_MAX - 1);
		err = cr_pids_add(&e->pids, id, (uint32_t)to, false);
	}
	return err ? err : cr_pids_sort(&e->pids);
}

static struct cr_error *check_said(struct edit *e, const struct cr_pids *there)
{
	struct cr_error *err = NULL;
	size_t o = 0;
	for (size_t i = 0; i < e->pids.nr && !err; i++) {
		struct cr_pid_pair *p = &e->pids.pair[i];
		bool is = cr_pids_find(there, p->old);
		if (!is)
			err = cr_domain_missing(e->d, "no process, thread, group "
						      "or session is %u",
						p->old);
		else if (p->old == 1 && p->to != 1)
			err = cr_error_new(CR_ERR_UNSUPPORTED,
					   "process 1 is the first of its "
					   "namespace and keeps its id");
		if (is)
			e->pids.pair[o++] = *p;
	}
	e->pids.nr = o;
	return err;
}

static struct cr_error *prepare(struct edit *e)
{
	struct collect c = { 0 };
	struct cr_change *change = e->d->change;
	struct cr_error *err =
		cr_rewrite(change, "pstree.img", NULL, collect_tree, &c);
	if (!err) {
		err = cr_rewrite(change, "remap-fpath.img", NULL, collect_remap,
				 &c);
		cr_error_catch(&err, CR_ERR_NOT_FOUND);
	}
	if (!err)
		err = cr_pids_sort(&c.there);
	if (!err)
		err = make_map(e, &c.there);
	if (!err)
		err = check_said(e, &c.there);
	if (!err)
		err = cr_pids_check(&e->pids);
	cr_pids_free(&c.there);
	return err;
}

/* ---- fields ---- */

static struct cr_pid_pair *find(struct edit *e, uint64_t id)
{
	struct cr_pid_pair *p = cr_pids_find(&e->pids, id);
	return p && p->to != p->old ? p : NULL;
}

/* A group is negative in some places, also where the field has no sign. */
static struct cr_error *move_id(struct edit *e, const json_t *value,
				json_t **ret)
{
	struct cr_int v;
	if (!cr_tree_get_int(value, &v))
		return NULL;
	bool wrapped = !v.negative && v.magnitude > INT32_MAX &&
		       v.magnitude <= UINT32_MAX;
	uint64_t id = wrapped ? (UINT64_C(1) << 32) - v.magnitude : v.magnitude;
	struct cr_pid_pair *p = find(e, id);
	if (!p)
		return NULL;
	p->hits++;
	int64_t to = wrapped	? (INT64_C(1) << 32) - p->to :
		     v.negative ? -(int64_t)p->to :
				  p->to;
	*ret = json_integer(to);
	return *ret ? NULL : cr_enomem;
}

/* ---- siginfo_t ---- */

static bool has_pid(int32_t signo, int32_t code)
{
	if (signo == SIGCHLD && code >= CLD_EXITED && code <= CLD_CONTINUED)
		return true;
	return code == SI_USER || code == SI_QUEUE || code == SI_TKILL ||
	       code == SI_MESGQ;
}

/* Where si_pid is, by processor; 0: not known. */
static size_t pid_offset(struct edit *e, const struct cr_mean_at *at)
{
	const json_t *march = json_object_get(at->entry, "mtype");
	const char *name = json_string_value(march) ?: "";
	if (!strcmp(name, "ARM"))
		return 12;
	if (strcmp(name, "MIPS"))
		return 16;
	if (!e->mips_remarked)
		cr_domain_remark(e->d, "%s: pending signals are left",
				 at->at->image);
	e->mips_remarked = true;
	return 0;
}

static struct cr_error *move_siginfo(struct edit *e,
				     const struct cr_mean_at *at,
				     const json_t *value, json_t **ret)
{
	cr_auto_free char *info = NULL;
	size_t size, off = pid_offset(e, at);
	int32_t word[3], pid;
	struct cr_error *err = cr_mean_bytes(at, value, &info, &size);
	if (err || !info || !off || size < off + sizeof(pid))
		return err;
	memcpy(word, info, sizeof(word));
	memcpy(&pid, info + off, sizeof(pid));
	struct cr_pid_pair *p = pid > 0 ? find(e, (uint64_t)pid) : NULL;
	if (!p || !has_pid(word[0], word[2]))
		return NULL;
	p->hits++;
	pid = (int32_t)p->to;
	memcpy(info + off, &pid, sizeof(pid));
	return cr_mean_value(at, info, size, ret);
}

/* ---- paths ---- */

/* The number that is a component at p, up to a slash or the end. */
static struct cr_pid_pair *find_component(struct edit *e, const char *p,
					  size_t *size_ret)
{
	uint64_t id = 0;
	size_t n = 0;
	while (isdigit((unsigned char)p[n]) && n < 8)
		id = 10 * id + (uint64_t)(p[n++] - '0');
	*size_ret = n;
	return n && *p != '0' && (!p[n] || p[n] == '/') ? find(e, id) : NULL;
}

/* Puts the new id in the place of n characters at *p; *p goes behind it. */
static struct cr_error *put_id(char **path, char **p, size_t n,
			       struct cr_pid_pair *pair)
{
	char *to;
	int head = (int)(*p - *path);
	int size = snprintf(NULL, 0, "%u", pair->to);
	if (asprintf(&to, "%.*s%u%s", head, *path, pair->to, *p + n) < 0)
		return cr_enomem;
	free(*path);
	*path = to;
	*p = to + head + size;
	pair->hits++;
	return NULL;
}

/* /proc/PID and /proc/PID/task/TID. */
static struct cr_error *move_proc(struct edit *e, char **path, bool *done)
{
	static const char *const heads[] = { "/proc/", "/task/" };
	struct cr_error *err = NULL;
	char *p = *path;
	for (size_t i = 0; i < 2 && !err; i++) {
		size_t n;
		if (strncmp(p, heads[i], strlen(heads[i])))
			break;
		p += strlen(heads[i]);
		struct cr_pid_pair *pair = find_component(e, p, &n);
		if (pair)
			err = put_id(path, &p, n, pair);
		else
			p += n;
		*done |= pair != NULL;
	}
	return err;
}

/* Components of a control group's path that are ids. */
static struct cr_error *move_group(struct edit *e, char **path, bool *done)
{
	struct cr_error *err = NULL;
	for (char *p = *path; *p && !err;) {
		size_t n;
		struct cr_pid_pair *pair = find_component(e, p, &n);
		if (pair)
			err = put_id(path, &p, n, pair);
		*done |= pair != NULL;
		p += strcspn(p, "/");
		p += *p == '/';
	}
	return err;
}

static struct cr_error *move_path(struct edit *e, const struct cr_mean_at *at,
				  const json_t *value, json_t **ret)
{
	cr_auto_free char *path = NULL;
	size_t size;
	bool done = false;
	struct cr_error *err = cr_mean_bytes(at, value, &path, &size);
	if (err || !path || strlen(path) != size)
		return err;
	err = at->means == CR_MEANS_PATH ? move_proc(e, &path, &done) :
					   move_group(e, &path, &done);
	if (err || !done)
		return err;
	return cr_mean_value(at, path, strlen(path), ret);
}

static struct cr_error *on_value(void *arg, const struct cr_mean_at *at,
				 json_t *value, json_t **ret)
{
	switch (at->means) {
	case CR_MEANS_PID:
		return move_id(arg, value, ret);
	case CR_MEANS_SIGINFO:
		return move_siginfo(arg, at, value, ret);
	default:
		return move_path(arg, at, value, ret);
	}
}

/* ---- remaps of dead processes ---- */

static struct cr_error *move_remap(void *arg, const struct cr_rewrite_at *at,
				   json_t *entry, enum cr_rewrite *ret)
{
	json_t *to = NULL;
	if (!is_procfs(entry))
		return NULL;
	struct cr_error *err =
		move_id(arg, json_object_get(entry, "remap_id"), &to);
	if (!to)
		return err;
	*ret = CR_REWRITE_CHANGED;
	return json_object_set_new(entry, "remap_id", to) ? cr_enomem : NULL;
}

/* ---- names of images ---- */

// clang-format off
static const struct {
	const char *stem;
	enum { ALWAYS, BEFORE_TABLES, BEFORE_NS_IDS } when;
} named[] = {
	{ "core",         ALWAYS },
	{ "ids",          ALWAYS },
	{ "mm",           ALWAYS },
	{ "pagemap",      ALWAYS },
	{ "fs",           ALWAYS },
	{ "vmas",         ALWAYS },
	{ "sigacts",      ALWAYS },
	{ "signal-s",     ALWAYS },
	{ "signal-p",     ALWAYS },
	{ "creds",        ALWAYS },
	{ "itimers",      ALWAYS },
	{ "posix-timers", ALWAYS },
	{ "rlimit",       ALWAYS },
	{ "fdinfo",       BEFORE_TABLES }, /* inventory: fdinfo_per_id */
	{ "utsns",        BEFORE_NS_IDS }, /* inventory: ns_per_id */
	{ "ipcns-var",    BEFORE_NS_IDS },
	{ "ipcns-shm",    BEFORE_NS_IDS },
	{ "ipcns-msg",    BEFORE_NS_IDS },
	{ "ipcns-sem",    BEFORE_NS_IDS },
	{ "mountpoints",  BEFORE_NS_IDS },
};
// clang-format on

struct naming {
	struct edit *e;
	struct cr_change_rename *rename;
	size_t nr;
	bool tables, ns_ids; /* images are named by these */
	bool pagemaps;
};

static struct cr_error *name_image(struct naming *n, const char *name)
{
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		uint64_t id;
		char *to;
		if ((named[i].when == BEFORE_TABLES && n->tables) ||
		    (named[i].when == BEFORE_NS_IDS && n->ns_ids) ||
		    !cr_domain_name_number(name, named[i].stem, &id))
			continue;
		struct cr_pid_pair *p = find(n->e, id);
		if (!p)
			return NULL;
		if (asprintf(&to, "%s-%u.img", named[i].stem, p->to) < 0)
			return cr_enomem;
		p->hits++;
		n->pagemaps |= !strcmp(named[i].stem, "pagemap");
		n->rename[n->nr++] = (struct cr_change_rename){ name, to };
		return NULL;
	}
	return NULL;
}

static struct cr_error *read_inventory(struct naming *n)
{
	InventoryEntry *inv = NULL;
	struct cr_error *err = cr_message_load(cr_change_set(n->e->d->change),
					       &inventory_entry__descriptor,
					       &inv, "inventory.img");
	if (err)
		return err;
	n->tables = !inv || inv->fdinfo_per_id;
	n->ns_ids = !inv || inv->ns_per_id;
	cr_message_free(inv);
	return NULL;
}

/* In a parent, memory is looked for by the names of pagemaps. */
static struct cr_error *check_parent(struct naming *n)
{
	cr_auto_free char *text = NULL;
	struct cr_error *err = cr_store_read_link(
		cr_change_set(n->e->d->change)->store, "parent", &text);
	if (err) {
		cr_error_free(err);
		return NULL;
	}
	return cr_error_new(CR_ERR_UNSUPPORTED,
			    "memory of a process is in the parent '%s' by its "
			    "id: squash the checkpoint first",
			    text);
}

static struct cr_error *rename_images(struct edit *e)
{
	struct naming n = { .e = e };
	struct cr_store_names all;
	struct cr_error *err =
		cr_store_list(cr_change_set(e->d->change)->store, &all);
	if (!err)
		err = read_inventory(&n);
	n.rename = calloc(all.nr + 1, sizeof(n.rename[0]));
	if (!err && !n.rename)
		err = cr_enomem;
	for (size_t i = 0; i < all.nr && !err; i++)
		err = name_image(&n, all.name[i]);
	if (!err && n.pagemaps)
		err = check_parent(&n);
	if (!err && n.nr)
		err = cr_change_rename_all(e->d->change, n.rename, n.nr);
	for (size_t i = 0; i < n.nr; i++) {
		union {
			const char *text;
			char *mine;
		} to = { n.rename[i].to };
		free(to.mine);
	}
	free(n.rename);
	cr_store_names_free(&all);
	return err;
}

/* ---- copies in memory ---- */

struct words {
	struct edit *e;
	uint64_t nr;
};

/* Windows overlap by no byte; mappings begin at pages. */
static struct cr_error *count_words(void *arg, const struct cr_window *w)
{
	struct words *words = arg;
	const struct cr_pids *pids = &words->e->pids;
	uint32_t low = pids->pair[0].old, high = pids->pair[pids->nr - 1].old;
	for (size_t i = w->vaddr & 3 ? 4 - (w->vaddr & 3) : 0;
	     i + 4 <= w->size; i += 4) {
		uint32_t v;
		memcpy(&v, w->data + i, 4);
		words->nr += v >= low && v <= high && find(words->e, v);
	}
	return NULL;
}

static struct cr_error *count_copies(struct edit *e, struct cr_memory *memory)
{
	struct cr_memory_ids pids = { 0 };
	struct cr_error *err = cr_memory_pids(memory, &pids);
	for (size_t i = 0; i < pids.nr && !err; i++) {
		struct cr_pages pages = { 0 };
		struct words words = { .e = e };
		err = cr_pages_open(&pages, memory, pids.id[i]);
		if (!err)
			err = cr_scan(&pages, 0, UINT64_MAX, 0, count_words,
				      &words);
		cr_pages_close(&pages);
		if (!err && words.nr)
			cr_domain_remark(e->d,
					 "%llu word%s in the memory of process "
					 "%u equal%s an id that is changed: "
					 "copies are left",
					 (unsigned long long)words.nr,
					 words.nr == 1 ? "" : "s", pids.id[i],
					 words.nr == 1 ? "s" : "");
	}
	free(pids.id);
	return err;
}

static struct cr_error *remark_copies(struct edit *e)
{
	struct cr_memory memory = { 0 };
	if (!e->d->remark || !e->pids.nr)
		return NULL;
	struct cr_error *err =
		cr_memory_init(&memory, cr_change_set(e->d->change), NULL);
	if (!err)
		err = count_copies(e, &memory);
	cr_memory_deinit(&memory);
	if (err && cr_error_code(err) != CR_ERR_NOMEM) {
		cr_domain_remark(e->d, "memory cannot be searched: %s",
				 cr_error_text(err));
		cr_error_free(err);
		err = NULL;
	}
	return err;
}

/* ---- words ---- */

static struct cr_error *read_map(struct edit *e, const char *path)
{
	struct stat st;
	cr_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return cr_error_sys("%s", path);
	if (!S_ISREG(st.st_mode) || st.st_size > MAP_FILE_MAX)
		return cr_error_new(CR_ERR_USAGE, "%s: no list of process ids",
				    path);
	cr_auto_free char *text = malloc((size_t)st.st_size + 1);
	if (!text)
		return cr_enomem;
	ssize_t n = pread(fd, text, (size_t)st.st_size, 0);
	if (n < 0)
		return cr_error_sys("%s", path);
	struct cr_error *err = cr_pids_parse_lines(&e->pids, text, (size_t)n);
	return err ? cr_error_at(err, "%s", path) : NULL;
}

static struct cr_error *parse_words(struct edit *e, char *const *word,
				    size_t nr)
{
	struct cr_error *err = NULL;
	if (!nr && !e->d->offset)
		return cr_error_new(CR_ERR_USAGE, "pid takes OLD=NEW, the name "
						  "of a file with such lines, "
						  "or --offset");
	for (size_t i = 0; i < nr && !err; i++)
		err = strchr(word[i], '=') ? cr_pids_parse(&e->pids, word[i]) :
					     read_map(e, word[i]);
	return err;
}

struct cr_error *cr_domain_pid(const struct cr_domain *d, char *const *word,
			       size_t nr)
{
	struct edit e = { .d = d };
	unsigned meanings = CR_MEANING(CR_MEANS_PID) |
			    CR_MEANING(CR_MEANS_SIGINFO) |
			    CR_MEANING(CR_MEANS_PATH) |
			    CR_MEANING(CR_MEANS_CGROUP_PATH);
	struct cr_error *err = parse_words(&e, word, nr);
	if (!err)
		err = prepare(&e);
	/* Memory is found by the old names. */
	if (!err)
		err = remark_copies(&e);
	if (!err)
		err = cr_mean_each(d->change, meanings, on_value, &e);
	if (!err) {
		err = cr_rewrite(d->change, "remap-fpath.img", NULL, move_remap,
				 &e);
		cr_error_catch(&err, CR_ERR_NOT_FOUND);
	}
	if (!err)
		err = rename_images(&e);
	cr_pids_free(&e.pids);
	return err;
}
