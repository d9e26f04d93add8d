/* SPDX-License-Identifier: Apache-2.0 */
/* The list of views. */
#include "analysis/views/view.h"

#include <string.h>

#define VIEW(name) extern const struct view view_##name;
#include "analysis/views/views.def"
#undef VIEW

static const struct view *const views[] = {
#define VIEW(name) &view_##name,
#include "analysis/views/views.def"
#undef VIEW
};

const struct view *view_find(const char *name)
{
	for (size_t i = 0; i < sizeof(views) / sizeof(*views); i++) {
		if (!strcmp(views[i]->name, name))
			return views[i];
	}
	return NULL;
}

int page_finish(struct page *page)
{
	buf_free(&page->branches);
	return output_finish(&page->out);
}
