/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes, base64 and protobuf fields against published examples. */
#include "tests/unit/unit.h"

#include "lib/base64.h"
#include "lib/pb.h"
#include "lib/sha256.h"

static void check_hash(const char *text, size_t size, const char *wanted)
{
	uint8_t hash[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	sha256(text, size, hash);
	for (int i = 0; i < SHA256_SIZE; i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	CHECK_STR(hex, wanted);
}

/* The examples of FIPS 180-4, and the lengths around the end of a block. */
TEST(sha256_of_known_texts)
{
	char million[1000];

	check_hash("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	check_hash("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	check_hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	memset(million, 'a', sizeof(million));
	check_hash(
		million, 1000, "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3");
}

static void check_base64(const char *text, const char *wanted)
{
	struct buf out = {0};

	base64_put(&out, text, strlen(text));
	CHECK_STR(buf_string(&out), wanted);
	buf_free(&out);
}

/* Those of RFC 4648. */
TEST(base64_of_known_texts)
{
	check_base64("", "");
	check_base64("f", "Zg==");
	check_base64("fo", "Zm8=");
	check_base64("foo", "Zm9v");
	check_base64("foobar", "Zm9vYmFy");
}

/* That of protobuf's own description of its encoding. */
TEST(protobuf_fields)
{
	struct buf out = {0}, inner = {0};
	const uint8_t wanted[] = {0x08, 0x96, 0x01, 0x12, 0x07, 't', 'e', 's', 't', 'i', 'n', 'g',
		0x1a, 0x03, 0x08, 0x96, 0x01};

	pb_number(&out, 1, 150);
	pb_text(&out, 2, "testing");
	pb_number(&inner, 1, 150);
	pb_message(&out, 3, &inner);
	CHECK_EQ(out.size, sizeof(wanted));
	CHECK(!memcmp(out.data, wanted, sizeof(wanted)));
	CHECK_EQ(inner.size, 0);
	buf_free(&out);
	buf_free(&inner);
}

UNIT_MAIN
