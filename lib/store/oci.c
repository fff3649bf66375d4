// SPDX-License-Identifier: MIT
/*
 * An OCI image layout, a directory, with a checkpoint as a layer: what `podman
 * container checkpoint --create-image` or buildah make of an archive, and skopeo
 * copies. The first layer with images in it, of the first image that has one,
 * is the checkpoint.
 *
 * Sizes are those that the manifest says, or it is an error. So are digests,
 * but a layer's is computed only up to CHECKED_SIZE.
 *
 * Sources: github.com/opencontainers/image-spec v1.1, image-layout.md,
 * descriptor.md, image-index.md, manifest.md.
 */
#include "lib/store/store.h"

#include <stdlib.h>
#include <string.h>

#include <nettle/base16.h>
#include <nettle/sha2.h>

#include "lib/base/cleanup.h"
#include "lib/store/json.h"

/* Layers that are larger are taken as they are. */
#define CHECKED_SIZE (16 * 1024 * 1024)

/* An index may name indexes. Real layouts have one or two levels. */
#define MAX_DEPTH 4

/* What all manifests and indexes may name. */
#define MAX_BLOBS 256

struct layout {
	struct cr_store *dir;
	const struct cr_store_limits *limits;
	struct cr_store *found; /* where the checkpoint goes */
	bool done;
	unsigned nr_blobs, nr_layers;
};

/* ---- blobs ---- */

static struct cr_error *check_digest(struct cr_file *file, const char *want)
{
	struct sha256_ctx sha;
	uint8_t chunk[16 * 1024], digest[SHA256_DIGEST_SIZE];
	char got[BASE16_ENCODE_LENGTH(SHA256_DIGEST_SIZE) + 1] = "";
	sha256_init(&sha);
	for (uint64_t off = 0; off < file->size;) {
		uint64_t left = file->size - off;
		size_t n = left < sizeof(chunk) ? (size_t)left : sizeof(chunk);
		struct cr_error *err = cr_file_read(file, chunk, n, off);
		if (err)
			return err;
		sha256_update(&sha, n, chunk);
		off += n;
	}
	sha256_digest(&sha, sizeof(digest), digest);
	base16_encode_update(got, sizeof(digest), digest);
	if (strcmp(got, want))
		return cr_error_new(CR_ERR_FORMAT,
				    "its digest is sha256:%s, not what its "
				    "name says",
				    got);
	return NULL;
}

/* The digits of "sha256:..."; NULL if it is not that. */
static const char *digits_of(const char *digest)
{
	if (!digest || strncmp(digest, "sha256:", 7))
		return NULL;
	digest += 7;
	return strlen(digest) == 64 &&
			       strspn(digest, "0123456789abcdef") == 64 ?
		       digest :
		       NULL;
}

/* Opens what a descriptor names. */
static struct cr_error *open_blob(struct layout *l, const json_t *descriptor,
				  uint64_t checked_size, struct cr_file *ret)
{
	char name[] = "blobs/sha256/"
		      "0000000000000000000000000000000000000000000000000000000"
		      "000000000";
	const char *digest = cr_store_json_text(descriptor, "digest");
	const char *digits = digits_of(digest);
	json_int_t size =
		json_integer_value(json_object_get(descriptor, "size"));
	if (!digits)
		return cr_error_new(CR_ERR_FORMAT,
				    "'%s' is no digest of sha256",
				    digest ?: "");
	if (++l->nr_blobs > MAX_BLOBS)
		return cr_error_new(CR_ERR_FORMAT, "more than %d blobs",
				    MAX_BLOBS);
	memcpy(name + sizeof(name) - 65, digits, 64);
	struct cr_error *err = cr_store_open_file(l->dir, name, ret);
	/* It is the layout that lacks it. */
	if (cr_error_catch(&err, CR_ERR_NOT_FOUND))
		return cr_error_new(CR_ERR_FORMAT, "%s: is missing", name);
	if (err)
		return err;
	if (size < 0 || ret->size != (uint64_t)size)
		err = cr_error_new(CR_ERR_FORMAT, "%llu bytes, not %lld",
				   (unsigned long long)ret->size,
				   (long long)size);
	else if (ret->size <= checked_size)
		err = check_digest(ret, digits);
	if (err)
		cr_file_close(ret);
	return err ? cr_error_at(err, "%s", name) : NULL;
}

/* A blob that is JSON, to be freed with json_decref(). */
static struct cr_error *read_blob(struct layout *l, const json_t *descriptor,
				  json_t **ret)
{
	struct cr_file file;
	struct cr_error *err = open_blob(l, descriptor, UINT64_MAX, &file);
	if (err)
		return err;
	err = cr_store_json_read(&file, ret);
	cr_file_close(&file);
	return err ? cr_error_at(err, "%s",
				 cr_store_json_text(descriptor, "digest")) :
		     NULL;
}

/* ---- from the index to the layer ---- */

/* Makes the layer the store, if it is an archive with images. */
static struct cr_error *try_layer(struct layout *l, const json_t *descriptor)
{
	struct cr_file file;
	struct cr_store layer = { .dir_fd = -1, .top_fd = -1 };
	struct cr_error *err = open_blob(l, descriptor, CHECKED_SIZE, &file);
	if (err)
		return err;
	l->nr_layers++;
	err = cr_store_open_archive(file.fd, l->limits, &layer);
	cr_file_close(&file);
	if (!err) {
		l->found->ops = layer.ops;
		l->found->data = layer.data;
		l->done = true;
	}
	for (size_t i = 0; i < layer.findings.nr; i++) {
		if (l->done)
			cr_store_found(l->found, layer.findings.err[i]);
		else
			cr_error_free(layer.findings.err[i]);
	}
	l->found->findings.nr_more += l->done ? layer.findings.nr_more : 0;
	if (cr_error_catch(&err, CR_ERR_NOT_FOUND))
		return NULL;
	return err ? cr_error_at(err, "%s",
				 cr_store_json_text(descriptor, "digest")) :
		     NULL;
}

static struct cr_error *try_layers(struct layout *l, const json_t *manifest)
{
	const json_t *layers = json_object_get(manifest, "layers");
	for (size_t i = 0; !l->done && i < json_array_size(layers); i++) {
		struct cr_error *err =
			try_layer(l, json_array_get(layers, i));
		if (err)
			return err;
	}
	return NULL;
}

/* An index has manifests, which are manifests or indexes; a manifest has
 * layers. Media types are not asked: Docker's are others. */
static struct cr_error *try_index(struct layout *l, const json_t *index,
				  unsigned depth)
{
	const json_t *manifests = json_object_get(index, "manifests");
	if (!manifests)
		return try_layers(l, index);
	if (depth >= MAX_DEPTH)
		return cr_error_new(CR_ERR_FORMAT,
				    "indexes nest deeper than %d", MAX_DEPTH);
	for (size_t i = 0; !l->done && i < json_array_size(manifests); i++) {
		json_t *next = NULL;
		struct cr_error *err =
			read_blob(l, json_array_get(manifests, i), &next);
		if (!err)
			err = try_index(l, next, depth + 1);
		json_decref(next);
		if (err)
			return err;
	}
	return NULL;
}

static struct cr_error *read_index(struct layout *l, json_t **ret)
{
	struct cr_file file;
	struct cr_error *err = cr_store_open_file(l->dir, "index.json", &file);
	if (cr_error_catch(&err, CR_ERR_NOT_FOUND))
		return cr_error_new(CR_ERR_FORMAT,
				    "an OCI image layout without index.json");
	if (err)
		return err;
	err = cr_store_json_read(&file, ret);
	cr_file_close(&file);
	return err ? cr_error_at(err, "index.json") : NULL;
}

static struct cr_error *search(struct layout *l)
{
	json_t *index = NULL;
	struct cr_error *err = read_index(l, &index);
	if (!err)
		err = try_index(l, index, 0);
	size_t nr = json_array_size(json_object_get(index, "manifests"));
	json_decref(index);
	if (err)
		return err;
	if (!l->done)
		return cr_error_new(CR_ERR_NOT_FOUND,
				    "an OCI image without a checkpoint: none "
				    "of its layers (%u) has images",
				    l->nr_layers);
	if (nr > 1)
		cr_store_found(l->found,
			       cr_error_new(CR_ERR_FORMAT,
					    "%zu images; the first with a "
					    "checkpoint is read",
					    nr));
	return NULL;
}

struct cr_error *cr_store_open_oci(int fd, const struct cr_store_limits *limits,
				   struct cr_store *store)
{
	struct cr_store dir = { .dir_fd = -1, .top_fd = -1 };
	struct cr_error *err = cr_store_open_dir(fd, &dir);
	if (err)
		return err;
	struct layout l = { .dir = &dir, .limits = limits, .found = store };
	err = search(&l);
	dir.ops->close(&dir);
	return err;
}
