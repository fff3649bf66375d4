// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <string.h>

#include "crit/x/fields.h"
#include "crit/x/table.h"
#include "crit/x/views.h"
#include "images/stats.pb-c.h"

// clang-format off
static const struct cr_column columns[] = {
	{ "image" }, { "name" }, { "value", true }, { 0 },
};
// clang-format on

// Times are named so, but for one.
static bool is_time(const char *name)
{
	size_t size = strlen(name);
	return !strcmp(name, "irmap_resolve") ||
	       (size > 5 && !strcmp(name + size - 5, "_time"));
}

static void show_time(struct cr_x *x, uint64_t us)
{
	if (us < 1000)
		cr_cell_u64_as(x, us, "%" PRIu64 " us", us);
	else if (us < 1000000)
		cr_cell_u64_as(x, us, "%.1f ms", (double)us / 1e3);
	else
		cr_cell_u64_as(x, us, "%.2f s", (double)us / 1e6);
}

static void show_value(struct cr_x *x, void *arg, const struct cr_field_at *at)
{
	cr_cell_string(x, arg);
	cr_cell_string(x, at->name);
	if (is_time(at->name))
		show_time(x, at->value);
	else
		cr_cell_u64(x, at->value);
}

static void show_image(struct cr_x *x, char *name)
{
	StatsEntry *stats = NULL;
	cr_x_find(x, cr_message_load(&x->set, &stats_entry__descriptor, &stats,
				     "%s", name));
	if (stats)
		cr_x_each_field(x, &stats->base, show_value, name);
	cr_message_free(stats);
}

void cr_x_stats(struct cr_x *x, const char *key)
{
	char dump[] = "stats-dump", restore[] = "stats-restore";
	cr_table_begin_as(x, key, columns);
	show_image(x, dump);
	show_image(x, restore);
	cr_table_end(x);
}

void cr_x_view_stats(struct cr_x *x)
{
	cr_x_stats(x, NULL);
}
