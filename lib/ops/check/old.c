// SPDX-License-Identifier: MIT
/* Older forms, which CRIU still reads: what they are and since when there is a
 * newer one. */
#include <string.h>

#include "lib/image/types.h"
#include "lib/ops/check/inside.h"

/* Images that something newer has taken the place of. Stand-alone kinds of
 * files, which files.img has taken the place of, are old-files. */
// clang-format off
static const struct {
	const char *start; /* of the name */
	const char *now;
} olds[] = {
	{ "vmas-",         "mm has the mappings since 1.2" },
	{ "sigacts-",      "core has the signal actions since 3.1" },
	{ "creds-",        "core has the credentials since 2.0" },
	{ "itimers-",      "core has the timers since 1.3" },
	{ "posix-timers-", "core has the timers since 1.3" },
	{ "rlimit-",       "core has the limits since 1.3" },
	{ "signal-s-",     "core has the pending signals since 1.3" },
	{ "signal-p-",     "core has the pending signals since 1.3" },
	{ "eventpoll-tfd", "the epoll files have their targets since 1.4" },
	{ "inotify-wd",    "the inotify files have their watches since 1.4" },
	{ "fanotify-mark", "the fanotify files have their marks since 1.4" },
	{ "binfmt-misc-",  "binfmt-misc.img is for all mounts since 2.7" },
	{ "pages-shmem-",  "nothing reads it since 2.4" },
};
// clang-format on

void cr_check_old(struct cr_check *c)
{
	for (size_t i = 0; i < c->nr_names && !c->err; i++) {
		const char *name = c->name[i].name;
		for (size_t k = 0; k < sizeof(olds) / sizeof(olds[0]); k++) {
			if (!strncmp(name, olds[k].start, strlen(olds[k].start)))
				cr_check_found(c, CR_RULE_OLD_IMAGE, name,
					       CR_NO_ENTRY, "%s", olds[k].now);
		}
	}
	if (c->files.split && c->files.nr)
		cr_check_found(c, CR_RULE_OLD_FILES, NULL, CR_NO_ENTRY,
			       "open files stand in an image a kind");
}
