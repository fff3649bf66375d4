// SPDX-License-Identifier: MIT
/*
 * A program at a terminal, to be dumped by CRIU with --shell-job and restored at
 * another one: it has set modes, reads what is typed, and ends with ^C.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static void say(const char *text)
{
	if (write(1, text, strlen(text)) < 0)
		_exit(1);
}

static void on_key(int signo)
{
	say("PASS: interrupted\n");
	_exit(42);
}

static int wrong(const char *what)
{
	say(what);
	return 1;
}

int main(void)
{
	struct termios t;
	struct winsize size;
	char line[80];
	signal(SIGINT, on_key);
	tcgetattr(0, &t);
	t.c_lflag &= ~(tcflag_t)ECHO;
	t.c_cc[VEOF] = 5;
	tcsetattr(0, TCSANOW, &t);
	fcntl(2, F_SETFL, fcntl(2, F_GETFL));
	close(creat("ready", 0644));
	while (access("go", F_OK))
		usleep(5000);
	if (!isatty(0) || !isatty(1) || !isatty(2))
		return wrong("FAIL: no terminal\n");
	if (tcgetattr(0, &t) || t.c_lflag & ECHO || t.c_cc[VEOF] != 5)
		return wrong("FAIL: other modes\n");
	if (tcgetpgrp(0) != getpgrp())
		return wrong("FAIL: in the background\n");
	if (ioctl(0, TIOCGWINSZ, &size) || size.ws_col != 111)
		return wrong("FAIL: another size\n");
	say("type\n");
	ssize_t n = read(0, line, sizeof(line));
	if (n != 6 || memcmp(line, "hello\n", 6))
		return wrong("FAIL: not what was typed\n");
	say("read it\n");
	for (;;)
		pause();
}
