/* SPDX-License-Identifier: Apache-2.0 */
/* DNS: which answer belongs to which query, and how it went. */
#include "tests/unit/proto_host.h"

#define CHECK_DNS(turns, expected) proto_check(&protocol_dns, TURNS(turns), expected)

#define NAME "\3api\6openai\3com\0"
#define ADDRESS "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\1\2\3\4"
#define QUERY(id, type) "\0\x20\0" id "\1\0\0\1\0\0\0\0\0\0" NAME "\0" type "\0\1"
#define OPTION "\0\0\x29\4\xd0\0\0\0\0\0\0"

TEST(two_queries_answered_in_another_order)
{
	static const struct proto_turn turns[] = {
		SAYS("\0\x2b\0\x31\1\x20\0\1\0\0\0\0\0\1" NAME "\0\1\0\1" OPTION),
		SAYS(QUERY("\x32", "\x1c")),
		HEARS("\0\x20\0\x32\x81\x80\0\1\0\0\0\0\0\0" NAME "\0\x1c\0\1"),
		HEARS("\0\x40\0\x31\x81\x80\0\1\0\2\0\0\0\0" NAME "\0\1\0\1" ADDRESS ADDRESS),
		/* nobody has asked (any more) */
		HEARS("\0\x20\0\x31\x81\x80\0\1\0\0\0\0\0\0" NAME "\0\1\0\1"),
	};

	CHECK_DNS(turns,
		"DNS AAAA api.openai.com | 0 | dns.question.name=api.openai.com "
		"ragtime.dns_type=AAAA ragtime.dns_rcode=NOERROR ragtime.dns_answers=0 | 34/34\n"
		"DNS A api.openai.com | 0 | dns.question.name=api.openai.com ragtime.dns_type=A "
		"ragtime.dns_rcode=NOERROR ragtime.dns_answers=2 | 45/66\n");
}

TEST(asked_again_no_such_name_and_no_answer)
{
	static const struct proto_turn turns[] = {
		SAYS(QUERY("\1", "\1")),
		SAYS(QUERY("\1", "\1")),
		HEARS("\0\x20\0\1\x81\x83\0\1\0\0\0\0\0\0" NAME "\0\1\0\1"),
		SAYS(QUERY("\2", "\x63")),
	};

	CHECK_DNS(turns,
		"DNS A api.openai.com | 0 | failed | dns.question.name=api.openai.com "
		"ragtime.dns_type=A ragtime.dns_retries=1 ragtime.dns_rcode=NXDOMAIN "
		"error.type=NXDOMAIN ragtime.dns_answers=0 | 68/34\n"
		"DNS TYPE99 api.openai.com | 0 | failed | dns.question.name=api.openai.com "
		"ragtime.dns_type=TYPE99 error.type=no_answer | 34/0\n");
}

TEST(labels_that_look_like_data_are_not_told)
{
	static const struct proto_turn turns[] = {
		SAYS("\0\x4b\0\1\1\0\0\1\0\0\0\0\0\0"
		     "\x2dplantedplantedplantedplantedplantedplantedpla\6pl nte\4TEST\0\0\x10\0\1"),
	};

	CHECK_DNS(turns,
		"DNS TXT *.*.test | 0 | failed | dns.question.name=*.*.test ragtime.dns_type=TXT "
		"error.type=no_answer | 77/0\n");
}

TEST(a_hole_in_an_answer)
{
	static const struct proto_turn turns[] = {
		SAYS(QUERY("\1", "\1")),
		HEARS("\0\x40\0\1\x81\x80\0\1\0\2\0\0\0\0" NAME "\0\1\0\1"),
		GAP(PROTO_IN, 20),
		HEARS("\0\4\1\2\3\4\0\4\1\2\3\4"),
		SAYS(QUERY("\2", "\1")),
		HEARS("\0\x20\0\2\x81\x82\0\1\0\0\0\0\0\0" NAME "\0\1\0\1"),
	};

	CHECK_DNS(turns,
		"DNS A api.openai.com | 0 | dns.question.name=api.openai.com ragtime.dns_type=A "
		"ragtime.dns_rcode=NOERROR ragtime.dns_answers=2 | 34/66\n"
		"DNS A api.openai.com | 0 | failed | dns.question.name=api.openai.com "
		"ragtime.dns_type=A ragtime.dns_rcode=SERVFAIL error.type=SERVFAIL "
		"ragtime.dns_answers=0 | 34/34\n");
}

static enum proto_verdict probe(const char *bytes, size_t size)
{
	return protocol_dns.probe(PROTO_OUT, (const uint8_t *)bytes, size);
}

TEST(what_it_takes_for_its_own)
{
	static const char query[] = QUERY("\1", "\1");
	static const char http[] = "GET / HTTP/1.1\r\n\r\n";

	for (size_t size = 1; size < sizeof(query) - 1; size++)
		CHECK_EQ(probe(query, size), PROTO_NEED_MORE);
	CHECK_EQ(probe(query, sizeof(query) - 1), PROTO_OK);
	CHECK_EQ(probe(http, sizeof(http) - 1), PROTO_NOT_MINE);
	CHECK_EQ(probe("\0\0\0\0\0\0\0\0", 8), PROTO_NOT_MINE);
}

UNIT_MAIN
