// SPDX-License-Identifier: MIT
/*
 * Edits that keep images consistent, of an image that may hold anything. The
 * first byte chooses the type, the second the edit (255: one after the other); the
 * rest is the image behind its magic.
 *
 * They are done or refused; what they make of an image that could be read can be
 * read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/image/types.h"
#include "lib/ops/domain.h"
#include "lib/ops/tree.h"
#include "tests/fuzz/fuzz.h"

// clang-format off
static const struct {
	cr_domain_fn *fn;
	char *word[2];
	size_t nr;
} edits[] = {
	{ cr_domain_path,       { (char[]){ "/=/x" },            (char[]){ "@=@y" } }, 2 },
	{ cr_domain_ip,         { (char[]){ "127.0.0.1=1.2.3.4" }, (char[]){ "::=::1" } }, 2 },
	{ cr_domain_port,       { (char[]){ "80=81" } }, 1 },
	{ cr_domain_pid,        { NULL }, 0 },
	{ cr_domain_env,        { (char[]){ "A=b" } }, 1 },
	{ cr_domain_cgroup,     { (char[]){ "/a=/b/c" },         (char[]){ "/a/b=/" } }, 2 },
	{ cr_domain_cgroup,     { (char[]){ "strip" } }, 1 },
	{ cr_domain_mount,      { (char[]){ "/" },               (char[]){ "mountpoint=/m" } }, 2 },
	{ cr_domain_lsm,        { (char[]){ "clear" } }, 1 },
	{ cr_domain_rlimit,     { (char[]){ "nofile=1:" } }, 1 },
	{ cr_domain_cred,       { (char[]){ "uid=1" },           (char[]){ "cap_eff=none" } }, 2 },
	{ cr_domain_uts,        { (char[]){ "host=x" } }, 1 },
	{ cr_domain_tcp,        { (char[]){ "close" } }, 1 },
	{ cr_domain_file_check, { (char[]){ "clear" } }, 1 },
};
// clang-format on

static char dir[] = "/tmp/crit-fuzz-XXXXXX", name[64];

static void clean(void)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
	snprintf(path, sizeof(path), "%s/pstree.img", dir);
	unlink(path);
	rmdir(dir);
}

/* Of a name such as "core-%u.img|...": the first, with a 7. */
static void set_name(const struct cr_image_type *type)
{
	int n = (int)strcspn(type->files, "%|");
	bool number = type->files[n] == '%';
	snprintf(name, sizeof(name), "%.*s%s", n, type->files,
		 number ? "7.img" : "");
}

static void put_image(const struct cr_image_type *type, const uint8_t *data,
		      size_t size)
{
	static const uint32_t magics[] = { 0, CR_MAGIC_COMMON,
					   CR_MAGIC_SERVICE };
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *out = fopen(path, "w");
	if (!out)
		abort();
	if (type->form != CR_FORM_OWN)
		fwrite(&magics[type->form], 4, 1, out);
	fwrite(&type->magic, 4, 1, out);
	fwrite(data, 1, size, out);
	fclose(out);
}

/* A process 7, for what goes by the tree. */
static void put_tree(void)
{
	static const uint8_t bytes[] = {
		0x19, 0x43, 0x56, 0x54, 0x30, 0x30, 0x27, 0x50, /* magics */
		10, 0, 0, 0, 0x08, 7, 0x10, 0, 0x18, 7, 0x20, 7, 0x28, 7,
	};
	char path[128];
	snprintf(path, sizeof(path), "%s/pstree.img", dir);
	FILE *out = fopen(path, "w");
	if (!out || fwrite(bytes, sizeof(bytes), 1, out) != 1)
		abort();
	fclose(out);
}

static struct cr_error *keep(void *arg, const struct cr_rewrite_at *at,
			     json_t *entry, enum cr_rewrite *ret)
{
	return NULL;
}

static struct cr_error *look(struct cr_change *change)
{
	return cr_rewrite_look(cr_change_set(change), name, NULL, keep, NULL);
}

static void run_edit(size_t i)
{
	struct cr_change_opts opts = { .dry_run = true };
	struct cr_domain d = { .if_exists = true, .offset = 1 };
	if (cr_change_open(dir, &opts, &d.change))
		abort();
	struct cr_error *err = look(d.change);
	bool readable = !err;
	cr_error_free(err);
	err = edits[i].fn(&d, edits[i].word, edits[i].nr);
	if (err && cr_error_code(err) == CR_ERR_INTERNAL)
		fuzz_fail("an internal error", err);
	bool done = !err;
	cr_error_free(err);
	err = done && readable ? look(d.change) : NULL;
	/* Its name may be another one. */
	if (err && cr_error_code(err) != CR_ERR_NOT_FOUND)
		fuzz_fail("what it made cannot be read", err);
	cr_error_free(err);
	cr_change_close(d.change);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool made;
	if (size < 2)
		return 0;
	if (!made) {
		if (!mkdtemp(dir))
			abort();
		atexit(clean);
		made = true;
	}
	const struct cr_image_type *type =
		&cr_image_types[data[0] % cr_nr_image_types];
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (*name)
		unlink(path);
	set_name(type);
	put_tree();
	put_image(type, data + 2, size - 2);
	size_t nr = sizeof(edits) / sizeof(edits[0]);
	for (size_t i = 0; i < nr && data[1] == 255; i++)
		run_edit(i);
	if (data[1] != 255)
		run_edit(data[1] % nr);
	return 0;
}
