// SPDX-License-Identifier: MIT
/*
 * eventfd(2). The images do not say whether it is a semaphore (EFD_SEMAPHORE);
 * it comes back as a counter, as with CRIU.
 */
#include <sys/eventfd.h>
#include <unistd.h>

#include "images/eventfd.pb-c.h"
#include "restore/fd/kind.h"

static const EventfdFileEntry *entry(const struct cr_ofile *file)
{
	return (const EventfdFileEntry *)file->opened.msg;
}

struct cr_error *cr_eventfd_plan(struct cr_rplan *plan, struct cr_ofile *file)
{
	// It cannot be written, so nobody has.
	if (entry(file)->counter == UINT64_MAX)
		return cr_error_new(CR_ERR_FORMAT, "counter");
	return NULL;
}

struct cr_error *cr_eventfd_open(struct cr_restore *run, struct cr_ofile *file)
{
	const EventfdFileEntry *e = entry(file);
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return cr_error_sys("make an eventfd");
	// The argument of eventfd(2) has 32 bits.
	struct cr_error *err = NULL;
	if (e->counter && eventfd_write(fd, e->counter))
		err = cr_error_sys("set the counter");
	if (!err)
		err = cr_fd_set_flags(fd, e->flags);
	if (err)
		close(fd);
	return err ?: cr_ofile_has(run, file, fd);
}
