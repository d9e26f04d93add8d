#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the Anthropic API: POST /v1/messages, whole and streamed, in its true wire format.

A request with "thinking" gets a block of thought before its text; the first words of a system prompt
marked with cache_control count as read from the cache.
"""

import far_end
from words import answer_to, count_prompt, message_text, split_tokens

THOUGHT = "The question is read twice before it is answered."


class Anthropic(far_end.RoutedHandler):
    routes = [("POST", "/v1/messages", "messages")]

    def messages(self, body):
        system = body.get("system") or ""
        cached = 0
        if isinstance(system, list):
            marked = [part for part in system if part.get("cache_control")]
            cached = sum(len(split_tokens(part["text"])) for part in marked)
            system = message_text({"content": system})
        messages = [{"role": "system", "content": system}, *body["messages"]]
        tokens, finish = answer_to(messages, body["max_tokens"])
        thought = split_tokens(THOUGHT) if (body.get("thinking") or {}).get("type") == "enabled" else []
        prompt = count_prompt(messages)
        self.count(prompt, len(thought) + len(tokens))
        self.entry["cached"] = cached
        usage = {
            "input_tokens": prompt - cached,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": cached,
            "output_tokens": len(thought) + len(tokens),
        }
        stop = "max_tokens" if finish == "length" else "end_turn"
        head = {
            "id": f"msg_standin{self.entry['request']:08d}",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
        }
        if body.get("stream"):
            self.stream(head, thought, tokens, stop, usage)
            return
        self.wait("first_token_ms")
        content = [{"type": "thinking", "thinking": THOUGHT, "signature": "standin"}] if thought else []
        content.append({"type": "text", "text": "".join(tokens)})
        done = {**head, "content": content, "stop_reason": stop, "stop_sequence": None, "usage": usage}
        self.send_json(200, done, [("request-id", f"req_{self.entry['request']:024x}")])

    def event(self, kind, **more):
        data = far_end.encode({"type": kind, **more})
        self.send_chunk(b"event: %s\ndata: %s\n\n" % (kind.encode(), data))

    def stream(self, head, thought, tokens, stop, usage):
        self.wait("headers_ms")
        self.begin_stream([("request-id", f"req_{self.entry['request']:024x}")])
        begun = {**head, "content": [], "stop_reason": None, "stop_sequence": None}
        self.event("message_start", message={**begun, "usage": {**usage, "output_tokens": 1}})
        self.event("ping")
        index = 0
        if thought:
            self.block(0, {"type": "thinking", "thinking": "", "signature": ""}, "thinking_delta", "thinking", thought)
            index = 1
        self.block(index, {"type": "text", "text": ""}, "text_delta", "text", tokens)
        self.event("message_delta", delta={"stop_reason": stop, "stop_sequence": None},
                   usage={"output_tokens": usage["output_tokens"]})
        self.event("message_stop")
        self.end_stream()

    def block(self, index, empty, kind, key, tokens):
        self.event("content_block_start", index=index, content_block=empty)
        for token in self.paced(tokens):
            self.event("content_block_delta", index=index, delta={"type": kind, key: token})
        self.event("content_block_stop", index=index)


if __name__ == "__main__":
    far_end.serve(Anthropic, "stand-in for the Anthropic API (no model behind it)", far_end.LLM_DELAYS)
