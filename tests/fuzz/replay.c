// SPDX-License-Identifier: MIT
/*
 * main() for a target without libFuzzer: runs the inputs of the files and
 * directories given, and says how many they were. What breaks a property ends
 * the process; its input is the last one named.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "lib/base/cleanup.h"
#include "tests/fuzz/fuzz.h"

static unsigned nr_inputs;

static int complain(const char *path)
{
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	return 1;
}

static int run_file(int fd, const char *path, size_t size)
{
	/* No byte more than the input, so that reading behind it shows. */
	cr_auto_free uint8_t *data = malloc(size ? size : 1);
	struct cr_error *err = data ? cr_io_pread(fd, data, size, 0) :
				      cr_enomem;
	if (err) {
		fprintf(stderr, "%s: %s\n", path, cr_error_text(err));
		cr_error_free(err);
		return 1;
	}
	printf("%s\n", path);
	fflush(stdout);
	LLVMFuzzerTestOneInput(data, size);
	nr_inputs++;
	return 0;
}

static int run_path(const char *path);

static int run_dir(const char *path)
{
	struct dirent **names;
	int failed = 0, nr = scandir(path, &names, NULL, alphasort);
	if (nr < 0)
		return complain(path);
	for (int i = 0; i < nr; i++) {
		char *inner = NULL;
		if (names[i]->d_name[0] != '.' &&
		    asprintf(&inner, "%s/%s", path, names[i]->d_name) >= 0)
			failed |= run_path(inner);
		free(inner);
		free(names[i]);
	}
	free(names);
	return failed;
}

static int run_path(const char *path)
{
	struct stat st;
	cr_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return complain(path);
	return S_ISDIR(st.st_mode) ? run_dir(path) :
				     run_file(fd, path, (size_t)st.st_size);
}

int main(int argc, char **argv)
{
	int failed = 0;
	for (int i = 1; i < argc; i++)
		failed |= run_path(argv[i]);
	printf("%u inputs\n", nr_inputs);
	return failed;
}
