/* SPDX-License-Identifier: Apache-2.0 */
#include "protocols/dialects/rules.h"

#include <stdio.h>

#include "protocols/dialects/genai.h"

#define NAME_MAX_SIZE 160

bool is_name(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		char c = text[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
			(!c || !strchr("-_.:/@+,*", c)))
			return false;
	}
	return size && size <= NAME_MAX_SIZE;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'			 ? c - '0'
		: (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
							 : -1;
}

void put_segment(struct exchange *exchange, const char *key, const char *text, size_t size)
{
	char name[NAME_MAX_SIZE + 1];
	size_t used = 0;

	for (size_t i = 0; i < size && used < sizeof(name); i++) {
		char c = text[i];

		if (c == '%' && size - i > 2 && hex_digit(text[i + 1]) >= 0 &&
			hex_digit(text[i + 2]) >= 0) {
			c = (char)(hex_digit(text[i + 1]) << 4 | hex_digit(text[i + 2]));
			i += 2;
		}
		name[used++] = c;
	}
	if (is_name(name, used))
		exchange_text(exchange, key, name, used);
}

void rules_fail(struct exchange *exchange, const char *error)
{
	exchange->failed = true;
	if (!exchange_find(exchange, "error.type"))
		exchange_string(exchange, "error.type", error);
}

static bool is_scalar(const struct dialect_value *value)
{
	return value->type != VALUE_OPEN && value->type != VALUE_CLOSE && value->type != VALUE_NULL;
}

static void put(struct exchange *exchange, const char *key, const struct dialect_value *value)
{
	if (value->type == VALUE_STRING && value->whole == value->size &&
		is_name(value->text, value->size))
		exchange_text(exchange, key, value->text, value->size);
	else if (value->type == VALUE_INT)
		exchange_int(exchange, key, value->number);
	else if (value->type == VALUE_DOUBLE)
		exchange_double(exchange, key, value->real);
	else if (value->type == VALUE_BOOL)
		exchange_bool(exchange, key, value->number);
}

static void put_scaled(
	struct exchange *exchange, const char *key, const struct dialect_value *value, double scale)
{
	if (value->type == VALUE_INT || value->type == VALUE_DOUBLE)
		exchange_double(exchange, key, value->real * scale);
}

static void add(struct exchange *exchange, const char *key, uint64_t more)
{
	const struct exchange_fact *fact = exchange_find(exchange, key);

	exchange_int(exchange, key, (fact ? fact->number : 0) + (int64_t)more);
}

static void put_max(struct exchange *exchange, const char *key, const struct dialect_value *value)
{
	const struct exchange_fact *fact = exchange_find(exchange, key);

	if (value->type == VALUE_INT && (!fact || fact->number < value->number))
		exchange_int(exchange, key, value->number);
}

static bool is_listed(const char *list, const char *name, size_t size)
{
	while (*list) {
		size_t item = strcspn(list, ",");

		if (item == size && !memcmp(list, name, size))
			return true;
		list += item + (list[item] == ',');
	}
	return false;
}

static void put_listed(
	struct exchange *exchange, const char *key, const struct dialect_value *value)
{
	const char *before = exchange_find_text(exchange, key);
	char list[512];

	if (value->type != VALUE_STRING || value->size > 64 || !is_name(value->text, value->size) ||
		(before && is_listed(before, value->text, value->size)))
		return;
	if (before && strlen(before) + value->size + 2 > sizeof(list))
		return;
	snprintf(list, sizeof(list), "%s%s%.*s", before ? before : "", before ? "," : "",
		(int)value->size, value->text);
	exchange_string(exchange, key, list);
}

static void put_vector(struct reading *reading, struct exchange *exchange, const char *key,
	const struct dialect_value *value, bool is_inside)
{
	if (is_inside) {
		reading->vector_size += value->type == VALUE_INT || value->type == VALUE_DOUBLE;
		return;
	}
	if (value->type == VALUE_STRING) /* base64 of 32-bit floats */
		reading->vector_size = value->whole * 3 / 4 / 4;
	else if (value->type != VALUE_CLOSE)
		return;
	reading->vector_done = reading->vector_size > 0;
	if (reading->vector_done)
		exchange_int(exchange, key, (int64_t)reading->vector_size);
}

static void put_error(
	struct reading *reading, struct exchange *exchange, const struct dialect_value *value)
{
	char code[24];

	if (value->type == VALUE_INT ? !value->number : !is_text(value))
		return;
	if (reading->streams)
		exchange->failed = true;
	snprintf(code, sizeof(code), "%lld", (long long)value->number);
	if (value->type == VALUE_INT)
		exchange_string(exchange, "error.type", code);
	else
		put(exchange, "error.type", value);
}

static void put_inputs(struct exchange *exchange, const char *key,
	const struct dialect_value *value, bool is_inside)
{
	bool is_number = value->type == VALUE_INT;

	if (value->type == VALUE_STRING || (is_inside && value->type == VALUE_OPEN) ||
		(is_inside && is_number && !exchange_find(exchange, key)))
		add(exchange, key, 1);
}

/* The text of what is waited for; of a tool's call, its arguments. */
static void say(struct exchange *exchange, const struct dialect_value *value)
{
	bool is_call;

	if (!exchange || !exchange->host->keeps_content)
		return;
	is_call = ends_with(value->path, "arguments") || ends_with(value->path, "partial_json");
	if (!ends_with(value->path, ".name"))
		exchange_say(
			exchange, is_call ? SAID_TOOLS : SAID_ANSWER, value->text, value->size);
}

/* However the texts were cut into pieces; of long ones the beginning counts. */
static void digest(struct reading *reading, const struct dialect_value *value)
{
	for (size_t i = 0; value->type == VALUE_STRING && i < value->size; i++)
		reading->digest =
			(reading->digest + (unsigned char)value->text[i] + 1) * 0x100000001b3;
}

static void read_answer(struct reading *reading, const struct dialect_value *value)
{
	if (value->type != VALUE_STRING || value->index)
		return;
	json_form_feed(&reading->answer, value->text, value->size);
	reading->answer_cut |= value->whole > value->size;
}

static void follow(const struct rule *rule, struct reading *reading, struct exchange *exchange,
	const struct dialect_value *value)
{
	switch (rule->what) {
	case RULE_PUT:
		put(exchange, rule->key, value);
		break;
	case RULE_MAX:
		put_max(exchange, rule->key, value);
		break;
	case RULE_MS_OF_NS:
		put_scaled(exchange, rule->key, value, 1e-6);
		break;
	case RULE_MS_OF_S:
		put_scaled(exchange, rule->key, value, 1e3);
		break;
	case RULE_COUNT:
		if (value->type != VALUE_CLOSE && value->type != VALUE_NULL)
			add(exchange, rule->key, 1);
		break;
	case RULE_SIZE:
		if (value->type == VALUE_STRING)
			add(exchange, rule->key, value->whole);
		break;
	case RULE_DIGEST:
		digest(reading, value);
		break;
	case RULE_LIST:
		put_listed(exchange, rule->key, value);
		break;
	case RULE_TOKEN:
		if (!reading->streams || !is_text(value))
			break;
		exchange_token(exchange, rule->path);
		say(exchange, value);
		break;
	case RULE_ANSWER:
		read_answer(reading, value);
		break;
	case RULE_FINISH:
		put_listed(exchange, GENAI_FINISH, value);
		exchange->answered |= is_text(value);
		break;
	case RULE_ERROR:
		put_error(reading, exchange, value);
		break;
	default: /* those that also look inside */
		break;
	}
}

/* Is it the value itself ('='), its element ('[') or something deeper ('.'); 0: neither. */
static char place_of(const struct dialect_value *value, const char *path)
{
	size_t size = strlen(path);
	const char *rest = value->path + size;

	if (strncmp(value->path, path, size) != 0)
		return 0;
	if (!*rest)
		return '=';
	return !strcmp(rest, "[]") ? '[' : *rest == '.' || *rest == '[' ? '.' : 0;
}

static void look_inside(const struct rule *rule, struct reading *reading, struct exchange *exchange,
	const struct dialect_value *value)
{
	char place = place_of(value, rule->path);

	if (!place)
		return;
	if (rule->what == RULE_FLAG) {
		if (is_scalar(value) && (value->type != VALUE_STRING || value->size))
			exchange_bool(exchange, rule->key, true);
	} else if (place != '.' && rule->what == RULE_INPUTS) {
		put_inputs(exchange, rule->key, value, place == '[');
	} else if (place != '.' && !reading->vector_done) {
		put_vector(reading, exchange, rule->key, value, place == '[');
	}
}

void rules_apply(const struct rule *rules, struct reading *reading, struct exchange *exchange,
	const struct dialect_value *value)
{
	for (const struct rule *rule = rules; rule->path; rule++) {
		/* most rules are of other values: vectors alone have thousands */
		if (*rule->path != *value->path && *rule->path != '*')
			continue;
		if (rule->what == RULE_FLAG || rule->what == RULE_INPUTS ||
			rule->what == RULE_VECTOR)
			look_inside(rule, reading, exchange, value);
		else if (*rule->path == '*' ? ends_with(value->path, rule->path + 1)
					    : path_is(value, rule->path))
			follow(rule, reading, exchange, value);
	}
}
