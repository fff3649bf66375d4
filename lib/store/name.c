// SPDX-License-Identifier: MIT
#include "lib/store/name.h"

#include <stdio.h>
#include <string.h>

/* As many as Linux follows. */
#define MAX_LINKS 40

/* The next component at *p, which moves behind it; its size, 0 at the end. */
static size_t component(const char **p, const char **start)
{
	*start = *p + strspn(*p, "/");
	size_t size = strcspn(*start, "/");
	*p = *start + size;
	return size;
}

static bool is(const char *start, size_t size, const char *name)
{
	return size == strlen(name) && !memcmp(start, name, size);
}

/* Appends a component to a clean name of *used bytes. */
static bool append(char path[CR_NAME_MAX], size_t *used, const char *start,
		   size_t size)
{
	size_t slash = *used > 0;
	if (size >= CR_NAME_MAX - *used - slash)
		return false;
	if (slash)
		path[*used] = '/';
	*used += slash;
	memcpy(path + *used, start, size);
	*used += size;
	path[*used] = 0;
	return true;
}

enum cr_name cr_name_clean(const char *name, char ret[CR_NAME_MAX])
{
	const char *start;
	size_t used = 0;
	ret[0] = 0;
	if (*name == '/')
		return CR_NAME_ABSOLUTE;
	for (size_t size; (size = component(&name, &start));) {
		if (is(start, size, "."))
			continue;
		if (is(start, size, ".."))
			return CR_NAME_DOTDOT;
		if (!append(ret, &used, start, size))
			return CR_NAME_TOO_LONG;
	}
	return CR_NAME_OK;
}

/* Sets the name that is still to be gone: first, then what then holds. */
static bool set_rest(struct cr_name_walk *walk, const char *first,
		     const char *then)
{
	char rest[CR_NAME_MAX];
	int size = snprintf(rest, sizeof(rest), "%s%s", first, then);
	if (size >= CR_NAME_MAX)
		return false;
	memcpy(walk->rest, rest, (size_t)size + 1);
	walk->left = walk->rest;
	return true;
}

bool cr_name_walk_init(struct cr_name_walk *walk, const char *root,
		       const char *base, const char *name)
{
	walk->root = root;
	walk->nr_links = 0;
	walk->size = strlen(base);
	if (walk->size >= CR_NAME_MAX)
		return false;
	memcpy(walk->path, base, walk->size + 1);
	return set_rest(walk, name, "");
}

static void drop_last(struct cr_name_walk *walk)
{
	while (walk->size && walk->path[--walk->size] != '/')
		;
	walk->path[walk->size] = 0;
}

enum cr_name_step cr_name_step(struct cr_name_walk *walk)
{
	const char *start;
	size_t size = component(&walk->left, &start);
	if (!size)
		return CR_NAME_ARRIVED;
	if (is(start, size, "..")) {
		if (!strcmp(walk->path, walk->root))
			return CR_NAME_OUT;
		drop_last(walk);
	} else if (!is(start, size, ".") &&
		   !append(walk->path, &walk->size, start, size)) {
		return CR_NAME_CONFUSED;
	}
	return CR_NAME_STEP;
}

enum cr_name_step cr_name_follow(struct cr_name_walk *walk, const char *link)
{
	if (*link == '/')
		return CR_NAME_OUT;
	if (++walk->nr_links > MAX_LINKS || !set_rest(walk, link, walk->left))
		return CR_NAME_CONFUSED;
	drop_last(walk);
	return CR_NAME_STEP;
}
