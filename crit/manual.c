// SPDX-License-Identifier: MIT
#include "crit/manual.h"

#include <string.h>

#include "crit/text.h"

// To add a section: a row here; they follow the verbs in this order. Text is
// filled, paragraphs are separated by an empty line, one that starts with
// blanks is kept as it is.
const struct cr_section cr_manual_sections[] = {
	{ "JSON",
	  "    {\"magic\": \"PSTREE\", \"entries\": [{\"pid\": 1, \"ppid\": 0, ...}]}\n"
	  "\n"
	  "The magic names the kind of image; the entries are its messages, with\n"
	  "keys as in the schema of CRIU, in the order of their numbers. An absent\n"
	  "field has no key. Integers are exact over 64 bits. Bytes are base64, with\n"
	  "a newline after each 76 characters. Bytes that follow a message are its\n"
	  "\"extra\": what is in a pipe, the queues of a TCP connection, a deleted\n"
	  "file.\n"
	  "\n"
	  "With --pretty, registers are hexadecimal, flags are names separated by\n"
	  "bars, and devices, addresses, states and families are text. 'crit encode'\n"
	  "takes either form anywhere. Task states 3 and 6 are \"Stopped\" and\n"
	  "\"Zombie\", as CRIU 4.3 names them; up to 4.2 it was the other way round.\n"
	  "\n"
	  "The go dialect is that of go-criu: keys in camel case, 64-bit numbers as\n"
	  "text, base64 on one line, also for the names of sockets. 'crit encode'\n"
	  "sees by itself which dialect it is given.\n"
	  "\n"
	  "An entry, and a JSON value, is at most 2 GiB. Messages nest at most 100\n"
	  "deep." },
	{ "ESCAPES",
	  "What plain JSON cannot say is written as an escape, only where it is\n"
	  "needed, and encodes to the bytes that were there.\n"
	  "\n"
	  "    {\"@qp\": \"caf=E9\"}       text that is not UTF-8, quoted-printable\n"
	  "    99                      an enum number that has no name\n"
	  "    \"@unknown\": [{\"field\": 9, \"varint\": 7}]\n"
	  "                            fields that the schema does not know; also\n"
	  "                            fixed32, fixed64, bytes\n"
	  "    \"@missing\": [\"pid\"]     required fields that are not there\n"
	  "    \"@packed:NAME\": true    the repeated field NAME in the other of its\n"
	  "    \"@unpacked:NAME\": true  two encodings\n"
	  "    \"@wire\": \"CgFh\"         the message as found, in a form that no\n"
	  "                            writer in use makes; an edit of the keys\n"
	  "                            beside it wins\n"
	  "    \"@header\": \"own\"        other magic words at the beginning than\n"
	  "                            usual: own, common or service\n"
	  "    \"@padding\": \"/v8=\"      padding that is not zero\n"
	  "\n"
	  "The crit that comes with CRIU ignores keys that begin with @. It takes\n"
	  "{\"@qp\": ...} for text, refuses it as the name of a socket, and refuses\n"
	  "numbers of enums and entries without their required fields." },
	{ "EXIT STATUS",
	  "    0  done\n"
	  "    1  failed; one line on standard error says where and why\n"
	  "    2  wrong usage\n"
	  "    3  a verify that cannot tell: nothing is wrong as far as can be seen;\n"
	  "       or a view of signed pointers or shadow stacks that lacks a file\n"
	  "\n"
	  "After a failure, an output file is as it was before." },
	{ "ENVIRONMENT",
	  "    COLUMNS         the width that tables are made to fit on a terminal\n"
	  "    NO_COLOR        no colour, unless --color asks for it\n"
	  "    TERM            dumb: no colour and no pager\n"
	  "    CRIT_PAGER, PAGER\n"
	  "                    what pages long output on a terminal; empty or cat:\n"
	  "                    nothing. The default is 'less -FRX'\n"
	  "    XDG_STATE_HOME  critter/history below it is the shell's history;\n"
	  "                    the default is ~/.local/state" },
	{ "FILES",
	  "A checkpoint is a directory, or an archive or OCI layout that holds one\n"
	  "and is read as it is. Most of its files are images, NAME.img, and also\n"
	  "stats-dump, stats-restore and irmap-cache. The others have no JSON;\n"
	  "'crit decode' says what they are, and a directory's are carried over:\n"
	  "pages-N.img (memory), tmpfs-N.img (archives), iptables-N.img and the\n"
	  "like (network settings), logs.\n"
	  "\n"
	  "An archive that would expand to far more than it is may be made to do\n"
	  "harm and is refused; --limit ratio=1000 or --limit none lets it in, in\n"
	  "front of the verb or behind it." },
	{ "EXAMPLES",
	  "Read an image, change it by hand and write it back:\n"
	  "\n"
	  "    crit decode --pretty -i core-1.img -o core-1.json\n"
	  "    $EDITOR core-1.json\n"
	  "    crit encode -i core-1.json -o core-1.img\n"
	  "\n"
	  "Move a directory in a whole checkpoint, with the original kept:\n"
	  "\n"
	  "    crit edit checkpoint path /srv/old=/srv/new -o changed\n"
	  "\n"
	  "What ran in a container, which files were open, what stands in memory:\n"
	  "\n"
	  "    crit x container.tar.gz ps\n"
	  "    crit x container.tar.gz fds\n"
	  "    crit mem container.tar.gz search --context 32 password\n"
	  "\n"
	  "Look at the entries of a large image without what it carries:\n"
	  "\n"
	  "    crit show --nopl pipes-data.img" },
	{ "SEE ALSO",
	  "crit-restore(1), criu(8), jq(1)" },
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
	synopsis(out, command->name, NULL, command->opts);
	fputs(".SH DESCRIPTION\n", out);
	paragraphs(out, command->text);
	fputs(".SH OPTIONS\n", out);
	options(out, command->opts, true);
	if (command->verbs[0])
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
