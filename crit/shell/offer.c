// SPDX-License-Identifier: MIT
#include "crit/shell/offer.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/cleanup.h"
#include "lib/image/types.h"
#include "lib/pages/space.h"

/* What is being completed. */
struct offer {
	struct cr_here *here;
	const struct cr_command *command;
	const char *text; /* so far */
	struct cr_strings args; /* in front of it, without options */
	struct cr_strings *ret;
	struct cr_error *err;
};

static void fail(struct offer *o, struct cr_error *err)
{
	if (!o->err)
		o->err = err;
	else
		cr_error_free(err);
}

static bool is_plain(const char *word)
{
	for (; *word; word++) {
		if (*word <= ' ' || *word >= 0x7f ||
		    strchr("'\"\\|>#!*?$&;<(){}`", *word))
			return false;
	}
	return true;
}

static void add(struct offer *o, const char *word)
{
	if (!o->err && !strncmp(word, o->text, strlen(o->text)) &&
	    is_plain(word))
		fail(o, cr_strings_add(o->ret, word, strlen(word)));
}

static void add_all(struct offer *o, const char *const *words)
{
	for (; words && *words; words++)
		add(o, *words);
}

/* ---- what a value may be ---- */

static void add_verbs(struct offer *o)
{
	for (size_t i = 0; o->command->verbs[i]; i++)
		add(o, o->command->verbs[i]->name);
}

/* Files below what is typed; hidden ones where a dot is. */
static void add_files(struct offer *o, bool only_dirs)
{
	const char *slash = strrchr(o->text, '/');
	size_t size = slash ? (size_t)(slash - o->text) + 1 : 0;
	cr_auto_free char *dir = strndup(size ? o->text : "./", size ?: 2);
	DIR *d = dir ? opendir(dir) : NULL;
	struct dirent *entry;
	while (d && !o->err && (entry = readdir(d))) {
		const char *name = entry->d_name;
		cr_auto_free char *path = NULL;
		struct stat st;
		if (name[0] == '.' && o->text[size] != '.')
			continue;
		if (asprintf(&path, "%.*s%s/", (int)size, o->text, name) < 0) {
			path = NULL;
			fail(o, cr_enomem);
			break;
		}
		bool is_dir = !stat(path, &st);
		if (!is_dir)
			path[strlen(path) - 1] = 0;
		if (is_dir || !only_dirs)
			add(o, path);
	}
	if (d)
		closedir(d);
}

static void add_images(struct offer *o)
{
	add_all(o, (const char *const *)o->here->names.item);
	if (!o->here->path || strchr(o->text, '/'))
		add_files(o, false);
}

/* The last one of "12,34". */
static void add_pids(struct offer *o)
{
	const char *comma = strrchr(o->text, ',');
	int size = comma ? (int)(comma - o->text) + 1 : 0;
	for (size_t i = 0; i < o->here->nr_pids; i++) {
		cr_auto_free char *word = NULL;
		if (asprintf(&word, "%.*s%u", size, o->text,
			     o->here->pid[i]) < 0)
			word = NULL;
		if (word)
			add(o, word);
	}
}

/* Where the mappings of the current process, or the only one, begin. */
static void add_addresses(struct offer *o)
{
	struct cr_here *here = o->here;
	struct cr_space space = { .nr = 0 };
	char word[24];
	if (!here->kept.path || (!here->has_pid && here->nr_pids != 1))
		return;
	/* Without a process's mappings there is nothing to offer. */
	cr_error_free(cr_space_init(&space, &here->kept.set,
				    here->has_pid ? here->current :
						    here->pid[0]));
	for (size_t i = 0; i < space.nr; i++) {
		snprintf(word, sizeof(word), "0x%llx",
			 (unsigned long long)space.vma[i].start);
		add(o, word);
	}
	cr_space_deinit(&space);
}

/* ---- paths in an image ---- */

/* The message type that the path's part [p, end) leads to. */
static const ProtobufCMessageDescriptor *
follow(const ProtobufCMessageDescriptor *type, const char *p, const char *end)
{
	while (type && p < end) {
		size_t size = strcspn(p, ".");
		char key[64];
		snprintf(key, sizeof(key), "%.*s", (int)strcspn(p, ".["), p);
		p += size + 1;
		if (!*key || !strcmp(key, "entries"))
			continue;
		const ProtobufCFieldDescriptor *field =
			protobuf_c_message_descriptor_get_field_by_name(type,
									key);
		type = field && field->type == PROTOBUF_C_TYPE_MESSAGE ?
			       field->descriptor :
			       NULL;
	}
	return type;
}

/* The images, each with the colon behind which its values are named. */
static void add_image_paths(struct offer *o)
{
	for (size_t i = 0; i < o->here->names.nr; i++) {
		cr_auto_free char *word = NULL;
		if (!cr_image_type_by_file(o->here->names.item[i]))
			continue;
		if (asprintf(&word, "%s:", o->here->names.item[i]) < 0)
			word = NULL;
		if (word)
			add(o, word);
	}
}

/* The fields of the message that the path's first `size` bytes, with the image
 * in front, lead to. */
static void add_fields(struct offer *o,
		       const ProtobufCMessageDescriptor *type, size_t size)
{
	for (unsigned i = 0; type && i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		cr_auto_free char *word = NULL;
		bool is_message = field->type == PROTOBUF_C_TYPE_MESSAGE;
		bool is_list = field->label == PROTOBUF_C_LABEL_REPEATED;
		if (asprintf(&word, "%.*s%s%s", (int)size, o->text, field->name,
			     is_list	? "[" :
			     is_message ? "." :
					  "") < 0)
			word = NULL;
		if (word)
			add(o, word);
	}
}

/* The type of the image that the path is in, behind `size` bytes of the text;
 * without a name there TARGET, the first argument, may be the image. */
static const struct cr_image_type *path_image(const struct offer *o, size_t size)
{
	const char *file = o->args.nr ? o->args.item[0] : "";
	const char *slash = strrchr(file, '/');
	if (!size)
		return cr_image_type_by_file(slash ? slash + 1 : file);
	cr_auto_free char *name = strndup(o->text, size - 1);
	return name ? cr_image_type_by_file(name) : NULL;
}

/* IMAGE:PATH, or PATH. */
static void add_paths(struct offer *o)
{
	const char *colon = strchr(o->text, ':');
	const char *path = colon ? colon + 1 : o->text;
	const char *dot = strrchr(path, '.');
	size_t size = (size_t)(path - o->text);
	const struct cr_image_type *image = path_image(o, size);
	if (!image && !colon) {
		add_image_paths(o);
	} else if (image && dot) {
		add_fields(o, follow(image->entry, path, dot + 1),
			   (size_t)(dot + 1 - o->text));
	} else if (image) {
		cr_auto_free char *word = NULL;
		if (asprintf(&word, "%.*sentries[", (int)size, o->text) < 0)
			word = NULL;
		if (word)
			add(o, word);
	}
}

static void add_values(struct offer *o, const struct cr_opt *opt)
{
	switch (opt->takes) {
	case CR_TAKES_ANYTHING:
		break;
	case CR_TAKES_FILE:
	case CR_TAKES_CHECKPOINT:
		add_files(o, false);
		break;
	case CR_TAKES_DIR:
		add_files(o, true);
		break;
	case CR_TAKES_IMAGE:
		add_images(o);
		break;
	case CR_TAKES_PATH:
		add_paths(o);
		break;
	case CR_TAKES_PID:
		add_pids(o);
		break;
	case CR_TAKES_ADDRESS:
		add_addresses(o);
		break;
	case CR_TAKES_CHOICE:
		add_all(o, opt->words);
		break;
	case CR_TAKES_VERB:
		add_verbs(o);
		break;
	}
}

/* ---- where in the line ---- */

static void add_first(struct offer *o, const struct cr_own *own)
{
	bool view;
	for (; own->name; own++)
		add(o, own->name);
	add_verbs(o);
	for (size_t i = 0; o->command->verbs[i]; i++) {
		cr_opts_for_each(opt, o->command->verbs[i]->opts) {
			for (size_t k = 0; opt->words && opt->words[k]; k++) {
				if (cr_here_verb(o->command, opt->words[k],
						 &view) && view)
					add(o, opt->words[k]);
			}
		}
	}
}

static void add_names(struct offer *o, const struct cr_opt *opts)
{
	char word[80];
	cr_opts_for_each(opt, opts) {
		snprintf(word, sizeof(word), "--%s", opt->name ?: "");
		if (opt->name)
			add(o, word);
	}
}

/* The argument that comes next, and with it what may stand in place of a
 * checkpoint that is put in. */
static void add_argument(struct offer *o, const struct cr_verb *verb)
{
	size_t at, i = 0, nr = o->args.nr;
	bool adds = cr_here_adds_checkpoint(o->here, verb, o->args.item, nr,
					    &at);
	cr_opts_for_each(opt, verb->opts) {
		if (!cr_opts_is_arg(opt))
			continue;
		bool last = opt->kind == CR_KIND_WORDS && i <= nr + adds;
		bool may_be_given = i == nr && (!adds || nr == at);
		bool first = may_be_given || (adds && i == nr + 1);
		if (first && opt->words)
			add_all(o, opt->words);
		else if (first || last)
			add_values(o, opt);
		i++;
	}
}

/* Sorts the words in front into options and arguments; *opt_ret is the option
 * whose value the word is, if it is one. */
static void take_words(struct offer *o, const struct cr_verb *verb,
		       const struct cr_strings *words, size_t i,
		       const struct cr_opt **opt_ret)
{
	*opt_ret = NULL;
	for (; i < words->nr && !o->err; i++) {
		bool next;
		const char *word = words->item[i];
		const struct cr_opt *opt = cr_opts_option(
			verb->opts, cr_global_opts, word, &next);
		if (next && ++i == words->nr)
			*opt_ret = opt;
		else if (!opt && (word[0] != '-' || !word[1]))
			fail(o, cr_strings_add(&o->args, word, strlen(word)));
	}
}

static void add_behind(struct offer *o, const struct cr_own *own,
		       const struct cr_strings *words)
{
	bool view;
	for (; own->name; own++) {
		if (strcmp(own->name, words->item[0]))
			continue;
		const struct cr_opt value = { .takes = own->takes };
		if (words->nr == 1)
			add_values(o, &value);
		return;
	}
	const struct cr_opt *opt;
	const struct cr_verb *verb =
		cr_here_verb(o->command, words->item[0], &view);
	if (!verb)
		return;
	take_words(o, verb, words, view ? 0 : 1, &opt);
	if (opt) {
		add_values(o, opt);
	} else if (o->text[0] == '-') {
		add_names(o, verb->opts);
		add_names(o, cr_global_opts);
	} else {
		add_argument(o, verb);
	}
}

struct cr_error *cr_offer(struct cr_here *here,
			  const struct cr_command *command,
			  const struct cr_own *own, const char *line,
			  size_t start, size_t end, struct cr_strings *ret)
{
	struct cr_line before = { .command = NULL };
	cr_auto_free char *head = strndup(line, start);
	cr_auto_free char *text = strndup(line + start, end - start);
	struct offer o = { .here = here,
			   .command = command,
			   .text = text,
			   .ret = ret };
	if (!head || !text)
		return cr_enomem;
	fail(&o, cr_line_split(head, &before));
	if (cr_error_catch(&o.err, CR_ERR_USAGE) || before.command || o.err)
		;
	else if (!before.words.nr)
		add_first(&o, own);
	else
		add_behind(&o, own, &before.words);
	cr_strings_sort(ret);
	cr_line_free(&before);
	cr_strings_free(&o.args);
	return o.err;
}
