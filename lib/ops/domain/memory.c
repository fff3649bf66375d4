// SPDX-License-Identifier: MIT
#include <string.h>

#include "lib/ops/domain/inside.h"
#include "lib/pages/search.h"

static struct cr_error *count(void *arg, uint64_t vaddr, const void *data,
			      size_t size)
{
	++*(uint64_t *)arg;
	return NULL;
}

/* How often, and in how many processes. */
static struct cr_error *count_in_all(struct cr_memory *memory,
				     const struct cr_memory_ids *pids,
				     const struct cr_search *search,
				     uint64_t *nr_ret, size_t *nr_pids_ret)
{
	struct cr_error *err = NULL;
	for (size_t i = 0; i < pids->nr && !err; i++) {
		struct cr_pages pages = { 0 };
		uint64_t nr = 0;
		err = cr_pages_open(&pages, memory, pids->id[i]);
		if (!err)
			err = cr_search_run(search, &pages, 0, UINT64_MAX, count,
					    &nr);
		cr_pages_close(&pages);
		*nr_ret += nr;
		*nr_pids_ret += nr != 0;
	}
	return err;
}

static struct cr_error *remember(const struct cr_domain *d,
				 struct cr_memory *memory,
				 const struct cr_memory_ids *pids,
				 const struct cr_rule *rule)
{
	struct cr_search search = { 0 };
	uint64_t nr = 0;
	size_t nr_pids = 0;
	/* An abstract name begins with a NUL there. */
	size_t skip = *rule->old == '@';
	struct cr_error *err = cr_search_init(&search, rule->old + skip,
					      rule->old_size - skip);
	if (!err)
		err = count_in_all(memory, pids, &search, &nr, &nr_pids);
	cr_search_deinit(&search);
	if (!err && nr)
		cr_domain_remark(d, "'%s' is left %llu time%s in the memory of "
				    "%zu process%s",
				 rule->old, (unsigned long long)nr,
				 nr == 1 ? "" : "s", nr_pids,
				 nr_pids == 1 ? "" : "es");
	return err;
}

struct cr_error *cr_domain_remember(const struct cr_domain *d,
				    const struct cr_rules *rules)
{
	struct cr_memory memory = { 0 };
	struct cr_memory_ids pids = { 0 };
	if (!d->remark)
		return NULL;
	struct cr_error *err =
		cr_memory_init(&memory, cr_change_set(d->change), NULL);
	if (!err)
		err = cr_memory_pids(&memory, &pids);
	for (size_t i = 0; i < rules->nr && !err; i++)
		err = remember(d, &memory, &pids, &rules->rule[i]);
	free(pids.id);
	cr_memory_deinit(&memory);
	/* It is no part of the work: the change does not depend on it. */
	if (err && cr_error_code(err) != CR_ERR_NOMEM) {
		cr_domain_remark(d, "memory cannot be searched: %s",
				 cr_error_text(err));
		cr_error_free(err);
		err = NULL;
	}
	return err;
}
