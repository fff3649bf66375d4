// SPDX-License-Identifier: MIT
#include "lib/ops/domain/pids.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/ops/domain/inside.h"

struct cr_error *cr_pids_add(struct cr_pids *pids, uint32_t old, uint32_t to,
			     bool said)
{
	if (pids->nr == pids->cap) {
		size_t cap = pids->cap ? 2 * pids->cap : 64;
		void *more = realloc(pids->pair, cap * sizeof(pids->pair[0]));
		if (!more)
			return cr_enomem;
		pids->pair = more;
		pids->cap = cap;
	}
	pids->pair[pids->nr++] = (struct cr_pid_pair){ old, to, said };
	pids->sorted = false;
	return NULL;
}

void cr_pids_free(struct cr_pids *pids)
{
	free(pids->pair);
}

struct cr_error *cr_pids_parse(struct cr_pids *pids, const char *text)
{
	uint64_t old, to;
	const char *equals = strchr(text, '=');
	cr_auto_free char *left =
		equals ? strndup(text, (size_t)(equals - text)) : NULL;
	if (equals && !left)
		return cr_enomem;
	if (!equals || !cr_domain_number(left, 1, CR_PID_MAX - 1, &old) ||
	    !cr_domain_number(equals + 1, 1, CR_PID_MAX - 1, &to))
		return cr_error_new(CR_ERR_USAGE, "'%s': need OLD=NEW, ids from "
						  "1 to %d",
				    text, CR_PID_MAX - 1);
	return cr_pids_add(pids, (uint32_t)old, (uint32_t)to, true);
}

/* Without comment and blanks; "OLD NEW" is good as well. */
static void clean(char *line)
{
	char *o = line;
	line[strcspn(line, "#")] = 0;
	char *p = line + strspn(line, " \t\r");
	size_t n = strlen(p);
	while (n && isspace((unsigned char)p[n - 1]))
		p[--n] = 0;
	bool has_equals = strchr(p, '=');
	for (; *p; p++) {
		if (!isspace((unsigned char)*p))
			*o++ = *p;
		else if (!has_equals && !isspace((unsigned char)p[1]))
			*o++ = '=';
	}
	*o = 0;
}

struct cr_error *cr_pids_parse_lines(struct cr_pids *pids, const char *text,
				     size_t size)
{
	cr_auto_free char *copy = strndup(text, size);
	struct cr_error *err = NULL;
	size_t nr = 0;
	if (!copy)
		return cr_enomem;
	for (char *line = copy, *next; line && !err; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		nr++;
		clean(line);
		if (*line)
			err = cr_pids_parse(pids, line);
		if (err)
			err = cr_error_at(err, "line %zu", nr);
	}
	return err;
}

/* What was said comes first. */
static int by_old(const void *a, const void *b)
{
	const struct cr_pid_pair *x = a, *y = b;
	if (x->old != y->old)
		return x->old < y->old ? -1 : 1;
	return (int)y->said - (int)x->said;
}

struct cr_error *cr_pids_sort(struct cr_pids *pids)
{
	size_t o = 0;
	if (pids->nr)
		qsort(pids->pair, pids->nr, sizeof(pids->pair[0]), by_old);
	for (size_t i = 0; i < pids->nr; i++) {
		const struct cr_pid_pair *p = &pids->pair[i];
		bool again = o && pids->pair[o - 1].old == p->old;
		if (again && p->said && pids->pair[o - 1].to != p->to)
			return cr_error_new(CR_ERR_USAGE, "%u cannot become both "
							  "%u and %u",
					    p->old, pids->pair[o - 1].to,
					    p->to);
		if (!again)
			pids->pair[o++] = *p;
	}
	pids->nr = o;
	pids->sorted = true;
	return NULL;
}

static int by_new(const void *a, const void *b)
{
	const struct cr_pid_pair *x = a, *y = b;
	return x->to < y->to ? -1 : x->to > y->to;
}

struct cr_error *cr_pids_check(const struct cr_pids *pids)
{
	size_t size = pids->nr * sizeof(pids->pair[0]);
	cr_auto_free struct cr_pid_pair *copy = malloc(size + 1);
	if (!copy)
		return cr_enomem;
	if (size)
		memcpy(copy, pids->pair, size);
	qsort(copy, pids->nr, sizeof(copy[0]), by_new);
	for (size_t i = 1; i < pids->nr; i++)
		if (copy[i].to == copy[i - 1].to)
			return cr_error_new(CR_ERR_USAGE, "both %u and %u would "
							  "be %u",
					    copy[i - 1].old, copy[i].old,
					    copy[i].to);
	return NULL;
}

struct cr_pid_pair *cr_pids_find(const struct cr_pids *pids, uint64_t old)
{
	size_t low = 0, high = pids->nr;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (pids->pair[mid].old < old)
			low = mid + 1;
		else
			high = mid;
	}
	return low < pids->nr && pids->pair[low].old == old ? &pids->pair[low] :
							      NULL;
}
