// SPDX-License-Identifier: MIT
/*
 * Memory of a hostile checkpoint: its images and those of its parents, each
 * behind a byte that says which it is and two for its size. Magic words are put
 * in front of them.
 *
 * Runs follow each other and come to an end; what a scan shows is what reading
 * by address gives; and a search finds what the scan has shown. Nothing differs
 * from itself; what is said to have changed has.
 */
#include "lib/pages/diff.h"
#include "lib/pages/scan.h"
#include "lib/pages/search.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/store.h"

#define LAYERS 4
#define RUNS   20000

static const struct {
	const char *name;
	uint32_t magic; /* 0: none */
} names[] = {
	{ "mm-1.img", 0x57492820 },	   { "pagemap-1.img", 0x56084025 },
	{ "pages-1.img", 0 },		   { "pagemap-shmem-5.img", 0x56084025 },
	{ "pages-2.img", 0 },		   { "files.img", 0x56303138 },
	{ "memfd.img", 0x48453499 },	   { "vmas-1.img", 0x54123737 },
};

#define NAMES (sizeof(names) / sizeof(names[0]))
#define LOOP  15 /* instead of a name: the parent is the first layer */

struct layer {
	uint8_t *data[NAMES];
	size_t size[NAMES];
	bool used, loop;
};

static struct layer layers[LAYERS];

static struct cr_error *no_names(struct cr_store *store,
				 struct cr_error *(*item)(void *arg,
							  const char *name),
				 void *arg)
{
	return NULL;
}

static struct cr_error *store_open(struct cr_store *store, const char *name,
				   struct cr_file *ret)
{
	struct layer *layer = store->data;
	for (size_t i = 0; i < NAMES; i++) {
		if (!layer->data[i] || strcmp(names[i].name, name))
			continue;
		ret->ops = &fuzz_file_ops;
		ret->size = layer->size[i];
		ret->data = layer->data[i];
		return NULL;
	}
	return cr_error_new(CR_ERR_NOT_FOUND, "no such file");
}

/* The layer that a layer's link leads to, or NULL. */
static struct layer *next(const struct layer *layer)
{
	size_t i = (size_t)(layer - layers) + 1;
	if (layer->loop)
		return &layers[0];
	return i < LAYERS && layers[i].used ? &layers[i] : NULL;
}

static struct cr_error *store_link(struct cr_store *store, const char *name,
				   char **ret)
{
	if (!next(store->data))
		return cr_error_new(CR_ERR_NOT_FOUND, "no such link");
	*ret = strdup("../parent");
	return *ret ? NULL : cr_enomem;
}

static struct cr_error *store_parent(struct cr_store *store, const char *link,
				     struct cr_store *ret)
{
	ret->ops = store->ops;
	ret->data = next(store->data);
	return NULL;
}

static bool store_same(const struct cr_store *a, const struct cr_store *b)
{
	return a->data == b->data;
}

static const char *store_images(const struct cr_store *store)
{
	return "";
}

static const struct cr_store_ops store_ops = {
	.each = no_names,
	.open = store_open,
	.open_top = store_open,
	.link = store_link,
	.open_parent = store_parent,
	.same = store_same,
	.images = store_images,
	.close = fuzz_store_close,
};

static void take_file(unsigned what, const uint8_t *data, size_t size)
{
	struct layer *layer = &layers[what >> 4 & (LAYERS - 1)];
	size_t i = (what & 15) % NAMES, head = names[i].magic ? 8 : 0;
	uint32_t words[2] = { 0x54564319, names[i].magic };
	layer->used = true;
	layer->loop |= (what & 15) == LOOP;
	if ((what & 15) == LOOP || layer->data[i])
		return;
	layer->size[i] = head + size;
	layer->data[i] = malloc(layer->size[i] + 1);
	memcpy(layer->data[i], words, head);
	memcpy(layer->data[i] + head, data, size);
}

static void take_files(const uint8_t *data, size_t size)
{
	while (size >= 3) {
		size_t n = data[1] | (size_t)data[2] << 8;
		n = n < size - 3 ? n : size - 3;
		take_file(data[0], data + 3, n);
		data += 3 + n;
		size -= 3 + n;
	}
}

static void drop_files(void)
{
	for (size_t i = 0; i < LAYERS * NAMES; i++)
		free(layers[i / NAMES].data[i % NAMES]);
	memset(layers, 0, sizeof(layers));
}

struct check {
	struct cr_pages *pages;
	uint8_t first[3]; /* bytes that were shown, if there are as many */
	uint64_t vaddr;	  /* where they are; 0: nowhere */
	bool found;
	size_t nr;
};

static bool is_zeros(const uint8_t *p)
{
	return !p[0] && !p[1] && !p[2];
}

static struct cr_error *check_window(void *arg, const struct cr_window *w)
{
	struct check *c = arg;
	static uint8_t data[CR_SCAN_OVERLAP_MAX + CR_SCAN_STEP];
	fuzz_check(w->data[w->size] == 0, "no NUL behind a window");
	struct cr_error *err =
		cr_pages_read(c->pages, w->vaddr, data, w->size);
	if (err)
		fuzz_fail("what was shown cannot be read", err);
	fuzz_check(!memcmp(data, w->data, w->size), "shown is not read");
	for (size_t i = 0; i + 3 <= w->size && !c->vaddr; i++) {
		if (is_zeros(data + i))
			continue;
		memcpy(c->first, data + i, 3);
		c->vaddr = w->vaddr + i;
	}
	return ++c->nr < 50 ? NULL : cr_error_new(CR_ERR_INTERNAL, "enough");
}

static struct cr_error *check_match(void *arg, uint64_t vaddr, const void *data,
				    size_t size)
{
	struct check *c = arg;
	c->found |= vaddr == c->vaddr;
	return c->found ? cr_error_new(CR_ERR_INTERNAL, "enough") : NULL;
}

static void check_scan(struct cr_pages *pages)
{
	struct check c = { .pages = pages };
	struct cr_search search;
	cr_error_free(cr_scan(pages, 0, UINT64_MAX, 2, check_window, &c));
	if (!c.vaddr)
		return;
	struct cr_error *err = cr_search_init(&search, c.first, 3);
	fuzz_check(!err, "no search for three bytes");
	cr_error_free(cr_search_run(&search, pages, 0, UINT64_MAX, check_match,
				    &c));
	fuzz_check(c.found, "what was shown is not found");
	cr_search_deinit(&search);
}

/* False if there are too many to go on. */
static bool check_runs(struct cr_pages *pages)
{
	size_t nr = 0;
	for (uint64_t at = 0; at < UINT64_MAX; nr++) {
		struct cr_run run;
		struct cr_error *err = cr_pages_run(pages, at, &run);
		fuzz_check(run.start == at && run.end > at, "runs stop");
		fuzz_check(!err || run.kind == CR_RUN_MISSING,
			   "a fault with bytes");
		cr_error_free(err);
		at = run.end;
		if (nr == RUNS)
			return false;
	}
	return true;
}

struct differ {
	struct cr_diff diff;
	uint64_t at;
	size_t nr;
};

/* Of a changed range, its first page. */
static void check_changed(const struct cr_diff *diff,
			  const struct cr_diff_range *range)
{
	static uint8_t data[2][65536];
	size_t page = cr_diff_page_size(diff);
	size_t left = page - (size_t)(range->start % page), start, end = 0;
	size_t size = range->end - range->start < left
			      ? (size_t)(range->end - range->start)
			      : left;
	for (int i = 0; i < 2; i++) {
		struct cr_error *err = cr_diff_read(diff->pages[i], range->start,
						    data[i], size);
		if (err)
			fuzz_fail("what has changed cannot be read", err);
	}
	fuzz_check(cr_diff_next(data[0], data[1], size, &start, &end),
		   "what has changed has not");
}

static struct cr_error *check_range(void *arg,
				    const struct cr_diff_range *range)
{
	struct differ *d = arg;
	fuzz_check(range->start >= d->at && range->end > range->start,
		   "ranges out of order");
	d->at = range->end;
	if (range->kind == CR_DIFF_CHANGED)
		check_changed(&d->diff, range);
	return ++d->nr < 50 ? NULL : cr_error_new(CR_ERR_INTERNAL, "enough");
}

static void check_diff(struct cr_pages *a, struct cr_pages *b)
{
	struct differ d = { .diff = { .pages = { a, b } } };
	d.diff.fn = check_range;
	d.diff.arg = &d;
	cr_error_free(cr_diff_run(&d.diff));
	if (a != b)
		return;
	fuzz_check(!d.diff.nr_pages[CR_DIFF_CHANGED] &&
			   !d.diff.nr_pages[CR_DIFF_ONLY_A] &&
			   !d.diff.nr_pages[CR_DIFF_ONLY_B],
		   "differs from itself");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char path[] = "a";
	struct cr_store store = {
		.ops = &store_ops, .data = &layers[0], .dir_fd = -1, .top_fd = -1,
		.path = path
	};
	struct cr_set set = { .store = &store };
	struct cr_memory memory = { 0 };
	struct cr_pages pages = { 0 }, object = { 0 };
	bool both;
	take_files(data, size);
	cr_codec_init(&set.codec, (struct cr_style){ 0 });
	struct cr_error *err = cr_memory_init(&memory, &set, NULL);
	if (!err)
		err = cr_pages_open(&pages, &memory, 1);
	both = !err && check_runs(&pages);
	if (both) {
		check_scan(&pages);
		check_diff(&pages, &pages);
	}
	cr_error_free(err);
	err = cr_pages_open_object(&object, &memory, 5);
	if (!err && check_runs(&object)) {
		check_scan(&object);
		check_diff(&object, &object);
		if (both)
			check_diff(&pages, &object);
	}
	cr_error_free(err);
	cr_pages_close(&pages);
	cr_pages_close(&object);
	cr_memory_deinit(&memory);
	cr_codec_deinit(&set.codec);
	drop_files();
	return 0;
}
