// SPDX-License-Identifier: MIT
#include "crit/manual.h"

#include <string.h>

#include "crit/text.h"

// To add a section: a row here; they follow the verbs in this order. Text is
// filled, paragraphs are separated by an empty line, one that starts with
// blanks is kept as it is.
const struct cr_section cr_manual_sections[] = {
	{ "EXIT STATUS",
	  "    0  done\n"
	  "    1  failed; one line on standard error says why\n"
	  "    2  wrong usage" },
	{ "EXAMPLES",
	  "Read an image, change it by hand and write it back:\n\n"
	  "    crit decode --pretty -i core-1.img -o core-1.json\n"
	  "    $EDITOR core-1.json\n"
	  "    crit encode -i core-1.json -o core-1.img" },
	{ "SEE ALSO", "criu(8)" },
	{ 0 },
};

// Bytes that troff would take for something else, or show as another one.
static const char *const escapes[256] = {
	['\\'] = "\\e",	['-'] = "\\-",	['\''] = "\\(aq",
	['`'] = "\\(ga", ['^'] = "\\(ha",  ['~'] = "\\(ti",
	['"'] = "\\(dq",
};

static void escape(FILE *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const char *escaped = escapes[(unsigned char)text[i]];

		if (escaped)
			fputs(escaped, out);
		else
			fputc(text[i], out);
	}
}

static void escape_all(FILE *out, const char *text)
{
	escape(out, text, strlen(text));
}

// Words, on input lines of moderate length, the last one not ended.
static void words(FILE *out, const char *text, size_t len)
{
	const char *end = text + len;
	size_t col = 0;

	while (text < end) {
		size_t word = 0;

		while (text + word < end && !strchr(" \n", text[word]))
			word++;
		if (col && word) {
			bool full = col + word > 60;

			fputc(full ? '\n' : ' ', out);
			col = full ? 0 : col + 1;
		}
		if (!col && *text == '.')
			fputs("\\&", out);
		escape(out, text, word);
		col += word;
		text += word + 1;
	}
}

static void verbatim(FILE *out, const char *text, size_t len)
{
	size_t indent = strspn(text, " ");

	fputs(".RS 4\n.nf\n", out);
	for (const char *end = text + len; text < end;) {
		size_t blanks = strspn(text, " ");
		size_t line = strcspn(text, "\n");

		// Lines keep their indentation against the first one.
		blanks = blanks < indent ? blanks : indent;
		fputs(text[blanks] == '.' ? "\\&" : "", out);
		escape(out, text + blanks, line - blanks);
		fputc('\n', out);
		text += line + 1;
	}
	fputs(".fi\n.RE\n", out);
}

static void paragraphs(FILE *out, const char *text)
{
	const char *separator = "";
	struct cr_text_para para;

	while (cr_text_next(&text, &para)) {
		fputs(separator, out);
		separator = ".PP\n";
		if (para.verbatim) {
			verbatim(out, para.text, para.len);
			continue;
		}
		words(out, para.text, para.len);
		fputc('\n', out);
	}
}

static void synopsis(FILE *out, const char *name, const char *verb,
		     const struct cr_opt *opts)
{
	char word[80];

	fputs(".SY ", out);
	escape_all(out, name);
	fputc('\n', out);
	if (verb) {
		fputs(".B ", out);
		escape_all(out, verb);
		fputc('\n', out);
	}
	for (int args = 0; args < 2; args++) {
		cr_opts_for_each(opt, opts) {
			if (cr_opts_is_arg(opt) != args)
				continue;
			cr_opts_usage_word(opt, word, sizeof(word));
			escape_all(out, word);
			fputc('\n', out);
		}
	}
	fputs(".YS\n", out);
}

static void option_label(FILE *out, const struct cr_opt *opt)
{
	const char *const names[] = { opt->name, opt->alias };
	const char *separator = "";

	if (opt->letter) {
		fprintf(out, "\\fB\\-%c\\fR", opt->letter);
		separator = ", ";
	}
	for (size_t i = 0; i < 2; i++) {
		if (!names[i])
			continue;
		fprintf(out, "%s\\fB\\-\\-", separator);
		escape_all(out, names[i]);
		fputs("\\fR", out);
		separator = ", ";
	}
	fputs(cr_opts_has_value(opt) ? " " : "", out);
}

static void option(FILE *out, const struct cr_opt *opt)
{
	char buf[1024];
	const char *help = cr_opts_row_help(opt, buf, sizeof(buf));

	fputs(".TP\n", out);
	if (!cr_opts_is_arg(opt))
		option_label(out, opt);
	if (opt->value)
		fprintf(out, "\\fI%s\\fR", opt->value);
	fputc('\n', out);
	words(out, help, strlen(help));
	fputc('\n', out);
}

// Arguments first, like in -h.
static void options(FILE *out, const struct cr_opt *opts, bool help)
{
	for (int args = 1; args >= 0; args--) {
		cr_opts_for_each(opt, opts) {
			if (cr_opts_is_arg(opt) == args &&
			    (help || opt->kind != CR_KIND_HELP))
				option(out, opt);
		}
	}
}

static void header(FILE *out, const struct cr_command *command)
{
	fputs(".TH ", out);
	for (const char *c = command->name; *c; c++)
		fputc(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c, out);
	fprintf(out, " 1 \"%s\" \"%s %s\" \"User Commands\"\n", command->date,
		command->package, command->version);
	fputs(".SH NAME\n", out);
	fprintf(out, "%s \\- %s\n", command->name, command->summary);
}

void cr_manual_write(FILE *out, const struct cr_command *command)
{
	header(out, command);
	fputs(".SH SYNOPSIS\n", out);
	synopsis(out, command->name, NULL, cr_command_opts);
	fputs(".SH DESCRIPTION\n", out);
	paragraphs(out, command->text);
	fputs(".SH OPTIONS\n", out);
	options(out, cr_command_opts, true);
	fputs(".SH VERBS\n", out);
	for (size_t i = 0; command->verbs[i]; i++) {
		const struct cr_verb *verb = command->verbs[i];

		fprintf(out, ".SS %s\n", verb->name);
		synopsis(out, command->name, verb->name, verb->opts);
		fputs(".PP\n", out);
		paragraphs(out, verb->text);
		options(out, verb->opts, false);
	}
	for (const struct cr_section *s = command->sections; s->title; s++) {
		fprintf(out, ".SH %s\n", s->title);
		paragraphs(out, s->text);
	}
}
