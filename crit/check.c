// SPDX-License-Identifier: MIT
#include <string.h>

#include "crit/limits.h"
#include "crit/stream.h"
#include "crit/verb.h"
#include "lib/codec/writer.h"
#include "lib/ops/check.h"

struct check {
	const char *target, *sysroot;
	bool host, json, quick, all, quiet, rules;
};

// clang-format off
static const struct cr_opt opts[] = {
	{ 0, "sysroot", NULL, CR_STRING(struct check, sysroot, CR_TAKES_DIR), "DIR", "compare open and mapped files with those in this root file system" },
	{ 0, "host", NULL, CR_FLAG(struct check, host), NULL, "also look for what this host lacks; files are compared with those in /, if --sysroot names no other" },
	{ 0, "quick", NULL, CR_FLAG(struct check, quick), NULL, "leave out what reads every entry: images by themselves, pages" },
	{ 'a', "all", NULL, CR_FLAG(struct check, all), NULL, "every finding, not only the first 20 of a code" },
	{ 'q', "quiet", NULL, CR_FLAG(struct check, quiet), NULL, "errors and warnings only, and without what to do about them" },
	{ 0, "json", NULL, CR_FLAG(struct check, json), NULL, "write JSON" },
	{ 0, "rules", NULL, CR_FLAG(struct check, rules), NULL, "list what can be found, and check nothing" },
	{ CR_ARG, CR_STRING(struct check, target, CR_TAKES_CHECKPOINT), "TARGET", "the checkpoint", CR_OPTIONAL },
	{ 0 },
};
// clang-format on

/* A report being written. */
struct report {
	const struct check *o;
	FILE *stream;
	struct cr_out out;
	struct cr_writer w;
	struct cr_error *err;
	bool told[CR_NR_RULES]; /* what to do about it */
};

static void keep(struct report *r, struct cr_error *err)
{
	if (!r->err)
		r->err = err;
	else
		cr_error_free(err);
}

static void put_key(struct report *r, const char *key)
{
	if (!r->err)
		keep(r, cr_writer_key(&r->w, key));
}

/* text may be NULL. */
static void put_text(struct report *r, const char *key, const char *text)
{
	put_key(r, key);
	if (!r->err)
		keep(r, text ? cr_writer_string(&r->w, text, strlen(text)) :
			       cr_writer_raw(&r->w, "null"));
}

static void put_number(struct report *r, const char *key, uint64_t value)
{
	put_key(r, key);
	if (!r->err)
		keep(r, cr_writer_u64(&r->w, value));
}

static void put_open(struct report *r, char bracket)
{
	if (!r->err)
		keep(r, cr_writer_open(&r->w, bracket));
}

static void put_close(struct report *r, char bracket)
{
	if (!r->err)
		keep(r, cr_writer_close(&r->w, bracket));
}

static void put_item(struct report *r)
{
	if (!r->err)
		keep(r, cr_writer_item(&r->w));
}

/* ---- findings ---- */

static void finding_json(struct report *r, const struct cr_finding *f)
{
	put_item(r);
	put_open(r, '{');
	put_text(r, "code", f->rule->code);
	put_text(r, "severity", cr_severity_names[f->rule->severity]);
	put_text(r, "image", f->image);
	if (f->has_entry)
		put_number(r, "entry", f->entry);
	else
		put_text(r, "entry", NULL);
	put_text(r, "message", f->message);
	put_text(r, "fix", f->rule->fix);
	put_close(r, '}');
	if (!r->err)
		keep(r, cr_out_drain(&r->out));
}

static void finding_text(struct report *r, const struct cr_finding *f)
{
	FILE *out = r->stream;
	if (r->o->quiet && f->rule->severity == CR_NOTE)
		return;
	fprintf(out, "%s %s: ", cr_severity_names[f->rule->severity],
		f->rule->code);
	if (f->image)
		fprintf(out, "%s: ", f->image);
	if (f->has_entry)
		fprintf(out, "entry %llu: ", (unsigned long long)f->entry);
	fprintf(out, "%s\n", f->message);
	bool *told = &r->told[f->rule - cr_check_rules];
	if (!r->o->quiet && !*told)
		fprintf(out, "    %s\n", f->rule->fix);
	*told = true;
}

static struct cr_error *show(void *arg, const struct cr_finding *f)
{
	struct report *r = arg;
	if (r->o->json)
		finding_json(r, f);
	else
		finding_text(r, f);
	struct cr_error *err = r->err;
	r->err = NULL;
	return err;
}

/* ---- what is written before and after ---- */

/* Findings of a rule that were not shown. */
static uint64_t nr_more(const struct report *r,
			const struct cr_check_result *result, size_t i)
{
	if (r->o->all || result->nr[i] <= CR_CHECK_SHOWN)
		return 0;
	return result->nr[i] - CR_CHECK_SHOWN;
}

static void end_json(struct report *r, const struct cr_check_result *result)
{
	put_close(r, ']');
	put_key(r, "clean");
	if (!r->err)
		keep(r, cr_writer_raw(&r->w, cr_check_is_clean(result) ?
						     "true" :
						     "false"));
	put_key(r, "counts");
	put_open(r, '{');
	for (size_t i = CR_NR_SEVERITIES; i-- > 0;)
		put_number(r, cr_severity_names[i], result->by_severity[i]);
	put_close(r, '}');
	put_key(r, "omitted");
	put_open(r, '{');
	for (size_t i = 0; i < CR_NR_RULES; i++) {
		if (nr_more(r, result, i))
			put_number(r, cr_check_rules[i].code,
				   nr_more(r, result, i));
	}
	put_close(r, '}');
	put_close(r, '}');
	if (!r->err)
		keep(r, cr_out_put(&r->out, "\n", 1));
	if (!r->err)
		keep(r, cr_out_flush(&r->out));
}

static void start_json(struct report *r)
{
	/* A path may be any bytes, an error's text is UTF-8. */
	struct cr_error *safe =
		cr_error_new(CR_ERR_FORMAT, "%s", r->o->target);
	put_open(r, '{');
	put_text(r, "target", cr_error_text(safe));
	cr_error_free(safe);
	put_key(r, "findings");
	put_open(r, '[');
}

static void end_text(struct report *r, const struct cr_check_result *result)
{
	for (size_t i = 0; i < CR_NR_RULES; i++) {
		const struct cr_check_rule *rule = &cr_check_rules[i];
		if (!nr_more(r, result, i) ||
		    (r->o->quiet && rule->severity == CR_NOTE))
			continue;
		fprintf(r->stream, "%s %s: and %llu more; --all shows them\n",
			cr_severity_names[rule->severity], rule->code,
			(unsigned long long)nr_more(r, result, i));
	}
}

/* "2 errors, 1 warning" */
static void format_counts(char *text, size_t size,
			  const struct cr_check_result *result)
{
	size_t n = 0;
	*text = 0;
	for (size_t i = CR_NR_SEVERITIES; i-- > 0;) {
		uint64_t nr = result->by_severity[i];
		if (nr && n < size)
			n += (size_t)snprintf(text + n, size - n, "%s%llu %s%s",
					      n ? ", " : "",
					      (unsigned long long)nr,
					      cr_severity_names[i],
					      nr == 1 ? "" : "s");
	}
}

/* The last line: of a clean checkpoint a result, else the error. */
static struct cr_error *sum_up(struct report *r,
			       const struct cr_check_result *result)
{
	char counts[128];
	format_counts(counts, sizeof(counts), result);
	struct cr_error *summary = cr_error_new(
		CR_ERR_FORMAT, "%s: %s", r->o->target,
		!*counts ? "clean" : counts);
	if (!cr_check_is_clean(result))
		return summary;
	if (!r->o->json && !r->o->quiet)
		fprintf(r->stream, "%s%s\n", cr_error_text(summary),
			*counts ? ", clean" : "");
	cr_error_free(summary);
	return NULL;
}

static struct cr_error *check(struct report *r, const struct cr_verb_call *call,
			      const struct cr_check_opts *o)
{
	struct cr_check_result result;
	struct cr_set set;
	struct cr_error *err = cr_limits_open(call, r->o->target, &set);
	if (err)
		return err;
	err = cr_stream_begin(&r->out, r->stream);
	r->w.out = &r->out;
	if (!err && r->o->json)
		start_json(r);
	if (!err)
		err = cr_check(&set, o, show, r, &result);
	if (err)
		err = cr_error_at(err, "%s", r->o->target);
	else if (r->o->json)
		end_json(r, &result);
	else
		end_text(r, &result);
	if (!err)
		err = r->err ?: sum_up(r, &result);
	cr_out_deinit(&r->out);
	cr_set_close(&set);
	return err;
}

static struct cr_error *list_rules(FILE *out)
{
	for (size_t i = 0; i < CR_NR_RULES; i++)
		fprintf(out, "%-7s %-21s %s\n",
			cr_severity_names[cr_check_rules[i].severity],
			cr_check_rules[i].code, cr_check_rules[i].fix);
	return NULL;
}

static struct cr_error *run(const struct cr_verb_call *call)
{
	const struct check *o = call->values;
	struct report r = { .o = o, .stream = call->out };
	struct cr_host host = { 0 };
	struct cr_error *err = NULL;
	if (o->rules)
		return list_rules(call->out);
	if (!o->target)
		return cr_error_new(CR_ERR_USAGE, "TARGET is missing");
	if (o->host)
		err = cr_host_probe(&host);
	struct cr_check_opts what = {
		.sysroot = o->sysroot ?: o->host ? "/" : NULL,
		.host = o->host ? &host : NULL,
		.quick = o->quick,
		.all = o->all,
	};
	if (!err)
		err = check(&r, call, &what);
	cr_host_deinit(&host);
	return err;
}

const struct cr_verb cr_verb_check = {
	.name = "check",
	.summary = "is a checkpoint whole, and would it restore",
	.text = "Looks for what would keep a checkpoint from being restored, or "
		"from being what it was: images that are missing, broken or do "
		"not agree with each other (processes, ids, descriptors, "
		"mappings, pages, parents, mounts, shared memory). With "
		"--sysroot it compares the files that were open or mapped with "
		"those that are there now, as restore does: size, mode, "
		"build-id. With --host it also says what this host lacks: "
		"processor, kernel features, free pids and ports, files.\n"
		"\n"
		"Each finding has a code that does not change, a severity, the "
		"image and the entry, and what to do about it (said once a code). An error keeps a "
		"restore from working; after a warning it may not be what was "
		"meant; a note is worth knowing, such as an older form or what "
		"a restore has to be given. --rules lists the codes.\n"
		"\n"
		"Exits with 0 if there are no errors and no warnings, notes or "
		"not; with 1 if there are, the last line (on standard error) "
		"counting them; with 2 for wrong usage.\n"
		"\n"
		"JSON: {target, findings: [{code, severity, image, entry, "
		"message, fix}], clean, counts: {error, warning, note}, omitted: "
		"{code: number}}. image and entry may be null; omitted counts "
		"findings beyond the 20th of a code.",
	.opts = opts,
	.values_size = sizeof(struct check),
	.run = run,
};
