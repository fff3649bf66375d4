// SPDX-License-Identifier: MIT
/*
 * An archive as it will be: members are copied as they stand, headers and bytes,
 * unless they are different. Of a member with new bytes the header keeps what
 * they do not contradict (mode, owner, attributes), of a renamed one all but the
 * name. What is all new comes behind the last member. Order and compression stay.
 *
 * The reader that made the index of the store goes along, so that what is called
 * a member, and its name, is what the store said it is. Where the two disagree
 * the archive is refused.
 */
#include "lib/ops/change/impl.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/store/header.h"
#include "lib/store/name.h"
#include "lib/store/pack.h"
#include "lib/store/tar.h"

/* What stands in front of one member's data; pax records may hold attributes. */
#define FRONT_MAX (4 * 1024 * 1024)

struct buffer {
	uint8_t *p;
	size_t size, cap;
};

/* A member's headers. */
struct front {
	struct buffer before; /* headers of names, pax records */
	uint8_t head[CR_HEADER_SIZE];
	struct buffer behind; /* more of the map of a sparse file */
	uint64_t size;	      /* of its data, as stored */
	bool end;	      /* head is the end of the archive, or not there */
	bool cut;	      /* not there */
};

struct rewrite {
	struct cr_change *change;
	struct cr_unpack *in;
	struct cr_pack *out;
	struct cr_tar *tar;
	uint64_t pos; /* in the expanded input */
	struct front front;

	/* A file of the images' directory, for those that are all new. */
	bool has_model;
	uint8_t model[CR_HEADER_SIZE];
	char *model_dir; /* as it is spelled, "./checkpoint/" */
};

static uint64_t padding(uint64_t size)
{
	return -size % CR_HEADER_SIZE;
}

static struct cr_error *unusual(const char *what)
{
	return cr_error_new(CR_ERR_UNSUPPORTED,
			    "%s: unpack the archive and change the directory",
			    what);
}

/* ---- reading headers ---- */

static struct cr_error *append(struct buffer *b, const void *data, size_t size)
{
	if (size > FRONT_MAX - b->size)
		return unusual("headers of more than 4 MiB");
	if (b->size + size > b->cap) {
		size_t cap = 2 * (b->size + size);
		uint8_t *grown = realloc(b->p, cap);
		if (!grown)
			return cr_enomem;
		b->p = grown;
		b->cap = cap;
	}
	memcpy(b->p + b->size, data, size);
	b->size += size;
	return NULL;
}

static struct cr_error *read_exactly(struct rewrite *r, void *data, size_t size)
{
	size_t n;
	struct cr_error *err = cr_unpack_read(r->in, data, size, &n);
	if (!err && n < size)
		err = cr_error_new(CR_ERR_FORMAT,
				   "the archive ends within a member");
	r->pos += size;
	return err;
}

/* Appends the next bytes, and what fills up their block. */
static struct cr_error *read_data(struct rewrite *r, struct buffer *b,
				  uint64_t size)
{
	uint8_t block[CR_HEADER_SIZE];
	if (size > FRONT_MAX)
		return unusual("a header of more than 4 MiB");
	for (size += padding(size); size; size -= sizeof(block)) {
		struct cr_error *err = read_exactly(r, block, sizeof(block));
		if (!err)
			err = append(b, block, sizeof(block));
		if (err)
			return err;
	}
	return NULL;
}

/* A number of pax is decimal. */
static struct cr_error *find_size(const uint8_t *text, size_t size,
				  uint64_t *ret)
{
	for (const char *p = (const char *)text; size;) {
		struct cr_pax record;
		struct cr_error *err = cr_pax_next(p, size, &record);
		if (err)
			return err;
		if (cr_pax_is(&record, "size"))
			*ret = strtoull(record.value, NULL, 10);
		p += record.size;
		size -= record.size;
	}
	return NULL;
}

/* GNU tar's maps of sparse files: where they say that they go on. */
#define SPARSE_MORE	  482
#define SPARSE_MORE_BLOCK 504

static struct cr_error *read_sparse_map(struct rewrite *r)
{
	struct front *f = &r->front;
	bool more = f->head[CR_HEADER_TYPE] == 'S' && f->head[SPARSE_MORE];
	while (more) {
		struct cr_error *err = read_data(r, &f->behind, 1);
		if (err)
			return err;
		more = f->behind.p[f->behind.size - CR_HEADER_SIZE +
				   SPARSE_MORE_BLOCK];
	}
	return NULL;
}

/* Types 1 to 6 are links, devices, directories and pipes. */
static bool has_data(uint8_t type)
{
	return type < '1' || type > '6';
}

static struct cr_error *read_front(struct rewrite *r)
{
	struct front *f = &r->front;
	uint64_t pax_size = UINT64_MAX;
	f->before.size = f->behind.size = 0;
	for (;;) {
		size_t n;
		struct cr_error *err =
			cr_unpack_read(r->in, f->head, sizeof(f->head), &n);
		if (err)
			return err;
		r->pos += n;
		f->cut = n < sizeof(f->head);
		f->end = f->cut || cr_header_is_end(f->head);
		if (f->end)
			return NULL;
		uint8_t type = f->head[CR_HEADER_TYPE];
		if (!cr_header_is_valid(f->head) ||
		    !cr_header_number(f->head, cr_header_size, &f->size))
			return unusual("a header that is not understood");
		if (!strchr("xXgLKV", type) || !type)
			break;
		err = append(&f->before, f->head, sizeof(f->head));
		size_t at = f->before.size;
		if (!err)
			err = read_data(r, &f->before, f->size);
		if (!err && (type == 'x' || type == 'X'))
			err = find_size(f->before.p + at, (size_t)f->size,
					&pax_size);
		if (err)
			return err;
	}
	if (pax_size != UINT64_MAX)
		f->size = pax_size;
	if (f->head[CR_HEADER_TYPE] == '1' && f->size)
		return unusual("a hard link with data");
	if (!has_data(f->head[CR_HEADER_TYPE]))
		f->size = 0;
	if (f->size > (uint64_t)INT64_MAX)
		return unusual("a header that is not understood");
	return read_sparse_map(r);
}

/* ---- copying and leaving out ---- */

static struct cr_error *write_front(struct rewrite *r)
{
	struct front *f = &r->front;
	struct cr_error *err = NULL;
	if (f->before.size)
		err = cr_pack_write(r->out, f->before.p, f->before.size);
	if (!err)
		err = cr_pack_write(r->out, f->head, sizeof(f->head));
	if (!err && f->behind.size)
		err = cr_pack_write(r->out, f->behind.p, f->behind.size);
	return err;
}

static struct cr_error *copy_data(struct rewrite *r)
{
	uint64_t size = r->front.size + padding(r->front.size);
	r->pos += size;
	return cr_pack_copy(r->out, r->in, size);
}

static struct cr_error *skip_data(struct rewrite *r)
{
	uint64_t left = r->front.size + padding(r->front.size);
	uint8_t chunk[16 * 1024];
	while (left) {
		size_t n = left < sizeof(chunk) ? (size_t)left : sizeof(chunk);
		struct cr_error *err = read_exactly(r, chunk, n);
		if (err)
			return err;
		left -= n;
	}
	return NULL;
}

/* ---- other headers ---- */

/* What is said anew, and what else must not be said any longer. */
struct edit {
	const char *name;	   /* the whole one */
	const char *link;	   /* of a symbolic link, or NULL */
	bool bytes;		   /* they are new */
	uint64_t size;
};

static bool is_stale(const struct edit *e, const struct cr_pax *record)
{
	static const char *const of_bytes[] = { "size", "mtime", "linkpath",
						"SCHILY.realsize", NULL };
	if (cr_pax_is(record, "path"))
		return true;
	for (int i = 0; e->bytes && of_bytes[i]; i++)
		if (cr_pax_is(record, of_bytes[i]))
			return true;
	return e->bytes && record->key_size > 11 &&
	       !memcmp(record->key, "GNU.sparse.", 11);
}

static struct cr_error *add_record(struct buffer *records, const char *key,
				   const char *value)
{
	size_t size;
	cr_auto_free char *text = cr_pax_make(key, value, &size);
	return text ? append(records, text, size) : cr_enomem;
}

/* The records that stay. GNU's sparse files have their name in one. */
static struct cr_error *filter_records(const struct edit *e, const uint8_t *text,
				       uint64_t size, struct buffer *records,
				       bool *named)
{
	for (const char *p = (const char *)text; size;) {
		struct cr_pax record;
		struct cr_error *err = cr_pax_next(p, (size_t)size, &record);
		if (!err && cr_pax_is(&record, "GNU.sparse.name") && !e->bytes) {
			err = add_record(records, "GNU.sparse.name", e->name);
			*named = true;
		} else if (!err && !is_stale(e, &record)) {
			err = append(records, p, record.size);
		}
		if (err)
			return err;
		p += record.size;
		size -= record.size;
	}
	return NULL;
}

/* Goes through what stands before the head: pax records go to `records`, global
 * ones and a link's long target, if that stays, to `kept`. */
static struct cr_error *filter_before(const struct front *f,
				      const struct edit *e, struct buffer *kept,
				      struct buffer *records, bool *named)
{
	struct cr_error *err = NULL;
	for (size_t at = 0; !err && at < f->before.size;) {
		const uint8_t *head = f->before.p + at;
		const uint8_t *data = head + CR_HEADER_SIZE;
		uint8_t type = head[CR_HEADER_TYPE];
		uint64_t size = 0;
		/* It could be read before. */
		(void)cr_header_number(head, cr_header_size, &size);
		size_t whole = CR_HEADER_SIZE + (size_t)(size + padding(size));
		if (type == 'x' || type == 'X')
			err = filter_records(e, data, size, records, named);
		else if (type != 'L' && !(type == 'K' && e->bytes))
			err = append(kept, head, whole);
		at += whole;
	}
	return err;
}

static struct cr_error *put_records(struct rewrite *r,
				    const struct buffer *records)
{
	uint8_t head[CR_HEADER_SIZE], zeros[CR_HEADER_SIZE] = { 0 };
	if (!records->size)
		return NULL;
	cr_header_init(head);
	cr_header_set_text(head, cr_header_name, "PaxHeaders/critter");
	cr_header_set_number(head, cr_header_size, records->size);
	cr_header_set_number(head, cr_header_mtime, 0);
	head[CR_HEADER_TYPE] = 'x';
	cr_header_seal(head);
	struct cr_error *err = cr_pack_write(r->out, head, sizeof(head));
	if (!err)
		err = cr_pack_write(r->out, records->p, records->size);
	size_t pad = (size_t)padding(records->size);
	return err || !pad ? err : cr_pack_write(r->out, zeros, pad);
}

static void edit_head(uint8_t *head, const struct edit *e)
{
	uint8_t type = head[CR_HEADER_TYPE];
	cr_header_drop_prefix(head);
	if (e->bytes) {
		bool regular = type == '0' || type == '7' || !type;
		/* GNU's map, and times of other bytes. */
		if (type == 'S')
			memset(head + 345, 0, CR_HEADER_SIZE - 345);
		head[CR_HEADER_TYPE] = e->link ? '2' : regular ? type : '0';
		cr_header_set_number(head, cr_header_size, e->size);
		cr_header_set_number(head, cr_header_mtime,
				     (uint64_t)time(NULL));
		cr_header_set_text(head, cr_header_link, e->link ?: "");
	}
}

/* Writes f's headers with what is said anew, but no data. */
static struct cr_error *write_edited(struct rewrite *r, const struct front *f,
				     const struct edit *e)
{
	struct buffer kept = { 0 }, records = { 0 };
	uint8_t head[CR_HEADER_SIZE];
	bool named = false;
	struct cr_error *err = filter_before(f, e, &kept, &records, &named);
	memcpy(head, f->head, sizeof(head));
	edit_head(head, e);
	if (!named && !cr_header_set_text(head, cr_header_name, e->name) &&
	    !err)
		err = add_record(&records, "path", e->name);
	if (e->link && strlen(e->link) > cr_header_link.size && !err)
		err = add_record(&records, "linkpath", e->link);
	cr_header_seal(head);
	if (!err && kept.size)
		err = cr_pack_write(r->out, kept.p, kept.size);
	if (!err)
		err = put_records(r, &records);
	if (!err)
		err = cr_pack_write(r->out, head, sizeof(head));
	if (!err && !e->bytes && f->behind.size)
		err = cr_pack_write(r->out, f->behind.p, f->behind.size);
	free(kept.p);
	free(records.p);
	return err;
}

/* ---- rows ---- */

static struct cr_error *write_file(struct rewrite *r, struct cr_file *file)
{
	uint8_t chunk[64 * 1024];
	struct cr_error *err = NULL;
	for (uint64_t off = 0; !err && off < file->size;) {
		uint64_t left = file->size - off;
		size_t n = left < sizeof(chunk) ? (size_t)left : sizeof(chunk);
		err = cr_file_read(file, chunk, n, off);
		if (!err)
			err = cr_pack_write(r->out, chunk, n);
		off += n;
	}
	memset(chunk, 0, CR_HEADER_SIZE);
	size_t pad = (size_t)padding(file->size);
	return err || !pad ? err : cr_pack_write(r->out, chunk, pad);
}

/* A row's new bytes, with the headers f. */
static struct cr_error *write_content(struct rewrite *r, const struct front *f,
				      struct cr_row *row, const char *name)
{
	struct cr_content *content = row->content;
	struct edit e = { .name = name, .bytes = true };
	struct cr_file file;
	row->written = true;
	if (content->kind == CR_CONTENT_LINK) {
		e.link = content->text;
		return write_edited(r, f, &e);
	}
	struct cr_error *err = cr_content_open(r->change, content, &file);
	if (err)
		return err;
	e.size = file.size;
	err = write_edited(r, f, &e);
	if (!err)
		err = write_file(r, &file);
	cr_file_close(&file);
	return err;
}

/* The key of a member, if it is in one of the two directories. */
static bool key_of(const struct cr_change *change, const char *clean,
		   char key[NAME_MAX + 2])
{
	const char *images = cr_store_images(change->base);
	size_t size = strlen(images);
	bool in = !strncmp(clean, images, size) && clean[size] == '/';
	const char *name = in && size ? clean + size + 1 : clean;
	if (!*name || strchr(name, '/') || strlen(name) > NAME_MAX)
		return false;
	cr_tree_key(key, size && !in, name);
	return true;
}

/* The row whose bytes, or whose mode and owner, this member has. Of several the
 * renamed one. */
static struct cr_error *find_heirs(struct cr_change *change)
{
	cr_auto_free struct cr_row **row = NULL;
	size_t nr;
	struct cr_error *err = cr_rows_list(change, &row, &nr);
	for (size_t i = 0; !err && i < nr; i++) {
		struct cr_row *from =
			row[i]->content && row[i]->like ?
				cr_row_find(change, row[i]->like) :
				NULL;
		if (from && (!from->heir || from->heir == from))
			from->heir = row[i];
	}
	return err;
}

/* A member's name with another last component, in the directory's spelling. */
static char *respell(const char *name, const char *key)
{
	char *ret;
	size_t size = strlen(name);
	while (size && name[size - 1] == '/')
		size--;
	while (size && name[size - 1] != '/')
		size--;
	return asprintf(&ret, "%.*s%s", (int)size, name,
			key + (*key == '/')) < 0 ?
		       NULL :
		       ret;
}

/* What was this member is heir now. */
static struct cr_error *write_heir(struct rewrite *r, struct cr_row *heir,
				   const struct cr_tar_member *m,
				   const char *key)
{
	bool same_place = (*key == '/') == (*heir->key == '/');
	if (heir->written)
		return heir->content->kind == CR_CONTENT_BASE ?
			       unusual("is there more than once") :
			       skip_data(r);
	if (!same_place)
		return unusual("would leave its directory");
	cr_auto_free char *name = respell(m->name, heir->key);
	if (!name)
		return cr_enomem;
	if (heir->content->kind != CR_CONTENT_BASE) {
		struct cr_error *err =
			write_content(r, &r->front, heir, name);
		return err ? err : skip_data(r);
	}
	heir->written = true;
	struct cr_error *err =
		write_edited(r, &r->front, &(struct edit){ .name = name });
	return err ? err : copy_data(r);
}

/* Its bytes would be others, or nobody's. */
static struct cr_error *check_hardlink(const struct rewrite *r,
				       const struct cr_tar_member *m)
{
	char clean[CR_NAME_MAX], key[NAME_MAX + 2];
	if (m->kind != CR_TAR_HARDLINK || !m->link ||
	    cr_name_clean(m->link, clean) != CR_NAME_OK ||
	    !key_of(r->change, clean, key))
		return NULL;
	const struct cr_row *row = cr_row_find(r->change, key);
	return row && cr_row_differs(row) ?
		       unusual("is a hard link to a file that changes") :
		       NULL;
}

/* New files are owned as their neighbours are. */
static struct cr_error *remember_model(struct rewrite *r,
				       const struct cr_tar_member *m,
				       const char *key)
{
	if (r->has_model || m->kind != CR_TAR_FILE || *key == '/')
		return NULL;
	r->has_model = true;
	memcpy(r->model, r->front.head, sizeof(r->model));
	r->model_dir = respell(m->name, "");
	return r->model_dir ? NULL : cr_enomem;
}

static struct cr_error *write_member(struct rewrite *r,
				     const struct cr_tar_member *m)
{
	char clean[CR_NAME_MAX], key[NAME_MAX + 2];
	struct cr_error *err = check_hardlink(r, m);
	struct cr_row *row = NULL;
	if (!err && m->name && cr_name_clean(m->name, clean) == CR_NAME_OK &&
	    key_of(r->change, clean, key)) {
		err = remember_model(r, m, key);
		row = cr_row_find(r->change, key);
	}
	if (err)
		return err;
	if (row && row->heir && cr_row_differs(row->heir))
		return write_heir(r, row->heir, m, key);
	if (row && cr_row_differs(row))
		return skip_data(r);
	err = write_front(r);
	return err ? err : copy_data(r);
}

/* Both readers stand at the same member, or one of them is wrong. */
static struct cr_error *next_member(struct rewrite *r, struct cr_tar_member *m,
				    bool *end_ret)
{
	struct cr_error *err = read_front(r);
	if (!err)
		err = cr_tar_next(r->tar, m, end_ret);
	if (err)
		return err;
	if (*end_ret != r->front.end)
		return unusual("members that are not understood");
	uint64_t at = cr_tar_expanded(r->tar);
	if (!*end_ret && (at < r->pos || at > r->pos + r->front.size))
		return unusual("members that are not understood");
	return NULL;
}

/* ---- what is all new ---- */

static struct cr_error *write_new(struct rewrite *r, struct cr_row *row)
{
	struct front f = { 0 };
	const char *images = cr_store_images(r->change->base);
	cr_auto_free char *name = NULL;
	int n;
	memcpy(f.head, r->model, sizeof(f.head));
	if (!r->has_model)
		cr_header_init(f.head);
	if (*row->key == '/')
		n = asprintf(&name, "%s", row->key + 1);
	else if (r->has_model)
		n = asprintf(&name, "%s%s", r->model_dir, row->key);
	else
		n = asprintf(&name, "%s%s%s", images, *images ? "/" : "",
			     row->key);
	if (n < 0) {
		name = NULL;
		return cr_enomem;
	}
	return write_content(r, &f, row, name);
}

static struct cr_error *write_rest(struct rewrite *r)
{
	cr_auto_free struct cr_row **row = NULL;
	size_t nr;
	struct cr_error *err = cr_rows_list(r->change, &row, &nr);
	for (size_t i = 0; !err && i < nr; i++) {
		if (!row[i]->content || row[i]->written)
			continue;
		err = row[i]->content->kind == CR_CONTENT_BASE ?
			      unusual("is not a member of its own") :
			      write_new(r, row[i]);
		if (err)
			err = cr_error_at(err, "%s", row[i]->key);
	}
	return err;
}

/* The end, and what some archives have behind it. */
static struct cr_error *write_end(struct rewrite *r)
{
	uint8_t chunk[16 * 1024] = { 0 };
	struct cr_error *err = NULL;
	if (r->front.cut)
		return cr_pack_write(r->out, chunk, 2 * CR_HEADER_SIZE);
	err = cr_pack_write(r->out, r->front.head, CR_HEADER_SIZE);
	for (size_t n = 1; !err && n;) {
		err = cr_unpack_read(r->in, chunk, sizeof(chunk), &n);
		if (!err && n)
			err = cr_pack_write(r->out, chunk, n);
	}
	return err;
}

static struct cr_error *write_all(struct rewrite *r)
{
	struct cr_error *err = find_heirs(r->change);
	for (bool end = false; !err && !end;) {
		struct cr_tar_member m = { 0 };
		err = next_member(r, &m, &end);
		if (!err && !end)
			err = write_member(r, &m);
		if (err && m.name)
			err = cr_error_at(err, "%s", m.name);
	}
	if (!err)
		err = write_rest(r);
	if (!err)
		err = write_end(r);
	return err ? err : cr_pack_finish(r->out);
}

struct cr_error *cr_rewrite_archive(struct cr_change *change, int to_fd)
{
	struct rewrite r = { .change = change };
	const char *filter = cr_tar_filter(change->fd);
	struct cr_error *err = cr_tar_open(change->fd, &r.tar);
	if (!err)
		err = cr_unpack_open(change->fd, filter, &r.in);
	if (!err)
		err = cr_pack_open(to_fd, filter, &r.out);
	if (!err)
		err = write_all(&r);
	cr_tar_close(r.tar);
	cr_unpack_close(r.in);
	cr_pack_close(r.out);
	free(r.front.before.p);
	free(r.front.behind.p);
	free(r.model_dir);
	return err;
}
