// SPDX-License-Identifier: MIT
/*
 * signalfd(2).
 */
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "images/signalfd.pb-c.h"
#include "restore/fd/kind.h"

struct cr_error *cr_signalfd_open(struct cr_restore *run, struct cr_ofile *file)
{
	const SignalfdEntry *e = (const SignalfdEntry *)file->opened.msg;
	uint64_t mask = e->sigmask;
	int fd = (int)syscall(SYS_signalfd4, -1, &mask, sizeof(mask),
			      SFD_CLOEXEC);
	if (fd < 0)
		return cr_error_sys("make a signalfd");
	struct cr_error *err = cr_fd_set_flags(fd, e->flags);
	if (err)
		close(fd);
	return err ?: cr_ofile_has(run, file, fd);
}
