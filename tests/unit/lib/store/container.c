// SPDX-License-Identifier: MIT
/*
 * Whole archives of each engine are listed in tests/golden/list; here is what
 * single members do.
 */
#include "lib/store/container.h"

#include "tests/support/codec.h"
#include "tests/support/main.h"
#include "tests/support/tar.h"

/* JSON is written with ' for ". */
#define member(name, json) tar_file(name, text(cr_test_quotes(json)))

/* What is known, NAME=VALUE, and after a bar the findings. */
static const char *describe(struct bytes members)
{
	struct bytes b = tar(tar_file("checkpoint/pstree.img", text("P")),
			     members);
	struct cr_container c;
	struct cr_store *store;

	ck_assert_ptr_null(cr_store_open(cr_test_archive(b), &store));
	ck_assert_ptr_null(cr_container_init(&c, store));
	const struct {
		const char *name, *value;
	} all[] = { { "id", c.id },	    { "name", c.name },
		    { "image", c.image },   { "runtime", c.runtime },
		    { "pod", c.pod },	    { "namespace", c.namespace } };
	const char *got = c.engine ? c.engine : "?";

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].value)
			got = cr_test_format("%s %s=%s", got, all[i].name,
					     all[i].value);
	if (c.created)
		got = cr_test_format("%s created=%lld", got,
				     (long long)c.created);
	if (c.checkpointed)
		got = cr_test_format("%s checkpointed=%lld", got,
				     (long long)c.checkpointed);
	for (size_t i = 0; i < store->findings.nr; i++)
		got = cr_test_format("%s | %s", got,
				     cr_error_text(store->findings.err[i]));
	cr_container_deinit(&c);
	cr_store_close(store);
	return got;
}

TEST(images_alone_are_of_criu)
{
	assert_text(describe(text("")), "criu");
	// A file of this name tells nothing.
	assert_text(describe(member("status", "{'CreatedAt': 1000000000}")),
		    "criu created=1");
}

TEST(annotations_tell_the_engine)
{
	assert_text(describe(member("spec.dump",
				    "{'annotations': "
				    "{'io.container.manager': 'libpod'}}")),
		    "podman");
	assert_text(describe(member("spec.dump",
				    "{'annotations': "
				    "{'io.container.manager': 'cri-o', "
				    "'io.kubernetes.cri-o.ContainerID': 'i', "
				    "'io.kubernetes.cri-o.ImageName': 'j', "
				    "'io.kubernetes.container.name': 'n', "
				    "'io.kubernetes.pod.name': 'p', "
				    "'io.kubernetes.pod.namespace': 's'}}")),
		    "cri-o id=i name=n image=j pod=p namespace=s");
	assert_text(describe(member("spec.dump",
				    "{'annotations': "
				    "{'io.kubernetes.cri.container-name': 'n', "
				    "'io.kubernetes.cri.image-name': 'j', "
				    "'io.kubernetes.cri.sandbox-name': 'p', "
				    "'io.kubernetes.cri.sandbox-namespace': "
				    "'s'}}")),
		    "containerd name=n image=j pod=p namespace=s");
	assert_text(describe(member("spec.dump",
				    "{'annotations': "
				    "{'io.container.manager': 'new'}}")),
		    "?");
}

TEST(config_dump_names_the_container)
{
	assert_text(describe(member("config.dump",
				    "{'id': 'i', 'name': 'n', 'runtime': 'r', "
				    "'rootfsImageName': 'j', 'rootfsImage': "
				    "'sha256:1'}")),
		    "? id=i name=n image=j runtime=r");
}

TEST(times_have_zones_and_fractions)
{
	assert_text(describe(member("config.dump",
				    "{'createdTime': "
				    "'2026-01-02T03:04:05.123456789Z', "
				    "'checkpointedTime': "
				    "'2026-01-02T04:34:05+01:30'}")),
		    "? created=1767323045 checkpointed=1767323045");
	assert_text(describe(member("config.dump",
				    "{'createdTime': "
				    "'2026-01-01T22:04:05.5-05:00', "
				    "'checkpointedTime': "
				    "'0001-01-01T00:00:00Z'}")),
		    "? created=1767323045");
	assert_text(describe(member("config.dump",
				    "{'createdTime': 'yesterday', "
				    "'checkpointedTime': 7}")),
		    "?");
}

TEST(values_of_another_type_are_not_there)
{
	assert_text(describe(cat(member("config.dump",
					"{'id': 7, 'name': ['n'], "
					"'rootfsImageName': null, "
					"'runtime': ''}"),
				 member("spec.dump", "{'annotations': 'x'}"),
				 member("status", "{'CreatedAt': 'x'}"))),
		    "?");
	assert_text(describe(cat(member("config.dump", "[1, 2]"),
				 member("spec.dump", "null"))),
		    "?");
}

TEST(what_is_broken_is_a_finding)
{
	assert_text(describe(cat(member("config.dump", "{'name': 'n'"),
				 member("spec.dump",
					"{'annotations': "
					"{'io.container.manager': "
					"'libpod'}}"))),
		    "podman | config.dump: line 1 column 12: '}' expected near "
		    "end of file");
	assert_text(describe(member("config.dump", "{'name': '\xff'}")),
		    "? | config.dump: line 1 column 10: unable to decode byte "
		    "0xff near '\"'");
	assert_text(describe(tar_symlink("config.dump", "/etc/passwd")),
		    "? | config.dump: a link that leads out | config.dump: "
		    "leads out of the archive");
	assert_text(describe(tar_file("config.dump", fill(' ', 4194305))),
		    "? | config.dump: 4194305 bytes, over the limit of 4194304 "
		    "for JSON");
	assert_text(describe(tar_file("config.dump", fill('[', 100000))),
		    "? | config.dump: line 1 column 2049: maximum parsing "
		    "depth reached near '['");
}

TEST_MAIN("lib/store/container")
