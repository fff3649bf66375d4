// SPDX-License-Identifier: MIT
#include "lib/pages/chain.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/cleanup.h"

static struct cr_error *add_layer(struct cr_chain *chain,
				  struct cr_store *store, char *link)
{
	struct cr_layer *grown =
		realloc(chain->layer, (chain->nr + 1) * sizeof(grown[0]));
	if (!grown)
		return cr_enomem;
	chain->layer = grown;
	grown[chain->nr++] = (struct cr_layer){ store, link };
	return NULL;
}

struct cr_error *cr_chain_init(struct cr_chain *chain, struct cr_store *store)
{
	*chain = (struct cr_chain){ 0 };
	return add_layer(chain, store, NULL);
}

void cr_chain_deinit(struct cr_chain *chain)
{
	for (unsigned i = 0; i < CR_CHAIN_FILES; i++)
		if (chain->file[i].used)
			cr_file_close(&chain->file[i].file);
	for (unsigned i = 1; i < chain->nr; i++) {
		cr_store_close(chain->layer[i].store);
		free(chain->layer[i].link);
	}
	free(chain->layer);
	*chain = (struct cr_chain){ 0 };
}

struct cr_error *cr_chain_at(const struct cr_chain *chain, unsigned layer,
			     struct cr_error *err)
{
	if (!layer)
		return err;
	return cr_error_at(err, "parent %u (%s)", layer,
			   chain->layer[layer].link);
}

static struct cr_error *check_loop(const struct cr_chain *chain,
				   const struct cr_store *store)
{
	for (unsigned i = 0; i < chain->nr; i++)
		if (cr_store_same(chain->layer[i].store, store))
			return cr_error_new(CR_ERR_FORMAT,
					    "the chain of parents loops: it is "
					    "%s",
					    i ? "a parent before it"
					      : "the checkpoint itself");
	return NULL;
}

/* Opens what a link leads to and takes the link. */
static struct cr_error *follow(struct cr_chain *chain, struct cr_store *from,
			       char *link)
{
	struct cr_store *store;
	struct cr_error *err = cr_store_open_parent(from, link, &store);
	if (err && cr_error_code(err) == CR_ERR_NOT_FOUND) {
		cr_error_free(err);
		return cr_error_new(CR_ERR_FORMAT, "%s: no such directory",
				    link);
	}
	if (err)
		return err;
	err = check_loop(chain, store);
	if (err)
		err = cr_error_at(err, "%s", link);
	else
		err = add_layer(chain, store, link);
	if (err)
		cr_store_close(store);
	return err;
}

static struct cr_error *open_parent(struct cr_chain *chain)
{
	struct cr_store *last = chain->layer[chain->nr - 1].store;
	cr_auto_free char *link = NULL;
	struct cr_error *err = cr_store_read_link(last, "parent", &link);
	if (cr_error_catch(&err, CR_ERR_NOT_FOUND)) {
		chain->complete = true;
		return NULL;
	}
	if (!err)
		err = follow(chain, last, link);
	if (err)
		return cr_error_at(err, "parent %u", chain->nr);
	link = NULL; /* the layer's now */
	return NULL;
}

struct cr_error *cr_chain_layer(struct cr_chain *chain, unsigned i,
				struct cr_store **ret)
{
	while (i >= chain->nr && !chain->complete) {
		struct cr_error *err = open_parent(chain);
		if (err)
			return err;
	}
	if (i >= chain->nr)
		return cr_error_new(CR_ERR_NOT_FOUND, "there is no parent");
	*ret = chain->layer[i].store;
	return NULL;
}

struct cr_error *cr_chain_pages(struct cr_chain *chain, unsigned layer,
				uint32_t pages_id, struct cr_file **ret)
{
	struct cr_chain_file *oldest = &chain->file[0];
	chain->clock++;
	for (unsigned i = 0; i < CR_CHAIN_FILES; i++) {
		struct cr_chain_file *f = &chain->file[i];
		if (f->used && f->pages_id == pages_id && f->layer == layer) {
			f->used = chain->clock;
			*ret = &f->file;
			return NULL;
		}
		if (f->used < oldest->used)
			oldest = f;
	}
	if (oldest->used)
		cr_file_close(&oldest->file);
	oldest->used = 0;
	char name[32];
	snprintf(name, sizeof(name), "pages-%u.img", (unsigned)pages_id);
	struct cr_error *err = cr_store_open_file(chain->layer[layer].store,
						  name, &oldest->file);
	if (err)
		return cr_chain_at(chain, layer, err);
	oldest->layer = layer;
	oldest->pages_id = pages_id;
	oldest->used = chain->clock;
	*ret = &oldest->file;
	return NULL;
}
