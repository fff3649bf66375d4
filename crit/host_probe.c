// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <stdio.h>

#include "crit/verb.h"
#include "lib/base/io.h"
#include "lib/machine/machine.h"

/* Of each trial; they take milliseconds. */
#define LIMIT_MS 5000

struct host_probe {
	const char *out;
};

// clang-format off
static const struct cr_opt opts[] = {
	{ 'o', "out", "output", CR_STRING(struct host_probe, out, CR_TAKES_FILE), "FILE", "write there (default: standard output)" },
	{ 0 },
};
// clang-format on

static struct cr_error *write_file(const char *path, const struct cr_out *text)
{
	struct cr_replace rep = { 0 };
	struct cr_error *err = cr_replace_open(&rep, AT_FDCWD, path, 0666);
	if (!err)
		err = cr_io_write(rep.fd, text->buf, cr_out_buffered(text));
	if (!err)
		err = cr_replace_commit(&rep, true);
	cr_replace_close(&rep);
	return err ? cr_error_at(err, "%s", path) : NULL;
}

static struct cr_error *run(const struct cr_verb_call *call)
{
	const struct host_probe *o = call->values;
	struct cr_machine machine;
	struct cr_out text = { 0 };
	struct cr_error *err = cr_machine_probe(&machine, LIMIT_MS);
	if (!err)
		err = cr_out_init_mem(&text);
	if (!err)
		err = cr_machine_write(&machine, &text);
	if (!err && o->out)
		err = write_file(o->out, &text);
	/* The frame asks the stream how it went. */
	if (!err && !o->out)
		fwrite(text.buf, 1, cr_out_buffered(&text), call->out);
	cr_out_deinit(&text);
	return err;
}

const struct cr_verb cr_verb_host_probe = {
	.name = "host-probe",
	.summary = "what this machine does with the registers of a restored thread",
	.text = "Finds out what decides whether a thread of a checkpoint can go on "
		"here, and writes it as JSON: kernel, processor, layout of "
		"extended state, pointer authentication, shadow stacks, vector "
		"lengths. `crit frames --probe FILE` compares a checkpoint with "
		"it, on any machine.\n"
		"\n"
		"Some of it only a trial tells. Child processes of this one give "
		"the kernel signal frames that it has not made (x86_64), sign "
		"pointers with known keys (AArch64), switch on a shadow stack; "
		"each has a time limit. Nothing is changed, no key is written, "
		"and no privileges are needed.\n"
		"\n"
		"null stands for what is not known. x86: features is XCR0, size "
		"that of all of them, frame_size and frame_features those of a "
		"signal frame as the kernel makes it; short_frames: the kernel "
		"takes extended state from a frame that is shorter than its own "
		"(else all but x87 and SSE is lost without a word), long_frames "
		"the same of a longer one. aarch64: pac is none, qarma5, qarma3 or "
		"impdef (its maker's own), pac_proved: by trial, pac_keys: keys "
		"can be read and set from outside, va_bits: the width of "
		"user addresses, gcs: a shadow stack could be switched on, sve and "
		"sme: vector lengths in bytes.",
	.opts = opts,
	.values_size = sizeof(struct host_probe),
	.run = run,
};
