#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the Gemini API: generateContent, streamGenerateContent (server-sent events) and
batchEmbedContents, in its true wire format."""

import far_end
from words import answer_to, count_prompt, embed

SIZE = 768


class Gemini(far_end.RoutedHandler):
    routes = [
        ("POST", "/v1(?:beta)?/models/([^/:]+):generateContent", "generate"),
        ("POST", "/v1(?:beta)?/models/([^/:]+):streamGenerateContent", "stream"),
        ("POST", "/v1(?:beta)?/models/([^/:]+):batchEmbedContents", "embed_all"),
    ]

    def answer(self, body):
        messages = [{"content": content["parts"]} for content in body["contents"]]
        limit = (body.get("generationConfig") or {}).get("maxOutputTokens") or 400
        tokens, finish = answer_to(messages, limit)
        prompt = count_prompt(messages)
        self.count(prompt, len(tokens))
        return tokens, "MAX_TOKENS" if finish == "length" else "STOP", prompt

    @staticmethod
    def part(model, text, prompt, count, finish=None):
        candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
        if finish:
            candidate["finishReason"] = finish
        usage = {"promptTokenCount": prompt, "candidatesTokenCount": count, "totalTokenCount": prompt + count}
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model, "responseId": "standin"}

    def generate(self, body, model):
        tokens, finish, prompt = self.answer(body)
        self.wait("first_token_ms")
        self.send_json(200, self.part(model, "".join(tokens), prompt, len(tokens), finish))

    def stream(self, body, model):
        tokens, finish, prompt = self.answer(body)
        self.wait("headers_ms")
        self.begin_stream(content_type="text/event-stream")
        for number, token in enumerate(self.paced(tokens), 1):
            last = finish if number == len(tokens) else None
            self.send_chunk(b"data: " + far_end.encode(self.part(model, token, prompt, number, last)) + b"\r\n\r\n")
        self.end_stream()

    def embed_all(self, body, _):
        texts = ["".join(part.get("text", "") for part in one["content"]["parts"]) for one in body["requests"]]
        self.send_json(200, {"embeddings": [{"values": embed(text, SIZE)} for text in texts]})


if __name__ == "__main__":
    far_end.serve(Gemini, "stand-in for the Gemini API (no model behind it)", far_end.LLM_DELAYS)
