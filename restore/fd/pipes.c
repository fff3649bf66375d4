// SPDX-License-Identifier: MIT
#include "restore/fd/pipes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "images/fifo.pb-c.h"
#include "images/pipe-data.pb-c.h"
#include "images/pipe.pb-c.h"
#include "lib/base/cleanup.h"
#include "lib/image/image.h"

/* What is in a pipe. */
struct data {
	uint32_t pipe_id;
	uint32_t bytes, size; /* size 0: not known */
	uint64_t off;	      /* in the image */
};

struct cr_pipes {
	struct cr_pipe_end *end; /* by pipe_id */
	size_t nr_ends;
	struct data *data; /* by pipe_id, then place */
	size_t nr_data, cap;
};

static const struct {
	uint32_t type;
	const char *image;
} rows[] = {
	[CR_PIPES_PIPE] = { FD_TYPES__PIPE, "pipes-data.img" },
	[CR_PIPES_FIFO] = { FD_TYPES__FIFO, "fifo-data.img" },
};

void cr_pipes_free(struct cr_pipes *pipes)
{
	if (!pipes)
		return;
	free(pipes->end);
	free(pipes->data);
	free(pipes);
}

/* ---- the ends ---- */

static uint32_t pipe_id_of(const struct cr_ofile *file)
{
	if (file->type == FD_TYPES__PIPE)
		return ((const PipeEntry *)file->opened.msg)->pipe_id;
	return ((const FifoEntry *)file->opened.msg)->pipe_id;
}

static int compare_ends(const void *a, const void *b)
{
	const struct cr_pipe_end *x = a, *y = b;
	if (x->pipe_id != y->pipe_id)
		return x->pipe_id < y->pipe_id ? -1 : 1;
	return x->file < y->file ? -1 : x->file > y->file;
}

static struct cr_error *find_ends(struct cr_rplan *plan, struct cr_pipes *pipes,
				  uint32_t type)
{
	pipes->end = calloc(plan->nr_ofiles + 1, sizeof(pipes->end[0]));
	if (!pipes->end)
		return cr_enomem;
	for (size_t i = 0; i < plan->nr_ofiles; i++) {
		struct cr_ofile *file = plan->ofile + i;
		if (file->type != type || !file->opened.msg)
			continue;
		pipes->end[pipes->nr_ends++] =
			(struct cr_pipe_end){ pipe_id_of(file), file };
	}
	qsort(pipes->end, pipes->nr_ends, sizeof(pipes->end[0]), compare_ends);
	return NULL;
}

const struct cr_pipe_end *cr_pipes_ends(const struct cr_rplan *plan,
					enum cr_pipes_which which,
					uint32_t pipe_id, size_t *nr_ret)
{
	const struct cr_pipes *pipes = plan->pipes[which];
	size_t low = 0, high = pipes->nr_ends, end;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (pipes->end[mid].pipe_id < pipe_id)
			low = mid + 1;
		else
			high = mid;
	}
	for (end = low; end < pipes->nr_ends; end++) {
		if (pipes->end[end].pipe_id != pipe_id)
			break;
	}
	*nr_ret = end - low;
	return pipes->end + low;
}

/* ---- what is in them ---- */

static int compare_data(const void *a, const void *b)
{
	const struct data *x = a, *y = b;
	if (x->pipe_id != y->pipe_id)
		return x->pipe_id < y->pipe_id ? -1 : 1;
	return x->off < y->off ? -1 : x->off > y->off;
}

static struct cr_error *add_data(struct cr_pipes *pipes, struct data data)
{
	if (pipes->nr_data == pipes->cap) {
		size_t cap = pipes->cap ? 2 * pipes->cap : 16;
		struct data *more =
			realloc(pipes->data, cap * sizeof(pipes->data[0]));
		if (!more)
			return cr_enomem;
		pipes->data = more;
		pipes->cap = cap;
	}
	pipes->data[pipes->nr_data++] = data;
	return NULL;
}

static struct cr_error *read_entry(struct cr_pipes *pipes,
				   struct cr_source *src, uint32_t size)
{
	cr_auto_free uint8_t *copy = NULL;
	const uint8_t *bytes;
	struct cr_error *err =
		cr_source_bytes(src, size, "the message", &copy, &bytes);
	if (err)
		return err;
	PipeDataEntry *e = pipe_data_entry__unpack(NULL, size, bytes);
	if (!e)
		return cr_error_new(CR_ERR_FORMAT, "broken pipe_data_entry");
	struct data data = { e->pipe_id, e->bytes, e->has_size ? e->size : 0,
			     cr_source_tell(src) };
	pipe_data_entry__free_unpacked(e, NULL);
	if (data.size && data.bytes > data.size)
		return cr_error_new(CR_ERR_FORMAT,
				    "%u bytes in a pipe of %u",
				    (unsigned)data.bytes, (unsigned)data.size);
	err = add_data(pipes, data);
	return err ?: cr_source_skip(src, data.bytes, "the bytes of the pipe");
}

static struct cr_error *read_entries(struct cr_pipes *pipes,
				     struct cr_source *src)
{
	for (unsigned i = 0;; i++) {
		uint32_t size;
		bool end = false;
		struct cr_error *err = cr_image_next(src, &size, &end);
		if (end)
			return NULL;
		if (!err)
			err = read_entry(pipes, src, size);
		if (err)
			return cr_error_at(err, "entry %u", i);
	}
}

static struct cr_error *read_image(struct cr_file *file, const char *name,
				   struct cr_pipes *pipes)
{
	struct cr_source src;
	struct cr_file_cursor cursor;
	struct cr_image_header header;
	struct cr_error *err = cr_file_source(file, &cursor, &src);
	if (!err)
		err = cr_image_read_header(&src, name, &header);
	if (!err && header.type->entry != &pipe_data_entry__descriptor)
		err = cr_error_new(CR_ERR_FORMAT, "holds %s",
				   header.type->entry->name);
	if (!err)
		err = read_entries(pipes, &src);
	cr_source_deinit(&src);
	return err ? cr_error_at(err, "%s", name) : NULL;
}

static struct cr_error *find_data(struct cr_rplan *plan, struct cr_pipes *pipes,
				  const char *image)
{
	struct cr_file file;
	struct cr_error *err =
		cr_store_open_file(plan->set.store, image, &file);
	// CRIU removes images that would be empty.
	if (cr_error_catch(&err, CR_ERR_NOT_FOUND))
		return NULL;
	if (err)
		return err;
	err = read_image(&file, image, pipes);
	cr_file_close(&file);
	if (!err && pipes->nr_data)
		qsort(pipes->data, pipes->nr_data, sizeof(pipes->data[0]),
		      compare_data);
	return err;
}

struct cr_error *cr_pipes_load(struct cr_rplan *plan, enum cr_pipes_which which)
{
	if (plan->pipes[which])
		return NULL;
	struct cr_pipes *pipes = calloc(1, sizeof(*pipes));
	if (!pipes)
		return cr_enomem;
	plan->pipes[which] = pipes;
	struct cr_error *err = find_ends(plan, pipes, rows[which].type);
	return err ?: find_data(plan, pipes, rows[which].image);
}

/* ---- filling ---- */

static const struct data *data_of(const struct cr_pipes *pipes,
				  uint32_t pipe_id)
{
	size_t low = 0, high = pipes->nr_data;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (pipes->data[mid].pipe_id < pipe_id)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < pipes->nr_data && pipes->data[low].pipe_id == pipe_id)
		return pipes->data + low;
	return NULL;
}

#define CHUNK 65536

static struct cr_error *copy(struct cr_file *file, const struct data *data,
			     int fd)
{
	cr_auto_free char *buf = malloc(CHUNK);
	if (!buf)
		return cr_enomem;
	for (uint32_t done = 0, n; done < data->bytes; done += n) {
		n = data->bytes - done;
		n = n < CHUNK ? n : CHUNK;
		struct cr_error *err =
			cr_file_read(file, buf, n, data->off + done);
		if (err)
			return err;
		ssize_t wrote = write(fd, buf, n);
		if (wrote < 0 && errno != EAGAIN)
			return cr_error_sys("write into the pipe");
		if (wrote != (ssize_t)n)
			return cr_error_new(CR_ERR_FORMAT,
					    "%u bytes are more than the pipe "
					    "holds",
					    (unsigned)data->bytes);
	}
	return NULL;
}

struct cr_error *cr_pipes_fill(struct cr_restore *run,
			       enum cr_pipes_which which, uint32_t pipe_id,
			       int fd)
{
	const struct data *data = data_of(run->plan->pipes[which], pipe_id);
	struct cr_file file;
	if (!data)
		return NULL;
	if (data->size && fcntl(fd, F_GETPIPE_SZ) != (int)data->size &&
	    fcntl(fd, F_SETPIPE_SZ, (int)data->size) < 0)
		return cr_error_sys("give the pipe a size of %u",
				    (unsigned)data->size);
	if (!data->bytes)
		return NULL;
	struct cr_error *err = cr_store_open_file(run->plan->set.store,
						  rows[which].image, &file);
	if (err)
		return err;
	err = copy(&file, data, fd);
	cr_file_close(&file);
	return err;
}

struct cr_error *cr_pipes_reopen(struct cr_restore *run, struct cr_ofile *end,
				 int fd)
{
	int new, flags = cr_fd_flags(end->flags);
	struct cr_error *err =
		cr_fd_reopen(fd, (flags & O_ACCMODE) | O_NONBLOCK, &new);
	if (err)
		return err;
	err = cr_fd_set_flags(new, end->flags);
	if (err)
		close(new);
	return err ?: cr_ofile_has(run, end, new);
}
