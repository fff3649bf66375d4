// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "crit/mem/mem.h"
#include "crit/verb.h"
#include "lib/base/cleanup.h"
#include "lib/ops/mean.h"
#include "lib/ops/secrets.h"
#include "lib/pages/scan.h"

struct scan {
	const char *dir, *pids, *sysroot;
	unsigned what;
	bool json, secrets;
	uint64_t max;
};

#define LIMIT 1000 /* findings that are shown unless --max says otherwise */
#define KINDS 32
static const char keys[] = "PAC key";

/* One run. */
struct secrets {
	struct cr_mem m;
	const struct scan *o;
	struct cr_secrets *find;
	uint64_t shown, nr[KINDS];
	/* What is looked through: a window of memory, or a file. */
	uint64_t base;	  /* of the window */
	const char *file; /* NULL: memory */
};

/* ---- telling ---- */

static unsigned kind_index(const char *kind)
{
	const char *name;
	unsigned i = 0;
	while ((name = cr_secrets_kind(i)) && name != kind && i < KINDS - 2)
		i++;
	return i;
}

#define MAX_SHOWN 4096

/* A name in front of an equals sign is no secret. */
static void put_name(struct cr_x *x, const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '=', size);
	char text[CR_SECRETS_BEFORE + 32];
	snprintf(text, sizeof(text), "%.*s=...", (int)(end - data),
		 (const char *)data);
	cr_x_text(x, " %s", text);
	cr_x_string(x, "preview", text);
}

/* The first and last bytes of it. */
static void put_preview(struct secrets *s, const uint8_t *data, size_t size)
{
	struct cr_x *x = &s->m.x;
	char text[16];
	size_t n = size < 16 ? 2 : 4, i = 0;
	if (s->o->secrets) {
		cr_x_text(x, " ");
		cr_x_safe(x, data, size < MAX_SHOWN ? size : MAX_SHOWN);
		cr_x_bytes(x, "secret", data, size);
		return;
	}
	for (; i < n && i < size; i++)
		text[i] = data[i] > ' ' && data[i] < 0x7f ? (char)data[i] : '.';
	memcpy(text + i, "...", 3);
	i += 3;
	if (size >= 16)
		text[i++] = '.';
	if (size >= 16 && data[size - 1] > ' ' && data[size - 1] < 0x7f)
		text[i - 1] = (char)data[size - 1];
	text[i] = 0;
	cr_x_text(x, " %s", text);
	cr_x_string(x, "preview", text);
}

static void put_file(struct cr_x *x, const char *name, uint64_t off)
{
	cr_x_safe(x, name, strlen(name));
	cr_x_text(x, "+0x%" PRIx64, off);
	cr_x_string(x, "file", name);
	cr_x_u64(x, "offset", off);
}

static bool is_shown(struct secrets *s, const char *kind)
{
	uint64_t limit = s->o->max ?: LIMIT;
	s->nr[kind_index(kind)]++;
	return s->shown++ < limit;
}

static struct cr_error *found(void *arg, const uint8_t *data,
			      const struct cr_secret *secret)
{
	struct secrets *s = arg;
	struct cr_x *x = &s->m.x;
	uint64_t at = s->base + secret->off;
	if (!s->file && cr_mem_was_seen(&s->m, at, secret->size))
		return NULL;
	if (!is_shown(s, secret->kind))
		return NULL;
	cr_x_open(x, NULL, '{');
	cr_x_string(x, "kind", secret->kind);
	cr_x_text(x, "%s: ", secret->kind);
	if (s->file)
		put_file(x, s->file, at);
	else
		cr_mem_place(&s->m, at);
	cr_x_u64(x, "size", secret->size);
	cr_x_text(x, " %zu bytes", secret->size);
	if (secret->named && !s->o->secrets)
		put_name(x, data + secret->off, secret->size);
	else
		put_preview(s, data + secret->off, secret->size);
	cr_x_text(x, "\n");
	cr_x_close(x, '}');
	return x->err ? cr_error_new(CR_ERR_INTERNAL, "stopped") : NULL;
}

/* ---- memory ---- */

static struct cr_error *on_window(void *arg, const struct cr_window *w)
{
	struct secrets *s = arg;
	s->base = w->vaddr;
	return cr_secrets_find(s->find, w->data, w->size, w->seen, w->ends,
			       found, s);
}

static struct cr_error *scan_space(struct cr_mem *m)
{
	struct secrets *s = (struct secrets *)m;
	return cr_scan(&m->pages, 0, UINT64_MAX, CR_SECRETS_OVERLAP, on_window,
		       s);
}

_Static_assert(offsetof(struct secrets, m) == 0, "views get the first member");

/* ---- files: payloads, names, what lies beside ---- */

#define STEP (256 * 1024)

static struct cr_error *scan_file(struct secrets *s, struct cr_file *file,
				  const char *name)
{
	cr_auto_free uint8_t *buf = malloc(CR_SECRETS_OVERLAP + STEP);
	uint64_t off = 0;
	size_t seen = 0, size = 0;
	struct cr_error *err = buf ? NULL : cr_enomem;
	s->file = name;
	s->base = 0;
	while (!err && off < file->size) {
		size_t n = file->size - off < STEP ? (size_t)(file->size - off) :
						     STEP;
		seen = size < CR_SECRETS_OVERLAP ? size : CR_SECRETS_OVERLAP;
		memmove(buf, buf + size - seen, seen);
		err = cr_file_read(file, buf + seen, n, off);
		if (err)
			break;
		s->base = off - seen;
		size = seen + n;
		off += n;
		err = cr_secrets_find(s->find, buf, size, seen,
				      off == file->size, found, s);
	}
	s->file = NULL;
	return err;
}

/* Pages are gone through as memory. */
static struct cr_error *scan_name(void *arg, const char *name)
{
	struct secrets *s = arg;
	struct cr_file file;
	if (!strncmp(name, "pages-", 6) || !strcmp(name, "parent"))
		return NULL;
	struct cr_error *err =
		cr_store_open_file(s->m.x.set.store, name, &file);
	if (err) {
		cr_x_find(&s->m.x, err);
		return NULL;
	}
	err = scan_file(s, &file, name);
	cr_file_close(&file);
	return err;
}

static struct cr_error *scan_top(struct secrets *s)
{
	static const char *const names[] = { "config.dump", "spec.dump",
					     "network.status",
					     "rootfs-diff.tar" };
	struct cr_error *err = NULL;
	/* Else they have been seen with the images. */
	if (!*cr_store_images(s->m.x.set.store))
		return NULL;
	for (size_t i = 0; i < 4 && !err; i++) {
		struct cr_file file;
		err = cr_store_open_beside(s->m.x.set.store, names[i], &file);
		if (cr_error_catch(&err, CR_ERR_NOT_FOUND) || err)
			continue;
		err = scan_file(s, &file, names[i]);
		cr_file_close(&file);
	}
	return err;
}

/* ---- keys ---- */

static struct cr_error *on_key(void *arg, const struct cr_mean_at *at,
			       json_t *value, json_t **ret)
{
	struct secrets *s = arg;
	struct cr_x *x = &s->m.x;
	if (json_is_integer(value) && !json_integer_value(value))
		return NULL;
	if (!is_shown(s, keys))
		return NULL;
	cr_x_open(x, NULL, '{');
	cr_x_string(x, "kind", keys);
	cr_x_text(x, "%s: %s entry %" PRIu64 " %s\n", keys, at->at->image,
		  at->at->i, at->field->name);
	cr_x_string(x, "file", at->at->image);
	cr_x_u64(x, "entry", at->at->i);
	cr_x_string(x, "field", at->field->name);
	cr_x_close(x, '}');
	return NULL;
}

/* ---- the end ---- */

static const char *const never[] = {
	"pages of parents that are not here, and what is packed: compressed "
	"files, tmpfs archives",
	"files that were open or mapped: their contents are not in the "
	"checkpoint",
	"secrets without a mark: keys as bare numbers, passwords alone, "
	"anything encrypted or in pieces",
};

static const char caveat[] = "that there are no secrets, or no others, cannot "
			     "be proven; what was found may be none";

static void put_end(struct secrets *s)
{
	struct cr_x *x = &s->m.x;
	const char *kind;
	uint64_t limit = s->o->max ?: LIMIT;
	cr_x_open(x, "counts", '{');
	for (unsigned i = 0; i < KINDS; i++) {
		kind = cr_secrets_kind(i) ?: keys;
		if (s->nr[i])
			cr_x_text(x, "%8" PRIu64 " %s\n", s->nr[i], kind);
		if (s->nr[i])
			cr_x_u64(x, kind, s->nr[i]);
	}
	cr_x_close(x, '}');
	if (!s->shown)
		cr_x_text(x, "nothing found\n");
	if (s->shown > limit)
		cr_x_text(x, "%" PRIu64 " of them are not shown\n",
			  s->shown - limit);
	cr_x_u64(x, "not_shown", s->shown > limit ? s->shown - limit : 0);
	cr_x_open(x, "not_covered", '[');
	cr_x_text(x, "not covered:\n");
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		cr_x_text(x, "  %s\n", never[i]);
		cr_x_string(x, NULL, never[i]);
	}
	cr_x_close(x, ']');
	cr_x_string(x, "caveat", caveat);
	cr_x_text(x, "%s\n", caveat);
}

static void scan_secrets(struct cr_mem *m)
{
	struct secrets *s = (struct secrets *)m;
	struct cr_x *x = &m->x;
	s->find = malloc(sizeof(*s->find));
	if (!s->find) {
		cr_x_fail(x, cr_enomem);
		return;
	}
	cr_secrets_init(s->find);
	cr_x_open(x, NULL, '{');
	cr_x_open(x, "findings", '[');
	cr_mem_each(m, scan_space);
	/* Files are not of one process. */
	if (!x->err && !s->o->pids)
		cr_x_find(x, cr_mean_look(&x->set, CR_MEANING(CR_MEANS_KEY),
					  on_key, s));
	if (!x->err && !s->o->pids)
		cr_x_fail(x, cr_store_each(x->set.store, scan_name, s));
	if (!x->err && !s->o->pids)
		cr_x_fail(x, scan_top(s));
	cr_x_close(x, ']');
	put_end(s);
	cr_x_close(x, '}');
	free(s->find);
}

/* ---- */

// To add something to scan for: its function, its name and its row, and a
// paragraph in the text below.
// clang-format off
static const char *const names[] = { "secrets", NULL };
static void (*const runs[])(struct cr_mem *m) = { scan_secrets };

static const struct cr_opt opts[] = {
	{ 'p', "pid", NULL, CR_LIST(struct scan, pids, CR_TAKES_PID), "PID[,PID...]", "the memory of these processes only" },
	{ 0, "sysroot", NULL, CR_STRING(struct scan, sysroot, CR_TAKES_DIR), "DIR", "where the files are that were mapped: look through those as well" },
	{ 0, "json", NULL, CR_FLAG(struct scan, json), NULL, "write JSON" },
	{ 0, "max", NULL, CR_COUNT(struct scan, max), "N", "show N findings and count the others (default: 1000)" },
	{ 0, "show-secrets", NULL, CR_FLAG(struct scan, secrets), NULL, "show what was found, of which there are a few characters otherwise" },
	{ CR_ARG, CR_CHOICE(struct scan, what, names), "WHAT", "what to scan for" },
	{ CR_ARG, CR_STRING(struct scan, dir, CR_TAKES_CHECKPOINT), "TARGET", "the checkpoint: a directory or an archive" },
	{ 0 },
};
// clang-format on

static struct cr_error *run(const struct cr_verb_call *call)
{
	const struct scan *o = call->values;
	struct cr_mem_opts mem = { .dir = o->dir,
				   .pids = o->pids,
				   .sysroot = o->sysroot,
				   .json = o->json };
	struct secrets s = { .m = { .x = { .json = o->json, .term = call->term },
				    .o = &mem,
				    .call = call,
				    .out = call->out },
			     .o = o };
	struct cr_error *err = cr_mem_start(&s.m, call);
	if (!err) {
		runs[o->what - 1](&s.m);
		err = cr_x_end(&s.m.x);
	}
	cr_mem_stop(&s.m);
	return err;
}

const struct cr_verb cr_verb_scan = {
	.name = "scan",
	.summary = "look for what should not be given away",
	.text = "Goes through a checkpoint and reports what it finds.\n"
		"\n"
		"secrets: private keys (PEM, OpenSSH), tokens (JWT, bearer, AWS, "
		"GitHub, GitLab, Slack, Google, Stripe), password hashes, "
		"variables with telling names, and pointer authentication keys. "
		"The memory of all processes is looked through, shared memory, "
		"parents and compressed pages included; then all images with "
		"what is in pipes, sockets, terminals and deleted files, and "
		"what a container engine put beside. A finding has the pid, the "
		"address, the mapping, and the file with the place in it. JSON: "
		"{findings: [{kind, pid or shmid, address, vma, image, or file "
		"and offset, size, preview}], counts, not_shown, not_covered, "
		"caveat}.\n"
		"\n"
		"It cannot be proven that there are no secrets, or no others. "
		"'crit redact' removes contents whatever they are.",
	.opts = opts,
	.values_size = sizeof(struct scan),
	.run = run,
};
