// SPDX-License-Identifier: MIT
/*
 * epoll(7). What it watches are descriptors of the process that dumped it first;
 * they are added when all of them are in place.
 *
 * Facts: CRIU criu/eventpoll.c, v4.2; man 2 epoll_ctl.
 */
#include <sys/epoll.h>
#include <unistd.h>

#include "images/eventpoll.pb-c.h"
#include "lib/base/cleanup.h"
#include "restore/fd/kind.h"

static const EventpollFileEntry *entry(const struct cr_ofile *file)
{
	return (const EventpollFileEntry *)file->opened.msg;
}

// Whether the process has all that is watched.
static struct cr_error *check(const struct cr_proc *proc,
			      const EventpollFileEntry *e)
{
	cr_auto_free uint32_t *numbers = NULL;
	struct cr_error *err = cr_fds_numbers(proc, &numbers);
	if (err)
		return err;
	for (size_t i = 0; i < e->n_tfd; i++) {
		uint32_t tfd = e->tfd[i]->tfd;
		if (!cr_fds_has(numbers, proc->nr_fds, tfd))
			return cr_error_new(CR_ERR_UNSUPPORTED,
					    "it watches descriptor %u, which "
					    "process %u does not have",
					    (unsigned)tfd,
					    (unsigned)proc->vpid);
	}
	return NULL;
}

struct cr_error *cr_epoll_plan(struct cr_rplan *plan, struct cr_ofile *file)
{
	struct cr_messages old = { 0 };
	struct cr_error *err = cr_set_load_optionalf(
		&plan->set, &eventpoll_tfd_entry__descriptor, &old,
		"eventpoll-tfd.img");
	if (!err && old.nr)
		err = cr_error_new(CR_ERR_UNSUPPORTED,
				   "eventpoll-tfd.img: an older form (see crit "
				   "upgrade)");
	cr_messages_free(&old);
	if (!err && file->first)
		err = check(file->first, entry(file));
	return err;
}

struct cr_error *cr_epoll_open(struct cr_restore *run, struct cr_ofile *file)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);
	if (fd < 0)
		return cr_error_sys("make an epoll file");
	struct cr_error *err = cr_fd_set_flags(fd, entry(file)->flags);
	if (err)
		close(fd);
	return err ?: cr_ofile_has(run, file, fd);
}

struct cr_error *cr_epoll_post(struct cr_restore *run, struct cr_proc *proc,
			       struct cr_ofile *file, int fd)
{
	const EventpollFileEntry *e = entry(file);
	for (size_t i = 0; i < e->n_tfd; i++) {
		const EventpollTfdEntry *tfd = e->tfd[i];
		struct epoll_event event = { .events = tfd->events };
		event.data.u64 = tfd->data;
		if (epoll_ctl(fd, EPOLL_CTL_ADD, (int)tfd->tfd, &event))
			return cr_error_sys("watch descriptor %u",
					    (unsigned)tfd->tfd);
	}
	return NULL;
}
