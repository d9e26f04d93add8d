#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the OpenAI API: no model, but its true wire format.

Speaks POST /v1/chat/completions (whole and streamed), POST /v1/embeddings (float and base64) and
GET /v1/models, over TLS or plain. Embeddings are hashed bags of words: texts that share words lie
close together, so a vector search over them finds what it should. Answers quote the context of the
prompt and say that no model wrote them.
"""

import base64
import hashlib
import math
import re
import struct
import time

import far_end

CHAT_MODELS = ("gpt-4o-mini", "gpt-4o")
EMBEDDING_SIZES = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "stand-in-384": 384}
COMMON = frozenset("a an and are as at be by for from how in into is it its of on or that the this to what when with".split())
NOTICE = "This is a local stand-in, no language model wrote this."


def split_tokens(text):
    """About what a tokenizer would make of it: short words whole, long ones in pieces."""
    return re.findall(r"\s?[^\s\w]|\s?\w{1,6}|\s", text)


def embed(text, size):
    """A unit vector by feature hashing of words and word pairs."""
    words = [word for word in re.findall(r"\w+", text.lower()) if word not in COMMON]
    words = [word[:-1] if word.endswith("s") and len(word) > 3 else word for word in words]
    vector = [0.0] * size
    for feature in words + [" ".join(pair) for pair in zip(words, words[1:])]:
        digest = hashlib.blake2b(feature.encode(), digest_size=8).digest()
        place, sign = struct.unpack("<Ii", digest)
        vector[place % size] += 1.0 if sign >= 0 else -1.0
    norm = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / norm for value in vector]


def message_text(message):
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content if isinstance(part, dict))


def answer_to(messages, limit):
    """An answer made of the prompt itself: the notice, then the sentences nearest to the question."""
    question = message_text(messages[-1]) if messages else ""
    context = " ".join(message_text(message) for message in messages[:-1])
    sentences = re.findall(r"[^.!?\n]{20,}[.!?]", context)
    wanted = embed(question, 256)
    sentences.sort(key=lambda text: -sum(a * b for a, b in zip(wanted, embed(text, 256))))
    text = " ".join([NOTICE, "The documents say:", *(s.strip() for s in sentences[:3])]) if sentences else NOTICE
    tokens = split_tokens(text)
    return tokens[:limit], "length" if len(tokens) > limit else "stop"


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
        routes = {"/v1/chat/completions": self.chat, "/v1/embeddings": self.embeddings}
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
        prompt = sum(len(split_tokens(message_text(message))) + 4 for message in messages)
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
            choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
            self.send_json(200, {**head, "object": "chat.completion", "choices": [choice], "usage": usage})

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
