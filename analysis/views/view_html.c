/* SPDX-License-Identifier: Apache-2.0 */
/* A report as one page: its run's data in html/page.html. */
#include "analysis/views/html_data.h"
#include "analysis/views/html_page.h"
#include "analysis/views/view.h"
#include "lib/log.h"

static const char *const scripts[] = {"core.js", "theme.js", "tables.js", "answers.js",
	"waterfall.js", "flame.js", "main.js", NULL};

static void html_begin(struct page *page)
{
	(void)page;
}

static void html_report(struct page *page, const struct report *report)
{
	struct buf json = {0};

	if (page->any) {
		log_warn("a page holds one run: that of %s is left out; name it alone",
			report->input);
		return;
	}
	page->any = true;
	if (html_data(&json, report))
		page->out.bytes.failed = true;
	html_page_put(&page->out.bytes,
		&(struct html_page){"page.html", scripts, report->run->command, &json});
	buf_free(&json);
	output_flush(&page->out);
}

const struct view view_html = {
	.name = "html",
	.begin = html_begin,
	.end = html_begin,
	.report = html_report,
};
