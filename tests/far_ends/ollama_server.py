#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for Ollama's own API: /api/chat and /api/generate (whole and as lines of JSON), /api/embed,
in its true wire format."""

import time

import far_end
from words import answer_to, count_prompt, embed, split_tokens

SIZE = 384


class Ollama(far_end.RoutedHandler):
    routes = [("POST", "/api/chat", "chat"), ("POST", "/api/generate", "generate"), ("POST", "/api/embed", "embed_all")]

    def chat(self, body):
        self.answer(body, body["messages"], lambda text: {"message": {"role": "assistant", "content": text}})

    def generate(self, body):
        self.answer(body, [{"content": body["prompt"]}], lambda text: {"response": text})

    def answer(self, body, messages, shape):
        begun = time.monotonic_ns()
        tokens, finish = answer_to(messages, (body.get("options") or {}).get("num_predict") or 400)
        prompt = count_prompt(messages)
        self.count(prompt, len(tokens))
        head = {"model": body["model"], "created_at": "2026-01-01T00:00:00.000000Z"}

        def end():
            total = time.monotonic_ns() - begun
            return {"done": True, "done_reason": finish, "total_duration": total, "load_duration": 1000000,
                    "prompt_eval_count": prompt, "prompt_eval_duration": total // 4,
                    "eval_count": len(tokens), "eval_duration": total // 2}

        if body.get("stream", True):
            self.wait("headers_ms")
            self.begin_stream(content_type="application/x-ndjson")
            for token in self.paced(tokens):
                self.send_chunk(far_end.encode({**head, **shape(token), "done": False}) + b"\n")
            self.send_chunk(far_end.encode({**head, **shape(""), **end()}) + b"\n")
            self.end_stream()
        else:
            self.wait("first_token_ms")
            self.send_json(200, {**head, **shape("".join(tokens)), **end()})

    def embed_all(self, body):
        texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
        tokens = sum(len(split_tokens(text)) for text in texts)
        self.entry["usage"] = {"prompt_tokens": tokens}
        self.send_json(200, {"model": body["model"], "embeddings": [embed(text, SIZE) for text in texts],
                             "total_duration": 2000000, "load_duration": 1000000, "prompt_eval_count": tokens})


if __name__ == "__main__":
    far_end.serve(Ollama, "stand-in for Ollama (no model behind it)", far_end.LLM_DELAYS)
