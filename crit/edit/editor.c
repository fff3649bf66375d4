// SPDX-License-Identifier: MIT
/*
 * Images as pretty JSON in the user's editor. The files stand in a directory
 * that nobody else can enter, for they hold all that the images do.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crit/edit/edit.h"
#include "lib/base/cleanup.h"
#include "lib/image/json.h"
#include "lib/ops/tree/document.h"

extern char **environ;

struct editor {
	struct cr_edit_call *call;
	char dir[64]; /* the temporary one; "" before it is there */
	char **path;  /* of the files, from index 4 on: what sh is given before
			 them */
	char *const *image;
	size_t nr;
};

#define FIRST_PATH 4

/* ---- files ---- */

static struct cr_error *write_json(struct editor *e, const char *image, int fd)
{
	struct cr_codec codec;
	struct cr_file file;
	struct cr_file_cursor cursor;
	struct cr_source src = { 0 };
	struct cr_out out = { 0 };
	struct cr_error *err =
		cr_store_open_file(e->call->set->store, image, &file);
	if (err)
		return err;
	cr_codec_init(&codec, (struct cr_style){ .indent = true,
						 .forms = true });
	err = cr_file_source(&file, &cursor, &src);
	if (!err)
		err = cr_out_init_fd(&out, fd, true);
	if (!err)
		err = cr_image_to_json(&codec, &src, image, false, &out);
	if (!err)
		err = cr_out_put(&out, "\n", 1);
	if (!err)
		err = cr_out_flush(&out);
	cr_out_deinit(&out);
	cr_source_deinit(&src);
	cr_file_close(&file);
	cr_codec_deinit(&codec);
	return err ? cr_error_at(err, "%s", image) : NULL;
}

static struct cr_error *make_file(struct editor *e, size_t i)
{
	const char *image = e->image[i];
	char *path;
	if (asprintf(&path, "%s/%s.json", e->dir, image) < 0)
		return cr_enomem;
	e->path[FIRST_PATH + i] = path;
	cr_auto_close int fd =
		open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return cr_error_sys("%s", path);
	return write_json(e, image, fd);
}

static struct cr_error *make_files(struct editor *e)
{
	static const char here[] = "/crit-edit-XXXXXX";
	const char *tmp = getenv("TMPDIR");
	if (!tmp || strlen(tmp) + sizeof(here) > sizeof(e->dir))
		tmp = "/tmp";
	strcpy(stpcpy(e->dir, tmp), here);
	if (!mkdtemp(e->dir)) {
		struct cr_error *err = cr_error_sys("%s", e->dir);
		*e->dir = 0;
		return err;
	}
	struct cr_error *err = NULL;
	for (size_t i = 0; i < e->nr && !err; i++)
		err = make_file(e, i);
	return err;
}

/* Editors leave backups, which hold the same. */
static void remove_files(struct editor *e)
{
	if (!*e->dir)
		return;
	char *const argv[] = { (char[]){ "rm" }, (char[]){ "-rf" },
			       (char[]){ "--" }, e->dir, NULL };
	pid_t pid;
	if (!posix_spawnp(&pid, "rm", NULL, NULL, argv, environ))
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
}

/* ---- the editor ---- */

static const char *editor_command(void)
{
	const char *command = getenv("VISUAL");
	if (!command || !*command)
		command = getenv("EDITOR");
	return command && *command ? command : "vi";
}

/* What it is may have arguments, and blanks in quotes, as the shell reads them. */
static struct cr_error *run_editor(struct editor *e)
{
	cr_auto_free char *script = NULL;
	pid_t pid;
	int status;
	if (asprintf(&script, "%s \"$@\"", editor_command()) < 0)
		return cr_enomem;
	e->path[0] = (char[]){ "sh" };
	e->path[1] = (char[]){ "-c" };
	e->path[2] = script;
	e->path[3] = (char[]){ "sh" };
	errno = posix_spawn(&pid, "/bin/sh", NULL, NULL, e->path, environ);
	if (errno)
		return cr_error_sys("/bin/sh");
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return cr_error_sys("waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return cr_error_new(CR_ERR_SYSTEM,
				    "the editor '%s' failed: nothing was "
				    "changed",
				    editor_command());
	return NULL;
}

/* ---- back ---- */

static struct cr_error *read_json(const char *path, json_t **ret)
{
	struct cr_reader r = { 0 };
	cr_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return cr_error_sys("%s", path);
	struct cr_error *err = cr_reader_init_fd(&r, fd);
	if (!err)
		err = cr_tree_read(&r, ret);
	if (!err) {
		err = cr_reader_end(&r);
		if (err)
			json_decref(*ret);
	}
	cr_reader_deinit(&r);
	return err;
}

static struct cr_error *take_back(struct editor *e, struct cr_tree *tree,
				  struct cr_document *doc, size_t i)
{
	json_t *root;
	const char *image = e->image[i];
	struct cr_error *err = read_json(e->path[FIRST_PATH + i], &root);
	if (err)
		return cr_error_at(err, "%s", image);
	err = cr_document_open(e->call->change, tree, image, doc);
	if (err) {
		json_decref(root);
		return err;
	}
	return cr_document_adopt(doc, root);
}

/* All are read before one is changed, so that it can be tried again. */
static struct cr_error *take_all(struct editor *e)
{
	struct cr_tree tree;
	struct cr_document *docs = calloc(e->nr, sizeof(docs[0]));
	struct cr_error *err = docs ? cr_tree_init(&tree) : cr_enomem;
	if (!docs)
		return err;
	for (size_t i = 0; i < e->nr && !err; i++)
		err = take_back(e, &tree, &docs[i], i);
	for (size_t i = 0; i < e->nr && !err; i++)
		err = cr_document_save(&docs[i]);
	for (size_t i = 0; i < e->nr; i++)
		cr_document_close(&docs[i]);
	cr_tree_deinit(&tree);
	free(docs);
	return err;
}

static bool edit_again(struct cr_error *err)
{
	char answer[16];
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return false;
	fprintf(stderr, "crit: %s\nedit again? [Y/n] ", cr_error_text(err));
	fflush(stderr);
	return fgets(answer, sizeof(answer), stdin) && *answer != 'n' &&
	       *answer != 'N';
}

static struct cr_error *edit(struct editor *e)
{
	struct cr_error *err = make_files(e);
	while (!err) {
		err = run_editor(e);
		if (err)
			return err;
		err = take_all(e);
		if (!err || !edit_again(err))
			return err;
		cr_error_free(err);
		err = NULL;
	}
	return err;
}

struct cr_error *cr_edit_act_editor(struct cr_edit_call *call)
{
	const struct cr_words *args = &call->o->args;
	struct editor e = {
		.call = call,
		.image = call->image ? &call->image : args->word,
		.nr = call->image ? 1 : args->nr,
	};
	if (!e.nr || (call->image && args->nr))
		return cr_error_new(CR_ERR_USAGE,
				    "--editor takes the names of images, if "
				    "TARGET is not one itself");
	for (size_t i = 0; i < e.nr; i++)
		if (strchr(e.image[i], '/'))
			return cr_error_new(CR_ERR_USAGE,
					    "'%s' is not the name of an image",
					    e.image[i]);
	e.path = calloc(FIRST_PATH + e.nr + 1, sizeof(e.path[0]));
	if (!e.path)
		return cr_enomem;
	struct cr_error *err = edit(&e);
	remove_files(&e);
	for (size_t i = 0; i < e.nr; i++)
		free(e.path[FIRST_PATH + i]);
	free(e.path);
	return err;
}
