// SPDX-License-Identifier: MIT
#include "images/eventfd.pb-c.h"
#include "images/eventpoll.pb-c.h"
#include "images/memfd.pb-c.h"
#include "images/pipe.pb-c.h"
#include "images/regfile.pb-c.h"
#include "images/signalfd.pb-c.h"
#include "images/timerfd.pb-c.h"
#include "images/tty.pb-c.h"
#include "restore/fd/kind.h"

/* Where a message has its flags and owner. */
#define IN(type) \
	.fown = offsetof(type, fown), .flags = offsetof(type, flags)

// To add a kind: see kind.h.
// clang-format off
static const struct cr_fd_kind kinds[] = {
	{ FD_TYPES__REG,       "file",     IN(RegFileEntry), .key = cr_reg_key,
	  .plan = cr_reg_plan, .check = cr_reg_check, .open = cr_reg_open,
	  .again = cr_reg_again },
	{ FD_TYPES__PIPE,      "pipe",     IN(PipeEntry), .key = cr_pipe_key,
	  .inherits = true, .plan = cr_pipe_plan, .open = cr_pipe_open },
	// Its flags and key are those of the file with its name.
	{ FD_TYPES__FIFO,      "fifo",     .inherits = true,
	  .plan = cr_fifo_plan, .check = cr_fifo_check, .open = cr_fifo_open },
	{ FD_TYPES__EVENTFD,   "eventfd",  IN(EventfdFileEntry),
	  .plan = cr_eventfd_plan, .open = cr_eventfd_open },
	{ FD_TYPES__SIGNALFD,  "signalfd", IN(SignalfdEntry),
	  .open = cr_signalfd_open },
	{ FD_TYPES__TIMERFD,   "timerfd",  IN(TimerfdEntry),
	  .plan = cr_timerfd_plan, .open = cr_timerfd_open,
	  .post = cr_timerfd_post },
	{ FD_TYPES__EVENTPOLL, "epoll",    IN(EventpollFileEntry),
	  .plan = cr_epoll_plan, .open = cr_epoll_open, .post = cr_epoll_post },
	{ FD_TYPES__TTY,       "terminal", IN(TtyFileEntry),
	  .plan = cr_tty_plan, .check = cr_tty_check, .open = cr_tty_open,
	  .post = cr_tty_post },
	{ FD_TYPES__MEMFD,     "memfd",    IN(MemfdFileEntry),
	  .plan = cr_memfd_plan, .make = cr_memfd_make, .open = cr_memfd_open,
	  .again = cr_memfd_again },
};
// clang-format on

const struct cr_fd_kind *cr_fd_kind(uint32_t type)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].type == type)
			return &kinds[i];
	}
	return NULL;
}
