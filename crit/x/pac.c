// SPDX-License-Identifier: MIT
#include <string.h>

#include "crit/x/table.h"
#include "crit/x/views.h"

#define NR_KEYS 5

// clang-format off
static const struct cr_column columns[] = {
	{ "pid", true }, { "tid", true }, { "address_keys" },
	{ "generic_key" }, { "enabled" }, { "as_leader" }, { 0 },
};

static const struct cr_column secret_columns[] = {
	{ "pid", true }, { "tid", true }, { "address_keys" },
	{ "generic_key" }, { "enabled" }, { "as_leader" },
	{ "apia" }, { "apib" }, { "apda" }, { "apdb" }, { "apga" }, { 0 },
};

// man 2 prctl, PR_PAC_SET_ENABLED_KEYS
static const char *const key_names[] = {
	"apia", "apib", "apda", "apdb", "apga",
};
// clang-format on

struct keys {
	bool address, generic;
	uint64_t value[NR_KEYS][2]; /* low half, high half */
	uint64_t enabled;
};

/* The leader of the process being shown. */
struct leader {
	uint32_t pid;
	struct keys keys;
};

/* CRIU writes the outer message even when it saved no keys. */
static struct keys keys_of(const ThreadInfoAarch64 *info)
{
	const PacAddressKeys *a =
		info->pac_keys ? info->pac_keys->pac_address_keys : NULL;
	const PacGenericKeys *g =
		info->pac_keys ? info->pac_keys->pac_generic_keys : NULL;
	struct keys keys = { .address = a, .generic = g };
	if (a) {
		const uint64_t value[4][2] = {
			{ a->apiakey_lo, a->apiakey_hi },
			{ a->apibkey_lo, a->apibkey_hi },
			{ a->apdakey_lo, a->apdakey_hi },
			{ a->apdbkey_lo, a->apdbkey_hi },
		};
		memcpy(keys.value, value, sizeof(value));
		keys.enabled = a->pac_enabled_key;
	}
	if (g) {
		keys.value[4][0] = g->apgakey_lo;
		keys.value[4][1] = g->apgakey_hi;
	}
	return keys;
}

static bool is_same(const struct keys *a, const struct keys *b)
{
	return a->address == b->address && a->generic == b->generic &&
	       !memcmp(a->value, b->value, sizeof(a->value));
}

static void show_values(struct cr_x *x, const struct keys *keys)
{
	for (int i = 0; i < NR_KEYS; i++) {
		if (i < 4 ? keys->address : keys->generic)
			cr_cell_secret(x, "0x%016llx%016llx",
				       (unsigned long long)keys->value[i][1],
				       (unsigned long long)keys->value[i][0]);
		else
			cr_cell_none(x);
	}
}

static void show(struct cr_x *x, void *arg, const struct cr_task *task,
		 uint32_t tid, const CoreEntry *core)
{
	struct leader *leader = arg;
	uint32_t pid = task->entry->pid;
	if (!core->ti_aarch64)
		return;
	struct keys keys = keys_of(core->ti_aarch64);
	if (pid == tid)
		*leader = (struct leader){ pid, keys };
	cr_cell_u64(x, pid);
	cr_cell_u64(x, tid);
	cr_cell_bool(x, keys.address);
	cr_cell_bool(x, keys.generic);
	if (keys.address)
		cr_cell_bits(x, keys.enabled, key_names, NR_KEYS);
	else
		cr_cell_none(x);
	if (leader->pid == pid)
		cr_cell_bool(x, is_same(&keys, &leader->keys));
	else
		cr_cell_none(x);
	if (x->secrets || x->rows)
		show_values(x, &keys);
}

void cr_x_view_pac(struct cr_x *x)
{
	struct leader leader = { 0 };
	cr_table_begin(x, x->secrets || x->rows ? secret_columns : columns);
	cr_x_each_thread(x, show, &leader);
	cr_table_end(x);
}
