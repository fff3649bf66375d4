// SPDX-License-Identifier: MIT
#include "crit/x/fields.h"
#include "crit/x/table.h"
#include "crit/x/views.h"
#include "images/stats.pb-c.h"

// clang-format off
static const struct cr_column columns[] = {
	{ "image" }, { "name" }, { "value", true }, { 0 },
};
// clang-format on

static void show_value(struct cr_x *x, void *arg, const struct cr_field_at *at)
{
	cr_cell_string(x, arg);
	cr_cell_string(x, at->name);
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

void cr_x_view_stats(struct cr_x *x)
{
	char dump[] = "stats-dump", restore[] = "stats-restore";
	cr_table_begin(x, columns);
	show_image(x, dump);
	show_image(x, restore);
	cr_table_end(x);
}
