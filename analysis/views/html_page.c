/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/views/html_page.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/base64.h"
#include "lib/embedded.h"
#include "lib/gzip.h"
#include "lib/markup.h"
#include "lib/sha256.h"

#define FOLDER "analysis/views/html/"

static const struct embedded *find(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), FOLDER "%s", name);
	return embedded_find(path);
}

static void put_file(struct buf *out, const char *name)
{
	const struct embedded *file = find(name);

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

static void put_data(struct buf *out, const struct buf *json)
{
	struct buf packed = {0};

	if (gzip_put(&packed, json))
		out->failed = true;
	else
		base64_put(out, packed.data, packed.size);
	buf_free(&packed);
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

static void fill_template(struct buf *out, const char *template, const struct parts *parts)
{
	const struct embedded *file = find(template);
	const char *at = file ? file->text : "", *mark;

	while ((mark = strchr(at, '@'))) {
		const char *end = strchr(mark + 1, '@');

		buf_append(out, at, (size_t)(mark - at));
		put_part(out, parts, mark + 1, (size_t)(end - mark - 1));
		at = end + 1;
	}
	buf_puts(out, at);
	out->failed |= !file;
}

void html_page_put(struct buf *out, const struct html_page *page)
{
	struct parts parts = {0};

	put_file(&parts.style, "page.css");
	for (const char *const *script = page->scripts; *script; script++)
		put_file(&parts.script, *script);
	buf_puts(&parts.title, "ragtime: ");
	markup_text(&parts.title, page->title);
	put_data(&parts.data, page->json);
	fill_template(out, page->template, &parts);
	out->failed |= parts.style.failed || parts.script.failed || parts.title.failed ||
		parts.data.failed;
	buf_free(&parts.style);
	buf_free(&parts.script);
	buf_free(&parts.title);
	buf_free(&parts.data);
}
