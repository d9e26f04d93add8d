/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenAI over WebSockets: the realtime API (text, audio and tools), and the responses API in its
 * socket mode. An exchange goes from response.create, or from the answer that the server begins by
 * itself when the speaker pauses, to response.done.
 */
#include "protocols/dialects/genai.h"
#include "wire/event.h"

static const struct genai_operation operations[] = {
	{"/realtime", "chat", RT_CLASS_llm_generation},
	{"/v1/responses", "chat", RT_CLASS_llm_generation},
	{"/openai/responses", "chat", RT_CLASS_llm_generation},
	{NULL, NULL, 0},
};

struct realtime {
	struct genai genai;
	bool has_delta;
};

static bool realtime_claims(const struct http_head *head)
{
	return genai_operation_of(operations, head->path) != NULL;
}

static void realtime_begin(void *state, struct exchange *exchange, const struct http_head *head)
{
	genai_begin(state, exchange, genai_operation_of(operations, head->path),
		genai_openai_provider(head));
}

static const struct rule request_rules[] = {
	{"model", RULE_PUT, GENAI_REQUEST_MODEL},
	{"session.model", RULE_PUT, GENAI_REQUEST_MODEL},
	{"response.model", RULE_PUT, GENAI_REQUEST_MODEL},
	{"max_output_tokens", RULE_PUT, GENAI_MAX_TOKENS},
	{"response.max_output_tokens", RULE_PUT, GENAI_MAX_TOKENS},
	{"temperature", RULE_PUT, GENAI_TEMPERATURE},
	{"response.temperature", RULE_PUT, GENAI_TEMPERATURE},
	{"input", RULE_INPUTS, GENAI_MESSAGES},
	{"response.input", RULE_INPUTS, GENAI_MESSAGES},
	{"tools[]", RULE_COUNT, GENAI_TOOLS_OFFERED},
	{"response.tools[]", RULE_COUNT, GENAI_TOOLS_OFFERED},
	RULES_END,
};

static void realtime_request_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	struct realtime *realtime = state;

	rules_apply(request_rules, &realtime->genai.reading, exchange, value);
}

static const struct rule response_rules[] = {
	{"session.model", RULE_PUT, GENAI_REQUEST_MODEL},
	{"response.id", RULE_PUT, GENAI_RESPONSE_ID},
	{"response.model", RULE_PUT, GENAI_RESPONSE_MODEL},
	{"response.output[].name", RULE_LIST, GENAI_TOOLS_CALLED},
	{"response.output[].arguments", RULE_SIZE, GENAI_TOOL_BYTES},
	{"response.usage.input_tokens", RULE_PUT, GENAI_INPUT_TOKENS},
	{"response.usage.output_tokens", RULE_PUT, GENAI_OUTPUT_TOKENS},
	{"response.usage.input_token_details.cached_tokens", RULE_PUT, GENAI_CACHED_TOKENS},
	{"response.usage.input_tokens_details.cached_tokens", RULE_PUT, GENAI_CACHED_TOKENS},
	{"response.usage.input_token_details.audio_tokens", RULE_PUT, GENAI_AUDIO_INPUT_TOKENS},
	{"response.usage.output_token_details.audio_tokens", RULE_PUT, GENAI_AUDIO_OUTPUT_TOKENS},
	{"response.usage.output_tokens_details.reasoning_tokens", RULE_PUT, GENAI_REASONING_TOKENS},
	{"response.status_details.error.code", RULE_ERROR, NULL},
	{"response.error.code", RULE_ERROR, NULL},
	{"error.code", RULE_ERROR, NULL},
	RULES_END,
};

static const struct rule status_rules[] = {
	{"response.status", RULE_FINISH, NULL},
	RULES_END,
};

static bool is_word(const struct dialect_value *value, const char *word)
{
	return is_text(value) && value->size == strlen(word) &&
		!memcmp(value->text, word, value->size);
}

static void realtime_response_value(
	void *state, struct exchange *exchange, const struct dialect_value *value)
{
	struct realtime *realtime = state;

	rules_apply(response_rules, &realtime->genai.reading, exchange, value);
	if (path_is(value, "delta") && is_text(value))
		realtime->has_delta = true;
	else if (!is_word(value, "queued") && !is_word(value, "in_progress"))
		rules_apply(status_rules, &realtime->genai.reading, exchange, value);
	if (path_is(value, "response.status") && is_word(value, "failed"))
		rules_fail(exchange, "failed");
}

static enum dialect_turn answer_turn(
	struct realtime *realtime, struct exchange *exchange, const char *type)
{
	static const char *const ends[] = {"response.done", "response.completed", "response.failed",
		"response.incomplete", "response.cancelled"};

	if (!strcmp(type, "error"))
		return exchange_find(exchange, GENAI_RESPONSE_ID) ? DIALECT_GOES_ON : DIALECT_ENDS;
	if (!begins_with(type, "response."))
		return DIALECT_BESIDE;
	if (realtime->has_delta && ends_with(type, ".delta"))
		exchange_token(exchange, "delta");
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		if (!strcmp(type, ends[i]))
			return DIALECT_ENDS;
	}
	return strcmp(type, "response.created") ? DIALECT_GOES_ON : DIALECT_BEGINS;
}

/* Only now is it sure what the values were: a type may stand behind them. */
static enum dialect_turn realtime_turn(
	void *state, struct exchange *exchange, bool is_request, const char *type)
{
	struct realtime *realtime = state;
	enum dialect_turn turn;

	if (is_request)
		return strcmp(type, "response.create") ? DIALECT_BESIDE : DIALECT_BEGINS;
	turn = answer_turn(realtime, exchange, type);
	realtime->has_delta = false;
	return turn;
}

static const struct dialect_socket socket_rules = {
	.type_path = "type",
	.id_paths = {"response_id", "response.id"},
	.turn = realtime_turn,
};

const struct dialect dialect_openai_realtime = {
	.name = "openai_realtime",
	.state_size = sizeof(struct realtime),
	.claims = realtime_claims,
	.begin = realtime_begin,
	.request_value = realtime_request_value,
	.response_value = realtime_response_value,
	.frame = genai_frame,
	.end = genai_end,
	.socket = &socket_rules,
};
