// SPDX-License-Identifier: MIT
/*
 * Terminals, of which there is one: that of whoever restores, with --shell-job, in
 * the place of the one that controlled the session of the processes from outside.
 *
 * Open files are made of it anew, so that each has flags of its own. It gets the
 * modes that are in the images, not the size: its window is as large as it is. The
 * group of processes that was in the foreground is so again, if we are and it is
 * among those that are restored; else they are in our own. When the restore fails,
 * modes and foreground are what they were.
 *
 * Facts: man 2 TCSETS, man 4 tty_ioctl; CRIU criu/tty.c, v4.2.
 */
#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "images/tty.pb-c.h"
#include "restore/fd/kind.h"

struct cr_ttys {
	struct cr_messages infos, data;
	const TtyInfoEntry *ours; // the one whose place our terminal takes
	int fd;			  // of our terminal; 0 to 2, or -1
	bool is_foreground;	  // we are
	bool has_modes;		  // it has those of the images
	struct termios before;
};

static const TtyFileEntry *entry(const struct cr_ofile *file)
{
	return (const TtyFileEntry *)file->opened.msg;
}

void cr_ttys_free(struct cr_ttys *ttys)
{
	if (!ttys)
		return;
	cr_messages_free(&ttys->infos);
	cr_messages_free(&ttys->data);
	free(ttys);
}

/* ---- planning ---- */

static int own_terminal(void)
{
	for (int fd = 0; fd < 3; fd++) {
		if (isatty(fd))
			return fd;
	}
	return -1;
}

static struct cr_error *load(struct cr_rplan *plan)
{
	if (plan->ttys)
		return NULL;
	struct cr_ttys *ttys = calloc(1, sizeof(*ttys));
	if (!ttys)
		return cr_enomem;
	plan->ttys = ttys;
	ttys->fd = own_terminal();
	ttys->is_foreground = ttys->fd >= 0 &&
			      tcgetpgrp(ttys->fd) == getpgrp();
	struct cr_error *err = cr_set_load_optionalf(
		&plan->set, &tty_info_entry__descriptor, &ttys->infos,
		"tty-info.img");
	return err ?: cr_set_load_optionalf(&plan->set,
					    &tty_data_entry__descriptor,
					    &ttys->data, "tty-data.img");
}

static const TtyInfoEntry *find(const struct cr_ttys *ttys, uint32_t id,
				size_t *i_ret)
{
	for (size_t i = 0; i < ttys->infos.nr; i++) {
		const TtyInfoEntry *e =
			(const TtyInfoEntry *)ttys->infos.msg[i];
		*i_ret = i;
		if (e->id == id)
			return e;
	}
	return NULL;
}

static bool has_data(const struct cr_ttys *ttys, uint32_t id)
{
	for (size_t i = 0; i < ttys->data.nr; i++) {
		const TtyDataEntry *e =
			(const TtyDataEntry *)ttys->data.msg[i];
		if (e->tty_id == id && e->data.len)
			return true;
	}
	return false;
}

#define PTS_MAJOR     136
#define PTS_MAJOR_MAX 143

static bool is_slave(const TtyInfoEntry *e)
{
	unsigned nr = major(e->rdev);
	return e->type == TTY_TYPE__PTY && nr >= PTS_MAJOR &&
	       nr <= PTS_MAJOR_MAX;
}

// Why it is not the terminal of whoever started the processes, or NULL.
static const char *fault(struct cr_rplan *plan, const TtyInfoEntry *e)
{
	const struct cr_ttys *ttys = plan->ttys;
	if (!is_slave(e))
		return "it is no pseudo terminal's other end";
	if (!e->termios)
		return "it had been hung up";
	if (e->exclusive || e->packet_mode)
		return "it was exclusive, or in packet mode";
	if (e->sid && cr_rplan_proc(plan, e->sid))
		return "it controls a session that is among the processes";
	if (ttys->ours && ttys->ours != e)
		return "it is the second one, and we have one to give";
	if (has_data(ttys, e->id))
		return "bytes wait in it";
	return NULL;
}

struct cr_error *cr_tty_plan(struct cr_rplan *plan, struct cr_ofile *file)
{
	size_t i;
	struct cr_error *err = load(plan);
	if (err)
		return err;
	const TtyInfoEntry *e =
		find(plan->ttys, entry(file)->tty_info_id, &i);
	if (!e)
		return cr_error_new(CR_ERR_FORMAT,
				    "tty-info.img has no terminal %u",
				    (unsigned)entry(file)->tty_info_id);
	if (!plan->options->shell_job)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "a terminal (see --shell-job)");
	const char *what = fault(plan, e);
	if (what)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "tty-info.img: entry %zu: %s", i, what);
	plan->ttys->ours = e;
	return NULL;
}

struct cr_error *cr_tty_check(struct cr_rplan *plan, struct cr_ofile *file)
{
	if (plan->ttys->fd >= 0 || plan->options->any_host)
		return NULL;
	return cr_error_new(CR_ERR_UNSUPPORTED,
			    "none of our standard input, output and error is "
			    "a terminal to give");
}

/* ---- opening ---- */

static struct cr_error *set_modes(struct cr_ttys *ttys, const TermiosEntry *e)
{
	struct termios t;
	if (ttys->has_modes)
		return NULL;
	if (ioctl(ttys->fd, TCGETS, &ttys->before))
		return cr_error_sys("get the modes of our terminal");
	t = ttys->before;
	t.c_iflag = e->c_iflag;
	t.c_oflag = e->c_oflag;
	t.c_cflag = e->c_cflag;
	t.c_lflag = e->c_lflag;
	// CRIU has put the bytes there as they lie in memory, four in each word.
	if (e->n_c_cc * sizeof(e->c_cc[0]) >= sizeof(t.c_cc))
		memcpy(t.c_cc, e->c_cc, sizeof(t.c_cc));
	ttys->has_modes = true;
	// In the background as well: SIGTTOU is blocked while we restore.
	if (ioctl(ttys->fd, TCSETS, &t))
		return cr_error_sys("set the modes of our terminal");
	return NULL;
}

struct cr_error *cr_tty_open(struct cr_restore *run, struct cr_ofile *file)
{
	struct cr_ttys *ttys = run->plan->ttys;
	int fd = -1;
	struct cr_error *err =
		cr_fd_reopen(ttys->fd, cr_fd_flags(entry(file)->flags) | O_NOCTTY,
			     &fd);
	if (!err)
		err = set_modes(ttys, ttys->ours->termios);
	if (err && fd >= 0)
		close(fd);
	return err ?: cr_ofile_has(run, file, fd);
}

// The group is there when its leader has its descriptors.
struct cr_error *cr_tty_post(struct cr_restore *run, struct cr_proc *proc,
			     struct cr_ofile *file, int fd)
{
	const struct cr_ttys *ttys = run->plan->ttys;
	uint32_t pgrp = ttys->ours->pgrp;
	if (!cr_rplan_proc(run->plan, pgrp) || !ttys->is_foreground)
		return NULL;
	if (tcsetpgrp(fd, (pid_t)pgrp))
		return cr_error_sys("put process group %u in the foreground",
				    (unsigned)pgrp);
	return NULL;
}

/* ---- who has it ---- */

// Who does this in the background is stopped.
static void put_foreground(const struct cr_ttys *ttys, pid_t pgrp)
{
	sigset_t stop, before;
	sigemptyset(&stop);
	sigaddset(&stop, SIGTTOU);
	sigprocmask(SIG_BLOCK, &stop, &before);
	tcsetpgrp(ttys->fd, pgrp);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

void cr_ttys_take(const struct cr_rplan *plan)
{
	if (plan->ttys && plan->ttys->is_foreground)
		put_foreground(plan->ttys, getpgrp());
}

void cr_ttys_give(const struct cr_rplan *plan, pid_t pgrp)
{
	if (plan->ttys && plan->ttys->fd >= 0 &&
	    tcgetpgrp(plan->ttys->fd) == getpgrp())
		put_foreground(plan->ttys, pgrp);
}

void cr_ttys_undo(struct cr_restore *run)
{
	const struct cr_ttys *ttys = run->plan->ttys;
	if (ttys && ttys->has_modes)
		ioctl(ttys->fd, TCSETS, &ttys->before);
	cr_ttys_take(run->plan);
}
