// SPDX-License-Identifier: MIT
#include "crit/stats/stats.h"

// clang-format off
static const struct cr_column process_columns[] = {
	{ "pid", true }, { "comm" }, CR_STATS_USAGE_COLUMNS, { 0 },
};
static const struct cr_column kind_columns[] = {
	{ "kind" }, { "mappings", true }, CR_STATS_USAGE_COLUMNS, { 0 },
};
// clang-format on

/* A process being added up. */
struct process {
	struct cr_stats *s;
	struct cr_usage sum;
};

static struct cr_error *take_mapping(void *arg, const struct cr_vma *vma,
				     const struct cr_usage *usage)
{
	struct process *p = arg;
	struct cr_stats *s = p->s;
	enum cr_usage_kind kind = cr_usage_kind(vma);
	uint32_t shmid;
	bool is_shared = false;
	s->kinds[kind].nr += vma != NULL;
	cr_usage_add(&s->kinds[kind].usage, usage);
	cr_usage_add(&p->sum, usage);
	if (!vma)
		return NULL;
	if (cr_vma_is_file(vma))
		return cr_stats_add_item(s, &s->files, vma->shmid, vma, usage);
	struct cr_error *err =
		cr_memory_shmid(&s->memory, vma, &is_shared, &shmid);
	if (!err && is_shared)
		err = cr_stats_add_item(s, &s->shared, shmid, vma, usage);
	return err;
}

struct cr_error *cr_stats_add_owner(struct cr_stats *s,
				    const struct cr_pages *pages,
				    uint64_t stored, uint32_t id)
{
	const struct cr_object *object = pages->object ?: &pages->own;
	if (!object->nr || object->layer[0].absent)
		return NULL;
	void *owner = cr_stats_reserve(s->owner, s->nr_owners, &s->cap_owners,
				       sizeof(s->owner[0]));
	if (!owner)
		return cr_enomem;
	s->owner = owner;
	s->owner[s->nr_owners++] = (struct cr_stats_owner){
		.pages_id = object->layer[0].map.pages_id,
		.is_object = pages->object,
		.id = id,
		.stored = stored,
	};
	return NULL;
}

static struct cr_error *count_process(struct cr_stats *s, uint32_t pid,
				      struct cr_usage *sum)
{
	struct cr_pages pages = { 0 };
	struct process p = { .s = s };
	struct cr_error *err = cr_pages_open(&pages, &s->memory, pid);
	if (!err)
		err = cr_usage_each(&pages, take_mapping, &p);
	if (!err)
		err = cr_stats_add_owner(s, &pages, p.sum.stored, pid);
	cr_pages_close(&pages);
	*sum = p.sum;
	return err;
}

static void put_process(struct cr_stats *s, uint32_t pid)
{
	struct cr_x *x = &s->x;
	struct cr_brief brief = { 0 };
	struct cr_usage sum = { 0 };
	struct cr_error *err = cr_brief_load(&x->set, pid, &brief);
	// A pre-dump has none.
	cr_error_catch(&err, CR_ERR_NOT_FOUND);
	cr_x_find(x, err);
	cr_x_find(x, count_process(s, pid, &sum));
	cr_cell_u64(x, pid);
	if (brief.comm)
		cr_cell_bytes(x, brief.comm, brief.comm_size);
	else
		cr_cell_none(x);
	cr_stats_put_usage(x, &sum);
	cr_usage_add(&s->total, &sum);
	cr_brief_free(&brief);
}

void cr_stats_processes(struct cr_stats *s)
{
	cr_stats_begin(&s->x, "memory by process", "processes",
		       process_columns);
	for (size_t i = 0; i < s->pids.nr && !s->x.err; i++)
		put_process(s, s->pids.id[i]);
	cr_table_end(&s->x);
}

void cr_stats_kinds(struct cr_stats *s)
{
	struct cr_x *x = &s->x;
	uint64_t nr = 0;
	cr_stats_begin(x, "memory by kind", "kinds", kind_columns);
	for (unsigned i = 0; i < CR_NR_USAGE_KINDS && !x->err; i++) {
		const struct cr_usage *u = &s->kinds[i].usage;
		nr += s->kinds[i].nr;
		if (!s->kinds[i].nr &&
		    !(u->here | u->parent | u->lazy | u->zero))
			continue;
		cr_cell_string(x, cr_usage_kind_name(i));
		cr_cell_u64(x, s->kinds[i].nr);
		cr_stats_put_usage(x, u);
	}
	cr_table_total(x, "kinds_total");
	cr_cell_label(x, "total");
	cr_cell_u64(x, nr);
	cr_stats_put_usage(x, &s->total);
	cr_table_end(x);
}
