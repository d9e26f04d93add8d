/* SPDX-License-Identifier: Apache-2.0 */
/* Content encodings by the libraries that define them. */
#include "protocols/content/encoding.h"

#include <brotli/decode.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#define PIECE 16384

enum kind { KIND_NONE, KIND_GZIP, KIND_DEFLATE, KIND_MESSAGE, KIND_BROTLI, KIND_ZSTD };

struct encoding {
	enum kind kind;
	bool failed;
	uint64_t produced;
	bool is_raw_deflate; /* deflate without the zlib wrapper, as some send it */
	z_stream zlib;
	BrotliDecoderState *brotli;
	ZSTD_DStream *zstd;
	uint8_t out[PIECE];
};

static enum kind kind_of(const char *name)
{
	if (!strcmp(name, "gzip") || !strcmp(name, "x-gzip"))
		return KIND_GZIP;
	if (!strcmp(name, "deflate"))
		return KIND_DEFLATE;
	if (!strcmp(name, "permessage-deflate"))
		return KIND_MESSAGE;
	if (!strcmp(name, "br"))
		return KIND_BROTLI;
	return !strcmp(name, "zstd") ? KIND_ZSTD : KIND_NONE;
}

static bool is_zlib(enum kind kind)
{
	return kind == KIND_GZIP || kind == KIND_DEFLATE || kind == KIND_MESSAGE;
}

struct encoding *encoding_new(const char *name)
{
	enum kind kind = kind_of(name);
	struct encoding *encoding = kind ? calloc(1, sizeof(*encoding)) : NULL;
	bool ready = false;

	if (!encoding)
		return NULL;
	encoding->kind = kind;
	if (is_zlib(kind)) {
		int window = kind == KIND_GZIP ? 15 + 16 : kind == KIND_DEFLATE ? 15 : -15;

		ready = inflateInit2(&encoding->zlib, window) == Z_OK;
	} else if (kind == KIND_BROTLI) {
		encoding->brotli = BrotliDecoderCreateInstance(NULL, NULL, NULL);
		ready = encoding->brotli;
	} else {
		encoding->zstd = ZSTD_createDStream();
		/* a window of 8 MiB is what the format asks every decoder to bear */
		ready = encoding->zstd &&
			!ZSTD_isError(
				ZSTD_DCtx_setParameter(encoding->zstd, ZSTD_d_windowLogMax, 23));
	}
	if (!ready) {
		encoding_free(encoding);
		return NULL;
	}
	return encoding;
}

void encoding_free(struct encoding *encoding)
{
	if (!encoding)
		return;
	if (is_zlib(encoding->kind))
		inflateEnd(&encoding->zlib);
	if (encoding->brotli)
		BrotliDecoderDestroyInstance(encoding->brotli);
	ZSTD_freeDStream(encoding->zstd);
	explicit_bzero(encoding->out, sizeof(encoding->out));
	free(encoding);
}

/* One step: how much was taken and made. */
struct step {
	size_t taken, made;
	bool over, wrong;
};

static struct step step_zlib(struct encoding *encoding, const uint8_t *bytes, size_t size)
{
	z_stream *zlib = &encoding->zlib;
	struct step step;
	int status;

	zlib->next_in = (Bytef *)bytes;
	zlib->avail_in = (uInt)size;
	zlib->next_out = encoding->out;
	zlib->avail_out = PIECE;
	status = inflate(zlib, Z_NO_FLUSH);
	if (status == Z_DATA_ERROR && encoding->kind == KIND_DEFLATE && !encoding->produced &&
		!encoding->is_raw_deflate) {
		encoding->is_raw_deflate = true;
		if (inflateReset2(zlib, -15) == Z_OK)
			return step_zlib(encoding, bytes, size);
	}
	step.taken = size - zlib->avail_in;
	step.made = PIECE - zlib->avail_out;
	step.over = status == Z_STREAM_END;
	step.wrong = status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR;
	return step;
}

static struct step step_brotli(struct encoding *encoding, const uint8_t *bytes, size_t size)
{
	size_t in = size, room = PIECE;
	uint8_t *out = encoding->out;
	BrotliDecoderResult result =
		BrotliDecoderDecompressStream(encoding->brotli, &in, &bytes, &room, &out, NULL);

	return (struct step){.taken = size - in,
		.made = PIECE - room,
		.over = result == BROTLI_DECODER_RESULT_SUCCESS,
		.wrong = result == BROTLI_DECODER_RESULT_ERROR};
}

static struct step step_zstd(struct encoding *encoding, const uint8_t *bytes, size_t size)
{
	ZSTD_inBuffer in = {bytes, size, 0};
	ZSTD_outBuffer out = {encoding->out, PIECE, 0};
	size_t left = ZSTD_decompressStream(encoding->zstd, &out, &in);

	return (struct step){.taken = in.pos, .made = out.pos, .wrong = ZSTD_isError(left)};
}

int encoding_feed(struct encoding *encoding, const uint8_t *bytes, size_t size, encoding_fn *out,
	void *context)
{
	while (!encoding->failed) {
		struct step step = encoding->kind == KIND_BROTLI
			? step_brotli(encoding, bytes, size)
			: encoding->kind == KIND_ZSTD ? step_zstd(encoding, bytes, size)
						      : step_zlib(encoding, bytes, size);

		encoding->produced += step.made;
		encoding->failed = step.wrong || encoding->produced > ENCODING_MAX;
		if (step.made)
			out(context, encoding->out, step.made);
		bytes += step.taken;
		size -= step.taken;
		if (step.over || (!step.made && !step.taken) || (!size && step.made < PIECE))
			break;
	}
	return encoding->failed ? -EINVAL : 0;
}

int encoding_message_end(
	struct encoding *encoding, bool keeps_window, encoding_fn *out, void *context)
{
	/* the sender leaves out what ends a block */
	static const uint8_t rest[] = {0, 0, 0xff, 0xff};

	if (encoding_feed(encoding, rest, sizeof(rest), out, context))
		return -EINVAL;
	encoding->produced = 0;
	return keeps_window || inflateReset(&encoding->zlib) == Z_OK ? 0 : -EINVAL;
}
