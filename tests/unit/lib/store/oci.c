// SPDX-License-Identifier: MIT
#include "lib/store/store.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nettle/base16.h>
#include <nettle/sha2.h>

#include "tests/support/codec.h"
#include "tests/support/files.h"
#include "tests/support/main.h"
#include "tests/support/tar.h"

// A layout is built from its leaves: each blob gives the descriptor that names
// it. JSON is written with ' for ".

static const char *digest_of(struct bytes b)
{
	struct sha256_ctx sha;
	uint8_t digest[SHA256_DIGEST_SIZE];
	char *got = cr_test_alloc(65);

	sha256_init(&sha);
	sha256_update(&sha, b.size, b.p);
	sha256_digest(&sha, sizeof(digest), digest);
	base16_encode_update(got, sizeof(digest), digest);
	return got;
}

static void make_dir(const char *name)
{
	ck_assert(!mkdir(cr_test_path(name), 0700) || errno == EEXIST);
}

static void put(const char *name, struct bytes b)
{
	make_dir("blobs");
	make_dir("blobs/sha256");
	unlink(cr_test_path(name));
	cr_test_file(name, b, 0600);
}

static const char *described(struct bytes b, const char *digest, size_t size)
{
	put(cr_test_format("blobs/sha256/%s", digest), b);
	return cr_test_format("{'mediaType': 'x', 'digest': 'sha256:%s', "
			      "'size': %zu}",
			      digest, size);
}

static const char *blob(struct bytes b)
{
	return described(b, digest_of(b), b.size);
}

static struct bytes json(const char *fmt, const char *a, const char *b)
{
	return text(cr_test_quotes(cr_test_format(
		"{'%s': [%s%s%s]}", fmt, a, *b ? ", " : "", b)));
}

#define manifest(a, b) json("layers", a, b)
#define index(a, b)    json("manifests", a, b)

static const char *layout(struct bytes index_json)
{
	put("oci-layout", text("{\"imageLayoutVersion\": \"1.0.0\"}"));
	put("index.json", index_json);
	return cr_test_dir();
}

static const char *open_bad(const char *path)
{
	struct cr_store *store;
	struct cr_error *err = cr_store_open(path, &store);

	ck_assert(err);
	char *got = cr_test_error(err), *at = strstr(got, path);

	ck_assert_ptr_nonnull(at);
	memmove(at, at + strlen(path) + 2, strlen(at + strlen(path) + 2) + 1);
	return got;
}

static struct bytes checkpoint(const char *what)
{
	return tar(tar_file("checkpoint/pstree.img", text(what)),
		   tar_file("config.dump", text("{}")));
}

static const char *read_all(struct cr_file *f, struct cr_error *err)
{
	char *got = cr_test_alloc(100);

	if (err)
		return cr_test_error(err);
	ck_assert_ptr_null(cr_file_read(f, got, f->size, 0));
	cr_file_close(f);
	return got;
}

static void assert_holds(const char *path, const char *what,
			 const char *finding)
{
	struct cr_store *store;
	struct cr_error *err = cr_store_open(path, &store);
	struct cr_file f;

	ck_assert_msg(!err, "%s", err ? cr_error_text(err) : "");
	assert_text(read_all(&f, cr_store_open_file(store, "pstree.img", &f)),
		    what);
	assert_text(read_all(&f, cr_store_open_top(store, "config.dump", &f)),
		    "{}");
	assert_text(store->findings.nr ?
			    cr_error_text(store->findings.err[0]) :
			    "",
		    finding);
	cr_store_close(store);
}

TEST(the_layer_with_images_is_the_checkpoint)
{
	const char *other = blob(tar(tar_file("bin/sh", text("elf"))));
	const char *layer = blob(checkpoint("P"));

	assert_holds(layout(index(blob(manifest(layer, "")), "")), "P", "");
	assert_holds(layout(index(blob(manifest(other, layer)), "")), "P", "");
	assert_holds(layout(index(blob(manifest(
				  blob(cr_test_compress("zstd",
							checkpoint("Z"))),
				  layer)),
				  "")),
		     "Z", "");
}

TEST(an_index_may_name_indexes_and_images_without_a_checkpoint)
{
	const char *empty = blob(manifest(
		blob(cr_test_compress("gzip",
				      tar(tar_file("x", text("x"))))),
		""));
	const char *image = blob(manifest(blob(checkpoint("P")), ""));

	assert_holds(layout(index(blob(index(blob(index(empty, "")), image)),
				  "")),
		     "P", "");
	assert_holds(layout(index(empty, image)), "P",
		     "2 images; the first with a checkpoint is read");
}

TEST(what_is_odd_in_the_layer_is_found)
{
	struct bytes twice = tar(tar_file("config.dump", text("{}")),
				 tar_file("checkpoint/pstree.img", text("1")),
				 tar_file("checkpoint/pstree.img", text("2")));

	assert_holds(layout(index(blob(manifest(blob(twice), "")), "")), "2",
		     "checkpoint/pstree.img: there 2 times; the last one "
		     "counts");
}

TEST(a_layout_without_a_checkpoint_is_none)
{
	const char *other = blob(tar(tar_file("bin/sh", text("elf"))));

	assert_text(open_bad(layout(index(blob(manifest(other, other)), ""))),
		    "! NOT_FOUND an OCI image without a checkpoint: none of "
		    "its layers (2) has images");
	assert_text(open_bad(layout(text("[]"))),
		    "! NOT_FOUND an OCI image without a checkpoint: none of "
		    "its layers (0) has images");
}

TEST(digests_and_sizes_are_checked)
{
	struct bytes layer = checkpoint("P");
	const char *digest = digest_of(text("something else"));

	assert_text(open_bad(layout(index(
			    blob(manifest(described(layer, digest, layer.size),
					  "")),
			    ""))),
		    cr_test_format("! FORMAT blobs/sha256/%s: its digest is "
				   "sha256:%s, not what its name says",
				   digest, digest_of(layer)));
	assert_text(open_bad(layout(index(
			    blob(manifest(described(layer, digest_of(layer),
						    7),
					  "")),
			    ""))),
		    cr_test_format("! FORMAT blobs/sha256/%s: %zu bytes, not 7",
				   digest_of(layer), layer.size));
	assert_text(open_bad(layout(index(
			    described(text("{}"), digest, 2), ""))),
		    cr_test_format("! FORMAT blobs/sha256/%s: its digest is "
				   "sha256:%s, not what its name says",
				   digest, digest_of(text("{}"))));
}

TEST(a_blob_that_is_missing_or_misnamed_is_an_error)
{
	assert_text(open_bad(layout(index("{'digest': "
					  "'sha256:../../../etc/passwd'}",
					  ""))),
		    "! FORMAT 'sha256:../../../etc/passwd' is no digest of "
		    "sha256");
	assert_text(open_bad(layout(index("7", ""))),
		    "! FORMAT '' is no digest of sha256");
	assert_text(open_bad(layout(index("{'digest': 'sha512:12'}", ""))),
		    "! FORMAT 'sha512:12' is no digest of sha256");
	const char *digest = digest_of(text("nothing"));

	assert_text(open_bad(layout(index(
			    cr_test_format("{'digest': 'sha256:%s', "
					   "'size': 1}",
					   digest),
			    ""))),
		    cr_test_format("! FORMAT blobs/sha256/%s: is missing",
				   digest));
}

TEST(a_blob_that_is_a_link_to_the_outside_is_an_error)
{
	const char *digest = digest_of(text("link"));
	const char *name = cr_test_format("blobs/sha256/%s", digest);

	make_dir("blobs");
	make_dir("blobs/sha256");
	ck_assert_int_eq(symlink("/etc/passwd", cr_test_path(name)), 0);
	assert_text(open_bad(layout(index(
			    cr_test_format("{'digest': 'sha256:%s', "
					   "'size': 1}",
					   digest),
			    ""))),
		    cr_test_format("! FORMAT %s: leads out of the checkpoint",
				   name));
}

TEST(json_that_is_broken_or_nests_is_an_error)
{
	const char *deep = blob(index("", ""));

	assert_text(open_bad(layout(text("{"))),
		    "! FORMAT index.json: line 1 column 1: string or '}' "
		    "expected near end of file");
	for (int i = 0; i < 5; i++)
		deep = blob(index(deep, ""));
	assert_text(open_bad(layout(index(deep, ""))),
		    "! FORMAT indexes nest deeper than 4");
	unlink(cr_test_path("index.json"));
	assert_text(open_bad(cr_test_dir()),
		    "! FORMAT an OCI image layout without index.json");
}

TEST(the_number_of_blobs_has_a_limit)
{
	const char *other = blob(tar(tar_file("x", text("x"))));
	const char *all = other;

	for (int i = 0; i < 300; i++)
		all = cr_test_format("%s, %s", all, other);
	assert_text(open_bad(layout(index(blob(manifest(all, "")), ""))),
		    "! FORMAT more than 256 blobs");
}

TEST(a_broken_layer_is_an_error)
{
	struct bytes b = cr_test_compress("gzip", checkpoint("P"));
	struct bytes cut = { b.p, b.size / 2 };

	assert_text(open_bad(layout(index(blob(manifest(blob(cut), "")), ""))),
		    cr_test_format("! FORMAT sha256:%s: byte 0 expanded: "
				   "truncated gzip input",
				   digest_of(cut)));
}

TEST_MAIN("lib/store/oci")
