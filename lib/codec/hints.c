// SPDX-License-Identifier: MIT
#include "lib/codec/hints.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static int by_message_name(const void *key, const void *row)
{
	const struct cr_message_hints *hints = row;
	return strcmp(key, hints->desc->name);
}

const struct cr_message_hints *
cr_hints_find(const ProtobufCMessageDescriptor *desc)
{
	return bsearch(desc->name, cr_message_hints, cr_nr_message_hints,
		       sizeof(cr_message_hints[0]), by_message_name);
}

enum cr_meaning cr_hints_meaning(const ProtobufCMessageDescriptor *desc,
				 uint32_t number)
{
	const struct cr_message_hints *hints = cr_hints_find(desc);
	for (unsigned i = 0; hints && i < hints->nr_meanings; i++)
		if (hints->meanings[i].number == number)
			return hints->meanings[i].means;
	return CR_MEANS_NOTHING;
}
