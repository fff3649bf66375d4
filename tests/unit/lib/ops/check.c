// SPDX-License-Identifier: MIT
/*
 * What a host lacks, with facts made up; the other rules have their cases in
 * tests/golden/check.
 */
#include "lib/ops/check.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "tests/support/main.h"
#include "tests/unit/lib/image/checkpoint.h"

/* A host on which everything works. */
static struct cr_host good(void)
{
	static uint32_t pids[] = { 1, 2, 77 };
	static uint32_t ports[] = { AF_INET << 16 | 22, AF_INET6 << 16 | 80 };
	return (struct cr_host){
		.march = "X86_64",
		.page_size = 4096,
		.pid_max = 32768,
		.can_set_pids = true,
		.has_set_tid = true,
		.has_userfaultfd = true,
		.has_timens = true,
		.has_rseq = true,
		.hwcap = 0xff,
		.hwcap2 = 3,
		.xstate = 7,
		.pid = pids,
		.nr_pids = 3,
		.port = ports,
		.nr_ports = 2,
	};
}

static struct cr_error *collect(void *arg, const struct cr_finding *f)
{
	const char **got = arg;
	if (strncmp(f->rule->code, "host-", 5))
		return NULL;
	*got = cr_test_format("%s%s %s: %s%s%s\n", *got,
			      cr_severity_names[f->rule->severity],
			      f->rule->code, f->image ?: "",
			      f->image ? ": " : "", f->message);
	return NULL;
}

/* The findings about the host, closes the set. */
static const char *check(struct cr_set *set, struct cr_host host)
{
	const struct cr_check_opts opts = { .host = &host };
	struct cr_check_result result;
	const char *got = "";
	assert_text(cr_test_error(cr_check(set, &opts, collect, &got, &result)),
		    "");
	close_checkpoint(set);
	return got;
}

/* Ids of a process and of the dumper: 1 to 12, but for one namespace. */
static struct bytes ids(unsigned other)
{
	struct bytes all = { 0 };
	for (unsigned i = 1; i <= 12; i++)
		all = cat(all, num(i, i == other ? 99 : i));
	return all;
}

/* One process, 50, in the dumper's namespaces but for one; core holds what its
 * core image has beside the task. */
static struct cr_set process(unsigned other, unsigned march, struct bytes core)
{
	struct cr_set set = checkpoint(
		"pstree.img",
		image("PSTREE", entry(num(1, 50), num(2, 0), num(3, 50),
				      num(4, 50), num(5, 50))));
	add_image("inventory.img",
		  cat(hex("16313158"), entry(num(1, 2), num(2, 1),
					     len(3, ids(0)), num(4, 1))));
	add_image("core-50.img",
		  image("CORE",
			entry(num(1, march),
			      len(3, num(1, 1), num(2, 0), num(3, 0), num(4, 0),
				  num(5, 0), str(6, "x")),
			      core)));
	add_image("ids-50.img", image("IDS", entry(ids(other))));
	return set;
}

enum { PID_NS = 5, NET_NS = 6, TIME_NS = 12 };

static struct bytes thread_core(struct bytes more)
{
	return len(5, num(1, 0), num(2, 0), more);
}

/* The auxiliary vector of process 50. */
static void add_auxv(uint64_t key, uint64_t value)
{
	struct bytes head = { 0 };
	for (unsigned i = 1; i <= 12; i++)
		head = cat(head, num(i, 0));
	add_image("mm-50.img",
		  image("MM", entry(head, num(13, key), num(13, value))));
}

TEST(nothing_is_lacking)
{
	struct cr_set set = process(0, 1, thread_core(text("")));
	assert_text(check(&set, good()), "");
}

TEST(another_processor)
{
	struct cr_set set = process(0, 3, thread_core(text("")));
	assert_text(check(&set, good()),
		    "error host-arch: this host is X86_64, not AARCH64\n");
	struct cr_host host = good();
	host.march = NULL;
	set = process(0, 1, thread_core(text("")));
	assert_text(check(&set, host),
		    "error host-arch: this host is another, not X86_64\n");
}

TEST(pages_of_another_size)
{
	struct cr_set set = process(0, 1, thread_core(text("")));
	add_auxv(6, 65536);
	assert_text(check(&set, good()),
		    "error host-page-size: pages have 4096 bytes here, not "
		    "65536\n");
}

TEST(a_pid_in_use_and_one_too_large)
{
	struct cr_host host = good();
	uint32_t pids[] = { 1, 50 };
	host.pid = pids;
	host.nr_pids = 2;
	host.pid_max = 50;
	struct cr_set set = process(0, 1, thread_core(text("")));
	assert_text(check(&set, host),
		    "error host-pid-taken: pstree.img: pid 50 is in use on "
		    "this host\n"
		    "error host-pid-max: pstree.img: pid 50 is not below "
		    "pid_max of this host, 50\n");
	/* In a namespace of its own all are free. */
	set = process(PID_NS, 1, thread_core(text("")));
	assert_text(check(&set, host), "");
}

TEST(no_right_to_choose_pids)
{
	struct cr_host host = good();
	host.can_set_pids = host.has_set_tid = false;
	struct cr_set set = process(0, 1, thread_core(text("")));
	assert_text(check(&set, host),
		    "error host-feature: this kernel lacks processes with "
		    "chosen pids (clone3)\n"
		    "error host-capability: this user cannot give processes "
		    "their pids\n");
}

TEST(features_count_only_when_they_are_needed)
{
	struct cr_host host = good();
	host.has_timens = host.has_rseq = host.has_userfaultfd = false;
	struct cr_set set = process(0, 1, thread_core(text("")));
	assert_text(check(&set, host), "");
	set = process(TIME_NS, 1,
		      thread_core(len(15, num(1, 1), num(2, 32), num(3, 0),
				      num(4, 0))));
	assert_text(check(&set, host),
		    "error host-feature: this kernel lacks time namespaces\n"
		    "error host-feature: this kernel lacks rseq\n");
}

/* fpregs without registers, but with xsave and its xstate_bv. */
static struct bytes x86(uint64_t xstate)
{
	struct bytes regs = { 0 }, fp = { 0 };
	for (unsigned i = 1; i <= 27; i++)
		regs = cat(regs, num(i, 0));
	for (unsigned i = 1; i <= 8; i++)
		fp = cat(fp, num(i, 0));
	return len(2, num(1, 0), len(2, regs),
		   len(3, fp, len(13, num(1, xstate))));
}

TEST(registers_the_processor_does_not_have)
{
	struct cr_set set =
		process(0, 1, cat(x86(0xe7), thread_core(text(""))));
	assert_text(check(&set, good()),
		    "error host-xstate: this processor lacks register "
		    "components 0xe0\n");
	set = process(0, 1, cat(x86(3), thread_core(text(""))));
	assert_text(check(&set, good()), "");
}

TEST(capabilities_that_programs_were_told_of)
{
	struct cr_set set = process(0, 1, thread_core(text("")));
	add_auxv(16, 0x1ff);
	assert_text(check(&set, good()),
		    "warning host-hwcap: this processor lacks hwcap 0x100, "
		    "hwcap2 0x0\n");
}

static struct bytes aarch64(bool keys, bool gcs)
{
	struct bytes key = { 0 }, generic = cat(num(1, 5), num(2, 5));
	for (unsigned i = 1; i <= 8; i++)
		key = cat(key, num(i, 5));
	key = cat(key, num(9, 15));
	return len(8, num(1, 0), num(2, 0),
		   len(3, num(2, 0), num(3, 0), num(4, 0)),
		   len(4, num(2, 0), num(3, 0)),
		   keys ? len(5, len(6, key), len(7, generic)) : text(""),
		   gcs ? len(6, num(1, 0), num(2, 1)) : text(""));
}

TEST(signed_return_addresses_and_shadow_stacks)
{
	struct cr_host host = good();
	host.march = "AARCH64";
	struct cr_set set = process(
		0, 3, cat(aarch64(true, true), thread_core(text(""))));
	assert_text(check(&set, host),
		    "error host-pac: this processor has no pointer "
		    "authentication\n"
		    "error host-gcs: this host has no guarded control "
		    "stacks\n");
	host.hwcap = 1ull << 30 | 1ull << 31 | 1ull << 32;
	set = process(0, 3, cat(aarch64(true, true), thread_core(text(""))));
	assert_text(check(&set, host), "");
	host.hwcap = 1ull << 30;
	set = process(0, 3, cat(aarch64(true, false), thread_core(text(""))));
	assert_text(check(&set, host),
		    "error host-pac: this processor has no pointer "
		    "authentication\n");
}

/* Listening on a port. */
static void add_socket(uint32_t family, uint32_t port)
{
	struct bytes fown = len(13, num(1, 0), num(2, 0), num(3, 0), num(4, 0),
				num(5, 0));
	struct bytes opts = len(14, num(1, 0), num(2, 0), num(3, 0), num(4, 0),
				num(5, 0), num(6, 0));
	add_image("files.img",
		  image("FILES",
			entry(num(1, 4), num(2, 1),
			      len(4, num(1, 1), num(2, 7), num(3, family),
				  num(4, SOCK_STREAM), num(5, IPPROTO_TCP),
				  num(6, 10), num(7, port), num(8, 0),
				  num(9, 0), num(10, 0), fown, opts))));
}

TEST(a_port_in_use)
{
	struct cr_set set = process(0, 1, thread_core(text("")));
	add_socket(AF_INET, 22);
	assert_text(check(&set, good()),
		    "error host-port-taken: files.img: port 22 is in use on "
		    "this host\n");
	set = process(0, 1, thread_core(text("")));
	add_socket(AF_INET, 80);
	assert_text(check(&set, good()), "");
	set = process(NET_NS, 1, thread_core(text("")));
	add_socket(AF_INET, 22);
	assert_text(check(&set, good()), "");
}

TEST(a_hierarchy_of_control_groups)
{
	char cgroups[] = "1:cpu:/\n0::/\n";
	struct cr_host host = good();
	host.cgroups = cgroups;
	struct cr_set set = process(0, 1, thread_core(text("")));
	add_image("cgroup.img",
		  image("CGROUP", entry(len(2, str(1, "")), len(2, str(1, "cpu")),
					len(2, str(1, "pids")))));
	assert_text(check(&set, host),
		    "error host-cgroup: cgroup.img: this host has no control "
		    "groups of pids\n");
	host.cgroups = NULL;
	set = process(0, 1, thread_core(text("")));
	add_image("cgroup.img", image("CGROUP", entry(len(2, str(1, "")))));
	assert_text(check(&set, host),
		    "error host-cgroup: cgroup.img: this host has no control "
		    "groups of version 2\n");
}

TEST(a_security_module)
{
	static const char *const names[] = { NULL, "SELinux", "AppArmor" };
	for (unsigned i = 1; i <= 2; i++) {
		struct cr_host host = good();
		struct cr_set set = process(0, 1, thread_core(text("")));
		add_image("inventory.img",
			  cat(hex("16313158"), entry(num(1, 2), num(6, i))));
		assert_text(check(&set, host),
			    cr_test_format("error host-lsm: this host has no "
					   "%s\n",
					   names[i]));
		host.selinux = host.apparmor = true;
		set = process(0, 1, thread_core(text("")));
		add_image("inventory.img",
			  cat(hex("16313158"), entry(num(1, 2), num(6, i))));
		assert_text(check(&set, host), "");
	}
}

TEST(codes_are_unique_and_rules_complete)
{
	for (size_t i = 0; i < CR_NR_RULES; i++) {
		const struct cr_check_rule *rule = &cr_check_rules[i];
		ck_assert(*rule->code && *rule->fix);
		ck_assert_int_ne(rule->fix[strlen(rule->fix) - 1], '.');
		for (size_t j = 0; j < i; j++)
			ck_assert_str_ne(rule->code, cr_check_rules[j].code);
	}
}

static struct cr_error *stop(void *arg, const struct cr_finding *f)
{
	++*(int *)arg;
	return cr_error_new(CR_ERR_SYSTEM, "enough");
}

TEST(the_callback_ends_the_check)
{
	struct cr_set set = checkpoint("core-1.img", text("rubbish"));
	const struct cr_check_opts opts = { 0 };
	struct cr_check_result result;
	int nr = 0;
	assert_text(cr_test_error(cr_check(&set, &opts, stop, &nr, &result)),
		    "! SYSTEM enough");
	ck_assert_int_eq(nr, 1);
	close_checkpoint(&set);
}

/* Ends the check at the first finding of a rule. */
struct ending {
	enum cr_rule rule;
	int nr;
};

static struct cr_error *stop_at(void *arg, const struct cr_finding *f)
{
	struct ending *e = arg;
	if (f->rule != &cr_check_rules[e->rule])
		return NULL;
	e->nr++;
	return cr_error_new(CR_ERR_SYSTEM, "enough");
}

/* Within a walk, too. */
TEST(every_finding_may_end_the_check)
{
	static const enum cr_rule rules[] = {
		CR_RULE_FIELD_UNKNOWN, CR_RULE_FD_MISSING_FILE,
		CR_RULE_PAGE_COUNT, CR_RULE_LOCK_ORPHAN, CR_RULE_REMAP_NO_FILE
	};
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct cr_set set = process(0, 1, thread_core(text("")));
		const struct cr_check_opts opts = { 0 };
		struct cr_check_result result;
		struct ending e = { rules[i], 0 };
		add_image("fdinfo-2.img",
			  image("FDINFO", entry(num(1, 7), num(2, 0), num(3, 1),
						num(4, 0))));
		add_image("fs-50.img",
			  image("FS", entry(num(1, 1), num(2, 1), num(9, 9))));
		add_image("filelocks.img",
			  image("FILE_LOCKS",
				entry(num(1, 1), num(2, 1), num(3, 9),
				      num(4, 1), num(5, 1), num(6, 1))));
		add_image("remap-fpath.img",
			  image("REMAP_FPATH", entry(num(1, 1), num(2, 1))));
		add_image("pagemap-50.img",
			  image("PAGEMAP", entry(num(1, 1)),
				entry(num(1, 0), num(2, 1), num(5, 2))));
		assert_text(cr_test_error(cr_check(&set, &opts, stop_at, &e,
						   &result)),
			    "! SYSTEM enough");
		ck_assert_int_eq(e.nr, 1);
		close_checkpoint(&set);
	}
}

TEST_MAIN("lib/ops/check")
