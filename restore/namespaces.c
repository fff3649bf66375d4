// SPDX-License-Identifier: MIT
/*
 * Namespaces: processes are restored in those that we are run in, which take the
 * place of theirs. So all of them must have been in the same; and in no user
 * namespace of their own, for outside of it other users have their ids.
 *
 * Facts: CRIU images/core.proto (task_kobj_ids_entry), criu/namespaces.c, v4.2.
 */
#include <stddef.h>
#include <string.h>

#include "restore/steps.h"

#define NS(name) \
	#name, offsetof(TaskKobjIdsEntry, has_##name##_ns_id), \
		offsetof(TaskKobjIdsEntry, name##_ns_id)

static const struct {
	const char *name;
	size_t has, id;
	bool ours; // ours can take its place
} kinds[] = {
	// clang-format off
	{ NS(pid),    true },
	{ NS(net),    true },
	{ NS(ipc),    true },
	{ NS(uts),    true },
	{ NS(mnt),    true },
	{ NS(time),   true },
	{ NS(cgroup), true },
	{ NS(user),   false },
	// clang-format on
};

// False if one of them is not known.
static bool are_same(const TaskKobjIdsEntry *a, const TaskKobjIdsEntry *b,
		     size_t i)
{
	const char *p = (const char *)a, *q = (const char *)b;
	protobuf_c_boolean has[2];
	uint32_t id[2];
	memcpy(&has[0], p + kinds[i].has, sizeof(has[0]));
	memcpy(&has[1], q + kinds[i].has, sizeof(has[1]));
	memcpy(&id[0], p + kinds[i].id, sizeof(id[0]));
	memcpy(&id[1], q + kinds[i].id, sizeof(id[1]));
	return !has[0] || !has[1] || !id[0] || !id[1] || id[0] == id[1];
}

static struct cr_error *check(const struct cr_rplan *plan,
			      const struct cr_proc *proc, size_t i)
{
	const TaskKobjIdsEntry *criu = plan->inventory->root_ids;
	const struct cr_proc *root = plan->proc;
	if (root->ids && !are_same(proc->ids, root->ids, i))
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "a %s namespace that is not that of "
				    "process %u",
				    kinds[i].name, (unsigned)root->vpid);
	if (!kinds[i].ours && criu && !are_same(proc->ids, criu, i))
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "a %s namespace of its own", kinds[i].name);
	return NULL;
}

struct cr_error *cr_namespaces_plan(struct cr_rplan *plan, struct cr_proc *proc)
{
	if (proc->zombie || !proc->ids)
		return NULL;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct cr_error *err = check(plan, proc, i);
		if (err)
			return cr_error_at(err, "ids-%u.img: entry 0",
					   (unsigned)proc->vpid);
	}
	return NULL;
}
