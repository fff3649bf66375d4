// SPDX-License-Identifier: MIT
#include "tests/support/main.h"

#include <stdlib.h>

static struct cr_test *first, **last = &first;

void cr_test_enlist(struct cr_test *test)
{
	*last = test;
	last = &test->next;
}

int cr_test_run(const char *name)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner;
	int nr_failed;

	tcase_set_timeout(tcase, 60);
	for (const struct cr_test *t = first; t; t = t->next)
		tcase_add_test(tcase, &t->test);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	nr_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return nr_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
