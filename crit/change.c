// SPDX-License-Identifier: MIT
#include "crit/change.h"

#include <stdlib.h>
#include <string.h>

#include "crit/stream.h"
#include "lib/base/cleanup.h"
#include "lib/base/out.h"
#include "lib/base/utf8.h"
#include "lib/codec/writer.h"
#include "lib/ops/check.h"

#define REDACTED "(secret)"

/* ---- opening ---- */

/* The first error that a check found, in its words. */
static struct cr_error *keep_first(void *arg, const struct cr_finding *f)
{
	struct cr_error **first = arg;
	if (*first || f->rule->severity != CR_ERROR)
		return NULL;
	*first = cr_error_new(CR_ERR_FORMAT, "%s", f->message);
	if (f->has_entry)
		*first = cr_error_at(*first, "entry %llu",
				     (unsigned long long)f->entry);
	if (f->image)
		*first = cr_error_at(*first, "%s", f->image);
	return NULL;
}

/* What is broken already is not changed unasked. Pages are not looked at: that
 * would take longer than most changes. */
struct cr_error *cr_crit_change_check(const char *path,
				      struct cr_change *change)
{
	struct cr_check_result result;
	struct cr_error *first = NULL;
	struct cr_error *err = cr_check(
		cr_change_set(change), &(struct cr_check_opts){ .quick = true },
		keep_first, &first, &result);
	if (!err && first)
		err = cr_error_new(CR_ERR_FORMAT,
				   "%s: %s; 'crit check' finds %llu such "
				   "errors in it, --force changes it all the "
				   "same",
				   path, cr_error_text(first),
				   (unsigned long long)
					   result.by_severity[CR_ERROR]);
	cr_error_free(first);
	return err;
}

struct cr_error *cr_crit_change_open(const struct cr_verb_call *call,
				     const char *path,
				     const struct cr_crit_change *opts,
				     struct cr_change **ret)
{
	struct cr_error *err = cr_change_open(
		path,
		&(struct cr_change_opts){
			.out = opts->out,
			.dry_run = opts->dry_run,
			.count_only = opts->count_only ||
				      (!opts->dry_run && !opts->json),
			.limits = &call->global->limits,
		},
		ret);
	if (err || opts->force)
		return err;
	err = cr_crit_change_check(path, *ret);
	if (err)
		cr_change_close(*ret);
	return err;
}

struct print {
	FILE *out;
	bool secrets;
	struct cr_writer w; /* of JSON */
	uint64_t nr_files;
};

/* ---- the list ---- */

/* False without memory. */
static bool put_safe(FILE *out, const char *before, const char *text)
{
	cr_auto_free char *safe = cr_utf8_safe(text);
	if (safe)
		fprintf(out, "%s%s", before, safe);
	return safe;
}

static const char *value(const struct print *p,
			 const struct cr_change_note *note, const char *text)
{
	return text && note->secret && !p->secrets ? REDACTED : text;
}

/* core-1.img: entry 0: tc.comm: "a" -> "b"; one that is not there is "nothing".
 */
static struct cr_error *list_note(void *arg, const struct cr_change_note *note)
{
	struct print *p = arg;
	bool ok = put_safe(p->out, "", note->image);
	if (note->entry != CR_CHANGE_NO_ENTRY)
		fprintf(p->out, ": entry %llu",
			(unsigned long long)note->entry);
	if (note->field)
		ok = put_safe(p->out, ": ", note->field) && ok;
	ok = put_safe(p->out, ": ", value(p, note, note->old) ?: "nothing") &&
	     put_safe(p->out, " -> ", value(p, note, note->new_) ?: "nothing") &&
	     ok;
	fputc('\n', p->out);
	return ok ? NULL : cr_enomem;
}

static const char *const kinds[] = {
	[CR_CHANGE_CREATED] = "created",   [CR_CHANGE_REPLACED] = "replaced",
	[CR_CHANGE_RENAMED] = "renamed",   [CR_CHANGE_LINKED] = "linked",
	[CR_CHANGE_REMOVED] = "removed",
};

/* What notes do not say. */
static struct cr_error *list_file(void *arg, const struct cr_change_file *f)
{
	struct print *p = arg;
	unsigned long long old = f->old_size, size = f->size;
	if (f->kind == CR_CHANGE_REPLACED && f->noted)
		return NULL;
	bool ok = put_safe(p->out, "", f->name);
	switch (f->kind) {
	case CR_CHANGE_CREATED:
		fprintf(p->out, ": new, %llu bytes", size);
		break;
	case CR_CHANGE_REPLACED:
		fprintf(p->out, ": %llu bytes -> %llu bytes", old, size);
		break;
	case CR_CHANGE_RENAMED:
		ok = put_safe(p->out, ": was ", f->was) && ok;
		break;
	case CR_CHANGE_LINKED:
		ok = put_safe(p->out, ": link to ", f->was) && ok;
		break;
	case CR_CHANGE_REMOVED:
		fprintf(p->out, ": removed, %llu bytes", old);
		break;
	}
	fputc('\n', p->out);
	return ok ? NULL : cr_enomem;
}

static struct cr_error *count_file(void *arg, const struct cr_change_file *f)
{
	struct print *p = arg;
	p->nr_files++;
	return NULL;
}

static struct cr_error *print_list(struct print *p, struct cr_change *change)
{
	struct cr_error *err = cr_change_each_note(change, list_note, p);
	if (!err)
		err = cr_change_each_file(change, list_file, p);
	if (!err && cr_change_is_empty(change))
		fputs("nothing would change\n", p->out);
	return err;
}

static struct cr_error *print_count(struct print *p, struct cr_change *change)
{
	unsigned long long nr = cr_change_nr_notes(change);
	struct cr_error *err = cr_change_each_file(change, count_file, p);
	if (err)
		return err;
	if (!p->nr_files)
		fputs("nothing changed\n", p->out);
	else if (nr)
		fprintf(p->out, "%llu change%s in %llu file%s\n", nr,
			nr == 1 ? "" : "s", (unsigned long long)p->nr_files,
			p->nr_files == 1 ? "" : "s");
	else
		fprintf(p->out, "%llu file%s changed\n",
			(unsigned long long)p->nr_files,
			p->nr_files == 1 ? "" : "s");
	return NULL;
}

/* ---- JSON ---- */

static struct cr_error *put_text(struct print *p, const char *key,
				 const char *text)
{
	struct cr_error *err = cr_writer_key(&p->w, key);
	if (err || !text)
		return err ? err : cr_writer_raw(&p->w, "null");
	cr_auto_free char *safe = cr_utf8_valid(text, strlen(text)) ?
					  strdup(text) :
					  cr_utf8_safe(text);
	return safe ? cr_writer_string(&p->w, safe, strlen(safe)) : cr_enomem;
}

static struct cr_error *put_number(struct print *p, const char *key,
				   uint64_t number)
{
	struct cr_error *err = cr_writer_key(&p->w, key);
	return err ? err : cr_writer_u64(&p->w, number);
}

/* Values are JSON already. */
static struct cr_error *put_value(struct print *p, const char *key,
				  const char *text, bool hidden)
{
	if (text && hidden)
		return put_text(p, key, REDACTED);
	struct cr_error *err = cr_writer_key(&p->w, key);
	return err ? err : cr_writer_raw(&p->w, text ?: "null");
}

static struct cr_error *json_note(void *arg, const struct cr_change_note *note)
{
	struct print *p = arg;
	bool hidden = note->secret && !p->secrets;
	struct cr_error *err = cr_writer_item(&p->w);
	if (!err)
		err = cr_writer_open(&p->w, '{');
	if (!err)
		err = put_text(p, "image", note->image);
	if (!err && note->entry != CR_CHANGE_NO_ENTRY)
		err = put_number(p, "entry", note->entry);
	if (!err)
		err = put_text(p, "field", note->field);
	if (!err && note->old)
		err = put_value(p, "old", note->old, hidden);
	if (!err && note->new_)
		err = put_value(p, "new", note->new_, hidden);
	if (!err)
		err = cr_writer_close(&p->w, '}');
	return err ? err : cr_out_drain(p->w.out);
}

static struct cr_error *json_file(void *arg, const struct cr_change_file *f)
{
	struct print *p = arg;
	struct cr_error *err = cr_writer_item(&p->w);
	if (!err)
		err = cr_writer_open(&p->w, '{');
	if (!err)
		err = put_text(p, "name", f->name);
	if (!err)
		err = put_text(p, "is", kinds[f->kind]);
	if (!err && f->kind == CR_CHANGE_RENAMED)
		err = put_text(p, "was", f->was);
	if (!err && f->kind == CR_CHANGE_LINKED)
		err = put_text(p, "to", f->was);
	if (!err)
		err = put_number(p, "old_size", f->old_size);
	if (!err)
		err = put_number(p, "size", f->size);
	return err ? err : cr_writer_close(&p->w, '}');
}

static struct cr_error *open_list(struct print *p, const char *key)
{
	struct cr_error *err = cr_writer_key(&p->w, key);
	return err ? err : cr_writer_open(&p->w, '[');
}

static struct cr_error *put_document(struct print *p, struct cr_change *change,
				     const struct cr_crit_change *opts)
{
	struct cr_error *err = cr_writer_open(&p->w, '{');
	if (!err)
		err = put_text(p, "path", cr_change_path(change));
	if (!err)
		err = put_text(p, "out", opts->out);
	if (!err)
		err = cr_writer_key(&p->w, "dry_run");
	if (!err)
		err = cr_writer_raw(&p->w, opts->dry_run ? "true" : "false");
	if (!err && opts->more)
		err = opts->more(opts->more_arg, &p->w);
	if (!err)
		err = open_list(p, "changes");
	if (!err)
		err = cr_change_each_note(change, json_note, p);
	if (!err)
		err = cr_writer_close(&p->w, ']');
	if (!err)
		err = open_list(p, "files");
	if (!err)
		err = cr_change_each_file(change, json_file, p);
	if (!err)
		err = cr_writer_close(&p->w, ']');
	return err ? err : cr_writer_close(&p->w, '}');
}

static struct cr_error *print_json(struct print *p, struct cr_change *change,
				   const struct cr_crit_change *opts)
{
	struct cr_out out = { 0 };
	p->w = (struct cr_writer){ .out = &out, .style = { .indent = true } };
	struct cr_error *err = cr_stream_begin(&out, p->out);
	if (!err)
		err = put_document(p, change, opts);
	if (!err)
		err = cr_out_flush(&out);
	cr_out_deinit(&out);
	fputc('\n', p->out);
	return err;
}

/* ---- */

struct cr_error *cr_crit_change_print(struct cr_change *change,
				      const struct cr_crit_change *opts,
				      FILE *out)
{
	struct print p = { .out = out, .secrets = opts->secrets };
	if (opts->json)
		return print_json(&p, change, opts);
	return opts->dry_run ? print_list(&p, change) :
			       print_count(&p, change);
}

struct cr_error *cr_crit_change_commit(struct cr_change *change,
				       const struct cr_crit_change *opts,
				       FILE *out)
{
	struct cr_error *err = cr_change_commit(change);
	return err ? err : cr_crit_change_print(change, opts, out);
}
