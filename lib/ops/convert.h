// SPDX-License-Identifier: MIT
/*
 * Images to JSON files and back: one file, or a whole checkpoint directory.
 *
 * A directory is written under a temporary name beside its target, synced once
 * and renamed, so that it appears whole or not at all. NAME.img becomes
 * NAME.img.json and the other way round. Files that are no images (pages,
 * tarballs, whatever a newer CRIU adds) are carried over: as a reflink where the
 * file system can, else as a hard link, else copied. Symbolic links, such as
 * `parent`, keep their text. Modes are kept.
 *
 * Nothing is read through a link that leads out of the directory.
 */
#ifndef CR_LIB_OPS_CONVERT_H
#define CR_LIB_OPS_CONVERT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/out.h"
#include "lib/base/source.h"
#include "lib/codec/plan.h"
#include "lib/codec/reader.h"

enum cr_convert_to { CR_TO_JSON, CR_TO_IMAGE };

struct cr_convert_progress {
	uint64_t files_done, nr_files; /* of the directory */
	uint64_t bytes_done;	       /* of images read */
};

struct cr_convert {
	enum cr_convert_to to;
	struct cr_style style; /* of the JSON to write */
	bool nopl;	       /* TO_JSON: payloads' sizes only */
	bool lenient;	       /* TO_IMAGE: pass over unknown keys */
	bool newline;	       /* TO_JSON: end with one */

	/* Called after each file of a directory, if set. */
	void (*progress)(void *arg, const struct cr_convert_progress *at);
	void *progress_arg;

	/* Kept from file to file. Zero at the start. */
	struct cr_codec codec;
	struct cr_source src;
	struct cr_reader reader;
	struct cr_out out;
	bool ready;
};

/** Frees what conversions kept. Accepts one that converted nothing. */
void cr_convert_deinit(struct cr_convert *c);

/**
 * Converts what in_fd holds to out_fd. Names are for messages, and in_name to
 * know raw files; NULL stands for standard input and output. ours: see
 * cr_out_init_fd().
 */
struct cr_error *cr_convert_fd(struct cr_convert *c, int in_fd,
			       const char *in_name, int out_fd,
			       const char *out_name, bool ours) CR_MUST_CHECK;

/** Converts to a file, replacing it in one step. A new file can be read by
 * those only who can read the input. */
struct cr_error *cr_convert_file(struct cr_convert *c, int in_fd,
				 const char *in_name, const char *out_path)
	CR_MUST_CHECK;

/** Converts a directory. out_path may name an empty directory or nothing yet;
 * anything else there is an error. */
struct cr_error *cr_convert_dir(struct cr_convert *c, const char *in_path,
				const char *out_path) CR_MUST_CHECK;

#endif
