// SPDX-License-Identifier: MIT
#include "crit/complete.h"

#include <string.h>

// In the scripts below "%" stands for the name of the command.
static void template(FILE *out, const char *text,
		     const struct cr_command *command)
{
	for (; *text; text++) {
		if (*text == '%')
			fputs(command->name, out);
		else
			fputc(*text, out);
	}
}

// Puts a backslash before each of the bytes in special. "'" is always safe to
// use within single quotes: the quotes are closed and opened around it.
static void quoted(FILE *out, const char *text, const char *special)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", out);
		else if (strchr(special, *text))
			fprintf(out, "\\%c", *text);
		else
			fputc(*text, out);
	}
}

static void each_word(FILE *out, const char *const *words)
{
	for (size_t i = 0; words[i]; i++)
		fprintf(out, "%s%s", i ? " " : "", words[i]);
}

static void verb_names(FILE *out, const struct cr_command *command)
{
	for (size_t i = 0; command->verbs[i]; i++)
		fprintf(out, "%s%s", i ? " " : "", command->verbs[i]->name);
}

// One table: that of the command (verb "") or of a verb.
typedef void table_fn(FILE *out, const struct cr_command *command,
		      const char *verb, const struct cr_opt *opts);

static void each_table(FILE *out, const struct cr_command *command,
		       table_fn *fn)
{
	fn(out, command, "", cr_command_opts);
	for (size_t i = 0; command->verbs[i]; i++)
		fn(out, command, command->verbs[i]->name,
		   command->verbs[i]->opts);
}

//
// bash: three functions that look up the tables, and one that walks the line.
//

static void bash_options(FILE *out, const struct cr_command *command,
			 const char *verb, const struct cr_opt *opts)
{
	const char *separator = "";

	fprintf(out, "\t'%s') kind='words ", verb);
	cr_opts_for_each(opt, opts) {
		if (opt->letter)
			fprintf(out, "%s-%c", separator, opt->letter);
		separator = opt->letter ? " " : separator;
		if (opt->name)
			fprintf(out, "%s--%s", separator, opt->name);
		separator = opt->name ? " " : separator;
	}
	fputs("' ;;\n", out);
}

static void bash_kind(FILE *out, const struct cr_command *command,
		      const struct cr_opt *opt)
{
	static const char *const plain[] = {
		[CR_TAKES_ANYTHING] = "anything",
		[CR_TAKES_FILE] = "file",
		[CR_TAKES_DIR] = "dir",
		[CR_TAKES_CHECKPOINT] = "file",
		[CR_TAKES_IMAGE] = "file",
		[CR_TAKES_PATH] = "anything",
		[CR_TAKES_PID] = "anything",
		[CR_TAKES_ADDRESS] = "anything",
		[CR_TAKES_CHOICE] = "words ",
		[CR_TAKES_VERB] = "words ",
	};

	fprintf(out, " kind='%s", plain[opt->takes]);
	if (opt->takes == CR_TAKES_CHOICE)
		each_word(out, opt->words);
	else if (opt->takes == CR_TAKES_VERB)
		verb_names(out, command);
	fputs("' ;;\n", out);
}

static void bash_values(FILE *out, const struct cr_command *command,
			const char *verb, const struct cr_opt *opts)
{
	cr_opts_for_each(opt, opts) {
		const char *const names[] = { opt->name, opt->alias };
		const char *separator = "\t";

		if (!cr_opts_has_value(opt))
			continue;
		if (opt->letter) {
			fprintf(out, "\t%s:-%c", verb, opt->letter);
			separator = " | ";
		}
		for (size_t i = 0; i < 2; i++) {
			if (!names[i])
				continue;
			fprintf(out, "%s%s:--%s", separator, verb, names[i]);
			separator = " | ";
		}
		fputc(')', out);
		bash_kind(out, command, opt);
	}
}

static void bash_arguments(FILE *out, const struct cr_command *command,
			   const char *verb, const struct cr_opt *opts)
{
	unsigned nr = 0;

	cr_opts_for_each(opt, opts) {
		if (!cr_opts_is_arg(opt))
			continue;
		if (opt->kind == CR_KIND_WORDS)
			fprintf(out, "\t%s:*)", verb);
		else
			fprintf(out, "\t%s:%u)", verb, nr++);
		bash_kind(out, command, opt);
	}
}

static void bash_lookup(FILE *out, const struct cr_command *command,
			const char *head, const char *subject, table_fn *fn)
{
	template(out, head, command);
	fprintf(out, "{\n\tcase %s in\n", subject);
	each_table(out, command, fn);
	fputs("\tesac\n}\n", out);
}

static const char bash_walk[] =
	"\n"
	"_%()\n"
	"{\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]}\n"
	"\tlocal verb= option= end= kind= word i nr=0\n"
	"\n"
	"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	"\t\tword=${COMP_WORDS[i]}\n"
	"\t\tif [[ -n $option && $word == '=' ]]; then\n"
	"\t\t\tcontinue\n"
	"\t\telif [[ -n $option ]]; then\n"
	"\t\t\toption=\n"
	"\t\telif [[ -z $end && $word == -- ]]; then\n"
	"\t\t\tend=1\n"
	"\t\telif [[ -z $end && $word == -?* ]]; then\n"
	"\t\t\tkind=\n"
	"\t\t\t_%_value \"$verb\" \"$word\"\n"
	"\t\t\toption=${kind:+$word}\n"
	"\t\telif [[ -z $verb ]]; then\n"
	"\t\t\tverb=$word\n"
	"\t\telse\n"
	"\t\t\tnr=$((nr + 1))\n"
	"\t\tfi\n"
	"\tdone\n"
	"\tkind=\n"
	"\tif [[ -n $option ]]; then\n"
	"\t\t_%_value \"$verb\" \"$option\"\n"
	"\t\t[[ $cur == '=' ]] && cur=\n"
	"\telif [[ -z $end && $cur == -* ]]; then\n"
	"\t\t_%_options \"$verb\"\n"
	"\telse\n"
	"\t\t_%_argument \"$verb\" \"$nr\"\n"
	"\tfi\n"
	"\tCOMPREPLY=()\n"
	"\tcase $kind in\n"
	"\tfile) compopt -o default ;;\n"
	"\tdir) compopt -o dirnames ;;\n"
	"\twords*) mapfile -t COMPREPLY < <(compgen -W \"${kind#words}\" -- "
	"\"$cur\") ;;\n"
	"\tesac\n"
	"}\n"
	"\n"
	"complete -F _% %\n";

static void write_bash(FILE *out, const struct cr_command *command)
{
	template(out,
		 "# bash completion, written by '% help --completion bash'\n",
		 command);
	bash_lookup(out, command,
		    "\n# VERB: which options it has\n_%_options()\n", "$1",
		    bash_options);
	bash_lookup(out, command,
		    "\n# VERB OPTION: what follows it, if anything\n"
		    "_%_value()\n",
		    "$1:$2", bash_values);
	bash_lookup(out, command,
		    "\n# VERB NUMBER: what the argument is, counted from 0\n"
		    "_%_argument()\n",
		    "$1:$2", bash_arguments);
	template(out, bash_walk, command);
}

//
// zsh: one _arguments per table.
//

// ":FILE:_files"
static void zsh_value(FILE *out, const struct cr_command *command,
		      const struct cr_opt *opt)
{
	static const char *const actions[] = {
		[CR_TAKES_ANYTHING] = " ",
		[CR_TAKES_FILE] = "_files",
		[CR_TAKES_DIR] = "_files -/",
		[CR_TAKES_CHECKPOINT] = "_files",
		[CR_TAKES_IMAGE] = "_files",
		[CR_TAKES_PATH] = " ",
		[CR_TAKES_PID] = " ",
		[CR_TAKES_ADDRESS] = " ",
		[CR_TAKES_CHOICE] = "(",
		[CR_TAKES_VERB] = "_%_verbs",
	};

	fprintf(out, ":%s:", opt->value);
	template(out, actions[opt->takes], command);
	if (opt->takes == CR_TAKES_CHOICE) {
		each_word(out, opt->words);
		fputc(')', out);
	}
}

static void zsh_argument(FILE *out, const struct cr_command *command,
			 const struct cr_opt *opt)
{
	static const char *const prefixes[] = {
		[CR_ONE] = "", [CR_OPTIONAL] = ":", [CR_MANY] = "*",
		[CR_ANY] = "*", [CR_REST] = "1",
	};

	fprintf(out, " \\\n\t\t'%s", prefixes[opt->arity]);
	zsh_value(out, command, opt);
	fputc('\'', out);
	if (opt->arity == CR_REST)
		fputs(" \\\n\t\t'*::argument:->rest'", out);
}

// What may no longer follow this option: itself, or anything after -h.
static void zsh_excluded(FILE *out, const struct cr_opt *opt)
{
	const char *separator = "";

	if (opt->kind == CR_KIND_HELP) {
		fputs("- *", out);
		return;
	}
	if (opt->letter) {
		fprintf(out, "-%c", opt->letter);
		separator = " ";
	}
	if (opt->name) {
		fprintf(out, "%s--%s", separator, opt->name);
		separator = " ";
	}
	if (opt->alias)
		fprintf(out, "%s--%s", separator, opt->alias);
}

// The name as _arguments wants it: "-i+" and "--in=" are followed by a value.
static void zsh_names(FILE *out, const struct cr_opt *opt)
{
	bool value = cr_opts_has_value(opt), both = opt->letter && opt->name;

	fputs(both ? "{" : "", out);
	if (opt->letter)
		fprintf(out, "-%c%s", opt->letter, value ? "+" : "");
	fputs(both ? "," : "", out);
	if (opt->name)
		fprintf(out, "--%s%s", opt->name, value ? "=" : "");
	fputs(both ? "}" : "", out);
}

// '(-i --in --input)'{-i+,--in=}'[help]:FILE:_files'; a list may follow itself:
// '*'{-p+,--pid=}'[help]:PID: '
static void zsh_option(FILE *out, const struct cr_command *command,
		       const struct cr_opt *opt)
{
	fputs(" \\\n\t\t'", out);
	if (opt->kind == CR_KIND_LIST) {
		fputc('*', out);
	} else {
		fputc('(', out);
		zsh_excluded(out, opt);
		fputc(')', out);
	}
	fputc('\'', out);
	zsh_names(out, opt);
	fputs("'[", out);
	quoted(out, opt->help, "\\[]:");
	fputc(']', out);
	if (cr_opts_has_value(opt))
		zsh_value(out, command, opt);
	fputc('\'', out);
}

// '!--input=:FILE:_files': understood on the line, never offered.
static void zsh_alias(FILE *out, const struct cr_command *command,
		      const struct cr_opt *opt)
{
	bool value = cr_opts_has_value(opt);

	fprintf(out, " \\\n\t\t'!--%s%s", opt->alias, value ? "=" : "");
	if (value)
		zsh_value(out, command, opt);
	fputc('\'', out);
}

static void zsh_rows(FILE *out, const struct cr_command *command,
		     const struct cr_opt *opts)
{
	fputs("_arguments -s -S -C", out);
	cr_opts_for_each(opt, opts) {
		if (cr_opts_is_arg(opt))
			zsh_argument(out, command, opt);
		else
			zsh_option(out, command, opt);
		if (opt->alias)
			zsh_alias(out, command, opt);
	}
	fputs(" && ret=0\n", out);
}

static void zsh_table(FILE *out, const struct cr_command *command,
		      const char *verb, const struct cr_opt *opts)
{
	// The command itself stands above the case, not in it.
	if (!*verb)
		return;
	fprintf(out, "\t%s)\n\t\t", verb);
	zsh_rows(out, command, opts);
	fputs("\t\t;;\n", out);
}

static const char zsh_head[] =
	"#compdef %\n"
	"# zsh completion, written by '% help --completion zsh'\n"
	"\n"
	"_%_verbs()\n"
	"{\n"
	"\tlocal -a verbs=(\n";

static const char zsh_body[] =
	"\t)\n"
	"\t_describe verb verbs\n"
	"}\n"
	"\n"
	"_%()\n"
	"{\n"
	"\tlocal curcontext=$curcontext state line ret=1\n"
	"\tlocal -A opt_args\n"
	"\n"
	"\t";

static const char zsh_tail[] =
	"\tesac\n"
	"\treturn ret\n"
	"}\n"
	"\n"
	"# A file in $fpath is called at once, a sourced one registers.\n"
	"if [[ $funcstack[1] == _% ]]; then\n"
	"\t_% \"$@\"\n"
	"else\n"
	"\tcompdef _% %\n"
	"fi\n";

static void write_zsh(FILE *out, const struct cr_command *command)
{
	template(out, zsh_head, command);
	for (size_t i = 0; command->verbs[i]; i++) {
		fprintf(out, "\t\t'%s:", command->verbs[i]->name);
		quoted(out, command->verbs[i]->summary, "\\");
		fputs("'\n", out);
	}
	template(out, zsh_body, command);
	zsh_rows(out, command, cr_command_opts);
	fputs("\t[[ $state == rest ]] || return ret\n"
	      "\tcase $words[1] in\n",
	      out);
	each_table(out, command, zsh_table);
	template(out, zsh_tail, command);
}

//
// fish: one line per row, valid after its verb.
//

static void fish_value(FILE *out, const struct cr_command *command,
		       const struct cr_opt *opt)
{
	static const char *const offers[] = {
		[CR_TAKES_ANYTHING] = " -f",
		[CR_TAKES_FILE] = " -F",
		[CR_TAKES_DIR] = " -f -a '(__fish_complete_directories)'",
		[CR_TAKES_CHECKPOINT] = " -F",
		[CR_TAKES_IMAGE] = " -F",
		[CR_TAKES_PATH] = " -f",
		[CR_TAKES_PID] = " -f",
		[CR_TAKES_ADDRESS] = " -f",
		[CR_TAKES_CHOICE] = " -f -a '",
		[CR_TAKES_VERB] = " -f -a '",
	};

	fputs(offers[opt->takes], out);
	if (opt->takes == CR_TAKES_CHOICE) {
		each_word(out, opt->words);
		fputc('\'', out);
	} else if (opt->takes == CR_TAKES_VERB) {
		verb_names(out, command);
		fputc('\'', out);
	}
}

static void fish_table(FILE *out, const struct cr_command *command,
		       const char *verb, const struct cr_opt *opts)
{
	cr_opts_for_each(opt, opts) {
		// The verbs themselves are offered with their summaries.
		if (opt->arity == CR_REST)
			continue;
		fprintf(out, "complete -c %s -n '__%s_verb \"%s\"'",
			command->name, command->name, verb);
		if (opt->letter)
			fprintf(out, " -s %c", opt->letter);
		if (opt->name)
			fprintf(out, " -l %s", opt->name);
		if (cr_opts_has_value(opt))
			fputs(" -r", out);
		if (opt->value)
			fish_value(out, command, opt);
		fputs(" -d '", out);
		quoted(out, opt->help, "\\");
		fputs("'\n", out);
	}
}

static const char fish_head[] =
	"# fish completion, written by '% help --completion fish'\n"
	"\n"
	"# True if the verb on the line is the given one; empty: none yet.\n"
	"function __%_verb\n"
	"\tfor word in (commandline -opc)[2..-1]\n"
	"\t\tif not string match -q -- '-*' $word\n"
	"\t\t\ttest \"$word\" = \"$argv[1]\"\n"
	"\t\t\treturn\n"
	"\t\tend\n"
	"\tend\n"
	"\ttest -z \"$argv[1]\"\n"
	"end\n"
	"\n"
	"complete -c % -f\n";

static void write_fish(FILE *out, const struct cr_command *command)
{
	template(out, fish_head, command);
	for (size_t i = 0; command->verbs[i]; i++) {
		fprintf(out, "complete -c %s -n '__%s_verb \"\"' -a %s -d '",
			command->name, command->name, command->verbs[i]->name);
		quoted(out, command->verbs[i]->summary, "\\");
		fputs("'\n", out);
	}
	each_table(out, command, fish_table);
}

// To add a shell: its row here and its function above.
#define SHELLS(X) X(bash) X(fish) X(zsh)

#define SHELL_NAME(name)  #name,
#define SHELL_WRITE(name) write_##name,

const char *const cr_complete_shells[] = { SHELLS(SHELL_NAME) NULL };

void cr_complete_write(FILE *out, const struct cr_command *command,
		       unsigned shell)
{
	static void (*const writers[])(FILE *out,
				       const struct cr_command *command) = {
		SHELLS(SHELL_WRITE)
	};

	writers[shell - 1](out, command);
}
