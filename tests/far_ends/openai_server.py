#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the OpenAI API: no model, but its true wire format.

Speaks POST /v1/chat/completions and /v1/responses (whole and streamed), POST /v1/embeddings (float
and base64) and GET /v1/models, over TLS or plain. Embeddings are hashed bags of words: texts that share words lie
close together, so a vector search over them finds what it should. Answers quote the context of the
prompt and say that no model wrote them.
"""

import base64
import itertools
import json
import struct
import time

import far_end
from words import answer_to, count_prompt, embed, split_tokens

CHAT_MODELS = ("gpt-4o-mini", "gpt-4o")
EMBEDDING_SIZES = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "stand-in-384": 384}


class OpenAI(far_end.Handler):
    def do_GET(self):
        self.guarded(self.get)

    def do_POST(self):
        self.guarded(self.post)

    def get(self):
        self.read_json()
        if self.path != "/v1/models":
            raise far_end.Fault(404, "not_found", f"Invalid URL (GET {self.path})")
        models = [*CHAT_MODELS, *EMBEDDING_SIZES]
        entries = [{"id": name, "object": "model", "created": 1700000000, "owned_by": "stand-in"} for name in models]
        self.send_json(200, {"object": "list", "data": entries})

    def post(self):
        body = self.read_json()
        routes = {"/v1/chat/completions": self.chat, "/v1/embeddings": self.embeddings, "/v1/responses": self.respond}
        route = routes.get(self.path.partition("?")[0])
        if not route:
            raise far_end.Fault(404, "not_found", f"Invalid URL (POST {self.path})")
        if not isinstance(body.get("model"), str):
            raise far_end.Fault(400, "missing_model", "you must provide a model parameter")
        self.entry["model"] = body["model"]
        route(body)

    def embeddings(self, body):
        inputs = body.get("input")
        inputs = inputs if isinstance(inputs, list) else [inputs]
        if not inputs or not all(isinstance(text, str) and text for text in inputs):
            raise far_end.Fault(400, "invalid_input", "'input' must be a string or a list of strings.")
        size = body.get("dimensions") or EMBEDDING_SIZES.get(body["model"])
        if not size:
            raise far_end.Fault(404, "model_not_found", f"The model `{body['model']}` does not exist.")
        vectors = [embed(text, size) for text in inputs]
        if body.get("encoding_format") == "base64":
            vectors = [base64.b64encode(struct.pack(f"<{size}f", *vector)).decode() for vector in vectors]
        for _ in inputs:
            self.wait("embed_ms")
        tokens = sum(len(split_tokens(text)) for text in inputs)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        self.entry["usage"] = usage
        data = [{"object": "embedding", "index": i, "embedding": vector} for i, vector in enumerate(vectors)]
        self.send_json(200, {"object": "list", "data": data, "model": body["model"], "usage": usage})

    def chat(self, body):
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages:
            raise far_end.Fault(400, "invalid_messages", "'messages' must be a list of at least one message.")
        limit = body.get("max_completion_tokens") or body.get("max_tokens") or 400
        tokens, finish = answer_to(messages, limit)
        prompt = count_prompt(messages)
        usage = {
            "prompt_tokens": prompt,
            "completion_tokens": len(tokens),
            "total_tokens": prompt + len(tokens),
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        }
        self.entry["usage"] = usage
        head = {
            "id": f"chatcmpl-standin{self.entry['request']:08d}",
            "created": int(time.time()),
            "model": body["model"],
            "system_fingerprint": "fp_stand_in",
        }
        if body.get("stream"):
            wants_usage = bool((body.get("stream_options") or {}).get("include_usage"))
            self.chat_stream(head, tokens, finish, usage if wants_usage else None)
        else:
            self.wait("first_token_ms")
            for _ in tokens[1:]:
                self.wait("gap_ms")
            message = {"role": "assistant", "content": "".join(tokens), "refusal": None}
            if calls := self.tool_calls(body):
                message, finish = {**message, "content": None, "tool_calls": calls}, "tool_calls"
            choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
            self.send_json(200, {**head, "object": "chat.completion", "choices": [choice], "usage": usage})

    def tool_calls(self, body):
        """As many turns as the header says call the first tool that is offered: "6" all alike, "6,new" not."""
        wanted, _, new = self.headers.get("x-stand-in-tool-calls", "0").partition(",")
        done = sum(message.get("role") == "tool" for message in body["messages"])
        if not body.get("tools") or done >= int(wanted):
            return None
        arguments = json.dumps({"query": f"dome {done if new else ''}"})
        called = {"name": body["tools"][0]["function"]["name"], "arguments": arguments}
        return [{"id": f"call_{done}", "type": "function", "function": called}]

    def chat_stream(self, head, tokens, finish, usage):
        head = {**head, "object": "chat.completion.chunk"}

        def event(choices, **more):
            self.send_chunk(b"data: " + far_end.encode({**head, "choices": choices, **more}) + b"\n\n")

        def delta(content, reason=None):
            more = {} if usage is None else {"usage": None}
            event([{"index": 0, "delta": content, "logprobs": None, "finish_reason": reason}], **more)

        self.wait("headers_ms")
        self.begin_stream([("openai-processing-ms", "0"), ("openai-version", "2020-10-01")])
        self.wait("first_chunk_ms")
        delta({"role": "assistant", "content": "", "refusal": None})
        self.wait("first_token_ms")
        for number, token in enumerate(tokens):
            if number:
                self.wait("gap_ms")
            delta({"content": token})
            if not number:
                self.entry["first_token_ns"] = self.entry["chunks_ns"][-1]
        delta({}, finish)
        if usage is not None:
            event([], usage=usage)
        self.send_chunk(b"data: [DONE]\n\n")
        self.end_stream()

    def respond(self, body):
        """The same answers in the shape of the newer API."""
        items = body.get("input") or ""
        messages = [{"role": "user", "content": items}] if isinstance(items, str) else items
        messages = [{"role": "system", "content": body.get("instructions") or ""}, *messages]
        tokens, _ = answer_to(messages, body.get("max_output_tokens") or 400)
        prompt = count_prompt(messages)
        self.entry["usage"] = {"prompt_tokens": prompt, "completion_tokens": len(tokens)}
        head = {
            "id": f"resp_standin{self.entry['request']:08d}",
            "object": "response",
            "created_at": int(time.time()),
            "model": body["model"],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
        }
        text = {"type": "output_text", "text": "".join(tokens), "annotations": []}
        item = {"type": "message", "id": "msg_standin", "status": "completed", "role": "assistant", "content": [text]}
        usage = {
            "input_tokens": prompt,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": len(tokens),
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": prompt + len(tokens),
        }
        done = {**head, "status": "completed", "output": [item], "usage": usage}
        if body.get("stream"):
            self.respond_stream({**head, "status": "in_progress", "output": []}, tokens, item, done)
            return
        self.wait("first_token_ms")
        self.send_json(200, done)

    def respond_stream(self, head, tokens, item, done):
        numbers = itertools.count()

        def event(kind, **more):
            data = far_end.encode({"type": kind, "sequence_number": next(numbers), **more})
            self.send_chunk(b"event: %s\ndata: %s\n\n" % (kind.encode(), data))

        where = {"item_id": item["id"], "output_index": 0, "content_index": 0}
        empty = {**item["content"][0], "text": ""}
        self.wait("headers_ms")
        self.begin_stream()
        event("response.created", response=head)
        event("response.output_item.added", output_index=0, item={**item, "status": "in_progress", "content": []})
        event("response.content_part.added", **where, part=empty)
        for number, token in enumerate(tokens):
            self.wait("gap_ms" if number else "first_token_ms")
            event("response.output_text.delta", **where, delta=token, logprobs=[])
        event("response.output_text.done", **where, text=item["content"][0]["text"], logprobs=[])
        event("response.output_item.done", output_index=0, item=item)
        event("response.completed", response=done)
        self.end_stream()


if __name__ == "__main__":
    far_end.serve(
        OpenAI,
        "stand-in for the OpenAI API (no model behind it)",
        {
            "headers_ms": (40.0, "ms before the headers of a stream"),
            "first_chunk_ms": (15.0, "ms from there to the first event, which holds no token"),
            "first_token_ms": (200.0, "ms from there to the first token"),
            "gap_ms": (12.0, "ms between tokens"),
            "embed_ms": (6.0, "ms for each embedded text"),
        },
    )
