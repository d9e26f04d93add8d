/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file that a browser opens from anywhere: a template of html/ filled with style, scripts and
 * data. It asks nothing of the network, and its content security policy holds it to that.
 */
#ifndef ANALYSIS_VIEWS_HTML_PAGE_H
#define ANALYSIS_VIEWS_HTML_PAGE_H

#include "lib/buf.h"

struct html_page {
	const char *template;	    /* a file of html/ */
	const char *const *scripts; /* likewise, in their order; ends with NULL */
	const char *title;	    /* taken as text, never as markup */
	const struct buf *json;	    /* what the scripts read */
};

/* Sets `out->failed` where memory is out. */
void html_page_put(struct buf *out, const struct html_page *page);

#endif
