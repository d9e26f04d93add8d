/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/coldstart/page.h"

#include "analysis/views/html_page.h"

static const char *const scripts[] = {
	"core.js", "theme.js", "tables.js", "flame.js", "coldstart.js", NULL};

void page_write(struct buf *out, const struct result *result, const struct buf *saved)
{
	html_page_put(out, &(struct html_page){"coldstart.html", scripts, result->command, saved});
}
