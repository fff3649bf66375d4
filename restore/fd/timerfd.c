// SPDX-License-Identifier: MIT
/*
 * timerfd_create(2). The images have the time that was left, also of a timer for
 * a point in time; it is armed when the processes are there.
 *
 * Facts: CRIU criu/timerfd.c, v4.2; Linux fs/timerfd.c (TFD_IOC_SET_TICKS).
 */
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "images/timerfd.pb-c.h"
#include "restore/fd/kind.h"

// <linux/timerfd.h> does not go with <sys/timerfd.h>.
#ifndef TFD_IOC_SET_TICKS
#define TFD_IOC_SET_TICKS _IOW('T', 0, uint64_t)
#endif

#define NSEC_PER_SEC 1000000000u

static const TimerfdEntry *entry(const struct cr_ofile *file)
{
	return (const TimerfdEntry *)file->opened.msg;
}

struct cr_error *cr_timerfd_plan(struct cr_rplan *plan, struct cr_ofile *file)
{
	const TimerfdEntry *e = entry(file);
	struct timespec now;
	if (e->vnsec >= NSEC_PER_SEC || e->insec >= NSEC_PER_SEC ||
	    e->vsec > INT64_MAX || e->isec > INT64_MAX)
		return cr_error_new(CR_ERR_FORMAT, "time");
	if (clock_gettime((clockid_t)e->clockid, &now))
		return cr_error_new(CR_ERR_UNSUPPORTED, "clock %u",
				    (unsigned)e->clockid);
	return NULL;
}

struct cr_error *cr_timerfd_open(struct cr_restore *run, struct cr_ofile *file)
{
	const TimerfdEntry *e = entry(file);
	int fd = timerfd_create((int)e->clockid, TFD_CLOEXEC);
	if (fd < 0)
		return cr_error_sys("make a timer of clock %u",
				    (unsigned)e->clockid);
	struct cr_error *err = cr_fd_set_flags(fd, e->flags);
	if (err)
		close(fd);
	return err ?: cr_ofile_has(run, file, fd);
}

static struct cr_error *add_now(clockid_t clock, struct timespec *t)
{
	struct timespec now;
	if (clock_gettime(clock, &now))
		return cr_error_sys("read clock %d", (int)clock);
	t->tv_nsec += now.tv_nsec;
	if (__builtin_add_overflow(t->tv_sec, now.tv_sec, &t->tv_sec) ||
	    (t->tv_nsec >= NSEC_PER_SEC &&
	     __builtin_add_overflow(t->tv_sec, 1, &t->tv_sec)))
		t->tv_sec = INT64_MAX;
	t->tv_nsec %= NSEC_PER_SEC;
	return NULL;
}

struct cr_error *cr_timerfd_post(struct cr_restore *run, struct cr_proc *proc,
				 struct cr_ofile *file, int fd)
{
	const TimerfdEntry *e = entry(file);
	int flags = (int)e->settime_flags;
	uint64_t ticks = e->ticks;
	struct itimerspec t = {
		.it_value = { (time_t)e->vsec, (long)e->vnsec },
		.it_interval = { (time_t)e->isec, (long)e->insec },
	};
	struct cr_error *err = NULL;
	if (flags & TFD_TIMER_ABSTIME && (e->vsec || e->vnsec))
		err = add_now((clockid_t)e->clockid, &t.it_value);
	if (!err && timerfd_settime(fd, flags, &t, NULL))
		err = cr_error_sys("set the timer");
	// Setting it has cleared these.
	if (!err && ticks && ioctl(fd, TFD_IOC_SET_TICKS, &ticks))
		err = cr_error_sys("set how often it has expired");
	return err;
}
