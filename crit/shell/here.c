// SPDX-License-Identifier: MIT
#include "crit/shell/here.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "crit/limits.h"
#include "lib/base/cleanup.h"
#include "lib/image/pstree.h"

/* ---- the checkpoint and the process ---- */

static struct cr_error *add_name(void *arg, const char *name)
{
	return cr_strings_add(arg, name, strlen(name));
}

static struct cr_error *load_pids(struct cr_here *here)
{
	struct cr_pstree tree = { .nr = 0 };
	struct cr_error *err = cr_pstree_load(&here->kept.set, &tree);
	/* The verbs say what is wrong with it. */
	if (err && cr_error_code(err) != CR_ERR_NOMEM) {
		cr_error_free(err);
		return NULL;
	}
	if (err)
		return err;
	here->pid = calloc(tree.nr + 1, sizeof(here->pid[0]));
	for (size_t i = 0; here->pid && i < tree.nr; i++)
		here->pid[here->nr_pids++] = tree.task[i].entry->pid;
	cr_pstree_free(&tree);
	if (!here->pid)
		return cr_enomem;
	return NULL;
}

/* No slash at the end, so that names can follow one. */
static char *clean_path(const char *path)
{
	size_t size = strlen(path);
	while (size > 1 && path[size - 1] == '/')
		size--;
	return strndup(path, size);
}

struct cr_error *cr_here_use(struct cr_here *here,
			     const struct cr_verb_call *call, const char *path)
{
	struct cr_here new = { .path = clean_path(path) };
	if (!new.path)
		return cr_enomem;
	struct cr_error *err = cr_limits_open(call, new.path, &new.kept.set);
	if (!err) {
		new.kept.path = new.path;
		err = cr_store_each(new.kept.set.store, add_name, &new.names);
	}
	if (!err) {
		cr_strings_sort(&new.names);
		err = load_pids(&new);
	}
	if (err) {
		cr_here_close(&new);
		return err;
	}
	cr_here_close(here);
	*here = new;
	return NULL;
}

void cr_here_close(struct cr_here *here)
{
	if (here->kept.path)
		cr_set_close(&here->kept.set);
	cr_strings_free(&here->names);
	free(here->pid);
	free(here->path);
	*here = (struct cr_here){ .path = NULL };
}

struct cr_error *cr_here_choose(struct cr_here *here, const char *text)
{
	uint64_t pid;
	if (!text) {
		here->has_pid = false;
		return NULL;
	}
	struct cr_error *err = cr_opts_number(text, &pid);
	if (err)
		return err;
	for (size_t i = 0; i < here->nr_pids; i++) {
		if (here->pid[i] != pid)
			continue;
		here->has_pid = true;
		here->current = (uint32_t)pid;
		return NULL;
	}
	return cr_error_new(CR_ERR_NOT_FOUND, "no process %llu",
			    (unsigned long long)pid);
}

/* ---- words ---- */

static bool has_word(const char *const *words, const char *text)
{
	for (; words && *words; words++) {
		if (!strcmp(*words, text))
			return true;
	}
	return false;
}

/* Argument number `at` of a table, counted from 0; the last one if that takes
 * all that follow. NULL if there is none. */
static const struct cr_opt *nth_arg(const struct cr_opt *opts, size_t at)
{
	cr_opts_for_each(opt, opts) {
		if (cr_opts_is_arg(opt) &&
		    (!at-- || opt->kind == CR_KIND_WORDS))
			return opt;
	}
	return NULL;
}

/* The first argument that takes a checkpoint; *at_ret is its number. */
static const struct cr_opt *checkpoint_arg(const struct cr_opt *opts,
					   size_t *at_ret)
{
	*at_ret = 0;
	cr_opts_for_each(opt, opts) {
		if (!cr_opts_is_arg(opt))
			continue;
		if (opt->takes == CR_TAKES_CHECKPOINT)
			return opt;
		++*at_ret;
	}
	return NULL;
}

/* The argument behind the checkpoint. */
static const struct cr_opt *what_arg(const struct cr_verb *verb)
{
	size_t at;
	const struct cr_opt *opt = checkpoint_arg(verb->opts, &at);
	return opt ? nth_arg(verb->opts, at + 1) : NULL;
}

/* Its views or actions. */
static const char *const *words_of(const struct cr_verb *verb)
{
	const struct cr_opt *opt = what_arg(verb);
	return opt ? opt->words : NULL;
}

/* Those that need no verb: an action does, since it changes something. */
static const char *const *views_of(const struct cr_verb *verb)
{
	const struct cr_opt *opt = what_arg(verb);
	return opt && opt->takes == CR_TAKES_CHOICE ? opt->words : NULL;
}

const struct cr_verb *cr_here_verb(const struct cr_command *command,
				   const char *word, bool *view_ret)
{
	*view_ret = false;
	for (size_t i = 0; command->verbs[i]; i++) {
		if (!strcmp(command->verbs[i]->name, word))
			return command->verbs[i];
	}
	*view_ret = true;
	for (size_t i = 0; command->verbs[i]; i++) {
		if (has_word(views_of(command->verbs[i]), word))
			return command->verbs[i];
	}
	return NULL;
}

static size_t nr_needed(const struct cr_opt *opts)
{
	size_t nr = 0;
	cr_opts_for_each(opt, opts)
		nr += cr_opts_is_arg(opt) &&
		      (opt->arity == CR_ONE || opt->arity == CR_MANY);
	return nr;
}

bool cr_here_adds_checkpoint(const struct cr_here *here,
			     const struct cr_verb *verb, char *const *arg,
			     size_t nr_args, size_t *at_ret)
{
	const struct cr_opt *opt = checkpoint_arg(verb->opts, at_ret);
	if (!here->path || !opt || opt->arity == CR_ANY || nr_args < *at_ret)
		return false;
	if (nr_args == *at_ret)
		return true;
	return words_of(verb) ? has_word(words_of(verb), arg[*at_ret]) :
				nr_args < nr_needed(verb->opts);
}

/* A line being made. */
struct making {
	const struct cr_here *here;
	const struct cr_verb *verb;
	struct cr_strings *ret;
	struct cr_strings args; /* without options */
	bool has_pid;
};

static bool exists(const struct cr_here *here, const char *fmt, ...)
	CR_PRINTF(2, 3);

static bool exists(const struct cr_here *here, const char *fmt, ...)
{
	cr_auto_free char *name = NULL;
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&name, fmt, ap);
	va_end(ap);
	if (n < 0)
		name = NULL;
	return name && cr_strings_has(&here->names, name);
}

/* The only image NAME-NUMBER.img, or NULL; *many_ret: there are more. */
static const char *only_one(const struct cr_here *here, const char *name,
			    bool *many_ret)
{
	size_t size = strlen(name);
	const char *found = NULL;
	*many_ret = false;
	for (size_t i = 0; i < here->names.nr; i++) {
		const char *at = here->names.item[i];
		if (strncmp(at, name, size) || at[size] != '-')
			continue;
		size_t digits = strspn(at + size + 1, "0123456789");
		if (!digits || strcmp(at + size + 1 + digits, ".img"))
			continue;
		*many_ret = found != NULL;
		if (found)
			return NULL;
		found = at;
	}
	return found;
}

/* An argument that takes an image. */
static struct cr_error *add_image(struct making *m, const char *word)
{
	const struct cr_here *here = m->here;
	bool many = false;
	if (!here->path || !strcmp(word, "-") || strchr(word, '/'))
		return cr_strings_add(m->ret, word, strlen(word));
	if (exists(here, "%s", word))
		return cr_strings_addf(m->ret, "%s/%s", here->path, word);
	if (exists(here, "%s.img", word))
		return cr_strings_addf(m->ret, "%s/%s.img", here->path, word);
	if (here->has_pid && exists(here, "%s-%u.img", word, here->current))
		return cr_strings_addf(m->ret, "%s/%s-%u.img", here->path, word,
				       here->current);
	const char *only = only_one(here, word, &many);
	if (only)
		return cr_strings_addf(m->ret, "%s/%s", here->path, only);
	if (many)
		return cr_error_new(CR_ERR_USAGE,
				    "there are several images %s-N.img: say "
				    "which, or choose a process by 'pid N'",
				    word);
	return cr_strings_add(m->ret, word, strlen(word));
}

/* Looks at a word and the one behind it that may be its value; *used_ret is how
 * many they are. */
static struct cr_error *add_word(struct making *m, const struct cr_strings *w,
				 size_t i, size_t *used_ret)
{
	bool next;
	const struct cr_opt *opt = cr_opts_option(m->verb->opts,
						  cr_global_opts, w->item[i],
						  &next);
	*used_ret = next && i + 1 < w->nr ? 2 : 1;
	m->has_pid |= opt && opt->takes == CR_TAKES_PID;
	if (opt || (w->item[i][0] == '-' && w->item[i][1])) {
		struct cr_error *err = cr_strings_add(m->ret, w->item[i],
						      strlen(w->item[i]));
		if (err || *used_ret == 1)
			return err;
		const char *value = w->item[i + 1];
		return opt->takes == CR_TAKES_IMAGE ?
			       add_image(m, value) :
			       cr_strings_add(m->ret, value, strlen(value));
	}
	return cr_strings_add(&m->args, w->item[i], strlen(w->item[i]));
}

static struct cr_error *add_pid(struct making *m)
{
	cr_opts_for_each(opt, m->verb->opts) {
		if (opt->takes != CR_TAKES_PID || cr_opts_is_arg(opt) ||
		    m->has_pid || !m->here->has_pid)
			continue;
		m->has_pid = true;
		if (opt->name)
			return cr_strings_addf(m->ret, "--%s=%u", opt->name,
					       m->here->current);
		return cr_strings_addf(m->ret, "-%c%u", opt->letter,
				       m->here->current);
	}
	return NULL;
}

/* The process belongs to the checkpoint: to another one it is not added. */
static struct cr_error *add_args(struct making *m)
{
	size_t at, ignored, nr = 0;
	bool adds = cr_here_adds_checkpoint(m->here, m->verb, m->args.item,
					    m->args.nr, &at);
	struct cr_error *err = NULL;
	if (adds || !checkpoint_arg(m->verb->opts, &ignored))
		err = add_pid(m);
	/* What follows are arguments, whatever they look like. */
	if (!err)
		err = cr_strings_add(m->ret, "--", 2);
	for (size_t i = 0; !err && i <= m->args.nr; i++) {
		if (adds && i == at) {
			err = cr_strings_add(m->ret, m->here->path,
					     strlen(m->here->path));
			nr++;
		}
		if (err || i == m->args.nr)
			break;
		const struct cr_opt *opt = nth_arg(m->verb->opts, nr++);
		const char *word = m->args.item[i];
		err = opt && opt->takes == CR_TAKES_IMAGE ?
			      add_image(m, word) :
			      cr_strings_add(m->ret, word, strlen(word));
	}
	return err;
}

static struct cr_error *make(struct making *m, const struct cr_strings *words,
			     bool view)
{
	struct cr_error *err = cr_strings_add(m->ret, m->verb->name,
					      strlen(m->verb->name));
	bool dashes = false;
	size_t used;
	for (size_t i = view ? 0 : 1; !err && i < words->nr; i += used) {
		const char *word = words->item[i];
		used = 1;
		if (dashes)
			err = cr_strings_add(&m->args, word, strlen(word));
		else if (!strcmp(word, "--"))
			dashes = true;
		else
			err = add_word(m, words, i, &used);
	}
	return err ? err : add_args(m);
}

struct cr_error *cr_here_words(const struct cr_here *here,
			       const struct cr_command *command,
			       const struct cr_strings *words,
			       struct cr_strings *ret)
{
	bool view = false;
	struct making m = { .here = here, .ret = ret };
	struct cr_error *err = NULL;
	m.verb = words->nr ? cr_here_verb(command, words->item[0], &view) :
			     NULL;
	if (m.verb) {
		err = make(&m, words, view);
		cr_strings_free(&m.args);
		return err;
	}
	for (size_t i = 0; !err && i < words->nr; i++)
		err = cr_strings_add(ret, words->item[i],
				     strlen(words->item[i]));
	return err;
}
