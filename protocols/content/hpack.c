/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inflater is nghttp2's. Its table may be larger than the sender's, never smaller: the sender
 * names entries by their age, so that a larger table gives the same answers.
 */
#include "protocols/content/hpack.h"

#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>

/* Senders may be allowed more by their peers; they hardly use more. */
#define TABLE_BYTES 65536
/* How far back an unknown entry can be asked for: a table of usual size holds 128 at most. */
#define UNKNOWN_ENTRIES 256

struct hpack {
	nghttp2_hd_inflater *inflater; /* NULL: made when a block comes */
	unsigned blocks;	       /* that were read to their end */
	unsigned failures;
};

static void drop_field(
	void *context, const char *name, size_t name_size, const char *value, size_t value_size)
{
	(void)context, (void)name, (void)name_size, (void)value, (void)value_size;
}

static int inflate(struct hpack *hpack, const uint8_t *bytes, size_t size, bool is_final,
	hpack_field_fn *field, void *context)
{
	for (;;) {
		nghttp2_nv pair;
		int flags = 0;
		ssize_t used = nghttp2_hd_inflate_hd2(
			hpack->inflater, &pair, &flags, bytes, size, is_final);

		if (used < 0 || (!used && size && !(flags & NGHTTP2_HD_INFLATE_EMIT)))
			return -EINVAL;
		bytes += used;
		size -= (size_t)used;
		if (flags & NGHTTP2_HD_INFLATE_EMIT)
			field(context, (const char *)pair.name, pair.namelen,
				(const char *)pair.value, pair.valuelen);
		else if (flags & NGHTTP2_HD_INFLATE_FINAL || !size)
			return 0;
	}
}

/* Fills the table with entries that read as unknown. */
static int seed(struct hpack *hpack)
{
	static const uint8_t grow[] = {0x3f, 0xe1, 0xff, 0x03}; /* table size 65536 */
	static const uint8_t entry[] = {0x40, 1, HPACK_UNKNOWN[0], 0};
	int err = inflate(hpack, grow, sizeof(grow), false, drop_field, NULL);

	for (int i = 0; !err && i < UNKNOWN_ENTRIES; i++)
		err = inflate(hpack, entry, sizeof(entry), false, drop_field, NULL);
	if (!err)
		err = inflate(hpack, entry, 0, true, drop_field, NULL);
	nghttp2_hd_inflate_end_headers(hpack->inflater);
	return err;
}

static int renew(struct hpack *hpack, bool is_first)
{
	if (nghttp2_hd_inflate_new(&hpack->inflater))
		return -ENOMEM;
	if (nghttp2_hd_inflate_change_table_size(hpack->inflater, TABLE_BYTES))
		return -EINVAL;
	return is_first ? 0 : seed(hpack);
}

struct hpack *hpack_new(bool is_first)
{
	struct hpack *hpack = calloc(1, sizeof(*hpack));

	if (hpack && is_first && renew(hpack, true))
		hpack_lose(hpack);
	return hpack;
}

void hpack_free(struct hpack *hpack)
{
	if (hpack)
		hpack_lose(hpack);
	free(hpack);
}

void hpack_lose(struct hpack *hpack)
{
	if (hpack->inflater)
		nghttp2_hd_inflate_del(hpack->inflater);
	hpack->inflater = NULL;
}

static int fail(struct hpack *hpack)
{
	hpack_lose(hpack);
	hpack->failures++;
	return -EINVAL;
}

int hpack_feed(struct hpack *hpack, const uint8_t *bytes, size_t size, hpack_field_fn *field,
	void *context)
{
	if (!hpack->inflater && renew(hpack, false))
		return fail(hpack);
	if (size && inflate(hpack, bytes, size, false, field, context))
		return fail(hpack);
	return 0;
}

int hpack_end(struct hpack *hpack, hpack_field_fn *field, void *context)
{
	static const uint8_t nothing[1];
	int err = hpack->inflater ? 0 : renew(hpack, false);

	if (err || inflate(hpack, nothing, 0, true, field, context))
		return fail(hpack);
	nghttp2_hd_inflate_end_headers(hpack->inflater);
	hpack->blocks++;
	return 0;
}

bool hpack_is_hopeless(const struct hpack *hpack)
{
	return hpack->failures > 8 && hpack->failures > hpack->blocks;
}
