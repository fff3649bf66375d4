// SPDX-License-Identifier: MIT
#include "lib/store/container.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/store/json.h"

/* The files, parsed; NULL: not there or broken. */
struct files {
	json_t *config, *spec, *status;
	json_t *annotations; /* of spec; borrowed */
	bool any;	     /* one of them is there */
};

/* ---- engines ---- */

/* An engine: how its annotations name things. */
struct engine {
	const char *name;
	const char *key, *value; /* an annotation that tells; NULL: any value */
	const char *container, *id, *image, *pod, *namespace;
};

// To add an engine: a row, and an archive of it in tests/unit/lib/store/container.c.
// clang-format off
static const struct engine engines[] = {
	{ "podman", "io.container.manager", "libpod", NULL, NULL, NULL, NULL, NULL },
	{ "cri-o", "io.container.manager", "cri-o",
	  "io.kubernetes.container.name", "io.kubernetes.cri-o.ContainerID", "io.kubernetes.cri-o.ImageName",
	  "io.kubernetes.pod.name", "io.kubernetes.pod.namespace" },
	{ "containerd", "io.kubernetes.cri.container-name", NULL,
	  "io.kubernetes.cri.container-name", NULL, "io.kubernetes.cri.image-name",
	  "io.kubernetes.cri.sandbox-name", "io.kubernetes.cri.sandbox-namespace" },
	{ NULL },
};
// clang-format on

static const struct engine *find_engine(const struct files *f)
{
	const struct engine *e = engines;
	for (; e->name; e++) {
		const char *value = cr_store_json_text(f->annotations, e->key);
		if (value && (!e->value || !strcmp(value, e->value)))
			break;
	}
	return e;
}

/* ---- files ---- */

/* A file beside the images; *ret NULL if it is not there or not good. */
static struct cr_error *read_json(struct cr_store *store, const char *name,
				  struct files *f, json_t **ret)
{
	struct cr_file file;
	*ret = NULL;
	struct cr_error *err = cr_store_open_beside(store, name, &file);
	if (cr_error_catch(&err, CR_ERR_NOT_FOUND))
		return NULL;
	f->any = true;
	if (!err) {
		err = cr_store_json_read(&file, ret);
		if (err)
			err = cr_error_at(err, "%s", name);
		cr_file_close(&file);
	}
	if (err && cr_error_code(err) == CR_ERR_FORMAT) {
		cr_store_found(store, err);
		return NULL;
	}
	return err;
}

static struct cr_error *read_files(struct cr_store *store, struct files *f)
{
	struct cr_error *err = read_json(store, "config.dump", f, &f->config);
	if (!err)
		err = read_json(store, "spec.dump", f, &f->spec);
	bool any = f->any;
	if (!err)
		err = read_json(store, "status", f, &f->status);
	/* A name that says little alone. */
	f->any = any;
	f->annotations = json_object_get(f->spec, "annotations");
	return err;
}

static void drop_files(struct files *f)
{
	json_decref(f->config);
	json_decref(f->spec);
	json_decref(f->status);
}

/* ---- facts ---- */

/* The first of two texts that is there. */
static struct cr_error *set(char **ret, const char *first, const char *second)
{
	const char *text = first ?: second;
	if (!text)
		return NULL;
	*ret = strdup(text);
	return *ret ? NULL : cr_enomem;
}

static const char *annotation(const struct files *f, const char *key)
{
	return key ? cr_store_json_text(f->annotations, key) : NULL;
}

/* containerd's status has it in nanoseconds. */
static int64_t created(const struct files *f)
{
	int64_t ns = json_integer_value(
		json_object_get(f->status, "CreatedAt"));
	return ns > 0 ? ns / 1000000000 :
			cr_store_json_time(f->config, "createdTime");
}

static struct cr_error *set_all(struct cr_container *c, const struct files *f)
{
	const struct engine *e = find_engine(f);
	const char *image = cr_store_json_text(f->config, "rootfsImageName");
	c->engine = e->name ?: f->any ? e->name : "criu";
	c->created = created(f);
	c->checkpointed = cr_store_json_time(f->config, "checkpointedTime");
	struct cr_error *err = set(&c->id, cr_store_json_text(f->config, "id"),
				   annotation(f, e->id));
	if (!err)
		err = set(&c->name, annotation(f, e->container),
			  cr_store_json_text(f->config, "name"));
	if (!err)
		err = set(&c->image, image, annotation(f, e->image));
	if (!err)
		err = set(&c->runtime, cr_store_json_text(f->config, "runtime"),
			  NULL);
	if (!err)
		err = set(&c->pod, annotation(f, e->pod), NULL);
	if (!err)
		err = set(&c->namespace, annotation(f, e->namespace), NULL);
	return err;
}

struct cr_error *cr_container_init(struct cr_container *c,
				   struct cr_store *store)
{
	struct files f = { 0 };
	*c = (struct cr_container){ 0 };
	struct cr_error *err = read_files(store, &f);
	if (!err)
		err = set_all(c, &f);
	drop_files(&f);
	if (err)
		cr_container_deinit(c);
	return err;
}

void cr_container_deinit(struct cr_container *c)
{
	free(c->id);
	free(c->name);
	free(c->image);
	free(c->runtime);
	free(c->pod);
	free(c->namespace);
	*c = (struct cr_container){ 0 };
}
