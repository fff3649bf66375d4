// SPDX-License-Identifier: MIT
#include "lib/ops/mean.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/codec.h"
#include "tests/support/files.h"
#include "tests/support/main.h"

/* Ids of the types that can hold a meaning. */
static char *types(enum cr_meaning means)
{
	char *all = cr_test_format("%s", "");
	for (size_t i = 0; i < cr_nr_image_types; i++) {
		const struct cr_image_type *type = &cr_image_types[i];
		if (cr_mean_of_type(type) & CR_MEANING(means))
			all = cr_test_format("%s%s%s", all, *all ? " " : "",
					     type->id);
	}
	return all;
}

TEST(images_that_hold_what_is_looked_for)
{
	assert_text(types(CR_MEANS_IP), "FILES INETSK NETDEV");
	assert_text(types(CR_MEANS_PORT), "FILES INETSK");
	assert_text(types(CR_MEANS_CGROUP_PATH), "CGROUP");
	assert_text(types(CR_MEANS_SIGINFO), "CORE SIGNAL");
	assert_text(types(CR_MEANS_HOST_NAME), "UTSNS");
	assert_text(types(CR_MEANS_LABEL), "CORE FDINFO CREDS");
	assert_text(types(CR_MEANS_PATH),
		    "FILES IRMAP_CACHE REG_FILES INOTIFY_FILE INOTIFY_WD "
		    "FANOTIFY_FILE FANOTIFY_MARK UNIXSK MEMFD_INODE GHOST_FILE "
		    "MNTS USERNS BINFMT_MISC");
}

#define PSTREE \
	image("PSTREE", entry(num(1, 7), num(2, 0), num(3, 7), num(4, 300), \
			      num(5, 7), num(5, 8), num(99, 1)))

struct visit {
	char *seen;
	uint64_t from;
	json_t *to; /* NULL: only look */
};

static struct cr_error *on_value(void *arg, const struct cr_mean_at *at,
				 json_t *value, json_t **ret)
{
	struct visit *v = arg;
	char *text = json_dumps(value, JSON_ENCODE_ANY);
	v->seen = cr_test_format("%s%s%s=%s", v->seen, *v->seen ? " " : "",
				 at->field->name, text);
	free(text);
	if (v->to && (uint64_t)json_integer_value(value) == v->from)
		*ret = json_incref(v->to);
	return NULL;
}

static struct cr_error *refuse(void *arg, const struct cr_mean_at *at,
			     json_t *value, json_t **ret)
{
	return cr_error_new(CR_ERR_FORMAT, "no");
}

static struct cr_error *dump_entry(void *arg, const struct cr_rewrite_at *at,
				   json_t *entry, enum cr_rewrite *ret)
{
	char *text = json_dumps(entry, JSON_COMPACT);
	*(char **)arg = cr_test_format("%s", text);
	free(text);
	return NULL;
}

static struct cr_change *open_images(void)
{
	struct cr_change_opts opts = { .dry_run = true };
	struct cr_change *change;
	cr_test_file("pstree.img", PSTREE, 0600);
	/* No image that could hold one: it is not opened. */
	cr_test_file("pagemap-1.img", text("x"), 0600);
	struct cr_error *err = cr_change_open(cr_test_dir(), &opts, &change);
	ck_assert_msg(!err, "%s", err ? cr_error_text(err) : "");
	return change;
}

TEST(every_value_is_visited_and_nothing_changes)
{
	struct visit v = { .seen = cr_test_format("%s", "") };
	struct cr_change *change = open_images();
	ck_assert_ptr_null(cr_mean_each(change, CR_MEANING(CR_MEANS_PID),
					on_value, &v));
	assert_text(v.seen, "pid=7 ppid=0 pgid=7 sid=300 threads=7 threads=8");
	ck_assert(cr_change_is_empty(change));
	cr_change_close(change);
}

TEST(other_meanings_are_passed)
{
	struct visit v = { .seen = cr_test_format("%s", "") };
	struct cr_change *change = open_images();
	ck_assert_ptr_null(cr_mean_each(change, CR_MEANING(CR_MEANS_PATH),
					on_value, &v));
	assert_text(v.seen, "");
	cr_change_close(change);
}

static char *changed(uint64_t from, json_t *to)
{
	char *text = NULL;
	struct visit v = { cr_test_format("%s", ""), from, to };
	struct cr_change *change = open_images();
	struct cr_error *err = cr_mean_each(change, CR_MEANING(CR_MEANS_PID),
					    on_value, &v);
	if (!err)
		err = cr_rewrite_look(cr_change_set(change), "pstree.img", NULL,
				      dump_entry, &text);
	json_decref(to);
	cr_change_close(change);
	return err ? cr_test_error(err) : text;
}

TEST(values_are_replaced_and_the_rest_stays)
{
	assert_text(changed(7, json_integer(9)),
		    "{\"pid\":9,\"ppid\":0,\"pgid\":9,\"sid\":300,"
		    "\"threads\":[9,8],\"@unknown\":[{\"field\":99,"
		    "\"varint\":1}]}");
}

TEST(elements_are_removed)
{
	assert_text(changed(8, json_null()),
		    "{\"pid\":7,\"ppid\":0,\"pgid\":7,\"sid\":300,"
		    "\"threads\":[7],\"@unknown\":[{\"field\":99,"
		    "\"varint\":1}]}");
}

TEST(what_does_not_fit_is_refused)
{
	assert_text(changed(300, json_integer(INT64_C(1) << 32)),
		    "! FORMAT pstree.img: entry 0: sid: 4294967296 is out of range for uint32");
}

TEST(errors_say_where)
{
	struct cr_change *change = open_images();
	assert_text(cr_test_error(cr_mean_each(
			    change, CR_MEANING(CR_MEANS_PID), refuse, NULL)),
		    "! FORMAT pstree.img: entry 0: pid: no");
	cr_change_close(change);
}

TEST_MAIN("lib/ops/mean")
