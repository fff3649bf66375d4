// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "crit/ghost/ghost.h"
#include "crit/x/table.h"
#include "lib/base/cleanup.h"

// clang-format off
static const struct cr_column columns[] = {
	{ "id", true }, { "stands" }, { "kind" }, { "mode" }, { "uid", true },
	{ "gid", true }, { "size", true }, { "stored", true }, { "dev" },
	{ "ino", true }, { "modified" }, { "users" }, { "path" }, { 0 },
};

static const struct {
	uint32_t type;
	const char *name;
} kinds[] = {
	{ S_IFREG,  "regular" },
	{ S_IFDIR,  "directory" },
	{ S_IFIFO,  "fifo" },
	{ S_IFCHR,  "character" },
	{ S_IFBLK,  "block" },
	{ S_IFLNK,  "symlink" },
	{ S_IFSOCK, "socket" },
};
// clang-format on

/* What a ghost's image says; what is behind "has" is only then known. */
struct facts {
	bool has;
	uint32_t mode, uid, gid, rdev, dev;
	bool has_dev, has_rdev, chunks;
	uint64_t ino, size, stored, nr_pieces;
	int64_t atime, mtime, atime_us, mtime_us;
	bool has_ino, has_atime, has_mtime;
	char *target;
};

static struct cr_error *take_entry(void *arg, const GhostFileEntry *e,
				   uint64_t size)
{
	struct facts *f = arg;
	*f = (struct facts){
		.has = true,
		.mode = e->mode,
		.uid = e->uid,
		.gid = e->gid,
		.has_dev = e->has_dev,
		.dev = e->dev,
		.has_ino = e->has_ino,
		.ino = e->ino,
		.has_rdev = e->has_rdev,
		.rdev = e->rdev,
		.chunks = e->chunks,
		.size = size,
	};
	if (e->atim) {
		f->has_atime = true;
		f->atime = (int64_t)e->atim->tv_sec;
		f->atime_us = (int64_t)e->atim->tv_usec;
	}
	if (e->mtim) {
		f->has_mtime = true;
		f->mtime = (int64_t)e->mtim->tv_sec;
		f->mtime_us = (int64_t)e->mtim->tv_usec;
	}
	if (e->symlnk_target) {
		f->target = strdup(e->symlnk_target);
		if (!f->target)
			return cr_enomem;
	}
	return NULL;
}

static struct cr_error *take_piece(void *arg,
				   const struct cr_ghost_piece *piece,
				   struct cr_source *src)
{
	struct facts *f = arg;
	f->stored += piece->size;
	f->nr_pieces++;
	return NULL;
}

static const struct cr_ghost_fns fns = { take_entry, take_piece };

static const char *kind_of(uint32_t mode)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].type == (mode & S_IFMT))
			return kinds[i].name;
	}
	return NULL;
}

/* "2026-11-21T02:04:48.771291Z"; NULL for a time that is none. */
static const char *time_text(int64_t sec, int64_t us, char *buf, size_t size)
{
	struct tm tm;
	time_t t = (time_t)sec;
	if (us < 0 || us > 999999 || !gmtime_r(&t, &tm))
		return NULL;
	size_t n = strftime(buf, size, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!n || n + 9 > size)
		return NULL;
	snprintf(buf + n, size - n, ".%06dZ", (int)us);
	return buf;
}

static void put_dev(struct cr_x *x, uint32_t dev)
{
	/* The kernel's form: 20 bits of minor number. */
	cr_cell_text(x, "%u:%u", dev >> 20, dev & 0xfffff);
}

/* The members that have no column. */
static void put_rest(struct cr_x *x, uint32_t id, const struct facts *f)
{
	char name[CR_GHOST_NAME], buf[64];
	cr_ghost_name(id, name);
	cr_x_string(x, "image", name);
	cr_x_bool(x, "chunks", f->chunks);
	cr_x_u64(x, "pieces", f->nr_pieces);
	if (f->has_atime)
		cr_x_string(x, "accessed",
			    time_text(f->atime, f->atime_us, buf, sizeof(buf)));
	if (f->has_rdev) {
		snprintf(buf, sizeof(buf), "%u:%u", major(f->rdev),
			 minor(f->rdev));
		cr_x_string(x, "rdev", buf);
	}
	if (f->target)
		cr_x_string(x, "target", f->target);
}

static void put_none(struct cr_x *x, unsigned nr)
{
	while (nr--)
		cr_cell_none(x);
}

static void put_facts(struct cr_x *x, uint32_t id, const struct facts *f)
{
	char buf[64];
	if (!f->has) {
		put_none(x, 9);
		return;
	}
	if (kind_of(f->mode))
		cr_cell_string(x, kind_of(f->mode));
	else
		cr_cell_none(x);
	put_rest(x, id, f);
	cr_cell_u64_as(x, f->mode, "%04o", f->mode & 07777);
	cr_cell_u64(x, f->uid);
	cr_cell_u64(x, f->gid);
	cr_cell_u64(x, f->size);
	cr_cell_u64(x, f->stored);
	if (f->has_dev)
		put_dev(x, f->dev);
	else
		cr_cell_none(x);
	if (f->has_ino)
		cr_cell_u64(x, f->ino);
	else
		cr_cell_none(x);
	cr_cell_string(x, f->has_mtime ? time_text(f->mtime, f->mtime_us, buf,
						   sizeof(buf))
				       : NULL);
}

/* ---- users ---- */

#define SHOWN_USERS 4

/* What the text form says of users: the first few. */
struct shown {
	char text[SHOWN_USERS * 32 + 32];
	size_t size, nr;
};

static void put_user(struct cr_ghosts *g, const struct cr_ghost_user *u,
		     struct shown *shown)
{
	static const char *const names[] = { "fd", "map", "exe", "cwd", "root" };
	struct cr_x *x = &g->x;
	char what[24];
	cr_x_open(x, NULL, '{');
	cr_x_u64(x, "pid", u->pid);
	cr_x_string(x, "as", names[u->kind]);
	snprintf(what, sizeof(what), "%s", names[u->kind]);
	if (u->kind == CR_USER_FD) {
		cr_x_u64(x, "fd", u->start);
		snprintf(what, sizeof(what), "%" PRIu64, u->start);
	} else if (u->kind == CR_USER_MAP) {
		cr_x_hex(x, "start", u->start);
		cr_x_hex(x, "end", u->end);
	}
	cr_x_close(x, '}');
	if (shown->nr++ < SHOWN_USERS)
		shown->size += (size_t)snprintf(
			shown->text + shown->size,
			sizeof(shown->text) - shown->size, "%s%u:%s",
			shown->size ? "," : "", u->pid, what);
}

static size_t first_user(const struct cr_ghosts *g, uint32_t file)
{
	size_t low = 0, high = g->nr_users;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (g->user[mid].file < file)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void put_users(struct cr_ghosts *g, size_t i, size_t end)
{
	struct shown shown = { .size = 0 };
	cr_cell_open(&g->x, '[');
	for (; i < end && cr_ghosts_has_file(&g->row[i]); i++) {
		uint32_t file = g->row[i].file;
		for (size_t u = first_user(g, file);
		     u < g->nr_users && g->user[u].file == file; u++)
			put_user(g, &g->user[u], &shown);
	}
	if (shown.nr > SHOWN_USERS)
		shown.size += (size_t)snprintf(
			shown.text + shown.size,
			sizeof(shown.text) - shown.size, " and %zu more",
			shown.nr - SHOWN_USERS);
	cr_cell_close(&g->x, ']', shown.text, shown.size);
}

/* ---- rows ---- */

static const char *stands_for(uint32_t type)
{
	static const char *const names[] = { "linked", "ghost", "procfs" };
	return type < 3 ? names[type] : NULL;
}

/* The files of a row, in JSON; returns the first path, or NULL. */
static char *put_files(struct cr_ghosts *g, size_t i, size_t end)
{
	struct cr_x *x = &g->x;
	char *first = NULL;
	cr_x_open(x, "files", '[');
	for (; i < end && cr_ghosts_has_file(&g->row[i]); i++) {
		char *path = cr_ghosts_path(g, g->row[i].file);
		cr_x_open(x, NULL, '{');
		cr_x_u64(x, "id", g->row[i].file);
		cr_x_string(x, "path", path);
		cr_x_close(x, '}');
		if (!path)
			cr_x_find(x, cr_error_new(CR_ERR_FORMAT,
						  "remap-fpath.img: entry %u: "
						  "no REG has id %u",
						  g->row[i].i,
						  g->row[i].file));
		if (first)
			free(path);
		else
			first = path;
	}
	cr_x_close(x, ']');
	return first;
}

/* A file that has another name: "/a -> /link_remap.1". */
static void put_path(struct cr_ghosts *g, const struct cr_remap *row,
		     const char *path)
{
	struct cr_x *x = &g->x;
	cr_auto_free char *other = NULL;
	if (row->type == REMAP_TYPE__LINKED)
		other = cr_ghosts_path(g, row->id);
	if (other)
		cr_x_string(x, "name", other);
	if (other && !x->json)
		cr_cell_text(x, "%s -> %s", path ?: "?", other);
	else
		cr_cell_string(x, path);
}

static void put_row(struct cr_ghosts *g, size_t i, size_t end)
{
	struct cr_x *x = &g->x;
	const struct cr_remap *row = &g->row[i];
	struct facts facts = { .has = false };
	if (row->type == REMAP_TYPE__GHOST)
		cr_x_find(x, cr_ghost_walk(&x->set, row->id, &fns, &facts));
	cr_cell_u64(x, row->id);
	cr_auto_free char *path = put_files(g, i, end);
	cr_cell_name_or(x, stands_for(row->type), row->type);
	put_facts(x, row->id, &facts);
	put_users(g, i, end);
	put_path(g, row, path);
	free(facts.target);
}

void cr_ghosts_list(struct cr_ghosts *g, bool has_id, uint32_t id)
{
	bool found = !has_id;
	cr_table_begin(&g->x, columns);
	for (size_t i = 0, end; i < g->nr && !g->x.err; i = end) {
		bool is = g->row[i].type == REMAP_TYPE__GHOST &&
			  g->row[i].id == id;
		end = cr_ghosts_row_end(g, i);
		if (!has_id || is)
			put_row(g, i, end);
		found = found || is;
	}
	cr_table_end(&g->x);
	if (!found)
		cr_x_fail(&g->x, cr_error_new(CR_ERR_NOT_FOUND,
					      "there is no ghost %u", id));
}
