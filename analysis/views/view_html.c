/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A report as one file that a browser opens from anywhere: template, style and script (html/), and
 * the run's data. It asks nothing of the network, and its content security policy holds it to that.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "analysis/views/html_data.h"
#include "analysis/views/view.h"
#include "lib/base64.h"
#include "lib/embedded.h"
#include "lib/gzip.h"
#include "lib/log.h"
#include "lib/markup.h"
#include "lib/sha256.h"

#define FOLDER "analysis/views/html/"

static const char *const scripts[] = {
	"core.js", "tables.js", "waterfall.js", "flame.js", "main.js"};

static void put_file(struct buf *out, const char *name)
{
	char path[64];
	const struct embedded *file;

	snprintf(path, sizeof(path), FOLDER "%s", name);
	file = embedded_find(path);
	if (file)
		buf_append(out, file->text, file->size);
	else
		out->failed = true;
}

static void put_hash(struct buf *out, const struct buf *text)
{
	uint8_t hash[SHA256_SIZE];

	sha256(text->data, text->size, hash);
	base64_put(out, hash, sizeof(hash));
}

static int put_data(struct buf *out, const struct report *report)
{
	struct buf json = {0}, packed = {0};
	int err = html_data(&json, report);

	if (!err)
		err = gzip_put(&packed, &json);
	if (!err)
		base64_put(out, packed.data, packed.size);
	buf_free(&json);
	buf_free(&packed);
	return err;
}

/* What stands in the template between two '@'. */
struct parts {
	struct buf style, script, title, data;
};

static void put_part(struct buf *out, const struct parts *parts, const char *name, size_t size)
{
	static const char *const names[] = {
		"STYLE_HASH", "SCRIPT_HASH", "STYLE", "SCRIPT", "TITLE", "DATA"};
	const struct buf *texts[] = {
		NULL, NULL, &parts->style, &parts->script, &parts->title, &parts->data};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strlen(names[i]) != size || memcmp(names[i], name, size) != 0)
			continue;
		if (texts[i])
			buf_append(out, texts[i]->data, texts[i]->size);
		else
			put_hash(out, i ? &parts->script : &parts->style);
	}
}

static void fill_template(struct buf *out, const struct parts *parts)
{
	const struct embedded *file = embedded_find(FOLDER "page.html");
	const char *at = file->text, *mark;

	while ((mark = strchr(at, '@'))) {
		const char *end = strchr(mark + 1, '@');

		buf_append(out, at, (size_t)(mark - at));
		put_part(out, parts, mark + 1, (size_t)(end - mark - 1));
		at = end + 1;
	}
	buf_puts(out, at);
}

static void html_begin(struct page *page)
{
	(void)page;
}

static void html_report(struct page *page, const struct report *report)
{
	struct parts parts = {0};

	if (page->any) {
		log_warn("a page holds one run: that of %s is left out; name it alone",
			report->input);
		return;
	}
	page->any = true;
	put_file(&parts.style, "page.css");
	for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++)
		put_file(&parts.script, scripts[i]);
	buf_puts(&parts.title, "ragtime: ");
	markup_text(&parts.title, report->run->command);
	if (put_data(&parts.data, report))
		page->out.bytes.failed = true;
	fill_template(&page->out.bytes, &parts);
	page->out.bytes.failed |= parts.style.failed || parts.script.failed || parts.data.failed;
	buf_free(&parts.style);
	buf_free(&parts.script);
	buf_free(&parts.title);
	buf_free(&parts.data);
	output_flush(&page->out);
}

const struct view view_html = {
	.name = "html",
	.begin = html_begin,
	.end = html_begin,
	.report = html_report,
};
