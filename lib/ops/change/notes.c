// SPDX-License-Identifier: MIT
#include "lib/ops/change/impl.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/cleanup.h"

/* The texts stand behind each other in `text`, absent ones being NULL. */
struct cr_note {
	struct cr_change_note note;
	char *text;
};

static size_t room(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

static const char *take(char **place, const char *text)
{
	char *at = *place;
	if (!text)
		return NULL;
	*place = stpcpy(at, text) + 1;
	return at;
}

static struct cr_error *keep(struct cr_change *change,
			     const struct cr_change_note *note)
{
	if (change->nr_notes_kept == change->notes_cap) {
		size_t cap = change->notes_cap ? 2 * change->notes_cap : 64;
		struct cr_note *grown =
			reallocarray(change->note, cap, sizeof(grown[0]));
		if (!grown)
			return cr_enomem;
		change->note = grown;
		change->notes_cap = cap;
	}
	char *text = malloc(room(note->image) + room(note->field) +
			    room(note->old) + room(note->new_) + 1);
	if (!text)
		return cr_enomem;
	char *place = text;
	struct cr_note *kept = &change->note[change->nr_notes_kept++];
	*kept = (struct cr_note){ .note = *note, .text = text };
	kept->note.image = take(&place, note->image);
	kept->note.field = take(&place, note->field);
	kept->note.old = take(&place, note->old);
	kept->note.new_ = take(&place, note->new_);
	return NULL;
}

struct cr_error *cr_change_note(struct cr_change *change,
				const struct cr_change_note *note)
{
	struct cr_row *row;
	struct cr_error *err = cr_row_of(change, note->image, &row);
	if (err)
		return cr_error_at(err, "%s", note->image);
	row->noted = true;
	change->nr_notes++;
	return change->opts.count_only ? NULL : keep(change, note);
}

uint64_t cr_change_nr_notes(const struct cr_change *change)
{
	return change->nr_notes;
}

struct cr_error *
cr_change_each_note(const struct cr_change *change,
		    struct cr_error *(*fn)(void *arg,
					   const struct cr_change_note *note),
		    void *arg)
{
	struct cr_error *err = NULL;
	for (size_t i = 0; !err && i < change->nr_notes_kept; i++)
		err = fn(arg, &change->note[i].note);
	return err;
}

void cr_notes_free(struct cr_change *change)
{
	for (size_t i = 0; i < change->nr_notes_kept; i++)
		free(change->note[i].text);
	free(change->note);
}

/* ---- files ---- */

/* 0: it is none. */
static struct cr_error *size_of_base(struct cr_change *change, const char *key,
				     uint64_t *ret)
{
	struct cr_file file;
	struct stat st;
	*ret = 0;
	if (change->is_dir) {
		int dir = *key == '/' ? change->fd : change->images_fd;
		if (!fstatat(dir, key + (*key == '/'), &st, 0) &&
		    S_ISREG(st.st_mode))
			*ret = (uint64_t)st.st_size;
		return NULL;
	}
	struct cr_error *err = cr_base_open(change, key, &file);
	if (!err) {
		*ret = file.size;
		cr_file_close(&file);
	}
	if (!cr_error_catch(&err, CR_ERR_FORMAT))
		cr_error_catch(&err, CR_ERR_NOT_FOUND);
	return err;
}

static struct cr_error *size_of(struct cr_change *change,
				const struct cr_content *content, uint64_t *ret)
{
	struct stat st;
	switch (content->kind) {
	case CR_CONTENT_BASE:
		return size_of_base(change, content->text, ret);
	case CR_CONTENT_STAGED:
		if (fstatat(change->stage.fd, content->text, &st, 0))
			return cr_error_sys("cannot look at it");
		*ret = (uint64_t)st.st_size;
		return NULL;
	default:
		*ret = content->size;
		return NULL;
	}
}

static enum cr_change_kind kind_of(const struct cr_row *row)
{
	if (!row->content)
		return CR_CHANGE_REMOVED;
	if (row->content->kind == CR_CONTENT_LINK)
		return CR_CHANGE_LINKED;
	if (row->like && strcmp(row->like, row->key))
		return CR_CHANGE_RENAMED;
	return row->in_base ? CR_CHANGE_REPLACED : CR_CHANGE_CREATED;
}

static struct cr_error *measure(struct cr_change *change, struct cr_row *row)
{
	const char *before = kind_of(row) == CR_CHANGE_RENAMED ? row->like :
			     row->in_base		       ? row->key :
								 NULL;
	struct cr_error *err = NULL;
	row->old_size = row->size = 0;
	if (before)
		err = size_of_base(change, before, &row->old_size);
	if (!err && row->content)
		err = size_of(change, row->content, &row->size);
	return err ? cr_error_at(err, "%s", row->key) : NULL;
}

/* Which of the names that are gone are elsewhere? */
static void find_moved(struct cr_change *change, struct cr_row **row,
		       size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		row[i]->moved = false;
	for (size_t i = 0; i < nr; i++) {
		struct cr_row *old = row[i]->like && row[i]->content ?
					     cr_row_find(change, row[i]->like) :
					     NULL;
		if (old && old != row[i])
			old->moved = true;
	}
}

static struct cr_error *tell(struct cr_change *change, struct cr_row *row,
			     struct cr_error *(*fn)(
				     void *arg,
				     const struct cr_change_file *file),
			     void *arg)
{
	struct cr_error *err = row->described ? NULL : measure(change, row);
	if (err)
		return err;
	struct cr_change_file file = {
		.name = row->key,
		.kind = kind_of(row),
		.old_size = row->old_size,
		.size = row->size,
		.noted = row->noted,
	};
	if (file.kind == CR_CHANGE_RENAMED)
		file.was = row->like;
	if (file.kind == CR_CHANGE_LINKED)
		file.was = row->content->text;
	return fn(arg, &file);
}

struct cr_error *
cr_change_each_file(struct cr_change *change,
		    struct cr_error *(*fn)(void *arg,
					   const struct cr_change_file *file),
		    void *arg)
{
	cr_auto_free struct cr_row **row = NULL;
	size_t nr;
	struct cr_error *err = cr_rows_list(change, &row, &nr);
	if (err)
		return err;
	find_moved(change, row, nr);
	for (size_t i = 0; !err && i < nr; i++)
		if (row[i]->content || !row[i]->moved)
			err = tell(change, row[i], fn, arg);
	return err;
}

struct cr_error *cr_files_describe(struct cr_change *change)
{
	cr_auto_free struct cr_row **row = NULL;
	size_t nr;
	struct cr_error *err = cr_rows_list(change, &row, &nr);
	for (size_t i = 0; !err && i < nr; i++) {
		err = measure(change, row[i]);
		row[i]->described = !err;
	}
	return err;
}

bool cr_change_is_empty(struct cr_change *change)
{
	cr_auto_free struct cr_row **row = NULL;
	size_t nr;
	struct cr_error *err = cr_rows_list(change, &row, &nr);
	bool empty = !err && !nr;
	cr_error_free(err);
	return empty;
}
