// SPDX-License-Identifier: MIT
#include "lib/machine/machine.h"

#include <signal.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/machine/trial.h"
#include "tests/support/codec.h"
#include "tests/support/main.h"

static const char *as_text(const struct cr_machine *machine)
{
	struct cr_out out;
	ck_assert_ptr_null(cr_out_init_mem(&out));
	ck_assert_ptr_null(cr_machine_write(machine, &out));
	char *said = cr_test_format("%.*s", (int)cr_out_buffered(&out),
				    out.buf);
	cr_out_deinit(&out);
	return said;
}

static const char *parse(const char *from, struct cr_machine *ret)
{
	return cr_test_error(cr_machine_parse(ret, from, strlen(from)));
}

TEST(what_is_written_is_read_again)
{
	struct cr_machine machine = {
		.arch = "x86_64",
		.kernel = "6.1",
		.cpu = "a \"quoted\" name",
		.page_size = 4096,
		.hwcap = UINT64_MAX,
		.x86 = { .vendor = "GenuineIntel",
			 .features = 0x207,
			 .frame_size = 2696,
			 .component = { [0] = { 0, 160 },
					[1] = { 160, 256 },
					[2] = { 576, 256 },
					[9] = { 2688, 8 } },
			 .short_frames = CR_TRIAL_YES,
			 .long_frames = CR_TRIAL_NO },
	}, again;
	assert_text(parse(as_text(&machine), &again), "");
	ck_assert_mem_eq(&machine, &again, sizeof(machine));
	machine = (struct cr_machine){
		.arch = "aarch64",
		.aarch64 = { .midr = 0x410fd400,
			     .pac = CR_MACHINE_PAC_QARMA3,
			     .pac_proved = CR_TRIAL_YES,
			     .va_bits = 52,
			     .sve = { 2, { 16, 32 }, 32 },
			     .gcs = CR_TRIAL_NO },
	};
	assert_text(parse(as_text(&machine), &again), "");
	ck_assert_mem_eq(&machine, &again, sizeof(machine));
}

TEST(what_is_not_said_is_not_known)
{
	struct cr_machine machine;
	assert_text(parse("{\"critter_machine\": 1, \"aarch64\": {\"pac\": "
			  "\"of later times\", \"gcs\": null}}",
			  &machine),
		    "");
	ck_assert_int_eq(machine.aarch64.pac, CR_MACHINE_PAC_UNKNOWN);
	ck_assert_int_eq(machine.aarch64.gcs, CR_TRIAL_UNKNOWN);
	ck_assert_int_eq(machine.x86.short_frames, CR_TRIAL_UNKNOWN);
	assert_text(machine.arch, "");
}

TEST(lengths_do_not_overflow)
{
	struct cr_machine machine = { .page_size = 7 };
	assert_text(parse("{\"critter_machine\": 1, \"aarch64\": {\"sve\": "
			  "{\"lengths\": [1,2,3,4,5,6,7,8,9,10,11,12,13,14,"
			  "15,16,17]}}}",
			  &machine),
		    "! FORMAT line 1 column 95: more than 16 lengths");
	ck_assert_uint_eq(machine.page_size, 7);
}

TEST(this_machine_is_probed)
{
	struct cr_machine machine, looked;
	struct utsname name;
	assert_text(cr_test_error(cr_machine_probe(&machine, 5000)), "");
	uname(&name);
	assert_text(machine.arch, name.machine);
	assert_text(machine.kernel, name.release);
	ck_assert_uint_eq(machine.page_size, (unsigned)sysconf(_SC_PAGESIZE));
	cr_machine_look(&looked);
	ck_assert_int_eq(looked.x86.short_frames, CR_TRIAL_UNKNOWN);
	ck_assert_uint_eq(looked.x86.features, machine.x86.features);
	/* Every kernel takes its own frames. */
	if ((machine.x86.features & 7) == 7)
		ck_assert_uint_ge(machine.x86.frame_size, 832);
}

/* ---- trials ---- */

static void answer(void *result)
{
	*(int *)result = 42;
}

static void answer_and_die(void *result)
{
	answer(result);
	raise(SIGSEGV);
}

static void answer_and_hang(void *result)
{
	answer(result);
	for (;;)
		pause();
}

static bool ends(cr_trial_fn *fn, int limit_ms)
{
	int result = 0;
	bool ended = false;
	assert_text(cr_test_error(cr_trial_run(fn, &result, sizeof(result),
					       limit_ms, &ended)),
		    "");
	ck_assert_int_eq(result, 42);
	return ended;
}

TEST(a_trial_gives_a_result)
{
	ck_assert(ends(answer, 10000));
}

TEST(a_trial_may_die)
{
	ck_assert(!ends(answer_and_die, 10000));
}

TEST(a_trial_that_hangs_is_ended)
{
	ck_assert(!ends(answer_and_hang, 200));
}

TEST_MAIN("lib/machine/machine")
