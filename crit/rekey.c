// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "crit/change.h"
#include "crit/verb.h"
#include "lib/base/cleanup.h"
#include "lib/base/wipe.h"
#include "lib/codec/writer.h"
#include "lib/ops/rekey.h"

struct rekey {
	struct cr_crit_change change;
	const char *target, *keys, *from, *accept, *sysroot;
	unsigned algorithm;
	uint64_t va_bits;
	bool unify;
};

// clang-format off
static const char *const algorithms[] = { "same", "qarma5", "qarma3", NULL };

static const struct cr_opt opts[] = {
	{ 0, "keys", NULL, CR_STRING(struct rekey, keys, CR_TAKES_ANYTHING), "fresh|saved|file:FILE|strip", "which keys it gets (default: fresh)" },
	{ 0, "algorithm", NULL, CR_CHOICE(struct rekey, algorithm, algorithms), "ALGORITHM", "sign for processors with this one (default: same)" },
	{ 0, "va-bits", NULL, CR_NUMBER(struct rekey, va_bits), "N", "sign for kernels with addresses of N bits (default: as before)" },
	{ 0, "unify", NULL, CR_FLAG(struct rekey, unify), NULL, "give all threads of a process the same keys, which is what CRIU restores" },
	{ 0, "accept", NULL, CR_LIST(struct rekey, accept, CR_TAKES_ANYTHING), "RISK[,RISK...]", "go on in spite of these: unseen, stack, failed, residual, register, generic, unproved" },
	{ 0, "from", NULL, CR_STRING(struct rekey, from, CR_TAKES_ANYTHING), "ALGORITHM/N", "what it is signed with, where too few frames prove that: qarma5/48" },
	{ 0, "sysroot", NULL, CR_STRING(struct rekey, sysroot, CR_TAKES_DIR), "DIR", "where the files are that were mapped" },
	{ 'o', "out", "output", CR_STRING(struct rekey, change.out, CR_TAKES_FILE), "OUT", "write a new checkpoint there and leave the old one as it is" },
	{ 'n', "dry-run", NULL, CR_FLAG(struct rekey, change.dry_run), NULL, "change nothing, list what would be" },
	{ 0, "json", NULL, CR_FLAG(struct rekey, change.json), NULL, "list what is changed, as JSON" },
	{ 0, "force", NULL, CR_FLAG(struct rekey, change.force), NULL, "change it although 'crit check' finds errors in it" },
	{ CR_ARG, CR_STRING(struct rekey, target, CR_TAKES_CHECKPOINT), "TARGET", "the checkpoint: a directory or an archive" },
	{ 0 },
};
// clang-format on

/* ---- what the words mean ---- */

static struct cr_error *choose_keys(const struct rekey *o,
				    struct cr_rekey_opts *how, int *fd)
{
	const char *keys = o->keys ?: "fresh";
	how->keys_fd = -1;
	if (!strcmp(keys, "fresh"))
		how->mode = CR_REKEY_FRESH;
	else if (!strcmp(keys, "saved"))
		how->mode = CR_REKEY_SAVED;
	else if (!strcmp(keys, "strip"))
		how->mode = CR_REKEY_STRIP;
	else if (strncmp(keys, "file:", 5))
		return cr_error_new(CR_ERR_USAGE,
				    "--keys: '%s' is none of fresh, saved, "
				    "file:FILE, strip",
				    keys);
	else if ((*fd = open(keys + 5, O_RDONLY | O_CLOEXEC)) < 0)
		return cr_error_sys("%s", keys + 5);
	if (*fd >= 0)
		how->keys_fd = *fd;
	return NULL;
}

static struct cr_error *choose(const struct rekey *o,
			       struct cr_rekey_opts *how,
			       struct cr_pac_scheme *from, int *fd)
{
	struct cr_error *err = choose_keys(o, how, fd);
	how->has_algorithm = o->algorithm > 1;
	how->algorithm = o->algorithm == 3 ? CR_PAC_QARMA3 : CR_PAC_QARMA5;
	how->va_bits = o->va_bits > UINT16_MAX ? UINT16_MAX :
						 (unsigned)o->va_bits;
	how->unify = o->unify;
	how->sysroot = o->sysroot;
	if (!err)
		err = cr_rekey_read_risks(o->accept, &how->accept);
	if (!err && o->from) {
		err = cr_rekey_read_scheme(o->from, from);
		how->from = from;
	}
	return err;
}

/* ---- what was done ---- */

struct report {
	const struct cr_rekey_opts *how;
	const struct cr_rekey_result *r;
};

static void name_scheme(char *to, size_t size,
			const struct cr_pac_scheme *scheme)
{
	snprintf(to, size, "%s/%u", cr_pac_algorithm_name(scheme->algorithm),
		 scheme->va_bits);
}

static void name_schemes(const struct report *p, char from[24], char to[24])
{
	strcpy(from, "unknown");
	if (p->r->is_proved)
		name_scheme(from, 24, &p->r->from);
	strcpy(to, from);
	if (p->how->mode == CR_REKEY_STRIP)
		strcpy(to, "plain");
	else if (p->r->is_proved)
		name_scheme(to, 24, &p->r->to);
}

static struct cr_error *put_text(struct cr_writer *w, const char *key,
				 const char *text)
{
	struct cr_error *err = cr_writer_key(w, key);
	return err ? err : cr_writer_string(w, text, strlen(text));
}

static struct cr_error *put_number(struct cr_writer *w, const char *key,
				   uint64_t number)
{
	struct cr_error *err = cr_writer_key(w, key);
	return err ? err : cr_writer_u64(w, number);
}

static struct cr_error *put_risks(struct cr_writer *w,
				  const struct cr_rekey_result *r)
{
	struct cr_error *err = cr_writer_key(w, "accepted");
	if (!err)
		err = cr_writer_open(w, '{');
	for (unsigned i = 0; !err && i < CR_NR_REKEY_RISKS; i++)
		if (r->nr_risks[i])
			err = put_number(w, cr_rekey_risk_name(i, NULL),
					 r->nr_risks[i]);
	return err ? err : cr_writer_close(w, '}');
}

static struct cr_error *put_members(void *arg, struct cr_writer *w)
{
	const struct report *p = arg;
	const struct cr_rekey_result *r = p->r;
	char from[24], to[24];
	name_schemes(p, from, to);
	struct cr_error *err = put_text(w, "from", from);
	if (!err)
		err = put_text(w, "to", to);
	if (!err)
		err = put_number(w, "processes", r->nr_processes);
	if (!err)
		err = put_number(w, "threads", r->nr_threads);
	if (!err)
		err = put_number(w, "pointers", r->nr_words);
	if (!err)
		err = put_number(w, "earlier_keys", r->nr_other);
	if (!err)
		err = cr_writer_key(w, "keeps_generic");
	if (!err)
		err = cr_writer_raw(w, r->keeps_generic ? "true" : "false");
	return err ? err : put_risks(w, r);
}

static const char *plural(uint64_t nr)
{
	return nr == 1 ? "" : "s";
}

static void print(const struct report *p, FILE *out)
{
	const struct cr_rekey_result *r = p->r;
	char from[24], to[24];
	name_schemes(p, from, to);
	fprintf(out, "%s -> %s: %zu pointer%s of %zu thread%s", from, to,
		r->nr_words, plural(r->nr_words), r->nr_threads,
		plural(r->nr_threads));
	if (r->nr_other)
		fprintf(out, ", %zu of them signed before a thread changed "
			     "its keys",
			r->nr_other);
	fputc('\n', out);
	if (r->keeps_generic && p->how->mode != CR_REKEY_SAVED)
		fputs("the generic key stays: code may need it\n", out);
	for (unsigned i = 0; i < CR_NR_REKEY_RISKS; i++)
		if (r->nr_risks[i])
			fprintf(out, "accepted: %s, %llu\n",
				cr_rekey_risk_name(i, NULL),
				(unsigned long long)r->nr_risks[i]);
}

/* ---- the verb ---- */

static struct cr_error *rekey(const struct cr_verb_call *call,
			      const struct cr_rekey_opts *how)
{
	const struct rekey *o = call->values;
	struct cr_rekey_result result;
	struct report report = { how, &result };
	struct cr_crit_change as = o->change;
	struct cr_change *change = NULL;
	as.more = put_members;
	as.more_arg = &report;
	struct cr_error *err =
		cr_crit_change_open(call, o->target, &as, &change);
	if (err)
		return err;
	err = cr_rekey(change, how, &result);
	if (err)
		err = cr_error_at(err, "%s", o->target);
	if (!err)
		err = cr_change_commit(change);
	if (!err && !as.json)
		print(&report, call->out);
	if (!err)
		err = cr_crit_change_print(change, &as, call->out);
	cr_change_close(change);
	return err;
}

static struct cr_error *run(const struct cr_verb_call *call)
{
	struct cr_rekey_opts how = { 0 };
	struct cr_pac_scheme from;
	cr_auto_close int fd = -1;
	struct cr_error *err = choose(call->values, &how, &from, &fd);
	if (err)
		return err;
	// No core file has keys, and none are left in memory: libraries free
	// theirs, and functions return, as they are.
	int dumpable = prctl(PR_GET_DUMPABLE);
	prctl(PR_SET_DUMPABLE, 0);
	mallopt(M_PERTURB, 0x5a);
	err = rekey(call, &how);
	mallopt(M_PERTURB, 0);
	cr_wipe_stack();
	cr_wipe_freed();
	prctl(PR_SET_DUMPABLE, dumpable == 1);
	return err;
}

const struct cr_verb cr_verb_rekey = {
	.name = "rekey",
	.summary = "give processes other pointer authentication keys",
	.text = "Changes the pointer authentication (PAC) keys of an AArch64 "
		"checkpoint and signs all pointers anew, so that the processes "
		"run on: return addresses on stacks, parked ones too, in "
		"registers, signal frames and saved contexts. The result "
		"restores with any restorer. Works on any host.\n"
		"\n"
		"--keys: fresh, new ones from the kernel; threads that shared "
		"keys share the new ones, and those that had their own get "
		"their own. saved, the old ones; with --algorithm and --va-bits, "
		"to move a checkpoint to another kind of processor or kernel. "
		"file:FILE, 16 bytes for each key that is different, in the "
		"order ia, ib, da, db, ga, thread by thread. strip: pointers "
		"become plain and all keys are disabled, for processors whose "
		"algorithm is not public. Which keys are enabled stays, but "
		"for that.\n"
		"\n"
		"--unify: CRIU restores all threads with the keys of the first. "
		"Where they have their own, they must have the same to live.\n"
		"\n"
		"All is done or nothing. What cannot be accounted for is refused "
		"with its place, and --accept names the one risk that is taken: "
		"residual, a word that looks signed and nothing explains (it is "
		"left as it is); failed, a pointer that does not authenticate "
		"(the same); stack, one that cannot be unwound to its end; "
		"register, code that signs other than return addresses; generic, "
		"code that uses the generic key, which is kept otherwise, under "
		"another algorithm or key; unseen, memory or code that is not to "
		"be had; unproved, with strip: pointers of which call frame "
		"information alone says that they are signed. 'crit pac verify' "
		"and 'crit pac show' tell more of each.\n"
		"\n"
		"Programs are needed, as 'crit bt' needs them: --sysroot. What "
		"the checkpoint is signed with, its frames prove; where they are "
		"too few, --from says it, and all of them have to authenticate.\n"
		"\n"
		"Keys are secrets: they are not printed, the process leaves no "
		"core file while it has them, and its memory is wiped of them. "
		"Not wiped are registers, what the kernel caches of the images, "
		"and after a crash the temporary files that the next change "
		"removes.\n"
		"\n"
		"JSON: that of 'crit edit', and from, to, processes, threads, "
		"pointers, earlier_keys (signed before the thread changed its "
		"keys), keeps_generic, accepted {RISK: count}.",
	.opts = opts,
	.values_size = sizeof(struct rekey),
	.run = run,
};
