// SPDX-License-Identifier: MIT
#include "restore/options.h"

const char *const cr_keys_words[] = { "saved", "fresh",	    "auto",
				      "off",   "unchecked", NULL };

// clang-format off
const struct cr_opt cr_options[] = {
	{ 'D', "images-dir", NULL,
	  CR_STRING(struct cr_options, images, CR_TAKES_CHECKPOINT),
	  "DIR", "the checkpoint; the same as the argument" },
	{ 'd', "restore-detached", "detached",
	  CR_FLAG(struct cr_options, detach),
	  NULL, "leave when it is restored, instead of waiting for its end" },
	{ 0, "pidfile", NULL,
	  CR_STRING(struct cr_options, pidfile, CR_TAKES_FILE),
	  "FILE", "write the pid of the first process to a file" },
	{ 's', "leave-stopped", NULL,
	  CR_FLAG(struct cr_options, leave_stopped),
	  NULL, "leave the processes stopped, to be continued by SIGCONT" },
	{ 'j', "shell-job", NULL, CR_FLAG(struct cr_options, shell_job),
	  NULL, "take over the terminal, session and group of the caller" },
	{ 'r', "root", NULL, CR_STRING(struct cr_options, root, CR_TAKES_DIR),
	  "DIR", "where the paths of the images begin" },
	{ 0, "inherit-fd", NULL,
	  CR_LIST(struct cr_options, inherit, CR_TAKES_ANYTHING),
	  "fd[N]:FILE", "use our descriptor N where a process had FILE: a path, or pipe:[INODE]" },
	{ 0, "no-verify-files", NULL,
	  CR_FLAG(struct cr_options, no_verify_files),
	  NULL, "accept files whose size, mode or build-id has changed" },
	{ 0, "no-verify-cpu", NULL, CR_FLAG(struct cr_options, no_verify_cpu),
	  NULL, "accept programs that were told of features of the processor "
	  "which this one lacks (AArch64)" },
	{ 0, "verify", NULL, CR_FLAG(struct cr_options, verify),
	  NULL, "compare memory and registers with the images before they run" },
	{ 0, "pidns", NULL, CR_FLAG(struct cr_options, pidns),
	  NULL, "restore in a new pid namespace, where every pid is free" },
	{ 0, "clones", NULL, CR_COUNT(struct cr_options, clones),
	  "N", "restore N copies, each in a pid namespace of its own; say what "
	  "they share (with --pidns)" },
	{ 0, "wipe-on-fork", NULL, CR_FLAG(struct cr_options, wipe_on_fork),
	  NULL, "restore memory zeroed that a fork would zero "
	  "(MADV_WIPEONFORK: the state of random numbers)" },
	{ 0, "keys", NULL, CR_CHOICE(struct cr_options, keys, cr_keys_words),
	  "WHICH", "the keys of signed pointers (AArch64; default: "
	  "saved, and fresh with --clones)" },
	{ 0, "accept", NULL,
	  CR_LIST(struct cr_options, accept, CR_TAKES_ANYTHING),
	  "RISK[,RISK...]", "sign pointers anew in spite of these: unseen, stack, "
	  "failed, residual, register, generic, unproved" },
	{ 0, "from", NULL,
	  CR_STRING(struct cr_options, from, CR_TAKES_ANYTHING),
	  "ALGORITHM/N", "how they were signed, where too few prove that: "
	  "qarma5/48" },
	{ 0, "gcs-lock", NULL,
	  CR_STRING(struct cr_options, gcs_lock, CR_TAKES_ANYTHING),
	  "WHICH", "lock the modes of guarded control stacks: none, all (the "
	  "default), or a mask (AArch64)" },
	{ 0, "plan", NULL, CR_FLAG(struct cr_options, plan),
	  NULL, "say what would be done, and do nothing" },
	{ 0, "json", NULL, CR_FLAG(struct cr_options, json),
	  NULL, "with --plan or --clones, write JSON" },
	{ 'v', "verbose", NULL, CR_FLAG(struct cr_options, verbose),
	  NULL, "say what is done, and how long it takes" },
	{ 0, "version", NULL, CR_FLAG(struct cr_options, version),
	  NULL, "show the version and exit" },
	{ 0, "man", NULL, CR_FLAG(struct cr_options, man),
	  NULL, "write the manual page and exit" },
	{ CR_ARG, CR_STRING(struct cr_options, dir, CR_TAKES_CHECKPOINT),
	  "CHECKPOINT", "the checkpoint: a directory or an archive",
	  CR_OPTIONAL },
	{ 0 },
};
// clang-format on

static const struct cr_section sections[] = {
	{ "HOW IT WORKS",
	  "The images are read and checked first; what cannot be restored is\n"
	  "refused with image, entry and reason before anything is created. Then\n"
	  "processes are made with the pids they had. Each fills its own memory;\n"
	  "what is left of the restorer in them is removed by system calls that\n"
	  "ptrace(2) makes them execute. No code is put into them.\n"
	  "\n"
	  "When anything fails, nothing is left: every process is killed and\n"
	  "reaped. This is also so when crit-restore itself is killed." },
	{ "SIGNED POINTERS AND SHADOW STACKS",
	  "On AArch64 a process dies of a pointer that was signed with other keys,\n"
	  "by another algorithm or for other address sizes. An image has the keys\n"
	  "of each thread; how it was signed is found out from the return addresses\n"
	  "on its stacks. --keys says what becomes of them:\n"
	  "\n"
	  "    saved      the default: the same keys; where this processor signs otherwise,\n"
	  "               pointers are signed as it does\n"
	  "    fresh      the default of --clones: new ones, for each copy that is\n"
	  "               restored; pointers are signed with these\n"
	  "    auto       saved; fresh where this processor signs otherwise, off\n"
	  "               where it signs none\n"
	  "    off        pointers are made plain, keys are disabled\n"
	  "    unchecked  saved, and pointers are not looked at\n"
	  "\n"
	  "Which keys are enabled stays, but for off, and threads that shared keys\n"
	  "share them. Images without keys are restored if nothing in them is\n"
	  "signed; all keys are disabled then.\n"
	  "\n"
	  "Signing anew is done for all pointers or not at all. What cannot be\n"
	  "accounted for is refused with its place, and --accept takes one such\n"
	  "risk: see 'crit help rekey', which does the same offline. The programs\n"
	  "are needed, where they were (or below --root). A process of ours that has\n"
	  "the keys signs with the processor's own instructions; so algorithms that\n"
	  "are not public do. --from says how it was signed where too few frames\n"
	  "prove that. --plan and -v say what is done, and never a key.\n"
	  "\n"
	  "Nor does an image say whether a thread had locked its guarded control\n"
	  "stack. The C library locks everything when it enables them, so this is\n"
	  "what --gcs-lock does by default. Nor does it say whether the kernel had\n"
	  "made the stack or the program: it stays mapped when its thread ends." },
	{ "VECTORS",
	  "Of SVE registers CRIU saves what FPSIMD has, and not the length of\n"
	  "vectors. A thread in a signal handler gets the length of the frame that\n"
	  "it returns to, where it would be killed with another; refused if this\n"
	  "processor has no vectors of that length. All others get the length that\n"
	  "this machine gives to new programs." },
	{ "COPIES",
	  "--clones N --pidns restores N copies, each in a pid namespace of its\n"
	  "own. All are restored before the first one runs; if one fails none is\n"
	  "left. Each opens its files and makes its pipes and shared memory\n"
	  "itself; descriptors given by --inherit-fd are the same in all. Pages\n"
	  "are read once; those of the first process are shared by the copies\n"
	  "until they are written to. --pidfile gets a line for each, in their\n"
	  "order.\n"
	  "\n"
	  "Then a report goes to standard output: where the copies are, and what\n"
	  "they still share, with the option that changes it if there is one.\n"
	  "Copies of a program that has drawn random numbers have the same ones:\n"
	  "AT_RANDOM, of which the C library makes the stack canary and the\n"
	  "pointer guard, stay as they were. With --wipe-on-fork, memory is zeroed\n"
	  "that a fork would zero: libraries keep the state of their random\n"
	  "numbers there, and so does the kernel for getrandom(3). The report\n"
	  "cannot be complete: what a program has made of random numbers, such as\n"
	  "seeds, session keys and ids, is not to be told from other memory. Only\n"
	  "restore copies of a program that can live with that, or that is told\n"
	  "to draw anew.\n"
	  "\n"
	  "Locks that only one process can have are refused." },
	{ "EXIT STATUS",
	  "Without -d, that of the first process, or 128 and the number of the\n"
	  "signal that ended it; of copies, that of the first one that did not\n"
	  "end with 0. Else:\n"
	  "\n"
	  "    0  restored\n"
	  "    1  failed; one line on standard error says where and why\n"
	  "    2  wrong usage" },
	{ "EXAMPLES",
	  "Restore a checkpoint and leave it running:\n"
	  "\n"
	  "    crit-restore -d checkpoint\n"
	  "\n"
	  "Restore 8 copies of it:\n"
	  "\n"
	  "    crit-restore -d --pidns --clones 8 --wipe-on-fork checkpoint\n"
	  "\n"
	  "See first what would be done:\n"
	  "\n"
	  "    crit-restore --plan checkpoint" },
	{ "SEE ALSO", "crit(1), criu(8)" },
	{ 0 },
};

static const struct cr_verb *const no_verbs[] = { NULL };

const struct cr_command cr_restore_command = {
	.name = "crit-restore",
	.package = "critter",
	.version = CRITTER_VERSION,
	.date = "2026-11-21",
	.summary = "restore the processes of a CRIU checkpoint",
	.text = "Brings the processes of a checkpoint that CRIU has made back to "
		"life: with their pids, memory, threads, registers and open "
		"files. It needs the privileges that criu restore needs.",
	.opts = cr_options,
	.verbs = no_verbs,
	.sections = sections,
};
