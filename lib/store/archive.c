// SPDX-License-Identifier: MIT
/*
 * A container checkpoint as an archive: what `podman container checkpoint
 * --export` writes and what the kubelet gets from CRI-O and containerd. A tar
 * archive, plain or compressed, with the images in `checkpoint/` and beside that
 * config.dump, spec.dump, rootfs-diff.tar and so on.
 *
 * It is gone through once when it is opened: names, sizes, places. After that,
 * members of a plain archive are read where they stand. Of a compressed one,
 * small members were kept; a larger one is expanded from the archive's start up
 * to where it is read, and from there on as reading goes forward. Going back
 * further than a window starts again.
 *
 * The images are in the directory that holds pstree.img or inventory.img. Are
 * there several, `checkpoint` comes first, then the one nearest to the top;
 * directories without pstree.img, which pre-dumps leave, come last.
 *
 * Names: a member whose name is absolute or has a ".." is left out, and so is a
 * hard link to nothing; both are findings. Symbolic links are followed as long
 * as they stay in. Of several members with one name the last one counts, as it
 * would after unpacking; the others cannot be reached, and that is a finding.
 *
 * Sources: man 5 tar; github.com/checkpoint-restore/checkpointctl, lib/metadata.go
 * for the members.
 */
#include "lib/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/store/name.h"
#include "lib/store/tar.h"

/* Of a compressed archive: members up to this size are kept, all together up
 * to that. */
#define KEPT_SIZE  (1024 * 1024)
#define KEPT_TOTAL (16 * 1024 * 1024)

/* A ratio says little about small archives. */
#define RATIO_FROM (64 * 1024 * 1024)

/* What the names of all members may take. */
#define NAMES_TOTAL (64 * 1024 * 1024)

/* How a larger member is read: this much at a time, and this much of it stays
 * in reach behind. */
#define WINDOW (256 * 1024)
#define BEHIND (64 * 1024)

struct member {
	char *name; /* clean */
	char *link; /* a symbolic link's text; a hard link's target, clean */
	uint8_t *kept;
	uint64_t size, off; /* see struct cr_tar_member */
	int64_t mtime;
	uint32_t nr; /* its place in the archive */
	uint8_t kind; /* enum cr_tar_kind */
};

/* An archive being expanded; `at` counts the members that have begun. */
struct stream {
	struct cr_tar *tar;
	uint32_t at;
};

struct index {
	unsigned nr_users;
	int fd;
	struct member *member; /* by name, then by place */
	uint32_t nr;
	struct stream idle; /* its reader is gone; tar may be NULL */

	/* While it is made. */
	struct cr_store *store; /* for findings */
	struct cr_store_limits limits;
	uint64_t archive_size, total, kept_total, names_total;
	size_t cap;
};

/* What a store has of an index. */
struct place {
	struct index *index;
	char *images; /* clean; "" if they are at the top */
};

/* ---- the index ---- */

static void index_put(struct index *ix)
{
	if (--ix->nr_users)
		return;
	for (uint32_t i = 0; i < ix->nr; i++) {
		free(ix->member[i].name);
		free(ix->member[i].link);
		free(ix->member[i].kept);
	}
	free(ix->member);
	cr_tar_close(ix->idle.tar);
	if (ix->fd >= 0)
		close(ix->fd);
	free(ix);
}

static int by_name(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int order = strcmp(x->name, y->name);
	return order ?: (x->nr > y->nr) - (x->nr < y->nr);
}

/* The first member whose name is not before this one. */
static uint32_t lower_bound(const struct index *ix, const char *name)
{
	uint32_t low = 0, high = ix->nr;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (strcmp(ix->member[mid].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The last member of that name in front of place `before`. */
static const struct member *find(const struct index *ix, const char *name,
				 uint32_t before)
{
	uint32_t low = 0, high = ix->nr;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		const struct member *m = &ix->member[mid];
		int order = strcmp(m->name, name);
		if (order < 0 || (!order && m->nr < before))
			low = mid + 1;
		else
			high = mid;
	}
	return low && !strcmp(ix->member[low - 1].name, name) ?
		       &ix->member[low - 1] :
		       NULL;
}

/* What a hard link is another name of; NULL: of nothing. Whoever writes one
 * names the file and no other link; a few are followed all the same. */
static const struct member *behind_hardlinks(const struct index *ix,
					     const struct member *m)
{
	for (int i = 0; m && m->kind == CR_TAR_HARDLINK; i++)
		m = i < 8 ? find(ix, m->link, m->nr) : NULL;
	return m;
}

/* ---- making the index ---- */

static struct cr_error *over(const struct index *ix, uint64_t size)
{
	uint64_t most;
	if (size > ix->limits.total_size)
		return cr_error_new(CR_ERR_FORMAT,
				    "%llu bytes expanded, over the limit "
				    "'total-size' of %llu "
				    "(--limit total-size=SIZE)",
				    (unsigned long long)size,
				    (unsigned long long)ix->limits.total_size);
	if (size <= RATIO_FROM ||
	    __builtin_mul_overflow(ix->archive_size, ix->limits.ratio, &most) ||
	    size <= most)
		return NULL;
	return cr_error_new(CR_ERR_FORMAT,
			    "%llu bytes expanded from %llu, over the limit "
			    "'ratio' of %llu (--limit ratio=N)",
			    (unsigned long long)size,
			    (unsigned long long)ix->archive_size,
			    (unsigned long long)ix->limits.ratio);
}

/* Does the member, which has not been read, keep within the limits? */
static struct cr_error *check_size(struct index *ix, struct cr_tar *tar,
				   const struct cr_tar_member *m)
{
	if (ix->nr >= ix->limits.nr_members)
		return cr_error_new(CR_ERR_FORMAT,
				    "more members than the limit 'members' of "
				    "%llu (--limit members=N)",
				    (unsigned long long)ix->limits.nr_members);
	if (m->kind == CR_TAR_FILE &&
	    __builtin_add_overflow(ix->total, m->size, &ix->total))
		ix->total = UINT64_MAX;
	if (m->kind == CR_TAR_FILE && m->size > ix->limits.member_size)
		return cr_error_new(CR_ERR_FORMAT,
				    "%llu bytes, over the limit 'member-size' "
				    "of %llu (--limit member-size=SIZE)",
				    (unsigned long long)m->size,
				    (unsigned long long)ix->limits.member_size);
	uint64_t expanded = cr_tar_expanded(tar);
	return over(ix, expanded > ix->total ? expanded : ix->total);
}

/* Grows the list by one, which is zeroed. */
static struct member *add(struct index *ix)
{
	if (ix->nr == ix->cap) {
		size_t cap = ix->cap ? 2 * ix->cap : 64;
		struct member *grown =
			reallocarray(ix->member, cap, sizeof(grown[0]));
		if (!grown)
			return NULL;
		ix->member = grown;
		ix->cap = cap;
	}
	struct member *m = &ix->member[ix->nr++];
	*m = (struct member){ .nr = ix->nr - 1 };
	return m;
}

static struct cr_error *copy_text(struct index *ix, const char *text,
				  char **ret)
{
	ix->names_total += strlen(text) + 1;
	if (ix->names_total > NAMES_TOTAL)
		return cr_error_new(CR_ERR_FORMAT,
				    "the names of its members are more than "
				    "%d MiB",
				    NAMES_TOTAL >> 20);
	*ret = strdup(text);
	return *ret ? NULL : cr_enomem;
}

/* Keeps the bytes of a small member that could not be found again cheaply. */
static struct cr_error *keep(struct index *ix, struct cr_tar *tar,
			     struct member *m)
{
	if (m->kind != CR_TAR_FILE || m->off != CR_TAR_NOWHERE ||
	    m->size > KEPT_SIZE || ix->kept_total + m->size > KEPT_TOTAL)
		return NULL;
	cr_auto_free uint8_t *bytes = calloc(1, m->size + 1);
	if (!bytes)
		return cr_enomem;
	for (size_t have = 0, n = 1; have < m->size && n; have += n) {
		struct cr_error *err =
			cr_tar_read(tar, bytes + have, m->size - have, &n);
		if (err)
			return err;
	}
	ix->kept_total += m->size;
	m->kept = cr_take_ptr(bytes);
	return NULL;
}

static const char *what_is_wrong(enum cr_name state)
{
	switch (state) {
	case CR_NAME_ABSOLUTE:
		return "the name is absolute";
	case CR_NAME_DOTDOT:
		return "the name has a '..'";
	default:
		return "the name is too long";
	}
}

/* A finding about a member that is left out. */
static void leave_out(struct index *ix, const char *name, const char *why)
{
	cr_store_found(ix->store, cr_error_new(CR_ERR_FORMAT, "%s: left out: %s",
					       name, why));
}

/* Every member gets a row, so that places agree; one that is left out has the
 * name "", which nothing asks for. */
static struct cr_error *fill(struct index *ix, const struct cr_tar_member *from,
			     struct member *m)
{
	char clean[CR_NAME_MAX] = "", target[CR_NAME_MAX] = "";
	enum cr_name state = from->name ? cr_name_clean(from->name, clean) :
					  CR_NAME_TOO_LONG;
	if (state == CR_NAME_OK && from->kind == CR_TAR_HARDLINK) {
		state = cr_name_clean(from->link, target);
		if (state != CR_NAME_OK)
			leave_out(ix, clean, "a link that leads out");
	} else if (state != CR_NAME_OK) {
		leave_out(ix, from->name ?: "a member", what_is_wrong(state));
	}
	if (state != CR_NAME_OK)
		clean[0] = 0;
	m->kind = from->kind;
	m->size = from->kind == CR_TAR_FILE ? from->size : 0;
	m->off = from->off;
	m->mtime = from->mtime;
	struct cr_error *err = copy_text(ix, clean, &m->name);
	if (err || !from->link)
		return err;
	return copy_text(ix,
			 from->kind == CR_TAR_HARDLINK ? target : from->link,
			 &m->link);
}

static struct cr_error *take_member(struct index *ix, struct cr_tar *tar,
				    const struct cr_tar_member *from)
{
	struct cr_error *err = check_size(ix, tar, from);
	if (err)
		return err;
	struct member *m = add(ix);
	if (!m)
		return cr_enomem;
	err = fill(ix, from, m);
	return err ? err : keep(ix, tar, m);
}

/* Says which member it was: the one that begins here, or, where none does, the
 * one before, which has just been passed over. */
static struct cr_error *broken_at(const struct index *ix,
				  const struct cr_tar_member *from,
				  struct cr_error *err)
{
	if (from->name)
		return cr_error_at(err, "%s", from->name);
	const char *before = ix->nr ? ix->member[ix->nr - 1].name : "";
	return *before ? cr_error_at(err, "in or behind %s", before) : err;
}

static struct cr_error *take_members(struct index *ix, struct cr_tar *tar)
{
	for (;;) {
		struct cr_tar_member from = { 0 };
		bool end;
		struct cr_error *err = cr_tar_next(tar, &from, &end);
		if (!err && end)
			return NULL;
		if (!err)
			err = take_member(ix, tar, &from);
		if (err)
			return broken_at(ix, &from, err);
	}
}

/* ---- what is odd ---- */

static void judge_repeats(struct index *ix)
{
	for (uint32_t i = 1, nr = 1; i <= ix->nr; i++) {
		const struct member *m = &ix->member[i - 1];
		if (i < ix->nr && !strcmp(m->name, m[1].name)) {
			nr++;
			continue;
		}
		if (nr > 1 && m->name[0] && m->kind != CR_TAR_DIR)
			cr_store_found(ix->store,
				       cr_error_new(CR_ERR_FORMAT,
						    "%s: there %u times; the "
						    "last one counts",
						    m->name, nr));
		nr = 1;
	}
}

/* Where a walk to a symbolic link's target ends, judged by the names alone. */
static bool leads_out(const struct member *m)
{
	struct cr_name_walk walk;
	if (!cr_name_walk_init(&walk, "", m->name, ""))
		return true;
	enum cr_name_step step = cr_name_follow(&walk, m->link ?: "/");
	while (step == CR_NAME_STEP)
		step = cr_name_step(&walk);
	return step != CR_NAME_ARRIVED;
}

static void judge_links(struct index *ix)
{
	for (uint32_t i = 0; i < ix->nr; i++) {
		const struct member *m = &ix->member[i];
		if (m->kind == CR_TAR_HARDLINK && m->name[0] &&
		    !behind_hardlinks(ix, m))
			leave_out(ix, m->name, "a link to nothing before it");
		if (m->kind == CR_TAR_SYMLINK && m->name[0] && leads_out(m))
			cr_store_found(ix->store,
				       cr_error_new(CR_ERR_FORMAT,
						    "%s: a link that leads "
						    "out",
						    m->name));
	}
}

/* ---- where the images are ---- */

struct candidate {
	char dir[CR_NAME_MAX];
	bool has_pstree;
	unsigned depth; /* 0: `checkpoint`, 1: the top, ... */
};

static bool is_file(const struct index *ix, const char *name)
{
	const struct member *m =
		behind_hardlinks(ix, find(ix, name, UINT32_MAX));
	return m && m->kind == CR_TAR_FILE;
}

/* The directory of a file called `base`; false if m is not that. */
static bool dir_of(const struct member *m, const char *base,
		   char dir[CR_NAME_MAX])
{
	const char *slash = strrchr(m->name, '/');
	if (strcmp(slash ? slash + 1 : m->name, base))
		return false;
	size_t size = slash ? (size_t)(slash - m->name) : 0;
	memcpy(dir, m->name, size);
	dir[size] = 0;
	return true;
}

static unsigned depth_of(const char *dir)
{
	unsigned depth = *dir ? 2 : 1;
	if (!strcmp(dir, "checkpoint"))
		return 0;
	for (; (dir = strchr(dir, '/')); dir++)
		depth++;
	return depth;
}

static bool is_better(const struct candidate *a, const struct candidate *b)
{
	if (a->has_pstree != b->has_pstree)
		return a->has_pstree;
	return a->depth < b->depth;
}

/* Of directories as good as each other, the first by name stays. */
static unsigned consider(struct index *ix, const struct member *m,
			 struct candidate *best)
{
	struct candidate c = { .has_pstree = true };
	if (!dir_of(m, "pstree.img", c.dir)) {
		c.has_pstree = false;
		if (!dir_of(m, "inventory.img", c.dir))
			return 0;
	}
	if (!is_file(ix, m->name))
		return 0;
	c.depth = depth_of(c.dir);
	if (best->depth == UINT32_MAX || is_better(&c, best))
		*best = c;
	return c.has_pstree;
}

/* What was left out may be why. */
static struct cr_error *no_images(const struct cr_store_findings *f)
{
	return cr_error_new(CR_ERR_NOT_FOUND,
			    "an archive without a checkpoint: there is no "
			    "pstree.img or inventory.img in it%s%s%s",
			    f->nr ? "; " : "",
			    f->nr ? cr_error_text(f->err[0]) : "",
			    f->nr + f->nr_more > 1 ? "; and more" : "");
}

static struct cr_error *find_images(struct index *ix, char **ret)
{
	struct candidate best = { .depth = UINT32_MAX };
	unsigned nr = 0;
	for (uint32_t i = 0; i < ix->nr; i++)
		if (i + 1 == ix->nr ||
		    strcmp(ix->member[i].name, ix->member[i + 1].name))
			nr += consider(ix, &ix->member[i], &best);
	if (best.depth == UINT32_MAX)
		return no_images(&ix->store->findings);
	if (nr > 1)
		cr_store_found(ix->store,
			       cr_error_new(CR_ERR_FORMAT,
					    "%u directories hold a checkpoint; "
					    "%s is the one that is read",
					    nr, *best.dir ? best.dir : "."));
	*ret = strdup(best.dir);
	return *ret ? NULL : cr_enomem;
}

/* ---- names to members ---- */

static struct cr_error *led_out(const char *root)
{
	return cr_error_new(CR_ERR_FORMAT, "leads out of the %s",
			    *root ? "checkpoint" : "archive");
}

/*
 * Goes from base along a name, following links, to a clean path. `last`: a link
 * at the end is followed as well. *m_ret: the member there; NULL: there is none
 * (it may still be a directory that only its files are named of).
 */
static struct cr_error *resolve(const struct index *ix, const char *root,
				const char *base, const char *name, bool last,
				char path_ret[CR_NAME_MAX],
				const struct member **m_ret)
{
	struct cr_name_walk walk;
	const struct member *m = NULL;
	enum cr_name_step step = CR_NAME_STEP;
	if (*name == '/')
		return led_out(root);
	if (!cr_name_walk_init(&walk, root, base, name))
		step = CR_NAME_CONFUSED;
	while (step == CR_NAME_STEP) {
		step = cr_name_step(&walk);
		/* What root itself is, is not asked. */
		m = strcmp(walk.path, root) ?
			    find(ix, walk.path, UINT32_MAX) :
			    NULL;
		if (step == CR_NAME_STEP && m && m->kind == CR_TAR_SYMLINK &&
		    (last || walk.left[strspn(walk.left, "/")]))
			step = cr_name_follow(&walk, m->link);
	}
	if (step == CR_NAME_OUT)
		return led_out(root);
	if (step == CR_NAME_CONFUSED)
		return cr_error_new(CR_ERR_FORMAT,
				    "too long a name, or links in a circle");
	memcpy(path_ret, walk.path, sizeof(walk.path));
	*m_ret = m;
	return NULL;
}

/* ---- reading ---- */

/* An open member. */
struct open_file {
	struct index *index;
	const struct member *member;
	struct stream stream;
	uint64_t next; /* the byte that stream gives next */
	uint64_t window_off;
	size_t window_size;
	uint8_t window[]; /* WINDOW, if it is expanded */
};

static struct cr_error *pread_place(struct cr_file *file, void *data,
				    size_t size, uint64_t off, size_t *n_ret)
{
	const struct open_file *f = file->data;
	size_t n = off >= file->size	   ? 0 :
		   size > file->size - off ? (size_t)(file->size - off) :
					     size;
	*n_ret = n;
	return cr_io_pread(f->index->fd, data, n, f->member->off + off);
}

static struct cr_error *pread_kept(struct cr_file *file, void *data,
				   size_t size, uint64_t off, size_t *n_ret)
{
	const struct open_file *f = file->data;
	size_t n = off >= file->size	   ? 0 :
		   size > file->size - off ? (size_t)(file->size - off) :
					     size;
	*n_ret = n;
	if (n)
		memcpy(data, f->member->kept + off, n);
	return NULL;
}

/* Gets the stream in front of the member's first byte: by going on with one
 * that has not come to it, or from the archive's start. */
static struct cr_error *start_stream(struct open_file *f)
{
	cr_tar_close(f->stream.tar);
	f->stream = (struct stream){ 0 };
	f->next = 0;
	struct stream *idle = &f->index->idle;
	if (idle->tar && idle->at <= f->member->nr) {
		f->stream = *idle;
		*idle = (struct stream){ 0 };
	}
	struct cr_error *err = NULL;
	if (!f->stream.tar)
		err = cr_tar_open(f->index->fd, &f->stream.tar);
	while (!err && f->stream.at <= f->member->nr) {
		struct cr_tar_member m;
		bool end;
		err = cr_tar_next(f->stream.tar, &m, &end);
		if (!err && (end || (f->stream.at == f->member->nr &&
				     m.size != f->member->size)))
			err = cr_error_new(CR_ERR_FORMAT,
					   "the archive has changed");
		f->stream.at++;
	}
	return err;
}

/* Moves the window on: its end stays, and new bytes come behind that. */
static struct cr_error *advance(struct open_file *f, size_t *n_ret)
{
	size_t stays = f->window_size < BEHIND ? f->window_size : BEHIND;
	memmove(f->window, f->window + f->window_size - stays, stays);
	f->window_off = f->next - stays;
	f->window_size = stays;
	struct cr_error *err = cr_tar_read(f->stream.tar, f->window + stays,
					   WINDOW - stays, n_ret);
	if (err)
		return err;
	f->next += *n_ret;
	f->window_size += *n_ret;
	return NULL;
}

static struct cr_error *pread_stream(struct cr_file *file, void *data,
				     size_t size, uint64_t off, size_t *n_ret)
{
	struct open_file *f = file->data;
	struct cr_error *err = NULL;
	*n_ret = 0;
	if (off >= file->size)
		return NULL;
	if (!f->stream.tar || off < f->window_off) {
		f->window_size = 0;
		err = start_stream(f);
		f->window_off = 0;
	}
	for (size_t n = 1; !err && n && off >= f->next;)
		err = advance(f, &n);
	if (err) {
		cr_tar_close(f->stream.tar);
		f->stream = (struct stream){ 0 };
		return err;
	}
	if (off >= f->next)
		return NULL;
	size_t at = (size_t)(off - f->window_off), n = f->window_size - at;
	*n_ret = n < size ? n : size;
	memcpy(data, f->window + at, *n_ret);
	return NULL;
}

/* Its stream may serve the next reader. */
static void file_close(struct cr_file *file)
{
	struct open_file *f = file->data;
	if (f->stream.tar) {
		cr_tar_close(f->index->idle.tar);
		f->index->idle = f->stream;
	}
	free(f);
}

static const struct cr_file_ops place_ops = {
	.pread = pread_place,
	.close = file_close,
};

static const struct cr_file_ops kept_ops = {
	.pread = pread_kept,
	.close = file_close,
};

static const struct cr_file_ops stream_ops = {
	.pread = pread_stream,
	.close = file_close,
};

static struct cr_error *open_member(struct index *ix, const struct member *m,
				    struct cr_file *ret)
{
	const struct cr_file_ops *ops = m->kept ? &kept_ops :
					m->off != CR_TAR_NOWHERE ? &place_ops :
								   &stream_ops;
	size_t window = ops == &stream_ops ? WINDOW : 0;
	struct open_file *f = malloc(sizeof(*f) + window);
	if (!f)
		return cr_enomem;
	*f = (struct open_file){ .index = ix, .member = m };
	*ret = (struct cr_file){
		.ops = ops,
		.size = m->size,
		.mtime = m->mtime,
		.fd = -1,
		.mem = m->kept,
		.data = f,
	};
	return NULL;
}

/* ---- the store ---- */

static struct cr_error *open_from(struct cr_store *store, const char *root,
				  const char *name, struct cr_file *ret)
{
	struct place *place = store->data;
	char path[CR_NAME_MAX];
	const struct member *m;
	struct cr_error *err = resolve(place->index, root, root, name, true,
				       path, &m);
	if (err)
		return err;
	m = behind_hardlinks(place->index, m);
	if (!m)
		return cr_error_new(CR_ERR_NOT_FOUND, "no such file");
	if (m->kind != CR_TAR_FILE)
		return cr_error_new(CR_ERR_FORMAT, "not a regular file");
	return open_member(place->index, m, ret);
}

static struct cr_error *archive_open(struct cr_store *store, const char *name,
				     struct cr_file *ret)
{
	struct place *place = store->data;
	return open_from(store, place->images, name, ret);
}

static struct cr_error *archive_open_top(struct cr_store *store,
					 const char *name, struct cr_file *ret)
{
	return open_from(store, "", name, ret);
}

static struct cr_error *archive_link(struct cr_store *store, const char *name,
				     char **ret)
{
	struct place *place = store->data;
	char path[CR_NAME_MAX];
	const struct member *m;
	struct cr_error *err = resolve(place->index, place->images,
				       place->images, name, false, path, &m);
	if (err)
		return err;
	if (!m || m->kind != CR_TAR_SYMLINK)
		return cr_error_new(CR_ERR_NOT_FOUND, "no such link");
	*ret = strdup(m->link);
	return *ret ? NULL : cr_enomem;
}

static struct cr_error *archive_each(struct cr_store *store,
				     struct cr_error *(*item)(void *arg,
							      const char *name),
				     void *arg)
{
	struct place *place = store->data;
	const struct index *ix = place->index;
	size_t size = strlen(place->images);
	struct cr_error *err = NULL;
	for (uint32_t i = lower_bound(ix, place->images); !err && i < ix->nr;
	     i++) {
		const char *name = ix->member[i].name;
		if (strncmp(name, place->images, size))
			break;
		if (size && name[size] != '/')
			continue;
		name += size + (size > 0);
		bool again = i + 1 < ix->nr &&
			     !strcmp(ix->member[i].name,
				     ix->member[i + 1].name);
		if (*name && !strchr(name, '/') && !again &&
		    behind_hardlinks(ix, &ix->member[i]))
			err = item(arg, name);
	}
	return err;
}

/* Is it a directory, by itself or by what is in it? */
static bool is_dir(const struct index *ix, const char *path,
		   const struct member *m)
{
	if (m || !*path)
		return !m || m->kind == CR_TAR_DIR;
	size_t size = strlen(path);
	for (uint32_t i = lower_bound(ix, path); i < ix->nr; i++) {
		if (strncmp(ix->member[i].name, path, size))
			return false;
		if (ix->member[i].name[size] == '/')
			return true;
	}
	return false;
}

static const struct cr_store_ops archive_ops;

static struct cr_error *use(struct cr_store *store, struct index *ix,
			    char *images)
{
	struct place *place = malloc(sizeof(*place));
	if (!place) {
		free(images);
		return cr_enomem;
	}
	ix->nr_users++;
	*place = (struct place){ .index = ix, .images = images };
	store->data = place;
	store->ops = &archive_ops;
	return NULL;
}

static struct cr_error *archive_open_parent(struct cr_store *store,
					    const char *link,
					    struct cr_store *ret)
{
	struct place *place = store->data;
	char path[CR_NAME_MAX];
	const struct member *m;
	struct cr_error *err = resolve(place->index, "", place->images, link,
				       true, path, &m);
	if (err)
		return err;
	if (!is_dir(place->index, path, m))
		return cr_error_new(m ? CR_ERR_FORMAT : CR_ERR_NOT_FOUND,
				    m ? "does not lead to a directory" :
					"no such directory");
	char *images = strdup(path);
	return images ? use(ret, place->index, images) : cr_enomem;
}

static bool archive_same(const struct cr_store *a, const struct cr_store *b)
{
	const struct place *x = a->data, *y = b->data;
	return x->index == y->index && !strcmp(x->images, y->images);
}

static const char *archive_images(const struct cr_store *store)
{
	const struct place *place = store->data;
	return place->images;
}

static void archive_close(struct cr_store *store)
{
	struct place *place = store->data;
	index_put(place->index);
	free(place->images);
	free(place);
}

static const struct cr_store_ops archive_ops = {
	.each = archive_each,
	.open = archive_open,
	.open_top = archive_open_top,
	.link = archive_link,
	.open_parent = archive_open_parent,
	.same = archive_same,
	.images = archive_images,
	.close = archive_close,
};

static struct cr_error *make_index(struct index *ix)
{
	struct stat st;
	struct cr_tar *tar;
	if (ix->fd < 0 || fstat(ix->fd, &st))
		return cr_error_sys("cannot open");
	ix->archive_size = (uint64_t)st.st_size;
	struct cr_error *err = cr_tar_open(ix->fd, &tar);
	if (err)
		return err;
	err = take_members(ix, tar);
	cr_tar_close(tar);
	if (err)
		return err;
	if (ix->nr)
		qsort(ix->member, ix->nr, sizeof(ix->member[0]), by_name);
	judge_repeats(ix);
	judge_links(ix);
	return NULL;
}

struct cr_error *cr_store_open_archive(int fd,
				       const struct cr_store_limits *limits,
				       struct cr_store *store)
{
	struct index *ix = calloc(1, sizeof(*ix));
	if (!ix)
		return cr_enomem;
	ix->nr_users = 1;
	ix->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	ix->limits = *limits;
	ix->store = store;
	char *images = NULL;
	struct cr_error *err = make_index(ix);
	if (!err)
		err = find_images(ix, &images);
	if (!err)
		err = use(store, ix, images);
	index_put(ix);
	return err;
}
