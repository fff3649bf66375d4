// SPDX-License-Identifier: MIT
#include "restore/fd/inherit.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

/* One of the list: "fd[3]:pipe:[5]". */
struct item {
	int fd;
	const char *key;
	size_t size;
};

static const char start[] = "fd[";

// Items are joined by commas, which a path may have as well.
static size_t length(const char *p)
{
	size_t n = 0;
	while (p[n] && !(p[n] == ',' &&
			 !strncmp(p + n + 1, start, sizeof(start) - 1)))
		n++;
	return n;
}

// Takes the next item off the list; false if it is none.
static bool next(const char **list, struct item *ret)
{
	const char *p = *list;
	size_t size = length(p);
	long fd = 0;
	*list = p + size + (p[size] == ',');
	if (size < sizeof(start) || strncmp(p, start, sizeof(start) - 1))
		return false;
	const char *digits = p += sizeof(start) - 1;
	for (; isdigit((unsigned char)*p) && fd < INT_MAX / 10; p++)
		fd = fd * 10 + (*p - '0');
	if (p == digits || strncmp(p, "]:", 2))
		return false;
	p += 2;
	*ret = (struct item){ (int)fd, p,
			      size - (size_t)(p - (digits - sizeof(start) + 1)) };
	return ret->size != 0;
}

struct cr_error *cr_inherit_check(struct cr_rplan *plan)
{
	const char *list = plan->options->inherit;
	while (list && *list) {
		struct item item;
		if (!next(&list, &item))
			return cr_error_new(CR_ERR_USAGE,
					    "--inherit-fd wants fd[N]:KEY");
		if (fcntl(item.fd, F_GETFD) < 0)
			return cr_error_new(CR_ERR_USAGE,
					    "--inherit-fd: descriptor %d is "
					    "not open",
					    item.fd);
	}
	return NULL;
}

static bool matches(const struct item *item, const char *key)
{
	if (strlen(key) == item->size && !memcmp(key, item->key, item->size))
		return true;
	return *key == '/' && key[1] && matches(item, key + 1);
}

struct cr_error *cr_inherit_plan(struct cr_rplan *plan, struct cr_ofile *file)
{
	char key[PATH_MAX + 1] = "";
	const char *list = plan->options->inherit;
	if (!list || !file->kind->key)
		return NULL;
	file->kind->key(file, key, sizeof(key));
	while (*list) {
		struct item item;
		if (next(&list, &item) && matches(&item, key))
			file->inherited = item.fd;
	}
	return NULL;
}

struct cr_error *cr_inherit_open(struct cr_restore *run, struct cr_ofile *file)
{
	int fd = fcntl(file->inherited, F_DUPFD_CLOEXEC, run->plan->fd_base);
	if (fd < 0)
		return cr_error_sys("take descriptor %d", file->inherited);
	return cr_ofile_has(run, file, fd);
}
