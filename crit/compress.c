// SPDX-License-Identifier: MIT
#include "lib/ops/compress.h"

#include <inttypes.h>

#include "crit/change.h"
#include "crit/verb.h"
#include "lib/pages/lz4.h"
#include "lib/pages/pagemap.h"

struct compress {
	const char *target, *block_size;
	uint64_t acceleration;
	bool in_place;
	struct cr_crit_change change;
};

// clang-format off
#define TARGET \
	{ CR_ARG, CR_STRING(struct compress, target, CR_TAKES_CHECKPOINT), "TARGET", "the checkpoint: a directory or an archive" }
#define IN_PLACE \
	{ 0, "in-place", NULL, CR_FLAG(struct compress, in_place), NULL, "accepted and ignored: without -o it always is" }

static const struct cr_opt compress_opts[] = {
	{ 0, "block-size", NULL, CR_STRING(struct compress, block_size, CR_TAKES_ANYTHING), "SIZE", "bytes to pack as one, with K or M behind it (default: 256K)" },
	{ 0, "acceleration", NULL, CR_NUMBER(struct compress, acceleration), "N", "1 packs best, more is faster (default: 1)" },
	IN_PLACE,
	CR_CRIT_CHANGE_OPTS(struct compress, change),
	TARGET,
	{ 0 },
};

static const struct cr_opt decompress_opts[] = {
	IN_PLACE,
	CR_CRIT_CHANGE_OPTS(struct compress, change),
	TARGET,
	{ 0 },
};
// clang-format on

static struct cr_error *read_options(const struct compress *o,
				     uint32_t *block_size_ret,
				     unsigned *acceleration_ret)
{
	uint64_t size = CR_COMPRESS_BLOCK_SIZE;
	uint64_t acceleration = o->acceleration ?: 1;
	struct cr_error *err = NULL;
	if (o->block_size)
		err = cr_opts_size(o->block_size, &size);
	if (!err && (size < 4096 || size > CR_BLOCK_MAX || size % 4096))
		err = cr_error_new(CR_ERR_USAGE,
				   "%s is no multiple of 4096 of at most 4M",
				   o->block_size);
	if (err)
		return cr_error_at(err, "--block-size");
	if (acceleration > CR_LZ4_ACCELERATION_MAX)
		return cr_error_new(CR_ERR_USAGE,
				    "--acceleration: at most %d",
				    CR_LZ4_ACCELERATION_MAX);
	*block_size_ret = (uint32_t)size;
	*acceleration_ret = (unsigned)acceleration;
	return NULL;
}

static void print(FILE *out, const char *done, const struct cr_compress *c)
{
	if (c->already)
		fprintf(out, "is %s already\n", done);
	else
		fprintf(out,
			"%" PRIu64 " pages in %" PRIu64 " pagemap%s: %" PRIu64
			" bytes -> %" PRIu64 " bytes\n",
			c->nr_pages, c->nr_pagemaps,
			c->nr_pagemaps == 1 ? "" : "s", c->old_size, c->size);
}

/* Commits what went well, and closes. */
static struct cr_error *end(const struct cr_verb_call *call,
			    struct cr_change *change, struct cr_error *err,
			    const char *done, const struct cr_compress *c)
{
	const struct compress *o = call->values;
	if (!err)
		err = cr_crit_change_commit(change, &o->change, call->out);
	if (!err && !o->change.json)
		print(call->out, done, c);
	cr_change_close(change);
	return err;
}

static struct cr_error *run_compress(const struct cr_verb_call *call)
{
	const struct compress *o = call->values;
	struct cr_change *change;
	struct cr_compress c;
	uint32_t block_size;
	unsigned acceleration;
	struct cr_error *err = read_options(o, &block_size, &acceleration);
	if (!err)
		err = cr_crit_change_open(call, o->target, &o->change, &change);
	if (err)
		return err;
	err = cr_compress(change, block_size, acceleration, &c);
	return end(call, change, err, "compressed", &c);
}

static struct cr_error *run_decompress(const struct cr_verb_call *call)
{
	const struct compress *o = call->values;
	struct cr_change *change;
	struct cr_compress c;
	struct cr_error *err =
		cr_crit_change_open(call, o->target, &o->change, &change);
	if (err)
		return err;
	err = cr_decompress(change, &c);
	return end(call, change, err, "decompressed", &c);
}

const struct cr_verb cr_verb_compress = {
	.name = "compress",
	.summary = "pack the memory of a checkpoint with LZ4",
	.text = "Stores memory in blocks packed with LZ4, as CRIU 4.3 does and "
		"restores it; older versions cannot, nor can one that was built "
		"without LZ4. Pages that are all zeros take no space, and what "
		"LZ4 does not make smaller by an eighth is stored as it is. Of a "
		"chain of checkpoints each one is packed for itself. 'crit "
		"decompress' undoes it.",
	.opts = compress_opts,
	.values_size = sizeof(struct compress),
	.run = run_compress,
};

const struct cr_verb cr_verb_decompress = {
	.name = "decompress",
	.summary = "store the memory of a checkpoint in plain pages",
	.text = "Expands the memory of a checkpoint that CRIU 4.3 or 'crit "
		"compress' packed with LZ4, so that every version of CRIU reads "
		"it.",
	.opts = decompress_opts,
	.values_size = sizeof(struct compress),
	.run = run_decompress,
};
